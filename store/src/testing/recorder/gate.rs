//! Calls held back until the test says otherwise.

use tokio::sync::{oneshot, watch};

use super::call::RecordedCall;

/// Holds one call at one moment, so that a test decides what happens meanwhile.
///
/// A gate that is dropped lets its call go on, so that a failing test ends instead of hanging.
#[derive(Debug)]
pub struct Gate {
    held: watch::Receiver<Option<RecordedCall>>,
    verdict: oneshot::Sender<Verdict>,
}

/// What becomes of a held call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Close,
}

/// The call's side of a gate.
#[derive(Debug)]
pub(super) struct Barrier {
    arrival: watch::Sender<Option<RecordedCall>>,
    verdict: oneshot::Receiver<Verdict>,
}

impl Gate {
    pub(super) fn new() -> (Self, Barrier) {
        let (arrival, held) = watch::channel(None);
        let (decide, verdict) = oneshot::channel();
        (Self { held, verdict: decide }, Barrier { arrival, verdict })
    }

    /// Waits until a call is held here, and returns it.
    ///
    /// # Panics
    /// If the recorder goes away, or forgets its gates, before a call has come.
    pub async fn reached(&mut self) -> RecordedCall {
        let held = self.held.wait_for(Option::is_some).await.ok().and_then(|call| call.clone());
        #[expect(clippy::expect_used, reason = "in a test suite, a panic is how a test that cannot go on ends")]
        held.expect("a gate can be reached only while its recorder runs and has not forgotten it")
    }

    /// Whether a call is held, or was.
    pub fn is_reached(&self) -> bool {
        self.held.borrow().is_some()
    }

    /// Lets the call go on; a call that has not come yet will not be held.
    pub fn release(self) {
        let _ = self.verdict.send(Verdict::GoOn);
    }

    /// Closes the call's connection without an answer. Before the effect, the store never sees the call; after it,
    /// the client never learns what it did. A call that has not come yet is closed when it comes.
    pub fn abandon(self) {
        let _ = self.verdict.send(Verdict::Close);
    }
}

impl Barrier {
    pub(super) async fn hold(self, call: RecordedCall) -> Verdict {
        self.arrival.send_replace(Some(call));
        self.verdict.await.unwrap_or(Verdict::GoOn)
    }
}
