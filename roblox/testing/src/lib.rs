//! A Luau host with Roblox's services, in which this repository's packages run under `cargo test`.
//!
//! The language is the real one (Luau's own virtual machine), HTTP goes over real sockets, and time is virtual: a
//! minute of backoff takes no time at all, while a request in flight holds the clock until its answer is there.
//! What is real and what is assumed about Roblox is written down in this crate's `README.md`.
//!
//! | module | for |
//! |---|---|
//! | [`host`] | running a server script with modules, Secrets, players and clients around it |
//! | [`http`] | how requests leave the host, and how a server says that its answer is slow |
//! | [`server`] | a scripted HTTP server that answers, stalls, drops and babbles as told |
//! | [`check`] | Luau's strict type check, against definitions of the Roblox parts in use |
//! | [`definitions`] | those definitions, in the words of either of Luau's solvers |
//! | [`model`] | reproducible `.rbxm` files from sources, and reading them back |
//! | [`stores`] | what a run left in its data stores |
//! | [`render`] | a picture of a user interface, where the renderer is installed |

pub mod check;
pub mod definitions;
pub mod host;
pub mod http;
mod json;
pub mod model;
mod natives;
mod reflection;
pub mod render;
pub mod server;
pub mod stores;

pub use host::{Host, HostError, Run};
pub use server::{Reply, ScriptedServer};
pub use stores::Stores;
