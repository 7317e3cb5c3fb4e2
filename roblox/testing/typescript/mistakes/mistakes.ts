// Deliberate mistakes: TypeScript must refuse each line that ends with "// wrong", and no other.

import RankService from "@rankbot/rank-service";

const ranks = new RankService({ baseUrl: "https://rankbot.example.com" });
const result = ranks.PromoteAsync(1);

print(result.value.toRank); // wrong
print(result.error.message); // wrong
if (result.ok) {
	print(result.value.toRole.nmae); // wrong
	print(result.error); // wrong
	print(result.value.toRole.name);
	result.value.toRank = 5; // wrong
	const action: "promote" | "demote" = result.value.action; // wrong
	print(action);
} else {
	print(result.error.cod); // wrong
	print(result.value); // wrong
	print(result.error.retryAfter + 1); // wrong
	print(result.error.change.toRank); // wrong
	print(result.error.code === "USER_NOT_IN_GRUOP"); // wrong
	print(result.error.code === RankService.ErrorCode.USER_NOT_IN_GRUOP); // wrong
	print(result.error.code === RankService.ErrorCode.USER_NOT_IN_GROUP);
}

const code: RankService.ErrorCode = "TIMEUOT"; // wrong
const fine: RankService.ErrorCode = "TIMEOUT";
print(code, fine);

ranks.SetRankAsync("1", 5); // wrong
ranks.SetRankAsync(1, "5"); // wrong
ranks.SetRankAsync(1); // wrong
ranks.SetRankAsync(1, 5, { reason: 5 }); // wrong
ranks.SetRankAsync(1, 5, { resaon: "Passed" }); // wrong
ranks.SetRankAsync(1, 5, { steps: 2 }); // wrong
ranks.SetRankAsync(1, 5, { ifRank: [1, 2, 3] }); // wrong
ranks.SetRankAsync(1, 5, { ifRank: [1, 2] });
ranks.SetRoleAsync(1, true); // wrong
ranks.SetRoleAsync(1, "Admin");
ranks.PromoteAsync(1, { steps: "2" }); // wrong
ranks.PromoteAsync(1, { neverLower: true }); // wrong
ranks.PromotAsync(1); // wrong
ranks.GetRankAsync(); // wrong
ranks.GetRankAsync(1, { maxAge: "30" }); // wrong
ranks.GetLogAsync(5); // wrong
ranks.UndoAsync(5); // wrong
ranks.GetLogsAsync({ action: "promot" }); // wrong
ranks.GetLogsAsync({ action: "promote" });
print(ranks.GetQuota().remaining); // wrong

// The names of version 0.1 are for scripts that were written then.
ranks.Promote(1); // wrong

RankService({ baseUrl: "https://rankbot.example.com" }); // wrong
new RankService(); // wrong
new RankService({}); // wrong
new RankService({ baseURL: "https://rankbot.example.com" }); // wrong
new RankService({ baseUrl: 5 }); // wrong
new RankService({ baseUrl: "https://rankbot.example.com", key: 5 }); // wrong
new RankService({ baseUrl: "https://rankbot.example.com", retry: { attempts: "5" } }); // wrong
// A list begins at 1 in Luau: as a map of ranks by user id it would be about other users.
new RankService({ baseUrl: "https://rankbot.example.com", mock: { members: [100, 200] } }); // wrong
new RankService({ baseUrl: "https://rankbot.example.com", mock: { roles: [{ id: 1, name: "Member" }] } }); // wrong
new RankService({ baseUrl: "https://rankbot.example.com", mock: { fail: "ROBLOX_TIMEUOT" } }); // wrong
new RankService({ baseUrl: "https://rankbot.example.com", mock: { fail: () => "ROBLOX_TIMEUOT" } }); // wrong
new RankService({ baseUrl: "https://rankbot.example.com", mock: { plan: "free" } }); // wrong
new RankService({
	baseUrl: "https://rankbot.example.com",
	onEvent: (event) => {
		print(event.delay); // wrong
		if (event.kind === "retry") {
			print(event.delay);
			print(event.change); // wrong
		}
		print(event.kind === "retried"); // wrong
		print(event.kind === RankService.EventKind.Retried); // wrong
	},
});

const membership: RankService.Result<RankService.Membership> = ranks.PromoteAsync(1); // wrong
print(membership);

const roles = ranks.GetRolesAsync();
if (roles.ok) {
	for (const role of roles.value) {
		print(role.name, role.assignable);
		print(role.colour); // wrong
	}
	roles.value.push(roles.value[0]); // wrong
}

const key = ranks.GetKeyAsync();
if (key.ok) {
	const plan: "free" = key.value.plan; // wrong
	print(plan);
	print(key.value.rank); // wrong
}

const logs = ranks.GetLogsAsync();
if (logs.ok) {
	const outcome: "changed" = logs.value.entries[0].outcome; // wrong
	print(outcome);
}

ranks.RankChanged.Connect((change) => print(change.colour)); // wrong
ranks.RankChanged.Connect((event: RankService.RetryEvent) => print(event.delay)); // wrong
ranks.RankChanged.Fire(); // wrong
ranks.RankChanged.Connect(() => {}).Destroy(); // wrong
print(ranks.Queued.Wait().quota); // wrong
ranks.RankChanged = ranks.RankChanged; // wrong
