//! The command line, and what it comes to.

use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use rankbot_shared::function::Function;
use serde_json::{Value, json};

use crate::functions::Effort;
use crate::goals::Goals;
use crate::load::Span;
use crate::machine::Machine;
use crate::report::Section;
use crate::{calls, functions, growth, instructions, throughput};

/// One section of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Functions,
    Instructions,
    Calls,
    Throughput,
    Growth,
}

/// What to measure, and where it was built. `cargo xtask bench` knows.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// These sections only.
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',')]
    only: Vec<Part>,
    /// Fewer repetitions: for seeing that it works, not for figures.
    #[arg(long)]
    quick: bool,
    /// Writes the figures to this file, too.
    #[arg(long)]
    json: Option<PathBuf>,
    /// These functions only.
    #[arg(long, value_parser = function, num_args = 1.., value_delimiter = ',')]
    function: Vec<Function>,
    /// The folder of the functions' binaries.
    #[arg(long)]
    binaries: PathBuf,
    /// The folder of the functions' zips.
    #[arg(long)]
    zips: PathBuf,
    /// The program `rankbot`.
    #[arg(long)]
    rankbot: PathBuf,
    /// The file with the calls that the tests counted.
    #[arg(long)]
    costs: PathBuf,
    /// The file with the goals.
    #[arg(long)]
    limits: PathBuf,
}

fn function(name: &str) -> Result<Function, String> {
    Function::from_name(name).ok_or_else(|| format!("there is no function {name}"))
}

/// Measures, and prints each section as soon as it is there.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let machine = Machine::look();
    print(&machine.to_string())?;
    let parts = if arguments.only.is_empty() { Part::value_variants() } else { &arguments.only };
    let mut sections = Vec::new();
    for part in parts {
        let section = measure(*part, &arguments).await?;
        print(&format!("\n{}", section.shown().trim_end()))?;
        sections.push(section.json());
    }
    if let Some(path) = &arguments.json {
        let report = json!({"machine": machine, "quick": arguments.quick, "sections": Value::Array(sections)});
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, text).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

async fn measure(part: Part, arguments: &Arguments) -> anyhow::Result<Section> {
    let Arguments { quick, binaries, zips, .. } = arguments;
    match part {
        Part::Functions => {
            let goals = Goals::read(&arguments.limits)?;
            let chosen = if arguments.function.is_empty() { &Function::ALL[..] } else { &arguments.function };
            let effort = if *quick { Effort::QUICK } else { Effort::FULL };
            Box::pin(functions::section(binaries, zips, chosen, goals, effort)).await
        }
        Part::Instructions => Box::pin(instructions::section(binaries)).await,
        Part::Calls => calls::section(&arguments.costs),
        Part::Throughput => {
            let (warm_up, measured) = if *quick { (200, 1000) } else { (1000, 5000) };
            let span = Span { warm_up: Duration::from_millis(warm_up), measured: Duration::from_millis(measured) };
            Box::pin(throughput::section(&arguments.rankbot, span)).await
        }
        Part::Growth => Box::pin(growth::section(if *quick { 10 } else { 100 })).await,
    }
}

/// At once, not when all is done: a run takes minutes.
fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}
