//! The `filter` parameter of "list group memberships": the part of the Common Expression Language that Roblox
//! documents for it, `==` and `in [...]`.

use crate::reply::Refusal;

/// Most users that one `in` filter may name (documented).
pub(crate) const MAX_USERS: usize = 50;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    /// `user == 'users/1'`
    User(u64),
    /// `user in ['users/1', 'users/2']`
    Users(Vec<u64>),
    /// `role == 'groups/1/roles/2'`
    Role { group: u64, role: u64 },
}

impl Filter {
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        Self::recognise(text.trim()).ok_or_else(|| Refusal::invalid(format!("The filter '{text}' cannot be read.")))
    }

    fn recognise(text: &str) -> Option<Self> {
        let (field, rest) = text.split_at_checked(4)?;
        let rest = rest.trim_start();
        match field {
            "user" => {
                if let Some(value) = rest.strip_prefix("==") {
                    return Some(Self::User(user_id(quoted(value.trim())?)?));
                }
                let list = rest.strip_prefix("in")?.trim().strip_prefix('[')?.strip_suffix(']')?;
                let users = list.split(',').map(|value| user_id(quoted(value.trim())?)).collect::<Option<Vec<_>>>()?;
                (users.len() <= MAX_USERS).then_some(Self::Users(users))
            }
            "role" => {
                let (group, role) = role_path(quoted(rest.strip_prefix("==")?.trim())?)?;
                Some(Self::Role { group, role })
            }
            _ => None,
        }
    }
}

/// The text inside single or double quotes, both of which the language allows.
fn quoted(text: &str) -> Option<&str> {
    let inner = |quote| text.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    inner('\'').or_else(|| inner('"'))
}

fn user_id(path: &str) -> Option<u64> {
    id(path.strip_prefix("users/")?)
}

/// `groups/{group}/roles/{role}`, the only way to name a role.
pub(crate) fn role_path(path: &str) -> Option<(u64, u64)> {
    let (group, role) = path.strip_prefix("groups/")?.split_once("/roles/")?;
    Some((id(group)?, id(role)?))
}

/// A positive id in plain decimal digits.
pub(crate) fn id(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok().filter(|id| *id > 0) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_forms_are_read() {
        assert_eq!(Filter::parse("user == 'users/9876543210'").unwrap(), Filter::User(9_876_543_210));
        assert_eq!(Filter::parse("user=='users/1'").unwrap(), Filter::User(1));
        assert_eq!(Filter::parse("user in ['users/1', 'users/156']").unwrap(), Filter::Users(vec![1, 156]));
        assert_eq!(
            Filter::parse("role == 'groups/123/roles/7920705'").unwrap(),
            Filter::Role { group: 123, role: 7_920_705 }
        );
    }

    #[test]
    fn anything_else_is_an_invalid_argument() {
        for text in [
            "user",
            "user == 1",
            "user == 'users/'",
            "user == 'users/-1'",
            "user == 'users/1",
            "user = 'users/1'",
            "user != 'users/1'",
            "user in []",
            "user in 'users/1'",
            "role == '5'",
            "role in ['groups/1/roles/2']",
            "rank == 5",
            "user == 'users/1' && role == 'groups/1/roles/2'",
            "üser == 'users/1'",
        ] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fifty_users_are_the_most() {
        let list = |count: usize| format!("user in [{}]", vec!["'users/1'"; count].join(","));
        assert!(Filter::parse(&list(50)).is_ok());
        assert!(Filter::parse(&list(51)).is_err());
    }
}
