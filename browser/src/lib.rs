//! A real browser for tests: Chromium without a window, driven by its own `chromedriver` over `WebDriver`.
//!
//! ```no_run
//! # async fn example() -> Result<(), rankbot_browser::BrowserError> {
//! use rankbot_browser::{Browser, Programs};
//!
//! let browser = Browser::open(&Programs::from_env()?, &[]).await?;
//! browser.go_to("http://127.0.0.1:3000/v1/status").await?;
//! let text = browser.run("return document.body.innerText", &[]).await?;
//! println!("{text}");
//! # Ok(())
//! # }
//! ```
//!
//! - [`Programs`] are the browser and its driver; `cargo xtask test` finds or installs them.
//! - [`Browser`] is one browser with one page, and is gone when it is dropped.
//!
//! It speaks to the driver itself, with the workspace's one HTTP client: docs/adr/0041 says why.

mod browser;
mod driver;
mod programs;

pub use self::browser::{Browser, BrowserError};
pub use self::programs::Programs;
