//! For test suites alone: nothing in here is part of the product.
//!
//! [`TestStore`] gives a test a store of its own, on the engine that `RANKBOT_TEST_STORE` names. [`DynamoDbLocal`] runs
//! Amazon's DynamoDB Local, which throttles and reports transaction conflicts no more than the embedded engine does,
//! but is Amazon's own reading of every expression. [`Recorder`] stands in front of either: it counts calls and round
//! trips, injects the faults neither store has, and holds calls back to arrange a crash or a race.

mod dynamodb_local;
mod recorder;
mod test_store;

pub use dynamodb_local::{DynamoDbLocal, DynamoDbLocalError};
pub use recorder::{
    CallMatch, Effect, ErrorReply, Gate, InjectedFault, ItemKey, Moment, Operation, Outcome, RecordedCall, Recorder,
    StoreFault, round_trips,
};
pub use test_store::{Backend, TestStore, unique_table_name};
