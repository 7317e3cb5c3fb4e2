//! The DynamoDB that RankBot runs against off AWS.
//!
//! Product code speaks to DynamoDB through the real AWS SDK and knows nothing of this crate. What differs between
//! AWS, a developer's machine and a test is only the endpoint, and every endpoint that is not AWS comes from here:
//!
//! - [`EmbeddedStore`]: the engine inside this process, served on loopback. `rankbot local` and, by default, every
//!   test use it. This module is the only one that knows which engine it is.
//! - [`Connection`]: the endpoint, region and credentials a client of such a store uses.
//! - [`testing`]: for test suites alone. The choice between the embedded engine and Amazon's DynamoDB Local, and a
//!   recording proxy that counts calls, injects faults and holds calls back.

mod access;
mod connection;
mod embedded;
mod front;
mod private;
mod server_thread;
pub mod testing;

pub use access::NoRandomness;
pub use connection::Connection;
pub use embedded::{EmbeddedStore, Location, StoreError};
