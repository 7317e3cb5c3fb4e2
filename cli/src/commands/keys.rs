//! `rankbot keys …`

use jiff::Timestamp;
use rankbot_shared::adapters::dynamodb::Table;
use rankbot_shared::app::keys::{self, NewKey, Rotated};
use rankbot_shared::domain::id::GroupId;
use rankbot_shared::domain::key_record::RankLimits;
use rankbot_shared::domain::plan::Plan;

use super::key_view::{KeyView, NewKeyView};
use super::{OpenTable, key_id};
use crate::args::{CreateKeyArgs, KeysCommand};
use crate::failure::Failure;
use crate::output::{Format, columns, minute};
use crate::period::Period;

/// Carries out the command at `now`.
pub(crate) async fn run(open: &OpenTable, command: KeysCommand, format: Format, now: Timestamp) -> Result<(), Failure> {
    let table = &open.table;
    match command {
        KeysCommand::Create(args) => create(open, args, format, now).await,
        KeysCommand::List { group } => list(table, group, format, now).await,
        KeysCommand::Show(key) => show(table, &key.key_id, format, now).await,
        KeysCommand::Rotate { key, overlap } => rotate(table, &key.key_id, overlap, format, now).await,
        KeysCommand::Revoke(key) => revoke(table, &key.key_id, format, now).await,
        KeysCommand::SetPlan { key, plan } => set_plan(open, &key.key_id, plan, format, now).await,
    }
}

async fn create(open: &OpenTable, args: CreateKeyArgs, format: Format, now: Timestamp) -> Result<(), Failure> {
    let allowed_ranks = args.allowed_ranks.map(|ranks| ranks.into_iter().collect());
    let limits = RankLimits { max_rank: args.max_rank, allowed_ranks };
    let too_high = limits.allowed_ranks.iter().flatten().find(|rank| limits.max_rank.is_some_and(|max| **rank > max));
    if let Some(rank) = too_high {
        return Err(Failure::Usage(format!(
            "rank {rank} of --allowed-ranks is above --max-rank, so the key could never give it: raise the one, or leave \
             out the other"
        )));
    }
    let expires_at = args.expires_in.map(|period| now.saturating_add(period.duration()).unwrap_or(Timestamp::MAX));
    let new = NewKey { group: args.group, plan: args.plan, limit: args.limit, limits, expires_at };
    open.ensure_takes(new.plan).await?;
    let (key, record) = keys::create(&open.table, new, now).await?;
    let view = NewKeyView::new(&key, &record, now);
    Ok(format.print(&view, || view.details())?)
}

async fn list(table: &Table, group: Option<GroupId>, format: Format, now: Timestamp) -> Result<(), Failure> {
    let records = keys::list(table, group).await?;
    let views: Vec<KeyView<'_>> = records.iter().map(|record| KeyView::new(record, now)).collect();
    Ok(format.print(&views, || match (views.is_empty(), group) {
        (true, None) => "No keys yet: `rankbot keys create --group ID --plan PLAN` makes one.".to_owned(),
        (true, Some(group)) => format!("Group {group} has no keys: `rankbot keys create --group {group}` makes one."),
        (false, _) => columns(&KeyView::HEADER, views.iter().map(KeyView::row)),
    })?)
}

async fn show(table: &Table, typed_id: &str, format: Format, now: Timestamp) -> Result<(), Failure> {
    let record = keys::show(table, &key_id(typed_id)?).await?;
    let view = KeyView::new(&record, now);
    Ok(format.print(&view, || view.details())?)
}

async fn rotate(table: &Table, typed_id: &str, overlap: Period, format: Format, now: Timestamp) -> Result<(), Failure> {
    let Rotated { key, record, cut_short } = keys::rotate(table, &key_id(typed_id)?, overlap.duration(), now).await?;
    let view = NewKeyView::new(&key, &record, now);
    Ok(format.print(&view, || {
        let old = match record.previous_secret.filter(|previous| previous.valid_until > now) {
            Some(previous) => {
                format!("The old secret goes on working for {overlap}, until {}.", minute(previous.valid_until))
            }
            None => "The old secret has stopped working.".to_owned(),
        };
        let older = cut_short.map_or_else(String::new, |until| {
            let until = minute(until);
            format!("\nThe one before that, replaced earlier and good until {until}, has stopped working now.")
        });
        format!("{}\n\n{old}{older}", view.details())
    })?)
}

async fn revoke(table: &Table, typed_id: &str, format: Format, now: Timestamp) -> Result<(), Failure> {
    let record = keys::revoke(table, &key_id(typed_id)?).await?;
    let view = KeyView::new(&record, now);
    Ok(format.print(&view, || format!("Key {} is revoked, for good.", record.key_id))?)
}

async fn set_plan(open: &OpenTable, typed_id: &str, plan: Plan, format: Format, now: Timestamp) -> Result<(), Failure> {
    let id = key_id(typed_id)?;
    open.ensure_takes(plan).await?;
    let record = keys::set_plan(&open.table, &id, plan).await?;
    let view = KeyView::new(&record, now);
    Ok(format.print(&view, || format!("Key {} is on {plan} now.\n\n{}", record.key_id, view.details()))?)
}
