//! The typings of `RankService` for roblox-ts: they say what the module says, refuse mistakes, and what they allow is
//! compiled into the calls that the module expects.

mod luau;
mod parity;
mod typings;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::invocation;
use crate::setup::install_once;
use crate::system_programs::{self, SystemProgram};
use crate::workspace::Workspace;

const PACKAGE: &str = "roblox/RankService";
/// A project of roblox-ts that uses the package.
const PROJECT: &str = "roblox/testing/typescript";
const LOCK: &str = include_str!("../../roblox/testing/typescript/package-lock.json");
const MANIFESTS: [&str; 2] = ["package.json", "package-lock.json"];

/// What of [`PROJECT`] is compiled.
const SOURCES: [&str; 8] = [
    "package.json",
    "default.project.json",
    "tsconfig.json",
    "tsconfig.mistakes.json",
    "tsconfig.compiler_mistakes.json",
    "mistakes/mistakes.ts",
    "compiler_mistakes/shared/mistakes.ts",
    RIGHT_USES,
];
const RIGHT_USES: &str = "src/server/every_member.server.ts";

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("roblox-ts")
}

/// roblox-ts's compiler with TypeScript's, and the typings of Roblox's own API, as they are locked.
pub(crate) fn install_tools(workspace: &Workspace) -> anyhow::Result<()> {
    let folder = tools(workspace);
    install_once(&folder, LOCK, || {
        let npm = system_programs::require(SystemProgram::Npm)?;
        for manifest in MANIFESTS {
            copy(&workspace.root().join(PROJECT).join(manifest), &folder.join(manifest))?;
        }
        let mut install = invocation::command(workspace, npm);
        install.args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
        invocation::run_download(&mut install)
    })
}

/// The typings are the module's, and both compilers do with them what they should.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let methods = parity::check(&workspace.root().join(PACKAGE))?;
    let project = lay_out(workspace)?;
    invocation::run(compiler(workspace, &project, "rbxtsc").arg("--luau"))?;
    check_calls(&project, &methods)?;
    let mut typescript = compiler(workspace, &project, "tsc");
    check_mistakes(typescript.args(["--pretty", "--project", "tsconfig.mistakes.json"]), "mistakes/mistakes.ts")?;
    let mut roblox_ts = compiler(workspace, &project, "rbxtsc");
    roblox_ts.args(["--luau", "--noInclude", "--project", "tsconfig.compiler_mistakes.json"]);
    check_mistakes(&mut roblox_ts, "compiler_mistakes/shared/mistakes.ts")
}

fn compiler(workspace: &Workspace, project: &Path, name: &str) -> Command {
    let mut command = invocation::command(workspace, tools(workspace).join("node_modules/.bin").join(name));
    command.current_dir(project);
    command
}

/// The project as a developer has it: the package installed, from the archive that npm makes of it.
fn lay_out(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let project = workspace.root().join("target/roblox-ts");
    if project.exists() {
        fs::remove_dir_all(&project).with_context(|| format!("could not remove the old {}", project.display()))?;
    }
    for file in SOURCES {
        copy(&workspace.root().join(PROJECT).join(file), &project.join(file))?;
    }
    let readme = workspace.root().join(PACKAGE).join("README.md");
    let readme = fs::read_to_string(&readme).with_context(|| format!("could not read {}", readme.display()))?;
    let blocks: Vec<_> = readme.split("```ts\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    ensure!(!blocks.is_empty(), "the README shows no TypeScript");
    for (index, block) in blocks.iter().enumerate() {
        let file = project.join(format!("src/server/readme{index}.server.ts"));
        fs::write(&file, block).with_context(|| format!("could not write {}", file.display()))?;
    }
    install_package(workspace, &project)?;
    let roblox = project.join("node_modules/@rbxts");
    symlink(tools(workspace).join("node_modules/@rbxts"), &roblox)
        .with_context(|| format!("could not link {}", roblox.display()))?;
    Ok(project)
}

fn install_package(workspace: &Workspace, project: &Path) -> anyhow::Result<()> {
    let mut pack = invocation::command(workspace, system_programs::require(SystemProgram::Npm)?);
    pack.current_dir(workspace.root().join(PACKAGE));
    pack.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]).arg(project);
    let packed = invocation::captured(&mut pack)?;
    ensure!(packed.status.success(), "npm could not pack {PACKAGE}: {}", String::from_utf8_lossy(&packed.stderr));
    let archive = project.join(String::from_utf8_lossy(&packed.stdout).trim());
    let folder = project.join("node_modules/@rankbot/rank-service");
    fs::create_dir_all(&folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let mut unpack = invocation::command(workspace, system_programs::require(SystemProgram::Tar)?);
    unpack.arg("-xzf").arg(archive).arg("-C").arg(folder).arg("--strip-components=1");
    invocation::run(&mut unpack)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let folder = to.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    fs::copy(from, to).with_context(|| format!("could not copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// In the Luau made of [`RIGHT_USES`], the client is made with a dot, and each method of it called with a colon.
fn check_calls(project: &Path, methods: &BTreeSet<String>) -> anyhow::Result<()> {
    let path = project.join("out/server/every_member.server.luau");
    let luau = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let mut wanted = vec!["RankService.new(".to_owned(), "connection:Disconnect(".to_owned()];
    wanted.extend(methods.iter().map(|method| format!("ranks:{method}(")));
    wanted.extend([":Connect(", ":Once(", ":Wait("].map(str::to_owned));
    let missing: Vec<_> = wanted.iter().filter(|call| !luau.contains(call.as_str())).collect();
    ensure!(missing.is_empty(), "{RIGHT_USES} is not compiled to these calls, in {}: {missing:?}", path.display());
    Ok(())
}

/// The compiler refuses each line of the file that ends with `// wrong`, and no other line of ours.
fn check_mistakes(compiler: &mut Command, file: &str) -> anyhow::Result<()> {
    println!("    $ {}  # must refuse what is marked wrong", invocation::shown(compiler));
    let folder = compiler.get_current_dir().context("a compiler runs in its project")?;
    let source = fs::read_to_string(folder.join(file)).with_context(|| format!("could not read {file}"))?;
    let marked: BTreeSet<_> =
        (1..).zip(source.lines()).filter(|(_, line)| line.ends_with("// wrong")).map(|(line, _)| line).collect();
    let output = invocation::captured(compiler)?;
    let printed = without_colours(&String::from_utf8_lossy(&output.stdout));
    let refused = refused(&printed, file)?;
    ensure!(
        refused == marked,
        "{file}: refused though right: {:?}; let through though wrong: {:?}\n{printed}",
        refused.difference(&marked).collect::<Vec<_>>(),
        marked.difference(&refused).collect::<Vec<_>>(),
    );
    Ok(())
}

/// The lines of `file` that have an error, of which each is told as `file:line:column - error …`.
fn refused(printed: &str, file: &str) -> anyhow::Result<BTreeSet<u32>> {
    let mut lines = BTreeSet::new();
    for (place, error) in printed.lines().filter_map(|line| line.split_once(" - error")) {
        let mut place = place.split(':');
        match (place.next(), place.next().and_then(|line| line.parse().ok())) {
            (Some(path), Some(line)) if path == file => _ = lines.insert(line),
            // Roblox's typings use types that they do not declare; no project of roblox-ts looks into them.
            (Some(path), _) if path.contains("/@rbxts/") => {}
            (path, _) => bail!("an error elsewhere, in {}: {error}", path.unwrap_or("no file")),
        }
    }
    Ok(lines)
}

/// The text as it is on a terminal without colours: the sequences from an escape to `m` go.
fn without_colours(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_an_error_are_read_from_what_the_compilers_print() {
        let printed = without_colours(
            "\u{1b}[96ma.ts\u{1b}[0m:\u{1b}[93m8\u{1b}[0m:\u{1b}[93m14\u{1b}[0m - \u{1b}[91merror\u{1b}[0m TS2339: no\n\
             \n8 print()\n../@rbxts/types/roblox.d.ts:1:1 - error TS1: theirs\na.ts:9:1 - error TS2: no\n",
        );
        assert_eq!(refused(&printed, "a.ts").unwrap(), BTreeSet::from([8, 9]));
    }

    #[test]
    fn error_in_the_typings_themselves_is_told() {
        let printed = "node_modules/@rankbot/rank-service/src/index.d.ts:1:1 - error TS1: no";
        assert!(refused(printed, "a.ts").is_err());
    }
}
