//! The routes of `template.yaml`, and the choice among them that API Gateway makes.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::Method;
use rankbot_shared::http::Function;
use serde_yaml_ng::Value;

/// The deployment's own description, so that what is served here is what is deployed.
const TEMPLATE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"));
/// What Lambda takes where a template names no timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
const DEFAULT_ROUTE: &str = "$default";

/// Why a template gives no routes. The embedded one always does, and a test says so.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is no YAML.
    #[error("template.yaml cannot be read as YAML")]
    NotYaml(#[from] serde_yaml_ng::Error),
    /// A function resource that names no binary of this workspace.
    #[error("template.yaml: {resource} names no function that this build has; its binary is {binary:?}")]
    UnknownFunction {
        /// The resource's logical id.
        resource: String,
        /// What it names, where it names anything.
        binary: Option<String>,
    },
    /// An `HttpApi` event without a usable path and method.
    #[error("template.yaml: the event {event} of {resource} needs a Path and a Method that HTTP APIs have")]
    UnusableEvent {
        /// The resource's logical id.
        resource: String,
        /// The event's name.
        event: String,
    },
}

/// One route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pattern: Pattern,
    /// The function that it invokes.
    pub(crate) function: Function,
    /// After which the function is ended, as Lambda would.
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// Whatever no other route takes.
    Default,
    Path {
        /// `None` is `ANY`.
        method: Option<Method>,
        segments: Vec<Segment>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Parameter(String),
    /// `{name+}`: one segment or more, up to the end.
    Greedy(String),
}

/// How well a route fits: the greatest wins. Segments are compared from the left, literal over parameter over greedy;
/// then a named method over `ANY`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Specificity {
    segments: Vec<u8>,
    names_the_method: bool,
}

/// A request's route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected<'a> {
    /// The route.
    pub(crate) route: &'a Route,
    /// The values of the pattern's parameters.
    pub(crate) path_parameters: BTreeMap<String, String>,
}

/// Every route of the HTTP API.
#[derive(Debug, Clone)]
pub(crate) struct RouteTable {
    routes: Vec<Route>,
}

impl RouteTable {
    /// The routes of the template that this binary was built with.
    pub(crate) fn embedded() -> Result<Self, TemplateError> {
        Self::from_template(TEMPLATE)
    }

    /// The routes of a SAM template: every `HttpApi` event of every `AWS::Serverless::Function`.
    pub(crate) fn from_template(yaml: &str) -> Result<Self, TemplateError> {
        let template: Value = serde_yaml_ng::from_str(yaml)?;
        let global_timeout = seconds(at(&template, &["Globals", "Function", "Timeout"])).unwrap_or(DEFAULT_TIMEOUT);
        let mut routes = Vec::new();
        for (name, resource) in entries(template.get("Resources")) {
            if resource.get("Type").and_then(Value::as_str) == Some("AWS::Serverless::Function") {
                routes.extend(routes_of(name, resource, global_timeout)?);
            }
        }
        Ok(Self { routes })
    }

    /// The route for a method and a decoded path without its stage: the most specific that fits, else `$default`,
    /// else none.
    pub(crate) fn select(&self, method: &Method, path: &str) -> Option<Selected<'_>> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let fitting = self.routes.iter().filter_map(|route| {
            let (specificity, path_parameters) = route.pattern.fit(method, &segments)?;
            Some((specificity, Selected { route, path_parameters }))
        });
        fitting.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, selected)| selected)
    }
}

impl Route {
    /// As API Gateway writes it: `GET /v1/rank/{groupId}/{userId}` or `$default`.
    pub(crate) fn key(&self) -> String {
        match &self.pattern {
            Pattern::Default => DEFAULT_ROUTE.to_owned(),
            Pattern::Path { method, segments } => {
                let method = method.as_ref().map_or("ANY", Method::as_str);
                let path: Vec<String> = segments.iter().map(Segment::to_string).collect();
                format!("{method} /{}", path.join("/"))
            }
        }
    }
}

impl Pattern {
    fn fit(&self, method: &Method, path: &[&str]) -> Option<(Specificity, BTreeMap<String, String>)> {
        let mut fit = Specificity { segments: Vec::new(), names_the_method: false };
        let mut parameters = BTreeMap::new();
        let Self::Path { method: wanted, segments } = self else { return Some((fit, parameters)) };
        if wanted.as_ref().is_some_and(|wanted| wanted != method) {
            return None;
        }
        fit.names_the_method = wanted.is_some();
        let mut rest = path;
        for segment in segments {
            let (first, after) = rest.split_first()?;
            match segment {
                Segment::Literal(text) if text == first => fit.segments.push(3),
                Segment::Parameter(name) if !first.is_empty() => {
                    fit.segments.push(2);
                    parameters.insert(name.clone(), (*first).to_owned());
                }
                Segment::Greedy(name) => {
                    fit.segments.push(1);
                    parameters.insert(name.clone(), rest.join("/"));
                    return Some((fit, parameters));
                }
                Segment::Literal(_) | Segment::Parameter(_) => return None,
            }
            rest = after;
        }
        rest.is_empty().then_some((fit, parameters))
    }
}

impl std::fmt::Display for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Parameter(name) => write!(f, "{{{name}}}"),
            Self::Greedy(name) => write!(f, "{{{name}+}}"),
        }
    }
}

fn routes_of(name: &str, resource: &Value, global_timeout: Duration) -> Result<Vec<Route>, TemplateError> {
    let timeout = seconds(at(resource, &["Properties", "Timeout"])).unwrap_or(global_timeout);
    let mut routes = Vec::new();
    for (event_name, event) in entries(at(resource, &["Properties", "Events"])) {
        if event.get("Type").and_then(Value::as_str) != Some("HttpApi") {
            continue;
        }
        let pattern = pattern_of(event)
            .ok_or_else(|| TemplateError::UnusableEvent { resource: name.to_owned(), event: event_name.to_owned() })?;
        routes.push(Route { pattern, function: function_of(name, resource)?, timeout });
    }
    Ok(routes)
}

/// The function that a resource runs: the binary it is built from, or the folder of its code.
fn function_of(name: &str, resource: &Value) -> Result<Function, TemplateError> {
    let named =
        at(resource, &["Metadata", "BuildProperties", "Binary"]).or_else(|| at(resource, &["Properties", "CodeUri"]));
    let binary = named.and_then(Value::as_str).and_then(|text| text.trim_end_matches('/').rsplit('/').next());
    binary
        .and_then(Function::from_name)
        .ok_or_else(|| TemplateError::UnknownFunction { resource: name.to_owned(), binary: binary.map(str::to_owned) })
}

/// An event without a path and method is SAM's way to write the `$default` route.
fn pattern_of(event: &Value) -> Option<Pattern> {
    let path = at(event, &["Properties", "Path"]).map_or(Some(DEFAULT_ROUTE), Value::as_str)?;
    if path == DEFAULT_ROUTE {
        return Some(Pattern::Default);
    }
    let method = match at(event, &["Properties", "Method"])?.as_str()?.to_ascii_uppercase().as_str() {
        "ANY" | "X-AMAZON-APIGATEWAY-ANY-METHOD" => None,
        name => Some(Method::from_bytes(name.as_bytes()).ok()?),
    };
    let segments = path.strip_prefix('/')?.split('/').map(segment_of).collect();
    Some(Pattern::Path { method, segments })
}

fn segment_of(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        None => Segment::Literal(text.to_owned()),
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Greedy(name.to_owned()),
            None => Segment::Parameter(name.to_owned()),
        },
    }
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

fn entries(mapping: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let pairs = mapping.and_then(Value::as_mapping).into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.as_str()?, value)))
}

fn seconds(value: Option<&Value>) -> Option<Duration> {
    value.and_then(Value::as_u64).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rankbot_shared::http::routes::ROUTES;

    use super::*;

    const SAMPLE: &str = r"
Globals: { Function: { Timeout: 10 } }
Resources:
  Table: { Type: AWS::DynamoDB::Table, Properties: { TableName: !Sub 'rankbot-${Stage}' } }
  GroupRoles:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/group-roles/
      Events:
        Named: { Type: HttpApi, Properties: { ApiId: !Ref Api, Path: '/v1/group/{groupId}/roles', Method: get } }
        Own: { Type: HttpApi, Properties: { Path: /v1/group/roles, Method: GET } }
        Sweep: { Type: Schedule, Properties: { Schedule: rate(1 day) } }
  GroupInfo:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: group-info } }
    Properties:
      CodeUri: .
      Timeout: 5
      Events:
        Named: { Type: HttpApi, Properties: { Path: '/v1/group/{groupId}', Method: GET } }
        Any: { Type: HttpApi, Properties: { Path: '/v1/group/{groupId}', Method: ANY } }
        Rest: { Type: HttpApi, Properties: { Path: '/v1/group/{rest+}', Method: GET } }
  KeyInfo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/key-info
      Events:
        Default: { Type: HttpApi, Properties: { Path: $default } }
";

    fn key_for(method: &Method, path: &str) -> String {
        RouteTable::from_template(SAMPLE).unwrap().select(method, path).unwrap().route.key()
    }

    #[test]
    fn most_specific_route_wins_whatever_the_order() {
        assert_eq!(key_for(&Method::GET, "/v1/group/roles"), "GET /v1/group/roles");
        assert_eq!(key_for(&Method::GET, "/v1/group/7"), "GET /v1/group/{groupId}");
        assert_eq!(key_for(&Method::PUT, "/v1/group/7"), "ANY /v1/group/{groupId}");
        assert_eq!(key_for(&Method::GET, "/v1/group/7/roles"), "GET /v1/group/{groupId}/roles");
        assert_eq!(key_for(&Method::GET, "/v1/group/7/audit/log"), "GET /v1/group/{rest+}");
    }

    #[test]
    fn what_no_route_takes_goes_to_the_default_route() {
        for path in ["/", "/v1/group/7/", "/v1//roles", "/v2/group/7", "/v1/GROUP/roles/"] {
            let expected = if path == "/v1/group/7/" { "GET /v1/group/{rest+}" } else { "$default" };
            assert_eq!(key_for(&Method::GET, path), expected, "{path}");
        }
        assert_eq!(key_for(&Method::POST, "/v1/group/roles/x"), "$default");
    }

    #[test]
    fn parameters_carry_the_values_of_the_path() {
        let table = RouteTable::from_template(SAMPLE).unwrap();
        let one = table.select(&Method::GET, "/v1/group/12/roles").unwrap();
        assert_eq!(one.path_parameters, BTreeMap::from([("groupId".to_owned(), "12".to_owned())]));
        let rest = table.select(&Method::GET, "/v1/group/12/a/b").unwrap();
        assert_eq!(rest.path_parameters, BTreeMap::from([("rest".to_owned(), "12/a/b".to_owned())]));
    }

    #[test]
    fn a_functions_own_timeout_counts_before_the_global_one() {
        let table = RouteTable::from_template(SAMPLE).unwrap();
        let timeout = |path| table.select(&Method::GET, path).unwrap().route.timeout;
        assert_eq!(timeout("/v1/group/7"), Duration::from_secs(5));
        assert_eq!(timeout("/v1/group/roles"), Duration::from_secs(10));
    }

    #[test]
    fn a_resource_of_an_unknown_binary_is_named() {
        let error = RouteTable::from_template(&SAMPLE.replace("functions/key-info", "functions/keys")).unwrap_err();
        assert!(matches!(error, TemplateError::UnknownFunction { resource, .. } if resource == "KeyInfo"));
    }

    #[test]
    fn the_template_and_the_library_have_the_same_routes() {
        let table = RouteTable::embedded().unwrap();
        let deployed: BTreeSet<_> = table.routes.iter().map(|route| (route.key(), route.function.name())).collect();
        let mut known: BTreeSet<_> =
            ROUTES.iter().map(|route| (format!("{} {}", route.method, route.path), route.function.name())).collect();
        known.insert((DEFAULT_ROUTE.to_owned(), Function::KeyInfo.name()));
        assert_eq!(deployed, known);
    }
}
