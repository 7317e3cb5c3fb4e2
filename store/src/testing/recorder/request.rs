//! Which table and items a request names.

#![expect(clippy::indexing_slicing, reason = "a JSON value that lacks the member gives null, and never panics")]

use serde_json::Value;

use super::call::{ItemKey, Operation};

/// The table and the items of one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) table: Option<String>,
    pub(super) keys: Vec<ItemKey>,
}

impl Subject {
    /// Reads what can be read: a request the store will refuse is still recorded.
    pub(super) fn of(operation: &Operation, request: &Value) -> Self {
        let mut subject = Self { table: text(&request["TableName"]), keys: Vec::new() };
        match operation {
            Operation::Query => subject.keys.extend(queried(request)),
            Operation::BatchGetItem => subject.add_batch(request, |item| item["Keys"].as_array().cloned()),
            Operation::BatchWriteItem => subject.add_batch(request, |item| item.as_array().cloned()),
            Operation::TransactGetItems | Operation::TransactWriteItems => {
                for action in items(&request["TransactItems"]) {
                    subject.add_members(action);
                }
            }
            Operation::GetItem
            | Operation::PutItem
            | Operation::UpdateItem
            | Operation::DeleteItem
            | Operation::Scan
            | Operation::CreateTable
            | Operation::DescribeTable
            | Operation::Other(_) => subject.keys.extend(named(request)),
        }
        subject
    }

    fn add_batch(&mut self, request: &Value, entries: impl Fn(&Value) -> Option<Vec<Value>>) {
        for (table, asked) in request["RequestItems"].as_object().into_iter().flatten() {
            self.table.get_or_insert_with(|| table.clone());
            for entry in entries(asked).into_iter().flatten() {
                self.keys.extend(key(&entry));
                self.add_members(&entry);
            }
        }
    }

    /// The action inside a wrapper such as `{"Put": {"TableName", "Item"}}` or `{"DeleteRequest": {"Key"}}`.
    fn add_members(&mut self, wrapper: &Value) {
        for action in wrapper.as_object().into_iter().flat_map(|members| members.values()) {
            self.table = self.table.take().or_else(|| text(&action["TableName"]));
            self.keys.extend(named(action));
        }
    }
}

/// The key of an action that names one item, by its key or as a whole.
fn named(action: &Value) -> Option<ItemKey> {
    key(&action["Key"]).or_else(|| key(&action["Item"]))
}

fn key(attributes: &Value) -> Option<ItemKey> {
    Some(ItemKey { pk: text(&attributes["pk"]["S"])?, sk: text(&attributes["sk"]["S"]) })
}

/// The partition, and the sort key if it is one, that a query's key condition asks for. Key attributes are told by
/// how their names end (`pk`, `gsi1pk`), because the request does not say which is which.
fn queried(request: &Value) -> Option<ItemKey> {
    let condition = request["KeyConditionExpression"].as_str()?;
    let mut pk = None;
    let mut sk = None;
    for clause in condition.split(" AND ") {
        let Some((left, right)) = clause.split_once('=') else { continue };
        let alias = left.trim_matches(['(', ' ']);
        let name = request["ExpressionAttributeNames"][alias].as_str().unwrap_or(alias);
        let value = text(&request["ExpressionAttributeValues"][right.trim_matches([')', ' '])]["S"]);
        if name.ends_with("pk") {
            pk = value;
        } else if name.ends_with("sk") {
            sk = value;
        }
    }
    Some(ItemKey { pk: pk?, sk })
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn subject(operation: &Operation, request: &Value) -> (Option<String>, Vec<String>) {
        let Subject { table, keys } = Subject::of(operation, request);
        let shown = keys.into_iter().map(|key| format!("{}|{}", key.pk, key.sk.as_deref().unwrap_or("-")));
        (table, shown.collect())
    }

    fn attributes(pk: &str, sk: &str) -> Value {
        json!({"pk": {"S": pk}, "sk": {"S": sk}, "n": {"N": "1"}})
    }

    #[test]
    fn single_item_is_named_by_its_key_or_whole() {
        let t = Some("t".to_owned());
        let update = json!({"TableName": "t", "Key": attributes("a", "b")});
        assert_eq!(subject(&Operation::UpdateItem, &update), (t.clone(), vec!["a|b".to_owned()]));
        let put = json!({"TableName": "t", "Item": attributes("c", "d")});
        assert_eq!(subject(&Operation::PutItem, &put), (t, vec!["c|d".to_owned()]));
    }

    #[test]
    fn query_names_its_partition_through_aliases() {
        let mut query = json!({
            "TableName": "t",
            "KeyConditionExpression": "#p = :p AND begins_with(sk, :s)",
            "ExpressionAttributeNames": {"#p": "gsi1pk"},
            "ExpressionAttributeValues": {":p": {"S": "OPEN"}, ":s": {"S": "LOG#"}},
        });
        assert_eq!(subject(&Operation::Query, &query).1, ["OPEN|-"]);
        query["KeyConditionExpression"] = json!("(#p = :p) AND (sk = :s)");
        assert_eq!(subject(&Operation::Query, &query).1, ["OPEN|LOG#"]);
    }

    #[test]
    fn batches_and_transactions_name_every_item() {
        let get = json!({"RequestItems": {"t": {"Keys": [attributes("a", "1"), attributes("b", "2")]}}});
        assert_eq!(subject(&Operation::BatchGetItem, &get), (Some("t".to_owned()), vec!["a|1".into(), "b|2".into()]));
        let write = json!({"RequestItems": {"t": [
            {"PutRequest": {"Item": attributes("a", "1")}}, {"DeleteRequest": {"Key": attributes("b", "2")}},
        ]}});
        assert_eq!(subject(&Operation::BatchWriteItem, &write).1, ["a|1", "b|2"]);
        let transaction = json!({"TransactItems": [
            {"Put": {"TableName": "t", "Item": attributes("a", "1")}},
            {"ConditionCheck": {"TableName": "u", "Key": attributes("b", "2")}},
        ]});
        assert_eq!(
            subject(&Operation::TransactWriteItems, &transaction),
            (Some("t".to_owned()), vec!["a|1".into(), "b|2".into()])
        );
    }

    #[test]
    fn request_that_names_nothing_is_recorded_without_a_subject() {
        for request in [json!(null), json!([]), json!({"TableName": 1, "Key": {"pk": {"N": "1"}}})] {
            for operation in
                [Operation::GetItem, Operation::Query, Operation::TransactGetItems, Operation::BatchGetItem]
            {
                assert_eq!(Subject::of(&operation, &request), Subject::default());
            }
        }
    }
}
