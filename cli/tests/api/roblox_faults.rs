//! Roblox failing at every call of a rank change, in every way: the answer names the failure, and the member's roles
//! are the old ones or the new ones, as the answer says.
//!
//! Each case has a group of its own, so that all of them run in one world, some at a time.

use futures::StreamExt as _;
use futures::stream;
use rankbot_sandbox::demo::{self, role};
use rankbot_sandbox::{Endpoint, ErrorBody, Fault, FaultEffect, Matcher, Timing};
use serde_json::json;

use crate::answer::Answer;
use crate::world::{GROUP, Tenant, World, set_rank};

use Timing::{After, Before};

/// Cases at once. Each waits for back-offs and time-outs most of its time.
const AT_ONCE: usize = 24;
/// More requests to Roblox than any change may cost, however badly it goes.
const MOST_CALLS: usize = 14;

/// Where the member goes: in the one case the rank changes with the first write, in the other with the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Way {
    fn held(self) -> u64 {
        match self {
            Self::Up => role::TRAINEE,
            Self::Down => role::CAPTAIN,
        }
    }

    fn target(self) -> (u8, u64) {
        match self {
            Self::Up => (50, role::FIRST_OFFICER),
            Self::Down => (20, role::CABIN_CREW),
        }
    }
}

/// How a case shall end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With success, the member holding the base role and the target.
    Moved,
    /// With success, the old role still on below the target: the rank is the new one, the clean-up is for later.
    MovedOldRoleOn,
    /// With this error, the member holding exactly what they held.
    Stayed(&'static str),
}

#[derive(Debug, Clone)]
struct Case {
    way: Way,
    on: Endpoint,
    effect: FaultEffect,
    /// How many calls it befalls; `None` for all.
    times: Option<u32>,
    end: End,
    /// Calls of the kind that the fault is on.
    calls: usize,
}

impl Case {
    fn new(way: Way, on: Endpoint, effect: FaultEffect, end: End, calls: usize) -> Self {
        Self { way, on, effect, times: None, end, calls }
    }

    fn once(self) -> Self {
        Self { times: Some(1), ..self }
    }

    /// The faulty calls. Unassigning is faulty for the old role alone: taking the target back must be possible.
    fn matcher(&self, group: u64) -> Matcher {
        let all = Matcher::endpoint(self.on).group(group);
        if self.on == Endpoint::UnassignRole { all.role(self.way.held()) } else { all }
    }

    async fn run(&self, world: &World, tenant: &Tenant) {
        let user = demo::TRAINEE_USER_ID;
        let Tenant { group, key } = tenant;
        world.roblox.put_member(*group, user, &[self.way.held()]).unwrap();
        let faulty = self.matcher(*group);
        world.roblox.inject(Fault { on: faulty.clone(), times: self.times, effect: self.effect.clone() });
        let (rank, target) = self.way.target();
        let answer = world.post("/v1/setRank", &set_rank(*group, user, rank)).key(key).send().await;

        let roles = world.roblox.roles_of(*group, user).unwrap();
        let (expected, counted) = match self.end {
            End::Moved => (vec![role::MEMBER, target], 1),
            End::MovedOldRoleOn => (vec![role::MEMBER, target, self.way.held()], 1),
            End::Stayed(_) => (vec![role::MEMBER, self.way.held()], 0),
        };
        self.check_answer(&answer);
        assert_eq!(roles, sorted(expected), "{self:?}: {}", answer.body);
        assert_eq!(world.used(key).await, counted, "{self:?}");
        assert_eq!(world.roblox.calls_to(&faulty).len(), self.calls, "{self:?}: calls to what failed");
        let all = world.roblox.calls_to(&Matcher::any().group(*group));
        assert!(all.len() <= MOST_CALLS, "{self:?}: {} calls", all.len());
    }

    fn check_answer(&self, answer: &Answer) {
        match self.end {
            End::Moved | End::MovedOldRoleOn => {
                let (rank, target) = self.way.target();
                assert_eq!((answer.status, &answer.body["success"]), (200, &json!(true)), "{self:?}: {}", answer.body);
                assert_eq!((&answer.body["toRank"], &answer.body["toRole"]["id"]), (&json!(rank), &json!(target)));
            }
            End::Stayed(code) => assert_eq!(answer.code(), Some(code), "{self:?}: {}", answer.body),
        }
    }
}

fn sorted(mut roles: Vec<u64>) -> Vec<u64> {
    roles.sort_unstable();
    roles
}

async fn run_all(mut cases: Vec<Case>) {
    // The slowest first: the others have run by the time they end.
    cases.sort_by_key(|case| !matches!(case.effect, FaultEffect::Hang(_)));
    let world = World::start().await;
    let tenants = stream::iter(1..=cases.len()).then(|place| world.tenant(GROUP + place as u64));
    let tenants: Vec<Tenant> = tenants.collect().await;
    world.forget();
    let runs = cases.iter().zip(&tenants).map(|(case, tenant)| case.run(&world, tenant));
    stream::iter(runs).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

fn status(status: u16, body: ErrorBody) -> FaultEffect {
    FaultEffect::Status { status, body, retry_after_s: None, timing: Before }
}

fn try_later(seconds: u64) -> FaultEffect {
    FaultEffect::Status { status: 429, body: ErrorBody::V2, retry_after_s: Some(seconds), timing: Before }
}

fn text(content_type: &str, body: &str) -> FaultEffect {
    status(200, ErrorBody::Custom { content_type: content_type.to_owned(), body: body.to_owned() })
}

/// The failures that say themselves that nothing was done, or that nothing more can be had: code, and how often a read
/// is tried and a write is sent.
fn refusals() -> Vec<(FaultEffect, &'static str, usize, usize)> {
    vec![
        (status(400, ErrorBody::V2), "ROBLOX_UNEXPECTED_RESPONSE", 1, 1),
        (status(401, ErrorBody::Gateway), "ROBLOX_CREDENTIAL_INVALID", 1, 1),
        (status(403, ErrorBody::V2), "ROBLOX_PERMISSION_DENIED", 1, 1),
        (status(403, ErrorBody::PlainText), "ROBLOX_PERMISSION_DENIED", 1, 1),
        (status(404, ErrorBody::V2), "ROBLOX_UNEXPECTED_RESPONSE", 1, 1),
        (status(429, ErrorBody::Empty), "ROBLOX_RATE_LIMITED", 3, 3),
        (try_later(30), "ROBLOX_RATE_LIMITED", 1, 1),
    ]
}

/// The failures after which a write may have happened or not.
fn uncertainties() -> Vec<(FaultEffect, &'static str, usize, usize)> {
    vec![
        (status(302, ErrorBody::Empty), "ROBLOX_UNEXPECTED_RESPONSE", 1, 2),
        (status(408, ErrorBody::PlainText), "ROBLOX_TIMEOUT", 2, 2),
        (status(409, ErrorBody::V2), "ROBLOX_UNAVAILABLE", 3, 2),
        (status(499, ErrorBody::V2), "ROBLOX_UNAVAILABLE", 3, 2),
        (status(501, ErrorBody::V2), "ROBLOX_UNEXPECTED_RESPONSE", 1, 2),
        (status(500, ErrorBody::V2NumericCode), "ROBLOX_UNAVAILABLE", 3, 2),
        (status(502, ErrorBody::PlainText), "ROBLOX_UNAVAILABLE", 3, 2),
        (status(503, ErrorBody::Gateway), "ROBLOX_UNAVAILABLE", 3, 2),
        (FaultEffect::Drop(Before), "ROBLOX_UNAVAILABLE", 3, 2),
        (FaultEffect::Hang(Before), "ROBLOX_TIMEOUT", 2, 2),
        (status(200, ErrorBody::Empty), "ROBLOX_UNEXPECTED_RESPONSE", 1, 2),
        (text("text/plain", "OK"), "ROBLOX_UNEXPECTED_RESPONSE", 1, 2),
        (text("application/json", "{}"), "ROBLOX_UNEXPECTED_RESPONSE", 1, 2),
        (text("application/json", "[[[[[["), "ROBLOX_UNEXPECTED_RESPONSE", 1, 2),
    ]
}

/// Effects that leave a call done and its answer lost.
fn lost_answers() -> Vec<FaultEffect> {
    let after = |status| FaultEffect::Status { status, body: ErrorBody::V2, retry_after_s: None, timing: After };
    vec![
        after(500),
        after(503),
        after(408),
        after(409),
        after(499),
        FaultEffect::Drop(After),
        FaultEffect::Hang(After),
        FaultEffect::BrokenBody,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_fails_ends_the_change_before_any_write() {
    let mut cases = Vec::new();
    for on in [Endpoint::ListMemberships, Endpoint::ListRoles] {
        for (effect, code, reads, _) in refusals().into_iter().chain(uncertainties()) {
            cases.push(Case::new(Way::Up, on, effect, End::Stayed(code), reads));
        }
        cases.push(Case::new(Way::Up, on, FaultEffect::BrokenBody, End::Stayed("ROBLOX_UNEXPECTED_RESPONSE"), 1));
    }
    run_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_fails_once_in_passing_is_read_again() {
    let mut cases = Vec::new();
    for on in [Endpoint::ListMemberships, Endpoint::ListRoles] {
        for effect in [
            status(500, ErrorBody::V2),
            status(503, ErrorBody::PlainText),
            status(408, ErrorBody::Empty),
            status(409, ErrorBody::V2),
            status(499, ErrorBody::V2),
            status(429, ErrorBody::V2),
            try_later(1),
            FaultEffect::Drop(Before),
            FaultEffect::Hang(Before),
        ] {
            cases.push(Case::new(Way::Up, on, effect, End::Moved, 2).once());
        }
    }
    run_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_that_does_not_happen_leaves_the_old_roles() {
    let mut cases = Vec::new();
    for way in [Way::Up, Way::Down] {
        let on = Endpoint::AssignRole;
        for (effect, code, _, sends) in refusals().into_iter().chain(uncertainties()) {
            cases.push(Case::new(way, on, effect, End::Stayed(code), sends));
        }
        cases.push(Case::new(way, on, FaultEffect::NoEffect, End::Stayed("ROBLOX_UNVERIFIED"), 1));
    }
    run_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unassignment_that_does_not_happen_undoes_a_demotion_and_lets_a_promotion_stand() {
    let mut cases = Vec::new();
    let on = Endpoint::UnassignRole;
    for (effect, code, _, sends) in refusals().into_iter().chain(uncertainties()) {
        cases.push(Case::new(Way::Up, on, effect.clone(), End::MovedOldRoleOn, sends));
        cases.push(Case::new(Way::Down, on, effect, End::Stayed(code), sends));
    }
    cases.push(Case::new(Way::Up, on, FaultEffect::NoEffect, End::MovedOldRoleOn, 1));
    cases.push(Case::new(Way::Down, on, FaultEffect::NoEffect, End::Stayed("ROBLOX_UNVERIFIED"), 1));
    run_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_happened_although_its_answer_got_lost_is_success_and_not_sent_again() {
    let mut cases = Vec::new();
    for way in [Way::Up, Way::Down] {
        for on in [Endpoint::AssignRole, Endpoint::UnassignRole] {
            cases.extend(lost_answers().into_iter().map(|effect| Case::new(way, on, effect, End::Moved, 1)));
        }
    }
    run_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_failed_in_passing_is_sent_once_more() {
    let mut cases = Vec::new();
    for way in [Way::Up, Way::Down] {
        for on in [Endpoint::AssignRole, Endpoint::UnassignRole] {
            for effect in [
                status(500, ErrorBody::V2),
                status(429, ErrorBody::V2),
                try_later(1),
                FaultEffect::Drop(Before),
                FaultEffect::Hang(Before),
                text("text/html", "<html>"),
            ] {
                cases.push(Case::new(way, on, effect, End::Moved, 2).once());
            }
        }
    }
    run_all(cases).await;
}

/// The wait that Roblox asks for is handed on to the caller.
#[tokio::test]
async fn retry_after_of_roblox_is_passed_on() {
    let world = World::start().await;
    // The roles first: once read, they are remembered.
    for on in [Endpoint::ListRoles, Endpoint::ListMemberships, Endpoint::AssignRole, Endpoint::GetGroup] {
        world.roblox.inject(Fault::new(Matcher::endpoint(on), try_later(17)));
        let answer = if on == Endpoint::GetGroup {
            world.get("/v1/group").send().await
        } else {
            world.set_rank(demo::TRAINEE_USER_ID, 50).await
        };
        let answer = answer.expect("ROBLOX_RATE_LIMITED");
        assert_eq!(answer.header("retry-after"), Some("17"), "{on:?}");
        world.roblox.clear_faults();
    }
}

/// Nothing of what Roblox said reaches the caller: bodies may hold anything.
#[tokio::test]
async fn nothing_internal_is_in_a_502() {
    let world = World::start().await;
    let telling =
        ErrorBody::Custom { content_type: "text/plain".to_owned(), body: "secret-detail at 10.0.0.7".to_owned() };
    for effect in [status(403, telling.clone()), status(500, telling.clone()), status(200, telling)] {
        world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::ListMemberships), effect));
        let answer = world.set_rank(demo::TRAINEE_USER_ID, 50).await;
        let said = format!("{:?} {}", answer.headers, answer.body);
        assert_eq!(answer.status, 502);
        assert!(!said.contains("secret-detail") && !said.contains("10.0.0.7"), "{said}");
        assert!(!said.contains(world.roblox_url()) && !said.contains(demo::BOT_API_KEY), "{said}");
        world.roblox.clear_faults();
    }
}

/// Roblox answers nothing from the first write on, not even when what was done is to be taken back: the rank is the old
/// one nevertheless, because in a demotion it falls with the last write alone.
#[tokio::test]
async fn a_demotion_that_cannot_even_be_taken_back_leaves_the_old_rank() {
    let world = World::start().await;
    let user = demo::SEVERAL_ROLES_USER_ID;
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::UnassignRole), status(403, ErrorBody::V2)));
    let answer = world.set_rank(user, 10).await;
    assert_eq!(answer.status, 502, "{}", answer.body);
    assert_eq!(world.roblox.rank_of(GROUP, user), Some(35));
}

#[tokio::test]
async fn a_member_who_leaves_meanwhile_is_not_in_the_group() {
    let world = World::start().await;
    world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::AssignRole), FaultEffect::Hold).once());
    let leave = async {
        world.roblox.arrived(&Matcher::endpoint(Endpoint::AssignRole), 1).await;
        world.roblox.remove_member(GROUP, demo::TRAINEE_USER_ID).unwrap();
        world.roblox.clear_faults();
    };
    let (answer, ()) = futures::future::join(world.set_rank(demo::TRAINEE_USER_ID, 50), leave).await;
    answer.expect("USER_NOT_IN_GROUP");
}

/// What holds in the end is checked, not what was answered.
#[tokio::test]
async fn a_key_of_roblox_that_may_read_only_is_noticed() {
    let world = World::start().await;
    world.roblox.inject(Fault::new(Matcher::any(), FaultEffect::NoEffect));
    for (user, rank) in [(demo::TRAINEE_USER_ID, 50), (demo::SENIOR_USER_ID, 10), (demo::TRAINEE_USER_ID, 1)] {
        let before = world.roles_of(user);
        world.set_rank(user, rank).await.expect("ROBLOX_UNVERIFIED");
        assert_eq!(world.roles_of(user), before);
    }
}

#[tokio::test]
async fn a_roblox_that_is_not_there_is_unavailable() {
    let mut world = World::start().await;
    let _closed = world.stop_roblox().await;
    for answer in [world.get_rank(demo::TRAINEE_USER_ID).await, world.set_rank(demo::TRAINEE_USER_ID, 50).await] {
        answer.expect("ROBLOX_UNAVAILABLE");
    }
    assert_eq!(world.used(&world.key(rankbot_shared::domain::plan::Plan::Pro)).await, 0);
}

/// Both causes are named, the one first that the shape of the answer speaks for.
#[tokio::test]
async fn a_403_names_the_bots_role_and_its_keys_scope_the_likelier_first() {
    let world = World::start().await;
    let scope = r#"{"code":"PERMISSION_DENIED","message":"The api key lacks the scope group:write."}"#;
    for (body, first) in [
        (ErrorBody::V2, "role"),
        (ErrorBody::PlainText, "role"),
        (ErrorBody::Gateway, "group:write"),
        (ErrorBody::Custom { content_type: "application/json".to_owned(), body: scope.to_owned() }, "group:write"),
    ] {
        world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::AssignRole), status(403, body.clone())));
        let answer = world.set_rank(demo::TRAINEE_USER_ID, 50).await;
        assert_eq!(answer.code(), Some("ROBLOX_PERMISSION_DENIED"));
        let message = answer.body["message"].as_str().unwrap();
        let places = ["role above", "group:write"].map(|word| message.find(word).unwrap());
        assert_eq!(places[0] < places[1], first == "role", "{body:?}: {message}");
        world.roblox.clear_faults();
    }
}

#[tokio::test]
async fn nobody_is_told_to_wait_for_longer_than_an_hour_for_roblox() {
    let world = World::start().await;
    for (asked, told) in [(40, "40"), (3_600, "3600"), (86_400, "3600"), (u64::MAX, "3600")] {
        world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::ListMemberships), try_later(asked)));
        let answer = world.set_rank(demo::TRAINEE_USER_ID, 50).await;
        assert_eq!(answer.code(), Some("ROBLOX_RATE_LIMITED"));
        assert_eq!(answer.header("retry-after"), Some(told), "Roblox asks for {asked} s");
        world.roblox.clear_faults();
    }
}

/// A list that Roblox answers, word for word.
fn listed(endpoint: Endpoint, body: &serde_json::Value) -> Fault {
    Fault::new(Matcher::endpoint(endpoint), text("application/json", &body.to_string()))
}

/// What was asked for one member is not to be taken from an answer about another, or about another group.
#[tokio::test]
async fn an_answer_about_anybody_or_anything_else_is_not_taken_for_the_answer() {
    let world = World::start().await;
    let user = demo::TRAINEE_USER_ID;
    let member = |group: u64, user: u64| {
        json!({"path": format!("groups/{group}/memberships/x"), "user": format!("users/{user}"),
               "roles": [format!("groups/{group}/roles/{}", role::FIRST_OFFICER)]})
    };
    for wrong in [member(GROUP, user + 1), member(GROUP + 1, user)] {
        // The list.
        world.roblox.inject(listed(Endpoint::ListMemberships, &json!({"groupMemberships": [wrong]})));
        world.get_rank(user).await.expect("ROBLOX_UNEXPECTED_RESPONSE");
        world.set_rank(user, 50).await.expect("ROBLOX_UNEXPECTED_RESPONSE");
        world.roblox.clear_faults();
        // The answer to a write that was not made.
        world.roblox.inject(listed(Endpoint::AssignRole, &wrong));
        world.set_rank(user, 50).await.expect("ROBLOX_UNEXPECTED_RESPONSE");
        world.roblox.clear_faults();
        assert_eq!(world.roles_of(user), sorted(vec![role::MEMBER, role::TRAINEE]));
    }
    world
        .roblox
        .inject(listed(Endpoint::GetGroup, &json!({"path": format!("groups/{}", GROUP + 1), "displayName": "X"})));
    world.get("/v1/group").send().await.expect("ROBLOX_UNEXPECTED_RESPONSE");
    let foreign = json!({"groupRoles": [{"path": format!("groups/{}/roles/5", GROUP + 1), "id": "5", "rank": 5}]});
    world.roblox.inject(listed(Endpoint::ListRoles, &foreign));
    world.get("/v1/group/roles").send().await.expect("ROBLOX_UNEXPECTED_RESPONSE");
}

/// One role without a rank: the others are there, and only who needs that one is told of it.
#[tokio::test]
async fn an_odd_role_does_not_take_the_list_with_it_unless_it_is_the_one_that_is_needed() {
    let world = World::start().await;
    let role =
        |id: u64, rank: u8| json!({"id": id.to_string(), "displayName": "R", "rank": rank, "memberCount": "many"});
    let odd = json!({"id": role::CAPTAIN.to_string(), "displayName": "Odd"});
    let roles = json!([role(role::MEMBER, 1), role(role::TRAINEE, 10), odd, role(role::FIRST_OFFICER, 50)]);
    world.roblox.inject(listed(Endpoint::ListRoles, &json!({"groupRoles": roles})));
    let answer = world.get("/v1/group/roles").send().await.expect_success();
    let listed = answer.body["roles"].as_array().unwrap();
    let ids: Vec<_> = listed.iter().map(|role| role["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [role::MEMBER, role::TRAINEE, role::FIRST_OFFICER]);
    assert_eq!(listed[0]["memberCount"], serde_json::Value::Null);
    let body =
        json!({"groupId": GROUP, "userId": demo::TRAINEE_USER_ID, "action": "setRank", "targetRoleId": role::CAPTAIN});
    world.post("/v1/setRank", &body).send().await.expect("ROBLOX_UNEXPECTED_RESPONSE");
    world.set_rank(demo::TRAINEE_USER_ID, 50).await.expect_success();
    world.get_rank(demo::SEVERAL_ROLES_USER_ID).await.expect("ROBLOX_UNEXPECTED_RESPONSE");
}
