//! `rankbot local`: starting, stopping, starting again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rankbot::local::{Local, LocalOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::program::{Ended, Running, Signal, greeting, run, run_in};

async fn get(running: &Running, path: &str, key: &str) -> (u16, Value) {
    let request = reqwest::Client::new().get(format!("{}{path}", running.url())).header("x-api-key", key);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Starts, notes the keys, stops.
async fn keys_of_a_start(folder: &Path, arguments: &[&str]) -> (Value, String) {
    let mut running = Running::start(folder, arguments).await;
    let keys = running.ready["keys"].take();
    let (_, _, stderr) = running.stop(Signal::Terminate).await;
    (keys, stderr)
}

#[tokio::test]
async fn both_signals_end_it_with_status_0_and_one_line_was_printed() {
    for signal in [Signal::Interrupt, Signal::Terminate] {
        let folder = TempDir::new().unwrap();
        let running = Running::start(folder.path(), &["--ephemeral"]).await;
        let (status, rest_of_stdout, _) = running.stop(signal).await;
        assert_eq!((status.code(), rest_of_stdout.as_str()), (Some(0), ""), "{signal:?}");
    }
}

#[tokio::test]
async fn the_ready_line_has_everything_to_go_on_with() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path(), &["--ephemeral"]).await;
    for (plan, limit) in [("starter", Value::from(100)), ("pro", Value::from(5000)), ("max", Value::Null)] {
        let (status, key) = get(&running, "/v1/key", running.key(plan)).await;
        assert_eq!((status, &key["plan"], &key["limit"]), (200, &Value::from(plan), &limit));
        assert_eq!(key["groupId"], running.ready["groupId"]);
    }
    let env = running.ready["env"].as_object().unwrap();
    let names: Vec<&str> = env.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "TABLE_NAME"]
    );
    let environment: Vec<(&str, &str)> =
        env.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let listed = run(&["keys", "list", "--json"], &environment).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let sandbox = reqwest::get(format!("{}/sandbox", running.ready["sandboxUrl"].as_str().unwrap())).await.unwrap();
    assert_eq!(sandbox.status(), 200);
}

/// On the machine itself, whatever it is called in a container.
fn from_here(address: &Value) -> String {
    format!("http://127.0.0.1:{}", address.as_str().unwrap().rsplit_once(':').unwrap().1)
}

async fn answers_here(address: &Value) -> bool {
    reqwest::get(from_here(address)).await.is_ok()
}

/// Lists the keys with the credentials that `sam local` makes up where its user has none.
async fn keys_as_sams_functions_see_them(endpoint: &str) -> Ended {
    let environment = [
        ("TABLE_NAME", "rankbot-local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "defaultkey"),
        ("AWS_SECRET_ACCESS_KEY", "defaultsecret"),
    ];
    run(&["keys", "list", "--json"], &environment).await
}

#[tokio::test]
async fn only_the_printed_credentials_open_the_store_and_they_are_new_with_each_start() {
    let folder = TempDir::new().unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let running = Running::start(folder.path(), &[]).await;
        let environment = &running.ready["env"];
        let endpoint = environment["AWS_ENDPOINT_URL_DYNAMODB"].as_str().unwrap();
        let refused = keys_as_sams_functions_see_them(endpoint).await;
        assert!(refused.refusal(1).starts_with("DynamoDB does not know these credentials"), "{refused:?}");
        seen.push(environment["AWS_ACCESS_KEY_ID"].as_str().unwrap().to_owned());
        running.stop(Signal::Terminate).await;
    }
    assert!(seen[0].len() == 32 && seen[0] != seen[1], "{seen:?}");
}

#[tokio::test]
async fn functions_in_containers_are_led_to_the_same_store_and_sandbox() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path(), &[]).await;
    let path = folder.path().join(".rankbot/sam-local.json");
    let file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let variables = &file["Parameters"];
    assert_eq!(variables["TABLE_NAME"], running.ready["env"]["TABLE_NAME"]);
    assert_eq!(variables["ROBLOX_API_KEY"], "sandbox-bot-key");
    let addresses = [variables["AWS_ENDPOINT_URL_DYNAMODB"].clone(), variables["ROBLOX_BASE_URL"].clone()];
    for address in &addresses {
        assert!(answers_here(address).await, "{address}");
    }
    // SAM hands on credentials of its own, so the address must do; and without its last part it lets nobody in.
    let store = from_here(&addresses[0]);
    assert!(keys_as_sams_functions_see_them(&store).await.json().as_array().unwrap().len() >= 3);
    let (without_key, _) = store.rsplit_once('/').unwrap();
    let refused = keys_as_sams_functions_see_them(without_key).await;
    assert!(refused.refusal(1).starts_with("DynamoDB does not know these credentials"), "{refused:?}");
    assert_eq!(mode(&path), 0o600);
    for (key, plan) in rankbot_events::KEYS {
        let (status, key) = get(&running, "/v1/key", key).await;
        assert_eq!((status, &key["plan"]), (200, &Value::from(plan.as_str())), "the events' keys");
    }
    running.stop(Signal::Terminate).await;
    assert!(!answers_here(&addresses[0]).await);
}

/// What is in the store is carried out with the real bot's key.
#[tokio::test]
async fn no_container_is_let_in_where_the_roblox_is_a_real_one() {
    let folder = TempDir::new().unwrap();
    let key = [("ROBLOX_API_KEY", "bot-key")];
    let file = folder.path().join(".rankbot/sam-local.json");
    for (roblox, lets_in) in [("https://roblox.invalid", false), ("http://127.0.0.1:9", true)] {
        let running = Running::start_with(folder.path(), &["--roblox-base-url", roblox], &key).await;
        let (_, _, stderr) = running.stop(Signal::Terminate).await;
        assert_eq!(file.exists(), lets_in, "{roblox}");
        assert_eq!(stderr.contains("note: `sam local` cannot use this RankBot: with a Roblox elsewhere"), !lets_in);
    }
    assert!(!fs::read_to_string(&file).unwrap().contains("bot-key"));
}

#[tokio::test]
async fn a_later_start_prints_the_same_keys_and_goes_on_counting() {
    let folder = TempDir::new().unwrap();
    let first = Running::start(folder.path(), &[]).await;
    let (status, _) = get(&first, "/v1/group/roles", first.key("pro")).await;
    assert_eq!(status, 200);
    let keys = first.ready["keys"].clone();
    first.stop(Signal::Terminate).await;

    let second = Running::start(folder.path(), &[]).await;
    assert_eq!(second.ready["keys"], keys);
    let (_, key) = get(&second, "/v1/key", second.key("pro")).await;
    assert_eq!(key["used"], 1);
    assert!(folder.path().join(".rankbot").is_dir());
    let (_, _, stderr) = second.stop(Signal::Terminate).await;
    assert!(!stderr.contains("note:"), "{stderr}");
}

#[tokio::test]
async fn an_ephemeral_start_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let (first, _) = keys_of_a_start(folder.path(), &["--ephemeral"]).await;
    let (second, _) = keys_of_a_start(folder.path(), &["--ephemeral"]).await;
    assert_ne!(first, second);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_kept_keys_are_readable_by_their_owner_alone() {
    let folder = TempDir::new().unwrap();
    let (keys, _) = keys_of_a_start(folder.path(), &["--data", "data"]).await;
    let file = folder.path().join("data/keys.json");
    assert_eq!(mode(&file), 0o600);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (again, _) = keys_of_a_start(folder.path(), &["--data", "data"]).await;
    assert_eq!((again, mode(&file)), (keys, 0o600));
}

#[tokio::test]
async fn a_damaged_key_file_is_replaced_and_said_so() {
    let folder = TempDir::new().unwrap();
    let (keys, _) = keys_of_a_start(folder.path(), &["--data", "data"]).await;
    fs::write(folder.path().join("data/keys.json"), "{").unwrap();
    let (new, stderr) = keys_of_a_start(folder.path(), &["--data", "data"]).await;
    assert_ne!(new, keys);
    assert!(stderr.contains("note: data/keys.json was damaged"), "{stderr}");
    let (kept, _) = keys_of_a_start(folder.path(), &["--data", "data"]).await;
    assert_eq!(kept, new);
}

#[tokio::test]
async fn keys_that_the_store_does_not_have_are_replaced_and_said_so() {
    let folder = TempDir::new().unwrap();
    let (keys, _) = keys_of_a_start(folder.path(), &["--data", "one"]).await;
    fs::create_dir(folder.path().join("two")).unwrap();
    fs::copy(folder.path().join("one/keys.json"), folder.path().join("two/keys.json")).unwrap();

    let running = Running::start(folder.path(), &["--data", "two"]).await;
    for plan in ["starter", "pro", "max"] {
        assert_ne!(running.key(plan), keys[plan]);
        assert_eq!(get(&running, "/v1/key", running.key(plan)).await.0, 200);
    }
    let (_, _, stderr) = running.stop(Signal::Terminate).await;
    assert!(stderr.contains("note: The starter key kept from before is not in this store"), "{stderr}");
}

#[tokio::test]
async fn the_readmes_line_finds_the_key_of_its_group_among_others() {
    let folder = TempDir::new().unwrap();
    keys_of_a_start(folder.path(), &["--group", "42"]).await;
    let (keys, _) = keys_of_a_start(folder.path(), &["--group", "7042001"]).await;
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let line = readme.lines().find(|line| line.starts_with("KEY=")).unwrap();
    let script = format!("{line}\nprintf %s \"$KEY\"");
    let found = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), keys["pro"].as_str().unwrap());
}

#[tokio::test]
async fn each_group_has_its_keys_and_the_last_group_is_remembered() {
    let folder = TempDir::new().unwrap();
    let (default_keys, _) = keys_of_a_start(folder.path(), &[]).await;
    let other = Running::start(folder.path(), &["--group", "42"]).await;
    assert_eq!(other.ready["groupId"], 42);
    assert_ne!(other.ready["keys"], default_keys);
    assert_eq!(get(&other, "/v1/group", other.key("pro")).await.1["groupId"], 42);
    let other_keys = other.ready["keys"].clone();
    other.stop(Signal::Terminate).await;

    let (last, _) = keys_of_a_start(folder.path(), &[]).await;
    assert_eq!(last, other_keys);
    let default_group = rankbot_sandbox::demo::GROUP_ID.to_string();
    let (back, _) = keys_of_a_start(folder.path(), &["--group", &default_group]).await;
    assert_eq!(back, default_keys);
}

#[tokio::test]
async fn a_second_start_in_the_same_data_directory_is_refused() {
    let folder = TempDir::new().unwrap();
    let _running = Running::start(folder.path(), &["--data", "data"]).await;
    let second = run_in(folder.path(), &["local", "--port", "0", "--data", "data"], &[]).await;
    assert_eq!(
        second.refusal(1),
        "the data directory data is in use by another RankBot: stop that one, or choose another"
    );
}

#[tokio::test]
async fn a_port_in_use_is_refused_before_anything_is_made() {
    let folder = TempDir::new().unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let ended = run_in(folder.path(), &["local", "--port", &port], &[]).await;
    assert_eq!(
        ended.refusal(1),
        format!("port {port} is in use: stop what uses it, or choose another with --port (0 takes any free one)")
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_refused() {
    // A file where the directory should be: no permission bits, which would not hold for root.
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("data"), "").unwrap();
    let ended = run_in(folder.path(), &["local", "--port", "0", "--data", "data"], &[]).await;
    assert!(
        ended.refusal(1).starts_with("cannot write the data directory data: choose another, or make it writable"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn options_that_cannot_be_are_refused_in_one_sentence() {
    let cases: [(&[&str], &str); 5] = [
        (&["--prot", "1"], "unexpected argument '--prot' found: a similar argument exists: '--port'"),
        (&["--port", "65536"], "65536 is not in 0..=65535"),
        (&["--ephemeral", "--data", "x"], "'--ephemeral' cannot be used with '--data <DIR>'"),
        (&["--group", "0"], "a group's id is the whole number in its address on roblox.com"),
        (&["--roblox-base-url", "roblox"], "give a scheme and a host alone"),
    ];
    for (arguments, expected) in cases {
        let ended = run(&[&["local"], arguments].concat(), &[]).await;
        assert!(ended.refusal(2).contains(expected), "{ended:?}");
    }
}

#[tokio::test]
async fn another_roblox_needs_its_key_in_the_environment() {
    let arguments = ["local", "--port", "0", "--ephemeral", "--roblox-base-url", "http://127.0.0.1:9"];
    let without = run(&arguments, &[]).await;
    assert_eq!(without.refusal(1), "--roblox-base-url needs the bot account's Open Cloud key in ROBLOX_API_KEY");
    let unreadable = run(&arguments, &[("ROBLOX_API_KEY", "two\nlines")]).await;
    assert_eq!(unreadable.refusal(1), "ROBLOX_API_KEY is not an Open Cloud key: copy it again, in one line");
}

#[tokio::test]
async fn the_log_has_a_line_per_request_and_no_secret() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path(), &["--ephemeral"]).await;
    let key = running.key("starter").to_owned();
    get(&running, "/v1/key", &key).await;
    get(&running, "/v1/nowhere", &key).await;
    let (_, _, stderr) = running.stop(Signal::Terminate).await;

    let lines: Vec<&str> = stderr.lines().collect();
    let key_id = &key[5..17];
    assert_eq!(lines.len(), 2, "{stderr}");
    assert!(lines[0].contains(" GET  /v1/key 200 ") && lines[0].contains(&format!("key={key_id} ")), "{stderr}");
    assert!(lines[1].contains(" GET  /v1/nowhere 404 ROUTE_NOT_FOUND "), "{stderr}");
    assert!(!stderr.contains(&key[18..]) && !stderr.contains('\u{1b}'), "{stderr}");
}

/// A shell's words: split at spaces, single quotes hold together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        let mut pieces = part.split(' ');
        words.last_mut().unwrap().push_str(pieces.next().unwrap());
        words.extend(pieces.map(str::to_owned));
    }
    words
}

/// Sends what curl would send for these words.
async fn send(words: &[String]) -> (u16, Value) {
    let (mut request, mut body) = (reqwest::Client::new().get(&words[2]), None);
    assert_eq!(words[..2], ["curl", "-sS"]);
    for option in words[3..].chunks(2) {
        match option[0].as_str() {
            "-H" => {
                let (name, value) = option[1].split_once(": ").unwrap();
                request = request.header(name, value);
            }
            "-d" => body = Some(option[1].clone()),
            other => panic!("{other}"),
        }
    }
    let mut request = request.build().unwrap();
    if let Some(body) = body {
        *request.method_mut() = reqwest::Method::POST;
        *request.body_mut() = Some(body.into());
    }
    let response = reqwest::Client::new().execute(request).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_curl_lines_of_the_greeting_do_what_they_are_said_to_do() {
    let folder = TempDir::new().unwrap();
    let (_running, greeting) = greeting(folder.path()).await;
    let mut answers = Vec::new();
    for line in greeting.lines().filter(|line| line.starts_with("curl ")) {
        let (status, body) = send(&words(line)).await;
        answers.push((
            status,
            body["action"].clone(),
            body["toRank"].clone(),
            body["rank"].clone(),
            body["code"].clone(),
        ));
    }
    let nothing = Value::Null;
    assert_eq!(
        answers,
        [
            (200, "setRank".into(), 20.into(), nothing.clone(), nothing.clone()),
            (200, "promote".into(), 35.into(), nothing.clone(), nothing.clone()),
            (200, nothing.clone(), nothing.clone(), 35.into(), nothing.clone()),
            (403, nothing.clone(), nothing.clone(), nothing, "PLAN_REQUIRED".into()),
        ]
    );
}

#[tokio::test]
async fn the_exports_of_the_greeting_lead_the_other_commands_to_the_store() {
    let folder = TempDir::new().unwrap();
    let (_running, greeting) = greeting(folder.path()).await;
    let exports = greeting.lines().find_map(|line| line.strip_prefix("export ")).unwrap();
    let environment: Vec<(&str, &str)> = exports.split(' ').map(|pair| pair.split_once('=').unwrap()).collect();
    let listed = run(&["keys", "list", "--json"], &environment).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
}

/// A page of somebody else's site, which the developer has open, and one whose name is made to lead to this machine.
#[tokio::test]
async fn no_page_of_another_site_is_answered_by_the_api_or_the_sandbox() {
    let local = Local::start(LocalOptions::default()).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let sandbox = local.sandbox_url().unwrap();
    for url in [format!("{}/v1/status", local.url()), format!("{sandbox}/sandbox/faults"), format!("{sandbox}/")] {
        assert_eq!(client.get(&url).send().await.unwrap().status(), 200, "{url}");
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("host", "evil.example"),
        ] {
            let answer = client.get(&url).header(name, value).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{url} {name}: {value}");
            assert!(!answer.headers().contains_key("access-control-allow-origin"));
        }
    }
    let fault = r#"{"effect":{"status":{"status":503}}}"#;
    let injecting = client.post(format!("{sandbox}/sandbox/faults")).header("origin", "https://evil.example");
    assert_eq!(injecting.body(fault).send().await.unwrap().status(), 403);
    assert!(local.sandbox().unwrap().faults().is_empty(), "no fault was injected");
    local.stop().await;
}
