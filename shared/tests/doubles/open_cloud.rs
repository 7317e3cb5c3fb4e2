//! The client of Open Cloud.

use std::time::Duration;

use rankbot_shared::adapters::bots::{BotKey, Bots};
use rankbot_shared::adapters::http_client::HttpClient;
use rankbot_shared::adapters::roblox::OpenCloud;
use rankbot_shared::app::deadline::Deadline;
use rankbot_shared::app::ports::{Errand, Group, Member, Roblox as _, RobloxFailure, RobloxFault};
use rankbot_shared::domain::group_settings::BotName;
use rankbot_shared::domain::id::{GroupId, UserId};

use crate::double::{Answer, Double};

fn client(roblox: &Double) -> OpenCloud {
    let bots = Bots::fixed([(BotName::default(), BotKey::new("key").unwrap())].into());
    OpenCloud::new(HttpClient::new().unwrap(), &roblox.url, bots)
}

fn group() -> GroupId {
    GroupId::new(7).unwrap()
}

fn errand() -> Errand {
    Errand { bot: BotName::default(), deadline: Deadline::for_request() }
}

async fn read_group(roblox: &Double) -> Result<Group, RobloxFailure> {
    client(roblox).group(group(), &errand()).await
}

fn limited(headers: &str) -> Answer {
    (format!("429 Too Many Requests\r\n{headers}"), String::new())
}

#[tokio::test]
async fn a_page_token_that_comes_again_ends_the_reading_at_once() {
    for tokens in [["a", "a"], ["a", "b"]] {
        let page = move |token: &str| format!(r#"{{"groupRoles":[],"nextPageToken":"{token}"}}"#);
        let roblox = Double::start(move |asked| ("200 OK".to_owned(), page(tokens[asked.number % 2]))).await;
        let failure = client(&roblox).roles(group(), &errand()).await.unwrap_err();
        assert_eq!(failure.fault, RobloxFault::Unexpected, "{failure}");
        assert!(roblox.requests() <= 3, "{tokens:?}: {} requests", roblox.requests());
    }
}

#[tokio::test]
async fn a_429_that_asks_for_no_wait_is_sent_again_after_a_moment() {
    let roblox = Double::start(|asked| match asked.number {
        0 => limited("x-ratelimit-reset: 40"),
        _ => ("200 OK".to_owned(), r#"{"path":"groups/7"}"#.to_owned()),
    });
    let roblox = roblox.await;
    read_group(&roblox).await.unwrap();
    assert_eq!(roblox.requests(), 2);
}

#[tokio::test]
async fn where_that_is_in_vain_the_caller_is_told_when_the_limit_is_over() {
    let roblox = Double::start(|_| limited("x-ratelimit-reset: 5, 40;w=60")).await;
    let failure = read_group(&roblox).await.unwrap_err();
    assert_eq!((failure.fault, failure.retry_after), (RobloxFault::RateLimited, Some(Duration::from_secs(40))));
    assert_eq!(roblox.requests(), 3);
}

#[tokio::test]
async fn a_429_that_asks_for_a_long_wait_is_handed_on() {
    let roblox = Double::start(|_| limited("x-ratelimit-reset: 1\r\nretry-after: 40")).await;
    let failure = read_group(&roblox).await.unwrap_err();
    assert_eq!((failure.retry_after, roblox.requests()), (Some(Duration::from_secs(40)), 1));
}

#[tokio::test]
async fn a_wait_until_a_date_is_a_wait_like_any_other() {
    let roblox = Double::start(|_| limited("retry-after: Fri, 31 Dec 2100 23:59:59 GMT")).await;
    let failure = read_group(&roblox).await.unwrap_err();
    assert!(failure.retry_after > Some(Duration::from_hours(24)), "{failure:?}");
    assert_eq!(roblox.requests(), 1);
}

fn member() -> Member {
    Member { group: group(), user: UserId::new(5).unwrap() }
}

fn ok(body: &str) -> Answer {
    ("200 OK".to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_member_is_looked_for_on_every_page_and_only_the_last_says_no() {
    let empty = r#"{"groupMemberships":[],"nextPageToken":"PAGE"}"#;
    let theirs = r#"{"groupMemberships":[{"user":"users/5","roles":["groups/7/roles/9"]}]}"#;
    for (last, found) in [(theirs, Some(1)), (r#"{"groupMemberships":[],"nextPageToken":""}"#, None)] {
        let roblox = Double::start(move |asked| match asked.number {
            0 | 1 => ok(&empty.replace("PAGE", &asked.number.to_string())),
            _ => ok(last),
        });
        let roblox = roblox.await;
        let held = client(&roblox).held_roles(member(), &errand()).await.unwrap();
        assert_eq!((held.map(|roles| roles.len()), roblox.requests()), (found, 3));
    }
}

#[tokio::test]
async fn pages_of_memberships_that_never_end_are_given_up() {
    let page = |number: usize| ok(&format!(r#"{{"groupMemberships":[],"nextPageToken":"{number}"}}"#));
    for (different, most) in [(true, 100), (false, 2)] {
        let roblox = Double::start(move |asked| page(if different { asked.number } else { 0 })).await;
        let failure = client(&roblox).held_roles(member(), &errand()).await.unwrap_err();
        assert_eq!(failure.fault, RobloxFault::Unexpected, "{failure}");
        assert_eq!(roblox.requests(), most);
    }
}

/// Each page is within the bound, and all of them are not.
#[tokio::test]
async fn all_pages_together_are_no_longer_than_one_answer_may_be() {
    let filler = "x".repeat(1 << 20);
    let page =
        move |number: usize| ok(&format!(r#"{{"groupRoles":[],"nextPageToken":"{number}","filler":"{filler}"}}"#));
    let roblox = Double::start(move |asked| page(asked.number)).await;
    let failure = client(&roblox).roles(group(), &errand()).await.unwrap_err();
    assert_eq!(failure.fault, RobloxFault::Unexpected, "{failure}");
    assert_eq!(roblox.requests(), 4, "3 MiB and a little are read, and the fourth is not");
}

#[tokio::test]
async fn what_roblox_says_is_logged_without_the_bots_key_and_without_terminal_commands() {
    let roblox = Double::start(|asked| {
        let key = &asked.headers["x-api-key"];
        ("500 Internal Server Error".to_owned(), format!("bad key {key}\u{1b}[2J"))
    });
    let bots = Bots::fixed([(BotName::default(), BotKey::new("a-key-that-nobody-may-see").unwrap())].into());
    let roblox = roblox.await;
    let client = OpenCloud::new(HttpClient::new().unwrap(), &roblox.url, bots);
    let failure = client.group(group(), &errand()).await.unwrap_err();
    assert!(failure.detail.contains("bad key [the bot's key][2J"), "{}", failure.detail);
}

/// A write that was refused must not look like one whose fate nobody knows.
#[tokio::test]
async fn a_refusal_counts_although_its_body_never_arrives() {
    let roblox = Double::start(|_| {
        // Most of the body that the head announces is never sent, and the connection stays open.
        ("403 Forbidden\r\ncontent-length: 500\r\n\r\n{\"message\":".to_owned(), String::new())
    })
    .await;
    let failure = read_group(&roblox).await.unwrap_err();
    assert!(matches!(failure.fault, RobloxFault::PermissionDenied(_)), "{failure}");
    assert_eq!(roblox.requests(), 1);
}
