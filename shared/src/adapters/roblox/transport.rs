//! Sending one call: time-outs, retries, and what a failure means.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Response;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{OpenCloud, text};
use crate::adapters::bots::{BotKey, NoBot};
use crate::app::ports::{Denial, Errand, RobloxFailure, RobloxFault};
use crate::metrics::{CallAttempt, RobloxCall};
use crate::telemetry::Causes;

/// How long one attempt may take. Roblox usually answers within 300 ms.
const ATTEMPT: Duration = Duration::from_millis(2_500);
/// With less time than this an attempt is not worth beginning.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(50);
/// The longest that a request waits for Roblox to accept it again; a longer Retry-After is handed to the caller.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 3;
/// A call that is not answered in time is tried once more: twice would use up the request's budget.
const ATTEMPTS_AFTER_TIMEOUT: u32 = 2;
const FIRST_BACKOFF_MS: u64 = 200;
/// In bytes, all pages of a list together. No answer that RankBot reads comes near it.
pub(super) const LARGEST_ANSWER: usize = 4 << 20;
/// For the body of an error whose status is there.
const EXCERPT_WAIT: Duration = Duration::from_millis(300);
/// Of an error's body, in bytes.
const LONGEST_EXCERPT: usize = 1_200;
/// Of an error's body in the log, in characters.
const LONGEST_SHOWN: usize = 300;
/// Roblox's status for CANCELLED, which has no name in HTTP.
const CANCELLED: u16 = 499;

/// When a call may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retries {
    /// After any passing failure: a read.
    Freely,
    /// Only where Roblox said that it did nothing: a write.
    OnlyWhereNothingHappened,
}

/// One call.
pub(super) struct Call {
    pub(super) kind: RobloxCall,
    pub(super) method: Method,
    /// Below the base address, query included.
    pub(super) path: String,
    /// JSON.
    pub(super) body: Option<String>,
    pub(super) retries: Retries,
    /// The longest body that is read, in bytes.
    pub(super) largest: usize,
}

/// An attempt that failed.
#[derive(Debug)]
struct Failed {
    failure: RobloxFailure,
    /// The wait that Roblox asks for with a `Retry-After`. The failure's own may be a guess by another header, good
    /// enough to tell a caller.
    asked_wait: Option<Duration>,
    /// The key that Roblox did not accept.
    refused: Option<BotKey>,
}

impl From<RobloxFailure> for Failed {
    fn from(failure: RobloxFailure) -> Self {
        Self { failure, asked_wait: None, refused: None }
    }
}

impl OpenCloud {
    /// The body of a 2xx answer.
    pub(super) async fn send(&self, call: &Call, errand: &Errand) -> Result<Vec<u8>, RobloxFailure> {
        let mut attempt = 1;
        loop {
            let Failed { failure, asked_wait, refused } = match self.attempt(call, errand, attempt).await {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            tracing::debug!(call = call.kind.name(), attempt, %failure, "call to Roblox failed");
            let is_renewed = match refused {
                Some(key) if attempt == 1 => {
                    let renewing = self.bots().renew(&errand.bot, &key);
                    timeout(errand.deadline.remaining(), renewing).await.unwrap_or(false)
                }
                Some(_) | None => false,
            };
            let wait = if is_renewed {
                Some(Duration::ZERO)
            } else {
                wait_before_retry(call, failure.fault, asked_wait, attempt)
            };
            let Some(wait) = wait else { return Err(failure) };
            if wait + SHORTEST_ATTEMPT > errand.deadline.remaining() {
                return Err(failure);
            }
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &Call, errand: &Errand, attempt: u32) -> Result<Vec<u8>, Failed> {
        let limit = || errand.deadline.remaining().min(ATTEMPT);
        let too_late = || failure(RobloxFault::Timeout, format!("{}: no answer in time", call.kind.name()));
        if limit() < SHORTEST_ATTEMPT {
            return Err(too_late().into());
        }
        let key = match timeout(limit(), self.bots().key(&errand.bot)).await {
            Ok(Ok(key)) => key,
            Ok(Err(why)) => return Err(not_sent(call, attempt, no_bot(call, &why)).into()),
            Err(_) => return Err(not_sent(call, attempt, too_late()).into()),
        };
        let sent = CallAttempt::begin(call.kind, attempt);
        let result = timeout(limit(), self.exchange(call, &key)).await.unwrap_or_else(|_| Err(too_late().into()));
        sent.ended(result.as_ref().map_err(|failed| &failed.failure));
        result.map_err(|failed| {
            let refused = (failed.failure.fault == RobloxFault::CredentialInvalid).then_some(key);
            Failed { refused, ..failed }
        })
    }

    async fn exchange(&self, call: &Call, key: &BotKey) -> Result<Vec<u8>, Failed> {
        let url = format!("{}{}", self.base_url, call.path);
        let mut request = self.http.inner().request(call.method.clone(), url).header("x-api-key", key.header());
        if let Some(body) = &call.body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        let response = request.send().await.map_err(|error| broken(call, error))?;
        let status = response.status();
        let asked_wait = retry_after(response.headers(), Timestamp::now());
        let reset = rate_limit_reset(response.headers()).filter(|_| status == StatusCode::TOO_MANY_REQUESTS);
        if status.is_success() {
            return Ok(read_body(call, response).await?);
        }
        let failure = refused(call, status, asked_wait.or(reset), &excerpt(response).await, key);
        Err(Failed { failure, asked_wait, refused: None })
    }
}

/// How long to wait before the next attempt; `None` if there should be none.
fn wait_before_retry(call: &Call, fault: RobloxFault, asked_wait: Option<Duration>, attempt: u32) -> Option<Duration> {
    let attempts = match (fault, call.retries) {
        (RobloxFault::RateLimited, _) | (RobloxFault::Unavailable, Retries::Freely) => ATTEMPTS,
        (RobloxFault::Timeout, Retries::Freely) => ATTEMPTS_AFTER_TIMEOUT,
        (RobloxFault::Unavailable | RobloxFault::Timeout, Retries::OnlyWhereNothingHappened)
        | (
            RobloxFault::PermissionDenied(_)
            | RobloxFault::CredentialInvalid
            | RobloxFault::Unverified
            | RobloxFault::Rejected
            | RobloxFault::Unexpected,
            _,
        ) => return None,
    };
    let wait = asked_wait.unwrap_or_else(|| backoff(attempt));
    (attempt < attempts && wait <= LONGEST_WAIT).then_some(wait)
}

/// For want of a bot's key. Counted as a call that failed: the alarm on those is the one for whoever can mend it.
fn not_sent(call: &Call, attempt: u32, failure: RobloxFailure) -> RobloxFailure {
    CallAttempt::begin(call.kind, attempt).not_sent();
    failure
}

async fn read_body(call: &Call, mut response: Response) -> Result<Vec<u8>, RobloxFailure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(call, error))? {
        if body.len() + chunk.len() > call.largest {
            return Err(failure(RobloxFault::Unexpected, format!("{}: an answer of over 4 MiB", call.kind.name())));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The beginning of an error's body, for the log. How much follows, and whether it arrives, changes nothing: the status says
/// what happened.
async fn excerpt(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let until = Instant::now() + EXCERPT_WAIT;
    while body.len() < LONGEST_EXCERPT
        && let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await
    {
        body.extend_from_slice(&chunk);
    }
    body
}

/// A connection that was refused, dropped, or spoke no HTTP.
fn broken(call: &Call, error: reqwest::Error) -> RobloxFailure {
    let fault = if error.is_timeout() { RobloxFault::Timeout } else { RobloxFault::Unavailable };
    // Without the address: it would be repeated in every line.
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    failure(fault, format!("{}: {error}: {cause}", call.kind.name()))
}

/// What a status means. Roblox's error bodies come in three forms and as plain text, and none says more that is
/// documented than the status: the body goes to the log alone.
///
/// 409 ABORTED and 499 CANCELLED pass by themselves, says Roblox's list of codes, and are like a 503. 501 `NOT_IMPLEMENTED`
/// does not pass. 408 is a time-out that somebody on the way has noticed (RFC 9110, 15.5.9).
fn refused(call: &Call, status: StatusCode, retry_after: Option<Duration>, body: &[u8], key: &BotKey) -> RobloxFailure {
    let fault = match status {
        StatusCode::UNAUTHORIZED => RobloxFault::CredentialInvalid,
        StatusCode::FORBIDDEN => RobloxFault::PermissionDenied(denial(body)),
        StatusCode::TOO_MANY_REQUESTS => RobloxFault::RateLimited,
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => RobloxFault::Rejected,
        StatusCode::REQUEST_TIMEOUT => RobloxFault::Timeout,
        StatusCode::CONFLICT => RobloxFault::Unavailable,
        StatusCode::NOT_IMPLEMENTED => RobloxFault::Unexpected,
        status if status.is_server_error() || status.as_u16() == CANCELLED => RobloxFault::Unavailable,
        _ => RobloxFault::Unexpected,
    };
    let text = text::excerpt(body, key.expose(), LONGEST_SHOWN);
    RobloxFailure { fault, retry_after, detail: format!("{}: {status}: {text}", call.kind.name()) }
}

/// The group service speaks Open Cloud v2, with a code beside the message; the gateway, which knows the key's scopes, has
/// a list of errors. Where the text names scopes, it is the key whoever says it.
fn denial(body: &[u8]) -> Denial {
    let text = String::from_utf8_lossy(body).to_lowercase();
    let names_the_key = ["scope", "group:write", "api key"].iter().any(|word| text.contains(word));
    let by_the_gateway =
        serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|body| body.get("errors").is_some());
    if names_the_key || by_the_gateway { Denial::ByKey } else { Denial::ByGroup }
}

fn no_bot(call: &Call, why: &NoBot) -> RobloxFailure {
    let fault = match why {
        NoBot::Unreadable(_) | NoBot::Silence => RobloxFault::Unavailable,
        NoBot::Empty | NoBot::Malformed | NoBot::Unusable(_) | NoBot::Unknown(_) => RobloxFault::CredentialInvalid,
    };
    failure(fault, format!("{}: {}", call.kind.name(), Causes(why)))
}

fn failure(fault: RobloxFault, detail: String) -> RobloxFailure {
    RobloxFailure { fault, retry_after: None, detail }
}

/// Whole seconds or a date (RFC 9110, 10.2.3); which of the two Roblox uses, it does not say. A date that is over asks for
/// no wait, and what is neither is as good as none.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// The seconds until the bot's requests are counted anew. Like the limit, it may be a list, one element for each window
/// that counts: by the longest all are over.
fn rate_limit_reset(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all("x-ratelimit-reset").iter().filter_map(|value| value.to_str().ok());
    let elements = values.flat_map(|value| value.split(','));
    let seconds = elements.filter_map(|element| element.split(';').next()?.trim().parse().ok());
    seconds.max().map(Duration::from_secs)
}

/// Exponential with full jitter: several callers that failed together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let ceiling = FIRST_BACKOFF_MS << attempt.min(4);
    let mut random = [0_u8; 8];
    // Without randomness the wait is the longest one, which is safe.
    let drawn = getrandom::fill(&mut random).map_or(ceiling, |()| u64::from_le_bytes(random) % ceiling);
    Duration::from_millis(drawn.max(1))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::domain::group_settings::BotName;

    #[test]
    fn a_bot_secret_that_is_empty_or_wrong_is_for_the_operator_and_not_for_later() {
        let path = String::new();
        let (kind, retries) = (RobloxCall::GetGroup, Retries::Freely);
        let call = Call { kind, method: Method::GET, path, body: None, retries, largest: 0 };
        let bot = BotName::default;
        for why in [NoBot::Empty, NoBot::Malformed, NoBot::Unusable(bot()), NoBot::Unknown(bot())] {
            let failure = no_bot(&call, &why);
            assert_eq!(failure.fault, RobloxFault::CredentialInvalid);
            assert_eq!(wait_before_retry(&call, failure.fault, None, 1), None);
            assert!(failure.detail.contains(&why.to_string()), "{failure}");
        }
        assert_eq!(no_bot(&call, &NoBot::Silence).fault, RobloxFault::Unavailable);
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_wait_is_read_as_seconds_or_as_a_date() {
        let now = "1994-11-06T08:49:30Z".parse().unwrap();
        for (text, seconds) in [
            ("3", Some(3)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            let wait = retry_after(&headers(&[("retry-after", text)]), now);
            assert_eq!(wait, seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn the_longest_window_tells_when_all_are_over() {
        for (text, seconds) in
            [("17", Some(17)), ("5, 40;w=60", Some(40)), ("40;w=60,5;w=1", Some(40)), ("x, 9", Some(9)), ("x", None)]
        {
            let reset = rate_limit_reset(&headers(&[("x-ratelimit-reset", text)]));
            assert_eq!(reset, seconds.map(Duration::from_secs), "{text:?}");
        }
    }
}
