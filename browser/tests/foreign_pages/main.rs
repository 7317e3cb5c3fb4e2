//! A page of another site, in a real browser, against the three ports of a running `rankbot local`.
//!
//! Each page also sends everything to a server that refuses nobody: only what arrives there shows something here.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not as expected shall fail the test")]

mod attack;
mod site;

use std::collections::{BTreeMap, BTreeSet};

use rankbot::local::{Local, LocalOptions};
use rankbot_browser::{Browser, Programs};
use rankbot_sandbox::demo;
use rankbot_shared::domain::plan::Plan;
use serde_json::json;

use crate::attack::Attack;
use crate::site::{NAME, ORIGINLESS, OpenDoor, Rebinding, Server};

async fn browser() -> Browser {
    let to_this_machine = format!("--host-resolver-rules=MAP {NAME} 127.0.0.1");
    Browser::open(&Programs::from_env().unwrap(), &[&to_this_machine]).await.unwrap()
}

/// A running RankBot.
struct Victim {
    local: Local,
}

/// One of its three servers, and what is sent to it: as by somebody who knew its keys.
struct Target {
    name: &'static str,
    url: String,
    attack: Attack,
}

impl Target {
    fn port(&self) -> u16 {
        self.url.rsplit_once(':').unwrap().1.parse().unwrap()
    }
}

/// All that a page could have changed.
#[derive(Debug, PartialEq, Eq)]
struct Condition {
    items: BTreeSet<String>,
    roles: Option<Vec<u64>>,
    faults: usize,
    calls: usize,
}

impl Victim {
    async fn start() -> Self {
        Self { local: Local::start(LocalOptions::default()).await.unwrap() }
    }

    fn targets(&self) -> [Target; 3] {
        let environment = self.local.environment();
        let variable = |wanted| environment.iter().find(|(name, _)| *name == wanted).unwrap().1.as_str();
        let key = self.local.key(Plan::Pro).reveal();
        let on_store = Attack::on_store(variable("TABLE_NAME"), variable("AWS_ACCESS_KEY_ID"));
        let store = variable("AWS_ENDPOINT_URL_DYNAMODB").to_owned();
        [
            Target { name: "API", url: self.local.url(), attack: Attack::on_api(key) },
            Target { name: "store", url: store, attack: on_store },
            Target { name: "sandbox", url: self.local.sandbox_url().unwrap(), attack: Attack::on_sandbox() },
        ]
    }

    async fn condition(&self) -> Condition {
        let sandbox = self.local.sandbox().unwrap();
        let table = self.local.environment()[0].1.clone();
        let scan = self.local.connection().client().scan().table_name(table).send().await.unwrap();
        Condition {
            items: scan.items().iter().map(|item| format!("{:?}", BTreeMap::from_iter(item))).collect(),
            roles: sandbox.roles_of(demo::GROUP_ID, demo::TRAINEE_USER_ID),
            faults: sandbox.faults().len(),
            calls: sandbox.calls().len(),
        }
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_and_reads_nothing() {
    let (victim, pages, open_door, browser) =
        (Victim::start().await, Server::of_pages().await, OpenDoor::start().await, browser().await);
    let before = victim.condition().await;
    for page in [pages.by_name(), pages.by_name() + ORIGINLESS, pages.by_address()] {
        for Target { name, url, attack } in victim.targets() {
            browser.go_to(&page).await.unwrap();
            attack.from(&browser, &open_door.server.by_address()).await;
            assert_eq!(open_door.take(), attack.all(), "the browser sends all of it: {page} to the {name}");

            let ends = attack.from(&browser, &url).await;
            let expected = ["opaque 0", "form", "failed", "failed"];
            assert_eq!(ends[..4], expected, "{page} to the {name}: {ends:?}");
            assert!(ends.iter().all(|end| expected.contains(&end.as_str())), "{page} to the {name}: {ends:?}");
            assert_eq!(victim.condition().await, before, "{page} to the {name}");
        }
    }
    victim.local.stop().await;
}

#[tokio::test]
async fn a_site_whose_name_comes_to_lead_here_changes_nothing_and_reads_refusals_alone() {
    let (victim, pages, open_door, browser) =
        (Victim::start().await, Server::of_pages().await, OpenDoor::start().await, browser().await);
    let before = victim.condition().await;
    for target in victim.targets() {
        let site = Rebinding::leading_to(&pages).await;
        let page = site.server.by_name();
        browser.go_to(&page).await.unwrap();
        site.lead_to(open_door.server.port);
        target.attack.from(&browser, &page).await;
        assert_eq!(open_door.take(), target.attack.all(), "the browser sends all of it to the {}", target.name);

        let site = Rebinding::leading_to(&pages).await;
        let page = site.server.by_name();
        browser.go_to(&page).await.unwrap();
        site.lead_to(target.port());
        let ends = target.attack.from(&browser, &page).await;
        assert!(ends.iter().all(|end| end == "basic 403" || end == "form"), "{}: {ends:?}", target.name);
        assert_eq!(victim.condition().await, before, "{}", target.name);
    }
    victim.local.stop().await;
}

/// The refusals are for others alone.
#[tokio::test]
async fn pages_of_the_api_and_of_the_sandbox_may_ask_their_own_server() {
    let (victim, browser) = (Victim::start().await, browser().await);
    let ask = "return fetch(arguments[0], arguments[1]).then(answer => answer.status)";
    browser.go_to(&format!("{}/v1/status", victim.local.url())).await.unwrap();
    let with_key = json!({"headers": {"x-api-key": victim.local.key(Plan::Pro).reveal()}});
    assert_eq!(browser.run(ask, &[json!("/v1/key"), with_key]).await.unwrap(), 200);
    browser.go_to(&victim.local.sandbox_url().unwrap()).await.unwrap();
    let clearing = json!({"method": "DELETE"});
    assert_eq!(browser.run(ask, &[json!("/sandbox/calls"), clearing]).await.unwrap(), 200);
    victim.local.stop().await;
}
