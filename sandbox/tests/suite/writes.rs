use rankbot_sandbox::{Assumptions, RankOneWrites, V2Code};
use reqwest::Method;
use serde_json::json;

use crate::fixture::{
    BASE_ROLE, BOSS, BOT, BOT_ROLE, CREW_ROLE, Fixture, GROUP, GUEST_ROLE, KEY, NEWCOMER, OLD_BASE_ROLE, OTHER_GROUP,
    OTHER_GROUPS_ROLE, OWNER, OWNER_ROLE, PILOT, PILOT_ROLE, STRANGER, read, role_path,
};

#[tokio::test]
async fn assign_adds_a_role_and_answers_the_membership() {
    let fixture = Fixture::start().await;
    let answer = fixture.assign(NEWCOMER, CREW_ROLE).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["role"], role_path(CREW_ROLE));
    assert_eq!(answer.json()["roles"], json!([role_path(CREW_ROLE), role_path(BASE_ROLE)]));
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE, CREW_ROLE]));
}

#[tokio::test]
async fn assign_leaves_the_other_roles_on() {
    let fixture = Fixture::start().await;
    fixture.unassign(PILOT, CREW_ROLE).await;
    fixture.assign(PILOT, CREW_ROLE).await;
    assert_eq!(fixture.roles_of(PILOT), Some(vec![BASE_ROLE, CREW_ROLE, PILOT_ROLE]));
}

#[tokio::test]
async fn unassign_takes_one_role_and_the_base_role_remains() {
    let fixture = Fixture::start().await;
    assert_eq!(fixture.unassign(PILOT, PILOT_ROLE).await.json()["role"], role_path(CREW_ROLE));
    assert_eq!(fixture.unassign(PILOT, CREW_ROLE).await.json()["roles"], json!([role_path(BASE_ROLE)]));
}

#[tokio::test]
async fn both_writes_are_idempotent() {
    let fixture = Fixture::start().await;
    for _ in 0..2 {
        assert_eq!(fixture.assign(NEWCOMER, PILOT_ROLE).await.status, 200);
        assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE, PILOT_ROLE]));
    }
    for _ in 0..2 {
        assert_eq!(fixture.unassign(NEWCOMER, PILOT_ROLE).await.status, 200);
        assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE]));
    }
}

#[tokio::test]
async fn membership_id_and_encoded_colon_are_taken_too() {
    let fixture = Fixture::start().await;
    let listed = fixture.memberships("70", &format!("user == 'users/{NEWCOMER}'")).await.json();
    let path = listed["groupMemberships"][0]["path"].as_str().unwrap().to_owned();
    for (path, role) in [(format!("{path}:assignRole"), CREW_ROLE), (format!("{path}%3AassignRole"), PILOT_ROLE)] {
        let request = fixture.request(Method::POST, &format!("/cloud/v2/{path}"));
        assert_eq!(read(request.json(&json!({"role": role_path(role)}))).await.status, 200, "{path}");
    }
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE, CREW_ROLE, PILOT_ROLE]));
}

#[tokio::test]
async fn role_must_be_a_full_path_of_the_same_group() {
    let fixture = Fixture::start().await;
    let path = format!("/cloud/v2/groups/{GROUP}/memberships/{NEWCOMER}:assignRole");
    for body in [
        json!({"role": CREW_ROLE.to_string()}),
        json!({"role": CREW_ROLE}),
        json!({"role": format!("roles/{CREW_ROLE}")}),
        json!({"role": format!("groups/{OTHER_GROUP}/roles/{OTHER_GROUPS_ROLE}")}),
        json!({}),
        json!([]),
    ] {
        let answer = read(fixture.request(Method::POST, &path).json(&body)).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_ARGUMENT"), "{body}");
    }
    let untyped = fixture.request(Method::POST, &path).body(json!({"role": role_path(CREW_ROLE)}).to_string());
    assert_eq!(read(untyped).await.status, 400, "a body must say that it is JSON");
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE]));
}

#[tokio::test]
async fn guest_owner_and_base_roles_can_be_neither_assigned_nor_unassigned() {
    let fixture = Fixture::start().await;
    for role in [GUEST_ROLE, OWNER_ROLE, BASE_ROLE, OLD_BASE_ROLE] {
        for answer in [fixture.assign(NEWCOMER, role).await, fixture.unassign(NEWCOMER, role).await] {
            assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_ARGUMENT"), "{role}");
        }
    }
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE]));
}

#[tokio::test]
async fn roles_of_rank_one_can_be_made_silent_or_partly_assignable() {
    let fixture = Fixture::start().await;
    let assume = |rank_one| {
        fixture.control().set_assumptions(Assumptions { rank_one, ..Assumptions::default() });
    };
    assume(RankOneWrites::NoEffect);
    assert_eq!(fixture.unassign(NEWCOMER, BASE_ROLE).await.status, 200);
    assert_eq!(fixture.assign(NEWCOMER, OLD_BASE_ROLE).await.status, 200);
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE]));
    assume(RankOneWrites::BaseRefused);
    assert_eq!(fixture.unassign(NEWCOMER, BASE_ROLE).await.status, 400);
    assert_eq!(fixture.assign(NEWCOMER, OLD_BASE_ROLE).await.status, 200);
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE, OLD_BASE_ROLE]));
}

#[tokio::test]
async fn unknown_role_group_and_member_are_not_found() {
    let fixture = Fixture::start().await;
    let elsewhere = fixture
        .request(Method::POST, &format!("/cloud/v2/groups/123456/memberships/{NEWCOMER}:assignRole"))
        .json(&json!({"role": "groups/123456/roles/1"}));
    for answer in
        [fixture.assign(NEWCOMER, 424_242).await, fixture.assign(STRANGER, CREW_ROLE).await, read(elsewhere).await]
    {
        assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"), "{}", answer.text);
    }
}

#[tokio::test]
async fn bot_changes_neither_itself_nor_anyone_at_or_above_it_nor_gives_its_own_role() {
    let fixture = Fixture::start().await;
    let before: Vec<_> = [BOT, BOSS, OWNER, NEWCOMER].map(|user| fixture.roles_of(user)).into();
    for (user, role) in [(BOT, CREW_ROLE), (BOSS, CREW_ROLE), (OWNER, CREW_ROLE), (NEWCOMER, BOT_ROLE)] {
        let answer = fixture.assign(user, role).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "PERMISSION_DENIED"), "{user} {role}");
    }
    assert_eq!(fixture.assign(BOT, CREW_ROLE).await.json()["message"], "You cannot change your own rank.");
    let after: Vec<_> = [BOT, BOSS, OWNER, NEWCOMER].map(|user| fixture.roles_of(user)).into();
    assert_eq!(before, after);
}

#[tokio::test]
async fn bot_without_a_managing_role_or_outside_the_group_is_denied() {
    let fixture = Fixture::start().await;
    fixture.control().put_member(GROUP, BOT, &[PILOT_ROLE]).unwrap();
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 403);
    fixture.control().remove_member(GROUP, BOT).unwrap();
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 403);
}

#[tokio::test]
async fn assumed_codes_can_be_switched() {
    let fixture = Fixture::start().await;
    fixture.control().set_assumptions(Assumptions {
        outranked: V2Code::InvalidArgument,
        not_a_member: V2Code::PermissionDenied,
        unknown_role: V2Code::InvalidArgument,
        unassignable_role: V2Code::PermissionDenied,
        ..Assumptions::default()
    });
    assert_eq!(fixture.assign(BOSS, CREW_ROLE).await.status, 400);
    assert_eq!(fixture.assign(STRANGER, CREW_ROLE).await.status, 403);
    assert_eq!(fixture.assign(NEWCOMER, 424_242).await.status, 400);
    assert_eq!(fixture.assign(NEWCOMER, GUEST_ROLE).await.status, 403);
}

#[tokio::test]
async fn deprecated_patch_changes_nothing() {
    let fixture = Fixture::start().await;
    let path = format!("/cloud/v2/groups/{GROUP}/memberships/{NEWCOMER}");
    let answer = read(fixture.request(Method::PATCH, &path).json(&json!({"role": role_path(CREW_ROLE)}))).await;
    assert_eq!((answer.status, answer.code().as_str()), (501, "NOT_IMPLEMENTED"));
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE]));
}

#[tokio::test]
async fn revoked_key_writes_nothing() {
    let fixture = Fixture::start().await;
    fixture.control().revoke_key(KEY);
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 401);
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE]));
}
