//! The types: strict in the module, in the examples and the README, and refusing what is wrong.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::slice;

use rankbot_shared::http::{ErrorCode, Retryable};
use roblox_testing::check::{Finding, Modules, Rules, check};

use crate::results::{CATALOGUE, contract_codes};
use crate::scenario::SOURCE;

pub(crate) fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../RankService").canonicalize().unwrap()
}

pub(crate) fn findings(files: &[PathBuf], rules: Rules) -> Vec<Finding> {
    let modules = Modules::default().with("RankService", &package().join("src/init.luau"));
    check(files, modules.with("Ranks", &package().join("examples/Ranks.luau")), rules).unwrap()
}

#[test]
fn the_module_is_strict_and_clean() {
    assert!(SOURCE.starts_with("--!strict"));
    for rules in Rules::ALL {
        assert_eq!(findings(&[package().join("src/init.luau")], rules), [], "{rules:?}");
    }
}

/// The codes between `export type ErrorCode =` and the next declaration.
fn union() -> BTreeSet<&'static str> {
    let (_, rest) = SOURCE.split_once("export type ErrorCode =").unwrap();
    let (union, _) = rest.split_once("--[=[").unwrap();
    union.split('"').skip(1).step_by(2).collect()
}

pub(crate) const OWN_CODES: [&str; 6] =
    ["HTTP_DISABLED", "TIMEOUT", "CONNECTION_FAILED", "BUDGET_EXHAUSTED", "BAD_RESPONSE", "SECRET_MISSING"];

#[test]
fn the_union_is_the_contracts_catalogue_and_the_modules_own_codes() {
    let expected: BTreeSet<_> = contract_codes().into_iter().chain(OWN_CODES).collect();
    assert_eq!(union(), expected);
}

#[test]
fn the_catalogue_used_at_run_time_is_the_contracts() {
    let (_, rest) = SOURCE.split_once("local CATALOGUE: { [string]: CodeEntry } = {\n").unwrap();
    let (list, _) = rest.split_once("\n}").unwrap();
    let expected: BTreeSet<_> = CATALOGUE
        .iter()
        .map(|(status, code, retryable)| format!("{code} = {{ status = {status}, retryable = {retryable} }},"))
        .collect();
    let listed: BTreeSet<_> = list.lines().map(|line| line.trim().to_owned()).collect();
    assert_eq!(listed, expected);
}

#[test]
fn each_deliberate_mistake_is_refused_and_nothing_else() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rank_service/mistakes/mistakes.luau");
    let source = std::fs::read_to_string(&file).unwrap();
    let wrong: BTreeSet<_> = (1..).zip(source.lines()).filter(|(_, line)| line.ends_with("-- wrong")).collect();
    let wrong: BTreeSet<u32> = wrong.into_iter().map(|(line, _)| line).collect();
    for rules in Rules::ALL {
        let refused: BTreeSet<_> =
            findings(slice::from_ref(&file), rules).into_iter().map(|finding| finding.line).collect();
        assert_eq!(refused, wrong, "lines refused, and lines marked wrong: {rules:?}");
    }
}

#[test]
fn the_examples_are_strict_and_clean() {
    let examples: Vec<_> =
        std::fs::read_dir(package().join("examples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(examples.len(), 6);
    for example in &examples {
        assert!(std::fs::read_to_string(example).unwrap().starts_with("--!strict"), "{}", example.display());
    }
    for rules in Rules::ALL {
        assert_eq!(findings(&examples, rules), [], "{rules:?}");
    }
}

#[test]
fn the_servers_catalogue_is_the_one_tested_here() {
    let served: BTreeSet<_> = ErrorCode::ALL
        .iter()
        .map(|code| (code.status().as_u16(), code.as_str(), code.retryable() == Retryable::Yes))
        .collect();
    // The ends of the ladder are told with status 200, and are no errors to the server.
    let errors: BTreeSet<_> = CATALOGUE.iter().copied().filter(|(status, ..)| *status != 200).collect();
    assert_eq!(served, errors);
}
