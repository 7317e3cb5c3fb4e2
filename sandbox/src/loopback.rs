//! Who may ask a server on loopback: the programs of this machine, and no page of somebody else's site.
//!
//! A browser lets every page send requests to 127.0.0.1, and a page whose own name is made to point there (DNS rebinding)
//! even read the answers. The first kind names the page's site in `Origin` and says in `Sec-Fetch-Site` that it is another
//! one; the second kind names a foreign host.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// What this machine is called in its own browser and in its containers. An address is never a foreign name.
const NAMES: [&str; 3] = ["localhost", "host.docker.internal", "host.containers.internal"];

/// For a server on loopback: refuses with 403 what a page of another site has sent.
pub async fn programs_and_own_pages(request: Request, next: Next) -> Response {
    match foreign(request.headers()) {
        None => next.run(request).await,
        Some(why) => (StatusCode::FORBIDDEN, axum::Json(serde_json::json!({ "message": why }))).into_response(),
    }
}

/// Why a request with these headers is not answered; `None` if it is.
pub fn foreign(headers: &HeaderMap) -> Option<&'static str> {
    let text = |name| headers.get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or("?"));
    let host = text(header::HOST);
    if host.is_some_and(|host| !is_of_this_machine(host)) {
        return Some("This server answers to 127.0.0.1 and localhost alone: use one of these in the address.");
    }
    let own_page = |origin: &str| origin.split_once("://").map(|(_, authority)| authority) == host;
    if text(header::ORIGIN).is_some_and(|origin| !own_page(origin)) {
        return Some("A page of another site may not use this server.");
    }
    // `none` is an address that somebody has typed.
    let own_site = |site: &str| matches!(site, "same-origin" | "none");
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    site.is_some_and(|site| !own_site(site)).then_some("A page of another site may not use this server.")
}

fn is_of_this_machine(host: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() => name,
        _ => host,
    };
    let name = without_port.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    name.parse::<std::net::IpAddr>().is_ok() || NAMES.contains(&name.as_str()) || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pairs: &[(&'static str, &str)]) -> bool {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        foreign(&headers).is_some()
    }

    #[test]
    fn programs_and_the_servers_own_pages_are_answered() {
        for host in [
            "127.0.0.1:3000",
            "localhost:3000",
            "[::1]:3000",
            "172.17.0.1:4",
            "host.docker.internal:3000",
            "a.localhost",
        ] {
            assert!(!refused(&[("host", host)]), "{host}");
        }
        assert!(!refused(&[]));
        let own = [("host", "127.0.0.1:3000"), ("origin", "http://127.0.0.1:3000"), ("sec-fetch-site", "same-origin")];
        assert!(!refused(&own));
        assert!(!refused(&[("host", "localhost:3000"), ("sec-fetch-site", "none")]));
    }

    #[test]
    fn pages_of_other_sites_are_not() {
        for host in ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "localhost.evil.example:80", ""] {
            assert!(refused(&[("host", host)]), "{host}");
        }
        for origin in ["https://evil.example", "http://127.0.0.1:8080", "http://localhost:3000", "null", ""] {
            assert!(refused(&[("host", "127.0.0.1:3000"), ("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site", "?"] {
            assert!(refused(&[("host", "127.0.0.1:3000"), ("sec-fetch-site", site)]), "{site}");
        }
    }
}
