//! The outside world behind the use cases' ports.

pub mod aws;
pub mod bots;
pub mod dynamodb;
pub mod http_client;
pub mod roblox;
