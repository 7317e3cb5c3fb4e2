//! What `sam local` hands to a function: it passes on only variables that the template names.

use crate::ACME;
use crate::rendering::Stack;

#[test]
fn locally_the_secret_is_blank_so_that_the_plain_key_counts() {
    let stack = Stack::in_sam_local();
    for (function, resource) in stack.functions() {
        let variables = &resource["Properties"]["Environment"]["Variables"];
        if variables.get("ROBLOX_BASE_URL").is_some() {
            assert_eq!(variables["ROBLOX_SECRET_ARN"], "", "{function}");
            assert_eq!(variables["ROBLOX_API_KEY"], "", "{function}");
        }
    }
}

#[test]
fn what_local_runs_set_is_named_by_every_function_that_reads_it() {
    let stack = Stack::in_sam_local();
    for (function, resource) in stack.functions() {
        let variables = resource["Properties"]["Environment"]["Variables"].as_object().unwrap();
        for name in ["TABLE_NAME", "AWS_ENDPOINT_URL_DYNAMODB", "RUST_LOG", "METRICS_NAMESPACE"] {
            assert!(variables.contains_key(name), "{function} cannot be given {name}");
        }
        let calls_roblox = !matches!(function, "KeyInfoFunction" | "LogsFunction");
        for name in ["ROBLOX_BASE_URL", "ROBLOX_API_KEY", "ROBLOX_SECRET_ARN"] {
            assert_eq!(variables.contains_key(name), calls_roblox, "{function}: {name}");
        }
    }
}

#[test]
fn on_aws_nothing_of_the_local_runs_is_there() {
    let stack = Stack::deploy("rankbot-max-acme", ACME);
    for (function, resource) in stack.functions() {
        let variables = resource["Properties"]["Environment"]["Variables"].as_object().unwrap();
        for name in ["ROBLOX_API_KEY", "AWS_ENDPOINT_URL_DYNAMODB"] {
            assert!(!variables.contains_key(name), "{function} has {name}");
        }
    }
}
