//! Everything RankBot's Lambda functions do; each function crate only starts it.
//!
//! Dependencies point inward:
//!
//! * [`domain`]: keys, plans, months, the rank ladder, rank changes. Pure: no I/O, no clock, no environment.
//! * [`app`]: the use cases (admit, change a rank, read) over small ports.
//! * [`adapters`]: the ports' implementations: DynamoDB, Roblox Open Cloud, the bot's credential, the clock.
//! * [`http`]: the only place that knows `lambda_http`: routes, extraction, responses, error to status.
//! * [`lambda`]: running one function.
//! * [`config`], [`telemetry`] and [`metrics`]: what a process reads from its environment, what it logs and counts.

pub mod adapters;
pub mod app;
pub mod config;
pub mod domain;
pub mod function;
pub mod http;
pub mod lambda;
pub mod metrics;
pub mod telemetry;
