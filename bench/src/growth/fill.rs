//! Letting things gather, past the recorder.

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rankbot_sandbox::{Group, demo};
use rankbot_shared::app::keys::{self, Keys as _, NewKey};
use rankbot_shared::app::ports::Logs as _;
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::id::{GroupId, UserId};
use rankbot_shared::domain::key_record::{KeyRecord, KeyStatus, RankLimits};
use rankbot_shared::domain::log_id::LogId;
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;
use reqwest::Method;

use super::Gathered;
use crate::bed::{Bed, GROUP, USER};

/// The two ranks between which the member is sent; each has one role in every group of these measurements.
pub(super) const LOWER_RANK: u8 = 10;
pub(super) const UPPER_RANK: u8 = 20;
/// Role ids of a group that was made here.
const FIRST_ROLE: u64 = 50_000_000;
/// Writes at once: enough to keep the store busy.
const AT_ONCE: usize = 16;
/// How many entries of the log are the member's, however long it is.
const MEMBERS_ENTRIES: u32 = 40;

pub(super) async fn fill(bed: &mut Bed, gathered: Gathered, size: u32) -> anyhow::Result<()> {
    match gathered {
        Gathered::Months => months(bed, size).await,
        Gathered::Keys => keys(bed, size).await,
        Gathered::Roles => roles(bed, size),
        Gathered::LogEntries => log_entries(bed, size).await,
    }
}

/// A key that was used in each of the last months, the present one not yet included.
async fn months(bed: &mut Bed, count: u32) -> anyhow::Result<()> {
    let (now, key) = (Timestamp::now(), ApiKey::generate()?);
    let today = now.to_zoned(TimeZone::UTC);
    let months = (1..=i64::from(count)).map(|ago| Month::of(today.saturating_sub(ago.months()).timestamp()));
    let usage = months.map(|month| (month, 4321)).collect();
    let record = KeyRecord {
        key_id: key.id().clone(),
        group: GroupId::new(GROUP)?,
        plan: Plan::Max,
        limit: None,
        usage,
        status: KeyStatus::Active,
        limits: RankLimits::default(),
        expires_at: None,
        created_at: now,
        secret: key.hash(),
        previous_secret: None,
        last_request: None,
    };
    bed.table().insert(&record).await?;
    bed.use_key(key);
    // The month's first request takes the oldest counters out.
    bed.ask(Method::GET, &format!("/v1/rank/{GROUP}/{USER}"), None).await?;
    Ok(())
}

async fn keys(bed: &Bed, count: u32) -> anyhow::Result<()> {
    let table = bed.table();
    let new = |n: u32| {
        let group = GroupId::new(GROUP + 1 + u64::from(n))?;
        anyhow::Ok(NewKey { group, plan: Plan::Pro, limit: None, limits: RankLimits::default(), expires_at: None })
    };
    let made = stream::iter(0..count).map(|n| {
        let (table, new) = (&table, new(n));
        async move { anyhow::Ok(keys::create(table, new?, Timestamp::now()).await?) }
    });
    made.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await
}

/// A group of so many ranks of one role each, the guests', the members' and the bot's included.
fn roles(bed: &Bed, count: u32) -> anyhow::Result<()> {
    let mut group = Group::new(GROUP).role(FIRST_ROLE, "Guest", 0).managing_role(FIRST_ROLE + 254, "RankBot", 254);
    let wanted = usize::try_from(count)?.saturating_sub(2);
    // The two ranks in use first, then the rest from below.
    let others = (1..=253).filter(|rank| ![LOWER_RANK, UPPER_RANK].contains(rank));
    for rank in [LOWER_RANK, UPPER_RANK].into_iter().chain(others).take(wanted) {
        group = group.role(FIRST_ROLE + u64::from(rank), &format!("Officer of rank {rank}"), rank);
    }
    let group = group.member(demo::BOT_USER_ID, &[FIRST_ROLE + 254]);
    bed.roblox().put_group(group.member(USER, &[FIRST_ROLE + u64::from(LOWER_RANK)]));
    Ok(())
}

/// Entries like one that was really written, one a second until now.
async fn log_entries(bed: &Bed, count: u32) -> anyhow::Result<()> {
    let (group, now) = (GroupId::new(GROUP)?, Timestamp::now());
    let written: LogId = bed.set_rank(UPPER_RANK).await?.parse()?;
    let table = bed.table();
    let pattern = table.entry(group, written, now).await?.context("the change has left no entry")?;
    let one_in = count.div_ceil(MEMBERS_ENTRIES).max(1);
    let entry = |n: u32| {
        let mut entry = pattern.clone();
        let begun = now.checked_sub(SignedDuration::from_secs(i64::from(n) + 1))?;
        entry.intent.log_id = LogId::new(begun, u128::from(n));
        if !n.is_multiple_of(one_in) {
            entry.intent.user = UserId::new(USER + u64::from(n))?;
        }
        anyhow::Ok(entry)
    };
    let appended = stream::iter(0..count).map(|n| {
        let (table, entry) = (&table, entry(n));
        async move { anyhow::Ok(table.append(&entry?).await?) }
    });
    appended.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await
}
