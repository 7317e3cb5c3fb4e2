//! A sandbox and a client that holds a bot's key.

use rankbot_sandbox::{Bot, Control, Group, Sandbox, SandboxOptions, World};
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde_json::{Value, json};

pub(crate) const GROUP: u64 = 70;
pub(crate) const OTHER_GROUP: u64 = 71;
pub(crate) const BOT: u64 = 1;
pub(crate) const OWNER: u64 = 2;
pub(crate) const PILOT: u64 = 3;
pub(crate) const NEWCOMER: u64 = 4;
pub(crate) const BOSS: u64 = 5;
pub(crate) const STRANGER: u64 = 99;
pub(crate) const KEY: &str = "key-of-the-bot";

pub(crate) const GUEST_ROLE: u64 = 700;
pub(crate) const BASE_ROLE: u64 = 701;
pub(crate) const OLD_BASE_ROLE: u64 = 702;
pub(crate) const CREW_ROLE: u64 = 710;
pub(crate) const PILOT_ROLE: u64 = 720;
pub(crate) const BOT_ROLE: u64 = 750;
pub(crate) const OWNER_ROLE: u64 = 755;
pub(crate) const OTHER_GROUPS_ROLE: u64 = 799;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The code of a v2 error.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: reqwest::Client,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut SandboxOptions)) -> Self {
        let mut options = SandboxOptions {
            world: world(),
            bots: vec![Bot { api_key: KEY.to_owned(), account_id: BOT }],
            ..SandboxOptions::default()
        };
        adjust(&mut options);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox: Sandbox::start(options).await.unwrap(), client }
    }

    pub(crate) fn control(&self) -> Control {
        self.sandbox.control()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.sandbox.url())).header("x-api-key", KEY)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path)).await
    }

    pub(crate) async fn query(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let url = Url::parse_with_params(&format!("{}{path}", self.sandbox.url()), parameters).unwrap();
        read(self.client.get(url).header("x-api-key", KEY)).await
    }

    pub(crate) async fn memberships(&self, group: &str, filter: &str) -> Answer {
        self.query(&format!("/cloud/v2/groups/{group}/memberships"), &[("filter", filter)]).await
    }

    pub(crate) fn write(&self, verb: &str, user: u64, role: u64) -> reqwest::RequestBuilder {
        self.request(Method::POST, &format!("/cloud/v2/groups/{GROUP}/memberships/{user}:{verb}"))
            .json(&json!({"role": format!("groups/{GROUP}/roles/{role}")}))
    }

    pub(crate) async fn assign(&self, user: u64, role: u64) -> Answer {
        read(self.write("assignRole", user, role)).await
    }

    pub(crate) async fn unassign(&self, user: u64, role: u64) -> Answer {
        read(self.write("unassignRole", user, role)).await
    }

    pub(crate) fn roles_of(&self, user: u64) -> Option<Vec<u64>> {
        self.control().roles_of(GROUP, user)
    }
}

pub(crate) async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

pub(crate) fn role_path(role: u64) -> String {
    format!("groups/{GROUP}/roles/{role}")
}

fn world() -> World {
    let group = Group::new(GROUP)
        .name("Test Air")
        .role(PILOT_ROLE, "Pilot", 20)
        .role(GUEST_ROLE, "Guest", 0)
        .managing_role(BOT_ROLE, "Bot", 100)
        .role(BASE_ROLE, "Member", 1)
        .role(OLD_BASE_ROLE, "Passenger", 1)
        .role(OWNER_ROLE, "Owner", 255)
        .role(CREW_ROLE, "Crew", 10)
        .owner(OWNER)
        .member(BOT, &[BOT_ROLE])
        .member(PILOT, &[CREW_ROLE, PILOT_ROLE])
        .member(NEWCOMER, &[])
        .member(BOSS, &[BOT_ROLE]);
    let other = Group::new(OTHER_GROUP).role(OTHER_GROUPS_ROLE, "Fan", 1).member(PILOT, &[]);
    World::new().with(group).with(other)
}
