//! Instances, and services beyond HTTP.

use roblox_testing::Host;
use roblox_testing::model::Module;
use roblox_testing::render::{Device, Rendering, render};
use serde_json::json;

use crate::run;

#[test]
fn what_roblox_does_not_have_throws() {
    let outcome = run(
        Host::new(),
        r#"
        local card = Instance.new("Frame")
        local list = Instance.new("UIListLayout", card)
        local function refusal(attempt)
            local ok, problem = pcall(attempt)
            return if ok then "accepted" else problem
        end
        return {
            refusal(function() card.Sise = UDim2.new() end),
            refusal(function() card.Size = 5 end),
            refusal(function() list.SortOrder = Enum.SortOrder.Layout end),
            refusal(function() list.SortOrder = Enum.FontWeight.Bold end),
            refusal(function() Instance.new("TextLable") end),
            refusal(function() Instance.new("HttpService") end),
            refusal(function() return card.Activatd end),
            refusal(function() card.Parent = list end),
            refusal(function() game:GetService("HtpService") end),
        }
        "#,
    );
    let refusals: Vec<String> = serde_json::from_value(outcome.value).unwrap();
    assert_eq!(refusals.len(), 9);
    assert!(refusals.iter().all(|text| text != "accepted"), "{refusals:#?}");
    assert!(refusals[0].ends_with("Sise is not a valid member of Frame \"Frame\""), "{}", refusals[0]);
}

#[test]
fn properties_have_robloxs_defaults_and_fire_changes() {
    let outcome = run(
        Host::new(),
        r#"
        local label = Instance.new("TextLabel")
        local seen = {}
        label:GetPropertyChangedSignal("Text"):Connect(function() table.insert(seen, label.Text) end)
        label.Text = "a"
        label.Text = "a"
        label.Text = "b"
        return { seen = seen, size = label.TextSize, visible = label.Visible, align = label.TextXAlignment.Name,
            equal = UDim2.new(0, 1, 0, 2) == UDim2.fromOffset(1, 2), sum = (Vector2.new(1, 2) + Vector2.one).Y,
            kind = typeof(label), size2 = typeof(label.Size) }
        "#,
    );
    let expected = json!({ "seen": ["a", "b"], "size": 8, "visible": true, "align": "Center", "equal": true, "sum": 3,
        "kind": "Instance", "size2": "UDim2" });
    assert_eq!(outcome.value, expected);
}

#[test]
fn groups_stores_and_the_filter_answer_as_services_do() {
    let outcome = run(
        Host::new().member(5, 7, 20, "Captain"),
        r#"
        local groups = game:GetService("GroupService")
        local player = testing.join(7, "Ada")
        table.insert(testing.improper, "darn")
        local store = game:GetService("DataStoreService"):GetDataStore("drafts")
        store:SetAsync("a", { n = 1 })
        store:UpdateAsync("a", function(old) return { n = old.n + 1 } end)
        testing.failDataStores(1)
        local failed = not pcall(store.GetAsync, store, "a")
        local filter = game:GetService("TextService"):FilterStringAsync("darn it", 7)
        local found = { rank = groups:GetRolesInGroupAsync(7, 5).Roles[1].Rank,
            outsider = groups:GetRolesInGroupAsync(8, 5).IsMember, n = store:GetAsync("a").n, failed = failed,
            longKey = (pcall(store.SetAsync, store, string.rep("k", 51), 1)),
            text = filter:GetNonChatStringForBroadcastAsync() }
        testing.leave(player)
        found.absent = (pcall(function() game:GetService("TextService"):FilterStringAsync("x", 7) end))
        return found
        "#,
    );
    let expected = json!({ "rank": 20, "outsider": false, "n": 2, "failed": true, "longKey": false,
        "text": "#### it", "absent": false });
    assert_eq!(outcome.value, expected);
}

#[test]
fn an_interface_can_be_pressed_exported_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let (model, picture) = (folder.path().join("gui.rbxm"), folder.path().join("gui.png"));
    let outcome = run(
        Host::new().value("path", model.to_string_lossy().as_ref()),
        r##"
        local gui = Instance.new("ScreenGui")
        local button = Instance.new("TextButton", gui)
        button.Size, button.Text = UDim2.new(1, -16, 0, 48), "Apply"
        button.BackgroundColor3 = Color3.fromHex("#336699")
        Instance.new("UIGradient", button).Color = ColorSequence.new(Color3.new(1, 0, 0), Color3.new(0, 0, 1))
        local presses = 0
        button.Activated:Connect(function() presses += 1 end)
        testing.activate(button)
        testing.export(testing.values.path, gui)
        return presses
        "##,
    );
    assert_eq!(outcome.value, json!(1));
    let bytes = std::fs::read(&model).unwrap();
    assert!(bytes.starts_with(b"<roblox!"));
    assert!(Module::from_rbxm(&bytes).is_err(), "an interface is no module");
    match render(&model, Device::Phone, &picture) {
        Rendering::Drawn => assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG")),
        Rendering::NoRenderer => eprintln!("not drawn: the renderer `rhr` is not installed (see README.md)"),
        Rendering::Failed(reason) => panic!("the renderer refused the model: {reason}"),
    }
}

#[test]
fn each_descendant_that_comes_or_goes_is_told_of() {
    let outcome = run(
        Host::new(),
        r#"
        local box, toy = Instance.new("Folder"), Instance.new("Folder")
        box.Name, toy.Name = "Box", "Toy"
        toy.Parent = box
        local log = {}
        workspace.DescendantAdded:Connect(function(child) table.insert(log, `added {child.Name}`) end)
        workspace.DescendantRemoving:Connect(function(child)
            table.insert(log, `removing {child.Name} from {box.Parent.Name}`)
        end)
        toy.AncestryChanged:Connect(function(child, parent) table.insert(log, `{child.Name} now in {parent}`) end)
        box.Parent = workspace
        box.Parent = nil
        return log
        "#,
    );
    let expected = json!([
        "added Box",
        "added Toy",
        "Box now in Workspace",
        "removing Box from Workspace",
        "removing Toy from Workspace",
        "Box now in nil"
    ]);
    assert_eq!(outcome.value, expected);
}

#[test]
fn attributes_take_what_roblox_takes() {
    let outcome = run(
        Host::new(),
        r#"
        local folder = Instance.new("Folder")
        local refused, held = {}, {}
        local function try(name, value)
            local ok, problem = pcall(folder.SetAttribute, folder, name, value)
            if not ok then table.insert(refused, problem) end
            return ok
        end
        try("with space", 1) try("", 1) try("dash-ed", 1) try("RBXMine", 1) try(string.rep("a", 101), 1)
        try("Table", {}) try("List", { 1 }) try("Function", print) try("Other", folder)
        local longest = string.rep("a", 100)
        for _, value in { true, 1, "text", Vector3.one, UDim2.new(), Color3.new(), Enum.SortOrder.Name } do
            try(longest, value)
            table.insert(held, folder:GetAttribute(longest) == value)
        end
        return { refused = refused, held = held }
        "#,
    );
    let refused: Vec<String> = serde_json::from_value(outcome.value["refused"].clone()).unwrap();
    assert_eq!(refused.len(), 9, "{refused:#?}");
    assert!(refused[5].ends_with("Dictionary is not a supported attribute type"), "{}", refused[5]);
    assert!(refused[6].ends_with("Array is not a supported attribute type"), "{}", refused[6]);
    assert_eq!(outcome.value["held"], json!(vec![true; 7]));
}

#[test]
fn an_attributes_signals_fire_where_it_changes() {
    let outcome = run(
        Host::new(),
        r#"
        local folder = Instance.new("Folder")
        local log = {}
        folder.AttributeChanged:Connect(function(name) table.insert(log, name) end)
        folder:GetAttributeChangedSignal("A"):Connect(function() table.insert(log, `A is {folder:GetAttribute("A")}`) end)
        folder.Changed:Connect(function(property) table.insert(log, property) end)
        folder:SetAttribute("A", Vector2.new(1, 2))
        folder:SetAttribute("A", Vector2.new(1, 2))
        folder:SetAttribute("A", nil)
        folder:SetAttribute("A", nil)
        folder:SetAttribute("B", false)
        return { log = log, left = folder:GetAttributes(), copied = folder:Clone():GetAttribute("B") }
        "#,
    );
    let expected = json!({ "log": ["Attributes", "A", "A is 1, 2", "Attributes", "A", "A is nil", "Attributes", "B"],
        "left": { "B": false }, "copied": false });
    assert_eq!(outcome.value, expected);
}

#[test]
fn tags_are_found_in_the_data_model_and_copied_with_what_bears_them() {
    let outcome = run(
        Host::new(),
        r#"
        local CollectionService = game:GetService("CollectionService")
        local desk, spare = Instance.new("Part"), Instance.new("Part")
        desk.Name = "Desk"
        CollectionService:AddTag(desk, "Apply")
        desk:AddTag("Apply")
        desk:AddTag("Office")
        spare:AddTag("Apply")
        desk.Parent = workspace
        local found = CollectionService:GetTagged("Apply")
        local copy = desk:Clone()
        desk:RemoveTag("Office")
        CollectionService:RemoveTag(desk, "Nothing")
        local before = { found = #found, name = found[1].Name, tags = CollectionService:GetTags(desk),
            copied = copy:GetTags(), has = copy:HasTag("Office"), all = CollectionService:GetAllTags() }
        desk:Destroy()
        before.after = #CollectionService:GetTagged("Apply")
        before.destroyed = CollectionService:HasTag(desk, "Apply")
        before.wrong = (pcall(CollectionService.AddTag, CollectionService, desk, 5))
        return before
        "#,
    );
    let expected = json!({ "found": 1, "name": "Desk", "tags": ["Apply"], "copied": ["Apply", "Office"], "has": true,
        "all": ["Apply"], "after": 0, "destroyed": false, "wrong": false });
    assert_eq!(outcome.value, expected);
}

#[test]
fn a_tags_signals_tell_who_bears_it_in_the_data_model() {
    let outcome = run(
        Host::new(),
        r#"
        local CollectionService = game:GetService("CollectionService")
        local log = {}
        local added = CollectionService:GetInstanceAddedSignal("Apply")
        added:Connect(function(instance) table.insert(log, `+{instance.Name}`) end)
        CollectionService:GetInstanceRemovedSignal("Apply"):Connect(function(instance)
            table.insert(log, `-{instance.Name}`)
        end)
        local room, desk = Instance.new("Folder"), Instance.new("Part")
        room.Name, desk.Name = "Room", "Desk"
        desk:AddTag("Apply")
        desk.Parent = room
        table.insert(log, "entering")
        room.Parent = workspace
        room.Parent = game:GetService("ReplicatedStorage")
        table.insert(log, "tagging")
        room:AddTag("Apply")
        room:AddTag("Other")
        room:RemoveTag("Apply")
        table.insert(log, "leaving")
        room.Parent = nil
        room.Parent = workspace
        room:Destroy()
        return { log = log, same = added == CollectionService:GetInstanceAddedSignal("Apply") }
        "#,
    );
    let log = json!(["entering", "+Desk", "tagging", "+Room", "-Room", "leaving", "-Desk", "+Desk", "-Desk"]);
    assert_eq!(outcome.value, json!({ "log": log, "same": true }));
}
