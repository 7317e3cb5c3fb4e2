//! A Roblox to develop against: the groups part of Open Cloud v2 over HTTP on the loopback interface, with several roles
//! per member, rate limits, faults on request and a log of every call.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher, Sandbox, SandboxOptions};
//!
//! let sandbox = Sandbox::start(SandboxOptions::default()).await?;
//! let control = sandbox.control();
//! control.inject(Fault::new(Matcher::endpoint(Endpoint::AssignRole), FaultEffect::status(503)).once());
//! println!("export ROBLOX_BASE_URL={}", sandbox.url());
//! # Ok(())
//! # }
//! ```
//!
//! What is Roblox's documented behaviour and what is assumed is said in `docs/sandbox.md`; most assumptions can be
//! switched ([`Assumptions`]), because code that relies on one of them is wrong.
//!
//! | Module | Holds |
//! |---|---|
//! | `world`, [`demo`] | groups, roles, members; the seeded group |
//! | `cloud`, `reads`, `writes`, `views` | one Open Cloud request from arrival to answer |
//! | `endpoint`, `filter`, `paging` | the grammar of paths, filters and page tokens |
//! | `limits`, `reply` | rate limits, error bodies |
//! | `faults`, `lag`, `calls` | what goes wrong on request, how old answers are, what was asked |
//! | `control`, `routes` | the hand on all of it, in process and over HTTP |
//! | [`openapi`] | checks of requests and answers against Roblox's own OpenAPI document |
//! | [`loopback`], `server` | who may ask, and the sockets |

mod assumptions;
mod calls;
mod cloud;
mod control;
pub mod demo;
mod endpoint;
mod faults;
mod filter;
mod lag;
mod limits;
pub mod loopback;
mod millis;
pub mod openapi;
mod paging;
mod reads;
mod reply;
mod routes;
mod server;
mod views;
mod world;
mod writes;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use assumptions::{Assumptions, RankOneWrites};
pub use calls::{Call, MAX_CALLS};
pub use control::{Control, Unknown};
pub use endpoint::Endpoint;
pub use faults::{Fault, FaultEffect, Matcher, Timing};
pub use lag::Lag;
pub use limits::{Limits, RateLimits};
pub use paging::LastPage;
pub use reply::{ErrorBody, V2Code};
pub use world::{Authority, BASE_RANK, GUEST_RANK, Group, Member, OWNER_RANK, Role, World};

/// How a sandbox starts. By default: any free port, the seeded world, its bot, no rate limits.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// The groups.
    pub world: World,
    /// The accounts that may call, each by its key.
    pub bots: Vec<Bot>,
    /// Whether requests are limited.
    pub rate_limits: RateLimits,
    /// What is assumed where Roblox says nothing.
    pub assumptions: Assumptions,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            port: 0,
            world: World::seeded(demo::GROUP_ID),
            bots: vec![Bot { api_key: demo::BOT_API_KEY.to_owned(), account_id: demo::BOT_USER_ID }],
            rate_limits: RateLimits::Off,
            assumptions: Assumptions::default(),
        }
    }
}

/// An account with an Open Cloud key. What it may do in a group follows from its roles there, as for any member: it
/// needs a [`Group::managing_role`] above everyone it is to manage.
#[derive(Clone)]
pub struct Bot {
    /// The value of `x-api-key`.
    pub api_key: String,
    /// The account's user id.
    pub account_id: u64,
}

impl fmt::Debug for Bot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever points a sandbox at their own tooling may use a real key.
        formatter.debug_struct("Bot").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

/// A running sandbox. Dropping it stops it.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    control: Control,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Binds the port and serves on the current Tokio runtime. Ready for requests when it returns.
    ///
    /// Fails where the port is taken.
    pub async fn start(options: SandboxOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let control = Control::new(options);
        let router = routes::router(control.clone());
        let server = tokio::spawn(async move {
            server::serve(listener, router).await;
        });
        Ok(Self { address, control, server })
    }

    /// The base address, without a slash at its end: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The hand on this sandbox.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Closes the port and every connection, answered or not.
    pub async fn stop(mut self) {
        self.server.abort();
        // The error says that it was cancelled, which is the purpose.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}
