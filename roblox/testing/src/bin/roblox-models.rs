//! Writes each package of `roblox/` as a model file: `roblox-models <folder of the packages> <folder to write to>`.
#![expect(clippy::print_stdout, reason = "what was written is for the person at the terminal")]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use roblox_testing::model::Module;
use serde_json::Value;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [packages, output] = arguments.as_slice() else {
        bail!("usage: roblox-models <folder of the packages> <folder to write to>");
    };
    fs::create_dir_all(output).with_context(|| format!("cannot make {}", output.display()))?;
    let mut folders = fs::read_dir(packages)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    folders.sort();
    for folder in folders.into_iter().filter(|folder| folder.join("default.project.json").is_file()) {
        println!("{}", write_model(&folder, output)?.display());
    }
    Ok(())
}

/// Writes the package's model file, reads it back, and returns its path.
fn write_model(package: &Path, output: &Path) -> anyhow::Result<PathBuf> {
    let project: Value = serde_json::from_slice(&fs::read(package.join("default.project.json"))?)?;
    let text = |pointer: &str| project.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let name = text("/name").context("default.project.json has no name")?;
    let sources = text("/tree/$path").context("default.project.json has no tree.$path")?;
    let module = Module::read(&package.join(sources), &name)?;
    let path = output.join(format!("{name}.rbxm"));
    fs::write(&path, module.to_rbxm()?).with_context(|| format!("cannot write {}", path.display()))?;
    ensure!(Module::from_rbxm(&fs::read(&path)?)? == module, "{} does not hold the same sources", path.display());
    Ok(path)
}
