//! The mock against RankBot itself: the same script, run with either, has the same results.

use std::collections::BTreeMap;

use rankbot_sandbox::demo;
use rankbot_shared::domain::plan::Plan;
use serde_json::{Map, Value, json};

use crate::local::Rankbot;
use crate::mock::studio;
use crate::scenario::play_alone;

/// Which of the sandbox's groups.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    AsSeeded,
    /// With two roles at rank 20, and two that are called Captain.
    WithTwins,
}

impl Group {
    fn settle(self, rankbot: &Rankbot) {
        if self == Self::WithTwins {
            let sandbox = rankbot.local.sandbox().unwrap();
            sandbox.set_role_rank(demo::GROUP_ID, demo::role::VIP, 20).unwrap();
            sandbox.rename_role(demo::GROUP_ID, demo::role::SENIOR_CREW, "captain").unwrap();
        }
    }
}

/// The same group in the mock. Of its two roles at rank 1, the one that everybody holds comes first.
fn settings(group: Group, plan: Plan) -> String {
    use demo::role::*;
    let (vip, senior) = if group == Group::WithTwins { (20, "captain") } else { (15, "Senior Crew") };
    let roles = [
        (MEMBER, "Member", 1),
        (PASSENGER, "Passenger", 1),
        (CAPTAIN, "Captain", 80),
        (GUEST, "Guest", 0),
        (SENIOR_CREW, senior, 35),
        (OWNER, "Owner", 255),
        (TRAINEE, "Trainee", 10),
        (CHIEF_EXECUTIVE, "Chief Executive", 200),
        (FIRST_OFFICER, "First Officer", 50),
        (VIP, "VIP", vip),
        (BOARD_MEMBER, "Board Member", 150),
        (BOT, "RankBot", 250),
        (CABIN_CREW, "Cabin Crew", 20),
        (FLIGHT_DIRECTOR, "Flight Director", 120),
    ];
    let roles: Vec<_> =
        roles.iter().map(|(id, name, rank)| format!("{{ id = {id}, name = '{name}', rank = {rank} }}")).collect();
    format!(
        "{{ plan = '{plan}', roles = {{ {} }}, members = {{ [{}] = 255, [{}] = 250, [{}] = 10, [{}] = 1, [{}] = 1, \
         [{}] = {{ 20, 35, {vip} }}, [{}] = 200, [{}] = 120, [{}] = 0 }} }}",
        roles.join(", "),
        demo::OWNER_USER_ID,
        demo::BOT_USER_ID,
        demo::TRAINEE_USER_ID,
        demo::BASE_ONLY_USER_ID,
        demo::LEGACY_USER_ID,
        demo::SEVERAL_ROLES_USER_ID,
        demo::TOP_MEMBER_USER_ID,
        demo::SENIOR_USER_ID,
        demo::STRANGER_USER_ID,
    )
}

/// What of a result must be equal: ids of logs become their number of appearance, and what is another's each time goes.
fn comparable(value: &Value, logs: &mut BTreeMap<String, usize>) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| comparable(item, logs)).collect(),
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.keys().collect();
            names.sort();
            let mut kept = Map::new();
            for name in names {
                let item = match (name.as_str(), &fields[name]) {
                    (
                        "time" | "duration" | "keyId" | "resetsAt" | "requestId" | "idempotencyKey" | "retryAfter"
                        | "message",
                        _,
                    ) => continue,
                    ("logId" | "undoes" | "nextCursor", Value::String(id)) => {
                        let next = logs.len();
                        json!(*logs.entry(id.clone()).or_insert(next))
                    }
                    (_, item) => comparable(item, logs),
                };
                kept.insert(name.clone(), item);
            }
            Value::Object(kept)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Runs `script` once against RankBot and once against the mock; it collects its results with `note`.
fn assert_alike(plan: Plan, script: &str) {
    assert_alike_in(Group::AsSeeded, plan, script);
}

fn assert_alike_in(group: Group, plan: Plan, script: &str) {
    let script = script
        .replace("TRAINEE", &demo::TRAINEE_USER_ID.to_string())
        .replace("BASE", &demo::BASE_ONLY_USER_ID.to_string())
        .replace("SEVERAL", &demo::SEVERAL_ROLES_USER_ID.to_string())
        .replace("SENIOR", &demo::SENIOR_USER_ID.to_string())
        .replace("OWNER", &demo::OWNER_USER_ID.to_string())
        .replace("STRANGER", &demo::STRANGER_USER_ID.to_string())
        .replace("PASSENGER", &demo::role::PASSENGER.to_string())
        .replace("VIP", &demo::role::VIP.to_string());
    let noting = r"
        local results, events = {}, {}
        ranks.RankChanged:Connect(function(change) table.insert(events, change.toRank) end)
        local function note(result)
            local quota = ranks:GetQuota()
            table.insert(results, { result = result, remaining = quota and quota.remaining })
            return result
        end
    ";
    let with = |settings: &str| {
        format!(
            "local ranks = RankService.new({{ {settings}, groupId = {} }}) {noting} {script} \
             table.insert(results, {{ told = events }}) return results",
            demo::GROUP_ID
        )
    };
    let rankbot = Rankbot::start();
    group.settle(&rankbot);
    let live = rankbot.play(plan, &with("baseUrl = testing.values.url")).value;
    rankbot.stop();
    let mocked = play_alone(studio(), &with(&format!("mock = {}", settings(group, plan)))).value;
    let (live, mocked) = (comparable(&live, &mut BTreeMap::new()), comparable(&mocked, &mut BTreeMap::new()));
    let (expected, seen) = (live.as_array().unwrap(), mocked.as_array().unwrap());
    for (index, (expected, seen)) in expected.iter().zip(seen).enumerate() {
        assert_eq!(seen, expected, "result {} of the mock differs from RankBot's", index + 1);
    }
    assert_eq!(seen.len(), expected.len());
}

#[test]
fn changes_end_as_rankbots_own_do() {
    assert_alike(
        Plan::Pro,
        r"
        local up = note(ranks:Promote(TRAINEE, { reason = 'Passed', actor = 5 }))
        note(ranks:Promote(TRAINEE, { steps = 3, dryRun = true }))
        note(ranks:Promote(TRAINEE, { steps = 3, idempotencyKey = 'steps' }))
        note(ranks:Promote(TRAINEE, { steps = 3, idempotencyKey = 'steps' }))
        note(ranks:Promote(TRAINEE, { steps = 2, idempotencyKey = 'steps' }))
        note(ranks:Undo(up.value.logId))
        note(ranks:Undo(up.value.logId, { dryRun = true, force = true }))
        local undone = note(ranks:Undo(up.value.logId, { force = true, reason = 'Wrong member' }))
        note(ranks:Undo(undone.value.logId))
        note(ranks:SetRank(SEVERAL, 20, { neverLower = true }))
        note(ranks:SetRank(SEVERAL, 20, { ifRank = { 1, 34 } }))
        local set = note(ranks:SetRank(SEVERAL, 35, { ifRank = 35 }))
        note(ranks:GetRank(SEVERAL))
        note(ranks:SetRank(SEVERAL, 35))
        note(ranks:Undo(set.value.logId))
        note(ranks:GetRank(SEVERAL))
        note(ranks:SetRole(SEVERAL, ' cabin CREW '))
        note(ranks:SetRank(BASE, 1))
        note(ranks:SetRole(BASE, PASSENGER))
        local lowest = note(ranks:Demote(BASE))
        note(ranks:Demote(BASE, { dryRun = true, steps = 10, idempotencyKey = 'dry' }))
        note(ranks:Promote(BASE, { steps = 4, dryRun = true, idempotencyKey = 'again' }))
        note(ranks:Promote(BASE, { steps = 4, dryRun = true, idempotencyKey = 'again' }))
        note(ranks:Demote(SENIOR, { steps = 10 }))
        note(ranks:GetLogs())
        note(ranks:GetLogs({ outcome = 'changed', limit = 2 }))
        note(ranks:GetLogs({ actor = 5 }))
        note(ranks:GetLogs({ user = BASE, action = 'demote' }))
        note(ranks:GetLog(up.value.logId))
        note(ranks:GetLog(lowest.error.change.logId))
        note(ranks:GetKey())
        ",
    );
}

#[test]
fn refusals_are_those_of_rankbot_itself() {
    assert_alike(
        Plan::Starter,
        r"
        for _, user in { OWNER, STRANGER } do
            note(ranks:GetRank(user))
            note(ranks:Promote(user))
            note(ranks:Demote(user))
            note(ranks:SetRank(user, 20, { dryRun = true }))
            note(ranks:SetRank(user, 20, { ifRank = 9 }))
        end
        note(ranks:SetRank(TRAINEE, 77))
        note(ranks:SetRole(TRAINEE, 'Nobody'))
        note(ranks:SetRole(TRAINEE, 12345))
        note(ranks:SetRole(TRAINEE, 'Owner'))
        note(ranks:SetRole(TRAINEE, '   '))
        note(ranks:SetRole(TRAINEE, string.rep('n', 101)))
        note(ranks:Promote(TRAINEE, { ifRank = { 20, 30 } }))
        note(ranks:SetRank(TRAINEE, 20, { idempotencyKey = 'key' }))
        note(ranks:SetRole(TRAINEE, 'Cabin Crew', { idempotencyKey = 'key' }))
        note(ranks:Undo('01M83P4KMY6M3133AQ1PM20CTE'))
        note(ranks:GetLog('01M83P4KMY6M3133AQ1PM20CTE'))
        note(ranks:Undo('no'))
        note(ranks:GetLog('no'))
        note(ranks:GetLogs({ action = 'kick' }))
        note(ranks:GetLogs({ outcome = 'lost' }))
        note(ranks:GetLogs({ keyId = 'mine' }))
        note(ranks:GetLogs({ cursor = 'next' }))
        note(ranks:GetKey())
        ",
    );
}

#[test]
fn the_months_end_is_rankbots_own() {
    assert_alike(
        Plan::Starter,
        r"
        note(ranks:Promote(TRAINEE, { idempotencyKey = 'first' }))
        for _ = 1, 32 do ranks:SetRank(TRAINEE, 77) end
        note(ranks:SetRank(TRAINEE, 77))
        for _ = 1, 95 do ranks:GetRank(TRAINEE) end
        note(ranks:GetRank(TRAINEE))
        note(ranks:GetRank(TRAINEE))
        note(ranks:Promote(TRAINEE))
        note(ranks:Demote(TRAINEE))
        note(ranks:Promote(TRAINEE, { idempotencyKey = 'first' }))
        note(ranks:Promote(TRAINEE, { idempotencyKey = 'first', steps = 2 }))
        note(ranks:GetKey())
        ",
    );
}

#[test]
fn the_groups_roles_are_listed_as_rankbot_lists_them() {
    assert_alike(
        Plan::Max,
        r"
        local roles = ranks:GetRoles()
        for _, role in roles.value do
            -- One of the sandbox's members holds both roles at rank 1, as ranks alone cannot say.
            table.insert(results, { role.id, role.name, role.rank, role.assignable, role.rank ~= 1 and role.memberCount })
        end
        local group = ranks:GetGroup().value
        table.insert(results, { group.groupId, group.ownerId, group.memberCount, group.locked })
        note(ranks:GetKey())
        ",
    );
}

#[test]
fn roles_that_look_alike_are_as_unclear_as_to_rankbot() {
    assert_alike_in(
        Group::WithTwins,
        Plan::Pro,
        r"
        note(ranks:SetRank(BASE, 20))
        note(ranks:SetRole(BASE, 'Captain'))
        note(ranks:Promote(TRAINEE))
        note(ranks:Demote(SENIOR, { steps = 4 }))
        note(ranks:SetRole(BASE, VIP))
        note(ranks:SetRank(BASE, 20))
        note(ranks:SetRank(BASE, 20, { neverLower = true }))
        note(ranks:Promote(BASE))
        note(ranks:SetRole(BASE, 'MEMBER'))
        note(ranks:GetRank(BASE))
        note(ranks:GetLogs())
        ",
    );
}
