//! When a request is repeated, how long after, and that nothing happens twice.

use roblox_testing::server::REFUSING_URL;
use roblox_testing::{Reply, ScriptedServer};
use serde_json::json;

use crate::double::{Double, Fault, refusal};
use crate::scenario::{code, game, play, play_alone};

#[test]
fn five_promotes_each_cut_off_after_taking_effect_move_five_ranks() {
    let cut = [Fault::CutAfterEffect, Fault::None];
    let api = Double::with(cut.iter().cycle().take(10).cloned());
    let run = play(
        game(api.url()),
        r"
        local results = {}
        for _ = 1, 5 do table.insert(results, ranks:Promote(42)) end
        return results
        ",
    );
    assert!(run.value.as_array().unwrap().iter().all(|result| result["ok"] == true), "{}", run.value);
    assert_eq!((api.rank(42), api.moves()), (6, 5));
    let keys = api.idempotency_keys();
    assert_eq!(keys.len(), 10);
    assert!(keys.chunks(2).all(|pair| pair[0] == pair[1]), "one key per call, kept over its attempts: {keys:?}");
    let distinct: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), 5);
}

#[test]
fn a_promote_whose_answer_never_comes_happens_once() {
    let api = Double::with([Fault::SilentAfterEffect, Fault::SilentAfterEffect]);
    let run = play(game(api.url()), "return ranks:Promote(42)");
    assert_eq!((&run.value["ok"], &run.value["value"]["toRank"]), (&json!(true), &json!(2)));
    assert_eq!(run.value["value"]["replayed"], json!(true));
    assert_eq!((api.rank(42), api.moves()), (2, 1));
    assert!(run.clock >= 30.0, "two timeouts of 15 s: {}", run.clock);
}

#[test]
fn a_failed_change_can_be_gone_on_with_later() {
    let api = Double::with(vec![Fault::CutAfterEffect; 5]);
    let run = play(
        game(api.url()),
        r"
        local failed = ranks:Promote(42)
        local later = ranks:Promote(42, { idempotencyKey = failed.error.idempotencyKey })
        return { code = failed.error.code, later = later.value.toRank }
        ",
    );
    assert_eq!(run.value, json!({ "code": "CONNECTION_FAILED", "later": 2 }));
    assert_eq!(api.moves(), 1);
}

#[test]
fn whatever_is_worth_it_is_repeated_until_it_works() {
    let faults = [
        Fault::CutBefore,
        Fault::Instead(Reply::Truncate),
        Fault::Instead(Reply::Babble),
        Fault::Instead(Reply::never()),
        Fault::Instead(refusal(409, "RANK_CHANGE_IN_PROGRESS", true)),
        Fault::Instead(refusal(409, "IDEMPOTENCY_IN_PROGRESS", true)),
        Fault::Instead(Reply::json(429, &json!({ "message": "Too Many Requests" }))),
        Fault::Instead(refusal(502, "ROBLOX_UNAVAILABLE", true)),
        Fault::Instead(Reply::text(502, "<html>Bad Gateway</html>")),
        Fault::Instead(refusal(503, "SERVICE_UNAVAILABLE", true)),
        Fault::Instead(Reply::text(504, "")),
        Fault::Instead(refusal(500, "INTERNAL_ERROR", true)),
        // What API Gateway answers for a function that crashed or ran out of time.
        Fault::Instead(Reply::json(500, &json!({ "message": "Internal Server Error" }))),
        Fault::Instead(Reply::json(502, &json!({ "success": false, "code": "ROBLOX_UNAVAILABLE" }))),
    ];
    for fault in faults {
        let api = Double::with([fault.clone()]);
        let run = play(game(api.url()), "return { result = ranks:Promote(1), events = events }");
        assert_eq!(run.value["result"]["ok"], json!(true), "{fault:?}");
        assert_eq!(api.server.requests().len(), 2, "{fault:?}");
        assert_eq!(api.rank(1), 2, "{fault:?}");
        assert_eq!(run.value["events"][0]["kind"], json!("retry"), "{fault:?}");
    }
}

#[test]
fn the_monthly_limit_is_never_repeated_even_if_called_retryable() {
    let reply = refusal(429, "MONTHLY_LIMIT_REACHED", true).with("Retry-After", "1");
    let api = Double::with([Fault::Instead(reply)]);
    let run = play(game(api.url()), "return ranks:Promote(1)");
    assert_eq!(code(&run.value), "MONTHLY_LIMIT_REACHED");
    assert_eq!(run.value["error"]["retryAfter"], json!(1));
    assert_eq!(api.server.requests().len(), 1);
}

#[test]
fn a_code_known_to_be_final_is_not_repeated_for_its_status() {
    for (status, code) in [(502, "ROBLOX_PERMISSION_DENIED"), (502, "ROBLOX_UNVERIFIED"), (409, "CHANGED_SINCE")] {
        let api = Double::with([Fault::Instead(Reply::json(status, &json!({ "success": false, "code": code })))]);
        let run = play(game(api.url()), "return ranks:Promote(1).error");
        assert_eq!((&run.value["code"], &run.value["retryable"]), (&json!(code), &json!(false)));
        assert_eq!(api.server.requests().len(), 1, "{code}");
    }
}

#[test]
fn a_change_whose_answer_was_lost_stays_uncertain_whatever_fails_afterwards() {
    let unavailable = || Fault::Instead(refusal(503, "SERVICE_UNAVAILABLE", true));
    let mut faults = vec![Fault::CutAfterEffect];
    faults.extend((0..4).map(|_| unavailable()));
    let api = Double::with(faults);
    let run = play(
        game(api.url()),
        r"
        local failed = ranks:Promote(42)
        local later = ranks:Promote(42, { idempotencyKey = failed.error.idempotencyKey })
        return { code = failed.error.code, uncertain = failed.error.uncertain, later = later.value.toRank,
            first = events[1].error.uncertain }
        ",
    );
    assert_eq!(run.value, json!({ "code": "SERVICE_UNAVAILABLE", "uncertain": true, "later": 2, "first": true }));
    assert_eq!(api.moves(), 1);
}

#[test]
fn only_what_may_have_happened_is_uncertain() {
    let own = |code: &str, status: u16| Fault::Instead(refusal(status, code, false));
    let text = |status: u16| Fault::Instead(Reply::text(status, "{}"));
    for (faults, uncertain) in [
        (vec![Fault::CutBefore], true),
        (vec![Fault::SilentAfterEffect], true),
        (vec![text(500)], true),
        (vec![text(502)], true),
        (vec![text(503)], true),
        (vec![text(504)], true),
        (vec![text(200)], true),
        (vec![text(429)], false),
        (vec![text(404)], false),
        (vec![text(301)], false),
        (vec![text(408)], true),
        (vec![own("A_CODE_OF_THE_FUTURE", 409)], false),
        (vec![Fault::CutBefore, own("A_CODE_OF_THE_FUTURE", 409)], true),
        (vec![own("INTERNAL_ERROR", 500)], true),
        (vec![own("SERVICE_UNAVAILABLE", 503)], false),
        (vec![own("ROBLOX_UNAVAILABLE", 502)], false),
        // The API knows the change by its key: had the first attempt made it, it would answer so.
        (vec![Fault::CutBefore, own("TARGET_NOT_MANAGEABLE", 403)], false),
        (vec![Fault::CutBefore, own("USER_NOT_IN_GROUP", 404)], false),
        // It does not get as far as to look.
        (vec![Fault::CutBefore, own("INVALID_API_KEY", 401)], true),
        (vec![Fault::CutBefore, own("PLAN_REQUIRED", 403)], true),
        (vec![Fault::CutBefore, own("RANK_NOT_ALLOWED", 403)], true),
        // The reading that would have told whether it was made failed.
        (vec![Fault::CutBefore, own("ROBLOX_CREDENTIAL_INVALID", 502)], true),
        (vec![Fault::CutBefore, own("ROBLOX_PERMISSION_DENIED", 502)], true),
    ] {
        let api = Double::with(faults.clone());
        let run = play_alone(
            game(api.url()).value("attempts", faults.len()),
            r"
            local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7,
                retry = { attempts = testing.values.attempts } })
            return ranks:Promote(1).error.uncertain
            ",
        );
        assert_eq!(run.value, json!(uncertain), "{faults:?}");
    }
}

#[test]
fn what_cannot_have_changed_anything_is_never_uncertain() {
    let run = play(
        game(REFUSING_URL),
        r"
        local results = { ranks:GetRank(1), ranks:Promote(1, { dryRun = true }), ranks:Promote(0) }
        testing.failNextRequest('HttpError: DnsResolve')
        local once = RankService.new({ baseUrl = testing.values.url, groupId = 7, retry = { attempts = 1 } })
        table.insert(results, once:Promote(1))
        table.insert(results, ranks:Promote(1))
        for index, result in results do results[index] = result.error.uncertain end
        return results
        ",
    );
    assert_eq!(run.value, json!([false, false, false, false, false]), "the last one's connection is refused");
}

#[test]
fn retry_after_is_obeyed() {
    let api = Double::with([
        Fault::Instead(refusal(502, "ROBLOX_RATE_LIMITED", true).with("Retry-After", "30")),
        Fault::Instead(Reply::text(503, "").with("retry-after", "12")),
    ]);
    let run = play(game(api.url()), "return { ok = ranks:Promote(1).ok, at = os.clock() }");
    assert_eq!(run.value["ok"], json!(true));
    let at = run.value["at"].as_f64().unwrap();
    assert!((42.0..=45.0).contains(&at), "30 s and 12 s, with jitter of at most 1 s and 2 s: {at}");
}

#[test]
fn a_retry_after_that_is_no_number_of_seconds_is_ignored() {
    for value in ["soon", "-5", "1e9", "0x10", "inf", "nan", "", "Wed, 21 Foo 2026 07:28:00 GMT", "1.2.3"] {
        let api = Double::with([Fault::Instead(Reply::text(503, "").with("Retry-After", value))]);
        let run = play(game(api.url()), "return { ok = ranks:Promote(1).ok, at = os.clock() }");
        assert_eq!(run.value["ok"], json!(true), "{value}");
        assert!(run.value["at"].as_f64().unwrap() <= 1.1, "{value}: {}", run.value["at"]);
    }
}

#[test]
fn a_retry_after_of_any_form_is_a_whole_number_of_seconds() {
    // The virtual clock begins on 1 October 2026.
    for (value, seconds) in
        [("1.2", 2), ("7", 7), ("Thu, 01 Oct 2026 00:00:30 GMT", 30), ("Wed, 30 Sep 2026 23:59:59 GMT", 0)]
    {
        let api = Double::with([Fault::Instead(Reply::text(503, "").with("Retry-After", value))]);
        let run = play(
            game(api.url()),
            "return { ok = ranks:Promote(1).ok, at = os.clock(), told = events[1].error.retryAfter }",
        );
        assert_eq!((&run.value["ok"], &run.value["told"]), (&json!(true), &json!(seconds)), "{value}");
        assert!(run.value["at"].as_f64().unwrap() >= f64::from(seconds), "{value}: {}", run.value["at"]);
    }
}

#[test]
fn waits_grow_also_where_the_api_says_how_long_to_wait_at_least() {
    let api = ScriptedServer::replies([Reply::text(503, "").with("Retry-After", "2")]).unwrap();
    let run = play_alone(
        game(api.url()),
        r"
        local delays = {}
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7,
            retry = { attempts = 40, baseDelay = 1, maxDelay = 16, deadline = 3000 },
            onEvent = function(event) if event.kind == 'retry' then table.insert(delays, event.delay) end end })
        ranks:GetRank(1)
        return delays
        ",
    );
    let delays: Vec<f64> = serde_json::from_value(run.value).unwrap();
    let ceilings = [1.0, 2.0, 4.0, 8.0].into_iter().chain(std::iter::repeat(16.0));
    for (delay, ceiling) in delays.iter().zip(ceilings) {
        assert!((2.0..=2.0 + ceiling).contains(delay), "{delay} of 2 and {ceiling}");
    }
    assert!(delays.iter().any(|delay| *delay > 10.0), "{delays:?}");
}

#[test]
fn the_deadline_is_over_the_question_for_the_group_too() {
    let api = ScriptedServer::start(|request| {
        let key = json!({ "success": true, "keyId": "abcdefghijkl", "groupId": 7, "plan": "pro", "used": 0 });
        if request.path == "/v1/key" { Reply::json(200, &key).after(12.0) } else { Reply::never() }
    })
    .unwrap();
    let run = play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, retry = { deadline = 20 } })
        return { code = ranks:Promote(1).error.code, at = os.clock() }
        ",
    );
    assert_eq!(run.value, json!({ "code": "TIMEOUT", "at": 20 }));
}

#[test]
fn the_deadline_is_over_a_request_that_roblox_holds_back() {
    let api = Double::with([]);
    let run = play_alone(
        game(api.url()),
        r#"
        local HttpService = game:GetService("HttpService")
        for _ = 1, 500 do
            task.spawn(HttpService.RequestAsync, HttpService, { Url = testing.values.url .. "/v1/key" })
        end
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, retry = { deadline = 10 } })
        return { code = ranks:Promote(1).error.code, at = os.clock() }
        "#,
    );
    assert_eq!(run.value, json!({ "code": "TIMEOUT", "at": 10 }));
}

#[test]
fn a_change_that_waits_for_its_group_outlives_its_caller() {
    let key = json!({ "success": true, "keyId": "abcdefghijkl", "groupId": 7, "plan": "pro", "used": 0 });
    let api = Double::with([Fault::Instead(Reply::json(200, &key).after(5.0))]);
    play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url })
        local caller = task.spawn(function() ranks:Promote(1) end)
        task.wait(1)
        task.cancel(caller)
        task.wait(10)
        ",
    );
    assert_eq!(api.rank(1), 2);
}

#[test]
fn a_script_that_is_destroyed_leaves_no_call_hanging() {
    let api = Double::with([Fault::SilentAfterEffect, Fault::SilentAfterEffect]);
    let run = play(
        game(api.url()),
        r"
        shared.ranks = ranks
        local tool = testing.script([[
            task.spawn(function() shared.ranks:Promote(1) end)
            shared.ranks:GetRank(9)
        ]])
        task.wait(1)
        tool:Destroy()
        local second, read = ranks:Promote(1), ranks:GetRank(9)
        return { to = second.value.toRank, read = read.ok, at = os.clock() }
        ",
    );
    assert_eq!((&run.value["to"], &run.value["read"]), (&json!(3), &json!(true)), "{}", run.value);
    assert!(run.value["at"].as_f64().unwrap() < 60.0, "{}", run.value);
    assert_eq!(api.moves(), 2);
    assert!(run.clock < 60.0, "the server may close: {}", run.clock);
}

#[test]
fn the_minutes_queue_outlives_the_script_that_was_first_in_it() {
    let api = Double::with([]);
    let run = play_alone(
        game(api.url()),
        r#"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, maxRequestsPerMinute = 1,
            retry = { deadline = 600 } })
        shared.ranks = ranks
        ranks:GetRank(1)
        local tool = testing.script("shared.ranks:GetRank(2)")
        tool:Destroy()
        return { ok = ranks:GetRank(3).ok, at = os.clock() }
        "#,
    );
    assert_eq!(run.value, json!({ "ok": true, "at": 120 }), "its turn comes after that of the destroyed script's call");
    assert_eq!(api.server.requests().len(), 3);
}

#[test]
fn a_wait_beyond_the_deadline_is_not_begun() {
    let api = Double::with([Fault::Instead(refusal(503, "SERVICE_UNAVAILABLE", true).with("Retry-After", "3600"))]);
    let run = play(game(api.url()), "return { result = ranks:Promote(1), at = os.clock() }");
    assert_eq!(code(&run.value["result"]), "SERVICE_UNAVAILABLE");
    assert_eq!(run.value["result"]["error"]["retryAfter"], json!(3600));
    assert_eq!(run.value["at"], json!(0));
}

#[test]
fn the_deadline_bounds_all_attempts_together() {
    let api = ScriptedServer::replies([Reply::never()]).unwrap();
    let run = play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, timeout = 15,
            retry = { attempts = 100, deadline = 50 } })
        return { result = ranks:Promote(1), at = os.clock() }
        ",
    );
    assert_eq!(code(&run.value["result"]), "TIMEOUT");
    assert!(run.value["at"].as_f64().unwrap() <= 50.0, "{}", run.value["at"]);
    assert!(api.requests().len() >= 3);
}

#[test]
fn waits_grow_and_are_jittered() {
    let api = ScriptedServer::replies([Reply::text(503, "")]).unwrap();
    let run = play_alone(
        game(api.url()),
        r"
        local delays = {}
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7,
            retry = { attempts = 30, baseDelay = 0.5, maxDelay = 4, deadline = 3000 },
            onEvent = function(event) if event.kind == 'retry' then table.insert(delays, event.delay) end end })
        ranks:GetRank(1)
        return delays
        ",
    );
    let delays: Vec<f64> = serde_json::from_value(run.value).unwrap();
    assert_eq!(delays.len(), 29);
    for (delay, ceiling) in delays.iter().zip([0.5, 1.0, 2.0, 4.0].into_iter().chain(std::iter::repeat(4.0))) {
        assert!((0.0..=ceiling).contains(delay), "{delay} of {ceiling}");
    }
    let distinct: std::collections::HashSet<_> = delays.iter().map(|delay| delay.to_bits()).collect();
    assert!(distinct.len() > 20, "not the same wait each time: {delays:?}");
}

#[test]
fn one_attempt_means_no_retry() {
    let api = Double::with([Fault::CutBefore]);
    let run = play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, retry = { attempts = 1 } })
        return ranks:Promote(1)
        ",
    );
    assert_eq!(code(&run.value), "CONNECTION_FAILED");
    assert_eq!((&run.value["error"]["attempts"], api.server.requests().len()), (&json!(1), 1));
}

#[test]
fn a_refused_connection_is_repeated_and_then_told() {
    let run = play(game(REFUSING_URL), "return ranks:GetRank(1)");
    assert_eq!(code(&run.value), "CONNECTION_FAILED");
    assert_eq!((&run.value["error"]["attempts"], &run.value["error"]["retryable"]), (&json!(5), &json!(true)));
    assert_eq!(run.value["error"]["status"], json!(null));
}

#[test]
fn a_caller_that_is_cancelled_leaves_the_change_whole_and_others_unharmed() {
    let api = Double::with([Fault::SilentAfterEffect, Fault::SilentAfterEffect]);
    let run = play(
        game(api.url()),
        r"
        local first = task.spawn(function() ranks:Promote(1) end)
        local reader = task.spawn(function() ranks:GetRank(9) end)
        local joined
        task.spawn(function() joined = ranks:GetRank(9) end)
        task.wait()
        task.cancel(first)
        task.cancel(reader)
        local second = ranks:Promote(1)
        while not joined do task.wait() end
        return { to = second.value.toRank, joined = joined.ok }
        ",
    );
    assert_eq!(run.value, json!({ "to": 3, "joined": true }));
    assert_eq!(api.moves(), 2);
}

#[test]
fn attempts_and_the_minutes_budget_count_what_was_sent() {
    let api = Double::with([]);
    let run = play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, maxRequestsPerMinute = 2,
            retry = { attempts = 3 } })
        local seen = {}
        for _ = 1, 3 do
            testing.setHttpEnabled(false)
            table.insert(seen, ranks:Promote(1).error.attempts)
            testing.setHttpEnabled(true)
        end
        testing.failNextRequest('Number of requests exceeded limit')
        local ok = ranks:Promote(1).ok and ranks:Promote(1).ok
        return { seen = seen, ok = ok, at = os.clock() }
        ",
    );
    assert_eq!((&run.value["seen"], &run.value["ok"]), (&json!([0, 0, 0]), &json!(true)), "{}", run.value);
    assert!(run.value["at"].as_f64().unwrap() < 60.0, "no turn was spent on what was not sent: {}", run.value);
    assert_eq!(api.server.requests().len(), 2);
}

#[test]
fn going_on_with_an_uncertain_change_stays_uncertain_until_it_is_decided() {
    let refused = |status, code| Fault::Instead(refusal(status, code, false));
    for (second, uncertain) in [
        (refused(409, "IDEMPOTENCY_IN_PROGRESS"), true),
        (refused(503, "SERVICE_UNAVAILABLE"), true),
        (refused(401, "API_KEY_REVOKED"), true),
        (Fault::Instead(Reply::text(429, "{}")), true),
        (refused(404, "USER_NOT_IN_GROUP"), false),
    ] {
        let api = Double::with([Fault::CutAfterEffect, second.clone(), refused(401, "API_KEY_REVOKED")]);
        let run = play_alone(
            game(api.url()),
            r"
            local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, retry = { attempts = 1 } })
            local first = ranks:Promote(1, { idempotencyKey = 'mine' })
            local second = ranks:Promote(1, { idempotencyKey = 'mine' })
            local third = ranks:Promote(1, { idempotencyKey = 'mine' })
            local other = ranks:Promote(2, { dryRun = true })
            return { first.error.uncertain, second.error.uncertain, third.error.uncertain, other.ok }
            ",
        );
        assert_eq!(run.value, json!([true, uncertain, uncertain, true]), "{second:?}");
    }
}

#[test]
fn the_deadline_is_over_a_question_for_the_group_that_another_call_asked() {
    let api = ScriptedServer::start(|request| match request.path.as_str() {
        "/v1/key" => Reply::never(),
        _ => refusal(404, "USER_NOT_IN_GROUP", false).after(14.0),
    })
    .unwrap();
    let run = play_alone(
        game(api.url()),
        r"
        local retry = { deadline = 20 }
        local first = RankService.new({ baseUrl = testing.values.url, groupId = 7, retry = retry })
        local second = RankService.new({ baseUrl = testing.values.url, retry = retry })
        task.spawn(function() first:Promote(1) end)
        -- Its question for the group is still open, and may be until 33, when the turn of the promotion comes.
        task.delay(13, function() second:GetKey() end)
        return { code = second:Promote(1).error.code, at = os.clock() }
        ",
    );
    assert_eq!(run.value, json!({ "code": "TIMEOUT", "at": 20 }));
}
