//! `template.yaml` against the code: the same routes, the same functions, the same table.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rankbot_shared::adapters::dynamodb::{Safety, Table};
use rankbot_shared::function::Function;
use rankbot_shared::http::routes::ROUTES;
use rankbot_store::testing::{CallMatch, Operation, TestStore, unique_table_name};
use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The resources of one type. The template language's own tags (`!Ref`) are read as what they are put on.
fn resources(kind: &str) -> Vec<Value> {
    let all = template()["Resources"].as_object().unwrap().clone();
    all.into_iter().map(|(_, resource)| resource).filter(|resource| resource["Type"] == kind).collect()
}

/// The template, likewise.
pub(crate) fn template() -> Value {
    let text = fs::read_to_string(format!("{ROOT}/template.yaml")).unwrap();
    untagged(serde_yaml_ng::from_str(&text).unwrap())
}

fn untagged(value: serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => json!(flag),
        Yaml::Number(number) => serde_json::to_value(number).unwrap(),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.into_iter().map(untagged).collect(),
        Yaml::Mapping(entries) => {
            let text = |name: Yaml| name.as_str().unwrap_or_default().to_owned();
            Value::Object(entries.into_iter().map(|(name, value)| (text(name), untagged(value))).collect())
        }
        Yaml::Tagged(tagged) => untagged(tagged.value),
    }
}

/// `METHOD path -> function` for every route of the HTTP API, `$default` included.
fn deployed_routes() -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for function in resources("AWS::Serverless::Function") {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_owned();
        let events = function["Properties"]["Events"].as_object().unwrap().values();
        for event in events.filter(|event| event["Type"] == "HttpApi") {
            let named = event["Properties"]["Method"].as_str().zip(event["Properties"]["Path"].as_str());
            let key = named.map_or("$default".to_owned(), |(method, path)| format!("{method} {path}"));
            assert!(routes.insert(format!("{key} -> {binary}")), "{key} is there twice");
        }
    }
    routes
}

#[test]
fn the_template_has_exactly_the_routes_that_the_functions_answer() {
    let mut known: BTreeSet<String> =
        ROUTES.iter().map(|route| format!("{} {} -> {}", route.method, route.path, route.function)).collect();
    known.insert(format!("$default -> {}", Function::KeyInfo));
    assert_eq!(deployed_routes(), known);
}

#[test]
fn every_function_has_its_folder_and_its_binary() {
    for function in Function::ALL {
        let manifest = fs::read_to_string(format!("{ROOT}/functions/{function}/Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("name = \"{function}\"")), "{function}");
        assert!(Path::new(&format!("{ROOT}/functions/{function}/src/main.rs")).is_file(), "{function}");
    }
    let folders = fs::read_dir(format!("{ROOT}/functions")).unwrap().count();
    assert_eq!(folders, Function::ALL.len());
}

/// A table made by hand is the deployed one, but for what only AWS has.
#[tokio::test]
async fn the_table_made_by_the_code_is_the_templates() {
    let [template]: [Value; 1] = resources("AWS::DynamoDB::Table").try_into().unwrap();
    let wanted = &template["Properties"];
    let store = TestStore::start().await;
    let recorder = store.record();
    let table = Table::new(recorder.client(), unique_table_name());
    // No store off AWS has all of it: what is missing is asked for last.
    let _ = table.create_for(None, Safety::Kept).await;
    let request = |operation: Operation| recorder.calls_matching(&CallMatch::of(operation))[0].request_json();
    let made = request(Operation::CreateTable);
    for property in ["BillingMode", "AttributeDefinitions", "KeySchema"] {
        assert_eq!(made[property], wanted[property], "{property}");
    }
    assert_eq!(made["StreamSpecification"]["StreamEnabled"], true);
    assert_eq!(made["StreamSpecification"]["StreamViewType"], wanted["StreamSpecification"]["StreamViewType"]);
    let expiry = request(Operation::Other("UpdateTimeToLive".to_owned()));
    assert_eq!(expiry["TimeToLiveSpecification"], wanted["TimeToLiveSpecification"]);
}
