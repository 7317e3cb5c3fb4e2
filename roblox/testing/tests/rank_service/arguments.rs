//! A wrong type is a mistake and throws at its line; a wrong value is answered. Neither sends anything.

use roblox_testing::Host;
use roblox_testing::host::Place;
use serde_json::{Value, json};

use crate::double::Double;
use crate::scenario::{KEY, game, play, play_alone};

/// Each expression throws, at the script's own line, with these words.
const MISTAKES: &[(&str, &str)] = &[
    ("ranks:Promote(nil)", "user must be a user id (a number) or a Player, not nil"),
    ("ranks:Promote('42')", "user must be a user id (a number) or a Player, not string 42"),
    ("ranks:Promote({})", "user must be"),
    ("ranks:Promote(workspace)", "user must be"),
    ("ranks:Promote({ UserId = 42 })", "user must be a user id (a number) or a Player, not table"),
    ("ranks:GetRank(true)", "user must be"),
    ("ranks:SetRank(1, '5')", "rank must be a number from 1 to 254, not string 5"),
    ("ranks:SetRank(1)", "rank must be a number"),
    ("ranks:SetRole(1, true)", "role must be a role's id (a number) or name, not boolean true"),
    ("ranks:Promote(1, 'reason')", "options must be a table"),
    (
        "ranks:Promote(1, { resaon = 'x' })",
        "There is no option \"resaon\". There are: actor, dryRun, idempotencyKey, ifRank, reason, steps.",
    ),
    ("ranks:SetRank(1, 2, { steps = 3 })", "There is no option \"steps\""),
    ("ranks:Promote(1, { neverLower = true })", "There is no option \"neverLower\""),
    ("ranks:Promote(1, { ifRank = 'Crew' })", "ifRank must be a rank, or the lowest and the highest such as { 1, 50 }"),
    ("ranks:Promote(1, { ifRank = { 1 } })", "ifRank must be a rank"),
    ("ranks:GetRank(1, { maxAge = '5' })", "The option maxAge must be a number"),
    ("ranks:GetLog(5)", "logId must be"),
    ("ranks:Promote(1, { dryRun = 'yes' })", "The option dryRun must be a boolean"),
    ("ranks:Promote(1, { reason = 5 })", "The option reason must be a string"),
    ("ranks:Promote(1, { actor = 'Ada' })", "actor must be"),
    ("ranks:Promote(1, { idempotencyKey = '' })", "idempotencyKey must be 1 to 255"),
    ("ranks:Promote(1, { idempotencyKey = 'a b' })", "idempotencyKey must be"),
    ("ranks:Promote(1, { idempotencyKey = string.rep('k', 256) })", "idempotencyKey must be"),
    ("ranks.Promote(1)", "Call PromoteAsync with a colon"),
    ("ranks.SetRank(1, 2)", "Call SetRankAsync with a colon"),
    ("ranks.SetRole(1, 2)", "Call SetRoleAsync with a colon"),
    ("ranks.GetQuota()", "Call GetQuota with a colon"),
    ("RankService.GetRank(nil, 1)", "Call GetRankAsync with a colon"),
    ("ranks:Undo(nil)", "logId must be"),
    ("ranks:Undo('a', { froce = true })", "There is no option \"froce\""),
    ("ranks:GetLogs('x')", "options must be a table"),
    ("ranks:GetLogs({ userId = 4 })", "There is no option \"userId\""),
    ("ranks:GetLogs({ user = 'x' })", "user must be"),
    ("RankService.new()", "takes a table of settings"),
    ("RankService:new{}", "Call new with a dot: RankService.new({ … })"),
    ("RankService:new({ baseUrl = 'https://a' })", "Call new with a dot"),
    ("RankService.new({})", "baseUrl is missing"),
    ("RankService.new({ baseUrl = 5 })", "setting baseUrl must be a string"),
    ("RankService.new({ baseUrl = 'rankbot.example.com' })", "baseUrl must be an address"),
    ("RankService.new({ baseUrl = 'https://a b' })", "baseUrl must be an address"),
    ("RankService.new({ baseUrl = 'https://a?x=1' })", "baseUrl must be an address"),
    ("RankService.new({ baseUrl = 'http://rankbot.example.com' })", "must begin with https://"),
    ("RankService.new({ baseUrl = 'http://localhost.evil.com' })", "must begin with https://"),
    ("RankService.new({ baseUrl = 'http://127.0.0.1.evil.com' })", "must begin with https://"),
    ("RankService.new({ baseUrl = 'http://localhost:x@evil.com' })", "baseUrl must be an address"),
    ("RankService.new({ baseUrl = 'https://rankbot.example.com@evil.com' })", "baseUrl must be an address"),
    (
        "RankService.new({ baseUrl = 'https://a', kye = 'x' })",
        "There is no setting \"kye\". There are: baseUrl, groupId,",
    ),
    ("RankService.new({ baseUrl = 'https://a', key = '' })", "key must be a Secret"),
    ("RankService.new({ baseUrl = 'https://a', key = 'with space' })", "remove spaces and line breaks"),
    ("RankService.new({ baseUrl = 'https://a', key = 'wesk_a\\n' })", "remove spaces and line breaks"),
    ("RankService.new({ baseUrl = 'https://a', key = 5 })", "key must be a Secret"),
    ("RankService.new({ baseUrl = 'https://a', groupId = 0 })", "groupId must be a whole number"),
    (
        "RankService.new({ baseUrl = 'https://a', maxRequestsPerMinute = 500 })",
        "maxRequestsPerMinute must be between 1 and 499",
    ),
    ("RankService.new({ baseUrl = 'https://a', maxRequestsPerMinute = 0/0 })", "maxRequestsPerMinute must be between"),
    (
        "RankService.new({ baseUrl = 'https://a', maxRequestsPerMinute = 1.5 })",
        "maxRequestsPerMinute must be a whole number",
    ),
    ("RankService.new({ baseUrl = 'https://a', quotaThreshold = 0/0 })", "quotaThreshold must be between"),
    ("RankService.new({ baseUrl = 'https://a', timeout = 0 })", "timeout must be between"),
    ("RankService.new({ baseUrl = 'https://a', retry = { attempts = 1.5 } })", "retry.attempts must be a whole number"),
    ("RankService.new({ baseUrl = 'https://a', retry = 5 })", "setting retry must be a table, not number 5"),
    ("RankService.new({ baseUrl = 'https://a', retry = { attempts = 0 } })", "retry.attempts must be between"),
    ("RankService.new({ baseUrl = 'https://a', retry = { atempts = 1 } })", "There is no retry setting \"atempts\""),
    ("RankService.new({ baseUrl = 'https://a', mock = 'yes' })", "mock must be"),
    ("RankService.new({ baseUrl = 'https://a', onEvent = 'x' })", "setting onEvent must be a function"),
];

/// The same, where a mock is made: in Studio alone.
const MOCK_MISTAKES: &[(&str, &str)] = &[
    (
        "RankService.new({ mock = { rols = {} } })",
        "There is no mock setting \"rols\". There are: fail, members, plan, roles, used.",
    ),
    ("RankService.new({ mock = { roles = {} } })", "mock.roles is empty: give roles such as"),
    ("RankService.new({ mock = { roles = { 5 } } })", "mock.roles must be a list of roles"),
    ("RankService.new({ mock = { roles = { { id = 1, name = 'M' } } } })", "must be a whole number from 0 to 255"),
    (
        "RankService.new({ mock = { roles = { { id = 1, name = 'M', rank = 256 } } } })",
        "must be a whole number from 0 to 255",
    ),
    (
        "RankService.new({ mock = { roles = { { id = 0.5, name = 'M', rank = 1 } } } })",
        "the id of M must be a whole number of 1 or more",
    ),
    (
        "RankService.new({ mock = { roles = { { id = 1, name = 'M', rank = 0 } } } })",
        "mock.roles must have a role at a rank from 1 to 254",
    ),
    (
        "RankService.new({ mock = { roles = { { id = 1, name = 'M', rank = 1 }, { id = 1, name = 'N', rank = 2 } } } })",
        "two roles have the id 1: give each an id of its own",
    ),
    (
        "RankService.new({ mock = { roles = { { id = 1, name = 'M', rank = 255 }, { id = 2, name = 'N', rank = 255 } } } })",
        "two roles stand at rank 255, where a group has only one",
    ),
    ("RankService.new({ mock = { members = { [42] = 77 } } })", "mock.members must be ranks of the mock's roles"),
    ("RankService.new({ mock = { members = { [42] = 77 } } })", "No role stands at rank 77, which user 42 has."),
    ("RankService.new({ mock = { members = { Ada = 1 } } })", "There is no user string Ada."),
    ("RankService.new({ mock = { members = { [0] = 1 } } })", "There is no user number 0."),
    ("RankService.new({ mock = { members = { [42] = 'Admin' } } })", "User 42 cannot have string Admin."),
    ("RankService.new({ mock = { members = { [42] = { 0, 1 } } } })", "User 42 cannot have number 0."),
    ("RankService.new({ mock = { members = { [42] = {} } } })", "User 42 has no rank."),
    ("RankService.new({ mock = { members = { [-1] = 255, [-2] = 255 } } })", "cannot both own the group"),
    (
        "RankService.new({ mock = { fail = 'TIMOUT' } })",
        "mock.fail must be a code of RankService.ErrorCode, or a function that returns one, not string TIMOUT",
    ),
    ("RankService.new({ mock = { fail = true } })", "mock.fail must be a code of RankService.ErrorCode"),
    ("RankService.new({ mock = { plan = 'free' } })", "mock.plan must be starter, pro or max, not free"),
    ("RankService.new({ mock = { plan = 5 } })", "mock setting plan must be a string"),
    ("RankService.new({ mock = { used = -1 } })", "mock.used must be a whole number of 0 or more, not -1"),
    ("RankService.new({ mock = { used = '5' } })", "mock setting used must be a number"),
    ("RankService.new({ mock = { roles = 'Crew' } })", "mock setting roles must be a table, not string Crew"),
];

/// What `expression` throws at its own line, 3.
fn thrown_by(host: Host, expression: &str) -> String {
    let script =
        format!("\nlocal ok, problem = pcall(function()\n\treturn {expression}\nend)\nreturn {{ ok, problem }}");
    let run = play(host, &script);
    let problem = run.value.pointer("/1").and_then(Value::as_str).unwrap_or("nothing was thrown").to_owned();
    assert_eq!(run.value.pointer("/0"), Some(&json!(false)), "{expression}: {problem}");
    assert!(problem.starts_with("Script:3: "), "{expression} is blamed on another line: {problem}");
    problem
}

#[test]
fn a_mistake_throws_at_its_own_line_and_says_the_fix() {
    let api = Double::with([]);
    for (expression, words) in MISTAKES {
        let problem = thrown_by(game(api.url()), expression);
        assert!(problem.contains(words), "{expression}: {problem}");
    }
    for (expression, words) in MOCK_MISTAKES {
        let problem = thrown_by(game(api.url()).place(Place::Studio), expression);
        assert!(problem.contains(words), "{expression}: {problem}");
    }
    assert_eq!(api.server.requests().len(), 0);
}

#[test]
fn no_mistake_prints_a_key_that_stands_where_it_does_not_belong() {
    for expression in [
        "RankService.new(KEY)",
        "RankService.new({ groupId = KEY })",
        "RankService.new({ baseUrl = KEY })",
        "RankService.new({ baseUrl = 'https://' .. KEY .. ' ' })",
        "RankService.new({ baseUrl = 'https://a', key = KEY .. ' ' })",
        "RankService.new({ baseUrl = 'https://a', key = { KEY } })",
        "RankService.new({ baseUrl = 'https://a', [KEY] = true })",
        "RankService.new({ baseUrl = 'https://a', mock = KEY })",
        "RankService.new({ baseUrl = 'https://a', retry = { attempts = KEY } })",
        "RankService.new({ baseUrl = 'https://a', retry = { [KEY] = 1 } })",
        "RankService.new({ baseUrl = 'https://a', onEvent = KEY })",
        "ranks:Promote(KEY)",
        "ranks:Promote(1, KEY)",
        "ranks:Promote(1, { [KEY] = 1 })",
        "ranks:Promote(1, { dryRun = KEY })",
        "ranks:Promote(1, { actor = KEY })",
        "ranks:Promote(1, { idempotencyKey = KEY .. ' ' })",
        "ranks:SetRank(1, KEY)",
        "ranks:SetRole(1, { KEY })",
        "ranks:Promote(1, { ifRank = KEY })",
        "ranks:GetRank(KEY)",
        "ranks:GetLogs(KEY)",
        "ranks:GetLogs({ limit = KEY })",
    ] {
        let expression = expression.replace("KEY", "testing.values.key");
        let problem = thrown_by(game("https://a").value("key", KEY), &expression);
        assert!(!problem.contains("wesk_a"), "{expression}: {problem}");
    }
}

#[test]
fn the_local_machine_is_reached_without_tls() {
    for url in ["http://localhost", "http://LocalHost:3000/", "http://127.0.0.1:3000/v1", "http://[::1]:3000/pro/v1/"] {
        let run = play_alone(game(url), "return RankService.new({ baseUrl = testing.values.url }):GetQuota() == nil");
        assert_eq!(run.value, json!(true), "{url}");
    }
}

#[test]
fn a_wrong_value_is_answered_without_a_request() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r"
        local player = testing.join(42, 'Player1')
        player.UserId = -1
        local results = {
            ranks:Promote(0), ranks:Promote(-5), ranks:Promote(1.5), ranks:Promote(0/0), ranks:Promote(math.huge),
            ranks:Promote(2^53), ranks:Promote(player), ranks:SetRank(1, 0/0), ranks:SetRank(1, 2.5),
            ranks:SetRank(1, math.huge), ranks:SetRank(1, -1), ranks:SetRole(1, 0.5), ranks:Promote(1, { steps = 0 }),
            ranks:Promote(1, { steps = 0/0 }), ranks:Promote(1, { actor = -1 }), ranks:Promote(1, { reason = '\255' }),
            ranks:GetRank(0), ranks:GetLogs({ user = 0 }), ranks:GetLogs({ limit = 0.5 }), ranks:GetLogs({ from = 0/0 }),
            ranks:SetRank(1, 0), ranks:SetRank(1, 255), ranks:SetRank(1, 300), ranks:Promote(1, { steps = 11 }),
            ranks:Promote(1, { reason = '' }), ranks:Promote(1, { reason = string.rep('é', 201) }),
            ranks:SetRole(1, ''), ranks:SetRole(1, '\255'), ranks:SetRole(1, -1), ranks:Promote(1, { ifRank = { 9, 3 } }),
            ranks:Promote(1, { ifRank = 256 }), ranks:GetRank(1, { maxAge = -1 }), ranks:GetLogs({ limit = 101 }),
            ranks:GetLogs({ actor = -1 }), ranks:Undo(''), ranks:GetLog(''),
        }
        return results
        ",
    );
    let results = run.value.as_array().unwrap();
    assert_eq!(results.len(), 36);
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["error"]["code"], json!("INVALID_PARAMETER"), "number {index}: {result}");
        assert_eq!(result["error"]["attempts"], json!(0));
        assert_eq!(result["error"]["status"], Value::Null);
    }
    assert!(results[6]["error"]["message"].as_str().unwrap().contains("test player of Studio"));
    let words = |index: usize| results[index]["error"]["message"].as_str().unwrap();
    assert_eq!(words(21), "rank must be from 1 to 254: 255 is the owner's alone.");
    assert_eq!(words(22), "rank must be a whole number from 1 to 254, not 300.");
    assert_eq!(words(24), "reason is empty: give 1 to 200 characters, or leave it out.");
    assert_eq!(words(25), "reason must be at most 200 characters, not 201.");
    assert_eq!(api.server.requests().len(), 0);
}

#[test]
fn large_ids_are_sent_exactly() {
    let api = Double::with([]);
    play(game(api.url()), "ranks:Promote(2^53 - 1) ranks:GetRank(2^53 - 1) ranks:GetRank(10000000000)");
    let requests = api.server.requests();
    assert!(requests[0].body.contains("9007199254740991"), "{}", requests[0].body);
    assert_eq!(requests[1].path, "/v1/rank/7/9007199254740991");
    assert_eq!(requests[2].path, "/v1/rank/7/10000000000");
}

#[test]
fn an_address_is_taken_however_it_was_copied() {
    let api = Double::with([]);
    let url = api.url().to_owned();
    let shouted = url.replace("http://", "HTTP://");
    for given in [
        shouted,
        format!("{url}/v1/promote"),
        format!("{url}/v1/rank/7/42"),
        format!("{url}/v1/logs/"),
        format!("{url}/v1/"),
    ] {
        let script = "return RankService.new({ baseUrl = testing.values.url, groupId = 7 }):GetRank(1).ok";
        let run = play_alone(game(&given), script);
        assert_eq!(run.value, json!(true), "{given}");
    }
    let below = play_alone(
        game(&format!("{url}/pro/v1/setRank")),
        "return RankService.new({ baseUrl = testing.values.url, groupId = 7 }):GetRank(1).ok",
    );
    assert_eq!(below.value, json!(true));
    assert_eq!(api.server.requests().last().unwrap().path, "/pro/v1/rank/7/1", "the stage stays");
    assert!(api.server.requests().iter().rev().skip(1).all(|request| request.path == "/v1/rank/7/1"));
}
