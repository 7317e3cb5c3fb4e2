//! Against RankBot itself: the real functions, on one machine, with the sandbox as Roblox.

use rankbot::local::{Local, LocalOptions};
use rankbot_sandbox::demo;
use rankbot_shared::domain::plan::Plan;
use roblox_testing::{Reply, Run, ScriptedServer};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::scenario::{bare_game, code};

/// A running RankBot, and the runtime that it runs on.
pub(crate) struct Rankbot {
    pub(crate) local: Local,
    runtime: Runtime,
}

impl Rankbot {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let local = runtime.block_on(Local::start(LocalOptions::default())).unwrap();
        Self { local, runtime }
    }

    /// Runs `script` with `ranks`, a client with the key of `plan`.
    pub(crate) fn play(&self, plan: Plan, script: &str) -> Run {
        self.play_through(&self.local.url(), plan, script)
    }

    /// The same, over another address.
    fn play_through(&self, url: &str, plan: Plan, script: &str) -> Run {
        let host = bare_game(url).secret("RankBotKey", self.local.key(plan).reveal());
        let script = format!(
            "local RankService = require(game:GetService('ServerScriptService').RankService) \
             local ranks = RankService.new({{ baseUrl = testing.values.url }}) {script}"
        );
        let run = host.run(&script).unwrap();
        assert_eq!(run.errors, Vec::<String>::new());
        run
    }

    fn rank(&self, user_id: u64) -> u8 {
        self.local.sandbox().unwrap().rank_of(demo::GROUP_ID, user_id).unwrap()
    }

    /// An address that passes every request on, and loses the answer to every other one.
    fn lossy_address(&self) -> ScriptedServer {
        let (handle, url) = (self.runtime.handle().clone(), self.local.url());
        let client = reqwest::Client::new();
        let mut lose = false;
        ScriptedServer::start(move |request| {
            let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap();
            let mut onward = client.request(method, format!("{url}{}", request.path)).body(request.body.clone());
            for name in ["authorization", "content-type", "idempotency-key"] {
                if let Some(value) = request.header(name) {
                    onward = onward.header(name, value);
                }
            }
            let (status, replayed, body) = handle.block_on(async {
                let answer = onward.send().await.unwrap();
                let replayed = answer.headers().contains_key("idempotency-replayed");
                (answer.status().as_u16(), replayed, answer.text().await.unwrap())
            });
            lose = !lose;
            match (lose, replayed) {
                (true, _) => Reply::Drop,
                (false, true) => Reply::text(status, body).with("Idempotency-Replayed", "true"),
                (false, false) => Reply::text(status, body),
            }
        })
        .unwrap()
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.local.stop());
    }
}

#[test]
fn reads_fit_what_the_api_really_answers() {
    let rankbot = Rankbot::start();
    let run = rankbot.play(
        Plan::Pro,
        &format!(
            "local group, roles, key, rank = ranks:GetGroup(), ranks:GetRoles(), ranks:GetKey(), ranks:GetRank({}) \
             return {{ group = group, roles = roles, key = key, rank = rank, quota = ranks:GetQuota() }}",
            demo::SEVERAL_ROLES_USER_ID
        ),
    );
    let value = &run.value;
    assert_eq!(value["group"]["value"]["name"], json!("Blox Airways"), "{value}");
    assert_eq!(value["group"]["value"]["ownerId"], json!(demo::OWNER_USER_ID));
    let roles = value["roles"]["value"].as_array().unwrap();
    assert_eq!((&roles[0]["rank"], &roles[roles.len() - 1]["rank"]), (&json!(0), &json!(255)));
    assert_eq!(value["key"]["value"]["plan"], json!("pro"));
    assert_eq!(value["key"]["value"]["groupId"], json!(demo::GROUP_ID));
    assert_eq!(value["rank"]["value"]["roleName"], json!("Senior Crew"));
    assert!(value["rank"]["value"]["roles"].as_array().unwrap().len() >= 3);
    assert_eq!(value["quota"]["limit"], json!(5000));
    assert!(value["quota"]["resetsAt"].as_u64().unwrap() > 1_700_000_000);
    rankbot.stop();
}

#[test]
fn changes_really_happen() {
    let rankbot = Rankbot::start();
    let run = rankbot.play(
        Plan::Pro,
        &format!(
            "local user = {} \
             local up = ranks:Promote(user, {{ reason = 'Passed', actor = 5 }}) \
             local dry = ranks:SetRank(user, 80, {{ dryRun = true }}) \
             local set = ranks:SetRank(user, 80) \
             local again = ranks:SetRank(user, 80) \
             local down = ranks:Demote(user, {{ steps = 2 }}) \
             local byRole = ranks:SetRole(user, {}) \
             return {{ up, dry, set, again, down, byRole }}",
            demo::TRAINEE_USER_ID,
            demo::role::CABIN_CREW
        ),
    );
    let moves: Vec<_> = run
        .value
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let value = &result["value"];
            (value["fromRank"].clone(), value["toRank"].clone(), value["changed"].clone(), value["dryRun"].clone())
        })
        .collect();
    let expected = [
        (10, 15, true, false),
        (15, 80, true, true),
        (15, 80, true, false),
        (80, 80, false, false),
        (80, 35, true, false),
        (35, 20, true, false),
    ];
    assert_eq!(moves, expected.map(|(from, to, changed, dry)| (json!(from), json!(to), json!(changed), json!(dry))));
    assert_eq!(rankbot.rank(demo::TRAINEE_USER_ID), 20);
    rankbot.stop();
}

#[test]
fn refusals_arrive_under_their_codes() {
    let rankbot = Rankbot::start();
    let run = rankbot.play(
        Plan::Starter,
        &format!(
            "return {{ ranks:SetRank({base}, 77), ranks:SetRank({base}, 300), ranks:GetRank({stranger}), \
             ranks:Promote({stranger}), ranks:SetRank({owner}, 10), ranks:Demote({base}), \
             ranks:Promote({base}, {{ steps = 11 }}), ranks:SetRank({base}, 1, {{ reason = '' }}) }}",
            base = demo::BASE_ONLY_USER_ID,
            stranger = demo::STRANGER_USER_ID,
            owner = demo::OWNER_USER_ID,
        ),
    );
    let results = run.value.as_array().unwrap();
    let codes: Vec<_> = results.iter().map(code).collect();
    let expected = [
        "ROLE_NOT_FOUND",
        "INVALID_PARAMETER",
        "USER_NOT_IN_GROUP",
        "USER_NOT_IN_GROUP",
        "TARGET_NOT_MANAGEABLE",
        "PLAN_REQUIRED",
        "INVALID_PARAMETER",
        "INVALID_PARAMETER",
    ];
    assert_eq!(codes, expected);
    // The values that cannot be right are refused before anything is sent.
    let attempts: Vec<_> = results.iter().map(|result| result["error"]["attempts"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 0, 1, 1, 1, 1, 0, 0], "no refusal is repeated");
    assert!(
        results
            .iter()
            .all(|result| result["error"]["requestId"].is_string() == (result["error"]["attempts"] == json!(1)))
    );
    rankbot.stop();
}

#[test]
fn the_lowest_rank_is_an_answer_not_a_fault() {
    let rankbot = Rankbot::start();
    let run = rankbot.play(Plan::Max, &format!("return ranks:Demote({})", demo::BASE_ONLY_USER_ID));
    assert_eq!(code(&run.value), "ALREADY_LOWEST_RANK", "{}", run.value);
    assert_eq!(run.value["error"]["status"], json!(200));
    let change = &run.value["error"]["change"];
    assert_eq!((&change["fromRank"], &change["changed"]), (&json!(1), &json!(false)), "{}", run.value);
    assert!(change["logId"].is_string(), "{}", run.value);
    rankbot.stop();
}

#[test]
fn the_month_ends_at_the_plans_limit_and_a_false_key_at_once() {
    let rankbot = Rankbot::start();
    let run = rankbot.play(
        Plan::Starter,
        &format!(
            "local low, codes = 0, {{}} \
             for _ = 1, 101 do \
                 local result = ranks:GetRank({}) \
                 if not result.ok then table.insert(codes, result.error.code) end \
             end \
             return {{ codes = codes, remaining = ranks:GetQuota().remaining, key = ranks:GetKey().ok }}",
            demo::TRAINEE_USER_ID
        ),
    );
    assert_eq!(run.value, json!({ "codes": ["MONTHLY_LIMIT_REACHED"], "remaining": 0, "key": true }));

    let stranger = bare_game(&rankbot.local.url()).secret("RankBotKey", crate::scenario::KEY);
    let script = "local RankService = require(game:GetService('ServerScriptService').RankService) \
                  return RankService.new({ baseUrl = testing.values.url }):Promote(1)";
    let refused: Value = stranger.run(script).unwrap().value;
    assert_eq!(code(&refused), "INVALID_API_KEY");
    rankbot.stop();
}

#[test]
fn five_promotes_whose_answers_are_lost_move_five_steps() {
    let rankbot = Rankbot::start();
    let lossy = rankbot.lossy_address();
    let run = rankbot.play_through(
        lossy.url(),
        Plan::Pro,
        &format!(
            "local results = {{}} \
             for _ = 1, 5 do table.insert(results, ranks:Promote({})) end \
             return results",
            demo::TRAINEE_USER_ID
        ),
    );
    let results = run.value.as_array().unwrap();
    let reached: Vec<_> = results.iter().map(|result| result["value"]["toRank"].clone()).collect();
    assert_eq!(reached, [15, 20, 35, 50, 80].map(|rank| json!(rank)), "{}", run.value);
    assert!(results.iter().all(|result| result["value"]["replayed"] == json!(true)));
    assert_eq!(rankbot.rank(demo::TRAINEE_USER_ID), 80);
    rankbot.stop();
}

#[test]
fn promotes_asked_for_at_once_all_happen() {
    let rankbot = Rankbot::start();
    let run = rankbot.play(
        Plan::Pro,
        &format!(
            "local reached = {{}} \
             for _ = 1, 5 do task.spawn(function() \
                 table.insert(reached, ranks:Promote({}).value.toRank) \
             end) end \
             while #reached < 5 do task.wait() end \
             return reached",
            demo::TRAINEE_USER_ID
        ),
    );
    assert_eq!(run.value, json!([15, 20, 35, 50, 80]));
    rankbot.stop();
}

#[test]
fn the_log_tells_and_undoes_what_was_done() {
    let rankbot = Rankbot::start();
    let run = rankbot.play(
        Plan::Pro,
        &format!(
            "local user = {user} \
             local first = ranks:Promote(user, {{ reason = 'One', actor = 5 }}) \
             local second = ranks:Promote(user) \
             local refused = ranks:Undo(first.value.logId) \
             local undone = ranks:Undo(second.value.logId) \
             local page = ranks:GetLogs({{ user = user, limit = 1 }}) \
             local rest = ranks:GetLogs({{ user = user, cursor = page.value.nextCursor, from = 1 }}) \
             return {{ refused = refused.error and refused.error.code, undone = undone.value, newest = page.value.entries[1], \
                 count = #rest.value.entries, oldest = rest.value.entries[#rest.value.entries], \
                 missing = ranks:Undo('01M83P4KMY6M3133AQ1PM20CTE').error.code }}",
            user = demo::TRAINEE_USER_ID
        ),
    );
    let value = &run.value;
    assert_eq!((&value["refused"], &value["missing"]), (&json!("CHANGED_SINCE"), &json!("LOG_NOT_FOUND")), "{value}");
    assert_eq!((&value["undone"]["toRank"], &value["undone"]["action"]), (&json!(15), &json!("undo")), "{value}");
    assert_eq!(value["newest"]["undoes"], value["undone"]["undoes"]);
    assert_eq!((&value["count"], &value["oldest"]["reason"]), (&json!(2), &json!("One")), "{value}");
    assert_eq!(value["oldest"]["actorId"], json!(5));
    assert!(value["oldest"]["time"].as_u64().unwrap() > 1_700_000_000);
    rankbot.stop();
}
