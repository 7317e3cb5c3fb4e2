//! What the type checker knows of Roblox: right use passes, and each mistake is refused.

#![expect(clippy::unwrap_used, reason = "a set-up that fails fails the test")]

use std::collections::BTreeSet;
use std::path::Path;

use roblox_testing::check::{Finding, Modules, check};

fn findings(name: &str) -> Vec<Finding> {
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions").join(name), Modules::default()).unwrap()
}

#[test]
fn what_roblox_has_passes() {
    assert_eq!(findings("right.luau"), []);
}

#[test]
fn each_deliberate_mistake_is_refused_and_nothing_else() {
    let source = include_str!("mistakes.luau");
    let wrong: BTreeSet<u32> =
        (1..).zip(source.lines()).filter(|(_, line)| line.ends_with("-- wrong")).map(|(line, _)| line).collect();
    assert!(wrong.len() > 40, "{wrong:?}");
    let refused: BTreeSet<_> = findings("mistakes.luau").into_iter().map(|finding| finding.line).collect();
    assert_eq!(refused, wrong, "lines refused, and lines marked wrong");
}
