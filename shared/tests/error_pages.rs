//! Every code that an answer can carry has its page under `docs/errors/`, and page, index and code say the same.

#![expect(clippy::panic, reason = "the readers of a test fail as the test does: by a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rankbot_shared::http::{ErrorCode, Retryable};
use serde_json::Value;

/// The codes of answers that are neither a success nor an error: status 200, `"success": false`.
const GRACEFUL: [&str; 2] = ["ALREADY_HIGHEST_RANK", "ALREADY_LOWEST_RANK"];
const INDEX: &str = "README.md";

/// What a page and its row in the index state about a code.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    status: String,
    retryable: String,
    counted: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors")
}

fn read(file: &str) -> String {
    let path = folder().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Status and retryable of every code, as the code has them.
fn codes() -> BTreeMap<String, (u16, bool)> {
    let errors = ErrorCode::ALL.iter().map(|code| {
        let facts = (code.status().as_u16(), code.retryable() == Retryable::Yes);
        (code.as_str().to_owned(), facts)
    });
    errors.chain(GRACEFUL.map(|code| (code.to_owned(), (200, false)))).collect()
}

/// A page's facts stand in its third line: `**Status:** 400 · **Retryable:** no · **Counted:** no`.
fn facts_of_page(code: &str) -> Facts {
    let page = read(&format!("{code}.md"));
    let line = page.lines().nth(2).unwrap_or_default();
    let mut values = line.split(" · ").zip(["**Status:** ", "**Retryable:** ", "**Counted:** "]).map(|(part, name)| {
        part.strip_prefix(name).unwrap_or_else(|| panic!("{code}: {part:?} should begin with {name:?}")).to_owned()
    });
    let mut value = || values.next().unwrap_or_else(|| panic!("{code}: a fact is missing in {line:?}"));
    Facts { status: value(), retryable: value(), counted: value() }
}

/// The index has a row for each code: `| [CODE](CODE.md) | 400 | no | no | … |`.
fn facts_in_index() -> BTreeMap<String, Facts> {
    let mut facts = BTreeMap::new();
    for row in read(INDEX).lines().filter(|line| line.starts_with("| [")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [link, status, retryable, counted, _in_short] = cells.as_slice() else {
            panic!("a row of the index has five cells: {row}");
        };
        let code = link.trim_start_matches('[').split(']').next().unwrap_or_default();
        assert_eq!(*link, format!("[{code}]({code}.md)"));
        let owned = |cell: &str| cell.to_owned();
        let row = Facts { status: owned(status), retryable: owned(retryable), counted: owned(counted) };
        assert_eq!(facts.insert(owned(code), row), None, "{code} stands in the index twice");
    }
    facts
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages: BTreeSet<String> = files.filter(|file| file != INDEX).collect();
    let wanted: BTreeSet<String> = codes().into_keys().map(|code| format!("{code}.md")).collect();
    assert_eq!(pages, wanted);
}

#[test]
fn page_states_its_codes_name_status_and_whether_to_retry() {
    for (code, (status, retryable)) in codes() {
        assert_eq!(read(&format!("{code}.md")).lines().next(), Some(format!("# {code}").as_str()));
        let facts = facts_of_page(&code);
        assert_eq!(facts.status, status.to_string(), "{code}");
        assert_eq!(facts.retryable, yes_or_no(retryable), "{code}");
        assert!(
            ["no", "yes", "given back", "no, or given back"].contains(&facts.counted.as_str()),
            "{code}: {}",
            facts.counted
        );
    }
}

#[test]
fn index_lists_every_code_as_its_page_states_it() {
    let pages: BTreeMap<String, Facts> = codes().into_keys().map(|code| (code.clone(), facts_of_page(&code))).collect();
    assert_eq!(facts_in_index(), pages);
}

#[test]
fn example_on_a_page_is_an_answer_with_its_code() {
    for (code, (status, retryable)) in codes() {
        let page = read(&format!("{code}.md"));
        let example = page.split_once("```json\n").and_then(|(_, rest)| rest.split_once("```"));
        let (example, _) = example.unwrap_or_else(|| panic!("{code}: no example in a ```json block"));
        let answer: Value = serde_json::from_str(example).unwrap_or_else(|error| panic!("{code}: {error}"));
        assert_eq!(answer["success"], false, "{code}");
        assert_eq!(answer["code"], code);
        assert!(answer["message"].is_string() && answer["requestId"].is_string(), "{code}");
        if status != 200 {
            assert_eq!(answer["retryable"], retryable, "{code}");
            assert_eq!(answer["docs"], format!("/docs/errors/{code}"));
        }
    }
}
