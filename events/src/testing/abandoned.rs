//! A change that was cut off between its two writes to Roblox, for the sweep to find: from trainee to cabin crew. The
//! member then stands at the target, with the trainee's role left on.

use std::time::Duration;

use jiff::Timestamp;
use rankbot_sandbox::demo::role;
use rankbot_sandbox::{Control, demo};
use rankbot_shared::adapters::dynamodb::Table;
use rankbot_shared::app::ports::{Changes as _, Claim};
use rankbot_shared::domain::recent_writes::RecentWrites;

use crate::seed;

/// Whom the sweep finds with a change left half-done.
pub const fn abandoned_member() -> u64 {
    300_001
}

/// Puts the member into the group, and the change into the table.
pub(super) async fn abandon(table: &Table, roblox: &Control) {
    roblox.put_member(demo::GROUP_ID, abandoned_member(), &[role::TRAINEE, role::CABIN_CREW]).unwrap();
    let (from, to) = (seed::role(role::TRAINEE, "Trainee", 10), seed::role(role::CABIN_CREW, "Cabin Crew", 20));
    let intent = seed::intent("01M7X1V080GKK9BFA4FSRR9N2N", abandoned_member(), from, to);
    let now = Timestamp::now();
    let until = now - Duration::from_secs(1);
    let claim = Claim {
        holder: intent.log_id,
        until,
        intent: &intent,
        seen: None,
        over: None,
        recent: &RecentWrites::NONE,
        now,
    };
    table.claim(&claim).await.unwrap();
}
