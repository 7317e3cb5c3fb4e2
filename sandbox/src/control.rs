//! The hand on the sandbox, for code in the same process. [`crate::routes`] offers the same over HTTP.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::calls::{Call, CallLog};
use crate::faults::{Fault, FaultBook, Matcher, Plan};
use crate::lag::{Lag, Past};
use crate::limits::{Grant, Limiter, RateLimits};
use crate::world::{Group, Member, World};
use crate::{Assumptions, Bot, SandboxOptions};

/// Reads and changes a running sandbox. Cheap to clone; all clones speak of the same sandbox.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Changes whenever a call arrives or ends.
    calls_changed: watch::Sender<()>,
    /// Changes whenever the faults are cleared.
    faults_cleared: watch::Sender<()>,
}

pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) bots: Vec<Bot>,
    pub(crate) assumptions: Assumptions,
    /// Last pages answered, for [`crate::LastPage::Alternating`].
    pub(crate) last_pages: u64,
    pub(crate) lag: Lag,
    past: Past,
    calls: CallLog,
    faults: FaultBook,
    limiter: Limiter,
    delay: Duration,
    initial_world: World,
    initial_rate_limits: RateLimits,
}

impl State {
    /// The bot that the key belongs to.
    pub(crate) fn bot(&self, api_key: Option<&str>) -> Option<u64> {
        let key = api_key?;
        self.bots.iter().find(|bot| bot.api_key == key).map(|bot| bot.account_id)
    }

    /// Before each change of memberships: lists and answers may have to tell how they were.
    pub(crate) fn remember(&mut self) {
        self.past.remember(&self.world, self.lag);
    }

    /// The world as lists of memberships tell it.
    pub(crate) fn listed_world(&self) -> &World {
        self.past.world_before(self.lag.lists).unwrap_or(&self.world)
    }

    /// The world as the answers to writes tell it.
    pub(crate) fn answered_world(&self) -> &World {
        self.past.world_before(self.lag.answers).unwrap_or(&self.world)
    }

    pub(crate) fn take(&mut self, owner: u64, endpoint: crate::Endpoint) -> Option<Grant> {
        self.limiter.take(owner, endpoint, Instant::now())
    }
}

/// A group or role that the sandbox does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// No group of this id.
    Group(u64),
    /// The group has no role of this id.
    Role(u64),
}

impl fmt::Display for Unknown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(id) => write!(formatter, "the sandbox has no group {id}"),
            Self::Role(id) => write!(formatter, "the group has no role {id}"),
        }
    }
}

impl std::error::Error for Unknown {}

impl Control {
    pub(crate) fn new(options: SandboxOptions) -> Self {
        let state = State {
            initial_world: options.world.clone(),
            initial_rate_limits: options.rate_limits,
            world: options.world,
            bots: options.bots,
            assumptions: options.assumptions,
            last_pages: 0,
            lag: Lag::NONE,
            past: Past::default(),
            calls: CallLog::new(),
            faults: FaultBook::default(),
            limiter: Limiter::new(options.rate_limits),
            delay: Duration::ZERO,
        };
        let shared = Shared {
            state: Mutex::new(state),
            calls_changed: watch::Sender::new(()),
            faults_cleared: watch::Sender::new(()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The calls so far, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// The calls so far that fit, in order of arrival.
    pub fn calls_to(&self, matcher: &Matcher) -> Vec<Call> {
        self.state().calls.iter().filter(|call| matcher.fits(call)).cloned().collect()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.state().calls.clear();
    }

    /// Waits until `count` fitting calls have arrived (they need not have been answered) and returns them. Calls that
    /// arrived before count too, unless cleared. Never gives up: put a timeout around it.
    pub async fn arrived(&self, matcher: &Matcher, count: usize) -> Vec<Call> {
        let mut changed = self.shared.calls_changed.subscribe();
        loop {
            let calls = self.calls_to(matcher);
            if calls.len() >= count || changed.changed().await.is_err() {
                return calls;
            }
        }
    }

    /// Waits until no call is under way and returns the calls so far. Never gives up: put a timeout around it.
    pub async fn settled(&self) -> Vec<Call> {
        let mut changed = self.shared.calls_changed.subscribe();
        loop {
            let calls = self.calls();
            if calls.iter().all(|call| call.finished_us.is_some()) || changed.changed().await.is_err() {
                return calls;
            }
        }
    }

    /// Adds a fault.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.inject(fault);
    }

    /// The faults that have not been used up.
    pub fn faults(&self) -> Vec<Fault> {
        self.state().faults.list()
    }

    /// Removes all faults, and lets go of the calls that [`crate::FaultEffect::Hold`] holds.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
        self.shared.faults_cleared.send_replace(());
    }

    /// Delays every call by this much, besides the delays of faults.
    pub fn set_delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Lets the memberships in lists and in the answers to writes be so old from now on.
    pub fn set_lag(&self, lag: Lag) {
        self.state().lag = lag;
    }

    /// Lets the memberships that lists and answers tell be as if so much time had passed: for tests with a clock of their
    /// own.
    pub fn let_time_pass(&self, by: Duration) {
        self.state().past.let_time_pass(by);
    }

    /// Changes the rate limits and starts all counts anew.
    pub fn set_rate_limits(&self, rate_limits: RateLimits) {
        self.state().limiter = Limiter::new(rate_limits);
    }

    /// Changes what the sandbox assumes where Roblox says nothing.
    pub fn set_assumptions(&self, assumptions: Assumptions) {
        self.state().assumptions = assumptions;
    }

    /// Adds a bot account; its membership in groups is the world's affair.
    pub fn add_bot(&self, bot: Bot) {
        self.state().bots.push(bot);
    }

    /// Removes every bot with this key, as if the key had been deleted.
    pub fn revoke_key(&self, api_key: &str) {
        self.state().bots.retain(|bot| bot.api_key != api_key);
    }

    /// A copy of the group.
    pub fn group(&self, group: u64) -> Option<Group> {
        self.state().world.group(group).cloned()
    }

    /// Adds a group or replaces it, members included.
    pub fn put_group(&self, group: Group) {
        let mut state = self.state();
        state.remember();
        state.world.put(group);
    }

    /// Changes the name of a role, as the group's owner might at any time.
    pub fn rename_role(&self, group: u64, role: u64, name: &str) -> Result<(), Unknown> {
        self.edit_role(group, role, |role| name.clone_into(&mut role.name))
    }

    /// Changes the rank of a role, as the group's owner might at any time.
    pub fn set_role_rank(&self, group: u64, role: u64, rank: u8) -> Result<(), Unknown> {
        self.edit_role(group, role, |role| role.rank = rank)
    }

    fn edit_role(&self, group: u64, role: u64, edit: impl FnOnce(&mut crate::Role)) -> Result<(), Unknown> {
        let mut state = self.state();
        let group = state.world.group_mut(group).ok_or(Unknown::Group(group))?;
        edit(group.roles.iter_mut().find(|found| found.id == role).ok_or(Unknown::Role(role))?);
        Ok(())
    }

    /// The ids of the roles that the user holds, ascending, the base role included; `None` where the group is unknown
    /// or the user no member.
    pub fn roles_of(&self, group: u64, user: u64) -> Option<Vec<u64>> {
        self.state().world.group(group)?.members.get(&user).map(Member::role_ids)
    }

    /// The highest rank that the user holds; `None` where the group is unknown or the user no member.
    pub fn rank_of(&self, group: u64, user: u64) -> Option<u8> {
        self.state().world.group(group)?.rank_of(user)
    }

    /// Makes the user a member with exactly these roles and the base role.
    pub fn put_member(&self, group: u64, user: u64, roles: &[u64]) -> Result<(), Unknown> {
        let mut state = self.state();
        state.remember();
        let group = state.world.group_mut(group).ok_or(Unknown::Group(group))?;
        if let Some(stray) = roles.iter().find(|role| group.find_role(**role).is_none()) {
            return Err(Unknown::Role(*stray));
        }
        let base = group.base().map(|role| role.id);
        let roles: BTreeSet<u64> = roles.iter().copied().chain(base).collect();
        let now = Timestamp::now();
        let member = group.members.entry(user).or_insert_with(|| Member::with_roles(&[]));
        member.roles = roles;
        member.updated = now;
        Ok(())
    }

    /// Removes the user from the group, if they were in it.
    pub fn remove_member(&self, group: u64, user: u64) -> Result<(), Unknown> {
        let mut state = self.state();
        state.remember();
        state.world.group_mut(group).ok_or(Unknown::Group(group))?.members.remove(&user);
        Ok(())
    }

    /// Goes back to the start: the world and rate limits of the options, no calls, no faults, no delay, no lag.
    pub fn reset(&self) {
        let mut state = self.state();
        state.world = state.initial_world.clone();
        state.limiter = Limiter::new(state.initial_rate_limits);
        state.delay = Duration::ZERO;
        state.lag = Lag::NONE;
        state.past.forget();
        state.calls.clear();
        drop(state);
        self.clear_faults();
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock means that a caller's `edit` panicked; the world is still of use to the others.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs the call and says what the faults have in store for it.
    pub(crate) fn begin(&self, call: Call) -> (OpenCall, Plan, watch::Receiver<()>) {
        let cleared = self.shared.faults_cleared.subscribe();
        let mut state = self.state();
        let mut plan = state.faults.plan(&call);
        plan.delay += state.delay;
        let number = state.calls.begin(call);
        drop(state);
        self.shared.calls_changed.send_replace(());
        (OpenCall { control: self.clone(), number, status: None }, plan, cleared)
    }
}

/// A call that is under way. Closes the log's entry however the call ends, the client's hanging up included.
pub(crate) struct OpenCall {
    control: Control,
    number: u64,
    pub(crate) status: Option<u16>,
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.control.state().calls.finish(self.number, self.status);
        self.control.shared.calls_changed.send_replace(());
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Control").finish_non_exhaustive()
    }
}
