//! Data stores beyond the run that wrote them.

use serde_json::Value;

/// What a run left in its data stores: to look at, or for a later run to begin with.
#[derive(Debug, Clone, Default)]
pub struct Stores(Value);

impl Stores {
    pub(crate) fn new(kept: Value) -> Self {
        Self(kept)
    }

    pub(crate) fn as_json(&self) -> &Value {
        &self.0
    }

    /// The value under `key` of the data store `name`; `scope` is `global` where the script named none.
    pub fn value(&self, name: &str, scope: &str, key: &str) -> Option<Value> {
        self.read("standard", name, scope, key)
    }

    /// The same of an ordered data store.
    pub fn ordered_value(&self, name: &str, scope: &str, key: &str) -> Option<Value> {
        self.read("ordered", name, scope, key)
    }

    fn read(&self, kind: &str, name: &str, scope: &str, key: &str) -> Option<Value> {
        let entry = self.0.get(kind)?.get(name)?.get(format!("{scope}/{key}"))?;
        serde_json::from_str(entry.get("text")?.as_str()?).ok()
    }
}
