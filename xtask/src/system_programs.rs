//! Programs that the machine itself must have: Python, npm, Java, a C++ compiler, Chromium.

use std::env;
use std::process::{Command, Stdio};

use anyhow::bail;

use crate::invocation;

/// A program that the set-up cannot bring along.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SystemProgram {
    /// Python 3.10 or newer with its `venv` module.
    Python,
    Npm,
    Java,
    Tar,
    /// Of C++17.
    CppCompiler,
    /// Chromium, or Google's build of it.
    Chromium,
    /// The driver of the same version.
    Chromedriver,
}

impl SystemProgram {
    /// What it is needed for, to end the sentence "… is needed for".
    fn purpose(self) -> &'static str {
        match self {
            Self::Python => "the template checks and the test runner",
            Self::Npm => "downloading DynamoDB Local, StyLua and roblox-ts",
            Self::Java => "running DynamoDB Local",
            Self::Tar => "unpacking DynamoDB Local",
            Self::CppCompiler => "building Luau's type checker",
            Self::Chromium | Self::Chromedriver => "the tests in a real browser",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Python => "Python 3.10 or newer with venv",
            Self::Npm => "npm",
            Self::Java => "Java",
            Self::Tar => "tar",
            Self::CppCompiler => "a C++ compiler",
            Self::Chromium => "Chromium or Google Chrome",
            Self::Chromedriver => "chromedriver",
        }
    }

    fn debian_packages(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["python3", "python3-venv"],
            Self::Npm => &["nodejs", "npm"],
            Self::Java => &["default-jre-headless"],
            Self::Tar => &["tar"],
            Self::CppCompiler => &["g++"],
            // Without a font, a page's text is boxes.
            Self::Chromium => &["chromium", "fonts-dejavu-core"],
            Self::Chromedriver => &["chromium-driver"],
        }
    }

    /// The command that runs it on this machine, if it is there and works.
    fn find(self) -> Option<&'static str> {
        match self {
            Self::Python => PYTHONS.into_iter().find(|python| is_usable_python(python)),
            Self::Npm => Some("npm").filter(|npm| succeeds(Command::new(npm).arg("--version"))),
            Self::Java => Some("java").filter(|java| succeeds(Command::new(java).arg("-version"))),
            Self::Tar => Some("tar").filter(|tar| succeeds(Command::new(tar).arg("--version"))),
            Self::CppCompiler => {
                CPP_COMPILERS.into_iter().find(|compiler| succeeds(Command::new(compiler).arg("--version")))
            }
            Self::Chromium => CHROMIUMS.into_iter().find(|name| succeeds(Command::new(name).arg("--version"))),
            Self::Chromedriver => Some("chromedriver").filter(|driver| succeeds(Command::new(driver).arg("--version"))),
        }
    }
}

/// `python3` first: it is the one that the machine's owner chose.
const PYTHONS: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// As Debian, Google, Fedora and macOS name it.
const CHROMIUMS: [&str; 4] =
    ["chromium", "google-chrome", "chromium-browser", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

/// `c++` first, for the same reason.
const CPP_COMPILERS: [&str; 3] = ["c++", "g++", "clang++"];

/// Debian splits `ensurepip`, without which `venv` makes an environment that nothing can be installed into, into a
/// package of its own: importing both tells a usable Python from one that fails half-way.
fn is_usable_python(python: &str) -> bool {
    succeeds(Command::new(python).args(["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"]))
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command that runs the program, which is installed first where that is welcome: on a CI machine
/// (`CI=true`) that has `apt-get`, as root. On a person's own machine nothing is installed outside `.tools/`.
pub(crate) fn require(program: SystemProgram) -> anyhow::Result<&'static str> {
    if let Some(command) = program.find() {
        return Ok(command);
    }
    let packages = program.debian_packages();
    if may_install_packages() {
        println!("    {} is missing; installing it, since this is a CI machine", program.name());
        invocation::run_download(apt_get().args(["update", "--quiet=2"]))?;
        let mut install = apt_get();
        install.args(["install", "--yes", "--quiet=2", "--no-install-recommends"]).args(packages);
        invocation::run_download(&mut install)?;
        if let Some(command) = program.find() {
            return Ok(command);
        }
    }
    bail!(
        "{} is needed for {}, and was not found: install it (on Debian or Ubuntu: `sudo apt-get install {}`) and try again",
        program.name(),
        program.purpose(),
        packages.join(" "),
    )
}

/// It waits for whoever else installs something.
fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["--option", "DPkg::Lock::Timeout=120"]);
    command
}

fn may_install_packages() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
        && succeeds(Command::new("apt-get").arg("--version"))
        && Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
