//! Writes `docs/openapi.json`: `cargo xtask openapi`.

use std::path::Path;
use std::{env, fs};

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let root = env::args_os().nth(1).context("name the repository's root")?;
    let root = Path::new(&root);
    let path = root.join(rankbot_openapi::PATH);
    fs::write(&path, rankbot_openapi::text(root)?).with_context(|| format!("could not write {}", path.display()))
}
