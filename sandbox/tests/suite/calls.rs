use rankbot_sandbox::{Endpoint, Matcher};
use reqwest::Method;

use crate::fixture::{CREW_ROLE, Fixture, GROUP, KEY, NEWCOMER, PILOT, read, role_path};

#[tokio::test]
async fn call_is_logged_with_what_was_asked_and_answered() {
    let fixture = Fixture::start().await;
    fixture.assign(NEWCOMER, CREW_ROLE).await;
    fixture.memberships("70", &format!("user == 'users/{PILOT}'")).await;
    let calls = fixture.control().calls();
    let [write, list] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((write.number, write.method.as_str(), write.status), (1, "POST", Some(200)));
    assert_eq!(write.path, format!("/cloud/v2/groups/{GROUP}/memberships/{NEWCOMER}:assignRole"));
    assert_eq!((write.group, write.user, write.role), (Some(GROUP), Some(NEWCOMER), Some(CREW_ROLE)));
    assert_eq!(write.body.as_deref(), Some(format!("{{\"role\":\"{}\"}}", role_path(CREW_ROLE)).as_str()));
    assert_eq!((list.endpoint, list.user), (Endpoint::ListMemberships, Some(PILOT)));
    assert!(list.query.as_ref().unwrap().starts_with("filter="));
    assert!(write.finished_us.unwrap() <= list.started_us, "the second was asked after the first was answered");
}

#[tokio::test]
async fn key_is_told_apart_and_never_revealed() {
    let fixture = Fixture::start().await;
    fixture.get("/cloud/v2/groups/70").await;
    fixture.get("/cloud/v2/groups/71").await;
    let url = format!("{}/cloud/v2/groups/70", fixture.sandbox.url());
    read(fixture.client.get(&url).header("x-api-key", "another")).await;
    read(fixture.client.get(&url)).await;
    let prints: Vec<_> = fixture.control().calls().into_iter().map(|call| call.key_fingerprint).collect();
    assert_eq!(prints[0], prints[1]);
    assert_ne!(prints[0], prints[2]);
    assert_eq!(prints[3], None);
    let log = read(fixture.client.get(format!("{}/sandbox/calls", fixture.sandbox.url()))).await;
    assert!(!log.text.contains(KEY) && !format!("{:?}", fixture.control().calls()).contains(KEY));
}

#[tokio::test]
async fn refused_and_unknown_requests_are_logged_and_control_requests_are_not() {
    let fixture = Fixture::start().await;
    read(fixture.client.get(format!("{}/cloud/v2/groups/70", fixture.sandbox.url()))).await;
    assert_eq!(fixture.get("/cloud/v2/elsewhere").await.status, 404);
    let oversized = fixture.request(Method::POST, "/cloud/v2/groups/70").body("x".repeat(100_000));
    assert_eq!(read(oversized).await.status, 413);
    fixture.get("/sandbox/calls").await;
    fixture.get("/").await;
    let seen: Vec<_> = fixture.control().calls().iter().map(|call| (call.endpoint, call.status)).collect();
    assert_eq!(seen, [(Endpoint::GetGroup, Some(401)), (Endpoint::Other, Some(404)), (Endpoint::Other, Some(413))]);
}

#[tokio::test]
async fn cleared_log_starts_empty_and_goes_on_counting() {
    let fixture = Fixture::start().await;
    fixture.get("/cloud/v2/groups/70").await;
    fixture.control().clear_calls();
    assert!(fixture.control().calls().is_empty());
    fixture.get("/cloud/v2/groups/70").await;
    assert_eq!(fixture.control().calls()[0].number, 2);
}

#[tokio::test]
async fn hundreds_of_simultaneous_requests_are_each_answered_and_logged_once() {
    let fixture = Fixture::start().await;
    let requests = (0..300).map(|index| {
        let verb = if index % 2 == 0 { "assignRole" } else { "unassignRole" };
        tokio::spawn(fixture.write(verb, NEWCOMER, CREW_ROLE).send())
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    let calls = fixture.control().calls_to(&Matcher::any().user(NEWCOMER));
    assert_eq!(calls.len(), 300);
    assert!(calls.iter().all(|call| call.status == Some(200) && call.finished_us.is_some()));
    assert!(calls.iter().zip(1..).all(|(call, number)| call.number == number));
}
