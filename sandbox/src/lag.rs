//! Answers that lag behind the writes: no text of Roblox's promises that a read shows what was just written.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::millis;
use crate::world::World;

/// How old the memberships are that the sandbox tells. By default they are never old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Lag {
    /// In lists of memberships. In JSON: `listsMs`.
    #[serde(rename = "listsMs", with = "millis")]
    pub lists: Duration,
    /// In the answers to writes. In JSON: `answersMs`.
    #[serde(rename = "answersMs", with = "millis")]
    pub answers: Duration,
}

impl Lag {
    /// No lag.
    pub const NONE: Self = Self { lists: Duration::ZERO, answers: Duration::ZERO };

    fn longest(self) -> Duration {
        self.lists.max(self.answers)
    }
}

/// The worlds that were, each until the instant at which it was changed; the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Past {
    worlds: VecDeque<(Instant, World)>,
}

impl Past {
    /// Keeps the world as it is before a change that is about to be made.
    pub(crate) fn remember(&mut self, world: &World, lag: Lag) {
        let now = Instant::now();
        self.worlds.retain(|(until, _)| *until + lag.longest() > now);
        if lag != Lag::NONE {
            self.worlds.push_back((now, world.clone()));
        }
    }

    /// As if so much time had passed since each of the changes.
    pub(crate) fn let_time_pass(&mut self, by: Duration) {
        for (until, _) in &mut self.worlds {
            *until = until.checked_sub(by).unwrap_or(*until);
        }
    }

    pub(crate) fn forget(&mut self) {
        self.worlds.clear();
    }

    /// The world as it was so long ago; `None` if it is the same now.
    pub(crate) fn world_before(&self, age: Duration) -> Option<&World> {
        let then = Instant::now().checked_sub(age)?;
        self.worlds.iter().find(|(until, _)| *until > then).map(|(_, world)| world)
    }
}
