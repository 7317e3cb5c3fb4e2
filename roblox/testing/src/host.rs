//! Running scripts: what is around them, and what came of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mlua::{Function, Lua, Table, Value, VmState};
use serde_json::json;

use crate::http::{HeaderCase, Network};
use crate::json;
use crate::natives::natives;
use crate::stores::Stores;

/// The runtime's parts, in the order in which they build on each other.
const RUNTIME: &[(&str, &str)] = &[
    ("opaque", include_str!("../luau/opaque.luau")),
    ("scheduler", include_str!("../luau/scheduler.luau")),
    ("signal", include_str!("../luau/signal.luau")),
    ("datatypes", include_str!("../luau/datatypes.luau")),
    ("members", include_str!("../luau/members.luau")),
    ("instance", include_str!("../luau/instance.luau")),
    ("instance_methods", include_str!("../luau/instance_methods.luau")),
    ("attributes", include_str!("../luau/attributes.luau")),
    ("tags", include_str!("../luau/tags.luau")),
    ("http_service", include_str!("../luau/http_service.luau")),
    ("people", include_str!("../luau/people.luau")),
    ("data_store_values", include_str!("../luau/data_store_values.luau")),
    ("data_store_budget", include_str!("../luau/data_store_budget.luau")),
    ("data_store_pages", include_str!("../luau/data_store_pages.luau")),
    ("data_store", include_str!("../luau/data_store.luau")),
    ("remotes", include_str!("../luau/remotes.luau")),
    ("services", include_str!("../luau/services.luau")),
    ("environment", include_str!("../luau/environment.luau")),
];

/// Real time after which a run is taken for an endless loop.
const RUNAWAY: Duration = Duration::from_mins(2);

/// What kind of place the scripts run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// A published place's server: `RunService:IsStudio()` is false.
    #[default]
    Live,
    /// A playtest in Roblox Studio.
    Studio,
}

/// The experience's "Allow HTTP Requests".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpAccess {
    /// Requests go out.
    #[default]
    Allowed,
    /// `RequestAsync` throws.
    Disabled,
}

/// Which side's view of the data model a script has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Realm {
    Server,
    Client,
}

/// Why a run gave no result.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The script threw, or waits for something that never comes.
    #[error("{0}")]
    Script(String),
    /// The host itself could not be set up.
    #[error("the host could not be set up: {0}")]
    SetUp(#[from] anyhow::Error),
    /// The runtime failed outside any script.
    #[error(transparent)]
    Runtime(#[from] mlua::Error),
}

/// One line of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `print` or `warn`.
    pub kind: String,
    /// The text, arguments joined by spaces as Roblox does.
    pub text: String,
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// What the script returned, read after the server has shut down: a table may still be filled while it drains.
    pub value: serde_json::Value,
    /// What was printed and warned.
    pub output: Vec<Line>,
    /// Errors of threads other than the script's own, each with its stack trace. Roblox logs these and goes on.
    pub errors: Vec<String>,
    /// Virtual seconds that passed.
    pub clock: f64,
    /// What is in the data stores.
    pub stores: Stores,
}

impl Run {
    /// The warnings, one per call of `warn`.
    pub fn warnings(&self) -> Vec<&str> {
        self.output.iter().filter(|line| line.kind == "warn").map(|line| line.text.as_str()).collect()
    }
}

/// A Roblox server (and its clients) to be.
#[derive(Debug, Default)]
pub struct Host {
    place: Place,
    http: HttpAccess,
    header_case: HeaderCase,
    secrets: Vec<serde_json::Value>,
    modules: Vec<(String, String)>,
    clients: Vec<(u64, String, String)>,
    groups: Vec<serde_json::Value>,
    values: serde_json::Map<String, serde_json::Value>,
    stores: Stores,
}

impl Host {
    /// An empty live server with HTTP allowed and no Secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the kind of place.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Allows or disables HTTP requests.
    #[must_use]
    pub fn http(mut self, http: HttpAccess) -> Self {
        self.http = http;
        self
    }

    /// Sets the letter case of response header names.
    #[must_use]
    pub fn header_case(mut self, header_case: HeaderCase) -> Self {
        self.header_case = header_case;
        self
    }

    /// Adds a Secret, for any domain.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push(json!({ "name": name, "value": value }));
        self
    }

    /// Adds a Secret that may be sent to `domain` alone.
    #[must_use]
    pub fn secret_for(mut self, domain: &str, name: &str, value: &str) -> Self {
        self.secrets.push(json!({ "name": name, "value": value, "domain": domain }));
        self
    }

    /// Adds a `ModuleScript` at `path`, for example `ServerScriptService.RankService`; missing folders are made.
    #[must_use]
    pub fn module(mut self, path: &str, source: &str) -> Self {
        self.modules.push((path.to_owned(), source.to_owned()));
        self
    }

    /// Adds a player who is in the server when it starts, with a script that runs on that player's client.
    #[must_use]
    pub fn client(mut self, user_id: u64, name: &str, source: &str) -> Self {
        self.clients.push((user_id, name.to_owned(), source.to_owned()));
        self
    }

    /// Adds a member to what `GroupService` knows: `rank` under a role called `role`.
    #[must_use]
    pub fn member(mut self, group_id: u64, user_id: u64, rank: u8, role: &str) -> Self {
        self.groups.push(json!({ "groupId": group_id, "userId": user_id, "rank": rank, "role": role }));
        self
    }

    /// Gives the script `testing.values[name]`.
    #[must_use]
    pub fn value(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// Begins with what an earlier run left in its data stores, at the time at which that run ended.
    #[must_use]
    pub fn stores(mut self, stores: Stores) -> Self {
        self.stores = stores;
        self
    }

    /// Runs `source` as a server script, then shuts the server down: `BindToClose` callbacks have 30 virtual seconds.
    pub fn run(self, source: &str) -> Result<Run, HostError> {
        self.execute(source, Realm::Server)
    }

    /// Runs `source` as a client script, for what must refuse to run there.
    pub fn run_on_client(self, source: &str) -> Result<Run, HostError> {
        self.execute(source, Realm::Client)
    }

    fn execute(self, source: &str, realm: Realm) -> Result<Run, HostError> {
        let lua = Lua::new();
        let output = Rc::new(RefCell::new(Vec::new()));
        let network = Rc::new(Network::new(self.header_case)?);
        let natives = natives(&lua, &network, &output)?;
        natives.set("config", json::to_luau(&lua, &self.config())?)?;
        let entry = load_runtime(&lua, &natives)?;
        stop_runaways(&lua);
        let outcome: Table = entry.call((source, realm == Realm::Client)).map_err(|error| script_error(&error))?;
        let value = json::to_test(&outcome.get::<Value>("value")?)?;
        let errors = outcome.get::<Table>("errors")?.sequence_values().collect::<mlua::Result<Vec<String>>>()?;
        let output = output.borrow().clone();
        let stores = Stores::new(json::to_test(&outcome.get::<Value>("stores")?)?);
        Ok(Run { value, output, errors, clock: outcome.get("clock")?, stores })
    }

    fn config(&self) -> serde_json::Value {
        json!({
            "studio": self.place == Place::Studio,
            "http": self.http == HttpAccess::Allowed,
            "secrets": self.secrets,
            "groups": self.groups,
            "values": self.values,
            "stores": self.stores.as_json(),
            "modules": self.modules.iter().map(|(path, source)| json!({ "path": path, "source": source }))
                .collect::<Vec<_>>(),
            "clients": self.clients.iter().map(|(user_id, name, source)| {
                json!({ "userId": user_id, "name": name, "source": source })
            }).collect::<Vec<_>>(),
        })
    }
}

/// The message of a script's own error, without the host's frames around it.
fn script_error(error: &mlua::Error) -> HostError {
    let mut error = error;
    while let mlua::Error::CallbackError { cause, .. } = error {
        error = cause;
    }
    HostError::Script(if let mlua::Error::RuntimeError(text) = error { text.clone() } else { error.to_string() })
}

fn stop_runaways(lua: &Lua) {
    let began = Instant::now();
    lua.set_interrupt(move |_| {
        if began.elapsed() > RUNAWAY {
            return Err(mlua::Error::runtime("the script ran for two minutes of real time: an endless loop?"));
        }
        Ok(VmState::Continue)
    });
}

/// Loads the runtime's parts; the last one returns the function that runs a script.
fn load_runtime(lua: &Lua, natives: &Table) -> mlua::Result<Function> {
    let runtime = lua.create_table()?;
    let mut last = Value::Nil;
    for (name, source) in RUNTIME {
        let part = lua.load(*source).set_name(format!("=roblox/{name}")).into_function()?;
        last = part.call((natives, &runtime))?;
    }
    lua.sandbox(true)?;
    if let Value::Function(entry) = last {
        Ok(entry)
    } else {
        Err(mlua::Error::runtime(format!("the runtime's last part returned {}", last.type_name())))
    }
}
