//! What `template.yaml` guarantees, read off the stacks that it makes for given parameters.
//!
//! cfn-lint and checkov know what any template should be like; these tests know what RankBot's must be.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helper functions too"
)]

mod api_throttles;
mod arn;
mod documentation;
mod domain;
mod isolation;
mod keeping;
mod local;
mod metrics;
mod parameters;
mod plans;
mod rendering;
mod rights;
mod rollout;
mod throttles;
mod watching;

use crate::rendering::{Parameters, Stack};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const STARTER: Parameters<'_> = &[("Plan", "starter")];
const PRO: Parameters<'_> = &[("Plan", "pro")];
const ACME: Parameters<'_> = &[("Plan", "max"), ("Tenant", "acme")];
const SHARED_TABLE: &str = "rankbot-starter-Table";
const SHARED_KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/rankbot-starter-Key";
/// A pro stack on the starter stack's table.
const SHARING: Parameters<'_> = &[("Plan", "pro"), ("TableName", SHARED_TABLE), ("TableKeyArn", SHARED_KEY)];

/// A stack of each kind.
fn every_kind() -> [Stack; 4] {
    [
        Stack::deploy("rankbot-starter", STARTER),
        Stack::deploy("rankbot-pro", PRO),
        Stack::deploy("rankbot-pro-sharing", SHARING),
        Stack::deploy("rankbot-max-acme", ACME),
    ]
}
