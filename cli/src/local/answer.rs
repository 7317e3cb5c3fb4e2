//! A function's answer, as Lambda returns it to API Gateway, and how that becomes HTTP.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

/// A response of payload format 2.0. It knows one value per header: repeated ones are lost on Lambda, and so here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    pub(crate) status_code: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    #[serde(default)]
    cookies: Vec<String>,
}

impl Answer {
    /// What API Gateway says itself, without any function.
    pub(crate) fn of_the_gateway(status_code: u16, message: &str) -> Self {
        Self {
            status_code,
            headers: BTreeMap::from([(CONTENT_TYPE.to_string(), "application/json".to_owned())]),
            body: Some(serde_json::json!({ "message": message }).to_string()),
            is_base64_encoded: false,
            cookies: Vec::new(),
        }
    }

    /// The response that the client gets. An answer that makes none is answered as API Gateway does: 500.
    pub(crate) fn into_http(self, request_id: &str) -> Response {
        let mut response = self.converted().unwrap_or_else(|| {
            let mut response = Response::new(Body::from(r#"{"message":"Internal Server Error"}"#));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        });
        if let Ok(id) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert("apigw-requestid", id);
        }
        response
    }

    fn converted(self) -> Option<Response> {
        let body = self.body.unwrap_or_default();
        let body = if self.is_base64_encoded { BASE64.decode(body).ok()? } else { body.into_bytes() };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status_code).ok()?;
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
        }
        for cookie in &self.cookies {
            headers.append(SET_COOKIE, HeaderValue::from_str(cookie).ok()?);
        }
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn answer(json: &str) -> Response {
        serde_json::from_str::<Answer>(json).unwrap().into_http("id=")
    }

    async fn body(response: Response) -> Vec<u8> {
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn status_headers_cookies_and_text_are_passed_on() {
        let response = answer(
            r#"{"statusCode":429,"headers":{"retry-after":"7"},"multiValueHeaders":{},"body":"{}","isBase64Encoded":false,"cookies":["a=1","b=2"]}"#,
        );
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.headers()["apigw-requestid"], "id=");
        assert_eq!(response.headers().get_all(SET_COOKIE).iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(body(response).await, b"{}");
    }

    #[tokio::test]
    async fn base64_bodies_are_decoded() {
        let response = answer(r#"{"statusCode":200,"body":"/wA=","isBase64Encoded":true,"cookies":[]}"#);
        assert_eq!(body(response).await, [0xff, 0x00]);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_response_becomes_the_gateways_500() {
        for json in [r#"{"statusCode":42}"#, r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#] {
            let response = answer(json);
            assert_eq!(response.status(), 500);
            assert_eq!(body(response).await, br#"{"message":"Internal Server Error"}"#);
        }
    }
}
