//! The name that a caller means who sends another one: from slips of the pen, and from how other services name the same.

/// What other ranking services, Roblox's own documents and Luau scripts call a parameter of ours; small letters and digits
/// alone.
const ALIASES: &[(&str, &[&str])] = &[
    ("groupId", &["group", "groupid", "robloxgroupid", "gid", "communityid"]),
    (
        "userId",
        &[
            "user",
            "userid",
            "robloxuserid",
            "robloxid",
            "uid",
            "player",
            "playerid",
            "member",
            "memberid",
            "target",
            "targetid",
            "targetuser",
            "targetuserid",
            "membershipid",
        ],
    ),
    ("action", &["type", "command", "method", "operation"]),
    ("targetRank", &["rank", "ranknumber", "newrank", "torank", "toprank", "ranklevel", "level"]),
    (
        "targetRoleId",
        &["role", "roleid", "rankid", "rolesetid", "newrole", "newroleid", "toroleid", "targetrole", "targetrankid"],
    ),
    ("targetRoleName", &["rolename", "rankname", "newrolename", "targetrankname", "torolename"]),
    ("steps", &["step", "count", "amount", "by", "times", "ranks", "levels"]),
    ("reason", &["comment", "note", "message", "auditreason", "description"]),
    ("actorId", &["actor", "actorid", "moderator", "moderatorid", "executor", "executorid", "staffid", "requestedby"]),
    ("dryRun", &["dry", "test", "preview", "simulate"]),
    ("neverLower", &["onlyraise", "nodemote", "keephigher", "onlyifhigher"]),
    ("ifRank", &["currentrank", "fromrank", "expectedrank", "onlyif", "ifcurrentrank"]),
    ("force", &["forced"]),
    ("keyId", &["key", "apikeyid"]),
    ("from", &["since", "after", "start", "starttime"]),
    ("to", &["until", "before", "end", "endtime"]),
    ("limit", &["maxpagesize", "pagesize", "perpage", "size"]),
    ("cursor", &["pagetoken", "nextcursor", "page", "nextpagetoken"]),
];

/// What a caller sends in the body and what belongs in a header.
const HEADERS: &[(&str, &str)] = &[
    ("idempotencykey", "Idempotency-Key: <a name for this change>"),
    ("apikey", "Authorization: Bearer <key>"),
    ("key", "Authorization: Bearer <key>"),
    ("token", "Authorization: Bearer <key>"),
    ("authorization", "Authorization: Bearer <key>"),
    ("secret", "Authorization: Bearer <key>"),
];

/// The most letters that a slip of the pen changes.
const SLIP: usize = 2;

/// Which of the known names is meant, if it is clear.
pub(super) fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = plain(name);
    let same = known.iter().find(|known| known.to_lowercase() == plain);
    let alias = || {
        let (canonical, _) = ALIASES.iter().find(|(_, aliases)| aliases.contains(&plain.as_str()))?;
        known.iter().find(|known| *known == canonical)
    };
    let slip = || {
        let distance = |known: &&&str| strsim::osa_distance(&known.to_lowercase(), &plain);
        known.iter().min_by_key(distance).filter(|known| distance(known) <= SLIP && plain.len() > 2 * SLIP)
    };
    same.or_else(alias).or_else(slip).copied()
}

/// The header that a body's field belongs in.
pub(super) fn header(name: &str) -> Option<&'static str> {
    let plain = plain(name);
    HEADERS.iter().find(|(field, _)| *field == plain).map(|(_, header)| *header)
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &[&str] = &["groupId", "userId", "action", "targetRank", "targetRoleId", "targetRoleName", "actorId"];

    #[test]
    fn the_name_that_is_meant_is_found() {
        for (sent, known) in [
            ("userid", "userId"),
            ("UserID", "userId"),
            ("user_id", "userId"),
            ("user", "userId"),
            ("robloxUserId", "userId"),
            ("rank", "targetRank"),
            ("rankId", "targetRoleId"),
            ("role", "targetRoleId"),
            ("rank_name", "targetRoleName"),
            ("targetRnak", "targetRank"),
            ("gruopId", "groupId"),
        ] {
            assert_eq!(meant(sent, SET), Some(known), "{sent}");
        }
    }

    #[test]
    fn what_is_like_nothing_or_belongs_to_another_action_is_not_guessed() {
        for sent in ["foo", "", "x", "__proto__", "steps"] {
            assert_eq!(meant(sent, SET), None, "{sent}");
        }
        assert_eq!(meant("rank", &["steps", "userId"]), None);
    }

    #[test]
    fn what_belongs_in_a_header_is_known() {
        assert_eq!(header("idempotency_key"), Some("Idempotency-Key: <a name for this change>"));
        assert_eq!(header("apiKey"), Some("Authorization: Bearer <key>"));
        assert_eq!(header("userId"), None);
    }
}
