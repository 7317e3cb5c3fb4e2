//! A server that shuts down finishes what it began.

use roblox_testing::{Reply, ScriptedServer};
use serde_json::json;

use crate::double::{Double, Fault, refusal};
use crate::scenario::{game, play, play_alone};

#[test]
fn what_is_in_flight_is_waited_for() {
    let api = Double::with([Fault::CutBefore, Fault::SilentAfterEffect]);
    let run = play(
        game(api.url()),
        r"
        local log = {}
        task.spawn(function() table.insert(log, ranks:Promote(1).value.toRank) end)
        task.spawn(function() table.insert(log, ranks:Promote(2).value.toRank) end)
        return log
        ",
    );
    assert_eq!(run.value, json!([2, 2]));
    assert_eq!((api.rank(1), api.rank(2)), (2, 2));
}

#[test]
fn a_wait_that_would_outlast_the_server_is_cut_short_and_told() {
    let api = Double::with([Fault::Instead(refusal(503, "SERVICE_UNAVAILABLE", true).with("Retry-After", "60"))]);
    let run = play(
        game(api.url()),
        r"
        local log = {}
        task.spawn(function() table.insert(log, { ranks:Promote(1).error.code, os.clock() }) end)
        task.wait(1)
        return log
        ",
    );
    assert_eq!(run.value, json!([["SERVICE_UNAVAILABLE", 1]]));
    assert!(run.clock < 2.0, "the server may close at once: {}", run.clock);
}

#[test]
fn calls_that_cannot_be_sent_in_time_say_so_before_the_server_is_gone() {
    let api = Double::with([]);
    let run = play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, maxRequestsPerMinute = 1 })
        local log = {}
        for user = 1, 2 do
            task.spawn(function()
                local result = ranks:Promote(user)
                table.insert(log, if result.ok then 'done' else result.error.code)
            end)
        end
        task.wait(1)
        return log
        ",
    );
    assert_eq!(run.value, json!(["done", "BUDGET_EXHAUSTED"]));
    assert!(run.clock < 30.0, "{}", run.clock);
}

#[test]
fn a_silent_api_does_not_keep_the_server_beyond_its_time() {
    let api = ScriptedServer::replies([Reply::never()]).unwrap();
    let run = play(
        game(api.url()),
        r"
        local log = {}
        task.spawn(function() table.insert(log, ranks:Promote(1).error.code) end)
        return log
        ",
    );
    assert_eq!(run.value, json!(["TIMEOUT"]));
    assert!(run.clock <= 27.0, "{}", run.clock);
}
