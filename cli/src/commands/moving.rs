//! `rankbot groups move`

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use jiff::Timestamp;
use rankbot_shared::adapters::dynamodb::GroupMove;
use rankbot_shared::app::keys;
use rankbot_shared::app::moving::{self, Inventory, Moved, Moves as _};
use rankbot_shared::domain::id::GroupId;
use rankbot_shared::domain::key_record::KeyStatus;
use rankbot_shared::domain::plan::Plan;
use serde::Serialize;

use super::{OpenTable, connect};
use crate::args::MoveArgs;
use crate::failure::Failure;
use crate::output::{Format, pairs};

/// What came of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    Moved,
    AlreadyThere,
    DryRun,
    Cancelled,
}

/// `items` is `null` where nothing was counted: nothing was copied, or a run before this one did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MoveView<'a> {
    group_id: GroupId,
    from: &'a str,
    to: &'a str,
    outcome: Outcome,
    items: Option<ItemsView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemsView {
    keys: u64,
    settings: u64,
    log_entries: u64,
    members: u64,
    answers: u64,
    open_changes: u64,
}

/// Carries out the command at `now`.
pub(crate) async fn run(args: MoveArgs, format: Format, now: Timestamp) -> Result<(), Failure> {
    if args.from == args.to {
        return Err(Failure::Usage("--from and --to name the same table: there is nothing to move".to_owned()));
    }
    let from = connect(Some(args.from.clone())).await?;
    let to = connect(Some(args.to.clone())).await?;
    let group = args.group.group_id;
    let moves = GroupMove::new(group, &from.table, &to.table);
    let (outcome, items) = if args.cancel {
        moving::cancel(&moves).await?;
        (Outcome::Cancelled, None)
    } else {
        ensure_takes_all(&from, &to, group, args.plan).await?;
        if args.dry_run {
            (Outcome::DryRun, Some(moves.inventory().await?))
        } else {
            match moving::run(&moves, args.plan, now, settle(&args)).await? {
                Moved::Done(copied) => (Outcome::Moved, copied),
                Moved::AlreadyThere => (Outcome::AlreadyThere, None),
            }
        }
    };
    let items = items.map(ItemsView::from);
    let view = MoveView { group_id: group, from: &from.name, to: &to.name, outcome, items };
    Ok(format.print(&view, || view.details())?)
}

/// Looked at before anything is done: a plan that the new table does not take.
async fn ensure_takes_all(from: &OpenTable, to: &OpenTable, group: GroupId, plan: Option<Plan>) -> Result<(), Failure> {
    let plans: BTreeSet<Plan> = if let Some(plan) = plan {
        [plan].into()
    } else {
        let records = keys::list(&from.table, Some(group)).await?;
        records.iter().filter(|record| record.status != KeyStatus::Revoked).map(|record| record.plan).collect()
    };
    for plan in plans {
        to.ensure_takes(plan).await?;
    }
    Ok(())
}

async fn settle(args: &MoveArgs) {
    // Not in the way of the answer, which is on standard output.
    let _ = writeln!(
        io::stderr().lock(),
        "The keys are held. Waiting {} for requests that were admitted before.",
        args.settle
    );
    tokio::time::sleep(args.settle.duration().unsigned_abs()).await;
}

impl MoveView<'_> {
    fn details(&self) -> String {
        let Self { group_id, from, to, .. } = self;
        let sentence = match self.outcome {
            Outcome::Moved => format!("Group {group_id} is moved: {to} admits its keys, {from} has nothing of it."),
            Outcome::AlreadyThere => format!("Group {group_id} is in {to} already."),
            Outcome::DryRun => format!("Group {group_id} would be moved from {from} to {to}; nothing was changed."),
            Outcome::Cancelled => format!("The move is called off: {from} admits the keys of group {group_id} again."),
        };
        self.items.as_ref().map_or_else(|| sentence.clone(), |items| format!("{sentence}\n\n{}", items.details()))
    }
}

impl From<Inventory> for ItemsView {
    fn from(Inventory { keys, settings, log_entries, members, answers, open }: Inventory) -> Self {
        Self { keys, settings, log_entries, members, answers, open_changes: open }
    }
}

impl ItemsView {
    fn details(&self) -> String {
        pairs(&[
            ("Keys", self.keys.to_string()),
            ("Settings and blocks", self.settings.to_string()),
            ("Log entries", self.log_entries.to_string()),
            ("Members", self.members.to_string()),
            ("Kept answers", self.answers.to_string()),
            ("Open changes", self.open_changes.to_string()),
        ])
    }
}
