//! A game with `RankService` in it.

use roblox_testing::{Host, Run};
use serde_json::Value;

/// The module under test.
pub(crate) const SOURCE: &str = include_str!("../../../RankService/src/init.luau");
/// A key of the published pattern; it opens nothing.
pub(crate) const KEY: &str = "wesk_abcdefghijkl_0123456789abcdefghijklmnopqrstuvwxyzAB";

/// A live server with the module, the Secret, and the API at `url`.
pub(crate) fn game(url: &str) -> Host {
    bare_game(url).secret("RankBotKey", KEY)
}

/// The same without the Secret.
pub(crate) fn bare_game(url: &str) -> Host {
    Host::new().module("ServerScriptService.RankService", SOURCE).value("url", url)
}

/// Runs `script` with `RankService` and `ranks`, a client of group 7, already there.
pub(crate) fn play(host: Host, script: &str) -> Run {
    let run = host.run(&format!("{PRELUDE}{script}")).unwrap();
    assert_eq!(run.errors, Vec::<String>::new());
    assert!(run.output.iter().all(|line| !line.text.contains(KEY)), "a key was printed: {:?}", run.output);
    run
}

/// As [`play`], for scripts that make their own client.
pub(crate) fn play_alone(host: Host, script: &str) -> Run {
    let run = host.run(&format!("{REQUIRE}{script}")).unwrap();
    assert_eq!(run.errors, Vec::<String>::new());
    assert!(run.output.iter().all(|line| !line.text.contains(KEY)), "a key was printed: {:?}", run.output);
    run
}

/// The code of a failed result.
pub(crate) fn code(result: &Value) -> &str {
    result.pointer("/error/code").and_then(Value::as_str).unwrap_or("no error")
}

const REQUIRE: &str = "local RankService = require(game:GetService(\"ServerScriptService\").RankService) ";
const PRELUDE: &str = "local RankService = require(game:GetService(\"ServerScriptService\").RankService) \
    local events = {} \
    local ranks = RankService.new({ baseUrl = testing.values.url, groupId = 7, \
        onEvent = function(event) table.insert(events, event) end }) ";
