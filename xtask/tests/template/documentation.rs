//! `docs/deploy.md` says what the template does, `docs/operations.md` what to do when its alarms ring.

use std::collections::BTreeSet;
use std::fs;

use crate::ROOT;
use crate::rendering::TEMPLATE;

fn deploy_md() -> String {
    fs::read_to_string(format!("{ROOT}/docs/deploy.md")).unwrap()
}

/// 1000 as 1,000.
fn grouped(number: &serde_json::Value) -> String {
    let digits = number.to_string();
    digits
        .len()
        .checked_sub(3)
        .filter(|at| *at > 0)
        .map_or(digits.clone(), |at| format!("{},{}", &digits[..at], &digits[at..]))
}

#[test]
fn the_plans_numbers_are_documented() {
    let documentation = deploy_md();
    for plan in ["starter", "pro", "max"] {
        let numbers = &TEMPLATE["Mappings"]["Plans"][plan];
        let number = |name: &str| grouped(&numbers[name]);
        let both = |rate: &str, burst: &str| format!("{}, {} at once", number(rate), number(burst));
        let limits = ["Change", "Lookup", "Other"].map(|kind| both(&format!("{kind}Rate"), &format!("{kind}Burst")));
        let (memory, days) = (number("MemorySize"), number("LogRetention"));
        let row = format!(" | {memory} MB | {} | {days} days |", limits.join(" | "));
        let rows = documentation.lines().filter(|line| line.starts_with(&format!("| `{plan}` |")));
        assert!(rows.into_iter().any(|line| line.ends_with(&row)), "{plan}: {row}");
    }
}

#[test]
fn every_parameter_and_output_is_documented() {
    let documentation = deploy_md();
    for section in ["Parameters", "Outputs"] {
        for name in TEMPLATE[section].as_object().unwrap().keys() {
            assert!(documentation.contains(&format!("`{name}`")), "{name}");
        }
    }
    for (name, parameter) in TEMPLATE["Parameters"].as_object().unwrap() {
        let default = parameter["Default"].as_str().map_or(parameter["Default"].to_string(), str::to_owned);
        let row = documentation
            .lines()
            .find(|line| line.starts_with("| ") && line.contains(&format!("`{name}`")) && line.contains(&default));
        assert!(row.is_some(), "{name}: {default}");
    }
}

#[test]
fn every_capability_is_documented() {
    let documentation = deploy_md();
    let resources = TEMPLATE["Resources"].as_object().unwrap();
    for (policy, _) in resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::ManagedPolicy") {
        assert!(documentation.contains(&format!("| `{policy}` |")), "{policy}");
    }
}

/// Who is woken at night finds the section that the alarm names, and no section is left of an alarm that is gone.
#[test]
fn every_alarm_has_its_section_and_every_section_its_alarm() {
    let operations = fs::read_to_string(format!("{ROOT}/docs/operations.md")).unwrap();
    let sections: BTreeSet<&str> = operations.lines().filter_map(|line| line.strip_prefix("### alarm ")).collect();
    let resources = TEMPLATE["Resources"].as_object().unwrap();
    let alarms = resources.values().filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm");
    let described = alarms.map(|alarm| {
        let description = alarm["Properties"]["AlarmDescription"].as_str().unwrap();
        description.rsplit_once("docs/operations.md#alarm-").unwrap().1
    });
    assert_eq!(sections, described.collect());
    for alarm in &sections {
        assert!(operations.contains(&format!("[`{alarm}`](#alarm-{alarm})")), "{alarm} is not in the list at the top");
    }
}
