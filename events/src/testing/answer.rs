//! A function's answer to an event, as it hands it to Lambda.

use lambda_http::{Context, LambdaEvent, Service as _};
use rankbot_shared::function::Function;
use rankbot_shared::http::Api;
use serde_json::{Value, json};

use super::event::Event;

/// The answer without Lambda.
pub async fn answer_in_process(api: &Api, event: &Event) -> Value {
    if event.function == Function::Sweep {
        api.sweep().await.unwrap();
        return Value::Null;
    }
    let request = serde_json::from_value(event.payload.clone()).unwrap_or_else(|error| panic!("{event}: {error}"));
    let Ok(response) = api.service(event.function).call(LambdaEvent::new(request, Context::default())).await;
    serde_json::to_value(response).unwrap()
}

/// An answer in the form in which it is the same each time: its body as JSON, and a placeholder for the log entry that a
/// change has made.
pub fn comparable(event: &Event, mut answer: Value) -> Value {
    // A HEAD is answered without one.
    let Some(body) = answer["body"].as_str().filter(|body| !body.is_empty()) else { return answer };
    let mut body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{event}: {error}: {body}"));
    if event.function != Function::Logs && body["logId"].is_string() {
        body["logId"] = json!("[new]");
    }
    answer["body"] = body;
    answer
}
