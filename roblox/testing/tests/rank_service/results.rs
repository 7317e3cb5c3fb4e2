//! What each answer becomes.

use roblox_testing::http::HeaderCase;
use roblox_testing::{Reply, ScriptedServer};
use serde_json::json;

use crate::double::{Double, Fault, refusal};
use crate::scenario::{KEY, code, game, play, play_alone};

#[test]
fn a_change_answers_with_what_moved() {
    let api = Double::with([]);
    let run = play(
        game(api.url()),
        r#"
        local player = testing.join(42, "Ada")
        return ranks:Promote(player, { steps = 3, reason = "Passed", actor = 99 })
        "#,
    );
    let value = &run.value["value"];
    assert_eq!(run.value["ok"], json!(true));
    assert_eq!((&value["fromRank"], &value["toRank"], &value["changed"]), (&json!(1), &json!(4), &json!(true)));
    assert_eq!(value["toRole"], json!({ "id": 4000, "name": "Rank 4", "rank": 4 }));
    assert_eq!(run.value["requestId"], json!("req-1"));
    let request = &api.server.requests()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/promote"));
    let body =
        json!({ "groupId": 7, "userId": 42, "action": "promote", "steps": 3, "reason": "Passed", "actorId": 99 });
    assert_eq!(request.json(), body);
    assert!(request.header("authorization").unwrap().starts_with("Bearer wesk_"));
}

#[test]
fn each_change_has_its_route_and_body() {
    let api = Double::with([]);
    play(
        game(api.url()),
        "ranks:SetRankAsync(5, 20) ranks:DemoteAsync(5) ranks:SetRankAsync(5, 9, { dryRun = true }) ranks:SetRoleAsync(5, 77) \
         ranks:SetRole(5, 'Captain', { neverLower = true, ifRank = { 1, 50 } }) ranks:Promote(5, { ifRank = 9 })",
    );
    let seen: Vec<_> = api.server.requests().iter().map(|request| (request.path.clone(), request.json())).collect();
    let set = |fields: serde_json::Value| {
        let mut body = json!({ "groupId": 7, "userId": 5, "action": "setRank" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        ("/v1/setRank".to_owned(), body)
    };
    let demote = ("/v1/demote".to_owned(), json!({ "groupId": 7, "userId": 5, "action": "demote" }));
    let expected = [
        set(json!({ "targetRank": 20 })),
        demote,
        set(json!({ "targetRank": 9, "dryRun": true })),
        set(json!({ "targetRoleId": 77 })),
        set(json!({ "targetRoleName": "Captain", "neverLower": true, "ifRank": [1, 50] })),
        ("/v1/promote".to_owned(), json!({ "groupId": 7, "userId": 5, "action": "promote", "ifRank": 9 })),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn reads_answer_in_lua_terms() {
    let api = ScriptedServer::start(|request| {
        let body = match request.path.as_str() {
            "/v1/group/7" => json!({ "success": true, "groupId": 7, "name": "Crew", "description": null, "ownerId": 1,
                "memberCount": 12, "publicEntryAllowed": true, "locked": false, "verified": false,
                "createdAt": "2020-01-02T03:04:05.678Z", "updatedAt": null }),
            "/v1/group/7/roles" => json!({ "success": true, "groupId": 7, "roles": [
                { "id": 10, "name": "Guest", "rank": 0, "memberCount": null, "assignable": false },
                { "id": 11, "name": "Member", "rank": 1, "memberCount": 12, "assignable": true }] }),
            "/v1/key" => json!({ "success": true, "keyId": "abcdefghijkl", "groupId": 7, "plan": "max", "limit": null,
                "used": 3, "remaining": null, "resetsAt": "2026-11-01T00:00:00Z", "maxRank": 50,
                "allowedRanks": [1, 50], "expiresAt": null }),
            _ => json!({ "success": true, "groupId": 7, "userId": 42, "rank": 20, "roleName": "Captain", "roleId": 12,
                "roles": [{ "id": 12, "name": "Captain", "rank": 20 }, { "id": 11, "name": "Member", "rank": 1 }] }),
        };
        Reply::json(200, &body)
    })
    .unwrap();
    let run = play(
        game(api.url()),
        r"
        local group, roles, key, rank = ranks:GetGroup(), ranks:GetRoles(), ranks:GetKey(), ranks:GetRank(42)
        return { created = group.value.createdAt, owner = group.value.ownerId, none = group.value.description == nil,
            lowest = roles.value[1].name, second = roles.value[2].assignable, count = #roles.value,
            unlimited = key.value.limit == math.huge and key.value.remaining == math.huge,
            resets = key.value.resetsAt, maxRank = key.value.maxRank, allowed = key.value.allowedRanks,
            rank = rank.value.rank, held = #rank.value.roles, frozen = table.isfrozen(rank.value) }
        ",
    );
    let expected = json!({ "created": 1_577_934_245, "owner": 1, "none": true, "lowest": "Guest", "second": true,
        "count": 2, "unlimited": true, "resets": 1_793_491_200, "maxRank": 50, "allowed": [1, 50], "rank": 20,
        "held": 2, "frozen": true });
    assert_eq!(run.value, expected);
}

fn role(rank: u64) -> serde_json::Value {
    json!({ "id": rank, "name": "R", "rank": rank })
}

fn log_entry(log_id: &str, user_id: u64) -> serde_json::Value {
    json!({ "logId": log_id, "time": "2026-10-01T00:00:10.929Z", "keyId": "abcdefghijkl", "groupId": 7,
        "userId": user_id, "action": "promote", "outcome": "changed", "changed": true, "fromRank": 1, "toRank": 2,
        "fromRole": role(1), "toRole": role(2), "rolesAdded": [role(2)], "rolesRemoved": [], "reason": "Passed",
        "actorId": null, "undoes": null, "durationMs": 13 })
}

#[test]
fn logs_are_paged_and_undone() {
    let entry = log_entry("01A", 42);
    let api = ScriptedServer::start(move |request| {
        if request.path == "/v1/logs/01A" {
            return Reply::json(200, &json!({ "success": true, "entry": entry }));
        }
        if request.method == "GET" {
            let page = json!({ "success": true, "entries": [entry], "nextCursor": "c+2" });
            return Reply::json(200, &page);
        }
        Reply::json(
            200,
            &json!({ "success": true, "groupId": 7, "userId": 42, "action": "undo", "undoes": "01A", "fromRank": 2, "toRank": 1,
                "changed": true, "fromRole": role(2), "toRole": role(1), "logId": "01B", "requestId": "r" }),
        )
    })
    .unwrap();
    let run = play(
        game(api.url()),
        r#"
        local page = ranks:GetLogs({ user = 42, actor = 9, keyId = "abcdefghijkl", action = "promote", outcome = "changed",
            from = 1790812800, limit = 5, cursor = "c 1" })
        local one = ranks:GetLog("01A")
        local undone = ranks:Undo(page.value.entries[1].logId, { force = true, reason = "Mistake" })
        local plain = ranks:Undo("01A")
        local entry = page.value.entries[1]
        return { time = entry.time, added = entry.rolesAdded[1].rank, took = entry.duration,
            cursor = page.value.nextCursor, undone = undone.value.undoes, plain = plain.ok, one = one.value.userId }
        "#,
    );
    assert_eq!(
        run.value,
        json!({ "time": 1_790_812_810, "added": 2, "took": 0.013, "cursor": "c+2", "undone": "01A", "plain": true, "one": 42 })
    );
    let requests = api.requests();
    assert_eq!(
        requests[0].path,
        "/v1/logs?userId=42&actorId=9&keyId=abcdefghijkl&action=promote&outcome=changed\
         &from=2026%2D10%2D01T00%3A00%3A00Z&limit=5&cursor=c%201"
    );
    assert_eq!(requests[1].path, "/v1/logs/01A");
    assert_eq!(requests[2].path, "/v1/logs/01A/undo");
    assert_eq!(requests[2].json(), json!({ "force": true, "reason": "Mistake" }));
    assert!(requests[2].header("idempotency-key").is_some());
    assert_eq!(requests[3].body, "{}", "an object, though there is nothing in it");
}

/// Status, code and `retryable` of every error in the contract.
pub(crate) const CATALOGUE: &[(u16, &str, bool)] = &[
    (400, "INVALID_JSON", false),
    (400, "MISSING_PARAMETER", false),
    (400, "INVALID_PARAMETER", false),
    (400, "INVALID_ACTION", false),
    (400, "ROLE_NOT_FOUND", false),
    (400, "AMBIGUOUS_ROLE", false),
    (401, "MISSING_API_KEY", false),
    (401, "INVALID_API_KEY", false),
    (401, "API_KEY_REVOKED", false),
    (401, "API_KEY_EXPIRED", false),
    (403, "GROUP_NOT_LINKED", false),
    (403, "PLAN_REQUIRED", false),
    (403, "RANK_NOT_ALLOWED", false),
    (403, "USER_BLOCKED", false),
    (403, "TARGET_NOT_MANAGEABLE", false),
    (404, "USER_NOT_IN_GROUP", false),
    (404, "ROUTE_NOT_FOUND", false),
    (404, "LOG_NOT_FOUND", false),
    (405, "METHOD_NOT_ALLOWED", false),
    (413, "PAYLOAD_TOO_LARGE", false),
    (415, "UNSUPPORTED_ENCODING", false),
    (409, "RANK_CHANGE_IN_PROGRESS", true),
    (409, "IDEMPOTENCY_IN_PROGRESS", true),
    (409, "CHANGED_SINCE", false),
    (409, "RANK_MISMATCH", false),
    (422, "IDEMPOTENCY_KEY_REUSED", false),
    (429, "MONTHLY_LIMIT_REACHED", false),
    (500, "INTERNAL_ERROR", true),
    (502, "ROBLOX_UNAVAILABLE", true),
    (502, "ROBLOX_TIMEOUT", true),
    (502, "ROBLOX_RATE_LIMITED", true),
    (502, "ROBLOX_PERMISSION_DENIED", false),
    (502, "ROBLOX_CREDENTIAL_INVALID", false),
    (502, "ROBLOX_UNVERIFIED", false),
    (502, "ROBLOX_UNEXPECTED_RESPONSE", false),
    (503, "SERVICE_UNAVAILABLE", true),
    (200, "ALREADY_HIGHEST_RANK", false),
    (200, "ALREADY_LOWEST_RANK", false),
];

/// The codes above, for the comparison with the module's union.
pub(crate) fn contract_codes() -> Vec<&'static str> {
    CATALOGUE.iter().map(|(_, code, _)| *code).collect()
}

#[test]
fn every_code_arrives_whole_and_is_repeated_only_where_that_may_help() {
    for (status, name, retryable) in CATALOGUE {
        let api = Double::with(vec![Fault::Instead(refusal(*status, name, *retryable)); 9]);
        let run = play(game(api.url()), "return { result = ranks:SetRank(1, 2), events = #events }");
        let error = &run.value["result"]["error"];
        assert_eq!(error["code"], json!(name));
        assert_eq!(error["status"], json!(status), "{name}");
        assert_eq!(error["retryable"], json!(retryable), "{name}");
        assert_eq!(error["message"], json!(format!("The message of {name}.")));
        assert_eq!(error["requestId"], json!("req-9"), "{name}");
        assert_eq!(error["details"]["hint"], json!("details of it"));
        assert_eq!(error["uncertain"], json!(*name == "INTERNAL_ERROR"), "{name}");
        let attempts = if *retryable { 5 } else { 1 };
        assert_eq!(error["attempts"], json!(attempts), "{name}");
        assert_eq!(api.server.requests().len(), attempts, "{name}");
    }
}

#[test]
fn what_the_api_never_says_is_a_bad_response() {
    let cases = [
        Reply::text(404, "not here"),
        Reply::text(404, "<html>404 Not Found</html>"),
        Reply::text(301, ""),
        Reply::text(400, "{\"success\":false,\"code\":5,\"message\":{}}"),
        Reply::text(418, "{\"success\":true,\"code\":\"A_TEAPOT\",\"message\":\"short and stout\"}"),
    ];
    for reply in cases {
        let api = ScriptedServer::replies([reply.clone()]).unwrap();
        let run = play(game(api.url()), "return ranks:SetRank(1, 2)");
        assert_eq!(code(&run.value), "BAD_RESPONSE", "{reply:?}");
        assert_eq!(run.value["error"]["retryable"], json!(false), "{reply:?}");
        assert_eq!(run.value["error"]["uncertain"], json!(false), "another server has refused it: {reply:?}");
        assert_eq!(api.requests().len(), 1, "{reply:?}");
    }
}

/// What stands in for an answer of the API's, with a status that says that all is well.
fn unreadable() -> Vec<Reply> {
    let change = |user_id: u64, group_id: u64, action: &str| {
        let role = json!({ "id": 2, "name": "R", "rank": 2 });
        Reply::json(
            200,
            &json!({ "success": true, "groupId": group_id, "userId": user_id, "action": action, "fromRank": 1, "toRank": 2,
                "fromRole": role, "toRole": role, "changed": true, "logId": "01A" }),
        )
    };
    let end = json!({ "success": false, "code": "ALREADY_HIGHEST_RANK", "message": "At the top.", "userId": 2 });
    vec![
        Reply::json(200, &end),
        Reply::json(200, &json!({ "success": false })),
        Reply::text(200, "<html>hello</html>"),
        Reply::text(200, ""),
        Reply::text(200, "[]"),
        Reply::text(200, "null"),
        Reply::text(200, "{\"success\":true}"),
        Reply::json(200, &json!({ "success": true, "fromRank": "1", "toRank": 2 })),
        Reply::text(204, ""),
        change(2, 7, "setRank"),
        change(1, 8, "setRank"),
        change(1, 7, "promote"),
    ]
}

#[test]
fn a_change_whose_answer_cannot_be_read_or_is_about_another_is_asked_about_again_under_its_key() {
    for reply in unreadable() {
        let api = Double::with([Fault::Instead(reply.clone())]);
        let run = play(game(api.url()), "return ranks:SetRank(1, 2)");
        assert_eq!(run.value["value"]["userId"], json!(1), "{reply:?}: {}", run.value);
        let keys = api.idempotency_keys();
        assert_eq!((keys.len(), &keys[0]), (2, &keys[1]), "{reply:?}");

        let api = ScriptedServer::replies([reply.clone()]).unwrap();
        let run = play(game(api.url()), "return ranks:SetRank(1, 2)");
        assert_eq!(code(&run.value), "BAD_RESPONSE", "{reply:?}");
        assert_eq!(run.value["error"]["uncertain"], json!(true), "{reply:?}");
        assert_eq!(api.requests().len(), 5, "{reply:?}");
    }
}

#[test]
fn a_read_whose_answer_is_about_another_is_a_bad_response() {
    let membership = |user_id: u64, group_id: u64| json!({ "success": true, "groupId": group_id, "userId": user_id, "rank": 1, "roleName": "M", "roleId": 1, "roles": [] });
    let group = json!({ "success": true, "groupId": 8, "name": "Other" });
    let roles = json!({ "success": true, "groupId": 8, "roles": [] });
    for (answer, call) in [
        (membership(2, 7), "GetRank(1)"),
        (membership(1, 8), "GetRank(1)"),
        (group, "GetGroup()"),
        (roles, "GetRoles()"),
        (json!({ "success": true, "entries": [log_entry("01A", 2)] }), "GetLogs({ user = 1 })"),
        (json!({ "success": true, "groupId": 8, "entries": [] }), "GetLogs()"),
        (json!({ "success": true, "entry": log_entry("01B", 1) }), "GetLog('01A')"),
    ] {
        let api = ScriptedServer::replies([Reply::json(200, &answer)]).unwrap();
        let run = play(game(api.url()), &format!("return ranks:{call}"));
        assert_eq!(code(&run.value), "BAD_RESPONSE", "{call}: {answer}");
        assert_eq!(run.value["error"]["uncertain"], json!(false), "{call}");
    }
}

#[test]
fn a_code_of_the_future_keeps_what_it_says_and_asks_for_an_update() {
    for (status, retryable, attempts) in [(418, false, 1), (503, true, 5), (404, true, 1)] {
        let api = Double::with(vec![Fault::Instead(refusal(status, "ROBLOX_ON_HOLIDAY", retryable)); 9]);
        let run = play(game(api.url()), "return ranks:SetRank(1, 2)");
        let error = &run.value["error"];
        assert_eq!((code(&run.value), &error["status"]), ("ROBLOX_ON_HOLIDAY", &json!(status)));
        assert_eq!((&error["retryable"], &error["attempts"]), (&json!(retryable), &json!(attempts)));
        assert_eq!(error["uncertain"], json!(false));
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("The message of ROBLOX_ON_HOLIDAY."), "{message}");
        assert!(message.contains("an update of the module"), "{message}");
        assert_eq!(error["details"]["hint"], json!("details of it"));
    }
}

#[test]
fn a_gateway_in_front_is_understood() {
    let message = |status: u16| Reply::json(status, &json!({ "message": "from the gateway" }));
    for (status, expected, attempts) in [
        (413, "PAYLOAD_TOO_LARGE", 1),
        (429, "SERVICE_UNAVAILABLE", 5),
        (500, "INTERNAL_ERROR", 5),
        (502, "CONNECTION_FAILED", 5),
        (503, "SERVICE_UNAVAILABLE", 5),
        (504, "TIMEOUT", 5),
        (403, "BAD_RESPONSE", 1),
        (408, "BAD_RESPONSE", 5),
        (501, "BAD_RESPONSE", 5),
        (409, "BAD_RESPONSE", 1),
    ] {
        let api = ScriptedServer::replies([message(status)]).unwrap();
        let run = play(game(api.url()), "return ranks:SetRank(1, 2)");
        assert_eq!(code(&run.value), expected, "{status}");
        assert_eq!(run.value["error"]["attempts"], json!(attempts), "{status}");
        assert_eq!(run.value["error"]["status"], json!(status), "{status}");
        // A gateway that refuses has passed nothing on.
        assert_eq!(run.value["error"]["uncertain"], json!(status >= 500 || status == 408), "{status}");
    }
}

#[test]
fn the_end_of_the_ladder_says_where_the_member_stands() {
    let role = json!({ "id": 44, "name": "Chief", "rank": 250 });
    let reply = Reply::json(
        200,
        &json!({ "success": false, "groupId": 7, "userId": 1, "action": "promote", "fromRank": 250, "toRank": 250,
            "changed": false, "fromRole": role, "toRole": role, "code": "ALREADY_HIGHEST_RANK", "message": "At the top.",
            "logId": "01A", "requestId": "r" }),
    );
    let api = ScriptedServer::replies([reply]).unwrap();
    let run = play(game(api.url()), "return ranks:Promote(1).error");
    assert_eq!(run.value["code"], json!("ALREADY_HIGHEST_RANK"));
    let change = &run.value["change"];
    assert_eq!((&change["fromRank"], &change["toRank"]), (&json!(250), &json!(250)), "{}", run.value);
    assert_eq!((&change["fromRole"]["name"], &change["logId"]), (&json!("Chief"), &json!("01A")));
    assert_eq!(run.value["requestId"], json!("r"), "from the body, where no header has it");
}

#[test]
fn a_configured_group_is_the_one_that_is_asked_about() {
    let api = Double::with([]);
    play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 8 })
        ranks:GetGroup() ranks:GetRoles() ranks:GetRank(1)
        local own = RankService.new({ baseUrl = testing.values.url })
        own:GetGroup() own:GetRoles()
        ",
    );
    let paths: Vec<_> = api.server.requests().iter().map(|request| request.path.clone()).collect();
    assert_eq!(paths, ["/v1/group/8", "/v1/group/8/roles", "/v1/rank/8/1", "/v1/group", "/v1/group/roles"]);
}

#[test]
fn an_answer_of_an_unheard_of_shape_is_no_defect_of_the_module() {
    let run = play(
        game("https://rankbot.example.com"),
        r#"
        local body = '{"success":true,"groupId":7,"userId":1,"rank":1,"roleName":"M","roleId":1,"roles":[],"requestId":"r"}'
        local codes = {}
        for _, answer in {
            { StatusCode = 200, Body = body },
            { StatusCode = 200, Body = body, Headers = { 5, ["X-Request-Id"] = true, [true] = "x", ["Retry-After"] = {} } },
            { Body = body, Headers = {} },
            { StatusCode = 200, Headers = {} },
        } do
            testing.answerNextRequest(answer)
            local result = ranks:GetRank(1)
            table.insert(codes, if result.ok then result.requestId else result.error.code)
        end
        return codes
        "#,
    );
    assert_eq!(run.value, json!(["r", "r", "BAD_RESPONSE", "BAD_RESPONSE"]));
    assert_eq!(run.warnings(), Vec::<&str>::new());
}

#[test]
fn headers_are_read_in_either_case_and_kept_as_the_quota() {
    for case in [HeaderCase::Lower, HeaderCase::Title] {
        let limited = |remaining: u32| {
            let body = json!({ "success": true, "groupId": 7, "userId": 1, "rank": 1, "roleName": "M", "roleId": 1, "roles": [] });
            Reply::json(200, &body)
                .with("X-Request-Id", "req-5")
                .with("X-RateLimit-Limit", "100")
                .with("X-RateLimit-Remaining", remaining.to_string())
                .with("X-RateLimit-Reset", "1793491200")
        };
        let api = ScriptedServer::replies([limited(11), limited(9), limited(8)]).unwrap();
        let run = play(
            game(api.url()).header_case(case),
            r"
            local before = ranks:GetQuota()
            local first = ranks:GetRank(1)
            local calm = #events
            ranks:GetRank(1)
            ranks:GetRank(1)
            return { before = before == nil, first = first.quota, id = first.requestId, calm = calm,
                now = ranks:GetQuota().remaining, events = events }
            ",
        );
        assert_eq!(run.value["before"], json!(true));
        assert_eq!(run.value["first"], json!({ "limit": 100, "remaining": 11, "resetsAt": 1_793_491_200 }));
        assert_eq!((&run.value["id"], &run.value["calm"], &run.value["now"]), (&json!("req-5"), &json!(0), &json!(8)));
        assert_eq!(run.value["events"].as_array().unwrap().len(), 1, "told once, not at every answer");
        assert_eq!(run.value["events"][0]["kind"], json!("quotaLow"));
        assert_eq!(run.value["events"][0]["threshold"], json!(10));
    }
}

#[test]
fn an_unlimited_plan_has_an_infinite_quota() {
    let api = Double::with([Fault::Instead(
        refusal(404, "USER_NOT_IN_GROUP", false)
            .with("X-RateLimit-Limit", "unlimited")
            .with("X-RateLimit-Remaining", "unlimited")
            .with("X-RateLimit-Reset", "1793491200"),
    )]);
    let run = play(game(api.url()), "ranks:GetRank(1) return ranks:GetQuota().remaining == math.huge and #events == 0");
    assert_eq!(run.value, json!(true));
}

#[test]
fn the_group_is_the_keys_own_when_none_is_configured() {
    let api = Double::with([]);
    let run = play_alone(
        game(api.url()),
        r"
        local ranks = RankService.new({ baseUrl = testing.values.url .. '/v1/' })
        local finished = 0
        for user = 1, 5 do
            task.spawn(function()
                assert(ranks:Promote(user).ok)
                finished += 1
            end)
        end
        while finished < 5 do task.wait() end
        return ranks:GetRank(1).value.groupId
        ",
    );
    assert_eq!(run.value, json!(7));
    let paths: Vec<_> = api.server.requests().iter().map(|request| request.path.clone()).collect();
    assert_eq!(paths.iter().filter(|path| *path == "/v1/key").count(), 1, "asked once for all five");
    assert_eq!(paths.len(), 7);
}

#[test]
fn a_change_is_told_as_an_event_once_even_if_its_first_answer_was_lost() {
    let api = Double::with([Fault::CutAfterEffect]);
    let run = play(
        game(api.url()),
        r"
        ranks:SetRank(1, 5)
        ranks:SetRank(1, 5)
        ranks:Promote(1, { dryRun = true })
        local first = ranks:Promote(2, { idempotencyKey = 'once' })
        local again = ranks:Promote(2, { idempotencyKey = 'once' })
        local told = {}
        for _, event in events do
            if event.kind == 'rankChanged' then table.insert(told, event.change.userId) end
        end
        return { told = told, replayed = again.value.replayed, first = first.value.replayed }
        ",
    );
    assert_eq!(run.value, json!({ "told": [1, 2], "replayed": true, "first": false }));
    assert_eq!(api.moves(), 2);
}

#[test]
fn a_key_that_a_server_sends_back_is_hidden() {
    let echo = Reply::json(
        401,
        &json!({ "success": false, "code": "INVALID_API_KEY", "message": format!("No such key: {KEY}"), "retryable": false,
            "requestId": KEY, "details": { "given": [KEY], (KEY): 1 } }),
    );
    let api = ScriptedServer::replies([echo]).unwrap();
    let run = play(game(api.url()), "return ranks:Promote(1)");
    assert_eq!(run.value["error"]["message"], json!("No such key: wesk_…"));
    assert_eq!(run.value["error"]["details"], json!({ "given": ["wesk_…"], "wesk_…": 1 }));
    assert!(!run.value.to_string().contains(KEY), "{}", run.value);
}
