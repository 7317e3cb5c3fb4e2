//! A metric line as CloudWatch reads it. The rules are those of its specification of the embedded metric format:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// 256 KB, of which CloudWatch takes 26 bytes for itself.
const LARGEST: usize = 256 * 1024 - 26;
const UNITS: [&str; 4] = ["Count", "Milliseconds", "Bytes", "None"];

/// One line, found to be valid.
#[derive(Debug)]
pub(crate) struct MetricLine {
    root: Map<String, Value>,
    pub(crate) namespace: String,
    /// By name: the unit, and the sets of dimensions.
    pub(crate) metrics: BTreeMap<String, (String, Vec<Vec<String>>)>,
}

impl MetricLine {
    /// All that it says, but for the time: thirteen digits, in which any number may be found.
    pub(crate) fn without_its_time(mut self) -> String {
        self.root["_aws"]["Timestamp"].take();
        format!("{self:?}")
    }

    /// Panics where CloudWatch would make nothing of it, or something else than was meant.
    pub(crate) fn parse(text: &str) -> Self {
        let line = text.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {text:?}"));
        assert!(!line.contains('\n') && line.len() <= LARGEST, "{line}");
        let root: Map<String, Value> = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let metadata = root["_aws"].as_object().unwrap();
        assert_eq!(names(metadata), ["CloudWatchMetrics", "Timestamp"], "{line}");
        assert!(metadata["Timestamp"].is_u64(), "{line}");
        let directives = metadata["CloudWatchMetrics"].as_array().unwrap().clone();
        assert!(!directives.is_empty(), "{line}");
        let mut parsed = Self { root, namespace: String::new(), metrics: BTreeMap::new() };
        for directive in &directives {
            parsed.take(directive.as_object().unwrap());
        }
        parsed
    }

    fn take(&mut self, directive: &Map<String, Value>) {
        assert_eq!(names(directive), ["Dimensions", "Metrics", "Namespace"]);
        self.namespace = text(&directive["Namespace"], 255);
        let sets: Vec<Vec<String>> =
            directive["Dimensions"].as_array().unwrap().iter().map(|set| self.set(set)).collect();
        assert!(!sets.is_empty());
        assert_eq!(sets.iter().collect::<BTreeSet<_>>().len(), sets.len(), "a set that is there twice counts twice");
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            let metric = metric.as_object().unwrap();
            assert_eq!(names(metric), ["Name", "Unit"]);
            let (name, unit) = (text(&metric["Name"], 1024), text(&metric["Unit"], 32));
            assert!(UNITS.contains(&unit.as_str()), "{unit}");
            assert!((1..=100).contains(&self.values(&name).len()), "{name}: {:?}", self.root);
            let again = self.metrics.insert(name.clone(), (unit, sets.clone()));
            assert!(again.is_none(), "{name} is there twice, and would count twice");
        }
    }

    /// Every dimension has a text for its value.
    fn set(&self, set: &Value) -> Vec<String> {
        let names: Vec<String> = set.as_array().unwrap().iter().map(|name| text(name, 250)).collect();
        assert!(names.len() <= 30);
        for name in &names {
            text(&self.root[name], 1024);
        }
        names
    }

    /// A metric's values: one number, or an array of them. None where the line does not have it.
    pub(crate) fn values(&self, name: &str) -> Vec<f64> {
        match self.root.get(name) {
            None => Vec::new(),
            Some(Value::Array(values)) => values.iter().map(|value| value.as_f64().unwrap()).collect(),
            Some(value) => vec![value.as_f64().unwrap_or_else(|| panic!("{name}: {value}"))],
        }
    }

    /// A count, which is a whole number; 0 where the line does not have it.
    pub(crate) fn count(&self, name: &str) -> usize {
        let count = self.root.get(name).map(|value| value.as_u64().unwrap_or_else(|| panic!("{name}: {value}")));
        count.unwrap_or_default().try_into().unwrap()
    }

    /// A dimension's or a property's value.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        self.root.get(name)?.as_str()
    }

    /// Every dimension that it has, with its value.
    pub(crate) fn dimensions(&self) -> BTreeMap<&str, &str> {
        let names = self.metrics.values().flat_map(|(_, sets)| sets.iter().flatten());
        names.map(|name| (name.as_str(), self.member(name).unwrap())).collect()
    }

    /// What it has beside metrics and their dimensions.
    pub(crate) fn properties(&self) -> Vec<&str> {
        let dimensions = self.dimensions();
        let other = self.root.keys().map(String::as_str).filter(|name| *name != "_aws");
        other.filter(|name| !self.metrics.contains_key(*name) && !dimensions.contains_key(name)).collect()
    }
}

fn names(object: &Map<String, Value>) -> Vec<&str> {
    let mut names: Vec<&str> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn text(value: &Value, longest: usize) -> String {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    assert!(!text.trim().is_empty() && text.len() <= longest && text.is_ascii(), "{text:?}");
    text.to_owned()
}
