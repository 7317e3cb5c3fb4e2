//! What RankBot itself has written to a member of late, and which readings of the member may be older than that.
//!
//! No text of Roblox's promises that a read shows what was just written. A reading made soon after an own write may show
//! the member as they were before it, or in the middle of a change; to judge by it would make a step twice or never. So
//! the writes of the last seconds are kept with the member, in their order, and a reading that shows one of the states
//! that the member has passed through is made again. One that shows none of them tells of somebody else's change, and
//! counts at once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::hold::LEASE;
use super::id::RoleId;
use super::role_change::RoleWrite;

/// For how long after a write a reading may be older than it. Roblox names no bound; readings of public reports are behind
/// by a second or so. A later reading is believed.
pub const LAG: SignedDuration = SignedDuration::from_secs(3);

/// Why a write was sent: what it says of the member before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// Because a reading showed that it was needed.
    #[serde(rename = "needed")]
    Needed,
    /// Because no reading told whether it was: it may have changed nothing.
    #[serde(rename = "blind")]
    Blind,
}

/// One write: a role, whether it was given, when at the latest, in Unix milliseconds, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct RecentWrite(RoleId, bool, i64, Basis);

/// The writes of the last seconds to one member, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecentWrites(Vec<RecentWrite>);

impl RecentWrites {
    /// None.
    pub const NONE: Self = Self(Vec::new());

    /// The same, and these after them, all made by `now`. What no reading can be older than any more is left out.
    #[must_use]
    pub fn and(&self, writes: impl IntoIterator<Item = (RoleWrite, Basis)>, now: Timestamp) -> Self {
        let at = now.as_millisecond();
        let new = writes.into_iter().map(|(write, basis)| match write {
            RoleWrite::Assign(role) => RecentWrite(role, true, at, basis),
            RoleWrite::Unassign(role) => RecentWrite(role, false, at, basis),
        });
        Self(self.counting_at(now).iter().copied().chain(new).collect())
    }

    /// When the last of them was made, at the latest.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|write| Timestamp::from_millisecond(write.2).ok()).max()
    }

    /// Whether a reading made now may be older than one of the writes.
    pub fn are_recent(&self, now: Timestamp) -> bool {
        !self.counting_at(now).is_empty()
    }

    /// Whether a member read with these roles may be one whom a write is missing from: they are as they were before one of
    /// them, and not as they are after the last.
    pub fn may_be_missing_from(&self, held: &[RoleId], now: Timestamp) -> bool {
        let writes = self.counting_at(now);
        !shows(&writes, writes.len(), held) && (0..writes.len()).any(|made| shows(&writes, made, held))
    }

    /// Whether a member read with these roles is as the writes have left them, or as they were before one of them: nobody
    /// else need have changed them.
    pub fn explain(&self, held: &[RoleId], now: Timestamp) -> bool {
        let writes = self.counting_at(now);
        (0..=writes.len()).any(|made| shows(&writes, made, held))
    }

    /// Those that a reading made now may be older than. One of a time that is yet to come is of a clock that is wrong.
    fn counting_at(&self, now: Timestamp) -> Vec<RecentWrite> {
        let (since, until) = (now.saturating_sub(LAG), now.saturating_add(LEASE));
        let since = since.map_or(i64::MIN, Timestamp::as_millisecond);
        let until = until.map_or(i64::MAX, Timestamp::as_millisecond);
        self.0.iter().filter(|write| write.2 > since && write.2 <= until).copied().collect()
    }
}

/// Whether the roles are as after the first `made` of the writes. A role that none of these has written is as the first
/// later write found it: one that was needed has changed something, and of a blind one nobody knows.
fn shows(writes: &[RecentWrite], made: usize, held: &[RoleId]) -> bool {
    let (before, after) = writes.split_at(made.min(writes.len()));
    writes.iter().all(|RecentWrite(role, ..)| {
        let last = before.iter().rev().find(|write| write.0 == *role).map(|write| write.1);
        let next = || match after.iter().find(|write| write.0 == *role) {
            Some(RecentWrite(_, given, _, Basis::Needed)) => Some(!given),
            Some(RecentWrite(_, _, _, Basis::Blind)) | None => None,
        };
        last.or_else(next).is_none_or(|is_held| is_held == held.contains(role))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: u64 = 10;
    const TWENTY: u64 = 20;
    const THIRTY: u64 = 30;

    fn role(id: u64) -> RoleId {
        RoleId::new(id).unwrap()
    }

    fn roles(ids: &[u64]) -> Vec<RoleId> {
        ids.iter().map(|id| role(*id)).collect()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn step(from: u64, to: u64) -> [(RoleWrite, Basis); 2] {
        [RoleWrite::Assign(role(to)), RoleWrite::Unassign(role(from))].map(|write| (write, Basis::Needed))
    }

    fn promoted() -> RecentWrites {
        RecentWrites::default().and(step(TEN, TWENTY), at(0))
    }

    #[test]
    fn a_reading_of_a_state_that_was_passed_through_may_be_old() {
        let (writes, now) = (promoted(), at(500));
        assert!(writes.may_be_missing_from(&roles(&[1, TEN]), now), "before both");
        assert!(writes.may_be_missing_from(&roles(&[1, TEN, TWENTY]), now), "between them");
        assert!(!writes.may_be_missing_from(&roles(&[1, TWENTY]), now), "after both");
    }

    #[test]
    fn a_reading_that_our_writes_do_not_explain_is_of_somebody_elses_change_and_counts_at_once() {
        for held in [roles(&[1]), roles(&[1, THIRTY])] {
            assert!(!promoted().may_be_missing_from(&held, at(500)), "{held:?}");
            assert!(!promoted().explain(&held, at(500)), "{held:?}");
        }
        // Who gave another role besides has left ours as they were.
        assert!(promoted().may_be_missing_from(&roles(&[1, TEN, THIRTY]), at(500)));
    }

    #[test]
    fn a_reading_is_believed_when_the_lag_is_over() {
        let old = roles(&[1, TEN]);
        assert!(promoted().may_be_missing_from(&old, at(2_999)));
        assert!(!promoted().may_be_missing_from(&old, at(3_000)));
        assert!(promoted().are_recent(at(2_999)) && !promoted().are_recent(at(3_000)));
    }

    #[test]
    fn a_state_before_an_earlier_change_is_known_too() {
        let writes = promoted().and(step(TWENTY, THIRTY), at(1_000));
        for held in [[TEN].as_slice(), &[TEN, TWENTY], &[TWENTY], &[TWENTY, THIRTY]] {
            assert!(writes.may_be_missing_from(&roles(held), at(1_500)), "{held:?}");
        }
        assert!(!writes.may_be_missing_from(&roles(&[THIRTY]), at(1_500)));
        // The first change is over three seconds old by then.
        assert!(!writes.may_be_missing_from(&roles(&[TEN]), at(3_500)));
        assert!(writes.may_be_missing_from(&roles(&[TWENTY]), at(3_500)));
    }

    #[test]
    fn there_and_back_again_is_where_it_began_and_the_middle_may_be_old() {
        let writes = promoted().and(step(TWENTY, TEN), at(1_000));
        assert!(!writes.may_be_missing_from(&roles(&[TEN]), at(1_500)));
        assert!(writes.may_be_missing_from(&roles(&[TWENTY]), at(1_500)));
    }

    /// A promotion whose first write was not seen, taken back: at once, and by the sweep without knowing what there is.
    #[test]
    fn a_blind_write_says_nothing_of_the_member_before_it() {
        let (given, taken) = (RoleWrite::Assign(role(TWENTY)), RoleWrite::Unassign(role(TWENTY)));
        let once = RecentWrites::default().and([(given, Basis::Needed), (taken, Basis::Blind)], at(0));
        let writes = once.and([(RoleWrite::Assign(role(TEN)), Basis::Blind), (taken, Basis::Blind)], at(1));
        assert!(writes.may_be_missing_from(&roles(&[1, TEN, TWENTY]), at(500)), "ten was held throughout");
        assert!(!writes.may_be_missing_from(&roles(&[1, TEN]), at(500)), "as it is now");
    }

    #[test]
    fn a_clock_that_was_far_ahead_makes_nothing_recent() {
        let ahead = RecentWrites::default().and(step(TEN, TWENTY), at(3_600_000));
        assert!(!ahead.are_recent(at(0)));
    }

    #[test]
    fn what_is_kept_is_short_and_read_again() {
        let json = serde_json::to_string(&promoted()).unwrap();
        assert_eq!(json, r#"[[20,true,1800000000000,"needed"],[10,false,1800000000000,"needed"]]"#);
        assert_eq!(serde_json::from_str::<RecentWrites>(&json).unwrap(), promoted());
    }
}
