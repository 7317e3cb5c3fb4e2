//! What a page can send, without a user and without anybody's leave.

use rankbot_browser::Browser;
use rankbot_sandbox::demo;
use serde_json::{Value, json};

/// Sends each of the requests, and tells of each how it ended: `basic 403` for an answer that the page may read,
/// `opaque 0` for one that it may not, `failed`.
const SEND: &str = r"
    const loaded = frame => new Promise((done, late) => {
        frame.onload = done;
        setTimeout(() => late('the frame has not loaded'), 20000);
    });
    const form = async (url, body) => {
        const [frame, form, field] = ['iframe', 'form', 'textarea'].map(name => document.createElement(name));
        frame.name = 'frame' + Math.random();
        const empty = loaded(frame);
        document.body.append(frame);
        await empty;
        // A text/plain form sends `name=value`, which is JSON if the name ends inside a string.
        field.name = body.slice(0, -1) + ',' + JSON.stringify('x') + ':' + '\x22';
        field.value = '\x22}';
        Object.assign(form, {method: 'POST', enctype: 'text/plain', action: url, target: frame.name});
        form.append(field);
        document.body.append(form);
        const answered = loaded(frame);
        form.submit();
        await answered;
        return 'form';
    };
    return (async (base, requests) => {
        const ends = [];
        for (const {path, method, headers, body, mode} of requests) {
            if (mode === 'form') {
                ends.push(await form(base + path, body));
                continue;
            }
            const signal = AbortSignal.timeout(10000);
            try {
                const answer = await fetch(base + path, {method, headers, body, mode, signal});
                ends.push(`${answer.type} ${answer.status}`);
            } catch {
                ends.push('failed');
            }
        }
        return ends;
    })(...arguments);
";

/// The requests to one of the servers.
#[derive(Debug, Clone)]
pub(crate) struct Attack(Vec<Value>);

impl Attack {
    /// Rank changes: without a key, as far as a page gets without asking; and with the right key, for which it must ask.
    pub(crate) fn on_api(key: &str) -> Self {
        let body =
            json!({"groupId": demo::GROUP_ID, "userId": demo::TRAINEE_USER_ID, "action": "setRank", "targetRank": 200});
        let body = body.to_string();
        let json_with_key = json!({"content-type": "application/json", "x-api-key": key});
        Self(vec![
            simple("/v1/setRank", &body),
            form("/v1/setRank", &body),
            asking("POST", "/v1/setRank", &json_with_key, Some(&body)),
            asking("POST", "/v1/setRank", &json!({"authorization": format!("Bearer {key}")}), Some(&body)),
            asking("GET", "/v1/key", &json!({"x-api-key": key}), None),
            reading("/v1/status"),
        ])
    }

    /// Writes into the table, with the right credentials and with the address that stands for them.
    pub(crate) fn on_store(table: &str, access_key: &str) -> Self {
        let item = json!({"pk": {"S": "GROUP#1"}, "sk": {"S": "GROUP"}});
        let put = json!({"TableName": table, "Item": item}).to_string();
        let scope = "20261123/us-east-1/dynamodb/aws4_request";
        let headers = json!({
            "authorization":
                format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders=host;x-amz-date, Signature=0"),
            "content-type": "application/x-amz-json-1.0",
            "x-amz-date": "20261123T000000Z",
            "x-amz-target": "DynamoDB_20120810.PutItem",
        });
        let with_key = format!("/{access_key}");
        Self(vec![
            simple("/", &put),
            form("/", &put),
            asking("POST", "/", &headers, Some(&put)),
            asking("POST", &with_key, &headers, Some(&put)),
            simple(&with_key, &put),
            reading("/"),
        ])
    }

    /// Faults, a member's roles, and a role by Roblox's own route.
    pub(crate) fn on_sandbox() -> Self {
        let fault = json!({"effect": {"status": {"status": 503}}}).to_string();
        let member = format!("/sandbox/groups/{}/members/{}", demo::GROUP_ID, demo::TRAINEE_USER_ID);
        let assign = format!("/cloud/v2/groups/{}/memberships/{}:assignRole", demo::GROUP_ID, demo::TRAINEE_USER_ID);
        let role = json!({"role": format!("groups/{}/roles/{}", demo::GROUP_ID, demo::role::CABIN_CREW)}).to_string();
        let with_key = json!({"content-type": "application/json", "x-api-key": demo::BOT_API_KEY});
        Self(vec![
            simple("/sandbox/faults", &fault),
            form("/sandbox/faults", &fault),
            asking("PUT", &member, &json!({}), Some(r#"{"roles":[]}"#)),
            asking("DELETE", &member, &json!({}), None),
            asking("POST", &assign, &with_key, Some(&role)),
            reading("/sandbox/calls"),
        ])
    }

    /// What arrives where everybody is let in: `POST /path`.
    pub(crate) fn all(&self) -> Vec<String> {
        let text = |request: &Value, field: &str| request[field].as_str().unwrap().to_owned();
        self.0.iter().map(|request| format!("{} {}", text(request, "method"), text(request, "path"))).collect()
    }

    /// Has the browser's page send all of it. How each request ended, as the page sees it.
    pub(crate) async fn from(&self, browser: &Browser, base: &str) -> Vec<String> {
        let ends = browser.run(SEND, &[json!(base), json!(self.0)]).await.unwrap();
        ends.as_array().unwrap().iter().map(|end| end.as_str().unwrap().to_owned()).collect()
    }
}

/// A browser sends it without asking the server first, and does not let the page read the answer.
fn simple(path: &str, body: &str) -> Value {
    json!({"method": "POST", "path": path, "mode": "no-cors", "headers": {"content-type": "text/plain"}, "body": body})
}

/// The same, as the form of a page.
fn form(path: &str, body: &str) -> Value {
    json!({"method": "POST", "path": path, "mode": "form", "body": body})
}

/// A browser asks the server first whether it may send it: a preflight.
fn asking(method: &str, path: &str, headers: &Value, body: Option<&str>) -> Value {
    json!({"method": method, "path": path, "mode": "cors", "headers": headers, "body": body})
}

/// A browser sends it without asking, and lets the page read the answer if the answer says so.
fn reading(path: &str) -> Value {
    json!({"method": "GET", "path": path, "mode": "cors", "headers": {}})
}
