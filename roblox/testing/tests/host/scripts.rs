//! Scripts: time, threads, HTTP, Secrets, modules, the end of a server.

use roblox_testing::host::{HttpAccess, Place};
use roblox_testing::http::HeaderCase;
use roblox_testing::server::REFUSING_URL;
use roblox_testing::{Host, HostError, Reply, ScriptedServer};
use serde_json::json;

use crate::run;

#[test]
fn a_minute_of_waiting_takes_a_virtual_minute() {
    let outcome = run(
        Host::new(),
        r#"
        local order = {}
        task.delay(30, function() table.insert(order, "half") end)
        task.spawn(function() table.insert(order, "at once") end)
        local began = os.clock()
        task.wait(60)
        table.insert(order, "full")
        return { order = order, waited = os.clock() - began }
        "#,
    );
    assert_eq!(outcome.value, json!({ "order": ["at once", "half", "full"], "waited": 60 }));
}

#[test]
fn a_request_is_real_and_its_slowness_virtual() {
    let server = ScriptedServer::replies([Reply::json(200, &json!({ "n": 1 })).after(12.5), Reply::never()]).unwrap();
    let outcome = run(
        Host::new().value("url", server.url()),
        r#"
        local HttpService = game:GetService("HttpService")
        local answer = HttpService:RequestAsync({ Url = testing.values.url .. "/a" })
        local first = os.clock()
        local ok, problem = pcall(HttpService.RequestAsync, HttpService, { Url = testing.values.url, Timeout = 20 })
        return { body = answer.Body, first = first, ok = ok, problem = problem, total = os.clock(),
            hidden = answer.Headers["x-virtual-delay"] == nil }
        "#,
    );
    assert_eq!(outcome.value["body"], json!("{\"n\":1}"));
    assert_eq!(outcome.value["first"], json!(12.5));
    assert_eq!(outcome.value["problem"], json!("HttpError: Timedout"));
    assert_eq!(outcome.value["total"], json!(32.5));
    assert_eq!(outcome.value["hidden"], json!(true));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn refused_dropped_and_garbled_connections_throw() {
    let server = ScriptedServer::replies([Reply::Drop, Reply::Truncate, Reply::Babble]).unwrap();
    let outcome = run(
        Host::new().value("url", server.url()).value("refusing", REFUSING_URL),
        r#"
        local HttpService = game:GetService("HttpService")
        local seen = {}
        for _, url in { testing.values.url, testing.values.url, testing.values.url, testing.values.refusing } do
            local ok, problem = pcall(HttpService.RequestAsync, HttpService, { Url = url, Method = "POST", Body = "{}" })
            table.insert(seen, if ok then "answered" else problem)
        end
        return seen
        "#,
    );
    let closed = "HttpError: ConnectionClosed";
    assert_eq!(outcome.value, json!([closed, closed, closed, "HttpError: ConnectFail"]));
    assert_eq!(server.requests().len(), 3, "nothing was sent twice");
}

#[test]
fn http_is_refused_as_roblox_refuses_it() {
    let attempt = r#"
        local HttpService = game:GetService("HttpService")
        local function refusal(options)
            local ok, problem = pcall(HttpService.RequestAsync, HttpService, options)
            return if ok then "sent" else problem
        end
        return {
            refusal({ Url = "http://127.0.0.1:1", Headers = { ["User-Agent"] = "x" } }),
            refusal({ Url = "http://127.0.0.1:1", Body = "x" }),
            refusal({ Url = "http://127.0.0.1:1", Methd = "GET" }),
            refusal({ Url = "http://127.0.0.1:1", Method = "FETCH" }),
        }
    "#;
    let outcome = run(Host::new(), attempt);
    assert!(!outcome.value.to_string().contains("sent"), "{}", outcome.value);
    let disabled = run(Host::new().http(HttpAccess::Disabled), attempt);
    assert_eq!(disabled.value[0], json!("Http requests are not enabled. Enable via game settings"));
    let client = Host::new().run_on_client(attempt).unwrap();
    assert_eq!(client.value[0], json!("Http requests can only be executed by game server"));
}

#[test]
fn the_501st_request_of_a_minute_stalls_and_throws() {
    let server = ScriptedServer::replies([Reply::text(200, "ok")]).unwrap();
    let outcome = run(
        Host::new().value("url", server.url()),
        r#"
        local HttpService = game:GetService("HttpService")
        for _ = 1, 500 do HttpService:RequestAsync({ Url = testing.values.url }) end
        local began = os.clock()
        local ok, problem = pcall(HttpService.RequestAsync, HttpService, { Url = testing.values.url })
        local stalled = os.clock() - began
        task.wait(61)
        return { ok = ok, problem = problem, stalled = stalled, again = (pcall(HttpService.RequestAsync, HttpService, { Url = testing.values.url })) }
        "#,
    );
    let expected = json!({ "ok": false, "problem": "Number of requests exceeded limit", "stalled": 30, "again": true });
    assert_eq!(outcome.value, expected);
    assert_eq!(server.requests().len(), 501);
}

#[test]
fn secrets_travel_in_headers_and_nowhere_else() {
    let server = ScriptedServer::replies([Reply::text(200, "ok")]).unwrap();
    let host = Host::new().secret("Key", "s3cr3t").secret_for("example.com", "Bound", "b0und");
    let outcome = run(
        host.value("url", server.url()),
        r#"
        local HttpService = game:GetService("HttpService")
        local secret = HttpService:GetSecret("Key")
        local url = testing.values.url
        HttpService:RequestAsync({ Url = url, Headers = { Authorization = secret:AddPrefix("Bearer ") } })
        return {
            text = tostring(secret), kind = typeof(secret), json = HttpService:JSONEncode({ secret }),
            missing = select(2, pcall(HttpService.GetSecret, HttpService, "Nope")),
            elsewhere = select(2, pcall(HttpService.RequestAsync, HttpService, { Url = url, Headers = { A = HttpService:GetSecret("Bound") } })),
        }
        "#,
    );
    assert_eq!(outcome.value["text"], json!("Secret(Key)"));
    assert_eq!(outcome.value["kind"], json!("Secret"));
    assert_eq!(outcome.value["json"], json!("[null]"));
    assert_eq!(outcome.value["missing"], json!("Can't find secret with given key"));
    assert_eq!(outcome.value["elsewhere"], json!("Secret is not allowed for this domain"));
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer s3cr3t"));
}

#[test]
fn header_names_come_in_either_case() {
    for (case, name) in [(HeaderCase::Lower, "x-request-id"), (HeaderCase::Title, "X-Request-Id")] {
        let server = ScriptedServer::replies([Reply::text(200, "ok").with("X-Request-Id", "abc")]).unwrap();
        let outcome = run(
            Host::new().header_case(case).value("url", server.url()).value("name", name),
            r#"return game:GetService("HttpService"):RequestAsync({ Url = testing.values.url }).Headers[testing.values.name]"#,
        );
        assert_eq!(outcome.value, json!("abc"));
    }
}

#[test]
fn json_has_the_peculiarities_of_http_service() {
    let outcome = run(
        Host::new(),
        r#"
        local HttpService = game:GetService("HttpService")
        local decoded = HttpService:JSONDecode('{"a":null,"b":[1,2.5],"c":9007199254740991}')
        return {
            empty = HttpService:JSONEncode({}), nan = HttpService:JSONEncode({ 0 / 0 }),
            mixed = HttpService:JSONEncode({ 1, key = 2 }), large = HttpService:JSONEncode(decoded.c),
            isNil = decoded.a == nil, two = decoded.b[2], bad = (pcall(HttpService.JSONDecode, HttpService, "{")),
        }
        "#,
    );
    let expected = json!({ "empty": "[]", "nan": "[nan]", "mixed": "[1]", "large": "9007199254740991",
        "isNil": true, "two": 2.5, "bad": false });
    assert_eq!(outcome.value, expected);
}

#[test]
fn closing_callbacks_have_thirty_seconds() {
    let outcome = run(
        Host::new(),
        r#"
        local log = {}
        game:BindToClose(function() task.wait(10) table.insert(log, "saved") end)
        game:BindToClose(function() task.wait(40) table.insert(log, "too late") end)
        return log
        "#,
    );
    assert_eq!(outcome.value, json!(["saved"]));
    assert!((outcome.clock - 30.0).abs() < 0.001, "{}", outcome.clock);
}

#[test]
fn a_script_that_waits_for_nothing_is_an_error() {
    let problem = Host::new().run("coroutine.yield()").unwrap_err();
    assert!(matches!(&problem, HostError::Script(text) if text.contains("never comes")), "{problem}");
}

#[test]
fn a_threads_error_is_logged_and_the_rest_goes_on() {
    let outcome = Host::new().run("task.spawn(function() error(\"oh no\") end) task.wait(1) return 1").unwrap();
    assert_eq!(outcome.value, json!(1));
    assert!(outcome.errors[0].contains("oh no"), "{:?}", outcome.errors);
}

#[test]
fn modules_load_once_and_know_their_place() {
    let host = Host::new()
        .place(Place::Studio)
        .module("ServerScriptService.Counter", "shared.loads = (shared.loads or 0) + 1 return { name = script.Name }");
    let outcome = run(
        host,
        r#"
        local first = require(game.ServerScriptService.Counter)
        local second = require(game:GetService("ServerScriptService"):WaitForChild("Counter"))
        return { same = first == second, loads = shared.loads, name = first.name,
            studio = game:GetService("RunService"):IsStudio() }
        "#,
    );
    assert_eq!(outcome.value, json!({ "same": true, "loads": 1, "name": "Counter", "studio": true }));
}

#[test]
fn the_threads_of_a_destroyed_script_end_and_those_of_a_module_do_not() {
    let host = Host::new().module(
        "ServerScriptService.Clock",
        r"
        local ticks = { module = 0, borrowed = 0 }
        task.spawn(function() while true do task.wait(1) ticks.module += 1 end end)
        function ticks.start() task.spawn(function() while true do task.wait(1) ticks.borrowed += 1 end end) end
        return ticks
        ",
    );
    let outcome = run(
        host,
        r#"
        local ticks = require(game.ServerScriptService.Clock)
        shared.heard = 0
        shared.event = Instance.new("BindableEvent")
        local script = testing.script([[
            shared.event.Event:Connect(function() shared.heard += 1 end)
            require(game.ServerScriptService.Clock).start()
            coroutine.wrap(function() task.wait(100) shared.late = true end)()
            task.wait(100)
            shared.late = true
        ]])
        shared.event:Fire()
        task.wait(5.5)
        script:Destroy()
        shared.event:Fire()
        task.wait(200)
        return { module = ticks.module, borrowed = ticks.borrowed, heard = shared.heard, late = shared.late == true }
        "#,
    );
    assert_eq!(outcome.value, json!({ "module": 205, "borrowed": 5, "heard": 1, "late": false }));
}
