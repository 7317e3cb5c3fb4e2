//! Who may use the embedded store: a program that knows its access key, and no page in a browser.

use std::fmt;

use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::{StatusCode, Uri};
use subtle::ConstantTimeEq as _;

/// What this machine is called in its own containers, and by itself.
const OWN_NAMES: [&str; 3] = ["localhost", "host.docker.internal", "host.containers.internal"];

/// The access key id of one store, new with each start: 128 random bits, which nobody guesses.
///
/// Another user of the machine can reach the store's port, but cannot know the key. The store compares it, and verifies no
/// signature: docs/adr/0040 says why that is enough.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccessKey(String);

/// The operating system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system has no randomness to give")]
pub struct NoRandomness;

impl AccessKey {
    /// A new one: letters and digits alone, as an access key id is, so that it fits into an address, too.
    pub(crate) fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0; size_of::<u128>()];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(format!("{:032X}", u128::from_ne_bytes(bytes))))
    }

    /// The key itself. It must not be logged.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// In constant time: how long a refusal takes tells nothing of the key.
    fn is(&self, claimed: &str) -> bool {
        self.0.as_bytes().ct_eq(claimed.as_bytes()).into()
    }

    /// Whether the path is the key and nothing else: the address of those whose credentials are not theirs to choose.
    pub(crate) fn is_path_of(&self, uri: &Uri) -> bool {
        self.is(uri.path().trim_matches('/'))
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AccessKey(…)")
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A browser sends it for a page.
    Page,
    /// Its host is the name of a site that was made to lead to this machine (DNS rebinding).
    ForeignHost,
    /// It has no credentials.
    NoCredentials,
    /// Its credentials are not this store's.
    UnknownKey,
}

impl Refusal {
    /// Why a request to this address with these headers is not let in; `None` if it is.
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap, key: &AccessKey) -> Option<Self> {
        const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
        if headers.contains_key(ORIGIN) || headers.contains_key(SITE) {
            return Some(Self::Page);
        }
        if headers.get(HOST).is_some_and(|host| !is_of_this_machine(host)) {
            return Some(Self::ForeignHost);
        }
        if key.is_path_of(uri) {
            return None;
        }
        match headers.get(AUTHORIZATION).map(|value| claimed_key(value).unwrap_or_default()) {
            None => Some(Self::NoCredentials),
            Some(claimed) if key.is(claimed) => None,
            Some(_) => Some(Self::UnknownKey),
        }
    }

    /// DynamoDB's own where it has one.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Page | Self::ForeignHost => StatusCode::FORBIDDEN,
            Self::NoCredentials | Self::UnknownKey => StatusCode::BAD_REQUEST,
        }
    }

    /// The body, in the shape of DynamoDB's errors. What DynamoDB refuses as well, it refuses with these words.
    pub(crate) fn body(self) -> String {
        let (kind, message) = match self {
            Self::Page => ("AccessDeniedException", "This store answers programs, and no page in a browser."),
            Self::ForeignHost => ("AccessDeniedException", "This store answers to an address of this machine alone."),
            Self::NoCredentials => ("MissingAuthenticationTokenException", "Request is missing Authentication Token"),
            Self::UnknownKey => {
                ("UnrecognizedClientException", "The security token included in the request is invalid.")
            }
        };
        format!(r#"{{"__type":"com.amazon.coral.service#{kind}","message":"{message}"}}"#)
    }
}

/// The key of `AWS4-HMAC-SHA256 Credential=KEY/date/region/dynamodb/aws4_request, SignedHeaders=…, Signature=…`.
fn claimed_key(authorization: &HeaderValue) -> Option<&str> {
    let parameters = authorization.to_str().ok()?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let credential = parameters.split(',').find_map(|parameter| parameter.trim().strip_prefix("Credential="))?;
    credential.split('/').next()
}

fn is_of_this_machine(host: &HeaderValue) -> bool {
    let host = host.to_str().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() || OWN_NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(text).expect("visible characters"))])
    }

    #[test]
    fn only_the_whole_key_in_its_place_is_the_key() {
        let key = AccessKey::random().expect("this machine has randomness");
        let own = key.reveal();
        let root = Uri::from_static("/");
        let scope = "20261123/us-east-1/dynamodb/aws4_request";
        for text in [
            format!("AWS4-HMAC-SHA256 Credential={own}/{scope}, SignedHeaders=host, Signature=0"),
            format!("AWS4-HMAC-SHA256 SignedHeaders=host,Signature=0,Credential={own}/{scope}"),
        ] {
            assert_eq!(Refusal::of(&root, &authorization(&text), &key), None, "{text}");
        }
        let lower_case = own.to_lowercase();
        for claimed in [&own[1..], &own[..own.len() - 1], &format!("{own}0"), &lower_case, "local", "", " "] {
            let text = format!("AWS4-HMAC-SHA256 Credential={claimed}/{scope}, SignedHeaders=host, Signature=0");
            assert_eq!(Refusal::of(&root, &authorization(&text), &key), Some(Refusal::UnknownKey), "{text}");
        }
        for text in [own.to_owned(), format!("Bearer {own}"), format!("AWS4-HMAC-SHA256 NotCredential={own}/{scope}")] {
            assert_eq!(Refusal::of(&root, &authorization(&text), &key), Some(Refusal::UnknownKey), "{text}");
        }
        assert_eq!(Refusal::of(&root, &HeaderMap::new(), &key), Some(Refusal::NoCredentials));
    }

    #[test]
    fn an_address_with_the_key_stands_for_credentials_and_a_part_of_it_does_not() {
        let key = AccessKey::random().expect("this machine has randomness");
        let own = key.reveal();
        let refusal = |path: String| {
            let uri = path.parse().expect("a path");
            Refusal::of(&uri, &authorization("AWS4-HMAC-SHA256 Credential=defaultkey/scope"), &key)
        };
        assert_eq!((refusal(format!("/{own}")), refusal(format!("/{own}/"))), (None, None));
        for path in [format!("/{}", &own[1..]), format!("/{own}0"), format!("/x/{own}"), format!("/?{own}")] {
            assert_eq!(refusal(path.clone()), Some(Refusal::UnknownKey), "{path}");
        }
    }

    #[test]
    fn no_two_keys_are_alike_and_none_is_printed() {
        let [one, other] = [AccessKey::random(), AccessKey::random()].map(|key| key.expect("there is randomness"));
        assert_ne!(one, other);
        assert!(one.reveal().len() == 32 && one.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(!format!("{one:?}").contains(one.reveal()));
    }
}
