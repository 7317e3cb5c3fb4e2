//! Keys, clients, Studio.

use roblox_testing::host::{HttpAccess, Place};
use roblox_testing::{Host, HostError, Reply, ScriptedServer};
use serde_json::json;

use crate::double::Double;
use crate::scenario::{KEY, SOURCE, bare_game, code, game, play, play_alone};

#[test]
fn a_client_gets_no_client() {
    let host = Host::new().module("ReplicatedStorage.RankService", SOURCE);
    let script = "local RankService = require(game:GetService('ReplicatedStorage').RankService)\nRankService.new({ baseUrl = 'https://x' })";
    let refusal = host.run_on_client(script).unwrap_err();
    assert!(
        matches!(&refusal, HostError::Script(text) if text.starts_with("Script:2:") && text.contains("runs on the server alone")),
        "{refusal}"
    );
}

#[test]
fn without_http_the_way_to_allow_it_is_said_and_nothing_repeated() {
    let run = play(game("https://rankbot.example.com").http(HttpAccess::Disabled), "return ranks:Promote(1)");
    assert_eq!(code(&run.value), "HTTP_DISABLED");
    assert!(run.value["error"]["message"].as_str().unwrap().contains("Allow HTTP Requests"));
    assert_eq!((&run.value["error"]["attempts"], &run.value["error"]["retryable"]), (&json!(0), &json!(false)));
}

#[test]
fn without_the_secret_its_place_is_said_once_per_instance() {
    for (place, expected) in [(Place::Studio, "Local Secrets"), (Place::Live, "Creator Hub")] {
        let api = Double::with([]);
        let run = play(bare_game(api.url()).place(place), "ranks:GetKey() return ranks:Promote(1)");
        assert_eq!(code(&run.value), "SECRET_MISSING");
        let message = run.value["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected) && message.contains("RankBotKey"), "{message}");
        assert!(message.contains("Roblox says: Can't find secret with given key"), "{message}");
        assert_eq!(run.warnings().len(), 1, "{:?}", run.warnings());
        assert_eq!(api.server.requests().len(), 0);
    }
}

#[test]
fn a_secret_of_another_domain_is_no_connection_failure() {
    let api = Double::with([]);
    let run =
        play(bare_game(api.url()).secret_for("rankbot.example.com", "RankBotKey", KEY), "return ranks:Promote(1)");
    assert_eq!(code(&run.value), "SECRET_MISSING");
    assert_eq!(run.value["error"]["attempts"], json!(0), "Roblox has not sent it");
}

#[test]
fn another_secret_or_a_text_can_be_the_key_and_a_text_is_warned_of_in_a_live_server() {
    let script = r#"
        local key = if testing.values.text then testing.values.text else game:GetService("HttpService"):GetSecret("Other")
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, key = key })
        return ranks:Promote(1).ok
    "#;
    for (place, text, warnings) in [(Place::Live, true, 1), (Place::Studio, true, 0), (Place::Live, false, 0)] {
        let api = Double::with([]);
        let mut host = bare_game(api.url()).place(place).secret("Other", KEY);
        if text {
            host = host.value("text", KEY);
        }
        let run = play_alone(host, script);
        assert_eq!((run.value.clone(), run.warnings().len()), (json!(true), warnings));
        assert_eq!(api.server.requests()[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    }
}

#[test]
fn no_table_of_the_module_holds_a_key() {
    let api = ScriptedServer::replies([Reply::text(400, "{}")]).unwrap();
    let run = play_alone(
        bare_game(api.url()).place(Place::Studio).value("text", KEY),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, key = testing.values.text })
        local seen = {}
        local function walk(value)
            if type(value) == 'table' and not seen[value] then
                seen[value] = true
                for key, item in value do walk(key) walk(item) end
                walk(getmetatable(value))
            end
            assert(not string.find(tostring(value), 'wesk_'), 'a key is in reach')
        end
        walk(ranks)
        walk(RankService)
        walk(ranks:Promote(1))
        return tostring(ranks) ~= nil
        ",
    );
    assert_eq!(run.value, json!(true));
}

#[test]
fn a_key_in_what_roblox_throws_is_hidden() {
    let run = play_alone(
        game("http://127.0.0.1:1").value("text", KEY),
        r"
        local function thrownWith(key, text)
            local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, key = key, retry = { attempts = 1 } })
            testing.failNextRequest(`Header 'Authorization: Bearer {text}' is refused`)
            return ranks:Promote(1).error.message
        end
        return { thrownWith(nil, testing.values.text), thrownWith('hunter2-%d.+', 'hunter2-%d.+') }
        ",
    );
    let hidden = "The API could not be reached (Header 'Authorization: Bearer {}' is refused).";
    assert_eq!(run.value, json!([hidden.replace("{}", "wesk_…"), hidden.replace("{}", "…")]));
}

#[test]
fn any_wording_of_a_timeout_or_a_used_up_minute_is_understood() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r"
        local seen = {}
        for _, text in { 'HttpError: Timedout', 'Request timed out', 'Timeout was reached', 'Number of requests exceeded limit', 'HttpError: NetFail' } do
            testing.failNextRequest(text)
            local ok, after = ranks:Promote(1).ok, nil
            for _, event in events do after = if event.kind == 'retry' then event.error.code else after end
            table.insert(seen, { ok = ok, after = after })
        end
        return seen
        ",
    );
    let codes: Vec<_> = run.value.as_array().unwrap().iter().map(|seen| seen["after"].clone()).collect();
    assert_eq!(
        codes,
        ["TIMEOUT", "TIMEOUT", "TIMEOUT", "BUDGET_EXHAUSTED", "CONNECTION_FAILED"].map(|code| json!(code))
    );
    assert!(run.value.as_array().unwrap().iter().all(|seen| seen["ok"] == json!(true)));
    assert!(run.clock >= 10.0, "after a used-up minute all requests pause: {}", run.clock);
}

#[test]
fn an_error_in_the_games_own_handler_does_not_reach_the_call() {
    let api = Double::with([]);
    let script = r"
        local RankService = require(game:GetService('ServerScriptService').RankService)
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, onEvent = function() error('mine') end })
        return ranks:Promote(1).ok
    ";
    let run = game(api.url()).run(script).unwrap();
    assert_eq!(run.value, json!(true));
    assert_eq!(run.errors.len(), 1);
    assert!(run.errors[0].contains("mine"));
}
