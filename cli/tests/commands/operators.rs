//! `rankbot table`, `keys`, `usage`, on the store of a [`Local`] and against its API.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::program::run;

impl Desk {
    /// A new key on a plan, for the running RankBot's group.
    async fn create(&self, plan: &str) -> Value {
        self.json(&format!("keys create --group {} --plan {plan}", self.local.group_id())).await
    }

    /// The status and code that a read gets with this key.
    async fn read_with(&self, key: &Value) -> (StatusCode, Value) {
        let request = Client::new().get(format!("{}/v1/group/roles", self.local.url()));
        let response = request.bearer_auth(key.as_str().unwrap()).send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap()["code"].take())
    }
}

fn id(view: &Value) -> &str {
    view["keyId"].as_str().unwrap()
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_created_key_opens_the_api_and_its_secret_is_never_shown_again() {
    let desk = Desk::open().await;
    let key = desk.create("pro").await;
    assert_eq!(desk.read_with(&key["key"]).await.0, StatusCode::OK);
    let secret = &key["key"].as_str().unwrap()[18..];
    for line in [format!("keys show {}", id(&key)), "keys list".to_owned(), format!("usage {}", id(&key))] {
        for format in ["", " --json"] {
            let shown = desk.run(&format!("{line}{format}")).await;
            assert!(shown.stdout.contains(id(&key)) && !shown.stdout.contains(secret), "{line}");
        }
    }
}

#[tokio::test]
async fn create_prints_one_json_value_with_everything_about_the_key() {
    let desk = Desk::open().await;
    let key = desk
        .json("keys create --group 5 --plan starter --max-rank 20 --allowed-ranks 3,1,2 --expires-in 90d --limit 7")
        .await;
    let names: BTreeSet<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "key",
        "keyId",
        "groupId",
        "plan",
        "status",
        "limit",
        "used",
        "remaining",
        "resetsAt",
        "maxRank",
        "allowedRanks",
        "createdAt",
        "expiresAt",
        "previousSecretValidUntil",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    assert_eq!(key["key"].as_str().unwrap()[5..17], *id(&key));
    let limits =
        ["groupId", "plan", "status", "limit", "used", "remaining", "maxRank", "allowedRanks"].map(|name| &key[name]);
    assert_eq!(json!(limits), json!([5, "starter", "active", 7, 0, 7, 20, [1, 2, 3]]));
    let lifetime = instant(&key["expiresAt"]).duration_since(instant(&key["createdAt"]));
    assert_eq!(lifetime, SignedDuration::from_hours(90 * 24));
}

#[tokio::test]
async fn a_plans_limit_is_the_keys_unless_another_is_named() {
    let desk = Desk::open().await;
    for (plan, limit) in [("starter", json!(100)), ("pro", json!(5000)), ("max", json!(null))] {
        assert_eq!(desk.create(plan).await["limit"], limit, "{plan}");
    }
}

#[tokio::test]
async fn list_shows_all_keys_or_a_groups() {
    let desk = Desk::open().await;
    let other = desk.json("keys create --group 5 --plan max").await;
    assert_eq!(desk.json("keys list").await.as_array().unwrap().len(), 4);
    let of_group = desk.json("keys list --group 5").await;
    assert_eq!((of_group.as_array().unwrap().len(), id(&of_group[0])), (1, id(&other)));
    assert_eq!(desk.json("keys list --group 6").await, json!([]));
    let empty = desk.run("keys list --group 6").await;
    assert!(empty.stdout.starts_with("Group 6 has no keys"), "{empty:?}");
}

#[tokio::test]
async fn after_a_rotation_both_secrets_work_until_the_stated_overlap_is_over() {
    let desk = Desk::open().await;
    let old = desk.create("pro").await;
    assert_eq!(desk.read_with(&old["key"]).await.0, StatusCode::OK);
    let before = Timestamp::now();
    let new = desk.json(&format!("keys rotate {}", id(&old))).await;
    assert_eq!(id(&new), id(&old));
    assert_ne!(new["key"], old["key"]);
    assert_eq!(new["used"], 1, "the counts stay");
    // The command read the clock somewhere between these two, in whole seconds.
    let day = SignedDuration::from_hours(24);
    let valid_until = instant(&new["previousSecretValidUntil"]);
    assert!(valid_until - day <= Timestamp::now() && valid_until - day >= before - SignedDuration::from_secs(1));
    for key in [&old["key"], &new["key"]] {
        assert_eq!(desk.read_with(key).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_an_overlap_the_old_secret_ends_at_once() {
    let desk = Desk::open().await;
    let old = desk.create("pro").await;
    let new = desk.json(&format!("keys rotate {} --overlap 0s", id(&old))).await;
    assert_eq!(new["previousSecretValidUntil"], json!(null));
    assert_eq!(desk.read_with(&new["key"]).await.0, StatusCode::OK);
    assert_eq!(desk.read_with(&old["key"]).await, (StatusCode::UNAUTHORIZED, json!("INVALID_API_KEY")));
}

#[tokio::test]
async fn rotate_says_until_when_the_old_secret_works() {
    let desk = Desk::open().await;
    let key = desk.create("pro").await;
    let rotated = desk.run(&format!("keys rotate {} --overlap 36h", id(&key))).await;
    assert!(rotated.stdout.contains("The old secret goes on working for 36h, until 20"), "{}", rotated.stdout);
}

#[tokio::test]
async fn a_second_rotation_says_that_it_cuts_an_overlap_short() {
    let desk = Desk::open().await;
    let key = desk.create("pro").await;
    let rotate = format!("keys rotate {}", id(&key));
    let cut_short = "The one before that, replaced earlier and good until 20";
    assert!(!desk.run(&rotate).await.stdout.contains(cut_short));
    let again = desk.run(&rotate).await.stdout;
    assert!(again.contains(cut_short) && again.contains(", has stopped working now."), "{again}");
    assert_eq!(desk.read_with(&key["key"]).await, (StatusCode::UNAUTHORIZED, json!("INVALID_API_KEY")));
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_in_one_sentence() {
    let desk = Desk::open().await;
    let rank = "a rank that can be given is a whole number from 1 to 254";
    for (options, sentence) in [
        ("--max-rank 255", format!("invalid value '255' for '--max-rank <N>': {rank}")),
        ("--allowed-ranks 1,captain", format!("invalid value 'captain' for '--allowed-ranks <N,N,…>': {rank}")),
        ("--max-rank 10 --allowed-ranks 5,20", "rank 20 of --allowed-ranks is above --max-rank".to_owned()),
    ] {
        let refused = desk.run(&format!("keys create --group 5 --plan pro {options}")).await;
        let said = refused.refusal(2);
        assert!(said.starts_with(&sentence), "{said}");
    }
    assert_eq!(desk.json("keys list --group 5").await, json!([]));
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_stays_revoked() {
    let desk = Desk::open().await;
    let key = desk.create("pro").await;
    for _ in 0..2 {
        assert_eq!(desk.json(&format!("keys revoke {}", id(&key))).await["status"], "revoked");
    }
    assert_eq!(desk.read_with(&key["key"]).await, (StatusCode::UNAUTHORIZED, json!("API_KEY_REVOKED")));
    for change in ["rotate", "set-plan --plan max"] {
        let refused = desk.run(&format!("keys {change} {}", id(&key))).await;
        assert_eq!(refused.refusal(1), format!("key {} is revoked, which is final: make a new one", id(&key)));
    }
}

#[tokio::test]
async fn set_plan_changes_the_limit_and_keeps_the_count() {
    let desk = Desk::open().await;
    let key = desk.create("starter").await;
    assert_eq!(desk.read_with(&key["key"]).await.0, StatusCode::OK);
    let moved = desk.json(&format!("keys set-plan {} --plan pro", id(&key))).await;
    assert_eq!(json!([moved["plan"], moved["limit"], moved["used"]]), json!(["pro", 5000, 1]));
}

#[tokio::test]
async fn usage_counts_by_month_and_says_what_is_left() {
    let desk = Desk::open().await;
    let key = desk.create("starter").await;
    for _ in 0..3 {
        desk.read_with(&key["key"]).await;
    }
    let usage = desk.json(&format!("usage {}", id(&key))).await;
    assert_eq!(json!([usage["limit"], usage["remaining"]]), json!([100, 97]));
    assert_eq!(usage["months"][0]["used"], 3);
    assert_eq!(usage["months"].as_array().unwrap().len(), 1);
    assert!(instant(&usage["resetsAt"]) > Timestamp::now());
    let text = desk.run(&format!("usage {}", id(&key))).await.stdout;
    assert!(text.contains("MONTH    USED  LIMIT  LEFT\n20") && text.contains("  3     100    97"), "{text}");
}

#[tokio::test]
async fn table_create_makes_it_once() {
    let desk = Desk::open().await;
    assert_eq!(desk.json("--table new table create").await, json!({ "tableName": "new", "created": true }));
    assert_eq!(desk.json("--table new table create").await, json!({ "tableName": "new", "created": false }));
    assert_eq!(desk.json("--table new keys list").await, json!([]));
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_one_sentence_with_the_fix() {
    let desk = Desk::open().await;
    let cases = [
        ("keys show AAAAAAAAAAAA", 1, "there is no key AAAAAAAAAAAA"),
        ("usage short", 2, "a key's id is 12 letters and digits: `rankbot keys list` shows them"),
        (
            "--table other keys list",
            1,
            "there is no such table: check --table or TABLE_NAME and the AWS region, or make it with `rankbot table create`",
        ),
        (
            "keys create --group 1 --plan gold",
            2,
            "invalid value 'gold' for '--plan <PLAN>' [possible values: starter, pro, max]; --help shows what there is",
        ),
        (
            "keys rotate AAAAAAAAAAAA --overlap 1y",
            2,
            "invalid value '1y' for '--overlap <PERIOD>': write a number and a unit: 30s, 15m, 24h, 90d or 2w; --help shows what there is",
        ),
    ];
    for (line, status, sentence) in cases {
        assert_eq!(desk.run(line).await.refusal(status), sentence, "{line}");
    }
}

#[tokio::test]
async fn a_whole_key_in_the_place_of_its_id_is_not_repeated() {
    let desk = Desk::open().await;
    let key = desk.create("pro").await;
    let refused = desk.run(&format!("keys show {}", key["key"].as_str().unwrap())).await;
    assert_eq!(refused.refusal(2), "that is a whole API key: give only its id, the 12 characters after wesk_");
}

#[tokio::test]
async fn what_is_missing_in_the_environment_is_named() {
    let table = ("TABLE_NAME", "t");
    let region = ("AWS_REGION", "us-east-1");
    let nowhere = ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1");
    let credentials = [("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")];
    let list =
        |environment: Vec<(&'static str, &'static str)>| async move { run(&["keys", "list"], &environment).await };

    assert_eq!(list(vec![]).await.refusal(2), "which table? Name it with --table NAME or in TABLE_NAME");
    assert_eq!(
        list(vec![table]).await.refusal(2),
        "which AWS region? Name it in AWS_REGION, or in the profile of AWS_PROFILE"
    );
    let without_credentials = list(vec![table, region, nowhere]).await;
    assert!(without_credentials.refusal(1).starts_with("no AWS credentials: sign in"), "{without_credentials:?}");
    let unreachable = list([vec![table, region, nowhere], credentials.to_vec()].concat()).await;
    assert!(unreachable.refusal(1).starts_with("cannot reach DynamoDB: check the network"), "{unreachable:?}");
}

#[tokio::test]
async fn version_is_the_packages() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run(&["version"], &[]).await.stdout, format!("rankbot {version}\n"));
    assert_eq!(run(&["version", "--json"], &[]).await.json(), json!({ "version": version }));
}
