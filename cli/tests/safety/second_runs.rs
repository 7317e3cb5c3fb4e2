//! The same request again under its idempotency key, over what a first run has left half-done, and that goes wrong too:
//! whatever becomes of the two, a third one finds the change made once.

use rankbot_sandbox::{Call, Endpoint, Fault, FaultEffect, Matcher, Timing};
use rankbot_store::testing::{InjectedFault, Moment, StoreFault};

use crate::crashes::die_at_the_store;
use crate::fault_matrix::{StoreCall, calls_to_the_store, matcher, roblox_faults, run_all, store_faults};
use crate::invariants::LEASE_S;
use crate::scenario::{Arranged, Scenario};
use crate::world::World;

/// How the first run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// Its process died with its first write to Roblox under way, which has taken effect.
    Died,
    /// Roblox took its first write, and neither said so nor let it be taken back: 502.
    HalfDone,
}

/// What befalls the second run.
#[derive(Debug, Clone)]
enum Second {
    StoreFails(StoreCall, StoreFault),
    RobloxFails(Fault),
    DiesAtTheStore(StoreCall, Moment),
}

#[derive(Debug, Clone)]
struct Case {
    scenario: Scenario,
    first: First,
    second: Second,
    for_ever: bool,
}

const SCENARIOS: [Scenario; 3] = [Scenario::PromoteOnce, Scenario::UndoOnce, Scenario::UndoBelowOnce];

impl First {
    /// A change that is half-done.
    async fn arrange(self, scenario: Scenario) -> (World, Arranged) {
        let (mut world, arranged) = scenario.arrange().await;
        let write = Matcher::endpoint(Endpoint::AssignRole);
        match self {
            Self::Died => {
                world.roblox.inject(Fault::new(write.clone(), FaultEffect::Hang(Timing::After)).once());
                let running = arranged.ask.clone().start();
                world.roblox.arrived(&write, 1).await;
                running.abort();
                assert!(running.await.is_err_and(|error| error.is_cancelled()));
                world.roblox.settled().await;
            }
            Self::HalfDone => {
                world.roblox.inject(Fault::new(write, FaultEffect::status_after(500)).once());
                // The member and, after the write, everything.
                world.roblox.inject(Fault::new(Matcher::any().nth(3), FaultEffect::status(503)));
                let answer = arranged.ask.clone().send().await;
                assert_eq!(answer.status, 502, "{}", answer.body);
            }
        }
        world.roblox.clear_faults();
        world.cold_start();
        world.pass(LEASE_S);
        world.forget();
        (world, arranged)
    }

    /// The calls of a second run that nothing befalls.
    async fn calls_of_the_second(self, scenario: Scenario) -> (Vec<StoreCall>, Vec<Call>) {
        let (world, arranged) = self.arrange(scenario).await;
        let answer = arranged.ask.clone().by_a_new_process(&world).send().await;
        answer.success();
        (calls_to_the_store(&world), world.roblox.calls())
    }
}

impl Case {
    async fn run(self) {
        let (mut world, arranged) = self.first.arrange(self.scenario).await;
        let answer = self.second_run(&world, &arranged).await;
        world.check_rank(&arranged);
        world.store.heal();
        world.roblox.clear_faults();
        world.cold_start();
        world.pass(LEASE_S);
        let third = arranged.ask.clone().by_a_new_process(&world).send().await;
        third.success();
        if let Some(second) = answer.filter(|second| second.status == 200) {
            assert_eq!(third.log_id(), second.log_id(), "I3: one change, one log id");
        }
        world.check_end(&arranged).await;
    }

    /// Its answer, unless its process died.
    async fn second_run(&self, world: &World, arranged: &Arranged) -> Option<crate::world::Answer> {
        let ask = arranged.ask.clone().by_a_new_process(world);
        match &self.second {
            Second::StoreFails(call, fault) => {
                let fault = fault.clone().skip(call.nth - 1);
                let injected: InjectedFault = world.store.inject(if self.for_ever { fault } else { fault.times(1) });
                let answer = ask.send().await;
                assert!(injected.fired() > 0, "the fault has befallen no call");
                Some(answer)
            }
            Second::RobloxFails(fault) => {
                world.roblox.inject(if self.for_ever { fault.clone() } else { fault.clone().once() });
                Some(ask.send().await)
            }
            Second::DiesAtTheStore(call, moment) => {
                die_at_the_store(world, ask, call, *moment).await;
                None
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_befalls_the_second_run_a_third_finds_the_change_made_once() {
    let mut cases = Vec::new();
    for scenario in SCENARIOS {
        for first in [First::Died, First::HalfDone] {
            let (store, roblox) = first.calls_of_the_second(scenario).await;
            // At the least: admission, load, take-over, key, conclusion, answer; member and one write.
            assert!(store.len() >= 6 && roblox.len() >= 2, "{scenario:?} {first:?}: {store:?} {roblox:?}");
            let mut seconds = Vec::new();
            for call in store {
                seconds.extend(store_faults(&call).into_iter().map(|fault| Second::StoreFails(call.clone(), fault)));
                let moments = [Moment::BeforeEffect, Moment::AfterEffect];
                seconds.extend(moments.map(|moment| Second::DiesAtTheStore(call.clone(), moment)));
            }
            for index in 0..roblox.len() {
                let on = || matcher(&roblox, index);
                seconds.extend(roblox_faults().into_iter().map(|fault| Second::RobloxFails(Fault::new(on(), fault))));
                let from_here = Matcher::any().nth(u32::try_from(index).unwrap() + 1);
                seconds.push(Second::RobloxFails(Fault::new(from_here, FaultEffect::status(429))));
            }
            for second in seconds {
                for for_ever in [false, true] {
                    cases.push(Case { scenario, first, second: second.clone(), for_ever });
                }
            }
        }
    }
    run_all(cases, 11, Case::run).await;
}
