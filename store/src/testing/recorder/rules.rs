//! The faults and gates in force.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::call::RecordedCall;
use super::fault::{CallMatch, Effect, InjectedFault, Moment, Occurrences, StoreFault};
use super::gate::{Barrier, Gate};

/// What a call meets at one moment, in this order.
#[derive(Debug)]
pub(super) enum Encounter {
    Fault(Effect),
    Gate(Barrier),
}

#[derive(Debug)]
enum Rule {
    Fault {
        calls: CallMatch,
        moment: Moment,
        effect: Effect,
        occurrences: Occurrences,
        injected: InjectedFault,
    },
    /// Taken by the first call that reaches it.
    Gate {
        calls: CallMatch,
        moment: Moment,
        barrier: Option<Barrier>,
    },
}

#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Mutex<Vec<Rule>>,
}

impl Rules {
    pub(super) fn add_fault(&self, fault: StoreFault) -> InjectedFault {
        let injected = InjectedFault::default();
        let StoreFault { calls, moment, effect, occurrences } = fault;
        self.lock().push(Rule::Fault { calls, moment, effect, occurrences, injected: injected.clone() });
        injected
    }

    pub(super) fn add_gate(&self, calls: CallMatch, moment: Moment) -> Gate {
        let (gate, barrier) = Gate::new();
        self.lock().push(Rule::Gate { calls, moment, barrier: Some(barrier) });
        gate
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// What `call` meets at `at`, each counted as met.
    pub(super) fn meet(&self, call: &RecordedCall, at: Moment) -> Vec<Encounter> {
        let mut encounters = Vec::new();
        let mut held = false;
        for rule in self.lock().iter_mut() {
            match rule {
                Rule::Fault { calls, moment, effect, occurrences, injected } => {
                    if *moment == at && calls.matches(call) && occurrences.next() {
                        injected.count();
                        encounters.push(Encounter::Fault(effect.clone()));
                        if !matches!(effect, Effect::Delay(_)) {
                            break;
                        }
                    }
                }
                Rule::Gate { calls, moment, barrier } => {
                    if *moment == at
                        && !held
                        && calls.matches(call)
                        && let Some(barrier) = barrier.take()
                    {
                        held = true;
                        encounters.push(Encounter::Gate(barrier));
                    }
                }
            }
        }
        encounters
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
