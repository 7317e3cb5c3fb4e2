//! Set rank, promote, demote, undo: one use case, because they differ only in how the target is found.
//!
//! The order of things, and why. Everything that the database knows is read beside the admission. Then Roblox is
//! asked, the rules are applied, and only a change that has something to write claims the member: on condition that
//! no other change has held them since they were looked at. The claim carries all that is to be done, so whoever
//! finds it abandoned can put things right. Then Roblox is written to, and the outcome is recorded.

use std::time::Duration;

use jiff::Timestamp;

use super::App;
use super::admission::{Done, Metered};
use super::apply::{Begun, NotApplied, Writer};
use super::deadline::Deadline;
use super::error::AppError;
use super::lease::{Lease, Patience, held_until, wait_for};
use super::ports::{
    Claim, ClaimConflict, Claimed, Errand, LoadedChange, Member, OpenChange, Roblox, RoleList, Store, Verdict,
};
use super::record::Kept;
use super::recover::once_put_right;
use super::repetition::rescue;
use super::role_lists::KnownRoles;
use super::rules::{Decision, judge};
use crate::domain::api_key::ApiKey;
use crate::domain::audit::{Intent, LogEntry, LoggedAction, Outcome};
use crate::domain::hold::is_ahead;
use crate::domain::id::{GroupId, UserId};
use crate::domain::idempotency::{Idempotency, IdempotencyKey, StoredAnswer};
use crate::domain::key_record::{Demand, KeyRecord};
use crate::domain::ladder::Role;
use crate::domain::log_id::LogId;
use crate::domain::plan::Plan;
use crate::domain::rank_change::{Action, Conditions, Mode, Movement, RankChange, Reason};
use crate::domain::recent_writes::RecentWrites;
use crate::domain::role_change::{HeldRoles, RoleChange};

/// The plans that may demote.
pub const DEMOTING_PLANS: &[Plan] = &[Plan::Pro, Plan::Max];

/// A change starts over when the member, their key or the roles turn out to be others than it saw; not for ever.
const MOST_ROUNDS: u32 = 12;

/// How a rank change ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The member stands at the target; in a dry run, would stand there.
    AtTarget,
    /// A promotion of someone who stands at the top of the ladder: nothing to do.
    AlreadyHighest,
    /// A demotion of someone who stands at its foot: nothing to do.
    AlreadyLowest,
    /// The member stands above the target, and was not to be lowered.
    Kept,
}

impl Ending {
    /// Whether the caller has what they asked for. Only such an answer is kept for a repetition: the end of the ladder may
    /// be another one a minute later.
    pub const fn is_success(self) -> bool {
        match self {
            Self::AtTarget | Self::Kept => true,
            Self::AlreadyHighest | Self::AlreadyLowest => false,
        }
    }
}

/// The answer to a rank change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankChanged {
    /// Names this change in the log.
    pub log_id: LogId,
    /// The group.
    pub group: GroupId,
    /// The member.
    pub user: UserId,
    /// What was asked for.
    pub action: LoggedAction,
    /// Where the member stood before.
    pub from: Role,
    /// Where the member stands now.
    pub to: Role,
    /// Whether any role was added or removed; in a dry run, whether any would be.
    pub changed: bool,
    /// How it ended.
    pub ending: Ending,
    /// Whether Roblox was written to.
    pub mode: Mode,
    /// The entry that was undone.
    pub undoes: Option<LogId>,
}

/// A rank change's answer: new, or the one that the same request had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeAnswer {
    /// New.
    Fresh(RankChanged),
    /// Kept from the first time, to be given word for word.
    Replayed(StoredAnswer),
}

/// Turns a success into the words that are kept for a repetition of the request.
pub type Render<'a> = &'a (dyn Fn(&RankChanged) -> StoredAnswer + Send + Sync);

/// Where a change leads.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    /// Along the ladder.
    Move {
        /// Which way.
        movement: Movement,
        /// And only if.
        conditions: Conditions,
    },
    /// Back to the roles before this entry.
    Undo {
        entry: Box<LogEntry>,
        /// Also if they were changed since.
        force: bool,
    },
}

/// One change under way.
pub(super) struct Job<'a> {
    pub(super) key: KeyRecord,
    pub(super) member: Member,
    pub(super) wish: Wish,
    pub(super) reason: Option<Reason>,
    pub(super) actor: Option<UserId>,
    pub(super) mode: Mode,
    pub(super) idempotency: Option<Idempotency>,
    pub(super) began: Timestamp,
    pub(super) deadline: Deadline,
    pub(super) render: Render<'a>,
}

/// What a round came to.
enum Round {
    Over(Box<Done<ChangeAnswer>>),
    /// Something has moved: look again.
    Again,
    /// The remembered roles were wrong, and have been read again: look again.
    AgainWithNewRoles,
    /// What the last change left on cannot be taken off by itself: look again, and take it along.
    AgainWithLeftovers,
}

/// Whether a change may go on to the member.
enum Way {
    /// Nobody holds them, or `over` does: a finished change whose leftovers this one takes along.
    Free { over: Option<LogId> },
    /// Somebody did.
    Barred(Round),
}

/// A claim that is about to be laid.
struct Claiming<'a> {
    intent: Intent,
    /// The version of the member that was looked at.
    seen: Option<LogId>,
    over: Option<LogId>,
    /// What was written to them of late.
    recent: &'a RecentWrites,
}

/// What this request has learnt in the rounds before.
#[derive(Debug, Clone, Copy, Default)]
struct Learnt {
    /// The roles were read from Roblox because Roblox refused the target: once is enough.
    roles_read_again: bool,
    /// Roblox would not let the roles be taken off that a finished change has left on.
    leftovers_stay: bool,
}

impl Round {
    fn over(done: Done<ChangeAnswer>) -> Self {
        Self::Over(Box::new(done))
    }
}

impl<S: Store, R: Roblox> App<S, R> {
    /// Changes a member's rank, as asked or not at all, once.
    pub async fn change_rank(
        &self,
        key: &ApiKey,
        request: RankChange,
        idempotency: Option<IdempotencyKey>,
        render: Render<'_>,
    ) -> Metered<ChangeAnswer> {
        let (began, deadline) = (self.now(), Deadline::for_request());
        let idempotency = idempotency.map(|key| Idempotency { key, request: request.hash() });
        let demand = Demand {
            group: Some(request.group),
            plans: match request.movement.action() {
                Action::Demote => Some(DEMOTING_PLANS),
                Action::SetRank | Action::Promote => None,
            },
            target: request.movement.named_rank(),
            under: idempotency.clone(),
        };
        let member = Member { group: request.group, user: request.user };
        let slot = idempotency.as_ref().map(|idempotency| (key.id(), &idempotency.key));
        let loading = self.store.load_change(member, slot);
        let known = |loaded: &LoadedChange| rescue(loaded.answer.as_ref(), idempotency.as_ref(), began);
        self.metered(key, demand, loading, known, |record, loaded| async {
            let job = Job {
                key: record,
                member,
                wish: Wish::Move { movement: request.movement.clone(), conditions: request.conditions },
                reason: request.reason.clone(),
                actor: request.actor,
                mode: request.mode,
                idempotency: idempotency.clone(),
                began,
                deadline,
                render,
            };
            self.perform(&job, loaded).await
        })
        .await
    }

    /// Runs the change round by round until it is over.
    pub(super) async fn perform(
        &self,
        job: &Job<'_>,
        mut loaded: LoadedChange,
    ) -> Result<Done<ChangeAnswer>, AppError> {
        let mut patience = Patience::new();
        let mut learnt = Learnt::default();
        for _ in 0..MOST_ROUNDS {
            match Box::pin(self.round(job, &loaded, learnt)).await {
                Ok(Round::Over(done)) => return Ok(*done),
                Ok(Round::Again) => {}
                Ok(Round::AgainWithNewRoles) => learnt.roles_read_again = true,
                Ok(Round::AgainWithLeftovers) => learnt.leftovers_stay = true,
                Err(error @ (AppError::RankChangeInProgress { .. } | AppError::LastChangeNotShown { .. })) => {
                    if !patience.pause().await {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            let slot = job.idempotency.as_ref().map(|idempotency| (&job.key.key_id, &idempotency.key));
            let loading = Box::pin(self.store.load_change(job.member, slot));
            loaded = match job.deadline.bound("load change", loading).await {
                // Others were in the way for as long as there was time.
                Err(_) if job.deadline.remaining().is_zero() => break,
                loading => loading?,
            };
        }
        Err(AppError::RankChangeInProgress { retry_after: Duration::from_secs(1) })
    }

    async fn round(&self, job: &Job<'_>, loaded: &LoadedChange, learnt: Learnt) -> Result<Round, AppError> {
        let now = self.now();
        if let Some(done) = Box::pin(self.known_already(job, loaded.answer.as_ref(), now)).await? {
            return Ok(Round::over(done));
        }
        if let Some(block) = loaded.block.as_ref().filter(|block| block.holds_at(now)) {
            return Err(AppError::UserBlocked { until: block.until });
        }
        let errand = Errand { bot: loaded.group.settings.bot.clone(), deadline: job.deadline };
        let over = match Box::pin(self.make_way(job, loaded, learnt, &errand)).await? {
            Way::Free { over } => over,
            Way::Barred(round) => return Ok(round),
        };
        let log_id = self.log_id_after(loaded.member.version)?;
        let (roles, decision) = Box::pin(self.decide(job, loaded, &errand)).await?;
        if job.mode == Mode::DryRun || decision.change.is_empty() {
            return Ok(self.without_writing(job, log_id, decision).await);
        }
        let intent = job.intent(log_id, decision.change);
        let claiming = Claiming { intent, seen: loaded.member.version, over, recent: &loaded.member.recent };
        Box::pin(self.claim_and_write(job, claiming, &errand, roles.may_be_outdated() && !learnt.roles_read_again))
            .await
    }

    /// What is to be done about the change that holds the member, if one does.
    async fn make_way(
        &self,
        job: &Job<'_>,
        loaded: &LoadedChange,
        learnt: Learnt,
        errand: &Errand,
    ) -> Result<Way, AppError> {
        let now = self.now();
        let Some(open) = &loaded.member.open else { return Ok(Way::Free { over: None }) };
        if is_ahead(open.until, now) {
            return Err(Box::pin(self.shortened(open, now)).await);
        }
        if held_until(open) > now {
            return Err(AppError::RankChangeInProgress { retry_after: wait_for(held_until(open), now) });
        }
        if job.mode == Mode::DryRun {
            return Ok(Way::Free { over: None });
        }
        let is_done = open.verdict == Verdict::Succeeded;
        if learnt.leftovers_stay && is_done && Box::pin(self.is_on_record(job, open, now)).await? {
            return Ok(Way::Free { over: Some(open.holder) });
        }
        Box::pin(self.behind_an_abandoned(job, open, errand, now)).await.map(Way::Barred)
    }

    /// `roles_may_be_wrong`: if Roblox rejects the target, the list that it was taken from is read again.
    async fn claim_and_write(
        &self,
        job: &Job<'_>,
        claiming: Claiming<'_>,
        errand: &Errand,
        roles_may_be_wrong: bool,
    ) -> Result<Round, AppError> {
        let Claiming { intent, seen, over, recent } = claiming;
        let lease = Lease::new(self.clock.clone());
        let (holder, until, now) = (intent.log_id, lease.until, self.now());
        let claim = Claim { holder, until, intent: &intent, seen, over, recent, now };
        let mut claimed = match job.deadline.bound("claim member", Box::pin(self.store.claim(&claim))).await {
            Ok(claimed) => claimed,
            Err(ClaimConflict::Member | ClaimConflict::Idempotency) => return Ok(Round::Again),
            Err(ClaimConflict::Store(error)) => {
                if job.deadline.remaining().is_zero() {
                    // It was given up half-way: what may have been laid is taken off here.
                    let (member, covers_another, recent) = (job.member, over.is_some(), recent.clone());
                    let laid = Claimed { member, holder, until, covers_another, recent };
                    self.record_nothing(job, &intent, &laid).await;
                }
                return Err(error.into());
            }
        };
        let writer = Writer::new(&self.roblox, job.member, &lease, errand);
        let applied = Box::pin(writer.apply(&intent.change, Begun::Not)).await;
        claimed.recent = claimed.recent.and(writer.sent(), self.now());
        match applied {
            // The remembered roles were wrong about the target, which was deleted or made anew since.
            Err(NotApplied::TargetRejected(_)) if roles_may_be_wrong => {
                self.record_nothing(job, &intent, &claimed).await;
                self.refreshed_roles(job.member.group, errand).await?;
                Ok(Round::AgainWithNewRoles)
            }
            applied => {
                let answer = Box::pin(self.record(job, intent, &claimed, applied)).await?;
                Ok(Round::over(Done::Counted(ChangeAnswer::Fresh(answer))))
            }
        }
    }

    /// Another change has left the member half-done: put it right.
    async fn behind_an_abandoned(
        &self,
        job: &Job<'_>,
        open: &OpenChange,
        errand: &Errand,
        now: Timestamp,
    ) -> Result<Round, AppError> {
        let same = |intent: &Intent| intent.key_id == job.key.key_id && intent.idempotency == job.idempotency;
        let begun = job.idempotency.is_some() && same(&open.intent);
        // A failure that is on record stays one: the same request is another change then.
        if begun && !self.is_on_record(job, open, now).await? {
            let finished = Box::pin(self.finish_own(job, open, errand)).await?;
            return Ok(finished.map_or(Round::Again, |done| Round::over(Done::Counted(ChangeAnswer::Fresh(done)))));
        }
        match Box::pin(self.recover(open, errand)).await {
            // The caller was told a success, and is not to wait for roles that do not matter to the member's rank.
            Err(AppError::Roblox(_)) if open.verdict == Verdict::Succeeded => Ok(Round::AgainWithLeftovers),
            recovered => recovered.map(|()| Round::Again),
        }
    }

    async fn is_on_record(&self, job: &Job<'_>, open: &OpenChange, now: Timestamp) -> Result<bool, AppError> {
        let reading = Box::pin(self.store.entry(job.member.group, open.intent.log_id, now));
        Ok(job.deadline.bound("read log entry", reading).await?.is_some())
    }

    /// Reads what must be known and applies the rules. A target that a remembered list lacks, or has twice, is looked
    /// for once more in Roblox's own.
    async fn decide(
        &self,
        job: &Job<'_>,
        loaded: &LoadedChange,
        errand: &Errand,
    ) -> Result<(KnownRoles, Decision), AppError> {
        let stored: Option<RoleList> = loaded.group.roles.clone();
        let (roles, held) = self.standing(job.member, stored, recent_of(job, loaded), errand).await?;
        let judge = |roles: &KnownRoles, held: &HeldRoles| match abandoned(job, loaded) {
            Some(open) => {
                judge(job, loaded, roles.ladder(), &held.as_if(roles.ladder(), |ids| once_put_right(open, ids)))
            }
            None => judge(job, loaded, roles.ladder(), held),
        };
        match judge(&roles, &held) {
            Err(AppError::RoleNotFound { .. } | AppError::AmbiguousRole { .. }) if roles.may_lack_a_target() => {
                let roles = self.refreshed_roles(job.member.group, errand).await?;
                // Where the member stands is told by the same list: a held role may have another rank by now.
                let (roles, held) = self.look_up(job.member.group, &held.ids(), roles, errand).await?;
                let decision = judge(&roles, &held)?;
                Ok((roles, decision))
            }
            decision => decision.map(|decision| (roles, decision)),
        }
    }
}

/// What a dry run finds half-done, and leaves so.
const fn abandoned<'a>(job: &Job<'_>, loaded: &'a LoadedChange) -> Option<&'a OpenChange> {
    match job.mode {
        Mode::DryRun => loaded.member.open.as_ref(),
        Mode::Apply => None,
    }
}

/// What a reading of the member is held against. Where a dry run leaves something half-done, that tells nothing: what is
/// open may have been written, and may not.
fn recent_of<'a>(job: &Job<'_>, loaded: &'a LoadedChange) -> &'a RecentWrites {
    const NONE: &RecentWrites = &RecentWrites::NONE;
    if abandoned(job, loaded).is_some() { NONE } else { &loaded.member.recent }
}

impl Job<'_> {
    fn action(&self) -> LoggedAction {
        match &self.wish {
            Wish::Move { movement, .. } => movement.action().into(),
            Wish::Undo { .. } => LoggedAction::Undo,
        }
    }

    fn undoes(&self) -> Option<LogId> {
        match &self.wish {
            Wish::Move { .. } => None,
            Wish::Undo { entry, .. } => Some(entry.intent.log_id),
        }
    }

    pub(super) fn intent(&self, log_id: LogId, change: RoleChange) -> Intent {
        Intent {
            log_id,
            key_id: self.key.key_id.clone(),
            plan: self.key.plan,
            group: self.member.group,
            user: self.member.user,
            action: self.action(),
            reason: self.reason.clone(),
            actor: self.actor,
            undoes: self.undoes(),
            change,
            idempotency: self.idempotency.clone(),
        }
    }

    /// The answer to a change that ended so.
    pub(super) fn answer(&self, intent: &Intent, ending: Ending) -> RankChanged {
        RankChanged {
            log_id: intent.log_id,
            group: intent.group,
            user: intent.user,
            action: intent.action,
            from: intent.change.from.clone(),
            to: intent.change.to.clone(),
            changed: !intent.change.is_empty(),
            ending,
            mode: self.mode,
            undoes: intent.undoes,
        }
    }
}

impl<S: Store, R: Roblox> App<S, R> {
    /// A change that writes nothing to Roblox: it is recorded, unless it is a dry run, and needs no claim.
    async fn without_writing(&self, job: &Job<'_>, log_id: LogId, decision: Decision) -> Round {
        let Decision { change, ending } = decision;
        let intent = job.intent(log_id, change);
        let answer = job.answer(&intent, ending);
        let outcome = match (job.mode, ending) {
            (Mode::DryRun, _) => None,
            (Mode::Apply, Ending::AtTarget | Ending::Kept) => Some(Outcome::Unchanged),
            (Mode::Apply, Ending::AlreadyHighest) => Some(Outcome::AlreadyHighest),
            (Mode::Apply, Ending::AlreadyLowest) => Some(Outcome::AlreadyLowest),
        };
        match self.record_without_claim(job, &intent, outcome, &answer).await {
            Kept::Own => Round::over(Done::Counted(ChangeAnswer::Fresh(answer))),
            Kept::ByAnother => Round::Again,
        }
    }
}
