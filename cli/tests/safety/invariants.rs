//! The invariants of `docs/safety.md`, as checks of a world after something went wrong in it.

use aws_sdk_dynamodb::types::AttributeValue;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Operation};

use crate::scenario::{Arranged, USER};
use crate::world::{Answer, GROUP, World};

/// Longer than a lease.
pub(crate) const LEASE_S: i64 = 16;

impl World {
    /// Until when the member is held; `None` if no change of theirs is open.
    async fn held_until(&self) -> Option<i64> {
        let text = |text: String| AttributeValue::S(text);
        let item = self.dynamodb().get_item().table_name(self.table_name()).consistent_read(true);
        let item = item.key("pk", text(format!("MEMBER#{GROUP}#{USER}"))).key("sk", text("MEMBER".to_owned()));
        let item = item.send().await.unwrap().item.unwrap_or_default();
        item.get("claimUntil").map(|until| until.as_n().unwrap().parse().unwrap())
    }

    /// Whether a lease on the member has time left.
    pub(crate) async fn is_held(&self) -> bool {
        self.held_until().await.is_some_and(|until| until > self.now().as_millisecond())
    }

    /// I1, at any time: the rank is the old one or the new one, and the member holds the base role.
    pub(crate) fn check_rank(&self, arranged: &Arranged) {
        let (from, to) = arranged.scenario.ranks();
        let rank = self.rank_of(USER);
        assert!(rank == from || rank == to, "I1: at rank {rank}, neither {from} nor {to}");
    }

    /// I1, once everything is put right: exactly the roles before, or exactly those after. Says which.
    pub(crate) fn check_roles(&self, arranged: &Arranged) -> bool {
        let roles = self.roles_of(USER);
        let (before, after) = (arranged.scenario.before(), arranged.scenario.after());
        assert!(roles == before || roles == after, "I1: {roles:?} are neither {before:?} nor {after:?}");
        roles == after
    }

    /// How many more admissions were sent than requests: the SDK repeats what it has no answer to.
    pub(crate) fn admissions_sent_again(&self, requests: usize) -> usize {
        let keys = CallMatch::of(Operation::UpdateItem).pk_prefix(format!("KEY#{}", self.key(Plan::Pro).id()));
        let sent = self.store.calls_matching(&keys).into_iter();
        let admissions = sent.filter(|call| String::from_utf8_lossy(&call.request).contains("+ :one")).count();
        admissions.saturating_sub(requests)
    }

    /// I4: what counts was counted; at most `lost` more, and one for every admission that the SDK sent again.
    pub(crate) async fn check_counter(&self, arranged: &Arranged, counted: u64, lost: u64, requests: usize) {
        let lost = lost + self.admissions_sent_again(requests) as u64;
        let used = self.used(self.key(Plan::Pro)).await - arranged.used;
        assert!((counted..=counted + lost).contains(&used), "I4: {used} counted, {counted} answers count, {lost} lost");
    }

    /// I2 and I6, once everything is put right: what was answered is what happened and what the log tells.
    pub(crate) async fn check_answer(&self, arranged: &Arranged, answer: &Answer) {
        let reached = self.check_roles(arranged);
        let changes = arranged.changes(self).await;
        let ids: Vec<_> = changes.iter().map(|entry| entry["logId"].as_str().unwrap()).collect();
        if answer.status == 200 {
            assert!(reached, "I2: answered 200, and the member is not at the target: {}", answer.body);
            assert_eq!(ids, [answer.log_id()], "I2, I6: one entry, of that log id");
        } else {
            assert!(!reached, "I2: answered {}, and the member is at the target", answer.body);
            assert!(ids.is_empty(), "I6: nothing changed, and the log tells {changes:?}");
        }
    }

    /// I3 and I5: the same request again. One change in all, at once, whatever became of the first.
    pub(crate) async fn ask_again(&self, arranged: &Arranged, first: &Answer) -> Answer {
        if first.status == 200 && !arranged.scenario.has_a_key() {
            // Asking again would be a second change. The member must be free all the same.
            let held = self.set_rank(USER, arranged.scenario.ranks().1).send().await;
            assert_eq!(held.success()["changed"], false, "I5: {}", held.body);
            return held;
        }
        let again = arranged.ask.clone().send().await;
        again.success();
        if first.status == 200 {
            assert!(again.is_replayed(), "I3: {}", again.body);
            assert_eq!(again.log_id(), first.log_id(), "I3");
        }
        again
    }

    /// At the end of every case: the change was made once, nothing is left to be done.
    pub(crate) async fn check_end(&self, arranged: &Arranged) {
        self.sweep().await;
        assert!(self.check_roles(arranged), "I3: {:?}", self.roles_of(USER));
        assert_eq!(arranged.changes(self).await.len(), 1, "I3, I6: {:#?}", self.log().await);
        assert_eq!(self.sweep().await, 0, "nothing is left to be put right");
    }
}
