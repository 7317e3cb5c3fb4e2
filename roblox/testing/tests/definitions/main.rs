//! What the type checker knows of Roblox: right use passes, and each mistake is refused.

#![expect(clippy::unwrap_used, reason = "a set-up that fails fails the test")]

use std::collections::BTreeSet;
use std::path::Path;

use roblox_testing::check::{Finding, Modules, Rules, check};

fn findings(name: &str, rules: Rules) -> Vec<Finding> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions").join(name);
    check(&[file], Modules::default(), rules).unwrap()
}

#[test]
fn what_roblox_has_passes() {
    for rules in Rules::ALL {
        assert_eq!(findings("right.luau", rules), [], "{rules:?}");
    }
}

#[test]
fn each_deliberate_mistake_is_refused_and_nothing_else() {
    let source = include_str!("mistakes.luau");
    let wrong: BTreeSet<u32> =
        (1..).zip(source.lines()).filter(|(_, line)| line.ends_with("-- wrong")).map(|(line, _)| line).collect();
    assert!(wrong.len() > 40, "{wrong:?}");
    for rules in Rules::ALL {
        let refused: BTreeSet<_> = findings("mistakes.luau", rules).into_iter().map(|finding| finding.line).collect();
        assert_eq!(refused, wrong, "lines refused, and lines marked wrong: {rules:?}");
    }
}
