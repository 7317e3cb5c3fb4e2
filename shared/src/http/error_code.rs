//! The catalogue of error codes: what a caller may act on, each with one page under `docs/errors/`.

use http::StatusCode;

/// Whether sending the same request again may succeed without anything being changed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retryable {
    /// It may.
    Yes,
    /// It will not.
    No,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:ident, $retryable:ident;)*) => {
        /// One thing that a caller can act on. The names are part of the API and never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as the API writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status that it comes with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// Whether the same request may succeed later.
            pub const fn retryable(self) -> Retryable {
                match self { $(Self::$variant => Retryable::$retryable,)* }
            }
        }
    };
}

error_codes! {
    /// The body is no JSON object.
    InvalidJson = "INVALID_JSON", BAD_REQUEST, No;
    /// A required field is not there.
    MissingParameter = "MISSING_PARAMETER", BAD_REQUEST, No;
    /// A field, path part or header has a value that it cannot have.
    InvalidParameter = "INVALID_PARAMETER", BAD_REQUEST, No;
    /// `action` is not what the route does.
    InvalidAction = "INVALID_ACTION", BAD_REQUEST, No;
    /// The group has no role at the target.
    RoleNotFound = "ROLE_NOT_FOUND", BAD_REQUEST, No;
    /// Several roles share the target's rank.
    AmbiguousRole = "AMBIGUOUS_ROLE", BAD_REQUEST, No;
    /// No credential was sent.
    MissingApiKey = "MISSING_API_KEY", UNAUTHORIZED, No;
    /// The credential is unreadable, unknown or wrong.
    InvalidApiKey = "INVALID_API_KEY", UNAUTHORIZED, No;
    /// The key was switched off.
    ApiKeyRevoked = "API_KEY_REVOKED", UNAUTHORIZED, No;
    /// The key's time is over.
    ApiKeyExpired = "API_KEY_EXPIRED", UNAUTHORIZED, No;
    /// The key belongs to another group.
    GroupNotLinked = "GROUP_NOT_LINKED", FORBIDDEN, No;
    /// The key's plan does not have this.
    PlanRequired = "PLAN_REQUIRED", FORBIDDEN, No;
    /// The key's limits forbid the target or the member.
    RankNotAllowed = "RANK_NOT_ALLOWED", FORBIDDEN, No;
    /// The group's owner blocked the user.
    UserBlocked = "USER_BLOCKED", FORBIDDEN, No;
    /// The member is the group's owner.
    TargetNotManageable = "TARGET_NOT_MANAGEABLE", FORBIDDEN, No;
    /// The user is not in the group.
    UserNotInGroup = "USER_NOT_IN_GROUP", NOT_FOUND, No;
    /// The group's log has no such entry, or no longer.
    LogNotFound = "LOG_NOT_FOUND", NOT_FOUND, No;
    /// There is no such path.
    RouteNotFound = "ROUTE_NOT_FOUND", NOT_FOUND, No;
    /// The path has other methods.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, No;
    /// The body is over 16 KiB.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE, No;
    /// The body is compressed in a way that is not read.
    UnsupportedEncoding = "UNSUPPORTED_ENCODING", UNSUPPORTED_MEDIA_TYPE, No;
    /// Another change of this member is running.
    RankChangeInProgress = "RANK_CHANGE_IN_PROGRESS", CONFLICT, Yes;
    /// The first request with this idempotency key is running.
    IdempotencyInProgress = "IDEMPOTENCY_IN_PROGRESS", CONFLICT, Yes;
    /// The member was changed after the entry that is to be undone.
    ChangedSince = "CHANGED_SINCE", CONFLICT, No;
    /// The member does not stand where the request requires it.
    RankMismatch = "RANK_MISMATCH", CONFLICT, No;
    /// The idempotency key stands for another request.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", UNPROCESSABLE_ENTITY, No;
    /// The month's requests are used up.
    MonthlyLimitReached = "MONTHLY_LIMIT_REACHED", TOO_MANY_REQUESTS, No;
    /// A defect of RankBot.
    InternalError = "INTERNAL_ERROR", INTERNAL_SERVER_ERROR, Yes;
    /// Roblox answered 5xx but 501, 409 or 499, or refused or dropped the connection.
    RobloxUnavailable = "ROBLOX_UNAVAILABLE", BAD_GATEWAY, Yes;
    /// Roblox did not answer in time, or answered 408.
    RobloxTimeout = "ROBLOX_TIMEOUT", BAD_GATEWAY, Yes;
    /// Roblox answered 429.
    RobloxRateLimited = "ROBLOX_RATE_LIMITED", BAD_GATEWAY, Yes;
    /// Roblox answered 403: the bot may not do this.
    RobloxPermissionDenied = "ROBLOX_PERMISSION_DENIED", BAD_GATEWAY, No;
    /// Roblox answered 401: the bot's key is not accepted.
    RobloxCredentialInvalid = "ROBLOX_CREDENTIAL_INVALID", BAD_GATEWAY, No;
    /// Roblox answered with success, but the change is not there.
    RobloxUnverified = "ROBLOX_UNVERIFIED", BAD_GATEWAY, No;
    /// Roblox's answer was unreadable, or of a status that is not foreseen.
    RobloxUnexpectedResponse = "ROBLOX_UNEXPECTED_RESPONSE", BAD_GATEWAY, No;
    /// The database cannot be reached.
    ServiceUnavailable = "SERVICE_UNAVAILABLE", SERVICE_UNAVAILABLE, Yes;
}

impl ErrorCode {
    /// The path of the code's page, below the documentation's address.
    pub fn docs_path(self) -> String {
        format!("/docs/errors/{}", self.as_str())
    }
}
