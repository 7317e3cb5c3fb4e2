//! What API Gateway does before and after a function, and what [`Local`] offers to tests.

use rankbot::local::{Local, LocalOptions, RobloxChoice, StoreChoice};
use rankbot_sandbox::{Endpoint, Matcher, Sandbox, SandboxOptions, demo};
use rankbot_shared::adapters::bots::BotKey;
use rankbot_shared::app::keys;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::{EmbeddedStore, Location};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

async fn start() -> Local {
    Local::start(LocalOptions::default()).await.unwrap()
}

async fn get(local: &Local, path: &str) -> Response {
    let request = Client::new().get(format!("{}{path}", local.url()));
    request.bearer_auth(local.key(Plan::Pro).reveal()).send().await.unwrap()
}

#[tokio::test]
async fn every_route_is_served_at_the_root_and_below_each_stage() {
    let local = start().await;
    for stage in ["", "/starter", "/pro", "/max"] {
        let response = get(&local, &format!("{stage}/v1/rank/{}/{}", local.group_id(), demo::TRAINEE_USER_ID)).await;
        assert_eq!(response.status(), StatusCode::OK, "{stage}");
        assert_eq!(response.json::<Value>().await.unwrap()["rank"], 10);
    }
    assert_eq!(get(&local, "/basic/v1/group/roles").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_no_route_takes_is_answered_by_the_default_route_in_the_error_shape() {
    let local = start().await;
    for path in ["/", "/v1", "/v1/setRank/", "/v2/status", "//v1/group", "/pro"] {
        let response = get(&local, path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], "ROUTE_NOT_FOUND", "{path}");
    }
}

#[tokio::test]
async fn another_method_on_a_known_path_is_405_with_allow() {
    let local = start().await;
    let response = get(&local, "/v1/setRank").await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "POST");
}

#[tokio::test]
async fn a_body_over_ten_megabytes_is_answered_by_the_gateway_itself() {
    let local = start().await;
    let post = |bytes: usize| {
        let request = Client::new().post(format!("{}/v1/setRank", local.url())).body(vec![b' '; bytes]);
        request.bearer_auth(local.key(Plan::Pro).reveal()).send()
    };
    let over_the_gateways = post(10 * 1024 * 1024 + 1).await.unwrap();
    assert_eq!(over_the_gateways.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(over_the_gateways.headers().get("x-request-id"), None);
    assert_eq!(over_the_gateways.json::<Value>().await.unwrap(), json!({ "message": "Request Too Long" }));

    let over_ours = post(16 * 1024 + 1).await.unwrap();
    assert_eq!(over_ours.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(over_ours.json::<Value>().await.unwrap()["code"], "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_body_is_read_whatever_its_content_type_says() {
    let local = start().await;
    let body = json!({ "groupId": local.group_id(), "userId": demo::TRAINEE_USER_ID, "action": "promote" }).to_string();
    for content_type in ["application/json", "application/x-www-form-urlencoded", "image/png"] {
        let request = Client::new().post(format!("{}/v1/promote", local.url())).header("content-type", content_type);
        let response = request.bearer_auth(local.key(Plan::Pro).reveal()).body(body.clone()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{content_type}");
    }
}

#[tokio::test]
async fn the_answers_request_id_is_the_gateways() {
    let local = start().await;
    let response = get(&local, "/v1/status").await;
    assert_eq!(response.headers()["x-request-id"], response.headers()["apigw-requestid"]);
    assert_eq!(response.headers()["apigw-requestid"].len(), 16);
}

#[tokio::test]
async fn a_request_that_is_running_when_the_stop_comes_is_answered() {
    let local = start().await;
    let control = local.sandbox().unwrap();
    control.set_delay(std::time::Duration::from_millis(200));
    let url = format!("{}/v1/rank/{}/{}", local.url(), local.group_id(), demo::TRAINEE_USER_ID);
    let request = Client::new().get(url).bearer_auth(local.key(Plan::Pro).reveal());
    let running = tokio::spawn(request.send());
    control.arrived(&Matcher::endpoint(Endpoint::ListMemberships), 1).await;
    local.stop().await;
    assert_eq!(running.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_store_and_a_roblox_of_ones_own_are_used() {
    let store = EmbeddedStore::start(Location::Memory).unwrap();
    let roblox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let options = LocalOptions {
        store: StoreChoice::External { connection: store.connection(), table_name: "mine".to_owned() },
        roblox: RobloxChoice::External { base_url: roblox.url(), bot: BotKey::new(demo::BOT_API_KEY).unwrap() },
        ..LocalOptions::default()
    };
    let local = Local::start(options).await.unwrap();
    assert!(local.sandbox().is_none());
    assert_eq!(get(&local, "/v1/group/roles").await.status(), StatusCode::OK);
    assert!(!roblox.control().calls().is_empty());
    let tables = store.client().list_tables().send().await.unwrap();
    assert_eq!(tables.table_names(), ["mine"]);
    assert_eq!(keys::list(local.table(), Some(local.group_id())).await.unwrap().len(), 3);
    local.stop().await;
}
