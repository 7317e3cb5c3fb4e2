//! The routes: which path and method is whose. `template.yaml` says the same to API Gateway; a test compares the two.

use http::Method;

use crate::function::Function;

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    SetRank,
    Promote,
    Demote,
    AnyRankChange,
    GetRank,
    GroupInfo,
    GroupRoles,
    Logs,
    LogEntry,
    Undo,
    KeyInfo,
    Status,
}

/// One route.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path below the deployment's address, with parameters in braces.
    pub path: &'static str,
    /// Who serves it.
    pub function: Function,
    pub(super) endpoint: Endpoint,
}

const fn route(method: Method, path: &'static str, function: Function, endpoint: Endpoint) -> Route {
    Route { method, path, function, endpoint }
}

/// Every route but `$default`, which is [`Function::KeyInfo`]'s. Where two paths match, the first here counts.
pub static ROUTES: &[Route] = &[
    route(Method::POST, "/v1/setRank", Function::SetRank, Endpoint::SetRank),
    route(Method::POST, "/v1/promote", Function::Promote, Endpoint::Promote),
    route(Method::POST, "/v1/demote", Function::Demote, Endpoint::Demote),
    route(Method::POST, "/v1/rank", Function::Rank, Endpoint::AnyRankChange),
    route(Method::GET, "/v1/rank/{groupId}/{userId}", Function::GetRank, Endpoint::GetRank),
    route(Method::GET, "/v1/group", Function::GroupInfo, Endpoint::GroupInfo),
    route(Method::GET, "/v1/group/roles", Function::GroupRoles, Endpoint::GroupRoles),
    route(Method::GET, "/v1/group/{groupId}", Function::GroupInfo, Endpoint::GroupInfo),
    route(Method::GET, "/v1/group/{groupId}/roles", Function::GroupRoles, Endpoint::GroupRoles),
    route(Method::GET, "/v1/logs", Function::Logs, Endpoint::Logs),
    route(Method::GET, "/v1/logs/{logId}", Function::Logs, Endpoint::LogEntry),
    route(Method::POST, "/v1/logs/{logId}/undo", Function::Undo, Endpoint::Undo),
    route(Method::GET, "/v1/key", Function::KeyInfo, Endpoint::KeyInfo),
    route(Method::GET, "/v1/status", Function::KeyInfo, Endpoint::Status),
];

/// The values of a path's parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PathParameters(Vec<(&'static str, String)>);

impl PathParameters {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// What a method and a path lead to.
#[derive(Debug)]
pub(super) enum Destination {
    /// This route.
    Found(&'static Route, PathParameters),
    /// The path is known, with these methods.
    OtherMethods(Vec<Method>),
    /// Nowhere.
    Nowhere,
}

/// Finds the route. `path` is the one below the stage, as the event has it: API Gateway's HTTP APIs, `sam local` and
/// `rankbot local` have percent-decoded it, and decoding it once more would read `%2532` as `2`.
pub(super) fn find(method: &Method, path: &str) -> Destination {
    let mut methods = Vec::new();
    for route in ROUTES {
        let Some(parameters) = matched(route.path, path) else { continue };
        if route.method == *method {
            return Destination::Found(route, parameters);
        }
        if !methods.contains(&route.method) {
            methods.push(route.method.clone());
        }
    }
    if methods.is_empty() { Destination::Nowhere } else { Destination::OtherMethods(methods) }
}

fn matched(pattern: &'static str, path: &str) -> Option<PathParameters> {
    let mut parameters = Vec::new();
    let mut given = path.split('/');
    for expected in pattern.split('/') {
        let part = given.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if part.is_empty() => return None,
            Some(name) => parameters.push((name, part.to_owned())),
            None if expected != part => return None,
            None => {}
        }
    }
    given.next().is_none().then_some(PathParameters(parameters))
}

/// How API Gateway chose the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    /// By a route of its own.
    ByRoute,
    /// Because no route matched.
    ByDefault,
}

/// The path below the deployment's address: without the stage that API Gateway puts in front of it, or, where a route
/// did match, the base path under which a custom domain maps it.
pub(super) fn below_stage<'a>(raw_path: &'a str, stage: Option<&str>, chosen: Chosen) -> &'a str {
    let without = |prefix: &str| {
        let rest = raw_path.strip_prefix('/')?.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    };
    // Below a domain, a path that begins like the stage begins so for itself: no route is without the /v1.
    let is_own = |rest: &&str| rest.starts_with("/v1/") || !raw_path.starts_with("/v1/");
    if let Some(rest) = stage.and_then(without).filter(is_own) {
        return rest;
    }
    let first = raw_path.split('/').nth(1).unwrap_or_default();
    match without(first) {
        Some(rest) if chosen == Chosen::ByRoute && first != "v1" && rest.starts_with("/v1/") => rest,
        _ => raw_path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> Option<(Function, PathParameters)> {
        match find(method, path) {
            Destination::Found(route, parameters) => Some((route.function, parameters)),
            Destination::OtherMethods(_) | Destination::Nowhere => None,
        }
    }

    #[test]
    fn fixed_path_counts_before_one_with_a_parameter() {
        assert_eq!(found(&Method::GET, "/v1/group/roles").unwrap().0, Function::GroupRoles);
        let (function, parameters) = found(&Method::GET, "/v1/group/7").unwrap();
        assert_eq!((function, parameters.get("groupId")), (Function::GroupInfo, Some("7")));
    }

    #[test]
    fn parameters_are_taken_as_they_are_and_never_empty() {
        assert_eq!(found(&Method::GET, "/v1/rank/7/%35").unwrap().1.get("userId"), Some("%35"));
        assert!(found(&Method::GET, "/v1/%72ank/7/5").is_none());
        for path in ["/v1/rank/7/", "/v1/rank//5", "/v1/rank/7/5/", "/v1/rank/7/5/6", "/v1/setRank/", "/V1/setRank", ""]
        {
            assert!(found(&Method::GET, path).is_none(), "{path}");
            assert!(found(&Method::POST, path).is_none(), "{path}");
        }
    }

    #[test]
    fn known_path_with_another_method_names_the_methods_it_has() {
        assert!(matches!(find(&Method::DELETE, "/v1/group/roles"), Destination::OtherMethods(m) if m == [Method::GET]));
        assert!(matches!(find(&Method::GET, "/v1/rank"), Destination::OtherMethods(m) if m == [Method::POST]));
        assert!(matches!(find(&Method::GET, "/v2/rank"), Destination::Nowhere));
    }

    #[test]
    fn stage_and_base_path_are_taken_off() {
        let below = |path, stage| below_stage(path, stage, Chosen::ByRoute);
        assert_eq!(below("/pro/v1/setRank", Some("pro")), "/v1/setRank");
        assert_eq!(below("/v1/setRank", Some("pro")), "/v1/setRank");
        assert_eq!(below("/v1/setRank", Some("$default")), "/v1/setRank");
        assert_eq!(below("/v1/setRank", None), "/v1/setRank");
        assert_eq!(below("/ranking/v1/setRank", Some("pro")), "/v1/setRank");
        assert_eq!(below("/product/x", Some("pro")), "/product/x");
        assert_eq!(below("/v1/v1/setRank", None), "/v1/v1/setRank");
        assert_eq!(below("/v1/v1/setRank", Some("v1")), "/v1/setRank");
        assert_eq!(below("/v1/setRank", Some("v1")), "/v1/setRank");
        assert_eq!(below_stage("/pro/v1/x", Some("pro"), Chosen::ByDefault), "/v1/x");
        assert_eq!(below_stage("/other/v1/status", Some("pro"), Chosen::ByDefault), "/other/v1/status");
    }
}
