//! `rankbot table`, and which plans a table takes.

use rankbot_store::testing::{Backend, TestStore, unique_table_name};
use serde_json::{Value, json};

use crate::program::{Ended, run};

/// A DynamoDB with nothing in it, as an operator reaches it.
struct Account {
    store: TestStore,
    table: String,
}

/// How the refusal of a plan begins.
const TAG_NEEDED: &str = "plan max needs a dedicated instance, and table ";

impl Account {
    async fn open() -> Self {
        Self { store: TestStore::start().await, table: unique_table_name() }
    }

    async fn run(&self, line: &str) -> Ended {
        self.run_at(self.store.endpoint(), line).await
    }

    async fn run_at(&self, endpoint: &str, line: &str) -> Ended {
        let variables = self.store.connection().by_way_of(endpoint).environment();
        let table = ("TABLE_NAME", self.table.as_str());
        let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let environment: Vec<(&str, &str)> = std::iter::once(table).chain(variables).collect();
        run(&line.split(' ').collect::<Vec<_>>(), &environment).await
    }

    /// Amazon's local store knows no tags: every table there is one that does not say.
    fn knows_tags(&self) -> bool {
        self.store.backend() == Backend::Embedded
    }
}

async fn plan_of(account: &Account, line: &str) -> Value {
    account.run(&format!("{line} --json")).await.json()["plan"].take()
}

#[tokio::test]
async fn a_table_on_this_machine_without_a_tag_takes_every_plan() {
    let account = Account::open().await;
    let made = account.run("table create --json").await.json();
    assert_eq!(made, json!({ "tableName": account.table, "created": true }));
    let shown = account.run("table show --json").await.json();
    let expected = json!({
        "tableName": account.table, "status": "ACTIVE", "tenancy": null, "tenant": null, "items": 0,
        "deletionProtection": false, "timeToLive": true, "customerManagedKey": false
    });
    assert_eq!(shown, expected);
    assert_eq!(plan_of(&account, "keys create --group 7 --plan max").await, "max");
}

#[tokio::test]
async fn a_shared_table_refuses_max_wherever_it_is_and_says_what_to_do() {
    let account = Account::open().await;
    if !account.knows_tags() {
        return;
    }
    assert_eq!(account.run("table create --tenancy shared").await.status, 0);
    let key = account.run("keys create --group 7 --plan pro --json").await.json();
    let id = key["keyId"].as_str().unwrap();
    for line in ["keys create --group 7 --plan max".to_owned(), format!("keys set-plan {id} --plan max")] {
        let refused = account.run(&line).await;
        let sentence = refused.refusal(1);
        assert!(sentence.starts_with(&format!("{TAG_NEEDED}{} is shared: deploy one", account.table)), "{sentence}");
        assert!(sentence.ends_with("tag it rankbot:tenancy=dedicated"), "{sentence}");
    }
    let keys = account.run("keys list --json").await.json();
    assert_eq!((keys.as_array().unwrap().len(), &keys[0]["plan"]), (1, &json!("pro")), "nothing was written");
    assert_eq!(plan_of(&account, &format!("keys set-plan {id} --plan starter")).await, "starter");
}

#[tokio::test]
async fn a_dedicated_table_takes_every_plan() {
    let account = Account::open().await;
    if !account.knows_tags() {
        return;
    }
    assert_eq!(account.run("table create --tenancy dedicated").await.status, 0);
    assert_eq!(account.run("table show --json").await.json()["tenancy"], "dedicated");
    for plan in ["starter", "pro", "max"] {
        assert_eq!(plan_of(&account, &format!("keys create --group 7 --plan {plan}")).await, plan);
    }
}

#[tokio::test]
async fn a_table_that_is_there_is_not_taken_for_what_it_is_not() {
    let account = Account::open().await;
    assert_eq!(account.run("table create").await.status, 0);
    let refused = account.run("table create --tenancy dedicated").await;
    assert!(refused.refusal(1).contains("was there already, and is not tagged rankbot:tenancy=dedicated"));
    assert_eq!(account.run("table create --json").await.json()["created"], false);
}

/// What is not loopback stands for AWS: a table there that does not say is taken for shared.
#[tokio::test]
async fn elsewhere_a_table_without_a_tag_takes_no_max_and_a_new_one_is_shared() {
    let account = Account::open().await;
    assert_eq!(account.run("table create").await.status, 0);
    let elsewhere = account.store.endpoint().replace("127.0.0.1", "0.0.0.0");
    let refused = account.run_at(&elsewhere, "keys create --group 7 --plan max").await;
    assert!(refused.refusal(1).starts_with(TAG_NEEDED), "{refused:?}");
    assert_eq!(account.run_at(&elsewhere, "keys create --group 7 --plan pro").await.status, 0);
    if account.knows_tags() {
        let line = format!("table create --table {}", unique_table_name());
        assert_eq!(account.run_at(&elsewhere, &line).await.status, 0);
        let show = line.replace("create", "show --json");
        assert_eq!(account.run_at(&elsewhere, &show).await.json()["tenancy"], "shared");
    }
}
