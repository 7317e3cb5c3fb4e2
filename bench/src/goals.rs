//! What the figures should be.

use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// The goals of `bench/limits.toml`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Goals {
    pub(crate) zip_mb: f64,
    pub(crate) init_user_ms: f64,
    pub(crate) overhead_ms: f64,
    pub(crate) peak_memory_mib: f64,
}

#[derive(Deserialize)]
struct Document {
    goals: Goals,
}

impl Goals {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        let document: Document = toml::from_str(&text).with_context(|| path.display().to_string())?;
        Ok(document.goals)
    }
}
