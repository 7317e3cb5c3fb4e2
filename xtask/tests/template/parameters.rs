//! Deployments that would be half of something are refused before anything is made; and what `samconfig.toml` gives.

use std::fs;

use crate::rendering::{Parameters, Stack};
use crate::{ROOT, SHARED_KEY, SHARED_TABLE};

fn refusal(parameters: Parameters<'_>) -> String {
    Stack::try_deploy("rankbot", parameters).err().unwrap_or_else(|| panic!("{parameters:?} is not refused"))
}

#[test]
fn max_needs_its_customers_name() {
    assert!(refusal(&[("Plan", "max")]).contains("name its customer"));
}

#[test]
fn max_takes_no_table_of_others() {
    let shared: Parameters<'_> =
        &[("Plan", "max"), ("Tenant", "acme"), ("TableName", SHARED_TABLE), ("TableKeyArn", SHARED_KEY)];
    assert!(refusal(shared).contains("a table of its own"));
}

#[test]
fn starter_and_pro_are_no_single_customers() {
    for plan in ["starter", "pro"] {
        assert!(refusal(&[("Plan", plan), ("Tenant", "acme")]).contains("leave Tenant out"));
    }
}

#[test]
fn a_shared_table_comes_with_its_key() {
    for one in [("TableName", SHARED_TABLE), ("TableKeyArn", SHARED_KEY)] {
        assert!(refusal(&[("Plan", "pro"), one]).contains("TableName and TableKeyArn belong together"));
    }
}

#[test]
fn a_domain_comes_with_its_certificate() {
    for one in [("DomainName", "ranks.example.com"), ("CertificateArn", "arn:aws:acm:…"), ("HostedZoneId", "Z1")] {
        assert!(refusal(&[("Plan", "pro"), one]).contains("DomainName and CertificateArn belong together"));
    }
}

/// SAM replaces the file's parameters by those on the command line: `sam deploy --config-env pro --parameter-overrides
/// AlarmEmail=…` comes without a plan. It must not make something else than was asked for.
#[test]
fn a_forgotten_plan_is_refused_and_a_tenant_alone_is_a_dedicated_instance() {
    assert!(refusal(&[("AlarmEmail", "ops@example.com")]).contains("say Plan=... too"));
    let acme = Stack::deploy("rankbot-max-acme", &[("Tenant", "acme")]);
    assert_eq!(acme.resource("HttpApi")["Properties"]["StageName"], "max");
}

#[test]
fn names_that_cannot_be_are_refused() {
    for tenant in ["Acme", "a", "-acme", "acme-", "ac me", "1acme", "a23456789012345678901234567890123"] {
        assert!(refusal(&[("Plan", "max"), ("Tenant", tenant)]).starts_with("Tenant must be"), "{tenant}");
    }
    assert!(Stack::try_deploy("rankbot", &[("Plan", "max"), ("Tenant", "a2345678901234567890123456789012")]).is_ok());
    assert!(refusal(&[("Plan", "free")]).starts_with("Plan must be"));
    let alias: Parameters<'_> = &[("Plan", "pro"), ("TableName", "table"), ("TableKeyArn", "alias/rankbot")];
    assert!(refusal(alias).starts_with("TableKeyArn must be"));
    for address in ["https://apis.roblox.com/cloud", "http://apis.roblox.com", "apis.roblox.com"] {
        assert!(
            refusal(&[("Plan", "pro"), ("RobloxBaseUrl", address)]).contains("must be https:// and a host"),
            "{address}"
        );
    }
}

/// The lines of a section of `samconfig.toml`.
fn section(config: &str, name: &str) -> Vec<String> {
    let lines = config.lines().skip_while(|line| *line != format!("[{name}]")).skip(1);
    lines.take_while(|line| !line.starts_with('[')).map(str::to_owned).collect()
}

#[test]
fn each_environment_deploys_its_plan_and_max_has_no_stack_that_the_next_customer_would_take() {
    let config = fs::read_to_string(format!("{ROOT}/samconfig.toml")).unwrap();
    for plan in ["starter", "pro", "max"] {
        let lines = section(&config, &format!("{plan}.deploy.parameters"));
        assert!(lines.contains(&format!("parameter_overrides = [\"Plan={plan}\"]")), "{plan}: {lines:?}");
        let named: Vec<&String> = lines.iter().filter(|line| line.starts_with("stack_name")).collect();
        let expected = if plan == "max" { vec![] } else { vec![format!("stack_name = \"rankbot-{plan}\"")] };
        assert_eq!(named, expected.iter().collect::<Vec<_>>());
    }
    assert!(section(&config, "default.deploy.parameters").is_empty(), "a deployment says which plan it is");
}
