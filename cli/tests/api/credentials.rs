//! Who is let in: where a key may stand, what is no key, and keys that are not what they were.

use jiff::{SignedDuration, Timestamp};
use rankbot_shared::app::keys::{self, Keys as _};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::key_record::{KeyRecord, KeyStatus};
use rankbot_shared::domain::plan::Plan;
use reqwest::Method;

use crate::world::{World, record};

/// The routes that need a key, of each kind.
const KEYED: [(Method, &str); 3] =
    [(Method::GET, "/v1/key"), (Method::GET, "/v1/group"), (Method::POST, "/v1/setRank")];

#[tokio::test]
async fn a_key_is_taken_from_every_place_it_may_stand_in() {
    let world = World::start().await;
    let key = world.key(Plan::Starter);
    let key = key.reveal();
    for headers in [
        vec![("authorization", format!("Bearer {key}"))],
        vec![("authorization", format!("bearer {key}"))],
        vec![("authorization", format!("BEARER   {key}"))],
        vec![("authorization", key.to_owned())],
        vec![("x-api-key", key.to_owned())],
        vec![("authorization", format!("Bearer {key}")), ("x-api-key", "nonsense".to_owned())],
    ] {
        let ask = headers.iter().fold(world.get("/v1/key").no_key(), |ask, (name, value)| ask.header(name, value));
        let answer = ask.send().await.expect_success();
        assert_eq!(answer.body["plan"], "starter", "{:?}", headers.iter().map(|(name, _)| name).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn authorization_counts_where_both_headers_are_there() {
    let world = World::start().await;
    let (starter, pro) = (world.key(Plan::Starter), world.key(Plan::Pro));
    let both = world.get("/v1/key").key(&starter).header("x-api-key", pro.reveal()).send().await;
    assert_eq!(both.expect_success().body["plan"], "starter");
    let unreadable =
        world.get("/v1/key").header("authorization", "Basic dXNlcjpwYXNz").header("x-api-key", pro.reveal());
    unreadable.send().await.expect("INVALID_API_KEY");
}

#[tokio::test]
async fn no_key_is_missing_on_every_route_that_needs_one() {
    let world = World::start().await;
    for (method, path) in KEYED {
        world.ask(method, path).no_key().send().await.expect("MISSING_API_KEY");
    }
    assert!(world.store.calls().is_empty());
}

/// A slip in copying is told without asking the database.
#[tokio::test]
async fn what_is_no_key_is_refused_before_any_io() {
    let world = World::start().await;
    let key = world.key(Plan::Pro).reveal().to_owned();
    let other = world.key(Plan::Starter).reveal().to_owned();
    let swapped_case: String =
        key.chars().map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
    let last = if key.ends_with('0') { '1' } else { '0' };
    for text in [
        "wesk_".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned() + "null",
        key[..55].to_owned(),
        format!("{key}0"),
        format!("{}{last}", &key[..55]),
        format!("{}{}", &key[..18], &other[18..]),
        key.replacen('_', "-", 1),
        key.replace("wesk", "sk"),
        swapped_case,
        format!("{key},{key}"),
        format!("Bearer Bearer {key}"),
        format!("Token {key}"),
        format!("{} {}", &key[..20], &key[20..]),
        "🔑".to_owned(),
        "x".repeat(6_000),
    ] {
        for (method, path) in KEYED {
            let answer = world.ask(method, path).no_key().header_bytes("authorization", text.as_bytes()).send().await;
            let answer = answer.expect("INVALID_API_KEY");
            assert!(!answer.body.to_string().contains(&key[18..50]), "the answer repeats the secret");
        }
        let answer = world.get("/v1/key").no_key().header_bytes("x-api-key", text.as_bytes()).send().await;
        // In this header a scheme has no place.
        answer.expect("INVALID_API_KEY");
    }
    assert!(world.store.calls().is_empty() && world.roblox.calls().is_empty());
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_secret_cannot_be_told_apart_and_write_nothing() {
    let world = World::start().await;
    let unknown = ApiKey::generate().unwrap();
    let wrong = ApiKey::generate_for(world.key(Plan::Pro).id().clone()).unwrap();
    for (method, path) in [(Method::GET, "/v1/key"), (Method::GET, "/v1/group"), (Method::GET, "/v1/group/roles")] {
        let first = world.ask(method.clone(), path).key(&unknown).send().await.expect("INVALID_API_KEY");
        let second = world.ask(method, path).key(&wrong).send().await.expect("INVALID_API_KEY");
        assert_eq!(first.body["message"], second.body["message"]);
    }
    assert_eq!(world.used(&world.key(Plan::Pro)).await, 0);
    assert!(world.table.list(None).await.unwrap().iter().all(|record| record.key_id != *unknown.id()));
    assert!(world.roblox.calls().is_empty());
}

#[tokio::test]
async fn a_revoked_or_expired_key_says_so_only_to_who_has_its_secret() {
    let world = World::start().await;
    let (revoked, expired) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
    let status = KeyStatus::Revoked;
    world.insert(&KeyRecord { status, ..record(&revoked, Plan::Pro) }).await;
    let expires_at = Some(Timestamp::now() - SignedDuration::from_secs(1));
    world.insert(&KeyRecord { expires_at, ..record(&expired, Plan::Pro) }).await;
    for (key, code) in [(&revoked, "API_KEY_REVOKED"), (&expired, "API_KEY_EXPIRED")] {
        let wrong = ApiKey::generate_for(key.id().clone()).unwrap();
        for path in ["/v1/key", "/v1/group"] {
            world.get(path).key(key).send().await.expect(code);
            world.get(path).key(&wrong).send().await.expect("INVALID_API_KEY");
        }
        assert_eq!(world.used(key).await, 0);
    }
    assert!(world.roblox.calls().is_empty());
}

#[tokio::test]
async fn a_key_works_until_the_second_in_which_it_expires() {
    let world = World::start().await;
    let key = ApiKey::generate().unwrap();
    let expires_at = Some(Timestamp::now() + SignedDuration::from_hours(1));
    world.insert(&KeyRecord { expires_at, ..record(&key, Plan::Pro) }).await;
    let shown = world.get("/v1/key").key(&key).send().await.expect_success();
    let at: Timestamp = shown.body["expiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(Some(at.as_second()), expires_at.map(Timestamp::as_second));
    world.get("/v1/group").key(&key).send().await.expect_success();
}

#[tokio::test]
async fn after_a_rotation_both_secrets_count_on_one_counter_and_the_older_ones_are_gone() {
    let world = World::start().await;
    let first = world.key(Plan::Starter);
    let rotate = async |overlap| keys::rotate(&world.table, first.id(), overlap, Timestamp::now()).await.unwrap().key;
    let second = rotate(SignedDuration::from_hours(1)).await;
    world.get("/v1/group").key(&first).send().await.expect_success();
    let answer = world.get("/v1/group").key(&second).send().await.expect_success();
    assert_eq!(answer.remaining(), Some(98));

    let third = rotate(SignedDuration::from_hours(1)).await;
    world.get("/v1/group").key(&first).send().await.expect("INVALID_API_KEY");
    world.get("/v1/group").key(&second).send().await.expect_success();
    world.get("/v1/group").key(&third).send().await.expect_success();

    let fourth = rotate(SignedDuration::ZERO).await;
    world.get("/v1/group").key(&third).send().await.expect("INVALID_API_KEY");
    world.get("/v1/key").key(&third).send().await.expect("INVALID_API_KEY");
    assert_eq!(world.get("/v1/group").key(&fourth).send().await.expect_success().remaining(), Some(95));
}

#[tokio::test]
async fn revoking_ends_the_previous_secret_too() {
    let world = World::start().await;
    let first = world.key(Plan::Pro);
    let overlap = SignedDuration::from_hours(1);
    let second = keys::rotate(&world.table, first.id(), overlap, Timestamp::now()).await.unwrap().key;
    keys::revoke(&world.table, first.id()).await.unwrap();
    world.get("/v1/group").key(&second).send().await.expect("API_KEY_REVOKED");
    let code = world.get("/v1/group").key(&first).send().await;
    assert_eq!(code.status, 401);
}
