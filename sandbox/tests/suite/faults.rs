use std::time::Duration;

use rankbot_sandbox::{Endpoint, ErrorBody, Fault, FaultEffect, Matcher, Timing};
use serde_json::{Value, json};

use crate::fixture::{Answer, BASE_ROLE, CREW_ROLE, Fixture, GROUP, NEWCOMER, PILOT, PILOT_ROLE, role_path};

fn on_assign() -> Matcher {
    Matcher::endpoint(Endpoint::AssignRole)
}

async fn assign_once_with(fixture: &Fixture, effect: FaultEffect) -> Answer {
    fixture.control().inject(Fault::new(on_assign(), effect).once());
    fixture.assign(NEWCOMER, CREW_ROLE).await
}

const UNCHANGED: [u64; 1] = [BASE_ROLE];
const CHANGED: [u64; 2] = [BASE_ROLE, CREW_ROLE];

#[tokio::test]
async fn status_before_changes_nothing_and_status_after_comes_too_late() {
    let fixture = Fixture::start().await;
    assert_eq!(assign_once_with(&fixture, FaultEffect::status(503)).await.code(), "UNAVAILABLE");
    assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), UNCHANGED);
    assert_eq!(assign_once_with(&fixture, FaultEffect::status_after(503)).await.status, 503);
    assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), CHANGED);
}

#[tokio::test]
async fn each_error_body_has_its_shape() {
    let fixture = Fixture::start().await;
    let custom = ErrorBody::Custom { content_type: "text/html".to_owned(), body: "<h1>Oops</h1>".to_owned() };
    let mut bodies = Vec::new();
    for body in
        [ErrorBody::V2, ErrorBody::V2NumericCode, ErrorBody::Gateway, ErrorBody::PlainText, ErrorBody::Empty, custom]
    {
        let effect = FaultEffect::Status { status: 429, body, retry_after_s: Some(7), timing: Timing::Before };
        let answer = assign_once_with(&fixture, effect).await;
        assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (429, "7"));
        bodies.push(answer.text);
    }
    let json_of = |index: usize| serde_json::from_str::<Value>(&bodies[index]).unwrap();
    assert_eq!(json_of(0)["code"], "RESOURCE_EXHAUSTED");
    assert!(json_of(1)["code"].is_number());
    assert_eq!(json_of(2)["errors"][0]["code"], 0);
    assert!(serde_json::from_str::<Value>(&bodies[3]).is_err());
    assert_eq!(bodies[4..], [String::new(), "<h1>Oops</h1>".to_owned()]);
}

#[tokio::test]
async fn dropped_connection_is_no_answer_whether_or_not_the_change_was_made() {
    let fixture = Fixture::start().await;
    for (timing, roles) in [(Timing::Before, UNCHANGED.as_slice()), (Timing::After, CHANGED.as_slice())] {
        fixture.control().inject(Fault::new(on_assign(), FaultEffect::Drop(timing)).once());
        let error = fixture.write("assignRole", NEWCOMER, CREW_ROLE).send().await.unwrap_err();
        assert!(error.is_request() && error.status().is_none(), "{error:?}");
        assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), roles, "{timing:?}");
    }
    assert!(fixture.control().calls().iter().all(|call| call.status.is_none() && call.finished_us.is_some()));
}

#[tokio::test]
async fn broken_body_is_a_200_that_cannot_be_read_though_the_change_was_made() {
    let fixture = Fixture::start().await;
    let answer = assign_once_with(&fixture, FaultEffect::BrokenBody).await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_str::<Value>(&answer.text).is_err(), "{}", answer.text);
    assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), CHANGED);
}

#[tokio::test]
async fn no_effect_is_a_200_with_the_membership_as_it_was() {
    let fixture = Fixture::start().await;
    let answer = assign_once_with(&fixture, FaultEffect::NoEffect).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["roles"], json!([role_path(BASE_ROLE)]));
    assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), UNCHANGED);
}

#[tokio::test]
async fn hanging_call_is_never_answered_whether_or_not_the_change_was_made() {
    let fixture = Fixture::start().await;
    let cases = [(Timing::Before, UNCHANGED.as_slice()), (Timing::After, CHANGED.as_slice())];
    for ((timing, roles), arrived) in cases.into_iter().zip(1..) {
        fixture.control().inject(Fault::new(on_assign(), FaultEffect::Hang(timing)).once());
        let hanging = tokio::spawn(fixture.write("assignRole", NEWCOMER, CREW_ROLE).send());
        fixture.control().arrived(&on_assign(), arrived).await;
        // Later calls are answered, and clearing the faults, which ends a hold, does not end this.
        fixture.control().clear_faults();
        assert_eq!(fixture.unassign(PILOT, CREW_ROLE).await.status, 200);
        let call = fixture.control().calls_to(&on_assign()).pop().unwrap();
        assert_eq!((call.status, call.finished_us), (None, None), "{timing:?}");
        assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), roles, "{timing:?}");
        hanging.abort();
    }
}

#[tokio::test]
async fn held_call_stays_in_flight_until_the_faults_are_cleared() {
    let fixture = Fixture::start().await;
    fixture.control().inject(Fault::new(on_assign(), FaultEffect::Hold));
    let held = tokio::spawn(fixture.write("assignRole", NEWCOMER, CREW_ROLE).send());
    fixture.control().arrived(&on_assign(), 1).await;
    // Not held, so this answer comes while the other call waits.
    assert_eq!(fixture.unassign(PILOT, CREW_ROLE).await.status, 200);
    assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), UNCHANGED);
    fixture.control().clear_faults();
    assert_eq!(held.await.unwrap().unwrap().status(), 200);
    assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), CHANGED);
    let calls = fixture.control().calls();
    assert!(calls[0].overlaps(&calls[1]));
    assert_eq!((calls[0].in_flight, calls[1].in_flight), (0, 1));
}

#[tokio::test]
async fn fault_befalls_only_the_calls_that_it_names_and_only_so_many() {
    let fixture = Fixture::start().await;
    let named = on_assign().group(GROUP).user(NEWCOMER).role(PILOT_ROLE).nth(2);
    fixture.control().inject(Fault::new(named, FaultEffect::status(500)).times(2));
    assert_eq!(fixture.assign(PILOT, PILOT_ROLE).await.status, 200, "another user");
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 200, "another role");
    assert_eq!(fixture.unassign(NEWCOMER, PILOT_ROLE).await.status, 200, "another operation");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(fixture.assign(NEWCOMER, PILOT_ROLE).await.status);
    }
    assert_eq!(statuses, [200, 500, 500, 200]);
    assert_eq!(fixture.control().faults(), []);
}

#[tokio::test]
async fn fault_on_a_user_befalls_the_read_of_their_membership() {
    let fixture = Fixture::start().await;
    let on_read = Matcher::endpoint(Endpoint::ListMemberships).user(PILOT);
    fixture.control().inject(Fault::new(on_read, FaultEffect::status(500)));
    assert_eq!(fixture.memberships("70", "user == 'users/4'").await.status, 200);
    assert_eq!(fixture.memberships("70", "user == 'users/3'").await.status, 500);
}

#[tokio::test]
async fn faults_of_one_call_take_turns_in_the_order_of_injection() {
    let fixture = Fixture::start().await;
    for status in [500, 503] {
        fixture.control().inject(Fault::new(Matcher::any(), FaultEffect::status(status)).once());
    }
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(fixture.assign(NEWCOMER, CREW_ROLE).await.status);
    }
    assert_eq!(statuses, [500, 503, 200]);
}

#[tokio::test]
async fn delayed_call_is_answered_all_the_same() {
    let fixture = Fixture::start().await;
    fixture.control().set_delay(Duration::from_millis(1));
    let answer = assign_once_with(&fixture, FaultEffect::Delay(Duration::from_millis(1))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), CHANGED);
}

#[tokio::test]
async fn delayed_call_holds_up_no_other() {
    let fixture = Fixture::start().await;
    fixture.control().inject(Fault::new(on_assign(), FaultEffect::Delay(Duration::from_hours(1))));
    let delayed = tokio::spawn(fixture.write("assignRole", NEWCOMER, CREW_ROLE).send());
    fixture.control().arrived(&on_assign(), 1).await;
    assert_eq!(fixture.unassign(PILOT, CREW_ROLE).await.status, 200);
    let calls = fixture.control().calls();
    assert_eq!((calls[0].status, calls[1].status), (None, Some(200)));
    assert_eq!(fixture.roles_of(NEWCOMER).unwrap(), UNCHANGED);
    delayed.abort();
}

#[tokio::test]
async fn call_that_the_client_gives_up_is_closed_in_the_log() {
    let fixture = Fixture::start().await;
    fixture.control().inject(Fault::new(on_assign(), FaultEffect::Hang(Timing::Before)));
    let hanging = tokio::spawn(fixture.write("assignRole", NEWCOMER, CREW_ROLE).send());
    fixture.control().arrived(&on_assign(), 1).await;
    hanging.abort();
    let calls = fixture.control().settled().await;
    assert!(calls[0].status.is_none() && calls[0].finished_us.is_some());
}

#[tokio::test]
async fn stopped_sandbox_closes_hanging_connections_and_its_port() {
    let fixture = Fixture::start().await;
    let control = fixture.control();
    control.inject(Fault::new(on_assign(), FaultEffect::Hang(Timing::Before)));
    let hanging = tokio::spawn(fixture.write("assignRole", NEWCOMER, CREW_ROLE).send());
    control.arrived(&on_assign(), 1).await;
    let url = fixture.sandbox.url();
    fixture.sandbox.stop().await;
    assert!(hanging.await.unwrap().is_err());
    assert!(fixture.client.get(url).send().await.unwrap_err().is_connect());
}
