//! What `CloudFormation` makes of `template.yaml` for given parameters: which resources there are, with every
//! reference, condition and mapping put in.
//!
//! It knows the functions that the template uses and panics at any other, so that a test never passes because
//! something was not understood. SAM's functions and API stay as they are, but for the global settings put into them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::ROOT;
use crate::arn;

/// A stack as it would be deployed.
pub(crate) struct Stack {
    pub(crate) name: String,
    pub(crate) resources: BTreeMap<String, Value>,
    pub(crate) outputs: BTreeMap<String, String>,
}

/// A deployment's parameters; those that are left out have their defaults.
pub(crate) type Parameters<'a> = &'a [(&'a str, &'a str)];

impl Stack {
    /// Deploys, as an account that is nobody's.
    pub(crate) fn deploy(name: &str, parameters: Parameters<'_>) -> Self {
        Self::try_deploy(name, parameters).unwrap_or_else(|refusal| panic!("{name} is refused: {refusal}"))
    }

    /// Deploys, or says which rule or pattern refuses these parameters.
    pub(crate) fn try_deploy(name: &str, parameters: Parameters<'_>) -> Result<Self, String> {
        Self::in_account(arn::ACCOUNT, name, parameters)
    }

    /// As `sam local` sees the template, with somebody's credentials at hand: it takes their account then, and only the
    /// stack's name is its own.
    pub(crate) fn in_sam_local() -> Self {
        Self::in_account("210987654321", "local", &[]).unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    fn in_account(account: &str, name: &str, given: Parameters<'_>) -> Result<Self, String> {
        let parameters = parameters(&TEMPLATE, given)?;
        let renderer = Renderer { template: &TEMPLATE, parameters, account, stack: name };
        // `sam local` evaluates no rules.
        if account == arn::ACCOUNT {
            renderer.check_rules()?;
        }
        Ok(renderer.stack())
    }

    /// The resource, which must be there.
    pub(crate) fn resource(&self, id: &str) -> &Value {
        self.resources.get(id).unwrap_or_else(|| panic!("{} has no {id}", self.name))
    }

    pub(crate) fn of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        let all = self.resources.iter().map(|(id, resource)| (id.as_str(), resource));
        all.filter(|(_, resource)| resource["Type"] == kind).collect()
    }

    pub(crate) fn functions(&self) -> Vec<(&str, &Value)> {
        self.of_type("AWS::Serverless::Function")
    }
}

/// The template, its short forms (`!Ref`) written out (`{"Ref": …}`).
pub(crate) static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
    let text = fs::read_to_string(format!("{ROOT}/template.yaml")).unwrap();
    written_out(serde_yaml_ng::from_str(&text).unwrap())
});

/// `${Name}` in the argument of `Fn::Sub`.
static PLACE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{([^}]+)\}").unwrap());

fn written_out(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => json!(flag),
        Yaml::Number(number) => serde_json::to_value(number).unwrap(),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.into_iter().map(written_out).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries.into_iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), value));
            Value::Object(entries.map(|(name, value)| (name, written_out(value))).collect())
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let function = if matches!(name, "Ref" | "Condition") { name.to_owned() } else { format!("Fn::{name}") };
            json!({ function: written_out(tagged.value) })
        }
    }
}

/// Every parameter's value, each held to its pattern and its list.
fn parameters(template: &Value, given: Parameters<'_>) -> Result<BTreeMap<String, String>, String> {
    let declared = template["Parameters"].as_object().unwrap();
    for (name, _) in given {
        assert!(declared.contains_key(*name), "the template has no parameter {name}");
    }
    let mut values = BTreeMap::new();
    for (name, declaration) in declared {
        let given = given.iter().find(|(known, _)| known == name).map(|(_, value)| (*value).to_owned());
        let value = given.or_else(|| plain_text(&declaration["Default"])).ok_or(format!("{name} has no value"))?;
        if let Some(pattern) = declaration["AllowedPattern"].as_str()
            && !Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(&value)
        {
            return Err(format!("{name} {}", text(&declaration["ConstraintDescription"])));
        }
        if let Some(most) = declaration["MaxLength"].as_u64()
            && value.len() as u64 > most
        {
            return Err(format!("{name} has more than {most} characters"));
        }
        if let Some(allowed) = declaration["AllowedValues"].as_array()
            && !allowed.contains(&json!(value))
        {
            return Err(format!("{name} must be one of {allowed:?}"));
        }
        values.insert(name.clone(), value);
    }
    Ok(values)
}

struct Renderer<'a> {
    template: &'a Value,
    parameters: BTreeMap<String, String>,
    account: &'a str,
    stack: &'a str,
}

impl Renderer<'_> {
    fn check_rules(&self) -> Result<(), String> {
        for rule in self.template["Rules"].as_object().unwrap().values() {
            let applies = rule.get("RuleCondition").is_none_or(|condition| self.is_true(condition));
            for assertion in rule["Assertions"].as_array().unwrap() {
                if applies && !self.is_true(&assertion["Assert"]) {
                    return Err(text(&assertion["AssertDescription"]));
                }
            }
        }
        Ok(())
    }

    fn stack(&self) -> Stack {
        let declared = self.template["Resources"].as_object().unwrap();
        let there = declared.iter().filter(|(_, resource)| self.is_there(resource));
        let resources = there.map(|(id, resource)| (id.clone(), self.value(&self.with_globals(resource)).unwrap()));
        let outputs = self.template["Outputs"].as_object().unwrap().iter().filter(|(_, output)| self.is_there(output));
        Stack {
            name: self.stack.to_owned(),
            resources: resources.collect(),
            outputs: outputs.map(|(name, output)| (name.clone(), self.text_of(&output["Value"]))).collect(),
        }
    }

    fn is_there(&self, declaration: &Value) -> bool {
        declaration["Condition"].as_str().is_none_or(|name| self.condition(name))
    }

    /// SAM's global settings: a function's own ones win, and maps are put together.
    fn with_globals(&self, resource: &Value) -> Value {
        let mut resource = resource.clone();
        if resource["Type"] == "AWS::Serverless::Function" {
            let own = resource["Properties"].take();
            resource["Properties"] = put_together(&self.template["Globals"]["Function"], own);
        }
        resource
    }

    fn condition(&self, name: &str) -> bool {
        self.is_true(&self.template["Conditions"][name])
    }

    fn is_true(&self, condition: &Value) -> bool {
        let (function, argument) = only_entry(condition).unwrap_or_else(|| panic!("{condition} is no condition"));
        let operands = || argument.as_array().unwrap();
        match function {
            "Condition" => self.condition(argument.as_str().unwrap()),
            "Fn::Equals" => self.text_of(&operands()[0]) == self.text_of(&operands()[1]),
            "Fn::Not" => !self.is_true(&operands()[0]),
            "Fn::And" => operands().iter().all(|operand| self.is_true(operand)),
            "Fn::Or" => operands().iter().any(|operand| self.is_true(operand)),
            _ => panic!("{function} is no condition that is known here"),
        }
    }

    /// The value with everything put in; none for `AWS::NoValue`.
    fn value(&self, value: &Value) -> Option<Value> {
        if let Some((name, argument)) = only_entry(value)
            && (name == "Ref" || name.starts_with("Fn::"))
        {
            return self.function(name, argument);
        }
        Some(match value {
            Value::Array(items) => items.iter().filter_map(|item| self.value(item)).collect(),
            Value::Object(entries) => {
                let entries = entries.iter().filter_map(|(name, entry)| Some((name.clone(), self.value(entry)?)));
                Value::Object(entries.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        })
    }

    fn function(&self, name: &str, argument: &Value) -> Option<Value> {
        match name {
            "Ref" => self.reference(argument.as_str().unwrap()).map(Value::String),
            "Fn::GetAtt" => Some(json!(self.attribute(argument.as_str().unwrap()))),
            "Fn::Sub" => Some(json!(self.substituted(argument))),
            "Fn::If" => {
                let [Value::String(condition), then, otherwise] = argument.as_array().unwrap().as_slice() else {
                    panic!("{argument} is no choice")
                };
                self.value(if self.condition(condition) { then } else { otherwise })
            }
            "Fn::FindInMap" => {
                let [map, key, name] = argument.as_array().unwrap().as_slice() else { panic!("{argument}") };
                let found = &self.template["Mappings"][text(map)][self.text_of(key)][text(name)];
                assert!(!found.is_null(), "nothing is mapped for {argument}");
                Some(found.clone())
            }
            _ => panic!("{name} is not known here"),
        }
    }

    fn reference(&self, name: &str) -> Option<String> {
        let value = match name {
            "AWS::NoValue" => return None,
            "AWS::AccountId" => self.account.to_owned(),
            "AWS::Region" => arn::REGION.to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            "AWS::StackName" => self.stack.to_owned(),
            "HttpApi.Stage" => format!("{}-stage", self.stack),
            _ => match self.parameters.get(name) {
                Some(value) => value.clone(),
                None => arn::reference(self.stack, name, self.deployed(name), |value| self.text_of(value)),
            },
        };
        Some(value)
    }

    fn attribute(&self, path: &str) -> String {
        let (id, attribute) = path.split_once('.').unwrap();
        let resource = self.deployed(id);
        match attribute {
            "Arn" => arn::of(self.stack, id, resource, |value| self.text_of(value)),
            _ => format!("{}-{id}-{attribute}", self.stack),
        }
    }

    /// A resource that is referred to; `CloudFormation` refuses references to what a condition leaves out.
    fn deployed(&self, id: &str) -> &Value {
        let resource = &self.template["Resources"][id];
        assert!(!resource.is_null(), "the template has no {id}");
        assert!(self.is_there(resource), "{id} is referred to, and not there");
        resource
    }

    fn substituted(&self, argument: &Value) -> String {
        let (pattern, local) = argument.as_array().map_or_else(
            || (text(argument), Map::new()),
            |both| (text(&both[0]), both[1].as_object().unwrap().clone()),
        );
        let put_in = |found: &regex::Captures<'_>| match &found[1] {
            literal if literal.starts_with('!') => format!("${{{}}}", &literal[1..]),
            name if local.contains_key(name) => self.text_of(&local[name]),
            path if path.contains('.') => self.attribute(path),
            name => self.reference(name).unwrap(),
        };
        PLACE.replace_all(&pattern, put_in).into_owned()
    }

    fn text_of(&self, value: &Value) -> String {
        let value = self.value(value).unwrap();
        plain_text(&value).unwrap_or_else(|| panic!("{value} is no text"))
    }
}

fn put_together(global: &Value, own: Value) -> Value {
    match (global, own) {
        (global, Value::Null) => global.clone(),
        (Value::Object(global), Value::Object(mut own)) if only_entry_is_function(&own).is_none() => {
            for (name, value) in global {
                let mine = own.remove(name).unwrap_or_default();
                own.insert(name.clone(), put_together(value, mine));
            }
            Value::Object(own)
        }
        (_, own) => own,
    }
}

fn only_entry_is_function(entries: &Map<String, Value>) -> Option<&str> {
    let (name, _) = entries.iter().next().filter(|_| entries.len() == 1)?;
    (name == "Ref" || name.starts_with("Fn::")).then_some(name)
}

fn only_entry(value: &Value) -> Option<(&str, &Value)> {
    let entries = value.as_object().filter(|entries| entries.len() == 1)?;
    entries.iter().next().map(|(name, argument)| (name.as_str(), argument))
}

/// A text, number or flag, as `CloudFormation` compares them: as text.
fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The texts of a list, or the one text that stands for a list of one.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().map_or_else(|| vec![text(value)], |items| items.iter().map(text).collect())
}
