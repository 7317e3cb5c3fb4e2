//! Input that nobody should send: refused in the contract's shape, with the fix named, and without any I/O.

use rankbot_sandbox::demo;
use rankbot_shared::http::routes::ROUTES;
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::world::{GROUP, World, set_rank, step, with};

/// JSON texts that are no id, no rank and no count of steps.
const NO_NUMBERS: &[&str] = &[
    "5.5",
    "-1",
    "-5.0",
    "0",
    "0.0",
    "-0",
    "9007199254740992",
    "9007199254740991.5",
    "18446744073709551616",
    "1e400",
    "1e-1",
    "1e99999999999999999999",
    "\"\"",
    "\" 5\"",
    "\"5 \"",
    "\"-5\"",
    "\"+5\"",
    "\"5.0\"",
    "\"5e0\"",
    "\"0x5\"",
    "\"1_000\"",
    "\"５\"",
    "\"five\"",
    "\"9007199254740992\"",
    "true",
    "false",
    "[]",
    "[5]",
    "{}",
    "{\"id\":5}",
];

/// The answer's code, and the parameter that it names.
fn named(answer: &Answer) -> (&str, Option<&str>) {
    (answer.code().unwrap_or_default(), answer.body["details"]["parameter"].as_str())
}

/// A request whose shape is wrong has reached neither database nor Roblox.
pub(crate) fn assert_no_io(world: &World, what: &str) {
    assert!(world.store.calls().is_empty(), "{what}: the database was asked");
    assert!(world.roblox.calls().is_empty(), "{what}: Roblox was asked");
}

#[tokio::test]
async fn what_is_no_number_is_refused_and_the_field_named() {
    let world = World::start().await;
    let long = "9".repeat(2_000);
    let long_text = format!("\"{long}\"");
    let set = set_rank(GROUP, demo::TRAINEE_USER_ID, 50);
    let by_id = with(step(GROUP, demo::TRAINEE_USER_ID, "setRank"), &json!({"targetRoleId": 1}));
    let promote = with(step(GROUP, demo::TRAINEE_USER_ID, "promote"), &json!({"steps": 1, "actorId": 1}));
    for (field, body, limits) in [
        ("groupId", &set, [].as_slice()),
        ("userId", &set, &[]),
        ("targetRank", &set, &["255", "256", "1e3", "\"255\""]),
        ("targetRoleId", &by_id, &[]),
        ("steps", &promote, &["11", "\"11\"", "1e1000"]),
        ("actorId", &promote, &[]),
    ] {
        for wrong in NO_NUMBERS.iter().chain(limits).copied().chain([long.as_str(), long_text.as_str()]) {
            // Replaced as text, so that it arrives as it is written here.
            let text = with(body.clone(), &json!({field: "@"})).to_string().replace("\"@\"", wrong);
            let answer = world.post("/v1/rank", &Value::Null).body(text.clone()).send().await;
            assert_eq!(named(&answer), ("INVALID_PARAMETER", Some(field)), "{text}");
        }
    }
    assert_no_io(&world, "a wrong number");
}

#[tokio::test]
async fn ids_in_a_path_are_decimal_digits_alone() {
    let world = World::start().await;
    for wrong in [
        "0",
        "00",
        "-1",
        "5.0",
        "5e0",
        "abc",
        "9007199254740992",
        "%205",
        "5%20",
        "+5",
        "%EF%BC%95",
        "0x5",
        "%00",
        "%2532",
        "%252532",
        "1,2",
        "٣",
    ] {
        let user = format!("/v1/rank/{GROUP}/{wrong}");
        let group = format!("/v1/rank/{wrong}/200001");
        for (path, parameter) in [
            (user, "userId"),
            (group, "groupId"),
            (format!("/v1/group/{wrong}"), "groupId"),
            (format!("/v1/group/{wrong}/roles"), "groupId"),
        ] {
            let answer = world.get(&path).send().await;
            assert_eq!(named(&answer), ("INVALID_PARAMETER", Some(parameter)), "{path}");
        }
    }
    assert_no_io(&world, "a wrong id");
    let leading_zeros = world.get(&format!("/v1/rank/00{GROUP}/0200001")).send().await.expect_success();
    assert_eq!(leading_zeros.body["userId"], 200_001);
    let encoded = world.get(&format!("/v1/%72ank/{GROUP}/%32%300001")).send().await.expect_success();
    assert_eq!(encoded.body["userId"], 200_001, "a path means the same encoded, once");
}

#[tokio::test]
async fn queries_and_paths_of_any_length_that_arrives_are_answered() {
    let world = World::start().await;
    for (target, status) in [
        (format!("/v1/status?{}", "x".repeat(60_000)), 200),
        (format!("/v1/status?{}", "%22".repeat(20_000)), 200),
        (format!("/v1/status?{}", "{".repeat(40_000)), 200),
        (format!("/v1/{}", "x".repeat(60_000)), 404),
        (format!("/v1/rank/{GROUP}/{}", "%7B".repeat(20_000)), 400),
    ] {
        let answer = world.raw(&format!("GET {target}"), &[]).await;
        assert_eq!(answer.status, status, "{target:.30}: {}", answer.body);
    }
    assert_no_io(&world, "a long target");
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let world = World::start().await;
    let deep = |depth: usize, open: &str, close: &str| format!("{}{}", open.repeat(depth), close.repeat(depth));
    for body in [
        b"".to_vec(),
        b" \r\n\t".to_vec(),
        b"null".to_vec(),
        b"5".to_vec(),
        b"true".to_vec(),
        b"\"{}\"".to_vec(),
        b"[1]".to_vec(),
        b"[[]]".to_vec(),
        b"[{}]".to_vec(),
        b"{".to_vec(),
        b"}".to_vec(),
        b"{]".to_vec(),
        b"{}{}".to_vec(),
        b"{} x".to_vec(),
        b"{\"action\":\"promote\",}".to_vec(),
        b"{'action':'promote'}".to_vec(),
        b"{action:\"promote\"}".to_vec(),
        b"// {}\n{}".to_vec(),
        b"{\"groupId\":NaN}".to_vec(),
        b"{\"groupId\":Infinity}".to_vec(),
        b"{\"groupId\":05}".to_vec(),
        b"{\"groupId\":+5}".to_vec(),
        b"{\"groupId\":.5}".to_vec(),
        b"{\"groupId\":5.}".to_vec(),
        b"{\"groupId\":0x5}".to_vec(),
        b"{\"groupId\":\"5}".to_vec(),
        b"{\"gro\nupId\":5}".to_vec(),
        b"\xef\xbb\xbf{\"action\":\"promote\"}".to_vec(),
        b"{\"action\":\"\xff\xfe\"}".to_vec(),
        b"\xff\xfe{\0}\0".to_vec(),
        b"action=promote&groupId=5".to_vec(),
        b"<xml/>".to_vec(),
        b"{}\0".to_vec(),
        deep(8_000, "[", "]").into_bytes(),
        deep(2_000, "{\"a\":", "}").into_bytes(),
        deep(8_000, "[", "").into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&body).chars().take(40).collect::<String>();
        let answer = world.post("/v1/rank", &Value::Null).body(body.clone()).send().await;
        assert_eq!(answer.code(), Some("INVALID_JSON"), "{shown}: {}", answer.body);
        // Without a content type it reaches the function as base64, and is judged the same.
        let binary = world.post("/v1/rank", &Value::Null).header("content-type", "application/octet-stream");
        assert_eq!(binary.body(body).send().await.code(), Some("INVALID_JSON"), "{shown}");
    }
    assert_no_io(&world, "no JSON object");
}

#[tokio::test]
async fn an_empty_list_is_an_empty_object() {
    let world = World::start().await;
    for body in ["{}", "[]", " [ ] "] {
        let answer = world.post("/v1/promote", &Value::Null).body(body).send().await;
        assert_eq!(named(&answer), ("MISSING_PARAMETER", Some("action")), "{body}");
    }
}

#[tokio::test]
async fn fields_that_are_unknown_repeated_or_of_the_wrong_type_are_named() {
    let world = World::start().await;
    let promote = r#""action":"promote","groupId":7042001,"userId":200001"#;
    let nested = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let long_reason = format!("\"{}\"", "ä".repeat(201));
    for (more, parameter) in [
        (r#""foo":1"#, "foo"),
        (r#""Steps":1"#, "Steps"),
        (r#""steps ":1"#, "steps "),
        (r#""":1"#, ""),
        (r#""targetRank":5"#, "targetRank"),
        (r#""__proto__":{}"#, "__proto__"),
        (r#""groupId":7042001"#, "groupId"),
        (r#""action":"promote""#, "action"),
        (r#""\u0061ction":"promote""#, "action"),
        (r#""user\u0049d":200001"#, "userId"),
        (r#""steps":null,"steps":1"#, "steps"),
        (r#""dryRun":"true""#, "dryRun"),
        (r#""dryRun":1"#, "dryRun"),
        (r#""reason":5"#, "reason"),
        (r#""reason":"""#, "reason"),
        (r#""reason":["x"]"#, "reason"),
        (r#""reason":"\ud800""#, "reason"),
        (&format!(r#""reason":{long_reason}"#), "reason"),
        (&format!(r#""steps":{nested}"#), "steps"),
        (&format!(r#""reason":{nested}"#), "reason"),
        (&format!(r#""dryRun":{nested}"#), "dryRun"),
        (&format!(r#""foo":{nested}"#), "foo"),
    ] {
        let body = format!("{{{promote},{more}}}");
        let answer = world.post("/v1/rank", &Value::Null).body(body.clone()).send().await;
        assert_eq!(named(&answer), ("INVALID_PARAMETER", Some(parameter)), "{}", &body[..body.len().min(120)]);
    }
    assert_no_io(&world, "a wrong field");
}

#[tokio::test]
async fn a_field_that_is_missing_is_named_and_null_is_missing() {
    let world = World::start().await;
    let whole = set_rank(GROUP, demo::TRAINEE_USER_ID, 50);
    for field in ["action", "groupId", "userId", "targetRank"] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(field);
        for body in [without, with(whole.clone(), &json!({field: null}))] {
            let answer = world.post("/v1/setRank", &body).send().await;
            assert_eq!(named(&answer), ("MISSING_PARAMETER", Some(field)), "{body}");
        }
    }
    let both = with(whole.clone(), &json!({"targetRoleId": 5}));
    world.post("/v1/setRank", &both).send().await.expect("INVALID_PARAMETER");
    assert_no_io(&world, "a missing field");
    let nulls = json!({"targetRoleId": null, "reason": null, "actorId": null, "dryRun": null});
    world.post("/v1/setRank", &with(whole, &nulls)).send().await.expect_success();
}

#[tokio::test]
async fn an_action_is_the_routes_own_to_the_letter() {
    let world = World::start().await;
    for (path, actions) in [
        ("/v1/setRank", json!(["promote", "demote", "setrank", "SetRank", "", "setRank ", 5, true, [], {"a": 1}])),
        ("/v1/promote", json!(["setRank", "demote"])),
        ("/v1/demote", json!(["setRank", "promote"])),
        ("/v1/rank", json!(["kick", "rank"])),
    ] {
        for action in actions.as_array().unwrap() {
            let body = with(step(GROUP, demo::TRAINEE_USER_ID, "x"), &json!({"action": action}));
            let answer = world.post(path, &body).send().await;
            assert_eq!(named(&answer), ("INVALID_ACTION", Some("action")), "{path} {action}");
        }
    }
    assert_no_io(&world, "a wrong action");
}

#[tokio::test]
async fn a_body_of_16_kib_is_read_and_one_byte_more_is_too_large() {
    let world = World::start().await;
    let body = set_rank(GROUP, demo::TRAINEE_USER_ID, 50).to_string();
    let padded = |length: usize| format!("{body}{}", " ".repeat(length - body.len()));
    for length in [16_385, 20_000, 1_000_000] {
        for content_type in ["application/json", "application/octet-stream"] {
            let ask = world.post("/v1/setRank", &Value::Null).header("content-type", content_type);
            ask.body(padded(length)).send().await.expect("PAYLOAD_TOO_LARGE");
        }
    }
    world.get("/v1/key").body(padded(16_385)).send().await.expect("PAYLOAD_TOO_LARGE");
    assert_no_io(&world, "a large body");
    world.post("/v1/setRank", &Value::Null).body(padded(16_384)).send().await.expect_success();
}

#[tokio::test]
async fn a_known_path_with_another_method_names_those_it_has() {
    let world = World::start().await;
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"];
    for route in ROUTES {
        let path = route.path.replace("{groupId}", "7042001").replace("{userId}", "200001");
        let own: Vec<&str> =
            ROUTES.iter().filter(|other| other.path == route.path).map(|other| other.method.as_str()).collect();
        for method in methods.iter().filter(|method| !own.contains(method)) {
            let ask = world.ask(Method::from_bytes(method.as_bytes()).unwrap(), &path);
            let answer = ask.send().await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(own.join(", ").as_str()), "{method} {path}");
        }
    }
    assert_no_io(&world, "another method");
}

#[tokio::test]
async fn other_paths_are_not_found_and_nothing_is_guessed() {
    let world = World::start().await;
    for target in [
        "/",
        "/v1",
        "/v1/",
        "/v1/key/",
        "//v1/key",
        "/v1//key",
        "/v1/./key",
        "/v1/x/../key",
        "/V1/key",
        "/v1/KEY",
        "/v1/key%2F",
        "/v1/key;x=1",
        "/v1/key.json",
        "/v2/key",
        "/key",
        "/v1/rank/7042001",
        "/v1/rank/7042001/",
        "/v1/rank//200001",
        "/v1/rank/7042001/200001/",
        "/v1/rank/7042001/200001/roles",
        "/v1/group/7042001/roles/1",
        "/v1/setrank",
        "/%00",
        "/%FF%FE",
        "/v1/%2e%2e/key",
        "/.env",
        "/pro",
        "/pro/",
        "/pro/key",
        "/wp-login.php",
    ] {
        for method in ["GET", "POST"] {
            let answer = world.raw(&format!("{method} {target}"), &[]).await;
            let code = answer.code();
            assert!(code == Some("ROUTE_NOT_FOUND"), "{method} {target}: {} {}", answer.status, answer.body);
        }
    }
    assert_no_io(&world, "another path");
    // What looks like a base path is not taken for one where the method is right.
    for target in ["/v1/v1/key", "/pro/v1/pro/v1/key", "/other/v1/status"] {
        world.raw(&format!("GET {target}"), &[]).await.expect("ROUTE_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_path_that_is_nearly_right_is_told_the_right_one() {
    let world = World::start().await;
    for (target, near) in [
        ("POST //v1/setRank", "/v1/setRank"),
        ("POST /v1/setRank/", "/v1/setRank"),
        ("POST /V1/SETRANK", "/v1/setRank"),
        ("POST /setRank", "/v1/setRank"),
        ("GET /v1/rank/7042001/200001/", "/v1/rank/{groupId}/{userId}"),
    ] {
        let answer = world.raw(target, &[]).await.expect("ROUTE_NOT_FOUND");
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.contains(&format!("write {near},")), "{target}: {message}");
    }
}

#[tokio::test]
async fn a_slip_in_a_body_is_told_with_what_is_meant_and_all_others_at_once() {
    let world = World::start().await;
    let body = json!({"groupId": "x", "robloxUserId": 1, "action": "setRank", "rank": 5, "idempotencyKey": "a"});
    let answer = world.post("/v1/setRank", &body).send().await.expect("INVALID_PARAMETER");
    let told: Vec<(&str, &str)> = answer.body["details"]["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["field"].as_str().unwrap(), problem["message"].as_str().unwrap()))
        .collect();
    for (field, fix) in [
        ("robloxUserId", "Write userId for"),
        ("rank", "Write targetRank for"),
        ("idempotencyKey", "as a header"),
        ("groupId", "must be a whole number"),
        ("userId", "Add the parameter userId"),
        ("targetRank", "Add the parameter targetRank"),
    ] {
        assert!(told.iter().any(|(name, message)| *name == field && message.contains(fix)), "{field}: {told:?}");
    }
    assert_eq!(told.len(), 6, "{told:?}");
    assert_eq!(answer.body["message"], told[0].1);
    assert_no_io(&world, "a slip");
}

#[tokio::test]
async fn a_slip_in_a_key_or_a_time_is_told_too() {
    let world = World::start().await;
    let quoted = world.get("/v1/key").no_key().header("authorization", "Bearer \"wesk_x\"").send().await;
    assert!(quoted.expect("INVALID_API_KEY").body["message"].as_str().unwrap().contains("quotation marks"));
    for (query, fix) in [("from=2026-11-23T12:00:00+01:00", "%2B"), ("from=1795198376090", "milliseconds")] {
        let answer = world.get(&format!("/v1/logs?{query}")).send().await.expect("INVALID_PARAMETER");
        assert!(answer.body["message"].as_str().unwrap().contains(fix), "{query}: {}", answer.body);
    }
    assert_no_io(&world, "a slip");
}

/// As Luau wrappers send every body with `Compress`.
#[tokio::test]
async fn a_compressed_body_is_read_as_any_other() {
    use std::io::Write as _;
    let world = World::start().await;
    let gzip = |body: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let ask = |body: &[u8]| world.post("/v1/setRank", &Value::Null).header("content-encoding", "gzip").body(gzip(body));
    let body = set_rank(GROUP, demo::TRAINEE_USER_ID, 50).to_string();
    let large = format!("{body}{}", " ".repeat(20_000));
    ask(large.as_bytes()).send().await.expect("PAYLOAD_TOO_LARGE");
    ask(b"{").send().await.expect("INVALID_JSON");
    let broken = || world.post("/v1/setRank", &Value::Null).header("content-encoding", "gzip").body(b"{}".to_vec());
    broken().send().await.expect("INVALID_JSON");
    // The key comes before what is wrong with the body.
    broken().no_key().send().await.expect("MISSING_API_KEY");
    for encoding in ["br", "deflate", "gzip, gzip"] {
        let answer = world.post("/v1/setRank", &json!({})).header("content-encoding", encoding).send().await;
        assert!(answer.expect("UNSUPPORTED_ENCODING").body["message"].as_str().unwrap().contains(encoding));
    }
    assert_no_io(&world, "a compressed body");
    ask(body.as_bytes()).send().await.expect_success();
}

#[tokio::test]
async fn a_head_of_the_status_is_answered_without_a_body() {
    let world = World::start().await;
    let answer = world.ask(Method::HEAD, "/v1/status").no_key().send().await;
    assert_eq!((answer.status, &answer.body), (200, &Value::Null));
    assert_no_io(&world, "a monitor");
}

/// What RankBot does not read cannot be wrong.
#[tokio::test]
async fn queries_and_headers_of_every_kind_are_no_matter() {
    let world = World::start().await;
    for query in ["", "a=1&a=2", "%zz", "%FF=%00", "&&&=&", "a[]=1&b{}=|^`", "groupId=5", "?", "/../", "😀=1"] {
        let answer = world.raw(&format!("GET /v1/status?{query}"), &[]).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    }
    for (name, value) in [
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-port", "x"),
        ("cookie", "a=b; ;;="),
        ("content-encoding", "gzip"),
    ] {
        let answer = world.raw("GET /v1/status", &[(name, value)]).await;
        assert!(answer.status == 200, "{name}: {value}: {}", answer.body);
    }
}
