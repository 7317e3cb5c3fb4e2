//! What the functions ask of the database, against what their roles in `template.yaml` allow: no emulator of DynamoDB
//! asks IAM, so a right that is missing would first be missed on AWS.

use std::collections::{BTreeMap, BTreeSet};

use rankbot_events::{Event, answer_in_process};
use rankbot_sandbox::demo;
use rankbot_sandbox::{Control, Endpoint, Fault, FaultEffect, Matcher, Sandbox, SandboxOptions};
use rankbot_shared::adapters::bots::BotKey;
use rankbot_shared::adapters::dynamodb::{Table, patience};
use rankbot_shared::adapters::http_client::HttpClient;
use rankbot_shared::config::{BotSource, Config};
use rankbot_shared::function::Function;
use rankbot_shared::http::Api;
use rankbot_store::testing::{Backend, Operation, RecordedCall, Recorder, TestStore, unique_table_name};
use serde_json::{Value, json};

use crate::template::template;

/// Where a right or a call applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Table,
    Index,
}

/// Something that a role allows.
#[derive(Debug)]
struct Right {
    policy: String,
    actions: Vec<String>,
    places: BTreeSet<Place>,
    /// Partitions, `*` at the end standing for anything; none are all.
    partitions: Option<Vec<String>>,
}

/// Something that a function asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Demand {
    action: String,
    place: Place,
    partition: String,
}

impl Right {
    /// None for a statement about another service.
    fn of(policy: &str, statement: &Value) -> Option<Self> {
        let actions = texts(&statement["Action"]);
        let actions: Vec<_> =
            actions.iter().filter_map(|action| action.strip_prefix("dynamodb:")).map(str::to_owned).collect();
        let places = texts(&statement["Resource"]).into_iter().filter_map(|resource| {
            let index = resource.ends_with("/index/index");
            let table = resource == "Table.Arn" || resource.ends_with(":table/${TableName}");
            if index { Some(Place::Index) } else { table.then_some(Place::Table) }
        });
        let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        let partitions = keys.is_array().then(|| texts(keys));
        (!actions.is_empty()).then(|| Self { policy: policy.to_owned(), actions, places: places.collect(), partitions })
    }

    /// One for each action, place and partition.
    fn single(&self) -> Vec<Self> {
        let partitions = self
            .partitions
            .as_ref()
            .map_or_else(Vec::new, |all| all.iter().map(|one| Some(vec![one.clone()])).collect());
        let partitions = if partitions.is_empty() { vec![None] } else { partitions };
        let mut single = Vec::new();
        for action in &self.actions {
            for place in &self.places {
                for partitions in &partitions {
                    let (actions, places) = (vec![action.clone()], [*place].into());
                    single.push(Self { policy: self.policy.clone(), actions, places, partitions: partitions.clone() });
                }
            }
        }
        single
    }

    fn covers(&self, demand: &Demand) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => demand.partition.starts_with(prefix),
            None => demand.partition == *pattern,
        };
        self.actions.contains(&demand.action)
            && self.places.contains(&demand.place)
            && self.partitions.as_ref().is_none_or(|partitions| partitions.iter().any(fits))
    }
}

/// Every text in a value, whatever functions of the template it is in.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// What each function's role allows.
fn rights() -> BTreeMap<&'static str, Vec<Right>> {
    let template = template();
    let resources = &template["Resources"];
    let functions =
        resources.as_object().unwrap().values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let of_function = functions.map(|function| {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap();
        let role = function["Properties"]["Role"].as_str().unwrap().strip_suffix(".Arn").unwrap();
        let policies = texts(&resources[role]["Properties"]["ManagedPolicyArns"]);
        let rights = policies.iter().flat_map(|policy| {
            let statements = resources[policy]["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap();
            statements.iter().filter_map(|statement| Right::of(policy, statement))
        });
        (Function::from_name(binary).unwrap().name(), rights.collect())
    });
    of_function.collect()
}

/// What a call asks for; a transaction needs the right to each of its parts.
fn demands(call: &RecordedCall) -> Vec<Demand> {
    let request = call.request_json();
    let name = call.operation.name();
    let place = if request["IndexName"].is_string() { Place::Index } else { Place::Table };
    let demand = |action: String, partition: &str| Demand { action, place, partition: partition.to_owned() };
    if call.operation == Operation::Query {
        return vec![demand(name.to_owned(), &queried_partition(&request))];
    }
    assert!(!call.keys.is_empty(), "{name} names no item: {request}");
    let Some(parts) = request["TransactItems"].as_array() else {
        return call.keys.iter().map(|key| demand(name.to_owned(), &key.pk)).collect();
    };
    assert_eq!(parts.len(), call.keys.len(), "{request}");
    let actions = parts.iter().map(|part| match part.as_object().unwrap().keys().next().unwrap().as_str() {
        "ConditionCheck" => "ConditionCheckItem".to_owned(),
        kind => format!("{kind}Item"),
    });
    actions.zip(&call.keys).map(|(action, key)| demand(action, &key.pk)).collect()
}

/// The partition, of the table or of the index, that a query's condition names first.
fn queried_partition(request: &Value) -> String {
    let condition = request["KeyConditionExpression"].as_str().unwrap();
    let (alias, rest) = condition.split_once(" = ").unwrap();
    let name = request["ExpressionAttributeNames"][alias].as_str().unwrap_or(alias);
    assert!(matches!(name, "pk" | "ixPk"), "{condition}");
    let value = rest.split(' ').next().unwrap();
    request["ExpressionAttributeValues"][value]["S"].as_str().unwrap().to_owned()
}

/// A deployment whose functions are called one by one, with every call to the database written down.
struct Deployment {
    api: Api,
    calls: Recorder,
    roblox: Control,
    _sandbox: Sandbox,
    _store: TestStore,
}

impl Deployment {
    async fn start() -> Self {
        let store = TestStore::start().await;
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let (calls, table_name) = (store.record(), unique_table_name());
        let table = Table::new(store.client(), table_name.as_str());
        table.create().await.unwrap();
        rankbot_events::seed(&table).await.unwrap();
        let bots = BotSource::Key(BotKey::new(demo::BOT_API_KEY).unwrap());
        let config = Config { table_name, roblox_base_url: sandbox.url(), bots, stage: None };
        let http = HttpClient::new().unwrap();
        let dynamodb = patience(calls.connection().config()).http_client(http.for_aws());
        let client = aws_sdk_dynamodb::Client::from_conf(Backend::from_environment().unhurried(dynamodb).build());
        let api = Api::new(&config, http, client, None);
        Self { api, calls, roblox: sandbox.control(), _sandbox: sandbox, _store: store }
    }

    /// What a function asks of the database for its events, and when Roblox is in its way.
    async fn demands(&self, function: Function) -> BTreeSet<Demand> {
        self.calls.clear();
        let events = Event::of(function).into_iter();
        for event in events.flat_map(|event| [unfiltered(&event), event]) {
            self.roblox.reset();
            if function == Function::Sweep {
                self.leave_something_over().await;
                self.calls.clear();
            }
            // First, as what was undone cannot be undone again.
            if event.payload["requestContext"]["http"]["method"] == "POST" {
                self.hinder(&event).await;
            }
            answer_in_process(&self.api, &event).await;
        }
        self.api.table().warm().await;
        self.calls.calls().iter().flat_map(demands).collect()
    }

    /// The same with an idempotency key: refused by Roblox, left half-done, finished, asked once more.
    async fn hinder(&self, event: &Event) {
        let mut event = event.clone();
        event.payload["headers"]["idempotency-key"] = json!(event.to_string());
        for hindered in [Some(Endpoint::AssignRole), Some(Endpoint::UnassignRole), None, None] {
            self.roblox.reset();
            if let Some(endpoint) = hindered {
                self.roblox.inject(Fault::new(Matcher::endpoint(endpoint), FaultEffect::status(403)));
            }
            answer_in_process(&self.api, &event).await;
            self.roblox.clear_faults();
        }
    }

    /// A promotion after which Roblox does not let the old role be taken off.
    async fn leave_something_over(&self) {
        let promotion = Event::of(Function::Promote).into_iter().find(|event| event.name() == "200-promote").unwrap();
        self.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::UnassignRole), FaultEffect::status(403)));
        answer_in_process(&self.api, &promotion).await;
        self.roblox.clear_faults();
    }
}

/// A list as a whole.
fn unfiltered(event: &Event) -> Event {
    let mut event = event.clone();
    if let Some(event) = event.payload.as_object_mut() {
        event.remove("queryStringParameters");
        event.insert("rawQueryString".to_owned(), json!(""));
    }
    event
}

#[tokio::test]
async fn every_function_may_do_all_that_it_does() {
    let rights = rights();
    for function in Function::ALL {
        let demands = Deployment::start().await.demands(function).await;
        assert!(demands.len() > 1, "{function} asks for more than its warm-up: {demands:?}");
        for demand in demands {
            let allowed = rights[function.name()].iter().any(|right| right.covers(&demand));
            assert!(allowed, "{function} does what its role does not allow: {demand:?}");
        }
    }
}

/// Rights that a function needs where no event leads: function, action, partition.
const OUT_OF_THE_EVENTS_REACH: &[(&str, &str, &str)] = &[
    // Keeps Roblox's list where the stored one is another (`App::group_roles`).
    ("group-roles", "UpdateItem", "GROUP#*"),
    // Look for the log entry of an idempotency key whose answer was not kept, as demote and undo are made to here.
    ("promote", "GetItem", "GROUP#*"),
    ("rank", "GetItem", "GROUP#*"),
    ("set-rank", "GetItem", "GROUP#*"),
];

/// A right that a function does not need is one that only an intruder would use, whoever else needs it.
#[tokio::test]
async fn every_function_uses_every_right_that_it_has() {
    let mut idle = BTreeSet::new();
    for (function, rights) in rights() {
        let demands = Deployment::start().await.demands(Function::from_name(function).unwrap()).await;
        for right in rights.iter().flat_map(Right::single) {
            if !demands.iter().any(|demand| right.covers(demand)) {
                let partition = right.partitions.iter().flatten().next().cloned().unwrap_or_default();
                idle.insert((function.to_owned(), right.actions[0].clone(), partition));
            }
        }
    }
    let expected = OUT_OF_THE_EVENTS_REACH
        .iter()
        .map(|(function, action, partition)| ((*function).to_owned(), (*action).to_owned(), (*partition).to_owned()));
    assert_eq!(idle, expected.collect());
}
