//! An operator's desk: a running RankBot, and the program with the environment that leads to it.

use rankbot::local::{Local, LocalOptions};
use serde_json::Value;

use crate::program::{Ended, run};

pub(crate) struct Desk {
    pub(crate) local: Local,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        Self { local: Local::start(LocalOptions::default()).await.unwrap() }
    }

    /// Runs `rankbot` with this line, split at its spaces.
    pub(crate) async fn run(&self, line: &str) -> Ended {
        let environment = self.local.environment();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        run(&line.split(' ').collect::<Vec<_>>(), &environment).await
    }

    pub(crate) async fn json(&self, line: &str) -> Value {
        self.run(&format!("{line} --json")).await.json()
    }
}
