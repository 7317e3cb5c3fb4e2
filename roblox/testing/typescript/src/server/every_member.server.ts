// Every member that the typings declare, used rightly: roblox-ts must compile it, with a dot where the module wants a dot
// and a colon where it wants a colon.

import RankService from "@rankbot/rank-service";
import { HttpService, Players, RunService } from "@rbxts/services";

const inStudio = RunService.IsStudio();

const config: RankService.Config = {
	baseUrl: "https://rankbot.example.com",
	key: inStudio ? "wesk_for_a_trial" : HttpService.GetSecret("AnotherName"),
	groupId: 7042001,
	timeout: 15,
	retry: { attempts: 5, baseDelay: 1, maxDelay: 20, deadline: 90 },
	maxRequestsPerMinute: 400,
	quotaThreshold: 50,
	onEvent: (event) => {
		if (event.kind === "rankChanged") {
			print(event.change.toRole.name);
		} else if (event.kind === RankService.EventKind.Retry) {
			print(event.call, event.attempt, event.delay, event.error.code);
		} else if (event.kind === "queued") {
			print(event.call, event.waiting);
		} else {
			print(event.quota.remaining, event.threshold);
		}
	},
	mock: inStudio,
};
const ranks = new RankService(config);
new RankService({
	baseUrl: "https://rankbot.example.com",
	mock: {
		roles: [
			{ id: 1, name: "Member", rank: 1 },
			{ id: 2, name: "Admin", rank: 200 },
		],
		members: new Map([[42, 200]]),
	},
});
new RankService({
	baseUrl: "https://rankbot.example.com",
	mock: {
		members: new Map<number, number | number[]>([
			[-1, 0],
			[42, [1, 100]],
		]),
		fail: (call) => (call.method === "PromoteAsync" && call.attempt === 1 ? "ROBLOX_TIMEOUT" : undefined),
		plan: "starter",
		used: 99,
	},
});
new RankService({ baseUrl: "https://rankbot.example.com", mock: { fail: RankService.ErrorCode.TIMEOUT } });

function tell(result: RankService.Result<RankService.RankChange>) {
	if (result.ok) {
		const { userId, fromRole, toRole, undoes } = result.value;
		print(userId, fromRole.name, toRole.rank, undoes, result.requestId, result.quota?.remaining);
	} else if (result.error.code === RankService.ErrorCode.USER_NOT_IN_GROUP) {
		print("not in the group");
	} else if (result.error.code === "ALREADY_HIGHEST_RANK") {
		print(result.error.change?.toRank, result.error.change?.changed);
	} else {
		const { message, status, retryable, uncertain, retryAfter, attempts, idempotencyKey, details } = result.error;
		print(message, status, retryable, uncertain, retryAfter, attempts, idempotencyKey, details?.availableRanks);
	}
}

const player = Players.GetPlayers()[0];
const changeOptions: RankService.ChangeOptions = {
	neverLower: true,
	ifRank: [1, 100],
	reason: "Passed the training",
	actor: player,
	dryRun: false,
	idempotencyKey: "7b1f6f0e",
};
tell(ranks.SetRankAsync(42, 10, changeOptions));
tell(ranks.SetRankAsync(player, 10));
tell(ranks.SetRoleAsync(player, "Moderator", { ifRank: 10 }));
tell(ranks.SetRoleAsync(player, 99513316));
tell(ranks.PromoteAsync(player, { steps: 2, ifRank: [1, 5], reason: "Won", actor: 1, dryRun: true }));
tell(ranks.DemoteAsync(player));

const read = ranks.GetRankAsync(player, { maxAge: 30 });
if (read.ok) {
	const lowest: RankService.Role | undefined = read.value.roles[0];
	print(read.value.rank, read.value.roleId, read.value.roleName, lowest?.name, read.value.roles.size());
}

const group = ranks.GetGroupAsync();
if (group.ok) {
	print(group.value.name, group.value.ownerId ?? "nobody", group.value.memberCount, group.value.createdAt);
}

const roles = ranks.GetRolesAsync();
if (roles.ok) {
	for (const role of roles.value) {
		print(role.id, role.name, role.rank, role.memberCount, role.assignable);
	}
}

const key = ranks.GetKeyAsync();
if (key.ok) {
	const plan: RankService.Plan = key.value.plan;
	print(key.value.keyId, plan, key.value.used, key.value.maxRank, key.value.allowedRanks?.join(", "));
}

const filter: RankService.LogFilter = {
	user: player,
	actor: 1,
	keyId: "abcdefghijkl",
	action: "promote",
	outcome: "changed",
	from: 0,
	to: os.time(),
	limit: 100,
};
let page = ranks.GetLogsAsync(filter);
while (page.ok && page.value.nextCursor !== undefined) {
	for (const entry of page.value.entries) {
		print(entry.time, entry.outcome, entry.rolesAdded.size(), entry.rolesRemoved.size(), entry.reason, entry.duration);
	}
	page = ranks.GetLogsAsync({ ...filter, cursor: page.value.nextCursor });
}

const entry = ranks.GetLogAsync("01J0000000000000000000000");
if (entry.ok) {
	tell(ranks.UndoAsync(entry.value.logId, { force: true, dryRun: true, reason: "A slip", actor: player }));
}

print(ranks.GetQuota()?.resetsAt);

const connection: RankService.Connection = ranks.RankChanged.Connect((change) => print(change.userId));
ranks.Retrying.Once((event) => print(event.error.message));
ranks.Queued.Connect((event) => print(event.waiting));
print(ranks.QuotaLow.Wait().quota.limit);
if (connection.Connected) {
	connection.Disconnect();
}

// What yields is a Promise's where one is wanted, and needs none otherwise.
Promise.try(() => ranks.PromoteAsync(player)).then(tell);
