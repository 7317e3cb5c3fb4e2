//! What tests run the events with.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "what is not as expected shall fail the test"
)]

mod abandoned;
mod answer;
mod event;
mod world;

pub use self::abandoned::abandoned_member;
pub use self::answer::{answer_in_process, comparable};
pub use self::event::{Address, Event};
pub use self::world::World;
