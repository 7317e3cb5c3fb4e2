//! Which browser, and which driver.

use std::env;
use std::path::PathBuf;

use crate::BrowserError;

/// The programs: Chromium or Chrome, and the `chromedriver` of the same version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The browser.
    pub chromium: PathBuf,
    /// Its driver.
    pub chromedriver: PathBuf,
}

impl Programs {
    /// The environment variable that names the browser.
    pub const CHROMIUM_VARIABLE: &'static str = "RANKBOT_CHROMIUM";
    /// The environment variable that names its driver.
    pub const CHROMEDRIVER_VARIABLE: &'static str = "RANKBOT_CHROMEDRIVER";

    /// Those that the environment names. It is an error if it names none: a test that needs a browser cannot pass without.
    pub fn from_env() -> Result<Self, BrowserError> {
        let named = |variable| env::var_os(variable).map(PathBuf::from).ok_or(BrowserError::NotNamed { variable });
        Ok(Self { chromium: named(Self::CHROMIUM_VARIABLE)?, chromedriver: named(Self::CHROMEDRIVER_VARIABLE)? })
    }
}
