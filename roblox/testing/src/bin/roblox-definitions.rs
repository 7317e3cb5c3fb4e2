//! Prints what the type checker is told of Roblox: `roblox-definitions old|new`.
#![expect(clippy::print_stdout, reason = "the definitions are what it is for")]

use anyhow::bail;
use roblox_testing::definitions::{self, Solver};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let solver = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["old"] => Solver::Old,
        ["new"] => Solver::New,
        _ => bail!("usage: roblox-definitions old|new"),
    };
    print!("{}", definitions::text(solver)?);
    Ok(())
}
