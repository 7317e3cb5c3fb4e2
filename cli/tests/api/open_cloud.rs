//! What RankBot asks of Roblox, against Roblox's own OpenAPI document and against what the document does not say.

use rankbot_sandbox::openapi::{OpenApi, VARIABLE};
use rankbot_sandbox::{Call, Endpoint, demo};
use serde_json::{Value, json};

use crate::world::{GROUP, World};

/// Every kind of request that RankBot makes.
async fn one_of_each() -> Vec<Call> {
    let world = World::start().await;
    let mut group = world.roblox.group(GROUP).unwrap();
    for extra in 0..30_u8 {
        group = group.role(500 + u64::from(extra), "Extra", 210 + extra);
    }
    world.roblox.put_group(group);
    world.get("/v1/group").send().await.expect_success();
    world.get("/v1/group/roles").send().await.expect_success();
    world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    world.set_rank(demo::TRAINEE_USER_ID, 50).await.expect_success();
    world.set_rank(demo::SEVERAL_ROLES_USER_ID, 1).await.expect_success();
    world.roblox.settled().await
}

#[tokio::test]
async fn every_request_is_one_of_robloxs_own_document() {
    let Some(document) = OpenApi::from_env().unwrap() else {
        eprintln!("NOT CHECKED against Roblox's OpenAPI document: {VARIABLE} names no copy of it");
        return;
    };
    for call in one_of_each().await {
        let mismatches = document.check_request(&call);
        assert!(mismatches.is_empty(), "{} {}?{:?}: {mismatches:?}", call.method, call.path, call.query);
    }
}

/// What holds with or without the document at hand.
#[tokio::test]
async fn every_request_has_robloxs_shape() {
    let calls = one_of_each().await;
    for endpoint in [
        Endpoint::GetGroup,
        Endpoint::ListRoles,
        Endpoint::ListMemberships,
        Endpoint::AssignRole,
        Endpoint::UnassignRole,
    ] {
        assert!(calls.iter().any(|call| call.endpoint == endpoint), "{endpoint:?} is not asked at all");
    }
    for call in calls {
        let Call { endpoint, query, body, path, .. } = &call;
        let query = query.as_deref();
        assert!(call.key_fingerprint.is_some(), "{path} without the bot's key");
        assert_eq!((call.group, call.status), (Some(GROUP), Some(200)), "{path}");
        let body: Option<Value> = body.as_ref().map(|body| serde_json::from_str(body).unwrap());
        match endpoint {
            Endpoint::GetGroup => assert_eq!((query, body), (None, None)),
            Endpoint::ListRoles => {
                assert!(query.unwrap().starts_with("maxPageSize=20"), "the largest page: {query:?}");
                assert_eq!(body, None);
            }
            Endpoint::ListMemberships => {
                let filter = query.unwrap();
                assert!(call.user.is_some() && filter.starts_with("filter="), "{filter}");
                assert!(!filter.contains([' ', '\'', '=']) || filter.matches('=').count() == 1, "unencoded: {filter}");
                assert_eq!(body, None);
            }
            Endpoint::AssignRole | Endpoint::UnassignRole => {
                assert_eq!(body, Some(json!({"role": format!("groups/{GROUP}/roles/{}", call.role.unwrap())})));
                assert_eq!(query, None);
            }
            Endpoint::GetRole | Endpoint::UpdateMembership | Endpoint::Other => panic!("{} {path}", call.method),
        }
    }
}
