//! Whole histories against a model: changes, retries, undo, crashes, faults and sweeps in random order over three members.
//!
//! `RANKBOT_TEST_HISTORIES` says how many; a failure prints the shortest history that fails.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rankbot_sandbox::demo::role;
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Lag, Matcher, Timing};
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, Moment, Operation, RecordedCall, StoreFault};

use crate::invariants::LEASE_S;
use crate::world::{Answer, Ask, GROUP, World};

const MEMBERS: [u64; 3] = [300_001, 300_002, 300_003];
/// The ranks below the bot's, from the base role up.
const LADDER: [u8; 10] = [1, 10, 15, 20, 35, 50, 80, 120, 150, 200];
const HISTORIES: &str = "RANKBOT_TEST_HISTORIES";

#[derive(Debug, Clone, Copy)]
enum Change {
    Set(u8),
    Promote,
    Demote,
    /// Of the member's last change that was answered with success.
    UndoLast,
}

/// What goes wrong with the next request.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    None,
    /// Roblox refuses to assign; to unassign.
    Refused(Endpoint),
    /// A write takes effect, and its answer is lost.
    LostAnswer(Endpoint),
    /// Roblox goes away for good from this call on.
    GoneFrom(u32),
    /// The process dies with this write under way.
    Crash(Endpoint, Timing),
    /// The process dies while the change's end is written down: before both its parts are there, or after.
    CrashAtTheEnd(Moment),
    /// The database does not take the change's end.
    EndNotRecorded,
}

#[derive(Debug, Clone)]
enum Step {
    Change {
        member: usize,
        change: Change,
        trouble: Trouble,
        then_again: bool,
    },
    /// Several changes of one member, none waiting for another.
    AtOnce {
        member: usize,
        changes: Vec<Change>,
    },
    Sweep,
    ColdStart,
}

/// How old what Roblox tells is.
fn lags() -> impl Strategy<Value = Lag> {
    const fn lag(lists_ms: u64, answers_ms: u64) -> Just<Lag> {
        Just(Lag { lists: Duration::from_millis(lists_ms), answers: Duration::from_millis(answers_ms) })
    }
    prop_oneof![2 => lag(0, 0), 1 => lag(200, 0), 1 => lag(200, 200)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = prop_oneof![Just(Endpoint::AssignRole), Just(Endpoint::UnassignRole)];
    let timing = prop_oneof![Just(Timing::Before), Just(Timing::After)];
    let change = prop_oneof![
        2 => prop::sample::select(&LADDER[..]).prop_map(Change::Set),
        3 => Just(Change::Promote),
        2 => Just(Change::Demote),
        2 => Just(Change::UndoLast),
    ];
    let trouble = prop_oneof![
        4 => Just(Trouble::None),
        1 => write.clone().prop_map(Trouble::Refused),
        1 => write.clone().prop_map(Trouble::LostAnswer),
        1 => (2_u32..6).prop_map(Trouble::GoneFrom),
        2 => (write, timing).prop_map(|(write, timing)| Trouble::Crash(write, timing)),
        2 => prop_oneof![Just(Moment::BeforeEffect), Just(Moment::AfterEffect)].prop_map(Trouble::CrashAtTheEnd),
        1 => Just(Trouble::EndNotRecorded),
    ];
    let one = (0..MEMBERS.len(), change, trouble, any::<bool>())
        .prop_map(|(member, change, trouble, then_again)| Step::Change { member, change, trouble, then_again });
    let moving = prop_oneof![
        1 => prop::sample::select(&LADDER[..]).prop_map(Change::Set),
        2 => Just(Change::Promote),
        1 => Just(Change::Demote),
    ];
    let at_once = (0..MEMBERS.len(), prop::collection::vec(moving, 2..5))
        .prop_map(|(member, changes)| Step::AtOnce { member, changes });
    let step = prop_oneof![8 => one, 2 => at_once, 1 => Just(Step::Sweep), 1 => Just(Step::ColdStart)];
    prop::collection::vec(step, 4..14)
}

/// What must be true of a member.
#[derive(Debug, Clone)]
struct Modelled {
    rank: u8,
    /// Where a crashed change may have led: the next reading decides.
    perhaps: Option<u8>,
    /// The last change that was answered with success, and where it began.
    last: Option<(String, u8)>,
}

struct History {
    world: World,
    model: BTreeMap<u64, Modelled>,
    requests: usize,
    /// Answers that count.
    counted: u64,
    crashes: u64,
    /// The changes answered with success, by log id: member, from, to.
    done: BTreeMap<String, (u64, u64, u64)>,
}

impl History {
    async fn start(lag: Lag) -> Self {
        let world = World::warm().await;
        for member in MEMBERS {
            world.roblox.put_member(GROUP, member, &[role::CABIN_CREW]).unwrap();
        }
        world.roblox.set_lag(lag);
        let model = MEMBERS.map(|member| (member, Modelled { rank: 20, perhaps: None, last: None })).into();
        Self { world, model, requests: 0, counted: 0, crashes: 0, done: BTreeMap::new() }
    }

    async fn run(mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Sweep => {
                    self.world.pass(LEASE_S);
                    self.world.sweep().await;
                    self.settle();
                }
                Step::ColdStart => self.world.cold_start(),
                Step::Change { member, change, trouble, then_again } => {
                    self.change(MEMBERS[member], change, trouble, then_again).await;
                }
                Step::AtOnce { member, changes } => self.at_once(MEMBERS[member], &changes).await,
            }
        }
        self.check_end().await;
    }

    async fn change(&mut self, member: u64, change: Change, trouble: Trouble, then_again: bool) {
        let Some(ask) = self.ask(member, change) else { return };
        self.let_a_crashs_lease_end(member);
        let first = self.send(&ask, trouble).await;
        self.world.roblox.clear_faults();
        self.world.store.heal();
        let again = if first.as_ref().is_none_or(|first| first.status != 200) && then_again {
            self.world.pass(LEASE_S);
            let ask = ask.by_a_new_process(&self.world);
            Some(ask.send().await)
        } else {
            None
        };
        for answer in first.iter().chain(&again) {
            // An undo of a change whose entry is still to be written finds none, and counts.
            self.counted += u64::from(answer.counts() || answer.code() == Some("LOG_NOT_FOUND"));
        }
        let healthy = matches!(trouble, Trouble::None) || again.is_some();
        match again.or(first) {
            Some(answer) => {
                assert!(!healthy || may_answer(change, &answer), "nothing was in the way of {change:?}: {answer:?}");
                self.answered(member, change, &answer);
            }
            None => self.crashed(member, change),
        }
    }

    /// Whatever a crash has left is seen to by the next request, before it looks where the member stands. After any other end
    /// the next request comes at once.
    fn let_a_crashs_lease_end(&self, member: u64) {
        if self.model[&member].perhaps.is_some() {
            self.world.pass(LEASE_S);
        }
    }

    /// A request of its own; `None` if there is nothing to undo.
    fn ask(&mut self, member: u64, change: Change) -> Option<Ask> {
        self.requests += 1;
        let ask = match (change, &self.model[&member].last) {
            (Change::Set(rank), _) => self.world.set_rank(member, rank),
            (Change::Promote, _) => self.world.change("promote", member),
            (Change::Demote, _) => self.world.change("demote", member),
            (Change::UndoLast, Some((log_id, _))) => self.world.undo(log_id),
            (Change::UndoLast, None) => return None,
        };
        Some(ask.once(&format!("request-{}", self.requests)))
    }

    /// They are made one after the other, in the order of their log ids; or are told to come back.
    async fn at_once(&mut self, member: u64, changes: &[Change]) {
        self.let_a_crashs_lease_end(member);
        let asks: Vec<_> = changes.iter().map(|change| self.ask(member, *change).unwrap()).collect();
        let answers = join_all(asks.into_iter().map(Ask::send)).await;
        self.counted += answers.iter().filter(|answer| answer.counts()).count() as u64;
        let mut made = Vec::new();
        for (change, answer) in changes.iter().zip(&answers) {
            let in_progress = answer.code() == Some("RANK_CHANGE_IN_PROGRESS");
            assert!(in_progress || may_answer(*change, answer), "{change:?}: {answer:?}");
            made.extend((answer.status == 200 && answer.body["changed"] == true).then_some((change, answer)));
        }
        made.sort_by_key(|(_, answer)| answer.log_id().to_owned());
        for (change, answer) in made {
            self.answered(member, *change, answer);
        }
    }

    async fn send(&mut self, ask: &Ask, trouble: Trouble) -> Option<Answer> {
        let roblox = &self.world.roblox;
        match trouble {
            Trouble::None => {}
            Trouble::Refused(on) => roblox.inject(Fault::new(Matcher::endpoint(on), FaultEffect::status(403))),
            Trouble::LostAnswer(on) => {
                roblox.inject(Fault::new(Matcher::endpoint(on), FaultEffect::status_after(500)).once());
            }
            Trouble::GoneFrom(nth) => roblox.inject(Fault::new(Matcher::any().nth(nth), FaultEffect::status(503))),
            Trouble::Crash(on, timing) => {
                roblox.inject(Fault::new(Matcher::endpoint(on), FaultEffect::Hang(timing)).once());
                roblox.clear_calls();
                let mut running = ask.clone().start();
                let write = Matcher::endpoint(on);
                tokio::select! {
                    // A change that makes no such write ends as ever.
                    answer = &mut running => return Some(answer.unwrap()),
                    _ = roblox.arrived(&write, 1) => {}
                }
                running.abort();
                assert!(running.await.is_err_and(|error| error.is_cancelled()));
                roblox.settled().await;
                self.crashes += 1;
                return None;
            }
            Trouble::CrashAtTheEnd(moment) => return self.crash_at_the_end(ask, moment).await,
            Trouble::EndNotRecorded => {
                let refused = Effect::Error(ErrorReply::access_denied());
                self.world.store.inject(StoreFault::before(CallMatch::of(Operation::TransactWriteItems), refused));
            }
        }
        Some(ask.clone().send().await)
    }

    async fn crash_at_the_end(&mut self, ask: &Ask, moment: Moment) -> Option<Answer> {
        let mut gate = self.world.store.gate(CallMatch::of(Operation::TransactWriteItems), moment);
        let mut running = ask.clone().start();
        tokio::select! {
            // A change that writes nothing to Roblox has no such end.
            answer = &mut running => return Some(answer.unwrap()),
            _ = gate.reached() => {}
        }
        // What was sent beside it arrives.
        let all_but_one = |calls: &[RecordedCall]| calls.iter().filter(|call| call.finished_us.is_none()).count() <= 1;
        self.world.store.wait_until(all_but_one).await;
        running.abort();
        assert!(running.await.is_err_and(|error| error.is_cancelled()));
        gate.abandon();
        self.crashes += 1;
        None
    }

    /// Where the change leads from `rank`. The next step after the last is the bot's own role, which Roblox refuses.
    fn target(&self, member: u64, change: Change, rank: u8) -> u8 {
        let place = LADDER.iter().position(|step| *step == rank).unwrap();
        match change {
            Change::Set(target) => target,
            Change::Promote => LADDER[place.saturating_add(1).min(LADDER.len() - 1)],
            Change::Demote => LADDER[place.saturating_sub(1)],
            Change::UndoLast => self.model[&member].last.as_ref().unwrap().1,
        }
    }

    fn answered(&mut self, member: u64, change: Change, answer: &Answer) {
        let known = self.model[&member].clone();
        if answer.status != 200 {
            // Refused, or failed: nothing has changed; a crashed change before it is settled or not.
            assert!(answer.status >= 400, "{}", answer.body);
            return;
        }
        let (from, to) = answer.ranks();
        let from = u8::try_from(from).unwrap();
        assert!(from == known.rank || known.perhaps == Some(from), "{answer:?} after {known:?}");
        let expected = self.target(member, change, from);
        assert_eq!(to, u64::from(expected), "{change:?}: {}", answer.body);
        let mut last = known.last;
        if answer.body["changed"] == true {
            self.done.insert(answer.log_id().to_owned(), (member, from.into(), to));
            last = Some((answer.log_id().to_owned(), from));
        }
        self.model.insert(member, Modelled { rank: expected, perhaps: None, last });
    }

    fn crashed(&mut self, member: u64, change: Change) {
        // A crash on top of a crash: the first one was settled by the second request, and Roblox tells how.
        let (from, to) = self.settled_rank(member, change);
        let last = self.model[&member].last.clone();
        self.model.insert(member, Modelled { rank: from, perhaps: Some(to), last });
    }

    /// Before and after a crashed change, told from where the member stands: the change's own start is what was known.
    fn settled_rank(&self, member: u64, change: Change) -> (u8, u8) {
        let known = &self.model[&member];
        let now = self.world.rank_of(member);
        for from in [Some(known.rank), known.perhaps].into_iter().flatten() {
            let to = self.target(member, change, from);
            if now == from || now == to {
                return (from, to);
            }
        }
        panic!("I1: {member} stands at {now} after {known:?} and a crashed {change:?}");
    }

    /// Everything is put right: each member stands where the model says, or where a crashed change led.
    fn settle(&mut self) {
        for (member, known) in &mut self.model {
            let rank = self.world.rank_of(*member);
            assert!(rank == known.rank || known.perhaps == Some(rank), "{member} stands at {rank}: {known:?}");
            known.rank = rank;
            known.perhaps = None;
        }
    }

    async fn check_end(mut self) {
        self.world.pass(LEASE_S);
        self.world.sweep().await;
        self.settle();
        assert_eq!(self.world.sweep().await, 0);
        let log = self.world.changes_logged().await;
        let mut ranks: BTreeMap<u64, u64> = MEMBERS.map(|member| (member, 20)).into();
        for entry in &log {
            let member = entry["userId"].as_u64().unwrap();
            assert_eq!(entry["fromRank"], ranks[&member], "I6: {entry}");
            ranks.insert(member, entry["toRank"].as_u64().unwrap());
        }
        for member in MEMBERS {
            assert_eq!(u64::from(self.world.rank_of(member)), ranks[&member], "I6: the log leads to where they stand");
            let held = self.world.roles_of(member).len();
            assert_eq!(held, if ranks[&member] == 1 { 1 } else { 2 }, "I1");
        }
        for (log_id, (member, from, to)) in &self.done {
            let told = log.iter().filter(|entry| entry["logId"] == **log_id);
            let told: Vec<_> = told.map(|entry| (&entry["userId"], &entry["fromRank"], &entry["toRank"])).collect();
            assert_eq!(told, [(&(*member).into(), &(*from).into(), &(*to).into())], "I2");
        }
        let used = self.world.used(self.world.key(Plan::Pro)).await;
        assert!((self.counted..=self.counted + self.crashes).contains(&used), "I4: {used}, {}", self.counted);
    }
}

/// What a request is answered whom nothing stands in the way of.
fn may_answer(change: Change, answer: &Answer) -> bool {
    let refusal = match change {
        // The next step may be the bot's own role.
        Change::Promote => answer.code() == Some("ROBLOX_PERMISSION_DENIED"),
        // Of a change whose entry is still to be written, or of a member who was moved since.
        Change::UndoLast => matches!(answer.code(), Some("CHANGED_SINCE" | "LOG_NOT_FOUND")),
        Change::Set(_) | Change::Demote => false,
    };
    answer.status == 200 || refusal
}

#[test]
fn every_history_agrees_with_the_model() {
    let cases = std::env::var(HISTORIES).map_or(12, |count| count.parse().unwrap());
    let config = Config { cases, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&(lags(), steps()), move |(lag, steps)| {
        // A runtime for each: its connections end with it.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let history = async move { tokio::spawn(async move { History::start(lag).await.run(steps).await }).await };
        runtime.block_on(history).map_err(|error| TestCaseError::fail(error.to_string()))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
