//! One line of the embedded metric format, as CloudWatch's specification of it has it: the metrics' values, dimensions
//! and properties side by side in one object, and under `_aws` which of them is what.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// The units in use, of those that CloudWatch knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Unit {
    Count,
    Milliseconds,
}

type DimensionSets = &'static [&'static [&'static str]];

/// A line that is being put together.
#[derive(Debug)]
pub(super) struct Line {
    at: Timestamp,
    metrics: Vec<(DimensionSets, Definition)>,
    members: BTreeMap<&'static str, Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: Unit,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "_aws")]
    metadata: Metadata<'a>,
    #[serde(flatten)]
    members: &'a BTreeMap<&'static str, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    /// Milliseconds since 1970.
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: DimensionSets,
    metrics: Vec<&'a Definition>,
}

impl Line {
    pub(super) const fn new(at: Timestamp) -> Self {
        Self { at, metrics: Vec::new(), members: BTreeMap::new() }
    }

    /// A dimension's value. `&'static`, so that it cannot come from a request.
    pub(super) fn dimension(&mut self, name: &'static str, value: &'static str) {
        self.members.insert(name, value.into());
    }

    /// Something to find the line by, which makes no metric.
    pub(super) fn property(&mut self, name: &'static str, value: &str) {
        self.members.insert(name, value.into());
    }

    /// A number, or an array of them.
    pub(super) fn metric(&mut self, name: &'static str, unit: Unit, value: Value, dimensions: DimensionSets) {
        self.metrics.push((dimensions, Definition { name, unit }));
        self.members.insert(name, value);
    }

    /// With its line feed.
    pub(super) fn text(&self, namespace: &str) -> String {
        let directives = self.metrics.chunk_by(|(one, _), (next, _)| one == next).filter_map(|metrics| {
            let (dimensions, _) = metrics.first()?;
            let metrics = metrics.iter().map(|(_, definition)| definition).collect();
            Some(Directive { namespace, dimensions, metrics })
        });
        let metadata = Metadata { timestamp: self.at.as_millisecond(), cloud_watch_metrics: directives.collect() };
        let document = Document { metadata, members: &self.members };
        // Numbers, texts and arrays under names: there is nothing in it that JSON cannot write.
        serde_json::to_string(&document).unwrap_or_default() + "\n"
    }
}
