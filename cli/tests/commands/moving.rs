//! `rankbot groups move`: what operators see of it, and what games do.

use rankbot::local::{Local, LocalOptions, StoreChoice};
use rankbot_shared::adapters::dynamodb::{GroupMove, Table};
use rankbot_shared::app::moving::Moves as _;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{Backend, TestStore, unique_table_name};
use reqwest::Client;
use serde_json::{Value, json};

use crate::desk::Desk;

/// A running RankBot, the table that its group will move to, and the store of both.
struct Move {
    desk: Desk,
    store: TestStore,
    from: String,
    to: String,
}

impl Move {
    async fn prepare(create: &str) -> Self {
        let store = TestStore::start().await;
        let (from, to) = (unique_table_name(), unique_table_name());
        let desk = Desk { local: serve(&store, &from).await };
        assert_eq!(desk.run(&format!("{create} --table {to}")).await.status, 0);
        Self { desk, store, from, to }
    }

    /// The command, with what a test has no need to wait for left out.
    fn line(&self, options: &str) -> String {
        let Self { desk, from, to, .. } = self;
        format!("groups move {} --from {from} --to {to} --settle 0s{options}", desk.local.group_id())
    }

    /// Status, code and `Retry-After` of a read with the pro key at this address.
    async fn read_at(&self, url: &str) -> (u16, Value, Option<String>) {
        let request = Client::new().get(format!("{url}/v1/group/roles"));
        let response = request.bearer_auth(self.desk.local.key(Plan::Pro).reveal()).send().await.unwrap();
        let wait = response.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
        (response.status().as_u16(), response.json::<Value>().await.unwrap()["code"].take(), wait)
    }
}

/// A RankBot on this table.
async fn serve(store: &TestStore, table: &str) -> Local {
    let store = StoreChoice::External { connection: store.connection().clone(), table_name: table.to_owned() };
    Local::start(LocalOptions { store, ..LocalOptions::default() }).await.unwrap()
}

#[tokio::test]
async fn after_a_move_the_same_key_works_at_the_new_address_alone_and_its_count_goes_on() {
    let this = Move::prepare("table create").await;
    let old = this.desk.local.url();
    assert_eq!(this.read_at(&old).await.0, 200);
    let planned = this.desk.json(&this.line(" --dry-run")).await;
    assert_eq!(json!([planned["outcome"], planned["items"]["keys"]]), json!(["dryRun", 3]));
    assert_eq!(this.read_at(&old).await.0, 200, "nothing was changed");

    let moved = this.desk.json(&this.line("")).await;
    assert_eq!(json!([moved["outcome"], moved["items"]["keys"]]), json!(["moved", 3]));
    assert_eq!(this.read_at(&old).await, (401, json!("INVALID_API_KEY"), None));
    let new = serve(&this.store, &this.to).await;
    assert_eq!(this.read_at(&new.url()).await.0, 200);
    let used = this.desk.json(&format!("usage {} --table {}", this.desk.local.key(Plan::Pro).id(), this.to)).await;
    assert_eq!(used["months"][0]["used"], 3);
    assert_eq!(this.desk.json(&this.line("")).await["outcome"], "alreadyThere");
}

#[tokio::test]
async fn while_a_group_moves_its_keys_are_to_be_tried_again() {
    let this = Move::prepare("table create").await;
    let to = Table::new(this.store.client(), this.to.as_str());
    let steps = GroupMove::new(this.desk.local.group_id(), this.desk.local.table(), &to);
    steps.begin(None).await.unwrap();
    steps.hold_keys().await.unwrap();
    let expected = (503, json!("SERVICE_UNAVAILABLE"), Some("5".to_owned()));
    assert_eq!(this.read_at(&this.desk.local.url()).await, expected);
    let id = this.desk.local.key(Plan::Pro).id();
    assert_eq!(this.desk.json(&format!("keys show {id}")).await["status"], "held");
    let refused = this.desk.run(&format!("keys revoke {id}")).await;
    assert!(refused.refusal(1).starts_with(&format!("key {id} is held while its group is being moved")));
    assert_eq!(this.desk.json(&this.line(" --cancel")).await["outcome"], "cancelled");
    assert_eq!(this.read_at(&this.desk.local.url()).await.0, 200);
}

#[tokio::test]
async fn a_group_with_keys_on_max_goes_to_a_shared_table_only_on_another_plan() {
    let this = Move::prepare("table create --tenancy shared").await;
    if this.store.backend() != Backend::Embedded {
        return; // Amazon's local store knows no tags.
    }
    let refused = this.desk.run(&this.line("")).await;
    assert!(refused.refusal(1).starts_with("plan max needs a dedicated instance"), "{refused:?}");
    assert_eq!(this.read_at(&this.desk.local.url()).await.0, 200, "nothing was changed");
    assert_eq!(this.desk.json(&this.line(" --plan pro")).await["outcome"], "moved");
    let keys = this.desk.json(&format!("keys list --table {}", this.to)).await;
    assert!(keys.as_array().unwrap().iter().all(|key| key["plan"] == "pro" && key["limit"] == 5000), "{keys}");
}

#[tokio::test]
async fn a_move_that_cannot_be_says_why() {
    let this = Move::prepare("table create").await;
    let (from, to) = (&this.from, &this.to);
    let same = this.desk.run(&format!("groups move 7 --from {from} --to {from}")).await;
    assert_eq!(same.refusal(2), "--from and --to name the same table: there is nothing to move");
    let nothing = this.desk.run(&format!("groups move 7 --from {from} --to {to}")).await;
    assert_eq!(nothing.refusal(1), "the group has no keys in either table: check its id and the tables");
    let no_table = this.desk.run(&this.line("").replace(to, "nowhere")).await;
    assert!(no_table.refusal(1).starts_with("there is no such table"), "{no_table:?}");
    assert_eq!(this.read_at(&this.desk.local.url()).await.0, 200, "nothing was changed");
}
