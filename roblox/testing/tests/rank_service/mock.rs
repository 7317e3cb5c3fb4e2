//! The mock: a group in memory that answers as the API does, and fails as it does.

use roblox_testing::host::{HttpAccess, Place};
use roblox_testing::{Host, Run};
use serde_json::json;

use crate::scenario::{KEY, bare_game, play_alone};

/// A playtest in Studio that cannot send anything.
pub(crate) fn studio() -> Host {
    bare_game("https://nowhere.invalid").place(Place::Studio).http(HttpAccess::Disabled)
}

/// Runs `script` with `ranks`, a client of the mock with these settings.
fn play_mock(settings: &str, script: &str) -> Run {
    let client = format!("local ranks = RankService.new({{ groupId = 7, mock = {settings} }})\n");
    play_alone(studio(), &format!("{client}{script}"))
}

const GROUP: &str = r"{
    roles = {
        { id = 10, name = 'Member', rank = 1 }, { id = 11, name = 'Visitor', rank = 1 },
        { id = 20, name = 'Crew', rank = 20 }, { id = 30, name = 'Pilot', rank = 30 },
        { id = 31, name = 'Engineer', rank = 30 }, { id = 40, name = 'Chief', rank = 40 },
    },
    members = { [5] = 40, [6] = { 20, 30, 40 }, [7] = 0, [8] = 255, [-1] = 20, [-2] = 0 },
}";

#[test]
fn it_ranks_in_memory_without_any_http() {
    let run = play_mock(
        "{ members = { [5] = 200 } }",
        r"
        local up = ranks:Promote(1)
        local top = ranks:Promote(5)
        local dry = ranks:SetRank(2, 200, { dryRun = true })
        local none = ranks:SetRank(2, 77)
        local undone = ranks:Undo(up.value.logId)
        local once = ranks:Promote(9, { idempotencyKey = 'k' })
        ranks:Promote(9, { idempotencyKey = 'k' })
        return { up = up.value.toRole.name, top = top.error.code, dry = ranks:GetRank(2).value.rank,
            none = none.error.code, undone = undone.value.toRank, nine = ranks:GetRank(9).value.rank,
            bottom = ranks:Demote(3).error.code, plan = ranks:GetKey().value.plan,
            logs = #ranks:GetLogs().value.entries, group = ranks:GetGroup().value.name,
            down = ranks:Demote(5, { steps = 9 }).value.toRank,
            role = ranks:SetRole(6, 2).value.toRole.name, once = once.ok }
        ",
    );
    let expected = json!({ "up": "Moderator", "top": "ALREADY_HIGHEST_RANK", "dry": 1, "none": "ROLE_NOT_FOUND",
        "undone": 1, "nine": 100, "bottom": "ALREADY_LOWEST_RANK", "plan": "max", "logs": 5,
        "group": "Mock group", "down": 1, "role": "Moderator", "once": true });
    assert_eq!(run.value, expected);
}

#[test]
fn it_keeps_idempotency_keys_and_a_log_as_the_api_does() {
    let run = play_mock(
        "{ members = { [5] = 200 } }",
        r"
        local first = ranks:Promote(1, { reason = 'Passed', actor = 5, idempotencyKey = 'k' })
        local again = ranks:Promote(1, { reason = 'Passed', actor = 5, idempotencyKey = 'k' })
        local reused = ranks:Promote(2, { idempotencyKey = 'k' })
        local rehearsed = ranks:Undo(first.value.logId, { dryRun = true })
        local stillThere = ranks:GetRank(1).value.rank
        ranks:SetRank(1, 200)
        local since = ranks:Undo(first.value.logId)
        local forced = ranks:Undo(first.value.logId, { force = true })
        local top = ranks:Promote(5)
        local page = ranks:GetLogs({ user = 1, limit = 2 })
        local rest = ranks:GetLogs({ user = 1, limit = 2, cursor = page.value.nextCursor })
        local quota = ranks:GetQuota()
        return { replayed = { first.value.replayed, again.value.replayed, first.value.logId == again.value.logId },
            reused = { reused.error.code, reused.error.status },
            rehearsed = { rehearsed.value.dryRun, rehearsed.value.toRank, stillThere },
            since = { since.error.code, since.error.details.currentRole.name },
            forced = { forced.value.toRank, forced.value.undoes == first.value.logId },
            top = { top.error.code, top.error.change.fromRank, top.error.change.toRole.name },
            logs = { #page.value.entries, #rest.value.entries, rest.value.nextCursor == nil,
                rest.value.entries[1].reason, rest.value.entries[1].actorId },
            undos = #ranks:GetLogs({ action = 'undo' }).value.entries, none = #ranks:GetLogs({ to = 1 }).value.entries,
            outcome = ranks:GetLogs({ user = 5 }).value.entries[1].outcome,
            quota = { quota.remaining == math.huge, os.date('!%Y-%m-%d', quota.resetsAt) } }
        ",
    );
    let expected = json!({ "replayed": [false, true, true], "reused": ["IDEMPOTENCY_KEY_REUSED", 422],
        "rehearsed": [true, 1, 100], "since": ["CHANGED_SINCE", "Admin"], "forced": [1, true],
        "top": ["ALREADY_HIGHEST_RANK", 200, "Admin"], "logs": [2, 1, true, "Passed", 5], "undos": 1, "none": 0,
        "outcome": "alreadyHighest", "quota": [true, "2026-11-01"] });
    assert_eq!(run.value, expected);
}

#[test]
fn it_refuses_a_live_server() {
    let run = play_alone(
        bare_game("https://x"),
        "return select(2, pcall(RankService.new, { baseUrl = testing.values.url, mock = true }))",
    );
    assert!(run.value.as_str().unwrap().contains("would rank nobody"), "{}", run.value);
}

#[test]
fn studios_test_players_are_taken_wherever_a_player_is() {
    let run = play_mock(
        GROUP,
        r"
        local one, two = testing.join(42, 'Player1'), testing.join(43, 'Player2')
        one.UserId, two.UserId = -1, -2
        local up = ranks:SetRole(one, 'Pilot', { actor = -3, reason = 'Passed' })
        local down = ranks:Demote(-1, { actor = one })
        local page = ranks:GetLogs({ user = one, actor = -3 })
        local entry = ranks:GetLog(up.value.logId).value
        return { up = { up.value.userId, up.value.fromRank, up.value.toRank }, down = down.value.toRank,
            rank = ranks:GetRank(one).value.userId, stranger = ranks:GetRank(two).error.code,
            logs = { #page.value.entries, page.value.entries[1].actorId, #ranks:GetLogs({ actor = one }).value.entries },
            entry = { entry.userId, entry.actorId, entry.reason }, undone = ranks:Undo(down.value.logId).value.userId }
        ",
    );
    let expected = json!({ "up": [-1, 20, 30], "down": 20, "rank": -1, "stranger": "USER_NOT_IN_GROUP",
        "logs": [1, -3, 1], "entry": [-1, -3, "Passed"], "undone": -1 });
    assert_eq!(run.value, expected);
}

#[test]
fn outsiders_and_the_owner_are_refused_as_the_api_refuses_them() {
    let run = play_mock(
        GROUP,
        r"
        local codes = {}
        for _, user in { 7, 8 } do
            for _, result in { ranks:GetRank(user), ranks:Promote(user), ranks:Demote(user, { dryRun = true }),
                ranks:SetRank(user, 20), ranks:SetRole(user, 'Nobody'), ranks:SetRank(user, 1, { ifRank = 9 }) } do
                table.insert(codes, if result.ok then result.value.roles else `{result.error.code} {result.error.status}`)
            end
        end
        return { codes = codes, owner = ranks:GetGroup().value.ownerId, logs = #ranks:GetLogs().value.entries }
        ",
    );
    let owner = json!([{ "id": 8, "name": "Owner", "rank": 255 }, { "id": 10, "name": "Member", "rank": 1 }]);
    let outside = vec![json!("USER_NOT_IN_GROUP 404"); 6];
    let refused = vec![json!("TARGET_NOT_MANAGEABLE 403"); 5];
    let codes = [outside, vec![owner], refused].concat();
    assert_eq!(run.value, json!({ "codes": codes, "owner": 8, "logs": 0 }));
}

#[test]
fn guest_and_owner_are_listed_and_members_counted() {
    let run = play_mock("{ members = { [5] = 200, [6] = 0, [7] = 255 } }", "return ranks:GetRoles().value");
    let expected = json!([
        { "id": 4, "name": "Guest", "rank": 0, "assignable": false },
        { "id": 1, "name": "Member", "rank": 1, "assignable": true, "memberCount": 2 },
        { "id": 2, "name": "Moderator", "rank": 100, "assignable": true, "memberCount": 0 },
        { "id": 3, "name": "Admin", "rank": 200, "assignable": true, "memberCount": 1 },
        { "id": 5, "name": "Owner", "rank": 255, "assignable": false, "memberCount": 1 },
    ]);
    assert_eq!(run.value, expected);

    let named = "{ roles = { { id = 9, name = 'Gast', rank = 0 }, { id = 8, name = 'Chef', rank = 255 }, { id = 1, name = 'Crew', rank = 5 } } }";
    let run = play_mock(
        named,
        "local names = {} for _, role in ranks:GetRoles().value do table.insert(names, role.name) end return { names, ranks:GetRank(1).value.rank }",
    );
    assert_eq!(run.value, json!([["Gast", "Crew", "Chef"], 5]), "and the lowest role is everyone's");
}

#[test]
fn a_change_takes_every_other_role_and_undo_gives_them_back() {
    let run = play_mock(
        GROUP,
        r"
        local function ranksOf(roles) local list = {} for _, role in roles do table.insert(list, role.rank) end return list end
        local function held() return ranksOf(ranks:GetRank(6).value.roles) end
        local before = held()
        local set = ranks:SetRank(6, 40)
        local entry = ranks:GetLog(set.value.logId).value
        local after = held()
        local again = ranks:SetRank(6, 40)
        local undone = ranks:Undo(set.value.logId)
        local restored = held()
        local base = ranks:SetRole(6, 'Visitor')
        return { before = before, after = after, changed = { set.value.changed, set.value.fromRank, again.value.changed },
            entry = { ranksOf(entry.rolesAdded), ranksOf(entry.rolesRemoved), entry.outcome },
            again = ranks:GetLog(again.value.logId).value.outcome,
            undone = { undone.value.changed, undone.value.toRank, ranksOf(ranks:GetLog(undone.value.logId).value.rolesAdded) },
            restored = restored, base = { base.value.toRole.name, held() } }
        ",
    );
    let expected = json!({ "before": [40, 30, 20, 1], "after": [40, 1], "changed": [true, 40, false],
        "entry": [[], [20, 30], "changed"], "again": "unchanged", "undone": [true, 40, [20, 30]],
        "restored": [40, 30, 20, 1], "base": ["Member", [1]] });
    assert_eq!(run.value, expected, "roles at rank 1 are neither given nor taken");
}

#[test]
fn two_roles_at_one_rank_are_told_apart_by_id_alone() {
    let run = play_mock(
        GROUP,
        r"
        local rank, step = ranks:SetRank(1, 30), ranks:Promote(-1)
        local byId = ranks:SetRole(1, 31)
        return { rank = rank.error, step = step.error.code, byId = byId.value.toRole.name,
            held = ranks:SetRank(1, 30).value.changed, base = ranks:SetRank(1, 1).value.toRole.name,
            name = ranks:SetRole(1, ' PILOT ').value.toRole.id }
        ",
    );
    let value = &run.value;
    assert_eq!((&value["rank"]["code"], &value["rank"]["status"]), (&json!("AMBIGUOUS_ROLE"), &json!(400)));
    let candidates = json!([{ "id": 30, "name": "Pilot", "rank": 30 }, { "id": 31, "name": "Engineer", "rank": 30 }]);
    assert_eq!(value["rank"]["details"]["candidates"], candidates);
    assert_eq!((&value["step"], &value["byId"]), (&json!("AMBIGUOUS_ROLE"), &json!("Engineer")));
    assert_eq!(value["held"], json!(false), "of two roles at the member's rank, theirs is meant");
    assert_eq!((&value["base"], &value["name"]), (&json!("Member"), &json!(30)));
}

#[test]
fn two_roles_of_one_name_are_ambiguous() {
    let group = "{ roles = { { id = 1, name = 'Crew', rank = 1 }, { id = 2, name = 'VIP', rank = 20 }, { id = 3, name = 'vip', rank = 30 } } }";
    let run = play_mock(group, "return ranks:SetRole(1, 'Vip').error");
    assert_eq!(run.value["code"], json!("AMBIGUOUS_ROLE"));
    assert_eq!(run.value["details"]["candidates"].as_array().unwrap().len(), 2);
}

#[test]
fn conditions_are_judged_by_the_rank_at_hand() {
    let run = play_mock(
        GROUP,
        r"
        local mismatch = ranks:Promote(5, { ifRank = { 1, 39 } })
        local fits = ranks:Demote(5, { ifRank = 40, steps = 2 })
        local kept = ranks:SetRank(6, 20, { neverLower = true })
        return { mismatch.error, fits.value.toRank, kept.value, ranks:GetLog(kept.value.logId).value.outcome }
        ",
    );
    assert_eq!((&run.value[0]["code"], &run.value[0]["details"]), (&json!("RANK_MISMATCH"), &json!({ "rank": 40 })));
    assert_eq!(run.value[1], json!(20), "steps are distinct ranks");
    let kept = &run.value[2];
    assert_eq!((&kept["kept"], &kept["changed"], &kept["toRank"]), (&json!(true), &json!(false), &json!(40)));
    assert_eq!(run.value[3], json!("unchanged"));
}

#[test]
fn a_refusal_has_the_details_of_the_apis() {
    let run = play_mock(
        GROUP,
        r"
        local none, name, filter = ranks:SetRank(1, 77), ranks:SetRole(1, '  '), ranks:GetLogs({ action = 'kick' })
        local log, entry = ranks:Undo('no'), ranks:GetLog('01M83P4KMY6M3133AQ1PM20CTE')
        return { none.error.details, name.error, filter.error, log.error, entry.error }
        ",
    );
    let value = &run.value;
    assert_eq!(value[0], json!({ "availableRanks": [1, 20, 30, 40] }));
    let problem = &value[1]["details"]["problems"][0];
    assert_eq!((&value[1]["code"], &problem["field"]), (&json!("INVALID_PARAMETER"), &json!("targetRoleName")));
    assert_eq!((&problem["code"], &problem["message"]), (&value[1]["code"], &value[1]["message"]));
    assert_eq!(
        (&value[2]["code"], &value[2]["details"]),
        (&json!("INVALID_PARAMETER"), &json!({ "parameter": "action" }))
    );
    assert_eq!(
        (&value[3]["code"], &value[3]["details"]),
        (&json!("INVALID_PARAMETER"), &json!({ "parameter": "logId" }))
    );
    assert_eq!((&value[4]["code"], &value[4]["status"]), (&json!("LOG_NOT_FOUND"), &json!(404)));
}

#[test]
fn the_log_is_filtered_by_all_that_the_api_filters_by() {
    let run = play_mock(
        GROUP,
        r"
        ranks:Promote(1, { actor = 5 })
        task.wait(100)
        local middle = os.time()
        local second = ranks:SetRank(1, 40, { actor = 6 })
        ranks:SetRank(1, 40)
        ranks:Promote(5)
        local function count(filter) return #ranks:GetLogs(filter).value.entries end
        local key = ranks:GetKey().value.keyId
        local pages, cursor = {}, nil
        repeat
            local page = ranks:GetLogs({ limit = 3, cursor = cursor }).value
            table.insert(pages, #page.entries)
            cursor = page.nextCursor
        until not cursor
        return { count(), count({ user = 1 }), count({ actor = 6 }), count({ keyId = key }), count({ keyId = 'abcdefghijkl' }),
            count({ action = 'promote' }), count({ outcome = 'unchanged' }), count({ outcome = 'failed' }),
            count({ from = middle }), count({ to = middle }), pages, ranks:GetLog(second.value.logId).value.actorId }
        ",
    );
    assert_eq!(run.value, json!([4, 3, 1, 4, 0, 2, 1, 0, 3, 1, [3, 1], 6]));
}

#[test]
fn a_failed_request_is_not_kept_under_its_key() {
    let run = play_mock(
        "{ fail = function(call) return if call.attempt == 1 and not shared.done then 'USER_NOT_IN_GROUP' else nil end }",
        r"
        local first = ranks:Promote(1, { idempotencyKey = 'purchase-1' })
        shared.done = true
        local second = ranks:Promote(1, { idempotencyKey = 'purchase-1' })
        return { first.error.code, second.value.toRank, second.value.replayed }
        ",
    );
    assert_eq!(run.value, json!(["USER_NOT_IN_GROUP", 100, false]));
}

#[test]
fn every_code_of_the_api_comes_with_its_status_and_details() {
    let run = play_alone(
        studio(),
        r"
        local seen = {}
        for code in RankService.ErrorCode do
            local ranks = RankService.new({ mock = { fail = code, members = { [5] = 200 } }, retry = { attempts = 2, deadline = 40 } })
            local result = ranks:Promote(5)
            seen[code] = result.error
        end
        return seen
        ",
    );
    let seen = run.value.as_object().unwrap();
    for (status, code, retryable) in crate::results::CATALOGUE {
        let error = &seen[*code];
        assert_eq!(error["code"], json!(code), "{error}");
        assert_eq!((&error["status"], &error["retryable"]), (&json!(status), &json!(retryable)), "{error}");
        let attempts = if *retryable { 2 } else { 1 };
        assert_eq!(error["attempts"], json!(attempts), "{error}");
        assert_eq!(error["uncertain"], json!(*code == "INTERNAL_ERROR"), "{error}");
        assert!(error["requestId"].is_string() && error["idempotencyKey"].is_string(), "{error}");
    }
    assert_eq!(seen["RANK_MISMATCH"]["details"], json!({ "rank": 200 }));
    assert_eq!(seen["ROLE_NOT_FOUND"]["details"], json!({ "availableRanks": [1, 100, 200] }));
    assert_eq!(seen["CHANGED_SINCE"]["details"]["currentRole"]["name"], json!("Admin"));
    assert_eq!(seen["PLAN_REQUIRED"]["details"]["requiredPlans"], json!(["pro", "max"]));
    assert_eq!(seen["MONTHLY_LIMIT_REACHED"]["details"]["resetsAt"], json!("2026-11-01T00:00:00Z"));
    assert_eq!(seen["INVALID_PARAMETER"]["details"]["problems"][0]["code"], json!("INVALID_PARAMETER"));
    assert_eq!(seen["ALREADY_HIGHEST_RANK"]["change"]["toRank"], json!(200));
    assert_eq!(seen["SERVICE_UNAVAILABLE"]["retryAfter"], json!(1));
}

#[test]
fn the_modules_own_codes_are_what_really_happens() {
    let run = play_alone(
        studio(),
        r"
        local seen = {}
        for _, code in { 'TIMEOUT', 'CONNECTION_FAILED', 'HTTP_DISABLED', 'SECRET_MISSING', 'BUDGET_EXHAUSTED', 'BAD_RESPONSE' } do
            local failing, told = code, 0
            local ranks = RankService.new({
                mock = { fail = function() return failing end }, retry = { attempts = 3 },
                onEvent = function(event) told += if event.kind == 'rankChanged' then 1 else 0 end,
            })
            local began = os.clock()
            local failed = ranks:Promote(1).error
            local took = os.clock() - began
            failing = nil
            local rank = ranks:GetRank(1).value.rank
            local again = ranks:Promote(1, { idempotencyKey = failed.idempotencyKey })
            seen[code] = { failed.code, failed.attempts, failed.uncertain, failed.retryable, rank,
                again.value.replayed, again.value.toRank, told, took > 45 }
        end
        return seen
        ",
    );
    let expected = json!({
        "TIMEOUT": ["TIMEOUT", 3, true, true, 100, true, 100, 1, true],
        "BAD_RESPONSE": ["BAD_RESPONSE", 3, true, false, 100, true, 100, 1, false],
        "CONNECTION_FAILED": ["CONNECTION_FAILED", 3, true, true, 1, false, 100, 1, false],
        "BUDGET_EXHAUSTED": ["BUDGET_EXHAUSTED", 0, false, true, 1, false, 100, 1, false],
        "HTTP_DISABLED": ["HTTP_DISABLED", 0, false, false, 1, false, 100, 1, false],
        "SECRET_MISSING": ["SECRET_MISSING", 0, false, false, 1, false, 100, 1, false],
    });
    assert_eq!(run.value, expected);
}

#[test]
fn a_lost_answer_is_found_by_the_next_attempt_and_nobody_moves_twice() {
    let run = play_mock(
        "{ fail = function(call) table.insert(shared, call) return if call.attempt == 1 then 'TIMEOUT' else nil end }",
        r"
        local result = ranks:Promote(-1)
        local undone = ranks:Undo(result.value.logId)
        ranks:GetRank(-1)
        ranks:GetLogs()
        return { result.value.replayed, result.value.toRank, undone.value.toRank, shared }
        ",
    );
    assert_eq!(run.value.as_array().unwrap()[..3], [json!(true), json!(100), json!(1)]);
    let calls: Vec<_> = run.value[3]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| (call["method"].as_str().unwrap(), call["userId"].as_i64(), call["attempt"].as_i64().unwrap()))
        .collect();
    let twice = |method, user| [(method, user, 1), (method, user, 2)];
    let expected = [
        twice("PromoteAsync", Some(-1)),
        twice("UndoAsync", Some(-1)),
        twice("GetRankAsync", Some(-1)),
        twice("GetLogsAsync", None),
    ];
    assert_eq!(calls, expected.concat());
}

#[test]
fn a_mistake_in_fail_is_an_error_of_the_game_and_fails_the_call_at_once() {
    for (fail, words) in [
        ("return 'TIMOUT'", "mock.fail must return a code of RankService.ErrorCode, or nil, not string TIMOUT"),
        ("error('mine')", "mock.fail threw: "),
    ] {
        let script = format!(
            "local RankService = require(game:GetService('ServerScriptService').RankService) \
             local ranks = RankService.new({{ mock = {{ fail = function() {fail} end }} }}) \
             return ranks:Promote(1).error"
        );
        let run = studio().run(&script).unwrap();
        assert!(run.value["message"].as_str().unwrap().starts_with(words), "{}", run.value);
        assert_eq!((&run.value["attempts"], &run.value["uncertain"]), (&json!(0), &json!(false)));
        assert!(run.errors.len() == 1 && run.errors[0].contains(words), "{:?}", run.errors);
        assert!(run.warnings().is_empty(), "it is no defect of the module: {:?}", run.warnings());
    }
}

#[test]
fn a_plan_limits_the_month_and_starter_cannot_demote() {
    let run = play_mock(
        "{ plan = 'starter', used = 97, members = { [5] = 200 } }",
        r"
        local demote = ranks:Demote(5)
        local first = ranks:Promote(1, { idempotencyKey = 'first' })
        local none = ranks:SetRank(1, 77)
        local quota = ranks:GetQuota()
        ranks:GetRank(1) ranks:GetRank(1)
        local over = ranks:GetRank(1)
        local again = ranks:Promote(1, { idempotencyKey = 'first' })
        local other = ranks:Promote(2, { idempotencyKey = 'first' })
        local key = ranks:GetKey().value
        return { demote = demote.error, quota = quota, none = none.error.code, first = first.quota.remaining, over = over.error,
            again = again.value.replayed, other = other.error.code, key = key }
        ",
    );
    let value = &run.value;
    assert_eq!((&value["demote"]["code"], &value["demote"]["status"]), (&json!("PLAN_REQUIRED"), &json!(403)));
    assert_eq!(value["demote"]["details"], json!({ "plan": "starter", "requiredPlans": ["pro", "max"] }));
    assert_eq!((&value["first"], &value["none"]), (&json!(2), &json!("ROLE_NOT_FOUND")));
    let resets_at = 1_793_491_200;
    assert_eq!(
        value["quota"],
        json!({ "limit": 100, "remaining": 2, "resetsAt": resets_at }),
        "refusals are given back"
    );
    let over = &value["over"];
    assert_eq!((&over["code"], &over["retryable"]), (&json!("MONTHLY_LIMIT_REACHED"), &json!(false)));
    let details = json!({ "plan": "starter", "limit": 100, "used": 100, "resetsAt": "2026-11-01T00:00:00Z" });
    assert_eq!(over["details"], details);
    assert!(over["retryAfter"].as_u64().unwrap() > 86_400, "{over}");
    assert_eq!((&value["again"], &value["other"]), (&json!(true), &json!("MONTHLY_LIMIT_REACHED")));
    let key = &value["key"];
    assert_eq!((&key["plan"], &key["used"], &key["remaining"]), (&json!("starter"), &json!(100), &json!(0)));
    assert_eq!((&key["limit"], &key["resetsAt"]), (&json!(100), &json!(resets_at)));
}

#[test]
fn refusals_count_beyond_the_number_that_is_given_back() {
    let run = play_mock(
        "{ plan = 'starter' }",
        "for _ = 1, 33 do ranks:SetRank(1, 77) end ranks:GetKey() return ranks:GetQuota().remaining",
    );
    assert_eq!(run.value, json!(97), "30 are given back");
}

#[test]
fn no_wrong_setting_prints_a_key() {
    for settings in [
        "{ fail = KEY }",
        "{ plan = KEY }",
        "{ used = KEY }",
        "{ roles = KEY }",
        "{ [KEY] = 1 }",
        "{ members = { [KEY] = 1 } }",
        "{ members = { [1] = KEY } }",
        "{ roles = { { id = 1, name = KEY, rank = 0.5 } } }",
        "{ fail = function() return KEY end }",
        "{ fail = function() error(KEY) end }",
    ] {
        let settings = settings.replace("KEY", "testing.values.key");
        let script = format!(
            "local RankService = require(game:GetService('ServerScriptService').RankService) \
             local made, ranks = pcall(RankService.new, {{ mock = {settings} }}) \
             return if made then ranks:Promote(1).error.message else ranks"
        );
        let run = studio().value("key", KEY).run(&script).unwrap();
        let said = format!("{} {:?} {:?}", run.value, run.errors, run.output);
        assert!(said.contains("mock") && !said.contains(KEY), "{settings}: {said}");
    }
}
