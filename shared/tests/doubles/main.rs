//! The adapters, against doubles of AWS and Roblox that say what neither a store off AWS nor the sandbox ever does.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not as expected shall fail the test"
)]

mod aws_table;
mod double;
mod open_cloud;
