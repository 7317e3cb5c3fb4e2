//! Running steps one after the other, and saying what happened.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::setup::Tool;
use crate::steps::{Outcome, Step};
use crate::workspace::Workspace;

/// What becomes of the remaining steps after one has failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    Stop,
    KeepGoing,
}

/// A piece of work with its line in the summary.
#[derive(Clone, Copy)]
enum Item {
    Setup(Tool),
    Check(Step),
}

impl Item {
    fn name(self) -> &'static str {
        match self {
            Self::Setup(tool) => tool.name(),
            Self::Check(step) => step.name(),
        }
    }

    fn purpose(self) -> &'static str {
        match self {
            Self::Setup(tool) => tool.purpose(),
            Self::Check(step) => step.purpose(),
        }
    }

    fn command_to_repeat(self) -> String {
        match self {
            Self::Setup(_) => "cargo xtask setup".to_owned(),
            Self::Check(step) => format!("cargo xtask test --only {}", step.name()),
        }
    }

    fn run(self, workspace: &Workspace) -> anyhow::Result<Outcome> {
        match self {
            Self::Setup(tool) => tool.install(workspace).map(|()| Outcome::Passed),
            Self::Check(step) => step.run(workspace),
        }
    }
}

enum Ending {
    Finished(Outcome),
    Failed(anyhow::Error),
    NotRun,
}

struct Line {
    item: Item,
    ending: Ending,
    took: Duration,
}

/// Installs the tools; the exit code says whether all are there.
pub(crate) fn run_setup(workspace: &Workspace, tools: &[Tool]) -> ExitCode {
    run_all(workspace, tools.iter().copied().map(Item::Setup).collect(), OnFailure::Stop)
}

/// Installs what the steps need, then runs them; the exit code says whether all passed.
pub(crate) fn run_steps(workspace: &Workspace, steps: &[Step], on_failure: OnFailure) -> ExitCode {
    let needed = |tool: &Tool| steps.iter().any(|step| step.tools().contains(tool));
    let tools = Tool::all().into_iter().filter(needed).map(Item::Setup);
    run_all(workspace, tools.chain(steps.iter().copied().map(Item::Check)).collect(), on_failure)
}

fn run_all(workspace: &Workspace, items: Vec<Item>, on_failure: OnFailure) -> ExitCode {
    let start = Instant::now();
    let count = items.len();
    let mut lines: Vec<Line> = Vec::with_capacity(count);
    let mut stopped = false;
    for (index, item) in items.into_iter().enumerate() {
        if stopped {
            lines.push(Line { item, ending: Ending::NotRun, took: Duration::ZERO });
            continue;
        }
        println!("\n==> [{}/{count}] {}: {}", index + 1, item.name(), item.purpose());
        let line = run_one(workspace, item);
        // A step that needs a tool which could not be installed can only fail for the same reason again.
        stopped = matches!(
            (&line.ending, item, on_failure),
            (Ending::Failed(_), Item::Setup(_), _) | (Ending::Failed(_), _, OnFailure::Stop)
        );
        lines.push(line);
    }
    print!("{}", summary(&lines, start.elapsed()));
    if lines.iter().all(|line| matches!(line.ending, Ending::Finished(_))) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run_one(workspace: &Workspace, item: Item) -> Line {
    // What the step runs writes to the same terminal: the header must stand above it, also when piped into a file.
    let _ = io::stdout().flush();
    let start = Instant::now();
    let ending = match item.run(workspace) {
        Ok(outcome) => Ending::Finished(outcome),
        Err(error) => Ending::Failed(error),
    };
    let line = Line { item, ending, took: start.elapsed() };
    match &line.ending {
        // The reason follows in the summary, where it is found again after a long run.
        Ending::Failed(_) => println!("    FAILED after {}", seconds(line.took)),
        Ending::Finished(_) | Ending::NotRun => println!("    done in {}", seconds(line.took)),
    }
    line
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn summary(lines: &[Line], total: Duration) -> String {
    let mut text = vec![String::new(), format!("Summary ({} in all)", seconds(total))];
    for line in lines {
        let (verdict, took) = match &line.ending {
            Ending::Finished(Outcome::Passed) => ("ok", seconds(line.took)),
            Ending::Finished(Outcome::PassedInPart(_)) => ("in part", seconds(line.took)),
            Ending::Failed(_) => ("FAILED", seconds(line.took)),
            Ending::NotRun => ("not run", String::new()),
        };
        let row = format!("  {verdict:<8} {:<24} {took:>9}", line.item.name());
        text.push(row.trim_end().to_owned());
    }
    for line in lines {
        match &line.ending {
            Ending::Finished(Outcome::PassedInPart(notice)) => text.extend([String::new(), format!("NOTE: {notice}.")]),
            Ending::Failed(error) => text.extend([
                String::new(),
                format!("{} failed: {error:#}", line.item.name()),
                format!("Repeat it with: {}", line.item.command_to_repeat()),
            ]),
            Ending::Finished(Outcome::Passed) | Ending::NotRun => {}
        }
    }
    text.push(String::new());
    text.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_names_the_failure_the_command_to_repeat_it_and_what_did_not_run() {
        let lines = [
            Line {
                item: Item::Setup(Tool::PythonTools),
                ending: Ending::Finished(Outcome::Passed),
                took: Duration::ZERO,
            },
            Line {
                item: Item::Check(Step::Clippy),
                ending: Ending::Failed(anyhow::anyhow!("exit status: 101")),
                took: Duration::from_millis(1250),
            },
            Line { item: Item::Check(Step::Docs), ending: Ending::NotRun, took: Duration::ZERO },
        ];
        let expected = "
Summary (2.0 s in all)
  ok       setup: python tools          0.0 s
  FAILED   clippy                       1.2 s
  not run  docs

clippy failed: exit status: 101
Repeat it with: cargo xtask test --only clippy
";
        assert_eq!(summary(&lines, Duration::from_secs(2)), expected);
    }

    #[test]
    fn what_was_left_out_of_a_step_is_said_at_the_end() {
        let lines = [Line {
            item: Item::Check(Step::Dependencies),
            ending: Ending::Finished(Outcome::PassedInPart("one thing was NOT checked")),
            took: Duration::ZERO,
        }];
        assert!(summary(&lines, Duration::ZERO).ends_with("\nNOTE: one thing was NOT checked.\n"));
    }
}
