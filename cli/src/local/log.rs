//! One readable line per request.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use jiff::Zoned;
use percent_encoding::percent_decode_str;
use rankbot_shared::domain::api_key::ApiKey;
use serde::Deserialize;

use super::answer::Answer;

/// Where the lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestLog {
    /// Nowhere: for tests.
    #[default]
    Off,
    /// To standard error, coloured where that is a terminal and `NO_COLOR` is not set.
    StandardError,
}

/// What a line says. Never a key, a header or a body.
#[derive(Debug)]
pub(crate) struct Line {
    method: String,
    path: String,
    status: u16,
    code: Option<String>,
    took: Duration,
    key_id: Option<String>,
    request_id: String,
}

impl Line {
    pub(crate) fn new(parts: &Parts, answer: &Answer, took: Duration, gateway_request_id: &str) -> Self {
        let request_id = answer.headers.get("x-request-id").map_or(gateway_request_id, String::as_str);
        Self {
            method: parts.method.to_string(),
            path: without_keys(parts.uri.path()),
            status: answer.status_code,
            code: code(answer),
            took,
            key_id: key_id(parts).filter(|_| answer.headers.contains_key("x-ratelimit-limit")),
            request_id: request_id.to_owned(),
        }
    }

    /// `14:03:07 POST /v1/setRank 200 ALREADY_HIGHEST_RANK 12 ms key=… request=…`, what is not there left out.
    fn text(&self, time: &str, colours: Colours) -> String {
        let mut parts =
            vec![colours.dim(time), format!("{:<4}", self.method), self.path.clone(), colours.status(self.status)];
        parts.extend(self.code.clone());
        parts.push(format!("{} ms", self.took.as_millis()));
        parts.extend(self.key_id.as_ref().map(|id| colours.dim(&format!("key={id}"))));
        parts.push(colours.dim(&format!("request={}", self.request_id)));
        parts.join(" ")
    }
}

impl RequestLog {
    pub(crate) fn write(self, line: &Line) {
        match self {
            Self::Off => {}
            Self::StandardError => {
                let time = Zoned::now().strftime("%H:%M:%S").to_string();
                let text = line.text(&time, Colours::of_standard_error());
                // Nobody may be reading any more; the requests go on.
                let _ = writeln!(io::stderr().lock(), "{text}");
            }
        }
    }
}

/// Whether escape codes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    On,
    Off,
}

impl Colours {
    pub(crate) fn of_standard_error() -> Self {
        Self::when(io::stderr().is_terminal())
    }

    pub(crate) fn of_standard_output() -> Self {
        Self::when(io::stdout().is_terminal())
    }

    fn when(is_terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if is_terminal && !refused { Self::On } else { Self::Off }
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.painted(text, "2")
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.painted(text, "1")
    }

    fn status(self, status: u16) -> String {
        let code = match status {
            ..400 => "32",
            400..500 => "33",
            500.. => "31",
        };
        self.painted(&status.to_string(), code)
    }

    fn painted(self, text: &str, code: &str) -> String {
        match self {
            Self::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Off => text.to_owned(),
        }
    }
}

/// A path in which somebody put an API key, by mistake, shows where it was and nothing of it, however it is encoded; and
/// nothing that commands a terminal.
fn without_keys(path: &str) -> String {
    let part = |part: &str| {
        if holds_a_key(part) {
            "wesk_…".to_owned()
        } else {
            part.chars().filter(|letter| !letter.is_control()).collect()
        }
    };
    path.split('/').map(part).collect::<Vec<String>>().join("/")
}

/// Clients that encode what is encoded already are not rare.
fn holds_a_key(part: &str) -> bool {
    const MOST_ENCODINGS: usize = 4;
    let mut text = part.to_owned();
    for _ in 0..MOST_ENCODINGS {
        if text.to_lowercase().contains("wesk_") {
            return true;
        }
        text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
    }
    text.to_lowercase().contains("wesk_")
}

/// The `code` of an error or of a graceful failure.
fn code(answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Coded {
        code: Option<String>,
    }
    let coded: Coded = serde_json::from_str(answer.body.as_deref()?).ok()?;
    coded.code
}

/// The public half of the key that the request came with, where it is readable. Whether the key is what it says to be, the
/// answer tells.
fn key_id(parts: &Parts) -> Option<String> {
    let credential = parts.headers.get(AUTHORIZATION).or_else(|| parts.headers.get("x-api-key"))?.to_str().ok()?;
    let key: ApiKey = credential.rsplit(' ').next()?.parse().ok()?;
    Some(key.id().to_string())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn line(key: &ApiKey, answer: &Answer) -> Line {
        let request = Request::post("/v1/promote?x=1")
            .header("authorization", format!("Bearer {}", key.reveal()))
            .body(())
            .unwrap();
        Line::new(&request.into_parts().0, answer, Duration::from_millis(12), "gateway=")
    }

    fn answer(json: &str) -> Answer {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_line_names_the_key_by_its_id_alone() {
        let key = ApiKey::generate().unwrap();
        let answer = answer(
            r#"{"statusCode":403,"headers":{"x-request-id":"r-1","x-ratelimit-limit":"100"},"body":"{\"code\":\"PLAN_REQUIRED\"}","cookies":[]}"#,
        );
        let text = line(&key, &answer).text("14:03:07", Colours::Off);
        assert_eq!(text, format!("14:03:07 POST /v1/promote 403 PLAN_REQUIRED 12 ms key={} request=r-1", key.id()));
    }

    #[test]
    fn an_answer_of_the_gateway_bears_the_gateways_own_request_id() {
        let key = ApiKey::generate().unwrap();
        let text = line(&key, &Answer::of_the_gateway(413, "Request Too Long")).text("14:03:07", Colours::Off);
        assert_eq!(text, "14:03:07 POST /v1/promote 413 12 ms request=gateway=", "nothing has proved the key");
    }

    #[test]
    fn colours_are_escape_codes_around_the_status() {
        let key = ApiKey::generate().unwrap();
        let text = line(&key, &answer(r#"{"statusCode":200}"#)).text("14:03:07", Colours::On);
        assert!(text.contains("\u{1b}[32m200\u{1b}[0m"), "{text}");
    }

    #[test]
    fn a_key_in_a_path_is_not_written() {
        let key = ApiKey::generate().unwrap().reveal().to_owned();
        assert_eq!(without_keys(&format!("/v1/{key}/x")), "/v1/wesk_…/x");
        assert_eq!(without_keys("/v1/rank/7/8"), "/v1/rank/7/8");
        for encoded in ["%77esk_abc", "wesk%5Fabc", "%2577esk_abc", "wesk%25255Fabc", "x%2Fwesk_abc", "WESK_abc"] {
            assert_eq!(without_keys(&format!("/v1/{encoded}/x")), "/v1/wesk_…/x", "{encoded}");
        }
    }
}
