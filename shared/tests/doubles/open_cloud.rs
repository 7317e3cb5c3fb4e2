//! The client of Open Cloud.

use std::time::Duration;

use rankbot_shared::adapters::bots::{BotKey, Bots};
use rankbot_shared::adapters::http_client::HttpClient;
use rankbot_shared::adapters::roblox::OpenCloud;
use rankbot_shared::app::deadline::Deadline;
use rankbot_shared::app::ports::{Errand, Group, Roblox as _, RobloxFailure, RobloxFault};
use rankbot_shared::domain::group_settings::BotName;
use rankbot_shared::domain::id::GroupId;

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
