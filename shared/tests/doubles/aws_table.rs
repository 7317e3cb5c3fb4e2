//! Making the table on AWS: no engine off it has all that keeps a table from being lost.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use rankbot_shared::adapters::dynamodb::{Creation, Feature, Safety, Table};
use serde_json::{Value, json};

use crate::double::{Answer, Asked, Double};

/// A table on AWS, as far as its making goes.
#[derive(Debug, Default)]
struct AwsTable {
    exists: bool,
    /// What is switched on.
    on: Vec<Feature>,
    /// How often its backups are still not there.
    backups_not_there: usize,
}

impl AwsTable {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let operation = asked.headers["x-amz-target"].rsplit('.').next().unwrap().to_owned();
        let request: Value = serde_json::from_slice(&asked.body).unwrap();
        match self.done(&operation, &request) {
            Ok(answer) => ("200 OK".to_owned(), answer.to_string()),
            Err(kind) => ("400 Bad Request".to_owned(), json!({ "__type": kind, "message": "no" }).to_string()),
        }
    }

    fn done(&mut self, operation: &str, request: &Value) -> Result<Value, &'static str> {
        match operation {
            "CreateTable" if self.exists => return Err("ResourceInUseException"),
            "CreateTable" | "UpdateTable" => {
                self.exists = true;
                let is_protected = request["DeletionProtectionEnabled"] == true;
                self.on.extend(is_protected.then_some(Feature::DeletionProtection));
            }
            "UpdateTimeToLive" if self.is_on(Feature::TimeToLive) => return Err("ValidationException"),
            "UpdateTimeToLive" => self.on.push(Feature::TimeToLive),
            "UpdateContinuousBackups" if self.backups_not_there > 0 => {
                self.backups_not_there -= 1;
                return Err("ContinuousBackupsUnavailableException");
            }
            "UpdateContinuousBackups" => self.on.push(Feature::PointInTimeRecovery),
            "DescribeTable" | "DescribeTimeToLive" | "DescribeContinuousBackups" => {}
            other => panic!("{other}"),
        }
        let status = |feature| if self.is_on(feature) { "ENABLED" } else { "DISABLED" };
        Ok(json!({
            "Table": { "TableStatus": "ACTIVE", "DeletionProtectionEnabled": self.is_on(Feature::DeletionProtection) },
            "TimeToLiveDescription": { "AttributeName": "ttl", "TimeToLiveStatus": status(Feature::TimeToLive) },
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {
                    "PointInTimeRecoveryStatus": status(Feature::PointInTimeRecovery)
                }
            }
        }))
    }

    fn is_on(&self, feature: Feature) -> bool {
        self.on.contains(&feature)
    }

    /// Makes it. Returns what was said of it, and how it is then.
    async fn made(self) -> (Creation, Vec<Feature>) {
        let state = Arc::new(Mutex::new(self));
        let shared = Arc::clone(&state);
        let aws = Double::start(move |asked| shared.lock().unwrap().answer(&asked)).await;
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .endpoint_url(&aws.url)
            .build();
        let table = Table::new(Client::from_conf(config), "rankbot");
        let creation = table.create_for(None, Safety::Kept).await.unwrap();
        assert_eq!(table.create_for(None, Safety::Kept).await.unwrap(), Creation::AlreadyThere(Vec::new()));
        let on = state.lock().unwrap().on.clone();
        (creation, on)
    }
}

#[tokio::test]
async fn a_table_on_aws_is_kept_from_being_lost() {
    let all = vec![Feature::DeletionProtection, Feature::TimeToLive, Feature::PointInTimeRecovery];
    let new = AwsTable { backups_not_there: 2, ..AwsTable::default() };
    assert_eq!(new.made().await, (Creation::Created, all.clone()));
    let bare = AwsTable { exists: true, ..AwsTable::default() };
    assert_eq!(bare.made().await, (Creation::AlreadyThere(all.clone()), all.clone()));
    let on = vec![Feature::DeletionProtection, Feature::TimeToLive];
    let cut_off = AwsTable { exists: true, on, ..AwsTable::default() };
    assert_eq!(cut_off.made().await, (Creation::AlreadyThere(vec![Feature::PointInTimeRecovery]), all));
}
