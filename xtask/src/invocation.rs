//! Running other programs, such that what was run can be read and repeated.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::workspace::Workspace;

/// Runs a program (`$@`) until it ends by itself or standard input is closed. The pipe's other end is held by this
/// program alone, so that what runs ends with it however it ends, killed included. A script for `sh -c`.
pub(crate) const SUPERVISOR: &str =
    r#"exec 3<&0; "$@" </dev/null & running=$!; (read -r _ <&3; kill "$running" 2>&-) & wait "$running""#;

/// A command in the repository's root.
pub(crate) fn command(workspace: &Workspace, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace.root());
    command
}

/// Prints the command, then runs it with its output going to the terminal.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    println!("    $ {}", shown(command));
    let status = command.status().with_context(|| could_not_start(command))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// How often a download is tried, and how long it is waited in between.
const DOWNLOAD_ATTEMPTS: u32 = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(5);

/// Runs a command that downloads, again if it fails: connections break. It must be safe to repeat.
pub(crate) fn run_download(command: &mut Command) -> anyhow::Result<()> {
    for left in (1..DOWNLOAD_ATTEMPTS).rev() {
        match run(command) {
            Ok(()) => return Ok(()),
            Err(error) => println!("    {error}; {left} more attempts"),
        }
        thread::sleep(BETWEEN_ATTEMPTS);
    }
    run(command)
}

/// Runs the command without a word and returns what it printed, whatever its exit status.
pub(crate) fn captured(command: &mut Command) -> anyhow::Result<Output> {
    command.output().with_context(|| could_not_start(command))
}

fn could_not_start(command: &Command) -> String {
    format!("could not start `{}`", command.get_program().display())
}

/// The command as one would type it in the repository's root.
pub(crate) fn shown(command: &Command) -> String {
    let root = command.get_current_dir();
    let mut line = String::new();
    for (name, value) in command.get_envs() {
        // PATH only makes the tools' own helpers found; showing it would hide the command behind it.
        if let Some(value) = value.filter(|_| name != "PATH") {
            let _ = write!(line, "{}={} ", name.display(), quoted(value, root));
        }
    }
    line.push_str(&quoted(command.get_program(), root));
    for argument in command.get_args() {
        let _ = write!(line, " {}", quoted(argument, root));
    }
    line
}

fn quoted(word: &OsStr, root: Option<&Path>) -> String {
    let short = root.and_then(|root| Path::new(word).strip_prefix(root).ok()).map_or(word, Path::as_os_str);
    let text = short.to_string_lossy().into_owned();
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,@+%".contains(character);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_command_can_be_pasted_into_a_shell_in_the_root() {
        let mut command = Command::new("/repo/.tools/venv/bin/tool");
        command.current_dir("/repo").env("FLAGS", "-D warnings").args(["-E", "package(a) + package(b)", "it's"]);
        assert_eq!(shown(&command), r"FLAGS='-D warnings' .tools/venv/bin/tool -E 'package(a) + package(b)' 'it'\''s'");
    }
}
