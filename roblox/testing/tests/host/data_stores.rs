//! Data stores: what they hold, what they refuse, and what they cost.

use roblox_testing::{Host, Run};
use serde_json::{Value, json};

/// Runs `source` with `DataStoreService`, `store` (the store "Drafts") and `refusal(method, ...)`, a call's error.
fn run(host: Host, source: &str) -> Run {
    let prelude = r#"
        local DataStoreService = game:GetService("DataStoreService")
        local store = DataStoreService:GetDataStore("Drafts")
        local function refusal(method, ...)
            local ok, problem = pcall(method, ...)
            return if ok then "accepted" else problem
        end
        local function left(kind)
            return DataStoreService:GetRequestBudgetForRequestType(Enum.DataStoreRequestType[kind])
        end
    "#;
    crate::run(host, &format!("{prelude}{source}"))
}

fn value(source: &str) -> Value {
    run(Host::new(), source).value
}

#[test]
fn a_store_is_known_by_its_name_and_scope() {
    let found = value(
        r#"
        store:SetAsync("k", "here")
        local other = DataStoreService:GetDataStore("Drafts", "other")
        local options = Instance.new("DataStoreOptions")
        options.AllScopes = true
        local all = DataStoreService:GetDataStore("Drafts", "", options)
        other:SetAsync("k", "there")
        DataStoreService:GetGlobalDataStore():SetAsync("k", "everywhere")
        return {
            same = store == DataStoreService:GetDataStore("Drafts", "global"),
            apart = store ~= other, here = store:GetAsync("k"), there = other:GetAsync("k"),
            elsewhere = DataStoreService:GetDataStore("Other"):GetAsync("k") == nil,
            ordered = DataStoreService:GetOrderedDataStore("Drafts"):GetAsync("k") == nil,
            default = DataStoreService:GetGlobalDataStore():GetAsync("k"),
            all = { (all:GetAsync("global/k")), (all:GetAsync("other/k")) },
            unscoped = refusal(all.GetAsync, all, "k"),
        }
        "#,
    );
    let expected = json!({ "same": true, "apart": true, "here": "here", "there": "there", "elsewhere": true,
        "ordered": true, "default": "everywhere", "all": ["here", "there"],
        "unscoped": "With AllScopes a key must be of the form scope/key" });
    assert_eq!(found, expected);
}

#[test]
fn names_and_keys_have_their_lengths() {
    let refusals = value(
        r#"
        local longest = string.rep("n", 50)
        DataStoreService:GetDataStore(longest, longest):SetAsync(longest, 1)
        DataStoreService:GetOrderedDataStore(longest)
        store:SetAsync(7, "a number is taken as its text")
        local function open(...) return refusal(DataStoreService.GetDataStore, DataStoreService, ...) end
        return {
            open(""), open("Drafts", ""), open(longest .. "n"), open("Drafts", longest .. "n"), open(nil),
            refusal(DataStoreService.GetOrderedDataStore, DataStoreService, ""),
            refusal(store.SetAsync, store, "", 1), refusal(store.GetAsync, store, longest .. "n"),
            refusal(store.GetAsync, store, nil), (store:GetAsync("7")),
        }
        "#,
    );
    let expected = json!([
        "DataStore name can't be empty string",
        "DataStore scope can't be empty string",
        "DataStore name is too long",
        "DataStore scope is too long",
        "DataStore name must be a string",
        "DataStore name can't be empty string",
        "101: Key name can't be empty.",
        "102: Key name exceeds the 50 character limit.",
        "Argument 1 missing or nil",
        "a number is taken as its text",
    ]);
    assert_eq!(refusals, expected);
}

#[test]
fn a_client_opens_no_store() {
    let client = r#"
        local service = game:GetService("DataStoreService")
        print(select(2, pcall(service.GetDataStore, service, "Drafts")))
    "#;
    let outcome = run(Host::new().client(7, "Ada", client), "task.wait(1)");
    assert_eq!(outcome.output[0].text, "DataStore can't be accessed from the client");
}

#[test]
fn a_value_is_kept_as_json_keeps_it() {
    let found = value(
        r#"
        local given = { list = { 1, { true } }, text = "é", none = {}, sparse = { [7] = "seven", [9.5] = "x" } }
        store:SetAsync("k", given)
        given.text = "changed"
        local kept = store:GetAsync("k")
        kept.list[1] = 99
        return { again = store:GetAsync("k"), own = kept ~= store:GetAsync("k"), number = kept.sparse[7] == nil }
        "#,
    );
    let again = json!({ "list": [1, [true]], "text": "é", "none": [], "sparse": { "7": "seven", "9.5": "x" } });
    assert_eq!(found, json!({ "again": again, "own": true, "number": true }));
}

#[test]
fn what_json_cannot_keep_is_refused_by_name() {
    let refusals = value(
        r#"
        local function set(value) return refusal(store.SetAsync, store, "k", value) end
        local cycle = {}
        cycle[1] = cycle
        local refused = {
            set(print), set(workspace), set(Vector3.one), set(0 / 0), set(math.huge), set("\255"),
            set({ print }), set({ at = workspace }), set({ 1, nil, 3 }), set({ 1, key = 2 }), set({ [workspace] = 1 }),
            set({ deep = { { 0 / 0 } } }), set(cycle), set(nil),
            refusal(store.UpdateAsync, store, "k", function() return print end),
        }
        assert(store:GetAsync("k") == nil)
        return refused
        "#,
    );
    let cannot = |kind: &str| {
        format!("104: Cannot store {kind} in data store. Data stores can only accept valid UTF-8 characters.")
    };
    let named = [
        "function",
        "Instance",
        "Vector3",
        "double",
        "double",
        "string",
        "Array",
        "Dictionary",
        "Array",
        "Array",
        "Dictionary",
        "Array",
        "Array",
    ];
    let mut expected: Vec<_> = named.into_iter().map(cannot).collect();
    expected.extend(["Argument 2 missing or nil".to_owned(), cannot("function")]);
    assert_eq!(refusals, json!(expected));
}

#[test]
fn a_value_may_have_four_mebibytes_of_json() {
    let found = value(
        r#"
        local longest = string.rep("x", 4194304 - 2)
        store:SetAsync("k", longest)
        return { #store:GetAsync("k"), refusal(store.SetAsync, store, "k", longest .. "x") }
        "#,
    );
    assert_eq!(found, json!([4_194_302, "105: Serialized value exceeds 4MB limit."]));
}

#[test]
fn what_is_known_of_a_key_comes_with_its_value() {
    let found = value(
        r#"
        local options = Instance.new("DataStoreSetOptions")
        options:SetMetadata({ form = "moderator" })
        local version = store:SetAsync("k", 1, { 7, 8 }, options)
        local _, first = store:GetAsync("k")
        task.wait(10)
        local newer = store:SetAsync("k", 2)
        local value, second = store:GetAsync("k")
        local none, nothing = store:GetAsync("missing")
        return {
            value = value, kind = second.ClassName, ids = first:GetUserIds(), metadata = first:GetMetadata(),
            version = first.Version == version, newer = newer ~= version and second.Version == newer,
            created = first.CreatedTime == second.CreatedTime and first.CreatedTime == first.UpdatedTime,
            recent = math.abs(first.CreatedTime / 1000 - (os.time() - 10)) < 5,
            took = second.UpdatedTime - first.UpdatedTime >= 10000,
            cleared = { #second:GetUserIds(), next(second:GetMetadata()) == nil },
            nothing = none == nil and nothing == nil, readOnly = (pcall(function() first.Version = "1" end)),
        }
        "#,
    );
    let expected = json!({ "value": 2, "kind": "DataStoreKeyInfo", "ids": [7, 8], "metadata": { "form": "moderator" },
        "version": true, "newer": true, "created": true, "recent": true, "took": true, "cleared": [0, true],
        "nothing": true, "readOnly": false });
    assert_eq!(found, expected);
}

#[test]
fn what_is_said_beside_a_value_has_limits() {
    let refusals = value(
        r#"
        local function ids(list) return refusal(store.SetAsync, store, "k", 1, list) end
        local function metadata(described)
            return refusal(store.UpdateAsync, store, "k", function() return 1, {}, described end)
        end
        return {
            ids({ 1, 2, 3, 4 }), ids({ 1, 2, 3, 4, 5 }), ids({ "7" }), ids(7),
            metadata({ a = string.rep("x", 200) }), metadata({ a = string.rep("x", 260) }),
            metadata({ a = string.rep("x", 200), b = string.rep("x", 200) }),
            metadata({ [string.rep("k", 51)] = 1 }), metadata("text"),
            refusal(store.SetAsync, store, "k", 1, {}, { form = "a" }),
        }
        "#,
    );
    let expected = json!([
        "accepted",
        "512: UserID size exceeds 4 limit.",
        "513: Attribute userId format is invalid.",
        "513: Attribute userId format is invalid.",
        "accepted",
        "511: Metadata attribute size exceeds 300 limit.",
        "511: Metadata attribute size exceeds 300 limit.",
        "511: Metadata attribute size exceeds 300 limit.",
        "513: Attribute metadata format is invalid.",
        "DataStoreSetOptions expected, got Dictionary",
    ]);
    assert_eq!(refusals, expected);
}

#[test]
fn an_update_sees_the_value_and_may_leave_it() {
    let found = value(
        r#"
        local seen = {}
        local made, info = store:UpdateAsync("k", function(old, known)
            table.insert(seen, old == nil and known == nil)
            return { n = 1 }, { 7 }, { form = "a" }
        end)
        local changed, newer = store:UpdateAsync("k", function(old, known)
            table.insert(seen, old.n == 1 and known.Version == info.Version)
            old.n += 1
            return old, known:GetUserIds(), known:GetMetadata()
        end)
        local left, nothing = store:UpdateAsync("k", function(old)
            old.n = 99
            return nil
        end)
        local thrown = refusal(store.UpdateAsync, store, "k", function() error("mine", 0) end)
        return { seen = seen, made = made.n, changed = changed.n, ids = newer:GetUserIds(),
            form = newer:GetMetadata().form, newer = newer.Version ~= info.Version,
            left = left == nil and nothing == nil, kept = store:GetAsync("k").n, thrown = thrown }
        "#,
    );
    let expected = json!({ "seen": [true, true], "made": 1, "changed": 2, "ids": [7], "form": "a", "newer": true,
        "left": true, "kept": 2, "thrown": "mine" });
    assert_eq!(found, expected);
}

#[test]
fn an_updates_function_may_not_yield() {
    let found = value(
        r#"
        local ran = false
        local problem = refusal(store.UpdateAsync, store, "k", function()
            task.wait(1)
            ran = true
            return 1
        end)
        task.wait(5)
        return { problem = problem, ran = ran, kept = store:GetAsync("k") ~= nil }
        "#,
    );
    assert_eq!(found, json!({ "problem": "Callbacks cannot yield", "ran": false, "kept": false }));
}

#[test]
fn an_update_is_done_again_when_another_wrote_meanwhile() {
    let found = value(
        r#"
        local calls, done = 0, 0
        for _ = 1, 5 do
            task.spawn(function()
                store:UpdateAsync("k", function(old)
                    calls += 1
                    return (old or 0) + 1
                end)
                done += 1
            end)
        end
        task.wait(10)
        return { kept = store:GetAsync("k"), done = done, again = calls > 5 }
        "#,
    );
    assert_eq!(found, json!({ "kept": 5, "done": 5, "again": true }));
}

#[test]
fn an_increment_is_of_integers() {
    let found = value(
        r#"
        local one, info = store:IncrementAsync("k")
        local options = Instance.new("DataStoreIncrementOptions")
        options:SetMetadata({ form = "a" })
        local three, known = store:IncrementAsync("k", 2, { 7 }, options)
        store:SetAsync("text", "a")
        store:SetAsync("half", 0.5)
        return { one, three, store:GetAsync("k"), known:GetUserIds()[1], known:GetMetadata().form,
            info.Version ~= known.Version,
            refusal(store.IncrementAsync, store, "k", 0.5), refusal(store.IncrementAsync, store, "text"),
            refusal(store.IncrementAsync, store, "half") }
        "#,
    );
    let expected = json!([
        1,
        3,
        3,
        7,
        "a",
        true,
        "103: double is not allowed in data stores.",
        "103: string is not allowed in data stores.",
        "103: double is not allowed in data stores."
    ]);
    assert_eq!(found, expected);
}

#[test]
fn a_removed_key_leaves_a_tombstone_in_the_list() {
    let found = value(
        r#"
        local names = { "user_1", "user_2", "user_3", "form_1" }
        for _, name in names do store:SetAsync(name, name, { 7 }) end
        DataStoreService:GetDataStore("Drafts", "other"):SetAsync("user_9", 1)
        local old, info = store:RemoveAsync("user_2")
        local none, nothing = store:RemoveAsync("user_2")
        local function keys(...)
            local found = {}
            local pages = store:ListKeysAsync(...)
            while true do
                for _, key in pages:GetCurrentPage() do table.insert(found, key.KeyName) end
                if pages.IsFinished then return table.concat(found, " ") end
                table.insert(found, "|")
                pages:AdvanceToNextPageAsync()
            end
        end
        local first = store:ListKeysAsync("user_", 2)
        return { old = old, ids = info:GetUserIds(), none = none == nil and nothing == nil,
            gone = store:GetAsync("user_2") == nil, all = keys(), users = keys("user_", 2),
            kept = keys("user_", nil, nil, true), rest = keys("user_", 2, first.Cursor) }
        "#,
    );
    let expected = json!({ "old": "user_2", "ids": [7], "none": true, "gone": true,
        "all": "form_1 user_1 user_2 user_3", "users": "user_1 user_2 | user_3", "kept": "user_1 user_3",
        "rest": "user_3" });
    assert_eq!(found, expected);
}

#[test]
fn an_ordered_store_sorts_integers_into_pages() {
    let found = value(
        r#"
        local ages = DataStoreService:GetOrderedDataStore("Ages")
        for name, age in { Mars = 19, Janus = 20, Diana = 18, Venus = 20, Neptune = -62 } do ages:SetAsync(name, age) end
        local function pages(...)
            local found = {}
            local pages = ages:GetSortedAsync(...)
            while true do
                local page = {}
                for _, entry in pages:GetCurrentPage() do table.insert(page, `{entry.key} {entry.value}`) end
                table.insert(found, page)
                if pages.IsFinished then return found, pages end
                pages:AdvanceToNextPageAsync()
            end
        end
        local up, last = pages(true, 2)
        return { up = up, down = pages(false, 3, 18, 20), none = pages(true, 10, 100),
            beyond = refusal(last.AdvanceToNextPageAsync, last) }
        "#,
    );
    let expected = json!({
        "up": [["Neptune -62", "Diana 18"], ["Mars 19", "Janus 20"], ["Venus 20"]],
        "down": [["Janus 20", "Venus 20", "Mars 19"], ["Diana 18"]], "none": [[]],
        "beyond": "No pages to advance to",
    });
    assert_eq!(found, expected);
}

#[test]
fn an_ordered_store_takes_integers_alone_and_knows_no_more() {
    let found = value(
        r#"
        local ages = DataStoreService:GetOrderedDataStore("Ages")
        local function set(...) return refusal(ages.SetAsync, ages, "k", ...) end
        local function sorted(...) return refusal(ages.GetSortedAsync, ages, true, ...) end
        ages:SetAsync("k", 5)
        local value, info = ages:UpdateAsync("k", function(old, known)
            assert(old == 5 and known == nil)
            return old + 1
        end)
        local removed = ages:RemoveAsync("k")
        return {
            value = value, info = info == nil, removed = removed, gone = ages:GetAsync("k") == nil,
            refused = { set("5"), set(0.5), set({ 5 }), set({ a = 5 }), set(math.huge), set(5, { 7 }),
                sorted(0), sorted(101), sorted(10, 0.5), sorted(10, nil, "5"), sorted(10, 6, 5) },
        }
        "#,
    );
    let refused = json!([
        "103: string is not allowed in data stores.",
        "103: double is not allowed in data stores.",
        "103: Array is not allowed in data stores.",
        "103: Dictionary is not allowed in data stores.",
        "103: double is not allowed in data stores.",
        "517: Additional parameter UserIds not allowed",
        "106: PageSize must be within a predefined range.",
        "106: PageSize must be within a predefined range.",
        "106: MinValue must be an integer.",
        "106: MaxValue must be an integer.",
        "107: MaxValue must be greater than or equal to MinValue.",
    ]);
    assert_eq!(found, json!({ "value": 6, "info": true, "removed": 6, "gone": true, "refused": refused }));
}

#[test]
fn each_type_of_request_has_a_budget_and_says_what_is_left() {
    let found = value(
        r#"
        local ages = DataStoreService:GetOrderedDataStore("Ages")
        local kinds = { "GetAsync", "SetIncrementAsync", "UpdateAsync", "GetSortedAsync", "SetIncrementSortedAsync",
            "ListAsync" }
        local function all()
            local numbers = {}
            for index, kind in kinds do numbers[index] = left(kind) end
            return numbers
        end
        local fresh = all()
        store:GetAsync("k")
        store:SetAsync("k", 1)
        store:IncrementAsync("k")
        store:UpdateAsync("k", function(old) return old end)
        store:UpdateAsync("k", function() return nil end)
        store:RemoveAsync("k")
        ages:SetAsync("k", 1)
        ages:GetSortedAsync(true, 10)
        store:ListKeysAsync()
        local spent = all()
        testing.join(7, "Ada")
        local joined = all()
        task.wait(61)
        return { fresh = fresh, spent = spent, joined = joined, later = all(), unknown = refusal(left, "StandardRead") }
        "#,
    );
    let expected = json!({ "fresh": [60, 60, 60, 5, 30, 5], "spent": [57, 56, 56, 4, 29, 4],
        "joined": [67, 66, 66, 6, 34, 6], "later": [70, 70, 70, 7, 35, 7],
        "unknown": "The budget of StandardRead is not known here" });
    assert_eq!(found, expected);
}

#[test]
fn beyond_the_budget_thirty_requests_wait_and_the_next_is_dropped() {
    let outcome = run(
        Host::new(),
        r#"
        local order, problems = {}, {}
        for n = 1, 92 do
            task.spawn(function()
                local ok, problem = pcall(store.SetAsync, store, `k{n}`, n)
                table.insert(if ok then order else problems, if ok then n else problem)
            end)
        end
        task.wait(1)
        local before, empty = #order, left("SetIncrementAsync")
        task.wait(61)
        local inOrder = true
        for index, n in order do inOrder = inOrder and index == n end
        return { before = before, empty = empty, after = #order, inOrder = inOrder, problems = problems,
            other = left("GetAsync") }
        "#,
    );
    let dropped = "302: SetAsync request dropped. Request was throttled but queue was full.";
    let expected = json!({ "before": 60, "empty": 0, "after": 90, "inOrder": true, "problems": [dropped, dropped],
        "other": 60 });
    assert_eq!(outcome.value, expected);
    assert_eq!(outcome.warnings().len(), 30);
    assert!(outcome.warnings()[0].starts_with("DataStore request was added to queue."), "{}", outcome.warnings()[0]);
}

#[test]
fn a_test_lets_requests_fail() {
    let found = value(
        r#"
        testing.failDataStores(2)
        local ages = DataStoreService:GetOrderedDataStore("Ages")
        local called = false
        return { refusal(store.SetAsync, store, "k", 1), refusal(store.UpdateAsync, store, "k", function()
            called = true
            return 1
        end), called, refusal(ages.SetAsync, ages, "k", 1) }
        "#,
    );
    let failed = "502: API Services rejected request with error. HTTP 500 (Internal Server Error)";
    assert_eq!(found, json!([failed, failed, false, "accepted"]));
}

#[test]
fn a_later_run_begins_with_what_an_earlier_one_left() {
    let first = run(
        Host::new(),
        r#"
        store:SetAsync("user_7", { count = 1 }, { 7 })
        store:SetAsync("gone", 1)
        store:RemoveAsync("gone")
        DataStoreService:GetOrderedDataStore("Queue", "mods"):SetAsync("user_7", 5)
        task.wait(3600)
        return os.time()
        "#,
    );
    assert_eq!(first.stores.value("Drafts", "global", "user_7"), Some(json!({ "count": 1 })));
    assert_eq!(first.stores.value("Drafts", "global", "gone"), None);
    assert_eq!(first.stores.ordered_value("Queue", "mods", "user_7"), Some(json!(5)));
    let second = run(
        Host::new().stores(first.stores.clone()),
        r#"
        local value, info = store:UpdateAsync("user_7", function(old, known)
            return { count = old.count + 1 }, known:GetUserIds()
        end)
        local queue = DataStoreService:GetOrderedDataStore("Queue", "mods")
        return { at = os.time(), count = value.count, ids = info:GetUserIds(), age = info.UpdatedTime - info.CreatedTime,
            queued = queue:GetSortedAsync(true, 1):GetCurrentPage()[1].value }
        "#,
    );
    assert_eq!(second.value["count"], json!(2));
    assert_eq!(second.value["ids"], json!([7]));
    assert_eq!(second.value["queued"], json!(5));
    assert!(second.value["age"].as_u64().unwrap() >= 3_600_000, "{}", second.value);
    assert!(second.value["at"].as_u64() >= first.value.as_u64(), "{} after {}", second.value, first.value);
    assert_eq!(first.stores.value("Drafts", "global", "user_7"), Some(json!({ "count": 1 })));
}
