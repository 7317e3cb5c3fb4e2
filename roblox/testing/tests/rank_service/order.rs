//! The order of one member's changes, and what is joined.

use roblox_testing::{Reply, ScriptedServer};
use serde_json::json;

use crate::double::{Double, Fault};
use crate::scenario::{game, play, play_alone};

#[test]
fn equal_set_ranks_of_one_member_are_one_request_while_the_first_is_open() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r"
        local results = {}
        local function ask(call) task.spawn(function() table.insert(results, call()) end) end
        ask(function() return ranks:Promote(1) end)
        for _ = 1, 3 do ask(function() return ranks:SetRank(1, 20) end) end
        while #results < 4 do task.wait() end
        return { same = results[2].value.logId == results[4].value.logId, told = #events }
        ",
    );
    assert_eq!(run.value, json!({ "same": true, "told": 2 }), "waiting");
    assert_eq!((api.server.requests().len(), api.rank(1)), (2, 20));

    let running = play(
        game(api.url()),
        r"
        local other
        task.spawn(function() other = ranks:SetRank(2, 20) end)
        local result = ranks:SetRank(2, 20)
        task.wait()
        return result == other
        ",
    );
    assert_eq!(running.value, json!(true), "running");
    assert_eq!(api.server.requests().len(), 3);
}

#[test]
fn what_is_not_equal_or_not_the_last_is_asked_for_by_itself() {
    let api = Double::with([]);
    play(
        game(api.url()),
        r"
        local open = 0
        local function ask(call)
            open += 1
            task.spawn(function() call() open -= 1 end)
        end
        ask(function() ranks:SetRank(1, 20) end)
        ask(function() ranks:SetRank(1, 30) end)
        ask(function() ranks:SetRank(1, 20) end)
        ask(function() ranks:SetRank(1, 20, { reason = 'Again' }) end)
        ask(function() ranks:SetRank(1, 20, { reason = 'Again', idempotencyKey = 'mine' }) end)
        ask(function() ranks:SetRank(1, 20, { reason = 'Again', dryRun = true }) end)
        ask(function() ranks:Promote(1) end)
        ask(function() ranks:Promote(1) end)
        ask(function() RankService.new({ baseUrl = testing.values.url, groupId = 7 }):Promote(1) end)
        while open > 0 do task.wait() end
        ",
    );
    assert_eq!((api.server.requests().len(), api.rank(1)), (9, 23), "in the order asked for");
}

#[test]
fn an_equal_set_rank_after_the_first_has_ended_is_asked_for_again() {
    let api = Double::with([]);
    play(game(api.url()), "ranks:SetRank(1, 20) ranks:SetRank(1, 20)");
    assert_eq!(api.server.requests().len(), 2);
}

/// Answers changes of member 42 and entries about them, each after its path's delay, and tells the order.
fn slow_api() -> ScriptedServer {
    let role = |rank: u64| json!({ "id": rank, "name": "R", "rank": rank });
    ScriptedServer::start(move |request| {
        let undo = request.path.ends_with("/undo");
        let entry = json!({ "logId": "01A", "time": "2026-10-01T00:00:10Z", "keyId": "abcdefghijkl", "groupId": 7,
            "userId": 42, "action": "promote", "outcome": "changed", "changed": true, "fromRank": 1, "toRank": 2,
            "fromRole": role(1), "toRole": role(2), "rolesAdded": [], "rolesRemoved": [], "reason": null,
            "actorId": null, "undoes": null, "durationMs": 13 });
        if request.method == "GET" {
            return Reply::json(200, &json!({ "success": true, "entry": entry }));
        }
        let action = if undo { "undo" } else { request.path.rsplit('/').next().unwrap() };
        let answer = json!({ "success": true, "groupId": 7, "userId": 42, "action": action, "fromRank": 1, "toRank": 2,
            "changed": true, "fromRole": role(1), "toRole": role(2), "logId": if undo { "01U" } else { "01A" },
            "undoes": if undo { json!("01A") } else { json!(null) } });
        Reply::json(200, &answer).after(5.0)
    })
    .unwrap()
}

#[test]
fn an_undo_of_what_was_made_or_read_here_waits_for_the_members_other_changes() {
    for (known, waits) in [("ranks:Promote(42)", true), ("ranks:GetLog('01A')", true), ("ranks:GetRank(1)", false)] {
        let api = slow_api();
        let run = play_alone(
            game(api.url()),
            &format!(
                r"
                local ranks = RankService.new({{ baseUrl = testing.values.url, groupId = 7, retry = {{ attempts = 1 }} }})
                {known}
                local began, ended = os.clock(), nil
                task.spawn(function() ranks:SetRank(42, 9) ended = os.clock() - began end)
                local undone = ranks:Undo('01A')
                return {{ ok = undone.ok, at = os.clock() - began, ended = ended }}
                "
            ),
        );
        let at = if waits { 10 } else { 5 };
        assert_eq!(run.value, json!({ "ok": true, "at": at, "ended": 5 }), "{known}");
    }
}

#[test]
fn a_reading_is_the_answer_for_as_long_as_the_caller_says() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r"
        ranks:GetRank(1)
        task.wait(30)
        local young = ranks:GetRank(1, { maxAge = 30 })
        local old = ranks:GetRank(1, { maxAge = 29 })
        local fresh = ranks:GetRank(1)
        return { young.value.rank, old.ok, fresh.ok }
        ",
    );
    assert_eq!(run.value, json!([1, true, true]));
    assert_eq!(api.server.requests().len(), 3, "one of the four came from before");
}

#[test]
fn a_change_by_any_client_ends_what_was_read() {
    let api = Double::with([Fault::None, Fault::CutAfterEffect]);
    let run = play(
        game(api.url()),
        r"
        local other = RankService.new({ baseUrl = testing.values.url, groupId = 7, retry = { attempts = 1 } })
        ranks:GetRank(1)
        local change = other:SetRank(1, 20)
        return { lost = change.error.code, rank = ranks:GetRank(1, { maxAge = 600 }).value.rank }
        ",
    );
    assert_eq!(run.value, json!({ "lost": "CONNECTION_FAILED", "rank": 20 }));
}

#[test]
fn what_was_read_while_a_change_was_made_is_not_kept() {
    // The reading sees the rank before the change, and its answer comes after the change's.
    let before =
        json!({ "success": true, "groupId": 7, "userId": 1, "rank": 1, "roleName": "M", "roleId": 1, "roles": [] });
    let api = Double::with([Fault::Instead(Reply::json(200, &before).after(5.0))]);
    let run = play(
        game(api.url()),
        r"
        local stale
        task.spawn(function() stale = ranks:GetRank(1) end)
        ranks:SetRank(1, 20)
        while not stale do task.wait() end
        return { stale.value.rank, ranks:GetRank(1, { maxAge = 600 }).value.rank }
        ",
    );
    assert_eq!(run.value, json!([1, 20]));
}

#[test]
fn that_somebody_is_outside_the_group_is_a_reading_too_and_a_failure_is_none() {
    let stranger = Fault::Instead(crate::double::refusal(404, "USER_NOT_IN_GROUP", false));
    let away = Fault::Instead(crate::double::refusal(403, "GROUP_NOT_LINKED", false));
    let api = Double::with([stranger, away, Fault::None]);
    let run = play(
        game(api.url()),
        r"
        local first, again = ranks:GetRank(1), ranks:GetRank(1, { maxAge = 60 })
        local failed, then_ = ranks:GetRank(2), ranks:GetRank(2, { maxAge = 60 })
        return { again.error.code, failed.error.code, then_.ok }
        ",
    );
    assert_eq!(run.value, json!(["USER_NOT_IN_GROUP", "GROUP_NOT_LINKED", true]));
    assert_eq!(api.server.requests().len(), 3);
}

#[test]
fn a_condition_is_the_one_that_was_given_whatever_becomes_of_the_table() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r"
        local second
        task.spawn(function() ranks:Promote(1) end)
        local condition = { 1, 1 }
        task.spawn(function() second = ranks:Promote(1, { ifRank = condition }) end)
        condition[2] = 254
        while not second do task.wait() end
        return second.error.code
        ",
    );
    assert_eq!(run.value, json!("RANK_MISMATCH"), "the first promotion has moved them to 2");
}

#[test]
fn changes_of_others_end_neither_what_was_read_nor_reads_in_flight() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r"
        local open = 20
        for user = 1, 20 do
            task.spawn(function()
                ranks:GetRank(user)
                ranks:Promote(100 + user)
                open -= 1
            end)
        end
        while open > 0 do task.wait() end
        for user = 1, 20 do ranks:GetRank(user, { maxAge = 600 }) end
        ",
    );
    assert_eq!(run.value, json!(null));
    assert_eq!(api.server.requests().len(), 40, "20 readings, and 20 changes of other members");
}

#[test]
fn a_reading_is_as_old_as_its_request() {
    let rank = |rank: u64| json!({ "success": true, "groupId": 7, "userId": 1, "rank": rank, "roleName": "M", "roleId": 1, "roles": [] });
    let api = Double::with([Fault::Instead(Reply::json(200, &rank(1)).after(14.0))]);
    let run = play(
        game(api.url()),
        r"
        task.spawn(function() ranks:GetRank(1) end)
        task.wait(13)
        local joined = ranks:GetRank(1)
        task.wait(10)
        return { joined.ok, os.clock(), ranks:GetRank(1, { maxAge = 12 }).ok, ranks:GetRank(1, { maxAge = 60 }).ok }
        ",
    );
    assert_eq!(run.value, json!([true, 24, true, true]));
    assert_eq!(api.server.requests().len(), 2, "one for the first two, and one for what must be no older than 12 s");
}

#[test]
fn a_change_ends_what_was_read_when_it_begins() {
    let api = Double::with([Fault::None, Fault::SilentAfterEffect]);
    let run = play(
        game(api.url()),
        r"
        ranks:GetRank(1)
        task.spawn(function() ranks:SetRank(1, 20) end)
        task.wait(1)
        return ranks:GetRank(1, { maxAge = 600 }).value.rank
        ",
    );
    assert_eq!(run.value, json!(20));
}
