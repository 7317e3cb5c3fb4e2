//! What a person sees when `rankbot local` is ready.

use std::fmt::Write as _;
use std::path::Path;

use rankbot_sandbox::demo;
use rankbot_shared::domain::plan::Plan;

use super::Local;
use super::log::Colours;

/// How this program is called again, from where it was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryCall {
    /// From its own folder in the path.
    Installed,
    /// Through cargo, in the repository.
    Cargo,
}

impl BinaryCall {
    /// Cargo names itself to what it runs.
    pub(crate) fn of_this_process() -> Self {
        if std::env::var_os("CARGO").is_some() { Self::Cargo } else { Self::Installed }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Installed => "rankbot",
            Self::Cargo => "cargo run --",
        }
    }
}

/// Address, keys, commands to paste.
pub(crate) struct Banner<'a> {
    local: &'a Local,
    kept_in: Option<&'a Path>,
    call: BinaryCall,
}

impl<'a> Banner<'a> {
    pub(crate) const fn new(local: &'a Local, kept_in: Option<&'a Path>, call: BinaryCall) -> Self {
        Self { local, kept_in, call }
    }

    pub(crate) fn text(&self, colours: Colours) -> String {
        let sections = [self.what_there_is(colours), self.requests(colours), self.commands(colours)];
        format!("{}\n\n{}", sections.join("\n\n"), colours.dim("Ctrl-C stops it. Requests are logged below."))
    }

    fn what_there_is(&self, colours: Colours) -> String {
        let mut text = format!("{} {}\n", colours.bold("RankBot is running at"), colours.bold(&self.local.url()));
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {name:<9}{value}");
        };
        for plan in Plan::ALL {
            line(plan.as_str(), self.local.key(plan).reveal());
        }
        line("group", &self.local.group_id().to_string());
        match self.local.sandbox_url() {
            Some(url) => line("roblox", &format!("sandbox at {url} (GET /sandbox says what it can do)")),
            None => line("roblox", "not the sandbox: ranks change for real"),
        }
        match self.kept_in {
            Some(directory) => line("data", &directory.display().to_string()),
            None => line("data", "kept nowhere: gone when it stops"),
        }
        text
    }

    /// Lines that work as pasted: bash, zsh and every shell that knows single quotes.
    fn requests(&self, colours: Colours) -> String {
        let group = self.local.group_id();
        let member = demo::TRAINEE_USER_ID;
        let post = |plan: Plan, route: &str, rest: &str| {
            let body = format!(r#"{{"groupId":{group},"userId":{member},"action":"{route}"{rest}}}"#);
            format!("{} -H 'Content-Type: application/json' -d '{body}'", self.curl(plan, &format!("/v1/{route}")))
        };
        let examples = [
            ("Set a rank", post(Plan::Starter, "setRank", r#","targetRank":20"#)),
            ("Promote", post(Plan::Starter, "promote", "")),
            ("Read a rank", self.curl(Plan::Starter, &format!("/v1/rank/{group}/{member}"))),
            ("See an error: starter has no demote", post(Plan::Starter, "demote", "")),
        ];
        let notes = match self.local.sandbox_url() {
            Some(_) => None,
            None => Some(colours.dim(&format!("# Put a member of the group in the place of {member}."))),
        };
        let lines = examples.map(|(title, line)| format!("{}\n{line}", colours.dim(&format!("# {title}"))));
        notes.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    }

    fn curl(&self, plan: Plan, path: &str) -> String {
        let key = self.local.key(plan).reveal();
        format!("curl -sS {}{path} -H 'Authorization: Bearer {key}'", self.local.url())
    }

    fn commands(&self, colours: Colours) -> String {
        let variables = self.local.environment();
        let assignments: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let title = colours.dim("# The other commands, in another terminal");
        format!("{title}\nexport {}\n{} keys list", assignments.join(" "), self.call.text())
    }
}
