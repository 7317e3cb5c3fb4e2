//! The calls that have come, in the order of arrival.

use std::time::Instant;

use tokio::sync::watch;

use super::call::{Outcome, RecordedCall};

#[derive(Debug)]
pub(super) struct Log {
    started: Instant,
    entries: watch::Sender<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// How many calls were recorded and forgotten since the start: the number of the first one still here.
    forgotten: usize,
    calls: Vec<RecordedCall>,
}

/// The number of a call, counted from the start of the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallNumber(usize);

impl Log {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), entries: watch::Sender::default() }
    }

    pub(super) fn calls(&self) -> Vec<RecordedCall> {
        self.entries.borrow().calls.clone()
    }

    pub(super) fn clear(&self) {
        self.entries.send_modify(|entries| {
            entries.forgotten += entries.calls.len();
            entries.calls.clear();
        });
    }

    pub(super) async fn wait_until(&self, mut described: impl FnMut(&[RecordedCall]) -> bool) {
        let mut changes = self.entries.subscribe();
        loop {
            // A copy: what is asked of the calls may ask for them itself, which the lock on them would bar.
            let calls = changes.borrow_and_update().calls.clone();
            if described(&calls) {
                return;
            }
            // It cannot fail: the sender is this log's own.
            let _ = changes.changed().await;
        }
    }

    /// Microseconds since the log began.
    pub(super) fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn add(&self, call: RecordedCall) -> CallNumber {
        let mut number = 0;
        self.entries.send_modify(|entries| {
            number = entries.forgotten + entries.calls.len();
            entries.calls.push(call);
        });
        CallNumber(number)
    }

    pub(super) fn mark_reached_store(&self, call: CallNumber) {
        self.modify(call, |call| call.reached_store = true);
    }

    pub(super) fn finish(&self, call: CallNumber, outcome: Outcome, answer_bytes: u64) {
        let now_us = self.now_us();
        self.modify(call, |call| {
            call.finished_us = Some(now_us);
            call.outcome = outcome;
            call.answer_bytes = answer_bytes;
        });
    }

    fn modify(&self, call: CallNumber, change: impl FnOnce(&mut RecordedCall)) {
        self.entries.send_if_modified(|entries| {
            // None: it was forgotten while it ran.
            let call = call.0.checked_sub(entries.forgotten).and_then(|index| entries.calls.get_mut(index));
            call.map(change).is_some()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Operation;
    use super::*;

    #[test]
    fn call_forgotten_while_it_ran_does_not_finish_another() {
        let log = Log::new();
        let call = RecordedCall {
            operation: Operation::GetItem,
            table: None,
            keys: Vec::new(),
            started_us: 0,
            finished_us: None,
            outcome: Outcome::Running,
            reached_store: false,
            request: Vec::new(),
            answer_bytes: 0,
        };
        let forgotten = log.add(call.clone());
        log.clear();
        let kept = log.add(call.clone());
        log.finish(forgotten, Outcome::Closed, 0);
        assert_eq!(log.calls(), [call]);
        log.finish(kept, Outcome::Answered(200), 7);
        assert_eq!((log.calls()[0].outcome, log.calls()[0].answer_bytes), (Outcome::Answered(200), 7));
    }
}
