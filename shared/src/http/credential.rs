//! The API key in a request's headers.

use http::{HeaderMap, HeaderValue, header};

use super::error_code::ErrorCode;
use super::problem::Problem;
use crate::domain::api_key::{ApiKey, InvalidApiKey};

/// Reads the key. `Authorization`, with or without `Bearer`, counts before `X-Api-Key`.
pub(super) fn read(headers: &HeaderMap) -> Result<ApiKey, Problem> {
    let present = |name: &HeaderValue| !name.as_bytes().trim_ascii().is_empty();
    let read = match headers.get(header::AUTHORIZATION).filter(|value| present(value)) {
        Some(value) => key(without_scheme(text(value)?))?,
        None => match headers.get("x-api-key").filter(|value| present(value)) {
            Some(value) => key(text(value)?)?,
            None => {
                return Err(Problem::new(
                    ErrorCode::MissingApiKey,
                    "Send your API key in the header Authorization: Bearer <key>, or in X-Api-Key.",
                ));
            }
        },
    };
    Ok(read)
}

fn key(text: &str) -> Result<ApiKey, Problem> {
    let quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if quoted('"') || quoted('\'') || quoted('`') {
        let message = "The API key has quotation marks around it: send it without them.";
        return Err(Problem::new(ErrorCode::InvalidApiKey, message));
    }
    if text.starts_with('<') {
        let message = "The API key stands in angle brackets: send the key alone, which begins with wesk_.";
        return Err(Problem::new(ErrorCode::InvalidApiKey, message));
    }
    Ok(text.parse()?)
}

fn text(value: &HeaderValue) -> Result<&str, InvalidApiKey> {
    value.to_str().map(str::trim).map_err(|_| InvalidApiKey::Alphabet)
}

/// The scheme's name is case-insensitive (RFC 9110, 11.1).
fn without_scheme(credential: &str) -> &str {
    match credential.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim_start(),
        _ => credential,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(pairs: &[(&'static str, &str)]) -> Option<ErrorCode> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        read(&headers).err().map(|problem| problem.code)
    }

    #[test]
    fn a_key_is_read_from_every_place_it_may_stand_in() {
        let key = ApiKey::generate().unwrap().reveal().to_owned();
        assert_eq!(code(&[("authorization", &format!("Bearer {key}"))]), None);
        assert_eq!(code(&[("authorization", &format!("bearer  {key} "))]), None);
        assert_eq!(code(&[("authorization", &key)]), None);
        assert_eq!(code(&[("x-api-key", &key)]), None);
        assert_eq!(code(&[("authorization", ""), ("x-api-key", &key)]), None);
    }

    #[test]
    fn an_unreadable_authorization_is_not_made_good_by_the_other_header() {
        let key = ApiKey::generate().unwrap().reveal().to_owned();
        for unreadable in ["Bearer", "Basic dXNlcg==", "Bearer wesk_", "ключ"] {
            let both = [("authorization", unreadable), ("x-api-key", key.as_str())];
            assert_eq!(code(&both), Some(ErrorCode::InvalidApiKey), "{unreadable}");
        }
    }

    #[test]
    fn no_credential_is_missing_and_not_invalid() {
        assert_eq!(code(&[]), Some(ErrorCode::MissingApiKey));
        assert_eq!(code(&[("authorization", "  "), ("x-api-key", "")]), Some(ErrorCode::MissingApiKey));
    }
}
