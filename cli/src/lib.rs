//! The `rankbot` command line: RankBot on one machine, and the operators' commands.
//!
//! | Module | Holds |
//! |---|---|
//! | `args` | the command line as it is typed, and its help |
//! | `commands` | `table`, `keys`, `groups` and `usage`, on the DynamoDB of the environment |
//! | [`local`] | `rankbot local`, which tests start too |
//! | `output`, `failure` | tables, JSON, one sentence for what went wrong |

mod args;
mod commands;
mod failure;
pub mod local;
mod output;
mod period;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use jiff::Timestamp;

use crate::args::{Cli, Command};
use crate::failure::{Failure, sentence_of};
use crate::output::Format;

/// Runs the command that `arguments` name, the program's name first.
///
/// The status is 0 for success, 2 where the command line is to blame, else 1; what went wrong is one sentence on
/// standard error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return unusable(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Failure::Output(error)),
    };
    match runtime.block_on(carry_out(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure),
    }
}

async fn carry_out(cli: Cli) -> Result<(), Failure> {
    let format = Format::from_flag(cli.json);
    // In whole seconds, as it is stored: what is printed now and what is shown later are the same.
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    match cli.command {
        Command::Local(args) => local::run(args, format).await,
        Command::Table(command) => commands::table::run(&commands::connect(cli.table).await?, &command, format).await,
        Command::Keys(command) => {
            let open = commands::connect(cli.table).await?;
            commands::keys::run(&open, command, format, now).await
        }
        Command::Groups(command) => commands::groups::run(cli.table, command, format, now).await,
        Command::Usage(key) => {
            let open = commands::connect(cli.table).await?;
            commands::usage::run(&open.table, &key.key_id, format, now).await
        }
        Command::Version => {
            let version = env!("CARGO_PKG_VERSION");
            Ok(format.print(&serde_json::json!({ "version": version }), || format!("rankbot {version}"))?)
        }
    }
}

/// Help and the version are what was asked for; anything else is a mistake on the command line.
fn unusable(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && !error.to_string().starts_with("error:") {
        // A command without its subcommand: clap shows the help there.
        let _ = error.print();
        return ExitCode::from(2);
    }
    if error.use_stderr() {
        return failed(&Failure::Usage(sentence_of(error)));
    }
    match error.print() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn failed(failure: &Failure) -> ExitCode {
    // Without a standard error there is still the status.
    let _ = writeln!(io::stderr().lock(), "error: {}", failure.sentence());
    ExitCode::from(failure.exit_status())
}
