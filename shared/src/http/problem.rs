//! The one place that turns what went wrong into a code, a status and a sentence for a person.
//!
//! A message says the fix and nothing internal: no cause, no address, no text of Roblox's or of the database's.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::RoleView;
use super::error_code::ErrorCode;
use super::near_names::{header, meant};
use crate::app::error::{AppError, Refused, RefusedKey};
use crate::app::ports::{Denial, RobloxFailure, RobloxFault};
use crate::domain::api_key::InvalidApiKey;
use crate::domain::key_record::Refusal;

/// An error answer, before it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    pub(super) details: Option<Value>,
    /// When to come back, where that is known.
    pub(super) retry_after: Option<Duration>,
    /// The `Allow` header of a 405.
    pub(super) allow: Option<String>,
}

impl Problem {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retry_after: None, allow: None }
    }

    pub(super) fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }

    fn with_retry_after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait, ..self }
    }

    /// A field that is needed and not there.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::new(ErrorCode::MissingParameter, format!("Add the parameter {parameter} to the request."))
            .with_details(json!({ "parameter": parameter }))
    }

    /// A field whose value is not what it must be.
    pub(super) fn invalid(parameter: &str, expected: &str) -> Self {
        Self::new(ErrorCode::InvalidParameter, format!("The parameter {parameter} must be {expected}."))
            .with_details(json!({ "parameter": parameter }))
    }

    /// A field that the route does not have. A name that is `sent` besides is not what was meant by this one.
    pub(super) fn unknown(parameter: &str, known: &[&str], sent: &[&str]) -> Self {
        let shown: String = parameter.chars().take(64).collect();
        let known_names = known.join(", ");
        let free: Vec<&str> = known.iter().copied().filter(|name| !sent.contains(name)).collect();
        let message = match (meant(parameter, &free), header(parameter)) {
            (Some(meant), _) => format!("Write {meant} for the parameter {shown:?}: this action takes {known_names}."),
            (None, Some(header)) => format!("Send {shown:?} as a header, not as a parameter: {header}."),
            (None, None) => format!("Remove the parameter {shown:?}: this action takes {known_names}."),
        };
        Self::new(ErrorCode::InvalidParameter, message).with_details(json!({ "parameter": shown, "known": known }))
    }

    /// A field that is there twice.
    pub(super) fn repeated(parameter: &str) -> Self {
        let shown: String = parameter.chars().take(64).collect();
        Self::new(ErrorCode::InvalidParameter, format!("The parameter {shown:?} is there twice: send it once."))
            .with_details(json!({ "parameter": shown }))
    }
}

impl From<InvalidApiKey> for Problem {
    fn from(why: InvalidApiKey) -> Self {
        let message = match why {
            InvalidApiKey::Prefix | InvalidApiKey::Shape | InvalidApiKey::Alphabet => {
                "This is not a RankBot API key: send the whole key, which begins with wesk_ and has 56 characters."
            }
            InvalidApiKey::Checksum => "The API key was mistyped or cut off: copy it again from where you keep it.",
        };
        Self::new(ErrorCode::InvalidApiKey, message)
    }
}

impl From<&AppError> for Problem {
    fn from(error: &AppError) -> Self {
        match error {
            AppError::Refused(refused) => from_refusal(refused),
            AppError::UserNotInGroup => Self::new(
                ErrorCode::UserNotInGroup,
                "The user is not a member of the group: they must join it before they can have a rank.",
            ),
            AppError::RoleNotFound { available } => Self::new(
                ErrorCode::RoleNotFound,
                "The group has no role at this target: use one of details.availableRanks, or a role's id.",
            )
            .with_details(json!({ "availableRanks": available })),
            AppError::AmbiguousRole { candidates } => Self::new(
                ErrorCode::AmbiguousRole,
                "Several roles share this rank or name: use setRank with targetRoleId, one of details.candidates.",
            )
            .with_details(json!({ "candidates": candidates.iter().map(RoleView::of).collect::<Vec<_>>() })),
            AppError::UserBlocked { until } => Self::new(
                ErrorCode::UserBlocked,
                "This user is blocked in the group, so their rank stays: ask the group's owner to unblock them.",
            )
            .with_details(json!({ "until": until.map(|until| until.to_string()) })),
            AppError::RankChangeInProgress { retry_after } => Self::new(
                ErrorCode::RankChangeInProgress,
                "Another change of this member is running: send the same request again after Retry-After.",
            )
            .with_retry_after(Some(*retry_after)),
            AppError::LastChangeNotShown { retry_after } => Self::new(
                ErrorCode::RankChangeInProgress,
                "Roblox does not show this member's last change yet: send the same request again after Retry-After.",
            )
            .with_retry_after(Some(*retry_after)),
            AppError::ClaimLost => Self::new(
                ErrorCode::RankChangeInProgress,
                "This change was held up and another run has taken it over: read the member's rank, or send the same request again with its Idempotency-Key.",
            )
            .with_retry_after(Some(Duration::from_secs(1))),
            AppError::IdempotencyInProgress { retry_after } => Self::new(
                ErrorCode::IdempotencyInProgress,
                "The first request with this Idempotency-Key is still running: send it again after Retry-After.",
            )
            .with_retry_after(Some(*retry_after)),
            AppError::IdempotencyKeyReused => Self::new(
                ErrorCode::IdempotencyKeyReused,
                "This Idempotency-Key was used for another request: use a new one for each new request.",
            ),
            AppError::ChangedSince { current } => Self::new(
                ErrorCode::ChangedSince,
                "The member was changed after this entry: look at details.currentRole, and send force: true to undo it anyway.",
            )
            .with_details(json!({ "currentRole": RoleView::of(current) })),
            AppError::LogNotFound => Self::new(
                ErrorCode::LogNotFound,
                "The group's log has no such entry: check the id, and that the plan keeps entries for so long.",
            ),
            AppError::RankMismatch { rank } => Self::new(
                ErrorCode::RankMismatch,
                format!("The member stands at rank {rank}, which ifRank does not allow: nothing was changed. Decide by details.rank."),
            )
            .with_details(json!({ "rank": rank })),
            AppError::RankNotAllowed => rank_not_allowed(),
            AppError::TargetNotManageable => Self::new(
                ErrorCode::TargetNotManageable,
                "The member owns the group, and an owner's rank cannot be changed: leave the owner out.",
            ),
            AppError::Roblox(failure) => from_roblox(failure),
            AppError::Store(_) => Self::new(
                ErrorCode::ServiceUnavailable,
                "RankBot's database cannot be reached and nothing was changed: try again in a moment.",
            )
            .with_retry_after(Some(Duration::from_secs(1))),
            AppError::Defect(_) => Self::new(
                ErrorCode::InternalError,
                "Something went wrong inside RankBot: try again, and if it stays, report the requestId.",
            ),
        }
    }
}

fn rank_not_allowed() -> Problem {
    Problem::new(
        ErrorCode::RankNotAllowed,
        "This API key may not give this rank or touch this member: use a key with higher limits, or raise the group's.",
    )
}

fn from_refusal(refused: &Refused) -> Problem {
    let plain = |code, message: &str| Problem::new(code, message);
    match refused.refusal {
        Refusal::InvalidKey => plain(
            ErrorCode::InvalidApiKey,
            "This API key does not exist or was replaced: copy the current one from where you keep it.",
        ),
        Refusal::Revoked => plain(ErrorCode::ApiKeyRevoked, "This API key was revoked: make a new one."),
        Refusal::Held => plain(
            ErrorCode::ServiceUnavailable,
            "This API key is being moved to another instance and nothing was changed: try again in a minute.",
        )
        .with_retry_after(Some(Duration::from_secs(5))),
        Refusal::Expired => plain(ErrorCode::ApiKeyExpired, "This API key has expired: make a new one."),
        Refusal::GroupNotLinked => plain(
            ErrorCode::GroupNotLinked,
            "This API key belongs to another group: use the key that was made for this group.",
        ),
        Refusal::PlanRequired => plan_required(refused),
        Refusal::RankNotAllowed => rank_not_allowed(),
        Refusal::MonthlyLimitReached => monthly_limit_reached(refused),
    }
}

fn plan_required(refused: &Refused) -> Problem {
    let message = "Your plan does not include this action: upgrade to one of details.requiredPlans.";
    let details = json!({ "requiredPlans": refused.required_plans, "plan": refused.key.map(|key| key.plan) });
    Problem::new(ErrorCode::PlanRequired, message).with_details(details)
}

fn monthly_limit_reached(refused: &Refused) -> Problem {
    let message = "This month's requests are used up: wait for details.resetsAt, or upgrade the plan.";
    let problem = Problem::new(ErrorCode::MonthlyLimitReached, message);
    let Some(RefusedKey { plan, quota }) = refused.key else { return problem };
    let details = json!({
        "plan": plan,
        "limit": quota.limit,
        "used": quota.used,
        "resetsAt": quota.resets_at.to_string(),
    });
    problem.with_details(details).with_retry_after(Some(until(refused.at, quota.resets_at)))
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}

/// Whatever Roblox or its clock says: a game that waits for longer would have been restarted by then.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

fn from_roblox(failure: &RobloxFailure) -> Problem {
    let (code, message) = match failure.fault {
        RobloxFault::Unavailable => (ErrorCode::RobloxUnavailable, "Roblox is not available: try again in a moment."),
        RobloxFault::Timeout => (ErrorCode::RobloxTimeout, "Roblox did not answer in time: try again in a moment."),
        RobloxFault::RateLimited => (
            ErrorCode::RobloxRateLimited,
            "Roblox accepts no more requests from the group's bot this minute: try again after Retry-After.",
        ),
        RobloxFault::PermissionDenied(Denial::ByGroup) => (
            ErrorCode::RobloxPermissionDenied,
            "Roblox does not let the bot do this: give the bot a role above the member's and the target's that may change ranks, and see that its key has group:write.",
        ),
        RobloxFault::PermissionDenied(Denial::ByKey) => (
            ErrorCode::RobloxPermissionDenied,
            "Roblox does not let the bot's key do this: give it group:write for this group, and the bot a role above the member's and the target's that may change ranks.",
        ),
        RobloxFault::CredentialInvalid => (
            ErrorCode::RobloxCredentialInvalid,
            "Roblox does not accept the bot's credential: its operator must renew it.",
        ),
        RobloxFault::Unverified => (
            ErrorCode::RobloxUnverified,
            "Roblox reported success but changed nothing: check that the bot's key may write to groups (group:write).",
        ),
        RobloxFault::Rejected | RobloxFault::Unexpected => (
            ErrorCode::RobloxUnexpectedResponse,
            "Roblox gave an answer that RankBot does not understand: check that the group exists, and report the requestId if it does.",
        ),
    };
    Problem::new(code, message).with_retry_after(failure.retry_after.map(|wait| wait.min(LONGEST_WAIT)))
}
