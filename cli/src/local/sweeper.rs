//! The schedule of the `sweep` function, on this machine.

use std::time::Duration;

use rankbot_shared::http::Api;
use rankbot_shared::telemetry::Causes;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Looks after abandoned changes until it is dropped.
#[derive(Debug)]
pub(super) struct Sweeper {
    task: JoinHandle<()>,
}

impl Sweeper {
    pub(super) fn start(api: Api, period: Duration) -> Self {
        let task = tokio::spawn(async move {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            // The first tick is immediate: what a killed process left half-done is found at once.
            loop {
                ticks.tick().await;
                if let Err(error) = api.sweep().await {
                    tracing::warn!(error = %Causes(&error), "sweep failed");
                }
            }
        });
        Self { task }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}
