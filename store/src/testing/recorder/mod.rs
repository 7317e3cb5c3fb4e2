//! A proxy in front of a store that records every call, and makes chosen ones fail, wait or stop.

mod call;
mod fault;
mod gate;
mod log;
mod proxy;
mod request;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
pub use call::{ItemKey, Operation, Outcome, RecordedCall, round_trips};
pub use fault::{CallMatch, Effect, ErrorReply, InjectedFault, Moment, StoreFault};
pub use gate::Gate;

use crate::Connection;
use crate::server_thread::ServerThread;
use log::Log;
use proxy::Proxy;
use rules::Rules;

/// A recording proxy. The code under test gets [`Recorder::endpoint`] in place of the store's.
///
/// Requests and answers pass through unchanged. A call that the proxy has passed on takes effect even if the client
/// goes away meanwhile, as it would on a network.
///
/// Faults and gates are met in the order in which they were set up; the first that ends a call is the last it meets.
/// Each gate holds one call, and a call is held by at most one gate at each moment: two gates for the same calls hold
/// the first and the second.
#[derive(Debug)]
pub struct Recorder {
    log: Arc<Log>,
    rules: Arc<Rules>,
    store: Connection,
    server: ServerThread,
}

impl Recorder {
    /// Starts a proxy in front of `store`, on a free loopback port.
    ///
    /// # Panics
    /// If there is no port or thread to be had, or the store's address is none.
    #[expect(clippy::expect_used, reason = "in a test suite, a panic is how a wrong set-up is reported")]
    pub fn start(store: &Connection) -> Self {
        let log = Arc::new(Log::new());
        let rules = Arc::new(Rules::default());
        let authority = store.endpoint().strip_prefix("http://").expect("a store off AWS is reached over plain HTTP");
        let authority = authority.trim_end_matches('/').parse().expect("the address is a host and a port");
        let proxy = Proxy::new(authority, Arc::clone(&log), Arc::clone(&rules));
        let server = ServerThread::spawn("rankbot-recorder", |listener, stop| proxy.serve(listener, stop))
            .expect("loopback has a free port");
        Self { log, rules, store: store.clone(), server }
    }

    /// The address to give the code under test: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.server.url()
    }

    /// How a client reaches the store through the proxy: with the store's own credentials.
    pub fn connection(&self) -> Connection {
        self.store.by_way_of(self.endpoint())
    }

    /// A new client of the proxy. See [`Connection::client`].
    pub fn client(&self) -> Client {
        self.connection().client()
    }

    /// Every call since the start, or since [`Recorder::clear`], in the order of arrival. An SDK's retry is a call of
    /// its own.
    pub fn calls(&self) -> Vec<RecordedCall> {
        self.log.calls()
    }

    /// The calls that `wanted` describes.
    pub fn calls_matching(&self, wanted: &CallMatch) -> Vec<RecordedCall> {
        self.calls().into_iter().filter(|call| wanted.matches(call)).collect()
    }

    /// Forgets the calls so far: what a test's arrangement did is not what it asserts.
    pub fn clear(&self) {
        self.log.clear();
    }

    /// Waits until the recorded calls are as described: for what happens after the client was answered, or has given
    /// up.
    pub async fn wait_until(&self, described: impl FnMut(&[RecordedCall]) -> bool) {
        self.log.wait_until(described).await;
    }

    /// Puts a fault in force, until [`Recorder::heal`] or the end.
    pub fn inject(&self, fault: StoreFault) -> InjectedFault {
        self.rules.add_fault(fault)
    }

    /// Makes every call take at least `each` before it reaches the store, so that calls made at the same time overlap
    /// and [`round_trips`] counts them as one.
    pub fn slow_down(&self, each: Duration) -> InjectedFault {
        self.inject(StoreFault::before(CallMatch::any(), Effect::Delay(each)))
    }

    /// Holds the next call that matches, at that moment, until the gate is released, abandoned or dropped.
    pub fn gate(&self, calls: CallMatch, moment: Moment) -> Gate {
        self.rules.add_gate(calls, moment)
    }

    /// Ends every fault, and every gate that no call has reached.
    pub fn heal(&self) {
        self.rules.clear();
    }
}
