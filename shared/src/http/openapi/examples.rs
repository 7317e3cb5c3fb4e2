//! Requests that work against a fresh `rankbot local`, and what it answers to them. The tests of the document hold all
//! of them to the schemas.

use serde_json::{Value, json};

use crate::http::routes::Endpoint;

const GROUP: u64 = 7_042_001;

/// Bodies, by name.
pub(super) fn requests(endpoint: Endpoint) -> Value {
    match endpoint {
        Endpoint::SetRank => json!({
            "byRank": shown(set_by_rank()),
            "byRole": shown(set_by_role()),
            "byName": shown(set_by_name()),
            "neverLower": shown(with(set_by_rank(), json!({"neverLower": true, "ifRank": [1, 254]}))),
        }),
        Endpoint::Promote => json!({"oneStep": shown(promote()), "severalSteps": shown(step("promote", 200_006, "3"))}),
        Endpoint::Demote => json!({"oneStep": shown(step("demote", 200_005, "1"))}),
        Endpoint::AnyRankChange => json!({
            "setRank": shown(set_by_rank()),
            "promote": shown(promote()),
            "demote": shown(step("demote", 200_005, "1")),
        }),
        Endpoint::Undo => json!({
            "plain": shown(json!({"reason": "wrong member"})),
            "anyway": shown(json!({"force": true, "actorId": 100_001})),
        }),
        Endpoint::GetRank
        | Endpoint::GroupInfo
        | Endpoint::GroupRoles
        | Endpoint::Logs
        | Endpoint::LogEntry
        | Endpoint::KeyInfo
        | Endpoint::Status => json!({}),
    }
}

/// Answers with 200, by name.
pub(super) fn answers(endpoint: Endpoint) -> Value {
    match endpoint {
        Endpoint::SetRank => json!({
            "done": shown(set()),
            "dryRun": shown(with(set(), json!({"dryRun": true}))),
            "kept": shown(kept()),
        }),
        Endpoint::Promote => json!({"done": shown(promoted()), "atTheTop": shown(at_the_top())}),
        Endpoint::Demote => json!({"done": shown(demoted()), "atTheFoot": shown(at_the_foot())}),
        Endpoint::AnyRankChange => json!({
            "set": shown(set()),
            "promoted": shown(promoted()),
            "demoted": shown(demoted()),
            "atTheTop": shown(at_the_top()),
            "atTheFoot": shown(at_the_foot()),
        }),
        Endpoint::GetRank => json!({"member": shown(member())}),
        Endpoint::GroupInfo => json!({"group": shown(group())}),
        Endpoint::GroupRoles => json!({"roles": shown(roles())}),
        Endpoint::Logs => json!({"lastPage": shown(logs())}),
        Endpoint::LogEntry => json!({"entry": shown(json!({"success": true, "entry": entry()}))}),
        Endpoint::Undo => json!({"done": shown(undone())}),
        Endpoint::KeyInfo => json!({"limited": shown(key()), "unlimited": shown(unlimited_key())}),
        Endpoint::Status => {
            json!({"up": shown(json!({"success": true, "status": "ok", "version": env!("CARGO_PKG_VERSION")}))})
        }
    }
}

fn shown(value: Value) -> Value {
    Value::Object([("value".to_owned(), value)].into_iter().collect())
}

fn with(mut object: Value, fields: Value) -> Value {
    if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
        object.extend(fields);
    }
    object
}

fn set_by_rank() -> Value {
    json!({"groupId": GROUP, "userId": 200_001, "action": "setRank", "targetRank": 20, "reason": "training passed"})
}

fn set_by_role() -> Value {
    json!({
        "groupId": GROUP.to_string(),
        "userId": "200002",
        "action": "setRank",
        "targetRoleId": 31_000_412,
        "actorId": 100_001,
        "dryRun": true,
    })
}

fn set_by_name() -> Value {
    json!({"groupId": GROUP, "userId": 200_001, "action": "setRank", "targetRoleName": "cabin crew"})
}

fn kept() -> Value {
    let senior = role(31_000_640, "Senior Crew", 35);
    with(change(200_004, "setRank", &senior, &senior), json!({"kept": true}))
}

fn promote() -> Value {
    json!({"groupId": GROUP, "userId": 200_001, "action": "promote"})
}

fn step(action: &str, user: u64, steps: &str) -> Value {
    json!({"groupId": GROUP, "userId": user, "action": action, "steps": steps})
}

fn role(id: u64, name: &str, rank: u8) -> Value {
    json!({"id": id, "name": name, "rank": rank})
}

fn trainee() -> Value {
    role(31_000_412, "Trainee", 10)
}

fn cabin_crew() -> Value {
    role(31_000_205, "Cabin Crew", 20)
}

fn change(user: u64, action: &str, from: &Value, to: &Value) -> Value {
    json!({
        "success": true,
        "groupId": GROUP,
        "userId": user,
        "action": action,
        "fromRank": from["rank"],
        "toRank": to["rank"],
        "changed": from != to,
        "fromRole": from,
        "toRole": to,
        "logId": "01M83NDGXZ5MMX7PJ47EWYXAY3",
        "requestId": "bHEkWZA08wQttvQ=",
    })
}

fn set() -> Value {
    change(200_001, "setRank", &trainee(), &cabin_crew())
}

fn promoted() -> Value {
    change(200_001, "promote", &cabin_crew(), &role(31_000_640, "Senior Crew", 35))
}

fn demoted() -> Value {
    let from = role(31_000_981, "Chief Executive", 200);
    change(200_005, "demote", &from, &role(31_000_276, "Board Member", 150))
}

fn at_the_top() -> Value {
    let top = role(31_000_044, "RankBot", 250);
    with(
        change(100_002, "promote", &top, &top),
        json!({
            "success": false,
            "code": "ALREADY_HIGHEST_RANK",
            "message": "The member stands at the highest rank already: nothing was changed.",
        }),
    )
}

fn at_the_foot() -> Value {
    let foot = role(31_000_777, "Member", 1);
    with(
        change(200_002, "demote", &foot, &foot),
        json!({
            "success": false,
            "code": "ALREADY_LOWEST_RANK",
            "message": "The member stands at the lowest rank already: nothing was changed.",
        }),
    )
}

fn undone() -> Value {
    let fields = json!({"undoes": "01M83NDGXZ5MMX7PJ47EWYXAY3", "logId": "01M83NH2V8SCWQ6WEWN3B6B1QK"});
    with(change(200_001, "undo", &cabin_crew(), &trainee()), fields)
}

fn member() -> Value {
    json!({
        "success": true,
        "groupId": GROUP,
        "userId": 200_004,
        "rank": 35,
        "roleName": "Senior Crew",
        "roleId": 31_000_640,
        "roles": [
            role(31_000_640, "Senior Crew", 35),
            cabin_crew(),
            role(31_000_888, "VIP", 15),
            role(31_000_777, "Member", 1),
        ],
    })
}

fn group() -> Value {
    json!({
        "success": true,
        "groupId": GROUP,
        "name": "Blox Airways",
        "description": "The friendliest airline in the blocky skies.",
        "ownerId": 100_001,
        "memberCount": 8,
        "publicEntryAllowed": true,
        "locked": false,
        "verified": false,
        "createdAt": "2026-11-23T07:19:54.640536823Z",
        "updatedAt": null,
    })
}

fn roles() -> Value {
    let listed = |role: Value, members: Value, assignable: bool| {
        with(role, json!({"memberCount": members, "assignable": assignable}))
    };
    json!({
        "success": true,
        "groupId": GROUP,
        "roles": [
            listed(role(31_000_900, "Guest", 0), Value::Null, false),
            listed(role(31_000_777, "Member", 1), json!(8), true),
            listed(trainee(), json!(1), true),
            listed(role(31_000_001, "Owner", 255), json!(1), false),
        ],
    })
}

fn entry() -> Value {
    json!({
        "logId": "01M83NDGXZ5MMX7PJ47EWYXAY3",
        "time": "2026-11-23T07:41:01.247Z",
        "keyId": "D4Ljm6WFHwd3",
        "groupId": GROUP,
        "userId": 200_001,
        "action": "setRank",
        "outcome": "changed",
        "changed": true,
        "fromRank": 10,
        "toRank": 20,
        "fromRole": trainee(),
        "toRole": cabin_crew(),
        "rolesAdded": [cabin_crew()],
        "rolesRemoved": [trainee()],
        "reason": "training passed",
        "actorId": null,
        "undoes": null,
        "durationMs": 214,
    })
}

fn logs() -> Value {
    json!({"success": true, "groupId": GROUP, "entries": [entry()], "nextCursor": null})
}

fn key() -> Value {
    json!({
        "success": true,
        "keyId": "D4Ljm6WFHwd3",
        "groupId": GROUP,
        "plan": "pro",
        "limit": 5_000,
        "used": 17,
        "remaining": 4_983,
        "resetsAt": "2026-12-01T00:00:00Z",
        "maxRank": 50,
        "allowedRanks": [10, 20, 35, 50],
        "expiresAt": null,
    })
}

fn unlimited_key() -> Value {
    let unlimited = json!({"plan": "max", "limit": null, "remaining": null, "maxRank": null, "allowedRanks": null});
    with(key(), unlimited)
}
