//! What a developer gets: the README's code, the examples, the documentation, the model file.

use roblox_testing::Reply;
use roblox_testing::check::Rules;
use roblox_testing::host::Place;
use roblox_testing::model::Module;
use serde_json::json;

use crate::double::{Double, Fault, refusal};
use crate::scenario::{KEY, SOURCE, game};
use crate::types::{findings, package};

fn readme_code() -> Vec<String> {
    let readme = std::fs::read_to_string(package().join("README.md")).unwrap();
    let blocks = readme.split("```lua\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn example(name: &str) -> String {
    std::fs::read_to_string(package().join("examples").join(format!("{name}.server.luau"))).unwrap()
}

/// The module that gives the examples their client.
fn shared_client() -> String {
    std::fs::read_to_string(package().join("examples/Ranks.luau")).unwrap()
}

/// Runs a published script with the API's address in it, then `actions` beside it.
fn run_published(api: &Double, script: &str, actions: &str) -> roblox_testing::Run {
    let at_the_api = |source: &str| source.replace("https://rankbot.example.com", api.url());
    let script = at_the_api(script);
    // The game's own view of the group: Cy was staff once.
    let host = game(api.url()).member(7_042_001, 1, 150, "Chief").member(7_042_001, 44, 150, "Chief");
    let host = host.module("ServerScriptService.Ranks", &at_the_api(&shared_client()));
    let run = host.run(&format!("{script}\n{actions}")).unwrap();
    assert_eq!(run.errors, Vec::<String>::new());
    assert!(run.output.iter().all(|line| !line.text.contains(KEY)));
    run
}

#[test]
fn the_readmes_quick_start_works_as_pasted() {
    // The key is asked which group it is for, then Ada's rank and Bob's.
    let stranger = Fault::Instead(refusal(404, "USER_NOT_IN_GROUP", false));
    let api = Double::with([Fault::None, Fault::None, stranger]);
    let actions = "testing.join(42, 'Ada') task.wait(1) testing.join(43, 'Bob') task.wait(1)";
    let run = run_published(&api, &readme_code()[0], actions);
    let printed: Vec<_> = run.output.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(printed, ["Ada is Rank 1, rank 1", "Bob is not in the group yet"]);
}

#[test]
fn the_readmes_change_works_as_pasted() {
    let api = Double::with([]);
    let actions = "testing.join(42, 'Ada'):SetAttribute('TrainingPassed', true) task.wait(1)";
    let run = run_published(&api, &readme_code()[1], actions);
    assert!(run.output.iter().any(|line| line.text == "Ada went from Rank 1 to Rank 2"), "{:?}", run.output);
}

#[test]
fn every_block_of_the_readme_runs_by_itself() {
    let blocks = readme_code();
    assert_eq!(blocks.len(), 7);
    for block in blocks {
        let api = Double::with([]);
        let script = block
            .replace("http://127.0.0.1:3000", api.url())
            .replace("https://rankbot.example.com", api.url())
            .replace("wesk_…", KEY);
        let run = game(api.url()).secret("AnotherName", KEY).run(&script).unwrap();
        assert_eq!(run.errors, Vec::<String>::new(), "{block}");
    }
}

#[test]
fn every_block_of_the_readme_is_strict_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (index, block) in readme_code().iter().enumerate() {
        files.push(folder.path().join(format!("readme{index}.luau")));
        std::fs::write(&files[index], format!("--!strict\n{block}")).unwrap();
    }
    for rules in Rules::ALL {
        let mut found = findings(&files, rules);
        // The block of the settings only makes its client.
        found.retain(|finding| {
            finding.message != "lint LocalUnused: Variable 'ranks' is never used; prefix with '_' to silence"
        });
        assert_eq!(found, [], "{rules:?}");
    }
}

#[test]
fn a_purchase_that_a_client_only_claims_ranks_nobody() {
    let api = Double::with([]);
    run_published(
        &api,
        &example("GamePassRank"),
        r#"
        local ada = testing.join(42, "Ada")
        for _ = 1, 3 do testing.fire(MarketplaceService, "PromptGamePassPurchaseFinished", ada, PASS_ID, true) end
        task.wait(60)
        "#,
    );
    assert_eq!((api.rank(42), api.server.requests().len()), (1, 0));
}

#[test]
fn a_purchase_that_roblox_knows_of_late_is_found() {
    let api = Double::with([]);
    run_published(
        &api,
        &example("GamePassRank"),
        r#"
        local ada = testing.join(42, "Ada")
        testing.fire(MarketplaceService, "PromptGamePassPurchaseFinished", ada, PASS_ID, true)
        task.wait(5)
        testing.passes[`42/{PASS_ID}`] = true
        task.wait(10)
        "#,
    );
    assert_eq!((api.rank(42), api.moves()), (15, 1));
}

#[test]
fn a_game_pass_ranks_its_owner_and_lowers_nobody() {
    let api = Double::with([]);
    run_published(
        &api,
        &example("GamePassRank"),
        r#"
        local ada, bob = testing.join(42, "Ada"), testing.join(43, "Bob")
        ranks:SetRank(bob, 200)
        MarketplaceService:PromptGamePassPurchase(ada, PASS_ID)
        MarketplaceService:PromptGamePassPurchase(bob, PASS_ID)
        testing.fire(MarketplaceService, "PromptGamePassPurchaseFinished", testing.join(44, "Cy"), PASS_ID, false)
        task.wait(1)
        "#,
    );
    assert_eq!((api.rank(42), api.rank(43), api.rank(44)), (15, 200, 1));
}

#[test]
fn the_terminal_promotes_only_whoever_passed() {
    let api = Double::with([]);
    let run = run_published(
        &api,
        &example("RankTerminal"),
        r#"
        local ada, bob = testing.join(42, "Ada"), testing.join(43, "Bob")
        ada:SetAttribute("TrainingPassed", true)
        for _, player in { ada, ada, bob } do testing.fire(prompt, "Triggered", player) end
        task.wait(1)
        local first = { ada:GetAttribute("TerminalMessage"), bob:GetAttribute("TerminalMessage") }
        for _ = 1, 20 do testing.fire(prompt, "Triggered", ada) task.wait(0.1) end
        assert(testing.requestsInLastMinute() == 2, "a prompt that is held down costs no requests")
        task.wait(SECONDS_BETWEEN_USES)
        testing.fire(prompt, "Triggered", ada)
        task.wait(1)
        return { first, ada:GetAttribute("TerminalMessage") }
        "#,
    );
    assert_eq!(run.value, json!([["Welcome, Rank 10!", "Pass the training first."], "You are Rank 10 already."]));
    assert_eq!((api.rank(42), api.rank(43), api.moves()), (10, 1, 1));
}

#[test]
fn staff_rank_only_those_below_them() {
    let api = Double::with([]);
    let run = run_published(
        &api,
        &example("StaffCommand"),
        r#"
        local chief, ada, bob = testing.join(1, "Chief"), testing.join(42, "Ada"), testing.join(43, "Bob")
        ranks:SetRank(chief, 150)
        ranks:SetRank(bob, 150)
        local function say(player, text)
            testing.fire(command, "Triggered", { UserId = player.UserId }, text)
            task.wait(1)
            local sent = testing.wire[#testing.wire]
            task.wait(SECONDS_BETWEEN_COMMANDS)
            return if sent.to == player.Name then sent.data[1] else "no answer"
        end
        local before = testing.requestsInLastMinute()
        local refused = say(ada, "/rank Bob 5")
        assert(testing.requestsInLastMinute() == before, "whoever is no staff costs no requests")
        local fallen = say(testing.join(44, "Cy"), "/rank Ada 5")
        local answers = { refused, fallen, say(chief, "/Rank bob 5"), say(chief, "/rank ada 150"), say(chief, "/rank ada"),
            say(chief, "/rank nobody 5"), say(chief, "/rank ada 20") }
        testing.fire(command, "Triggered", { UserId = 1 }, "/rank ada 30")
        testing.fire(command, "Triggered", { UserId = 1 }, "/rank ada 40")
        task.wait(1)
        return answers
        "#,
    );
    let expected = json!([
        "You may not rank members.",
        "You may not rank members.",
        "You may only rank members below you, to ranks below yours.",
        "You may only rank members below you, to ranks below yours.",
        "Usage: /rank <player> <rank>",
        "That player is not in this server.",
        "Ada is now Rank 20."
    ]);
    assert_eq!(run.value, expected);
    assert_eq!((api.rank(42), api.rank(43)), (30, 150), "two commands at once are one");
    assert_eq!(api.server.requests().last().unwrap().json()["actorId"], json!(1));
}

#[test]
fn points_raise_and_never_lower() {
    let api = Double::with([]);
    run_published(
        &api,
        &example("PointsPromotion"),
        r#"
        local ada, bob = testing.join(42, "Ada"), testing.join(43, "Bob")
        ranks:SetRank(bob, 200)
        for points = 90, 320, 10 do
            ada:SetAttribute("Points", points)
            bob:SetAttribute("Points", points)
        end
        task.wait(1)
        ada:SetAttribute("Points", 0)
        task.wait(1)
        "#,
    );
    assert_eq!((api.rank(42), api.rank(43)), (20, 200));
}

#[test]
fn points_that_rise_while_a_change_is_made_are_not_lost() {
    // The answer to Ada's first change is slow: her points rise before it comes.
    let role = |rank: u64| json!({ "id": rank * 1000, "name": format!("Rank {rank}"), "rank": rank });
    let first = json!({ "success": true, "groupId": 7, "userId": 42, "action": "setRank", "fromRank": 1, "toRank": 10,
        "changed": true, "fromRole": role(1), "toRole": role(10), "logId": "01A" });
    let key = json!({ "success": true, "keyId": "abcdefghijkl", "groupId": 7, "plan": "pro", "used": 0 });
    let slow = Fault::Instead(Reply::json(200, &first).after(5.0));
    let api = Double::with([Fault::Instead(Reply::json(200, &key)), slow]);
    run_published(
        &api,
        &example("PointsPromotion"),
        r#"
        local ada = testing.join(42, "Ada")
        ada:SetAttribute("Points", 150)
        task.wait(1)
        ada:SetAttribute("Points", 400)
        ada:SetAttribute("Points", 1000)
        task.wait(20)
        "#,
    );
    let requests = api.server.requests();
    let asked: Vec<_> = requests.iter().skip(1).map(|request| request.json()["targetRank"].clone()).collect();
    assert_eq!((asked, api.rank(42)), (vec![json!(10), json!(35)], 35), "one after the other, and none for 400");
}

#[test]
fn points_of_those_whom_nothing_can_raise_cost_one_request_a_visit() {
    let stranger = Fault::Instead(refusal(404, "USER_NOT_IN_GROUP", false));
    let forbidden = Fault::Instead(refusal(403, "RANK_NOT_ALLOWED", false));
    let api = Double::with([Fault::None, stranger, forbidden]);
    run_published(
        &api,
        &example("PointsPromotion"),
        r#"
        for _, player in { testing.join(42, "Ada"), testing.join(43, "Bob") } do
            for points = 100, 2000, 50 do
                player:SetAttribute("Points", points)
                task.wait(1)
            end
        end
        "#,
    );
    assert_eq!(api.server.requests().len(), 3, "the key's group, Ada's refused change, and Bob's");
}

#[test]
fn every_public_member_is_documented_and_says_when_it_yields() {
    let lines: Vec<_> = SOURCE.lines().collect();
    let mut undocumented = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = line.strip_prefix("function RankService.").and_then(|rest| rest.split('(').next()) else {
            continue;
        };
        let start = lines[..index].iter().rposition(|line| *line == "--[=[").unwrap_or(0);
        let comment = lines[start..index].join("\n");
        let documented = lines[index - 1] == "]=]" && comment.len() > 20;
        let yields = name.ends_with("Async");
        if !documented || comment.contains("@yields") != yields {
            undocumented.push(name);
        }
    }
    assert_eq!(undocumented, Vec::<&str>::new());
}

#[test]
fn the_model_file_holds_the_very_sources() {
    let module = Module::read(&package().join("src"), "RankService").unwrap();
    assert_eq!(module.source, SOURCE);
    let bytes = module.to_rbxm().unwrap();
    assert_eq!(Module::from_rbxm(&bytes).unwrap(), module);
}

#[test]
fn the_readmes_rehearsal_shows_what_can_go_wrong() {
    let rehearsal = readme_code().into_iter().find(|block| block.contains("RankService.MockCall")).unwrap();
    let host = roblox_testing::Host::new()
        .module("ServerScriptService.RankService", SOURCE)
        .place(Place::Studio)
        .http(roblox_testing::host::HttpAccess::Disabled);
    let run = host.run(&rehearsal).unwrap();
    assert_eq!(run.errors, Vec::<String>::new());
    let printed: Vec<_> = run.output.iter().map(|line| line.text.as_str()).collect();
    let expected = [
        "-1: USER_NOT_IN_GROUP",
        "-2: ALREADY_HIGHEST_RANK",
        "-3: TARGET_NOT_MANAGEABLE",
        "-4 is now Moderator, after a lost answer: true",
        "-5: MONTHLY_LIMIT_REACHED",
    ];
    assert_eq!(printed, expected);
}

#[test]
fn the_studio_mock_of_the_readme_needs_no_secret_and_no_http() {
    let host = roblox_testing::Host::new()
        .module("ServerScriptService.RankService", SOURCE)
        .place(Place::Studio)
        .http(roblox_testing::host::HttpAccess::Disabled);
    let settings = readme_code().into_iter().find(|block| block.contains("AnotherName")).unwrap();
    let script = format!("{settings}\nreturn ranks:Promote(42).ok");
    assert_eq!(host.run(&script).unwrap().value, json!(true));

    // And in a live server it takes the Secret that it names.
    let api = Double::with([]);
    let live = roblox_testing::Host::new()
        .module("ServerScriptService.RankService", SOURCE)
        .secret("AnotherName", KEY)
        .run(&script.replace("https://rankbot.example.com", api.url()));
    assert_eq!(live.unwrap().value, json!(true));
    assert!(api.server.requests()[0].header("authorization").unwrap().ends_with(KEY));
}
