use std::time::Duration;

use rankbot_sandbox::{Bot, Limits, RateLimits};

use crate::fixture::{BOT, CREW_ROLE, Fixture, NEWCOMER, read};

fn one_assignment_an_hour() -> RateLimits {
    RateLimits::Custom(Limits { window: Duration::from_hours(1), assign_role: 1, ..Limits::ROBLOX })
}

#[tokio::test]
async fn nothing_is_limited_by_default() {
    let fixture = Fixture::start().await;
    let answer = fixture.get("/cloud/v2/groups/70").await;
    assert!(answer.headers.get("x-ratelimit-limit").is_none());
}

#[tokio::test]
async fn roblox_own_figures_are_in_the_headers() {
    let fixture = Fixture::with(|options| options.rate_limits = RateLimits::PerMinute).await;
    let group = fixture.get("/cloud/v2/groups/70").await;
    assert_eq!(group.headers["x-ratelimit-limit"], "150, 150;w=60");
    assert_eq!(group.headers["x-ratelimit-remaining"], "149");
    let roles = fixture.get("/cloud/v2/groups/70/roles").await;
    assert_eq!(roles.headers["x-ratelimit-limit"], "300, 300;w=60");
}

#[tokio::test]
async fn request_beyond_the_limit_is_told_when_to_come_back_and_changes_nothing() {
    let fixture = Fixture::with(|options| options.rate_limits = one_assignment_an_hour()).await;
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 200);
    fixture.unassign(NEWCOMER, CREW_ROLE).await;
    let roles = fixture.roles_of(NEWCOMER);
    let answer = fixture.assign(NEWCOMER, CREW_ROLE).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "RESOURCE_EXHAUSTED"));
    let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3600).contains(&wait), "{wait}");
    assert_eq!(fixture.roles_of(NEWCOMER), roles);
}

#[tokio::test]
async fn keys_of_one_owner_share_a_limit() {
    let fixture = Fixture::with(|options| {
        options.rate_limits = one_assignment_an_hour();
        options.bots.push(Bot { api_key: "second key".to_owned(), account_id: BOT });
    })
    .await;
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 200);
    let mut second = fixture.write("assignRole", NEWCOMER, CREW_ROLE).build().unwrap();
    second.headers_mut().insert("x-api-key", "second key".parse().unwrap());
    let second = reqwest::RequestBuilder::from_parts(fixture.client.clone(), second);
    assert_eq!(read(second).await.status, 429);
}

#[tokio::test]
async fn limits_can_be_changed_while_running() {
    let fixture = Fixture::start().await;
    fixture.control().set_rate_limits(one_assignment_an_hour());
    fixture.assign(NEWCOMER, CREW_ROLE).await;
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 429);
    fixture.control().set_rate_limits(RateLimits::Off);
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 200);
}
