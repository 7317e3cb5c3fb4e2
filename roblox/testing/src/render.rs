//! A picture of a user interface, by the renderer `rhr` where that is installed.

use std::path::Path;
use std::process::Command;

/// The screens that an interface is looked at on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// A phone held upright or across, as the renderer sees fit.
    Phone,
    /// A tablet.
    Tablet,
    /// A television.
    Console,
    /// A monitor.
    Desktop,
}

/// What became of a request for a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendering {
    /// The file is there.
    Drawn,
    /// The renderer is not installed: say so aloud, do not fail.
    NoRenderer,
    /// The renderer ran and refused, in its own words.
    Failed(String),
}

/// Draws the model file `model` as seen on `device` into the PNG file `picture`.
pub fn render(model: &Path, device: Device, picture: &Path) -> Rendering {
    let device = match device {
        Device::Phone => "phone",
        Device::Tablet => "tablet",
        Device::Console => "console",
        Device::Desktop => "desktop",
    };
    let output = Command::new("rhr")
        .arg("ui")
        .arg(model)
        .args(["--offline", "--device", device, "--out"])
        .arg(picture)
        .env("RHR_SERVER", "0")
        .output();
    match output {
        Err(_) => Rendering::NoRenderer,
        Ok(output) if output.status.success() => Rendering::Drawn,
        Ok(output) => Rendering::Failed(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
