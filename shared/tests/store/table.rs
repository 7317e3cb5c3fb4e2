//! Making the table: what a creation that was cut off has left out is made up for by asking again.

use rankbot_shared::adapters::dynamodb::{Creation, Feature, Table};
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, Operation, StoreFault, TestStore, unique_table_name};

#[tokio::test]
async fn a_creation_that_was_cut_off_is_finished_by_the_next() {
    let store = TestStore::start().await;
    let recorder = store.record();
    let table = Table::new(recorder.client(), unique_table_name());
    let expiry = || CallMatch::of(Operation::Other("UpdateTimeToLive".to_owned()));
    recorder.inject(StoreFault::before(expiry(), Effect::Error(ErrorReply::access_denied())));
    assert!(table.create().await.is_err());
    assert!(!table.describe().await.unwrap().expires_items);
    recorder.heal();
    assert_eq!(table.create().await.unwrap(), Creation::AlreadyThere(vec![Feature::TimeToLive]));
    assert!(table.describe().await.unwrap().expires_items);
    recorder.clear();
    assert_eq!(table.create().await.unwrap(), Creation::AlreadyThere(Vec::new()));
    assert_eq!(recorder.calls_matching(&expiry()).len(), 0, "what is on is left alone");
}
