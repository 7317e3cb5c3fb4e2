//! What may not grow: calls, and the bytes that they carry. Times are not looked at.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

use rankbot_bench::growth::{Figure, Gathered, Route, probe};

const REQUESTS: u32 = 6;
/// Numbers grow by some digits, and key ids differ.
const DIGITS: u64 = 64;
/// A member's item tells of the writes of the last seconds: how many of the probe's own changes these are, two writes each, is
/// a matter of how fast they follow each other.
const RECENT_WRITES: u64 = 6 * 2 * 48;

async fn figures(gathered: Gathered, small: u32, large: u32) -> Vec<(Figure, Figure)> {
    let few = probe(gathered, small, REQUESTS).await.unwrap();
    let many = probe(gathered, large, REQUESTS).await.unwrap();
    for (few, many) in few.iter().zip(&many) {
        assert_eq!(few.route, many.route);
        assert_eq!(few.store_calls, many.store_calls, "calls of {:?} grow with {gathered:?}", few.route);
    }
    few.into_iter().zip(many).collect()
}

async fn cost_the_same(gathered: Gathered, small: u32, large: u32) {
    for (few, many) in figures(gathered, small, large).await {
        assert_eq!(few.roblox_calls, many.roblox_calls, "requests of {:?} grow with {gathered:?}", few.route);
        let (least, most) = (few.store_bytes.min(many.store_bytes), few.store_bytes.max(many.store_bytes));
        let own = if few.route == Route::SetRank { RECENT_WRITES } else { 0 };
        assert!(most - least <= DIGITS + own, "bytes of {:?} grow with {gathered:?}: {few:?}, {many:?}", few.route);
    }
}

#[tokio::test]
async fn more_keys_in_the_table_cost_a_request_nothing() {
    cost_the_same(Gathered::Keys, 5, 200).await;
}

/// Either size is more than what one query looks at.
#[tokio::test]
async fn a_longer_log_costs_a_request_nothing() {
    cost_the_same(Gathered::LogEntries, 320, 1200).await;
}

/// A year of months is kept in the key's item, and no more.
#[tokio::test]
async fn a_key_used_for_five_years_costs_what_one_used_for_a_year_does() {
    cost_the_same(Gathered::Months, 12, 60).await;
}

/// Each role is carried once by what a request loads, in the few bytes of its id, rank and name. Only the list of roles
/// itself is asked of Roblox, which gives 20 at once.
#[tokio::test]
async fn a_group_with_more_roles_costs_bytes_in_proportion_and_no_calls() {
    const A_ROLE: u64 = 64;
    for (few, many) in figures(Gathered::Roles, 20, 120).await {
        let grown = many.store_bytes.saturating_sub(few.store_bytes);
        assert!((1..=100 * A_ROLE).contains(&grown), "{few:?}, {many:?}");
        let pages = if few.route == Route::Roles { [1, 6] } else { [few.roblox_calls; 2] };
        assert_eq!([few.roblox_calls, many.roblox_calls], pages, "{:?}", few.route);
    }
}
