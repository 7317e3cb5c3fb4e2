//! The `rankbot` program; what it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    rankbot::run(std::env::args_os())
}
