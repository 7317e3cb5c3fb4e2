//! The requests a minute, and what is saved of them.

use roblox_testing::{Reply, ScriptedServer};
use serde_json::json;

use crate::double::{Double, Fault, refusal};
use crate::scenario::{code, game, play, play_alone};

#[test]
fn of_510_calls_in_a_minute_no_more_go_out_than_allowed_and_all_succeed() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r"
        local succeeded, most, firstMinute = 0, 0, 0
        for user = 1, 510 do
            task.spawn(function()
                if ranks:GetRank(user).ok then succeeded += 1 end
                most = math.max(most, testing.requestsInLastMinute())
                if os.clock() < 60 then firstMinute += 1 end
            end)
        end
        while succeeded < 510 and os.clock() < 300 do task.wait(1) end
        return { succeeded = succeeded, most = most, firstMinute = firstMinute, queued = #events }
        ",
    );
    assert_eq!(run.value, json!({ "succeeded": 510, "most": 400, "firstMinute": 400, "queued": 110 }));
    assert_eq!(api.server.requests().len(), 510);
}

#[test]
fn all_instances_share_one_budget_and_take_turns() {
    let api = Double::with([]);
    let run = play_alone(
        game(api.url()),
        r"
        local function client() return RankService.new({ baseUrl = testing.values.url, groupId = 7,
            maxRequestsPerMinute = 10, retry = { deadline = 600 } }) end
        local busy, quiet = client(), client()
        local order, most = {}, 0
        local function ask(name, ranks, user)
            task.spawn(function()
                assert(ranks:GetRank(user).ok)
                table.insert(order, name)
                most = math.max(most, testing.requestsInLastMinute())
            end)
        end
        for user = 1, 30 do ask('busy', busy, user) end
        for user = 101, 103 do ask('quiet', quiet, user) end
        while #order < 33 do task.wait(1) end
        return { place = table.find(order, 'quiet'), most = most }
        ",
    );
    assert_eq!(run.value["most"], json!(10));
    let place = run.value["place"].as_u64().unwrap();
    // The first ten go at once; within the next ten, whose answers come in any order, the turns are taken.
    assert!((11..=20).contains(&place), "the quiet one does not wait behind 20 others: {place}");
}

#[test]
fn a_call_whose_turn_does_not_come_was_never_sent() {
    let api = Double::with([]);
    let run = play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, maxRequestsPerMinute = 1,
            retry = { deadline = 20 } })
        ranks:Promote(1)
        return { result = ranks:Promote(2), at = os.clock() }
        ",
    );
    let error = &run.value["result"]["error"];
    assert_eq!(code(&run.value["result"]), "BUDGET_EXHAUSTED");
    assert_eq!((&error["attempts"], &error["retryable"], &error["retryAfter"]), (&json!(0), &json!(true), &json!(40)));
    assert_eq!(run.value["at"], json!(20));
    assert_eq!((api.rank(2), api.server.requests().len()), (1, 1));
}

#[test]
fn a_change_that_may_have_been_made_is_not_called_unsent() {
    let api = Double::with([Fault::CutAfterEffect]);
    let run = play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, retry = { attempts = 2 },
            onEvent = function(event)
                if event.kind == 'retry' then testing.failNextRequest('Number of requests exceeded limit') end
            end })
        return ranks:Promote(1).error.code
        ",
    );
    assert_eq!(run.value, json!("CONNECTION_FAILED"));
    assert_eq!(api.moves(), 1);
}

#[test]
fn what_other_scripts_used_up_is_waited_for() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r#"
        local HttpService = game:GetService("HttpService")
        local pending = 500
        for _ = 1, 500 do
            task.spawn(function()
                HttpService:RequestAsync({ Url = testing.values.url .. "/v1/key" })
                pending -= 1
            end)
        end
        while pending > 0 do task.wait() end
        local result = ranks:Promote(1)
        return { ok = result.ok, kind = events[1].error and events[1].error.code, at = os.clock() }
        "#,
    );
    assert_eq!((&run.value["ok"], &run.value["kind"]), (&json!(true), &json!("TIMEOUT")), "{}", run.value);
    assert_eq!((api.rank(1), api.moves()), (2, 1));
}

#[test]
fn a_refusal_that_nobody_waits_for_any_more_holds_the_others_back() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r#"
        local HttpService = game:GetService("HttpService")
        for _ = 1, 500 do
            task.spawn(HttpService.RequestAsync, HttpService, { Url = testing.values.url .. "/v1/key" })
        end
        local once = RankService.new({ baseUrl = testing.values.url, groupId = 7, retry = { attempts = 1 } })
        local result = once:Promote(1)
        local at = os.clock()
        -- Roblox holds the request back for 30 s, and refuses it then.
        task.wait(31 - os.clock())
        task.spawn(function() ranks:GetRank(2) end)
        return { code = result.error.code, uncertain = result.error.uncertain, at = at, next = events[1] and events[1].kind }
        "#,
    );
    assert_eq!(run.value, json!({ "code": "TIMEOUT", "uncertain": true, "at": 20, "next": "queued" }));
}

#[test]
fn retries_go_before_newer_calls_in_their_own_order() {
    let unavailable = || Fault::Instead(refusal(503, "SERVICE_UNAVAILABLE", true).with("Retry-After", "5"));
    let api = Double::with([unavailable(), unavailable(), unavailable()]);
    let run = play_alone(
        game(api.url()),
        r"
        local order = {}
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, maxRequestsPerMinute = 3,
            retry = { deadline = 600, baseDelay = 0 } })
        local function ask(user)
            task.spawn(function()
                assert(ranks:GetRank(user).ok)
                table.insert(order, user)
            end)
        end
        for user = 1, 5 do ask(user) task.wait(1) end
        while #order < 5 do task.wait(1) end
        return order
        ",
    );
    assert_eq!(run.value, json!([1, 2, 3, 4, 5]));
}

#[test]
fn equal_reads_in_flight_are_one_request() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r"
        local answers = {}
        for _ = 1, 20 do task.spawn(function() table.insert(answers, ranks:GetRank(42).value.rank) end) end
        while #answers < 20 do task.wait() end
        ranks:GetRank(42)
        return answers
        ",
    );
    assert_eq!(run.value, json!(vec![1; 20]));
    assert_eq!(api.server.requests().len(), 2, "one for the twenty, one for the later");
}

#[test]
fn a_read_after_a_change_never_joins_one_from_before_it() {
    // The first read is answered with the old rank, long after the change.
    let old =
        json!({ "success": true, "groupId": 7, "userId": 42, "rank": 1, "roleName": "M", "roleId": 1, "roles": [] });
    let api = Double::with([Fault::Instead(Reply::json(200, &old).after(10.0))]);
    let run = play(
        game(api.url()),
        r"
        local early
        task.spawn(function() early = ranks:GetRank(42).value.rank end)
        task.wait()
        ranks:SetRank(42, 50)
        local late = ranks:GetRank(42).value.rank
        while not early do task.wait() end
        return { early = early, late = late }
        ",
    );
    assert_eq!(run.value, json!({ "early": 1, "late": 50 }));
}

#[test]
fn a_read_whose_only_reader_was_cancelled_is_not_kept_for_the_next() {
    let old =
        json!({ "success": true, "groupId": 7, "userId": 42, "rank": 200, "roleName": "M", "roleId": 1, "roles": [] });
    let api = Double::with([Fault::Instead(Reply::json(200, &old).after(5.0))]);
    let run = play(
        game(api.url()),
        r"
        local reader = task.spawn(function() ranks:GetRank(42) end)
        task.wait(1)
        task.cancel(reader)
        task.wait(60)
        return ranks:GetRank(42).value.rank
        ",
    );
    assert_eq!((run.value, api.server.requests().len()), (json!(1), 2));
}

#[test]
fn what_joined_callers_share_cannot_be_changed() {
    let api = Double::with([Fault::None, Fault::None, Fault::Instead(refusal(403, "RANK_NOT_ALLOWED", false))]);
    let run = play(
        game(api.url()),
        r"
        local change, read, refused = ranks:Promote(1), ranks:GetRank(1), ranks:GetRank(2)
        local tables = { change, change.value, change.value.fromRole, change.value.toRole, read.value.roles,
            read.value.roles[1], refused.error, refused.error.details }
        for index, value in tables do assert(table.isfrozen(value), index) end
        return #tables
        ",
    );
    assert_eq!(run.value, json!(8));
}

#[test]
fn clients_of_one_api_share_the_order_of_changes_and_what_a_change_makes_old() {
    let old =
        json!({ "success": true, "groupId": 7, "userId": 42, "rank": 1, "roleName": "M", "roleId": 1, "roles": [] });
    let slow = Fault::Instead(Reply::json(200, &old).after(30.0));
    let api = Double::with([slow, Fault::CutBefore, Fault::CutBefore]);
    let run = play_alone(
        game(api.url()),
        r"
        local function client(url) return RankService.new({ baseUrl = url, groupId = 7 }) end
        local one, other = client(testing.values.url), client(testing.values.url .. '/v1/')
        local order = {}
        task.spawn(function() other:GetRank(42) end)
        task.wait()
        for index, ranks in { one, other, one } do
            task.spawn(function()
                ranks:SetRank(42, index * 10)
                table.insert(order, index)
            end)
        end
        while #order < 3 do task.wait() end
        return { order = order, rank = other:GetRank(42).value.rank }
        ",
    );
    assert_eq!(run.value, json!({ "order": [1, 2, 3], "rank": 30 }));
}

#[test]
fn a_change_that_waits_too_long_behind_another_says_so() {
    let api = ScriptedServer::replies([Reply::never()]).unwrap();
    let run = play_alone(
        game(api.url()),
        r"
        local slow = RankService.new({ baseUrl = testing.values.url, groupId = 7, timeout = 100, retry = { deadline = 100 } })
        local brief = RankService.new({ baseUrl = testing.values.url, groupId = 7, retry = { deadline = 10 } })
        task.spawn(function() slow:Promote(1) end)
        return brief:Promote(1).error
        ",
    );
    let error = &run.value;
    assert_eq!((&error["code"], &error["attempts"]), (&json!("BUDGET_EXHAUSTED"), &json!(0)));
    assert_eq!(error.get("retryAfter"), None, "{error}");
    assert!(error["message"].as_str().unwrap().contains("earlier changes of the same member"), "{error}");
}

#[test]
fn changes_of_one_member_go_in_the_order_asked_for() {
    let api = Double::with([Fault::CutBefore, Fault::CutBefore]);
    let run = play(
        game(api.url()),
        r"
        local finished = 0
        for _, rank in { 10, 20, 30, 40, 50 } do
            task.spawn(function()
                assert(ranks:SetRank(1, rank).ok)
                finished += 1
            end)
        end
        task.spawn(function() ranks:SetRank(2, 5) end)
        while finished < 5 do task.wait() end
        return finished
        ",
    );
    assert_eq!(run.value, json!(5));
    let bodies = api.server.requests().into_iter().map(|request| request.json());
    let mut order: Vec<_> = bodies.filter(|body| body["userId"] == 1).map(|body| body["targetRank"].clone()).collect();
    order.dedup();
    assert_eq!(order, [10, 20, 30, 40, 50].map(|rank| json!(rank)));
    assert_eq!((api.rank(1), api.rank(2)), (50, 5));
}

#[test]
fn an_answer_that_was_overtaken_does_not_turn_the_quota_back() {
    let quota = |remaining: &str| {
        let body = json!({ "success": true, "groupId": 7, "name": "Crew" });
        let reply = Reply::json(200, &body).with("X-RateLimit-Limit", "100").with("X-RateLimit-Reset", "1793491200");
        reply.with("X-RateLimit-Remaining", remaining)
    };
    let (slow, quick) = (quota("60").after(5.0), quota("59"));
    let api =
        ScriptedServer::start(move |request| if request.path == "/v1/group/7" { slow.clone() } else { quick.clone() });
    let run = play(
        game(api.unwrap().url()),
        "task.spawn(function() ranks:GetGroup() end) task.wait() ranks:GetKey() task.wait(10) return ranks:GetQuota().remaining",
    );
    assert_eq!(run.value, json!(59));
}
