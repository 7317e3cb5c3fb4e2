//! Runs one built Lambda function as Lambda does: under AWS's own runtime interface emulator, which SAM carries in its
//! package and starts in its containers.
//!
//! ```no_run
//! # async fn example() -> Result<(), rankbot_emulator::EmulatorError> {
//! use rankbot_emulator::{Emulator, Program};
//! use serde_json::json;
//!
//! let program = Program::from_env()?;
//! let mut function = Emulator::start(&program, "target/debug/key-info", [("TABLE_NAME", "some-table")]).await?;
//! let init = function.initialise().await?;
//! let invocation = function.invoke(&json!({"version": "2.0"})).await?;
//! println!("{:?} to start, then {:?}: {:?}", init.duration, invocation.duration, invocation.outcome);
//! function.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! - [`Emulator`] starts, initialises, invokes and stops a function.
//! - [`Line`] is what it printed, [`FunctionProcess`] and [`Usage`] are what it needed of the machine.
//! - [`TlsFront`] stands before a plain server with a certificate, since a connection on loopback would hide what a
//!   handshake costs.

#![cfg(target_os = "linux")]

mod emulator;
mod line;
mod output;
mod process;
mod program;
mod tls_front;

pub use self::emulator::{Emulator, EmulatorError, FunctionError, Init, Invocation, Outcome};
pub use self::line::Line;
pub use self::process::{FunctionProcess, Usage};
pub use self::program::{PROGRAM_VARIABLE, Program};
pub use self::tls_front::{TlsFront, TlsFrontError};
