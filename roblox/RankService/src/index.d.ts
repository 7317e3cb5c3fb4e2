/**
 * Ranks members of your group from a game's server, through RankBot: a client for one key.
 *
 * Every method whose name ends in `Async` yields until it has a {@link RankService.Result}. It returns the result, and
 * no Promise: there is nothing to `await`.
 */
interface RankService {
	/** Fires once for every change of rank that this client has made. */
	readonly RankChanged: RankService.Signal<RankService.RankChange>;
	/** Fires when an attempt has failed and another one follows. */
	readonly Retrying: RankService.Signal<RankService.RetryEvent>;
	/** Fires when a request has to wait for its turn within the requests allowed a minute. */
	readonly Queued: RankService.Signal<RankService.QueuedEvent>;
	/** Fires when the month's remaining requests fall below the threshold. */
	readonly QuotaLow: RankService.Signal<RankService.QuotaLowEvent>;

	/**
	 * Gives a member the role at `rank`. Where two roles share that rank, use `SetRoleAsync`. Changes of one member are
	 * sent one after another, in the order in which you asked for them.
	 * @param rank 1 to 254.
	 */
	SetRankAsync(
		user: RankService.User,
		rank: number,
		options?: RankService.ChangeOptions,
	): RankService.Result<RankService.RankChange>;
	/**
	 * Gives a member a role. If two roles bear the name, the code is `AMBIGUOUS_ROLE`.
	 * @param role The role's id, which is not its rank, or its whole name, in any letter case.
	 */
	SetRoleAsync(
		user: RankService.User,
		role: number | string,
		options?: RankService.ChangeOptions,
	): RankService.Result<RankService.RankChange>;
	/** Moves a member one rank up, or `options.steps`. At the top it fails with `ALREADY_HIGHEST_RANK`. */
	PromoteAsync(
		user: RankService.User,
		options?: RankService.StepOptions,
	): RankService.Result<RankService.RankChange>;
	/**
	 * Moves a member one rank down, or `options.steps`. At the bottom it fails with `ALREADY_LOWEST_RANK`, and on a plan
	 * without demotions with `PLAN_REQUIRED`.
	 */
	DemoteAsync(
		user: RankService.User,
		options?: RankService.StepOptions,
	): RankService.Result<RankService.RankChange>;
	/**
	 * Reads a member's rank and roles as they are now; after a change, the game's own view lags behind. For a user outside
	 * the group the code is `USER_NOT_IN_GROUP`.
	 */
	GetRankAsync(
		user: RankService.User,
		options?: RankService.ReadOptions,
	): RankService.Result<RankService.Membership>;
	/** Reads the group's name, owner and size. */
	GetGroupAsync(): RankService.Result<RankService.Group>;
	/** Lists every role of the group by rank, lowest first, guest (0) and owner (255) included. */
	GetRolesAsync(): RankService.Result<ReadonlyArray<RankService.GroupRole>>;
	/** Reads what the key may do and how much of the month is used. This is not counted. */
	GetKeyAsync(): RankService.Result<RankService.Key>;
	/** Lists past rank changes, newest first, a page at a time: all of them if no filter is given. */
	GetLogsAsync(filter?: RankService.LogFilter): RankService.Result<RankService.LogPage>;
	/** Reads one past rank change. If there is none with this id, the code is `LOG_NOT_FOUND`. */
	GetLogAsync(logId: string): RankService.Result<RankService.LogEntry>;
	/**
	 * Puts a member back to the roles held before a change, as a change of its own. If the member's rank was changed
	 * since, it fails with `CHANGED_SINCE`, unless `options.force` is true.
	 * @param logId The `logId` of a change or of an entry in the log.
	 */
	UndoAsync(logId: string, options?: RankService.UndoOptions): RankService.Result<RankService.RankChange>;
	/** The quota as the last answer told it; undefined before the first. Does not yield and sends nothing. */
	GetQuota(): RankService.Quota | undefined;
}

interface RankServiceConstructor {
	/** Every code by its name. */
	readonly ErrorCode: { readonly [Code in RankService.ErrorCode]: Code };
	/** The kinds of events that `onEvent` is given. */
	readonly EventKind: {
		readonly RankChanged: "rankChanged";
		readonly Retry: "retry";
		readonly Queued: "queued";
		readonly QuotaLow: "quotaLow";
	};

	/**
	 * Makes a client for one key. Does not yield. Make one for the whole game and share it. A wrong or missing setting
	 * throws at the line of the call; so does a call on a player's machine, which must never see a key.
	 */
	new (config: RankService.Config): RankService;
}

declare namespace RankService {
	/**
	 * Every code that a call can fail with. RankBot's have a page each in its documentation; the last six are of this
	 * module. A code that RankBot gained after this version arrives as it is, with a message that says so.
	 */
	type ErrorCode =
		| "INVALID_JSON"
		| "MISSING_PARAMETER"
		| "INVALID_PARAMETER"
		| "INVALID_ACTION"
		| "ROLE_NOT_FOUND"
		| "AMBIGUOUS_ROLE"
		| "MISSING_API_KEY"
		| "INVALID_API_KEY"
		| "API_KEY_REVOKED"
		| "API_KEY_EXPIRED"
		| "GROUP_NOT_LINKED"
		| "PLAN_REQUIRED"
		| "RANK_NOT_ALLOWED"
		| "USER_BLOCKED"
		| "TARGET_NOT_MANAGEABLE"
		| "USER_NOT_IN_GROUP"
		| "ROUTE_NOT_FOUND"
		| "LOG_NOT_FOUND"
		| "METHOD_NOT_ALLOWED"
		| "PAYLOAD_TOO_LARGE"
		| "UNSUPPORTED_ENCODING"
		| "RANK_CHANGE_IN_PROGRESS"
		| "IDEMPOTENCY_IN_PROGRESS"
		| "CHANGED_SINCE"
		| "RANK_MISMATCH"
		| "IDEMPOTENCY_KEY_REUSED"
		| "MONTHLY_LIMIT_REACHED"
		| "INTERNAL_ERROR"
		| "ROBLOX_UNAVAILABLE"
		| "ROBLOX_TIMEOUT"
		| "ROBLOX_RATE_LIMITED"
		| "ROBLOX_PERMISSION_DENIED"
		| "ROBLOX_CREDENTIAL_INVALID"
		| "ROBLOX_UNVERIFIED"
		| "ROBLOX_UNEXPECTED_RESPONSE"
		| "SERVICE_UNAVAILABLE"
		| "ALREADY_HIGHEST_RANK"
		| "ALREADY_LOWEST_RANK"
		| "HTTP_DISABLED"
		| "TIMEOUT"
		| "CONNECTION_FAILED"
		| "BUDGET_EXHAUSTED"
		| "BAD_RESPONSE"
		| "SECRET_MISSING";

	/** Why a call failed. */
	interface RankError {
		/** What went wrong, for the program. */
		readonly code: ErrorCode;
		/** What went wrong and how to mend it, for a person. Never holds a key. */
		readonly message: string;
		/** The HTTP status of the last answer, if there was one. */
		readonly status?: number;
		/** Whether the same request may succeed later. If the error is `uncertain`, pass its `idempotencyKey` then. */
		readonly retryable: boolean;
		/**
		 * Whether the change may have been made all the same: in one of the attempts its answer was lost. Go on with
		 * `idempotencyKey`, and only so, or read the rank first.
		 */
		readonly uncertain: boolean;
		/** Seconds to wait before that, where known. */
		readonly retryAfter?: number;
		/** For support: RankBot's name for the last request. */
		readonly requestId?: string;
		/** Attempts made; 0 when the call was refused before the first. */
		readonly attempts: number;
		/** On changes: pass it in the options of a later call to go on with this very change. */
		readonly idempotencyKey?: string;
		/** What RankBot adds to some codes, for example `availableRanks`. */
		readonly details?: { readonly [name: string]: unknown };
		/** At the ladder's ends: where the member stands, as a change that changed nothing. */
		readonly change?: RankChange;
	}

	/** The month's requests. */
	interface Quota {
		/** Requests a calendar month (UTC); `math.huge` where the plan has no limit. */
		readonly limit: number;
		/** What is left of them; `math.huge` where the plan has no limit. */
		readonly remaining: number;
		/** Unix seconds at which the count begins anew. */
		readonly resetsAt: number;
	}

	/** What a call returns that did what it was to do. */
	interface Success<T> {
		readonly ok: true;
		readonly value: T;
		/** For support: RankBot's name for the request. */
		readonly requestId?: string;
		/** As told with this answer. */
		readonly quota?: Quota;
	}

	/** What a call returns that failed. */
	interface Failure {
		readonly ok: false;
		readonly error: RankError;
	}

	/** What every call returns. `value` is there only once `ok` was looked at, and so is `error`. */
	type Result<T> = Success<T> | Failure;

	/** A user id, or a player of this server. */
	type User = number | Player;

	/** A role that a member holds. */
	interface Role {
		/** The role's id: unique, and not the rank. */
		readonly id: number;
		readonly name: string;
		/** 0 (guest) to 255 (owner). */
		readonly rank: number;
	}

	/** A role of the group. */
	interface GroupRole {
		/** The role's id: unique, and not the rank. */
		readonly id: number;
		readonly name: string;
		/** 0 (guest) to 255 (owner). */
		readonly rank: number;
		/** Unknown for guests. */
		readonly memberCount?: number;
		/** Whether a rank change may target it. */
		readonly assignable: boolean;
	}

	/** What was asked for. */
	type Action = "setRank" | "promote" | "demote" | "undo";

	/** What came of a change. `unchanged`: the member stood there already; `failed`: the member kept their rank. */
	type Outcome = "changed" | "unchanged" | "alreadyHighest" | "alreadyLowest" | "failed";

	/** What the key's owner has booked. */
	type Plan = "starter" | "pro" | "max";

	/** A change of a member's rank. */
	interface RankChange {
		readonly groupId: number;
		readonly userId: number;
		readonly action: Action;
		readonly fromRank: number;
		readonly toRank: number;
		readonly fromRole: Role;
		readonly toRole: Role;
		/** Whether any role was added or removed: false if the member stood there already. */
		readonly changed: boolean;
		/** If true, the member stands above the target, and `neverLower` left them there. */
		readonly kept: boolean;
		/** If true, this is what would happen; nothing did. */
		readonly dryRun: boolean;
		/** If true, this is the answer to an earlier request with the same idempotency key. */
		readonly replayed: boolean;
		/** The change's entry in the log, by which it can be undone. */
		readonly logId: string;
		/** The entry that this change undid. */
		readonly undoes?: string;
	}

	/** Where a member stands. */
	interface Membership {
		readonly groupId: number;
		readonly userId: number;
		/** Of the highest role held. */
		readonly rank: number;
		readonly roleId: number;
		readonly roleName: string;
		/** Every role held. */
		readonly roles: ReadonlyArray<Role>;
	}

	/** What RankBot knows of the group. */
	interface Group {
		readonly groupId: number;
		readonly name: string;
		readonly description?: string;
		/** Not there if nobody owns the group. */
		readonly ownerId?: number;
		readonly memberCount?: number;
		readonly publicEntryAllowed?: boolean;
		readonly locked?: boolean;
		readonly verified?: boolean;
		/** Unix seconds. */
		readonly createdAt?: number;
		/** Unix seconds. */
		readonly updatedAt?: number;
	}

	/** What the key may do. */
	interface Key {
		/** The key's public part. */
		readonly keyId: string;
		/** The one group that the key is for. */
		readonly groupId: number;
		readonly plan: Plan;
		/** Requests a month; `math.huge` where there is no limit. */
		readonly limit: number;
		/** Requests of this month so far. */
		readonly used: number;
		/** What is left of them; `math.huge` where there is no limit. */
		readonly remaining: number;
		/** Unix seconds. */
		readonly resetsAt: number;
		/** The highest rank that the key may give, and the highest member whom it may move. */
		readonly maxRank?: number;
		/** The only ranks that the key may give, where it is so restricted. */
		readonly allowedRanks?: ReadonlyArray<number>;
		/** Unix seconds. */
		readonly expiresAt?: number;
	}

	/** A past change of a member's rank. */
	interface LogEntry {
		readonly logId: string;
		/** Unix seconds. */
		readonly time: number;
		readonly action: Action;
		readonly outcome: Outcome;
		/** The member whose rank it is about. */
		readonly userId: number;
		readonly fromRank: number;
		readonly toRank: number;
		readonly fromRole: Role;
		readonly toRole: Role;
		readonly rolesAdded: ReadonlyArray<Role>;
		readonly rolesRemoved: ReadonlyArray<Role>;
		readonly reason?: string;
		/** Who asked for it. */
		readonly actorId?: number;
		/** The key that it was asked for with. */
		readonly keyId: string;
		/** The entry that this change undid. */
		readonly undoes?: string;
		/** Seconds. */
		readonly duration: number;
	}

	/** A page of the log. */
	interface LogPage {
		/** Newest first. */
		readonly entries: ReadonlyArray<LogEntry>;
		/** Pass it as `cursor` for the entries that follow; not there at the end. */
		readonly nextCursor?: string;
	}

	/** What connects a handler to a signal. */
	interface Connection {
		/** False once it is disconnected. */
		readonly Connected: boolean;
		/** Ends it; the handler is not called again. */
		Disconnect(): void;
	}

	/** A signal as Roblox's own, but that a table is handed over as it is, and not copied. */
	interface Signal<T> {
		/** Calls the handler each time, in a thread of its own. */
		Connect(handler: (value: T) => void): Connection;
		/** Calls the handler the next time alone. */
		Once(handler: (value: T) => void): Connection;
		/** Yields until the next time. */
		Wait(): T;
	}

	/** A rank was changed by this server. Each change is told once, although a repetition is answered with it again. */
	interface RankChangedEvent {
		readonly kind: "rankChanged";
		readonly change: RankChange;
	}

	/** An attempt has failed, and another one follows. */
	interface RetryEvent {
		readonly kind: "retry";
		/** The method that was called. */
		readonly call: string;
		/** The attempts made so far. */
		readonly attempt: number;
		/** Seconds until the next. */
		readonly delay: number;
		/** What the last one failed with. */
		readonly error: RankError;
	}

	/** A request waits for its turn within the requests allowed a minute. */
	interface QueuedEvent {
		readonly kind: "queued";
		/** The method that was called. */
		readonly call: string;
		/** How many requests of this client wait, this one included. */
		readonly waiting: number;
	}

	/** The month's remaining requests have fallen below the threshold. */
	interface QuotaLowEvent {
		readonly kind: "quotaLow";
		readonly quota: Quota;
		readonly threshold: number;
	}

	/** What `onEvent` is given: look at its `kind`. */
	type Event = RankChangedEvent | RetryEvent | QueuedEvent | QuotaLowEvent;

	/** Which past changes to list. */
	interface LogFilter {
		/** Changes of this member alone. */
		readonly user?: User;
		/** Changes that this user asked for alone. */
		readonly actor?: User;
		/** Changes made with this key alone. */
		readonly keyId?: string;
		/** Changes of this kind alone. */
		readonly action?: Action;
		/** Changes with this outcome alone. */
		readonly outcome?: Outcome;
		/** Unix seconds: not before. */
		readonly from?: number;
		/** Unix seconds: before this instant. */
		readonly to?: number;
		/** Entries a page: 1 to 100. */
		readonly limit?: number;
		/** `nextCursor` of the page before. */
		readonly cursor?: string;
	}

	/** What `SetRankAsync` and `SetRoleAsync` take besides. */
	interface ChangeOptions {
		/** A member who stands above the target stays there: the change has `kept`. */
		readonly neverLower?: boolean;
		/** Only if the member stands at this rank, or within these two; otherwise the code is `RANK_MISMATCH`. */
		readonly ifRank?: number | readonly [lowest: number, highest: number];
		/** For the log, 1 to 200 characters. */
		readonly reason?: string;
		/** Who asked for it, for the log. */
		readonly actor?: User;
		/** Answer what would happen, and change nothing. */
		readonly dryRun?: boolean;
		/** Goes on with the change that was begun under this key, or begins it. */
		readonly idempotencyKey?: string;
	}

	/** What `PromoteAsync` and `DemoteAsync` take besides. */
	interface StepOptions {
		/** How many ranks up or down, 1 to 10; 1 if not given. Stops at the end of the ladder. */
		readonly steps?: number;
		/** Only if the member stands at this rank, or within these two; otherwise the code is `RANK_MISMATCH`. */
		readonly ifRank?: number | readonly [lowest: number, highest: number];
		/** For the log, 1 to 200 characters. */
		readonly reason?: string;
		/** Who asked for it, for the log. */
		readonly actor?: User;
		/** Answer what would happen, and change nothing. */
		readonly dryRun?: boolean;
		/** Goes on with the change that was begun under this key, or begins it. */
		readonly idempotencyKey?: string;
	}

	/** What `UndoAsync` takes besides. */
	interface UndoOptions {
		/** Undo even if the member's rank was changed since. */
		readonly force?: boolean;
		/** Answer what would happen, and change nothing. */
		readonly dryRun?: boolean;
		/** For the log, 1 to 200 characters. */
		readonly reason?: string;
		/** Who asked for it, for the log. */
		readonly actor?: User;
		/** Goes on with the undo that was begun under this key, or begins it. */
		readonly idempotencyKey?: string;
	}

	/** What `GetRankAsync` takes besides. */
	interface ReadOptions {
		/** Seconds: what this server was told so recently may be the answer, and then costs no request. 0 if not given. */
		readonly maxAge?: number;
	}

	/** A request that the mock is about to answer. */
	interface MockCall {
		/** The method that was called, for example `PromoteAsync`. */
		readonly method: string;
		/** The member whom it is about; `undefined` where it is about none, or about several. */
		readonly userId?: number;
		/** Which of the call's attempts this is, from 1. */
		readonly attempt: number;
	}

	/** A group made up in memory, for Studio. */
	interface Mock {
		/**
		 * The group's roles, at ranks from 0 to 255; a Member, a Moderator and an Admin if not given. A Guest (0) and an
		 * Owner (255) are added where they are missing.
		 */
		readonly roles?: ReadonlyArray<Role>;
		/**
		 * By user id, negative ones of Studio's test players too: a member's rank, or the ranks of several roles. 0 is
		 * somebody outside the group, 255 its owner. Everyone else is a member with the lowest role.
		 */
		readonly members?: ReadonlyMap<number, number | ReadonlyArray<number>>;
		/** A code to fail with: every request, or those for which the function gives one. */
		readonly fail?: ErrorCode | ((call: MockCall) => ErrorCode | undefined);
		/** The key's plan; max if not given. */
		readonly plan?: Plan;
		/** Requests of this month that are used up already; 0 if not given. */
		readonly used?: number;
	}

	/** How often and how long a failed request is repeated. */
	interface RetryOptions {
		/** Requests sent for one call at most; 5 if not given, 1 for no retry. */
		readonly attempts?: number;
		/** Seconds: the first wait is between 0 and this, the next up to twice as long; 1 if not given. */
		readonly baseDelay?: number;
		/** Seconds that no wait exceeds, besides what RankBot asks for; 20 if not given. */
		readonly maxDelay?: number;
		/** Seconds that a call takes at most, all waiting included; 90 if not given. */
		readonly deadline?: number;
	}

	/** The settings of a client. */
	interface Config {
		/** RankBot's address, for example `https://rankbot.example.com`. */
		readonly baseUrl: string;
		/** The API key. If not given, the experience's Secret named `RankBotKey`: the best way. */
		readonly key?: Secret | string;
		/** If not given, the group that the key is for. */
		readonly groupId?: number;
		/** How often and how long a failed request is repeated. */
		readonly retry?: RetryOptions;
		/** Seconds that one request may take; 15 if not given. */
		readonly timeout?: number;
		/** 1 to 499, for all clients of this server together: the lowest number given counts; 400 if not given. */
		readonly maxRequestsPerMinute?: number;
		/** Remaining requests below which `onEvent` is told; a tenth of the limit if not given. */
		readonly quotaThreshold?: number;
		/** Told what happens meanwhile, in a thread of its own; see also the signals. */
		readonly onEvent?: (event: Event) => void;
		/** In Studio alone: answers from a group made up in memory, without any HTTP. */
		readonly mock?: boolean | Mock;
	}
}

declare const RankService: RankServiceConstructor;

export = RankService;
