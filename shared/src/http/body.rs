//! A request's body: no longer than a rank change can be, as it was before it was compressed.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use http::{HeaderMap, Method, header};
use serde_json::json;

use super::error_code::ErrorCode;
use super::faults;
use super::problem::Problem;

/// The largest body, in bytes: a rank change is a few hundred.
const LARGEST_BODY: usize = 16 * 1024;

/// The body, inflated if it is gzip, as Roblox's `HttpService` sends it with `Compress`. However much it would inflate to,
/// no more is read than is taken.
///
/// What the route is refused for comes at once. That a body cannot be inflated is told later: it is a fault of the request's
/// parameters, which come after the key.
pub(super) fn read<'a>(
    method: &Method,
    headers: &HeaderMap,
    body: &'a [u8],
) -> Result<Result<Cow<'a, [u8]>, Problem>, Problem> {
    // Nobody reads the body of a GET, and an empty one is the same however it is compressed.
    let body = if body.is_empty() || *method != Method::POST {
        Cow::Borrowed(body)
    } else {
        match encoding(headers)? {
            Encoding::Identity => Cow::Borrowed(body),
            Encoding::Gzip => match inflated(body) {
                Ok(body) => Cow::Owned(body),
                Err(problem) => return Ok(Err(problem)),
            },
        }
    };
    if body.len() > LARGEST_BODY {
        return Err(Problem::new(
            ErrorCode::PayloadTooLarge,
            "The body is larger than 16 KiB: send only the parameters of the request.",
        ));
    }
    Ok(Ok(body))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
}

/// `x-gzip` is gzip (RFC 9110, 8.4.1.3); case does not matter.
fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let named: Vec<String> = values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    match named.as_slice() {
        [] => Ok(Encoding::Identity),
        [only] if only == "gzip" || only == "x-gzip" => Ok(Encoding::Gzip),
        others => {
            let shown: String = others.join(", ").chars().filter(|letter| !letter.is_control()).take(64).collect();
            let message = format!("The body has the encoding {shown:?}: send it as gzip, or not compressed at all.");
            Err(Problem::new(ErrorCode::UnsupportedEncoding, message)
                .with_details(json!({ "encoding": shown, "supported": ["gzip", "identity"] })))
        }
    }
}

fn inflated(body: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut inflated = Vec::new();
    let one_too_many = u64::try_from(LARGEST_BODY).unwrap_or(u64::MAX).saturating_add(1);
    match MultiGzDecoder::new(body).take(one_too_many).read_to_end(&mut inflated) {
        Ok(_) => Ok(inflated),
        Err(_) => Err(faults::only(Problem::new(
            ErrorCode::InvalidJson,
            "The body is said to be gzip and cannot be inflated: leave Content-Encoding out, or compress it.",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn headers(encodings: &[&'static str]) -> HeaderMap {
        let pair = |encoding: &&'static str| (header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        encodings.iter().map(pair).fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
    }

    fn code(encodings: &[&'static str], body: &[u8]) -> Option<ErrorCode> {
        read(&Method::POST, &headers(encodings), body).err().map(|problem| problem.code)
    }

    fn inflated_as(encodings: &[&'static str], body: &[u8]) -> Result<Vec<u8>, ErrorCode> {
        let body = read(&Method::POST, &headers(encodings), body).unwrap();
        body.map(Cow::into_owned).map_err(|problem| problem.code)
    }

    #[test]
    fn gzip_is_inflated_and_nothing_is_as_it_is() {
        let body = br#"{"action":"promote"}"#;
        for name in ["gzip", "x-gzip", "GZIP", " gzip ", "identity, gzip"] {
            assert_eq!(inflated_as(&[name], &gzip(body)).unwrap(), body, "{name:?}");
        }
        for encodings in [&[][..], &["identity"], &[""]] {
            assert_eq!(inflated_as(encodings, body).unwrap(), body, "{encodings:?}");
        }
    }

    #[test]
    fn it_is_measured_inflated_and_a_bomb_is_not_unpacked() {
        assert_eq!(code(&["gzip"], &gzip(&[b' '; 16_384])), None);
        assert_eq!(code(&["gzip"], &gzip(&b" ".repeat(16_385))), Some(ErrorCode::PayloadTooLarge));
        let bomb = gzip(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 100_000);
        assert_eq!(code(&["gzip"], &bomb), Some(ErrorCode::PayloadTooLarge));
        assert_eq!(code(&[], &b" ".repeat(16_385)), Some(ErrorCode::PayloadTooLarge));
    }

    #[test]
    fn any_other_encoding_is_refused_by_name() {
        for (encodings, shown) in [
            (&["br"][..], "br"),
            (&["deflate"], "deflate"),
            (&["zstd"], "zstd"),
            (&["gzip, gzip"], "gzip, gzip"),
            (&["gzip", "br"], "gzip, br"),
        ] {
            let problem = read(&Method::POST, &headers(encodings), b"{}").unwrap_err();
            assert_eq!(problem.code, ErrorCode::UnsupportedEncoding, "{encodings:?}");
            assert!(problem.message.contains(shown), "{}", problem.message);
        }
    }

    #[test]
    fn what_is_no_gzip_is_told_so() {
        let whole = gzip(br#"{"action":"promote"}"#);
        assert_eq!(code(&["gzip"], b""), None, "nothing is nothing");
        for body in [&b"{}"[..], &whole[..whole.len() - 9]] {
            assert_eq!(inflated_as(&["gzip"], body), Err(ErrorCode::InvalidJson), "{body:?}");
        }
    }
}
