//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The repository's folders that the tasks work in.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the repository from what cargo tells the programs that it runs.
    pub(crate) fn locate() -> anyhow::Result<Self> {
        let this_crate =
            env::var_os("CARGO_MANIFEST_DIR").context("run this through cargo, as `cargo xtask`, not by itself")?;
        let root = Path::new(&this_crate).parent().context("the xtask crate has no parent folder")?;
        Ok(Self { root: root.to_path_buf() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What the set-up installs; ignored by git, and safe to delete at any time.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join(".tools")
    }

    pub(crate) fn python_environment(&self) -> PathBuf {
        self.tools().join("venv")
    }

    /// A program that the Python environment holds, a native one such as `cargo-nextest` included.
    pub(crate) fn python_tool(&self, name: &str) -> PathBuf {
        self.python_environment().join("bin").join(name)
    }

    /// The folder of `DynamoDBLocal.jar` and `DynamoDBLocal_lib/`.
    pub(crate) fn dynamodb_local(&self) -> PathBuf {
        self.tools().join("dynamodb-local")
    }
}
