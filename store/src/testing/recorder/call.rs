//! What the recorder writes down of a call.

use std::fmt;

use serde_json::Value;

/// A DynamoDB operation, by the name it has in `X-Amz-Target`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are DynamoDB's own names")]
pub enum Operation {
    GetItem,
    PutItem,
    UpdateItem,
    DeleteItem,
    Query,
    Scan,
    BatchGetItem,
    BatchWriteItem,
    TransactGetItems,
    TransactWriteItems,
    CreateTable,
    DescribeTable,
    /// Any other, by its name; empty where the request names none.
    Other(String),
}

impl Operation {
    const NAMED: [Self; 12] = [
        Self::GetItem,
        Self::PutItem,
        Self::UpdateItem,
        Self::DeleteItem,
        Self::Query,
        Self::Scan,
        Self::BatchGetItem,
        Self::BatchWriteItem,
        Self::TransactGetItems,
        Self::TransactWriteItems,
        Self::CreateTable,
        Self::DescribeTable,
    ];

    /// The operation of a target such as `DynamoDB_20120810.GetItem`.
    pub(super) fn of_target(target: &str) -> Self {
        let name = target.rsplit('.').next().unwrap_or_default();
        let known = Self::NAMED.into_iter().find(|operation| operation.name() == name);
        known.unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// DynamoDB's name for it.
    pub fn name(&self) -> &str {
        match self {
            Self::GetItem => "GetItem",
            Self::PutItem => "PutItem",
            Self::UpdateItem => "UpdateItem",
            Self::DeleteItem => "DeleteItem",
            Self::Query => "Query",
            Self::Scan => "Scan",
            Self::BatchGetItem => "BatchGetItem",
            Self::BatchWriteItem => "BatchWriteItem",
            Self::TransactGetItems => "TransactGetItems",
            Self::TransactWriteItems => "TransactWriteItems",
            Self::CreateTable => "CreateTable",
            Self::DescribeTable => "DescribeTable",
            Self::Other(name) => name,
        }
    }

    /// Whether it changes items, so that a test can say "and nothing was written".
    pub fn is_write(&self) -> bool {
        match self {
            Self::PutItem | Self::UpdateItem | Self::DeleteItem | Self::BatchWriteItem | Self::TransactWriteItems => {
                true
            }
            Self::GetItem
            | Self::Query
            | Self::Scan
            | Self::BatchGetItem
            | Self::TransactGetItems
            | Self::CreateTable
            | Self::DescribeTable
            | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The primary key of an item, as far as a request tells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItemKey {
    /// The partition key. For a query, the partition it asks for, of the table or of the index.
    pub pk: String,
    /// The sort key, where the request names exactly one.
    pub sk: Option<String>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has not.
    Running,
    /// The client was sent an answer with this HTTP status, whether it still listened or not.
    Answered(u16),
    /// The connection was closed without an answer.
    Closed,
}

/// One call, as the recorder saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCall {
    /// What was asked.
    pub operation: Operation,
    /// The table; of several, the first.
    pub table: Option<String>,
    /// The items it names, in the request's order. Empty for a scan.
    pub keys: Vec<ItemKey>,
    /// When the whole request had arrived, in microseconds since the recorder started.
    pub started_us: u64,
    /// When its answer was sent or its connection closed, on the same clock.
    pub finished_us: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the store was sent the request: a call that was failed before has no effect.
    pub reached_store: bool,
    /// The request's body.
    pub request: Vec<u8>,
    /// The length of the answer's body, in bytes; 0 where there was none.
    pub answer_bytes: u64,
}

impl RecordedCall {
    /// The request's body as JSON; null where it is not JSON.
    pub fn request_json(&self) -> Value {
        serde_json::from_slice(&self.request).unwrap_or_default()
    }

    /// The HTTP status of the answer, if there was one.
    pub const fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered(status) => Some(status),
            Outcome::Running | Outcome::Closed => None,
        }
    }
}

/// How many round trips the calls took one after another: the longest chain in which each call began only after the
/// one before it had finished. Calls that overlap count as one; a call that has not finished is overlapped by all that
/// began later.
///
/// A local store can answer the first of two concurrent calls before the second arrives. Where a count matters, make
/// every call last long enough to overlap: [`Recorder::slow_down`](super::Recorder::slow_down).
pub fn round_trips(calls: &[RecordedCall]) -> usize {
    // Taking, each time, the call that finishes first among those that begin after the last one taken gives the
    // longest chain.
    let mut spans: Vec<_> = calls.iter().map(|call| (call.finished_us.unwrap_or(u64::MAX), call.started_us)).collect();
    spans.sort_unstable();
    let mut count = 0;
    let mut free_from = 0;
    for (finished, started) in spans {
        if started >= free_from {
            count += 1;
            free_from = finished;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(started_us: u64, finished_us: Option<u64>) -> RecordedCall {
        RecordedCall {
            operation: Operation::GetItem,
            table: None,
            keys: Vec::new(),
            started_us,
            finished_us,
            outcome: Outcome::Running,
            reached_store: true,
            request: Vec::new(),
            answer_bytes: 0,
        }
    }

    fn count(spans: &[(u64, u64)]) -> usize {
        round_trips(&spans.iter().map(|(start, end)| call(*start, Some(*end))).collect::<Vec<_>>())
    }

    #[test]
    fn sequential_calls_count_one_each_and_concurrent_calls_one_together() {
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[(0, 10), (10, 20), (21, 30)]), 3);
        assert_eq!(count(&[(0, 10), (5, 15), (9, 30)]), 1);
    }

    #[test]
    fn long_call_beside_a_chain_adds_nothing_to_it() {
        assert_eq!(count(&[(0, 100), (0, 10), (20, 30), (40, 50)]), 3);
    }

    #[test]
    fn unfinished_call_overlaps_whatever_began_later() {
        assert_eq!(round_trips(&[call(0, None), call(5, Some(6))]), 1);
        assert_eq!(round_trips(&[call(0, Some(4)), call(5, None)]), 2);
    }

    #[test]
    fn operation_is_read_from_its_target() {
        assert_eq!(Operation::of_target("DynamoDB_20120810.TransactWriteItems"), Operation::TransactWriteItems);
        assert_eq!(Operation::of_target("DynamoDB_20120810.New"), Operation::Other("New".to_owned()));
        assert_eq!(Operation::of_target(""), Operation::Other(String::new()));
    }

    /// The same number by its definition: try every chain.
    fn longest_chain(spans: &[(u64, u64)], free_from: u64) -> usize {
        let following = spans.iter().filter(|(start, _)| *start >= free_from);
        following.map(|(_, end)| 1 + longest_chain(spans, *end)).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn count_is_the_longest_chain_of_calls(spans in prop::collection::vec((0_u64..30, 1_u64..12), 0..8)) {
            let spans: Vec<_> = spans.into_iter().map(|(start, length)| (start, start + length)).collect();
            prop_assert_eq!(count(&spans), longest_chain(&spans, 0));
        }
    }
}
