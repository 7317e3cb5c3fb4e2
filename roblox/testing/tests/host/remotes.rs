//! Remotes: what crosses, and what waits for whoever is to hear it.

use roblox_testing::Host;
use serde_json::json;

use crate::run;

#[test]
fn remotes_copy_what_crosses_and_the_wire_remembers_it() {
    let client = r#"
        local remote = game:GetService("ReplicatedStorage"):WaitForChild("Ask")
        local answer = remote:InvokeServer({ n = 20, f = function() end })
        game.ReplicatedStorage.Tell:FireServer(answer, game:GetService("Players").LocalPlayer.Name)
    "#;
    let outcome = run(
        Host::new().client(7, "Ada", client),
        r#"
        local storage = game:GetService("ReplicatedStorage")
        local ask, tell = Instance.new("RemoteFunction"), Instance.new("RemoteEvent")
        ask.Name, tell.Name = "Ask", "Tell"
        local kept = { n = 1 }
        ask.OnServerInvoke = function(player, question)
            kept.user, kept.hasFunction = player.UserId, question.f ~= nil
            return { double = question.n * 2, kept = kept }
        end
        local told
        tell.OnServerEvent:Connect(function(player, answer, name)
            told = { double = answer.double, name = name, sameTable = answer.kept == kept }
        end)
        ask.Parent, tell.Parent = storage, storage
        task.wait(1)
        return { told = told, kept = kept, wire = #testing.wire, first = testing.wire[1].from }
        "#,
    );
    let expected = json!({
        "told": { "double": 40, "name": "Ada", "sameTable": false },
        "kept": { "n": 1, "user": 7, "hasFunction": false },
        "wire": 3, "first": "Ada",
    });
    assert_eq!(outcome.value, expected);
}

#[test]
fn an_event_for_one_client_reaches_that_client_alone() {
    let listen = r#"
        game:GetService("ReplicatedStorage"):WaitForChild("Tell").OnClientEvent:Connect(function(text)
            print(game:GetService("Players").LocalPlayer.Name .. " heard " .. text)
        end)
    "#;
    let outcome = run(
        Host::new().client(7, "Ada", listen).client(8, "Bob", listen),
        r#"
        local tell = Instance.new("RemoteEvent", game:GetService("ReplicatedStorage"))
        tell.Name = "Tell"
        task.wait(1)
        tell:FireClient(game:GetService("Players"):GetPlayerByUserId(8), "you")
        tell:FireAllClients("all")
        task.wait(1)
        "#,
    );
    let heard: Vec<_> = outcome.output.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(heard, ["Bob heard you", "Ada heard all", "Bob heard all"]);
}

#[test]
fn events_wait_in_order_for_the_first_who_connects() {
    let client = r#"
        local Players = game:GetService("Players")
        local remotes = game:GetService("ReplicatedStorage")
        local tell, report = remotes:WaitForChild("Tell"), remotes:WaitForChild("Report")
        report:FireServer(1)
        report:FireServer(2)
        task.wait(5)
        local heard = {}
        tell.OnClientEvent:Connect(function(text) table.insert(heard, text) end)
        assert(#heard == 0, "a queue is handed over after the thread that connected")
        task.wait(1)
        print(`{Players.LocalPlayer.Name}: {table.concat(heard, " ")}`)
    "#;
    let outcome = run(
        Host::new().client(7, "Ada", client).client(8, "Bob", client),
        r#"
        local storage = game:GetService("ReplicatedStorage")
        local tell, report = Instance.new("RemoteEvent"), Instance.new("RemoteEvent")
        tell.Name, report.Name = "Tell", "Report"
        tell.Parent, report.Parent = storage, storage
        local ada = game:GetService("Players"):GetPlayerByUserId(7)
        tell:FireClient(ada, "one")
        tell:FireAllClients("two")
        task.wait(2)
        local reports = {}
        report.OnServerEvent:Once(function(player, n) table.insert(reports, `first {player.Name} {n}`) end)
        task.wait(1)
        report.OnServerEvent:Connect(function(player, n)
            table.insert(reports, `{player.Name} {n}`)
        end)
        task.wait(4)
        tell:FireAllClients("three")
        return reports
        "#,
    );
    assert_eq!(outcome.value, json!(["first Ada 1", "Ada 2", "Bob 1", "Bob 2"]));
    let heard: Vec<_> = outcome.output.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(heard, ["Ada: one two", "Bob: two"]);
}

#[test]
fn an_event_fired_while_the_queue_is_handed_over_comes_after_it() {
    let client = r#"
        local remotes = game:GetService("ReplicatedStorage")
        local tell, report = remotes:WaitForChild("Tell"), remotes:WaitForChild("Report")
        task.wait(1)
        tell.OnClientEvent:Connect(function(text)
            print(text)
            if text == "one" then report:FireServer() end
        end)
    "#;
    let outcome = run(
        Host::new().client(7, "Ada", client),
        r#"
        local storage = game:GetService("ReplicatedStorage")
        local tell, report = Instance.new("RemoteEvent"), Instance.new("RemoteEvent")
        tell.Name, report.Name = "Tell", "Report"
        tell.Parent, report.Parent = storage, storage
        report.OnServerEvent:Connect(function(player) tell:FireClient(player, "answer to one") end)
        tell:FireAllClients("one")
        tell:FireAllClients("two")
        task.wait(2)
        "#,
    );
    let heard: Vec<_> = outcome.output.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(heard, ["one", "two", "answer to one"]);
}

#[test]
fn a_queue_has_an_end() {
    let outcome = run(
        Host::new(),
        r#"
        local player = testing.join(7, "Ada")
        local storage = game:GetService("ReplicatedStorage")
        local tell = Instance.new("RemoteEvent", storage)
        tell.Name = "Tell"
        for n = 1, 300 do tell:FireClient(player, n) end
        "#,
    );
    assert_eq!(outcome.warnings().len(), 300 - 256, "{:?}", outcome.warnings().first());
    assert!(outcome.warnings()[0].contains("ReplicatedStorage.Tell"), "{}", outcome.warnings()[0]);
}

#[test]
fn an_unreliable_event_nobody_hears_is_lost() {
    let client = r#"
        local hint = game:GetService("ReplicatedStorage"):WaitForChild("Hint")
        task.wait(1)
        hint.OnClientEvent:Connect(function(n) print(n) end)
    "#;
    let outcome = run(
        Host::new().client(7, "Ada", client),
        r#"
        local hint = Instance.new("UnreliableRemoteEvent", game:GetService("ReplicatedStorage"))
        hint.Name = "Hint"
        hint:FireAllClients("early")
        task.wait(2)
        hint:FireAllClients("heard")
        "#,
    );
    let heard: Vec<_> = outcome.output.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(heard, ["heard"]);
}

#[test]
fn each_side_has_its_own_event() {
    let client = r#"
        local tell = game:GetService("ReplicatedStorage"):WaitForChild("Tell")
        print((pcall(function() tell.OnServerEvent:Connect(print) end)))
    "#;
    let outcome = run(
        Host::new().client(7, "Ada", client),
        r#"
        local tell = Instance.new("RemoteEvent")
        tell.Name = "Tell"
        tell.Parent = game:GetService("ReplicatedStorage")
        task.wait(1)
        return (pcall(function() tell.OnClientEvent:Connect(print) end))
        "#,
    );
    assert_eq!(outcome.value, json!(false));
    assert_eq!(outcome.output[0].text, "false");
}
