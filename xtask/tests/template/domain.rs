//! With and without a domain of its own.

use crate::rendering::{Parameters, Stack};
use crate::{PRO, arn};

const CERTIFICATE: &str = "arn:aws:acm:eu-central-1:111122223333:certificate/a";
const DOMAIN: [(&str, &str); 3] =
    [("Plan", "pro"), ("DomainName", "ranks.example.com"), ("CertificateArn", CERTIFICATE)];

#[test]
fn without_a_domain_the_api_is_at_api_gateways_address() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    assert_eq!(stack.resource("HttpApi")["Properties"]["DisableExecuteApiEndpoint"], false);
    let address = format!("https://rankbot-pro-HttpApi.execute-api.{}.amazonaws.com/pro", arn::REGION);
    assert_eq!(stack.outputs["ApiUrl"], address);
    assert!(stack.of_type("AWS::ApiGatewayV2::DomainName").is_empty());
    assert!(stack.of_type("AWS::ApiGatewayV2::ApiMapping").is_empty());
    assert!(!stack.outputs.contains_key("DomainTarget"));
}

#[test]
fn with_a_domain_there_is_no_other_way_in() {
    let stack = Stack::deploy("rankbot-pro", &DOMAIN);
    assert_eq!(stack.resource("HttpApi")["Properties"]["DisableExecuteApiEndpoint"], true);
    assert_eq!(stack.outputs["ApiUrl"], "https://ranks.example.com");
    let configuration = &stack.resource("ApiDomain")["Properties"]["DomainNameConfigurations"][0];
    assert_eq!(configuration["SecurityPolicy"], "TLS_1_2");
    assert_eq!(configuration["CertificateArn"], CERTIFICATE);
    let mapping = &stack.resource("ApiMapping")["Properties"];
    assert_eq!(mapping["Stage"], "rankbot-pro-stage");
    assert!(mapping.get("ApiMappingKey").is_none(), "the routes start at the domain's root");
}

#[test]
fn the_domain_is_entered_only_in_a_zone_that_is_named() {
    let elsewhere = Stack::deploy("rankbot-pro", &DOMAIN);
    assert!(elsewhere.of_type("AWS::Route53::RecordSet").is_empty());
    assert!(elsewhere.outputs.contains_key("DomainTarget"), "to be entered at another DNS");
    let parameters: Vec<(&str, &str)> = DOMAIN.into_iter().chain([("HostedZoneId", "Z0123")]).collect();
    let parameters: Parameters<'_> = &parameters;
    let stack = Stack::deploy("rankbot-pro", parameters);
    let record = &stack.resource("ApiRecord")["Properties"];
    assert_eq!(record["Name"], "ranks.example.com");
    assert_eq!(record["HostedZoneId"], "Z0123");
    assert_eq!(record["AliasTarget"]["DNSName"], stack.outputs["DomainTarget"].as_str());
}
