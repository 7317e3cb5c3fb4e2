//! A wrong type is a mistake and throws at its line; a wrong value is answered. Neither sends anything.

use serde_json::{Value, json};

use crate::double::Double;
use crate::scenario::{game, play};

/// Each expression throws, at the script's own line, with these words.
const MISTAKES: &[(&str, &str)] = &[
    ("ranks:Promote(nil)", "user must be a user id (a number) or a Player, not nil"),
    ("ranks:Promote('42')", "user must be a user id (a number) or a Player, not string 42"),
    ("ranks:Promote({})", "user must be"),
    ("ranks:Promote(workspace)", "user must be"),
    ("ranks:GetRank(true)", "user must be"),
    ("ranks:SetRank(1, '5')", "rank must be a number from 1 to 254, not string 5"),
    ("ranks:SetRank(1)", "rank must be a number"),
    ("ranks:SetRole(1, 'Captain')", "roleId must be a number"),
    ("ranks:Promote(1, 'reason')", "options must be a table"),
    (
        "ranks:Promote(1, { resaon = 'x' })",
        "There is no option string resaon here. There are: actor, dryRun, idempotencyKey, reason, steps.",
    ),
    ("ranks:SetRank(1, 2, { steps = 3 })", "There is no option string steps"),
    ("ranks:Promote(1, { dryRun = 'yes' })", "The option dryRun must be a boolean"),
    ("ranks:Promote(1, { reason = 5 })", "The option reason must be a string"),
    ("ranks:Promote(1, { actor = 'Ada' })", "actor must be"),
    ("ranks:Promote(1, { idempotencyKey = '' })", "idempotencyKey must be 1 to 255"),
    ("ranks:Promote(1, { idempotencyKey = 'a b' })", "idempotencyKey must be"),
    ("ranks:Promote(1, { idempotencyKey = string.rep('k', 256) })", "idempotencyKey must be"),
    ("ranks.Promote(1)", "Call Promote with a colon"),
    ("ranks.GetQuota()", "Call GetQuota with a colon"),
    ("RankService.GetRank(nil, 1)", "Call GetRank with a colon"),
    ("ranks:Undo(nil)", "logId must be"),
    ("ranks:Undo('a', { froce = true })", "There is no option string froce"),
    ("ranks:GetLogs('x')", "options must be a table"),
    ("ranks:GetLogs({ userId = 4 })", "There is no option string userId"),
    ("ranks:GetLogs({ user = 'x' })", "user must be"),
    ("RankService.new()", "takes a table of settings"),
    ("RankService.new({})", "baseUrl is missing"),
    ("RankService.new({ baseUrl = 5 })", "setting baseUrl must be a string"),
    ("RankService.new({ baseUrl = 'rankbot.example.com' })", "baseUrl must be an address"),
    ("RankService.new({ baseUrl = 'https://a b' })", "baseUrl must be an address"),
    ("RankService.new({ baseUrl = 'https://a?x=1' })", "baseUrl must be an address"),
    ("RankService.new({ baseUrl = 'http://rankbot.example.com' })", "must begin with https://"),
    ("RankService.new({ baseUrl = 'https://a', kye = 'x' })", "There is no setting string kye"),
    ("RankService.new({ baseUrl = 'https://a', key = '' })", "key must be a Secret"),
    ("RankService.new({ baseUrl = 'https://a', key = 'with space' })", "key must be a Secret"),
    ("RankService.new({ baseUrl = 'https://a', key = 5 })", "key must be a Secret"),
    ("RankService.new({ baseUrl = 'https://a', groupId = 0 })", "groupId must be a whole number"),
    (
        "RankService.new({ baseUrl = 'https://a', maxRequestsPerMinute = 500 })",
        "maxRequestsPerMinute must be between 1 and 499",
    ),
    ("RankService.new({ baseUrl = 'https://a', maxRequestsPerMinute = 0/0 })", "maxRequestsPerMinute must be between"),
    ("RankService.new({ baseUrl = 'https://a', timeout = 0 })", "timeout must be between"),
    ("RankService.new({ baseUrl = 'https://a', retry = { attempts = 0 } })", "retry.attempts must be between"),
    ("RankService.new({ baseUrl = 'https://a', retry = { atempts = 1 } })", "There is no retry setting string atempts"),
    ("RankService.new({ baseUrl = 'https://a', mock = 'yes' })", "mock must be"),
    ("RankService.new({ baseUrl = 'https://a', onEvent = 'x' })", "setting onEvent must be a function"),
];

#[test]
fn a_mistake_throws_at_its_own_line_and_says_the_fix() {
    let api = Double::with([]);
    for (expression, words) in MISTAKES {
        let script =
            format!("\nlocal ok, problem = pcall(function()\n\treturn {expression}\nend)\nreturn {{ ok, problem }}");
        let run = play(game(api.url()), &script);
        let problem = run.value[1].as_str().unwrap_or("nothing was thrown");
        assert_eq!(run.value[0], json!(false), "{expression}: {problem}");
        assert!(problem.starts_with("Script:3: "), "{expression} is blamed on another line: {problem}");
        assert!(problem.contains(words), "{expression}: {problem}");
    }
    assert_eq!(api.server.requests().len(), 0);
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
        }
        return results
        ",
    );
    let results = run.value.as_array().unwrap();
    assert_eq!(results.len(), 20);
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["error"]["code"], json!("INVALID_PARAMETER"), "number {index}: {result}");
        assert_eq!(result["error"]["attempts"], json!(0));
        assert_eq!(result["error"]["status"], Value::Null);
    }
    assert!(results[6]["error"]["message"].as_str().unwrap().contains("test player of Studio"));
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
