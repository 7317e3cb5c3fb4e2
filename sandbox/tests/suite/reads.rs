use rankbot_sandbox::{Assumptions, Group, LastPage, demo};
use serde_json::{Value, json};

use crate::fixture::{
    BASE_ROLE, CREW_ROLE, Fixture, GROUP, NEWCOMER, OTHER_GROUP, OWNER, PILOT, PILOT_ROLE, STRANGER, read, role_path,
};

/// A group with 45 roles besides the base role, in no order of rank.
fn crowded(id: u64) -> Group {
    (0_u8..45).fold(Group::new(id).role(1, "Member", 1), |group, index| {
        group.role(100 + u64::from(index), &format!("Role {index}"), 2 + (index * 4) % 45)
    })
}

fn names(page: &Value) -> Vec<String> {
    page["groupRoles"].as_array().unwrap().iter().map(|role| role["displayName"].to_string()).collect()
}

fn users(answer: &Value) -> Vec<&str> {
    answer["groupMemberships"].as_array().unwrap().iter().map(|member| member["user"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn group_is_told_with_ids_as_text_and_its_owner_as_a_path() {
    let fixture = Fixture::start().await;
    let group = fixture.get(&format!("/cloud/v2/groups/{GROUP}")).await.json();
    assert_eq!(group["id"], "70");
    assert_eq!(group["owner"], format!("users/{OWNER}"));
    assert_eq!(group["memberCount"], 5);
}

#[tokio::test]
async fn abandoned_group_has_no_owner_field() {
    let fixture = Fixture::start().await;
    let group = fixture.get(&format!("/cloud/v2/groups/{OTHER_GROUP}")).await.json();
    assert!(group.get("owner").is_none());
}

#[tokio::test]
async fn unknown_group_is_not_found_and_a_bad_id_an_invalid_argument() {
    let fixture = Fixture::start().await;
    for path in ["", "/roles", "/memberships"] {
        let unknown = fixture.get(&format!("/cloud/v2/groups/123456{path}")).await;
        assert_eq!((unknown.status, unknown.code().as_str()), (404, "NOT_FOUND"), "{path}");
    }
    let bad = fixture.get("/cloud/v2/groups/abc").await;
    assert_eq!((bad.status, bad.code().as_str()), (400, "INVALID_ARGUMENT"));
}

#[tokio::test]
async fn missing_or_unknown_key_is_refused_in_the_gateways_shape() {
    let fixture = Fixture::start().await;
    let url = format!("{}/cloud/v2/groups/{GROUP}", fixture.sandbox.url());
    for request in [fixture.client.get(&url), fixture.client.get(&url).header("x-api-key", "wrong")] {
        let answer = read(request).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json(), json!({"errors": [{"code": 0, "message": "Invalid API Key"}]}));
    }
}

#[tokio::test]
async fn roles_come_in_pages_of_ten_by_default_and_twenty_at_most_in_no_order_of_rank() {
    let fixture = Fixture::start().await;
    fixture.control().put_group(crowded(5));
    let path = "/cloud/v2/groups/5/roles";
    assert_eq!(names(&fixture.get(path).await.json()).len(), 10);
    assert_eq!(names(&fixture.query(path, &[("maxPageSize", "3")]).await.json()).len(), 3);

    let mut all = Vec::new();
    let mut ranks = Vec::new();
    let mut token = String::new();
    let mut pages = 0;
    loop {
        let page = fixture.query(path, &[("maxPageSize", "50"), ("pageToken", &token)]).await.json();
        pages += 1;
        all.extend(names(&page));
        ranks.extend(page["groupRoles"].as_array().unwrap().iter().map(|role| role["rank"].as_i64().unwrap()));
        match page["nextPageToken"].as_str() {
            Some(next) if !next.is_empty() => next.clone_into(&mut token),
            _ => break,
        }
    }
    assert_eq!((pages, all.len()), (3, 46));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 46);
    assert!(!ranks.is_sorted());
}

#[tokio::test]
async fn changing_another_parameter_while_paging_is_an_invalid_argument() {
    let fixture = Fixture::start().await;
    fixture.control().put_group(crowded(5));
    let first = fixture.query("/cloud/v2/groups/5/roles", &[("maxPageSize", "20")]).await.json();
    let token = first["nextPageToken"].as_str().unwrap();
    for (path, size) in [("/cloud/v2/groups/5/roles", "19"), ("/cloud/v2/groups/70/roles", "20")] {
        let answer = fixture.query(path, &[("maxPageSize", size), ("pageToken", token)]).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_ARGUMENT"), "{path} {size}");
    }
    let invented = fixture.query("/cloud/v2/groups/5/roles", &[("pageToken", "invented")]).await;
    assert_eq!(invented.status, 400);
}

#[tokio::test]
async fn page_size_that_is_no_positive_integer_is_an_invalid_argument() {
    let fixture = Fixture::start().await;
    for size in ["-1", "ten", "1.5"] {
        let answer = fixture.query("/cloud/v2/groups/70/roles", &[("maxPageSize", size)]).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_ARGUMENT"), "{size}");
    }
}

#[tokio::test]
async fn last_page_says_so_in_both_ways_by_turns_or_in_the_one_chosen() {
    let fixture = Fixture::start().await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(fixture.get("/cloud/v2/groups/70/roles").await.json().get("nextPageToken").cloned());
    }
    assert_eq!(tokens, [Some(json!("")), None]);
    for (last_page, expected) in [(LastPage::EmptyToken, Some(json!(""))), (LastPage::NoToken, None)] {
        fixture.control().set_assumptions(Assumptions { last_page, ..Assumptions::default() });
        for _ in 0..2 {
            let page = fixture.get("/cloud/v2/groups/70/roles").await.json();
            assert_eq!(page.get("nextPageToken"), expected.as_ref());
        }
    }
}

#[tokio::test]
async fn guest_role_has_permissions_and_no_member_count_and_others_the_reverse() {
    let fixture = Fixture::start().await;
    let page = fixture.get("/cloud/v2/groups/70/roles").await.json();
    let named = |name: &str| {
        page["groupRoles"].as_array().unwrap().iter().find(|role| role["displayName"] == name).cloned().unwrap()
    };
    assert!(named("Guest").get("memberCount").is_none());
    assert!(named("Guest").get("permissions").is_some());
    assert_eq!(named("Pilot")["memberCount"], 1);
    assert!(named("Pilot").get("permissions").is_none());
    assert_eq!(named("Bot")["permissions"]["changeRank"], true);
}

#[tokio::test]
async fn membership_tells_the_highest_role_and_all_roles_the_base_role_included() {
    let fixture = Fixture::start().await;
    let answer = fixture.memberships("70", &format!("user == 'users/{PILOT}'")).await.json();
    let membership = &answer["groupMemberships"][0];
    assert_eq!(membership["user"], format!("users/{PILOT}"));
    assert_eq!(membership["role"], role_path(PILOT_ROLE));
    assert_eq!(membership["roles"], json!([role_path(PILOT_ROLE), role_path(CREW_ROLE), role_path(BASE_ROLE)]));
    assert_ne!(membership["path"], format!("groups/{GROUP}/memberships/{PILOT}"), "a membership id is not a user id");
}

#[tokio::test]
async fn somebody_outside_the_group_is_an_empty_list() {
    let fixture = Fixture::start().await;
    let answer = fixture.memberships("70", &format!("user == 'users/{STRANGER}'")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["groupMemberships"], json!([]));
}

#[tokio::test]
async fn memberships_are_filtered_by_several_users_or_by_role() {
    let fixture = Fixture::start().await;
    let several = fixture.memberships("70", "user in ['users/3', 'users/4', 'users/99']").await.json();
    assert_eq!(users(&several), ["users/3", "users/4"]);
    let by_role = fixture.memberships("70", &format!("role == '{}'", role_path(PILOT_ROLE))).await.json();
    assert_eq!(users(&by_role), ["users/3"]);
    let everyone = fixture.get("/cloud/v2/groups/70/memberships").await.json();
    assert_eq!(users(&everyone).len(), 5);
}

#[tokio::test]
async fn wildcard_group_finds_users_in_all_groups_and_needs_their_list() {
    let fixture = Fixture::start().await;
    let found = fixture.memberships("-", "user in ['users/3']").await.json();
    let paths: Vec<_> = found["groupMemberships"].as_array().unwrap().iter().map(|m| m["role"].clone()).collect();
    assert_eq!(paths, [json!(role_path(PILOT_ROLE)), json!("groups/71/roles/799")]);
    assert_eq!(fixture.get("/cloud/v2/groups/-/memberships").await.status, 400);
    assert_eq!(fixture.memberships("-", &format!("role == '{}'", role_path(PILOT_ROLE))).await.status, 400);
}

#[tokio::test]
async fn filter_that_cannot_be_read_is_an_invalid_argument() {
    let fixture = Fixture::start().await;
    for filter in ["user = 'users/1'", "user == 1", "rank == 5", "role == 'groups/71/roles/799'"] {
        let answer = fixture.memberships("70", filter).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_ARGUMENT"), "{filter}");
    }
}

#[tokio::test]
async fn memberships_are_paged_and_the_filter_belongs_to_the_token() {
    let fixture = Fixture::start().await;
    let path = "/cloud/v2/groups/70/memberships";
    let first = fixture.query(path, &[("maxPageSize", "4")]).await.json();
    let token = first["nextPageToken"].as_str().unwrap();
    let second = fixture.query(path, &[("maxPageSize", "4"), ("pageToken", token)]).await.json();
    assert_eq!((users(&first).len(), users(&second)), (4, vec!["users/5"]));
    let filter = format!("user == 'users/{NEWCOMER}'");
    let changed = fixture.query(path, &[("maxPageSize", "4"), ("pageToken", token), ("filter", &filter)]).await;
    assert_eq!(changed.status, 400);
}

#[tokio::test]
async fn seeded_world_is_as_its_constants_say() {
    let fixture = Fixture::with(|options| options.world = rankbot_sandbox::World::seeded(12)).await;
    let rank_of = |user| fixture.control().rank_of(12, user);
    assert_eq!(rank_of(demo::OWNER_USER_ID), Some(255));
    assert_eq!(rank_of(demo::BOT_USER_ID), Some(250));
    assert_eq!(rank_of(demo::TOP_MEMBER_USER_ID), Some(200));
    assert_eq!(rank_of(demo::SENIOR_USER_ID), Some(120));
    assert_eq!(rank_of(demo::SEVERAL_ROLES_USER_ID), Some(35));
    assert_eq!(rank_of(demo::TRAINEE_USER_ID), Some(10));
    assert_eq!(rank_of(demo::BASE_ONLY_USER_ID), Some(1));
    assert_eq!(rank_of(demo::LEGACY_USER_ID), Some(1));
    assert_eq!(rank_of(demo::STRANGER_USER_ID), None);
    let base_only = fixture.control().roles_of(12, demo::BASE_ONLY_USER_ID);
    assert_eq!(base_only, Some(vec![demo::role::MEMBER]));
    let group = fixture.control().group(12).unwrap();
    assert_eq!(group.roles.iter().filter(|role| role.rank == 1).count(), 2);
    assert!(!group.roles.iter().map(|role| role.rank).is_sorted());
}
