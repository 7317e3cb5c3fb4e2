//! The operations that read.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::control::State;
use crate::endpoint::Target;
use crate::filter::{self, Filter};
use crate::paging::{LastPage, Window};
use crate::reply::Refusal;
use crate::views;
use crate::world::Group;

/// Most roles on a page (documented).
const MAX_ROLES: usize = 20;
/// Most memberships on a page (documented).
const MAX_MEMBERSHIPS: usize = 100;

/// Query parameters by name.
pub(crate) type Parameters = HashMap<String, String>;

pub(crate) fn find_group<'a>(state: &'a State, segment: &str) -> Result<&'a Group, Refusal> {
    let id = filter::id(segment).ok_or_else(|| Refusal::invalid(format!("'{segment}' is not a group id.")))?;
    state.world.group(id).ok_or_else(|| Refusal::not_found(format!("Group {id} not found.")))
}

pub(crate) fn get_group(state: &State, target: &Target) -> Result<Value, Refusal> {
    Ok(views::group(find_group(state, &target.group)?))
}

pub(crate) fn get_role(state: &State, target: &Target, viewer: u64) -> Result<Value, Refusal> {
    let group = find_group(state, &target.group)?;
    let role = filter::id(&target.item)
        .and_then(|id| group.find_role(id))
        .ok_or_else(|| Refusal::not_found(format!("Role '{}' not found.", target.item)))?;
    Ok(views::role(group, role, viewer))
}

pub(crate) fn list_roles(
    state: &mut State,
    target: &Target,
    parameters: &Parameters,
    viewer: u64,
) -> Result<Value, Refusal> {
    let window = window(parameters, MAX_ROLES, &("roles", &target.group))?;
    let group = find_group(state, &target.group)?;
    let roles: Vec<Value> =
        group.roles.iter().skip(window.offset).take(window.size).map(|role| views::role(group, role, viewer)).collect();
    let next = window.next_token(group.roles.len());
    Ok(page(state, "groupRoles", Value::Array(roles), next))
}

pub(crate) fn list_memberships(state: &mut State, target: &Target, parameters: &Parameters) -> Result<Value, Refusal> {
    let text = parameters.get("filter").map(String::as_str).filter(|text| !text.is_empty());
    let window = window(parameters, MAX_MEMBERSHIPS, &("memberships", &target.group, text))?;
    let filter = text.map(Filter::parse).transpose()?;
    let found = if target.group == "-" {
        let Some(Filter::Users(users)) = filter else {
            return Err(Refusal::invalid("Over all groups, memberships are listed by \"user in ['users/1', …]\"."));
        };
        state.listed_world().groups().flat_map(|group| of_users(group, &users)).collect()
    } else {
        let now = find_group(state, &target.group)?;
        let group = state.listed_world().group(now.id).unwrap_or(now);
        match filter {
            None => group.members.iter().map(|(user, member)| views::membership(group, *user, member)).collect(),
            Some(Filter::User(user)) => of_users(group, &[user]),
            Some(Filter::Users(users)) => of_users(group, &users),
            Some(Filter::Role { group: of, role }) => of_role(group, of, role)?,
        }
    };
    let total = found.len();
    let shown = found.into_iter().skip(window.offset).take(window.size).collect();
    Ok(page(state, "groupMemberships", Value::Array(shown), window.next_token(total)))
}

fn of_users(group: &Group, users: &[u64]) -> Vec<Value> {
    let members = group.members.iter().filter(|(user, _)| users.contains(user));
    members.map(|(user, member)| views::membership(group, *user, member)).collect()
}

fn of_role(group: &Group, named: u64, role: u64) -> Result<Vec<Value>, Refusal> {
    if named != group.id {
        return Err(Refusal::invalid("The filter names a role of another group."));
    }
    let members = group.members.iter().filter(|(_, member)| member.roles.contains(&role));
    Ok(members.map(|(user, member)| views::membership(group, *user, member)).collect())
}

fn window(parameters: &Parameters, max: usize, question: &impl std::hash::Hash) -> Result<Window, Refusal> {
    let of = |name: &str| parameters.get(name).map(String::as_str);
    Window::parse(of("maxPageSize"), of("pageToken"), max, question)
}

fn page(state: &mut State, field: &str, items: Value, next: Option<String>) -> Value {
    let mut page = Map::new();
    page.insert(field.to_owned(), items);
    if let Some(token) = next.or_else(|| last_token(state)) {
        page.insert("nextPageToken".to_owned(), Value::String(token));
    }
    Value::Object(page)
}

fn last_token(state: &mut State) -> Option<String> {
    state.last_pages = state.last_pages.wrapping_add(1);
    match state.assumptions.last_page {
        LastPage::EmptyToken => Some(String::new()),
        LastPage::NoToken => None,
        LastPage::Alternating => (state.last_pages % 2 == 1).then(String::new),
    }
}
