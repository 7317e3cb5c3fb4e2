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
    // Monitors send nothing else.
    route(Method::HEAD, "/v1/status", Function::KeyInfo, Endpoint::Status),
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

/// The route that API Gateway has matched, by its key: a method and a path with its parameters in braces. `None` for one
/// that is not here, or whose parameters are not all there.
pub(super) fn by_key(route_key: &str, value: impl Fn(&str) -> Option<String>) -> Option<Destination> {
    let (method, path) = route_key.split_once(' ')?;
    let route = ROUTES.iter().find(|route| route.method.as_str() == method && route.path == path)?;
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters = names.map(|name| Some((name, value(name)?))).collect::<Option<Vec<_>>>()?;
    Some(Destination::Found(route, PathParameters(parameters)))
}

/// Where a path leads that API Gateway has no route for. It begins with the stage, where the API is called by its own
/// address, or with the base path under which a custom domain maps it, of which nothing else tells: whatever it ends in
/// that is a route's path is known here, with other methods.
pub(super) fn by_path(method: &Method, raw_path: &str, stage: Option<&str>) -> Destination {
    let destination = find(method, below_stage(raw_path, stage));
    if !matches!(destination, Destination::Nowhere) {
        return destination;
    }
    // A base path has no empty segment.
    let is_base =
        |start: &usize| raw_path.get(..*start).is_some_and(|base| !base.ends_with('/') && !base.contains("//"));
    let starts = raw_path.match_indices('/').map(|(start, _)| start).filter(is_base);
    let ends = starts.filter_map(|start| raw_path.get(start..)).filter(|end| end.starts_with("/v1/"));
    let known = ends.map(|end| find(method, end)).find(|known| matches!(known, Destination::OtherMethods(_)));
    known.unwrap_or(Destination::Nowhere)
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

/// The path that is meant by one that differs in slashes, in case, or in a `/v1` that is not there.
pub(super) fn near_path(raw_path: &str) -> Option<&'static str> {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_ascii_lowercase).collect()
    };
    let given = parts(raw_path);
    let fits = |pattern: &str, given: &[String]| {
        let expected = parts(pattern);
        expected.len() == given.len()
            && expected.iter().zip(given).all(|(expected, given)| expected.starts_with('{') || expected == given)
    };
    let versioned: Vec<String> = std::iter::once("v1".to_owned()).chain(given.iter().cloned()).collect();
    // A stage or a base path may be in front.
    let starts = (0..given.len()).filter_map(|start| given.get(start..));
    let candidates: Vec<&[String]> = starts.chain([versioned.as_slice()]).collect();
    ROUTES.iter().find(|route| candidates.iter().any(|given| fits(route.path, given))).map(|route| route.path)
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

/// The path without the stage that API Gateway puts in front of it.
fn below_stage<'a>(raw_path: &'a str, stage: Option<&str>) -> &'a str {
    let without = |prefix: &str| {
        let rest = raw_path.strip_prefix('/')?.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    };
    // Below a domain, a path that begins like the stage begins so for itself: no route is without the /v1.
    let is_own = |rest: &&str| rest.starts_with("/v1/") || !raw_path.starts_with("/v1/");
    stage.and_then(without).filter(is_own).unwrap_or(raw_path)
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
    fn a_route_is_the_one_that_the_gateway_has_matched_whatever_is_in_front_of_its_path() {
        let values = |name: &str| (name != "logId").then(|| format!("<{name}>"));
        let Some(Destination::Found(route, parameters)) = by_key("GET /v1/rank/{groupId}/{userId}", values) else {
            panic!("it is a route");
        };
        assert_eq!((route.function, parameters.get("userId")), (Function::GetRank, Some("<userId>")));
        for unknown in ["GET /v1/nothing", "DELETE /v1/key", "GET", "GET /v1/logs/{logId}"] {
            assert!(by_key(unknown, values).is_none(), "{unknown}");
        }
    }

    #[test]
    fn the_stage_is_taken_off() {
        assert_eq!(below_stage("/pro/v1/setRank", Some("pro")), "/v1/setRank");
        assert_eq!(below_stage("/v1/setRank", Some("pro")), "/v1/setRank");
        assert_eq!(below_stage("/v1/setRank", Some("$default")), "/v1/setRank");
        assert_eq!(below_stage("/v1/setRank", None), "/v1/setRank");
        assert_eq!(below_stage("/product/x", Some("pro")), "/product/x");
        assert_eq!(below_stage("/v1/v1/setRank", None), "/v1/v1/setRank");
        assert_eq!(below_stage("/v1/v1/setRank", Some("v1")), "/v1/setRank");
        assert_eq!(below_stage("/v1/setRank", Some("v1")), "/v1/setRank");
    }

    #[test]
    fn a_wrong_method_below_any_base_path_is_known_and_a_right_one_is_not_guessed() {
        let other = |path| matches!(by_path(&Method::GET, path, Some("pro")), Destination::OtherMethods(_));
        for path in ["/pro/v1/setRank", "/v1/setRank", "/a/v1/setRank", "/a/b/v1/setRank", "/v1/v1/setRank"] {
            assert!(other(path), "{path}");
        }
        assert!(!other("/a/setRank") && !other("/v1/nothing"));
        assert!(matches!(by_path(&Method::GET, "/other/v1/status", Some("pro")), Destination::Nowhere));
    }

    #[test]
    fn the_path_that_is_meant_is_named() {
        for (path, near) in [
            ("//v1/setRank", "/v1/setRank"),
            ("/v1/setRank/", "/v1/setRank"),
            ("/V1/setrank", "/v1/setRank"),
            ("/setRank", "/v1/setRank"),
            ("/pro//v1/key", "/v1/key"),
            ("/v1/rank/7/5/", "/v1/rank/{groupId}/{userId}"),
        ] {
            assert_eq!(near_path(path), Some(near), "{path}");
        }
        for path in ["", "/", "/v1", "/v2/nothing", "/v1/nothing/5"] {
            assert_eq!(near_path(path), None, "{path}");
        }
    }
}
