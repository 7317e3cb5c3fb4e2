//! Processes that die between any two calls: whoever comes next puts things right, and one request is one change.

use rankbot_sandbox::{Fault, FaultEffect, Matcher, Timing};
use rankbot_store::testing::Moment;

use crate::fault_matrix::{StoreCall, calls_of, matcher, run_all};
use crate::invariants::LEASE_S;
use crate::scenario::{Arranged, Scenario, USER};
use crate::world::{Ask, World};

/// Where the process dies: with this call under way, which has taken effect or never will.
#[derive(Debug, Clone)]
enum At {
    Store(StoreCall, Moment),
    Roblox(Matcher, Timing),
}

/// Who comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Sweep,
    SameRequest,
    OtherChange,
}

#[derive(Debug, Clone)]
struct Case {
    scenario: Scenario,
    at: At,
    next: Next,
}

impl Case {
    async fn run(self) {
        let (mut world, arranged) = self.scenario.arrange().await;
        self.crash(&world, &arranged).await;
        world.check_rank(&arranged);
        world.roblox.clear_faults();
        world.cold_start();
        world.pass(LEASE_S);
        match self.next {
            Next::Sweep => {
                world.sweep().await;
                let reached = world.check_roles(&arranged);
                let told = arranged.changes(&world).await.len();
                assert_eq!(told, usize::from(reached), "I6: the log tells what happened");
                self.finish(&world, &arranged).await;
            }
            Next::SameRequest if self.scenario.has_a_key() => self.finish(&world, &arranged).await,
            // Without a key it is another request, which goes on from wherever the first one has come to.
            Next::SameRequest => {
                let again = ask(&world, &arranged).await;
                world.sweep().await;
                let expected = 1 + usize::from(
                    u64::from(self.scenario.ranks().1) == again.ranks().0 && again.body["changed"] == true,
                );
                let told = arranged.changes(&world).await;
                assert!((1..=expected).contains(&told.len()), "I6: {told:#?}");
                assert_eq!(u64::from(world.rank_of(USER)), again.ranks().1);
            }
            Next::OtherChange => {
                let other = world.set_rank(USER, 120).send().await;
                assert_eq!(other.success()["changed"], true);
                let from = other.ranks().0;
                let (before, after) = self.scenario.ranks();
                assert!(from == u64::from(before) || from == u64::from(after), "I1: {from}");
                let told = arranged.changes(&world).await;
                let ranks: Vec<_> =
                    told.iter().map(|entry| (entry["fromRank"].as_u64(), entry["toRank"].as_u64())).collect();
                let first = (Some(u64::from(before)), Some(u64::from(after)));
                let second = (Some(from), Some(120));
                let made = if before == after { ranks.len() == 2 } else { from == u64::from(after) };
                assert_eq!(ranks, if made { vec![first, second] } else { vec![second] }, "I6");
                assert_eq!(world.sweep().await, 0);
            }
        }
    }

    /// The same request again: one change in all.
    async fn finish(&self, world: &World, arranged: &Arranged) {
        if self.scenario.has_a_key() {
            ask(world, arranged).await;
        } else {
            world.set_rank(USER, self.scenario.ranks().1).send().await.success();
        }
        world.sweep().await;
        assert!(world.check_roles(arranged), "I3");
        assert_eq!(arranged.changes(world).await.len(), 1, "I3, I6: {:#?}", world.log().await);
        assert_eq!(world.sweep().await, 0);
        world.check_counter(arranged, 1, 1, 2).await;
    }

    async fn crash(&self, world: &World, arranged: &Arranged) {
        match &self.at {
            At::Store(call, moment) => die_at_the_store(world, arranged.ask.clone(), call, *moment).await,
            At::Roblox(matcher, timing) => {
                world.roblox.inject(Fault::new(matcher.clone(), FaultEffect::Hang(*timing)).once());
                let count = matcher.nth.unwrap() as usize;
                let running = arranged.ask.clone().start();
                world.roblox.arrived(matcher, count).await;
                running.abort();
                assert!(running.await.is_err_and(|error| error.is_cancelled()));
                world.roblox.settled().await;
            }
        }
        world.store.heal();
    }
}

/// The process dies with this call to the store under way.
pub(crate) async fn die_at_the_store(world: &World, ask: Ask, call: &StoreCall, moment: Moment) {
    // The calls like it that come before are let through.
    let before: Vec<_> = (1..call.nth).map(|_| world.store.gate(call.calls.clone(), moment)).collect();
    let mut gate = world.store.gate(call.calls.clone(), moment);
    let mut running = ask.start();
    let reached = async {
        for mut earlier in before {
            earlier.reached().await;
            earlier.release();
        }
        gate.reached().await;
    };
    tokio::select! {
        () = reached => {}
        ended = &mut running => panic!("the request has ended without that call: {ended:?}"),
    }
    // What was sent beside it arrives.
    tokio::task::yield_now().await;
    world.store.wait_until(|calls| calls.iter().filter(|call| call.finished_us.is_none()).count() <= 1).await;
    running.abort();
    assert!(running.await.is_err_and(|error| error.is_cancelled()));
    gate.abandon();
}

async fn ask(world: &World, arranged: &Arranged) -> crate::world::Answer {
    // The arranged request belongs to the process that died.
    let again = arranged.ask.clone().by_a_new_process(world).send().await;
    again.success();
    again
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_anywhere_leaves_nothing_that_is_not_put_right() {
    let mut cases = Vec::new();
    for scenario in Scenario::ALL {
        let (store, roblox) = calls_of(scenario).await;
        let mut points = Vec::new();
        for call in store {
            for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
                points.push(At::Store(call.clone(), moment));
            }
        }
        for index in 0..roblox.len() {
            for timing in [Timing::Before, Timing::After] {
                points.push(At::Roblox(matcher(&roblox, index), timing));
            }
        }
        for at in points {
            for next in [Next::Sweep, Next::SameRequest, Next::OtherChange] {
                cases.push(Case { scenario, at: at.clone(), next });
            }
        }
    }
    run_all(cases, 2, Case::run).await;
}
