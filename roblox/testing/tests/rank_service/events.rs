//! What a game is told while calls run.

use serde_json::json;

use crate::double::{Double, Fault, refusal};
use crate::scenario::{game, play, play_alone};

#[test]
fn signals_tell_what_on_event_tells() {
    let limited = refusal(503, "SERVICE_UNAVAILABLE", true)
        .with("X-RateLimit-Limit", "100")
        .with("X-RateLimit-Remaining", "3")
        .with("X-RateLimit-Reset", "1793491200");
    let api = Double::with([Fault::Instead(limited)]);
    let run = play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, maxRequestsPerMinute = 2 })
        local seen = {}
        ranks.RankChanged:Connect(function(change) table.insert(seen, `changed {change.userId}`) end)
        ranks.Retrying:Connect(function(event) table.insert(seen, `retry {event.call} {event.attempt}`) end)
        ranks.Queued:Connect(function(event) table.insert(seen, `queued {event.call} {event.waiting}`) end)
        ranks.QuotaLow:Connect(function(event) table.insert(seen, `low {event.quota.remaining} of {event.threshold}`) end)
        ranks:PromoteAsync(1)
        ranks:GetRankAsync(1)
        return seen
        ",
    );
    let expected = ["low 3 of 10", "retry PromoteAsync 1", "changed 1", "queued GetRankAsync 1"];
    assert_eq!(run.value, json!(expected));
}

#[test]
fn a_connection_ends_when_it_is_told_to_and_once_is_once() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r"
        local always, first, waited = 0, 0, nil
        local connection = ranks.RankChanged:Connect(function() always += 1 end)
        ranks.RankChanged:Once(function() first += 1 end)
        task.spawn(function() waited = ranks.RankChanged:Wait().toRank end)
        ranks:Promote(1) ranks:Promote(1)
        connection:Disconnect()
        ranks:Promote(1)
        return { always, first, waited, connection.Connected }
        ",
    );
    assert_eq!(run.value, json!([2, 1, 2, false]));
}

#[test]
fn what_a_handler_is_given_is_frozen_to_the_last_table() {
    let api = Double::with([Fault::CutBefore]);
    let run = play_alone(
        game(api.url()),
        r"
        local open = 0
        local function walk(value)
            if type(value) == 'table' then
                if not table.isfrozen(value) then open += 1 end
                for _, item in value do walk(item) end
            end
        end
        local kinds = {}
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, maxRequestsPerMinute = 2,
            onEvent = function(event) walk(event) kinds[event.kind] = true end })
        ranks:Promote(1) ranks:GetRank(2)
        return { open = open, retry = kinds.retry, changed = kinds.rankChanged, queued = kinds.queued,
            client = table.isfrozen(ranks) }
        ",
    );
    assert_eq!(run.value, json!({ "open": 0, "retry": true, "changed": true, "queued": true, "client": true }));
}

#[test]
fn a_handler_that_makes_changes_for_ever_overflows_no_stack() {
    let api = Double::with([]);
    let run = play_alone(
        game(api.url()),
        r"
        local asked = 0
        local ranks
        ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, maxRequestsPerMinute = 1,
            onEvent = function(event)
                if event.kind == 'queued' and asked < 2000 then
                    asked += 1
                    ranks:GetRank(1000 + asked)
                end
            end })
        task.spawn(function() ranks:GetRank(1) ranks:GetRank(2) end)
        task.wait(60)
        return asked
        ",
    );
    assert_eq!(run.value, json!(2000));
}

#[test]
fn the_codes_and_kinds_are_tables_that_nobody_can_change() {
    let run = play(
        game("https://rankbot.example.com"),
        r"
        local wrong = {}
        for name, code in RankService.ErrorCode do
            if name ~= code then table.insert(wrong, name) end
        end
        return { wrong = #wrong, count = (function() local n = 0 for _ in RankService.ErrorCode do n += 1 end return n end)(),
            frozen = table.isfrozen(RankService.ErrorCode) and table.isfrozen(RankService.EventKind),
            kinds = RankService.EventKind }
        ",
    );
    let kinds = json!({ "RankChanged": "rankChanged", "Retry": "retry", "Queued": "queued", "QuotaLow": "quotaLow" });
    let codes = crate::results::CATALOGUE.len() + crate::types::OWN_CODES.len();
    assert_eq!(run.value, json!({ "wrong": 0, "count": codes, "frozen": true, "kinds": kinds }));
}
