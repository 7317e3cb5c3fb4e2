//! A running `rankbot local`, with a store of its own that is gone when it ends.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::invocation::{self, SUPERVISOR};
use crate::workspace::Workspace;

/// It ends with this value.
pub(crate) struct RankbotLocal {
    process: Child,
    /// What it said once it was ready.
    ready: Value,
}

impl RankbotLocal {
    /// Starts the program on a free port, and returns when it is ready.
    pub(crate) fn start(workspace: &Workspace, program: &Path) -> anyhow::Result<Self> {
        let log_path = workspace.tools().join("rankbot-local.log");
        let log = File::create(&log_path).with_context(|| format!("could not write {}", log_path.display()))?;
        let mut command = invocation::command(workspace, "sh");
        command.args(["-c", SUPERVISOR, "sh"]).arg(program);
        command.args(["local", "--json", "--ephemeral", "--port", "0"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().context("could not start `sh`")?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).context("could not read what rankbot local says")?;
        }
        let ready = serde_json::from_str(&line);
        let mut running = Self { process, ready: Value::Null };
        running.ready =
            ready.with_context(|| format!("rankbot local did not start: its output is in {}", log_path.display()))?;
        Ok(running)
    }

    pub(crate) fn url(&self) -> &str {
        self.ready.get("url").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn group_id(&self) -> String {
        self.ready.get("groupId").map(Value::to_string).unwrap_or_default()
    }

    /// Makes a key of its group with the operators' own command.
    pub(crate) fn create_key(&self, workspace: &Workspace, program: &Path, options: &[&str]) -> anyhow::Result<String> {
        let mut command = invocation::command(workspace, program);
        command.args(["keys", "create", "--json", "--group", &self.group_id()]).args(options);
        let environment = self.ready.get("env").and_then(Value::as_object).into_iter().flatten();
        command.envs(environment.filter_map(|(name, value)| Some((name, value.as_str()?))));
        let output = invocation::captured(&mut command)?;
        ensure!(output.status.success(), "no key was made: {}", String::from_utf8_lossy(&output.stderr));
        let created: Value = serde_json::from_slice(&output.stdout).context("keys create printed no JSON")?;
        let key = created.get("key").and_then(Value::as_str).context("keys create printed no key")?;
        Ok(key.to_owned())
    }
}

impl Drop for RankbotLocal {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // Nothing is left to do about a process that cannot be waited for.
        let _ = self.process.wait();
    }
}
