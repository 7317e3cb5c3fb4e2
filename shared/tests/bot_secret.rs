//! The bots' keys in AWS Secrets Manager: the SDK's real client, against a small Secrets Manager on loopback.

#![expect(clippy::unwrap_used, reason = "what is not as expected shall fail the test")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_secretsmanager::{Client, Config};
use rankbot_shared::adapters::bots::{BotKey, Bots, NoBot};
use rankbot_shared::domain::group_settings::BotName;
use tokio::io::{AsyncBufReadExt as _, AsyncRead};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What Secrets Manager does with a request.
#[derive(Debug, Clone)]
enum Manner {
    /// Answers with this secret.
    Holds(String),
    /// Refuses with an error of this type.
    Refuses(&'static str),
    /// Never answers.
    IsSilent,
}

/// A Secrets Manager with one secret. Dropping it closes it.
struct SecretsManager {
    address: SocketAddr,
    state: Arc<Mutex<(Manner, usize)>>,
    server: JoinHandle<()>,
}

impl SecretsManager {
    async fn with(secret: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new((Manner::Holds(secret.to_owned()), 0)));
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, server }
    }

    fn now(&self, manner: Manner) {
        self.state.lock().unwrap().0 = manner;
    }

    fn now_holds(&self, secret: &str) {
        self.now(Manner::Holds(secret.to_owned()));
    }

    /// How often the secret was asked for.
    fn reads(&self) -> usize {
        self.state.lock().unwrap().1
    }

    fn bots(&self) -> Bots {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .endpoint_url(format!("http://{}", self.address))
            .build();
        Bots::in_secrets_manager(Client::from_conf(config), "rankbot/test/bots".to_owned())
    }
}

impl Drop for SecretsManager {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<(Manner, usize)>>) {
    let mut stream = BufReader::new(stream);
    while read_request(&mut stream).await.is_some() {
        let manner = {
            let mut state = state.lock().unwrap();
            state.1 += 1;
            state.0.clone()
        };
        let (status, body) = match manner {
            Manner::Holds(secret) => ("200 OK", serde_json::json!({"Name": "bots", "SecretString": secret})),
            Manner::Refuses(kind) => ("400 Bad Request", serde_json::json!({"__type": kind, "Message": "no"})),
            Manner::IsSilent => std::future::pending().await,
        };
        let body = body.to_string();
        let head = "content-type: application/x-amz-json-1.1";
        let answer = format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// `None` at the connection's end.
async fn read_request(stream: &mut BufReader<impl AsyncRead + Unpin>) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        match line.trim().to_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line.trim().is_empty() => break,
            Some(_) | None => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).await.ok().map(|_| ())
}

/// Lets so much time go by on tokio's clock alone.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Does `work` while tokio's clock stands still, so that no time limit is passed on a busy machine. A blocking task keeps
/// the clock from going on to the next timer by itself.
async fn at_this_instant<T>(work: impl Future<Output = T>) -> T {
    tokio::time::pause();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let holding = tokio::task::spawn_blocking(move || ended.recv().is_err());
    let result = work.await;
    drop(end);
    holding.await.unwrap();
    tokio::time::resume();
    result
}

const MINUTE: Duration = Duration::from_mins(1);

fn named(name: &str) -> BotName {
    serde_json::from_value(name.into()).unwrap()
}

fn key(text: &str) -> BotKey {
    BotKey::new(text).unwrap()
}

async fn default_key(bots: &Bots) -> BotKey {
    bots.key(&BotName::default()).await.unwrap()
}

/// The same, from a Secrets Manager that answers: however long that takes here.
async fn key_as_read(bots: &Bots) -> BotKey {
    at_this_instant(default_key(bots)).await
}

const ONE: &str = r#"{"bots":{"default":"one"}}"#;
const TWO: &str = r#"{"bots":{"default":"two","second":"other"},"comment":"fields that nobody knows do no harm"}"#;

#[tokio::test]
async fn the_secret_is_read_once_however_many_need_it_concurrently() {
    let secrets = SecretsManager::with(ONE).await;
    let bots = secrets.bots();
    let keys = at_this_instant(futures::future::join_all((0..8).map(|_| default_key(&bots)))).await;
    assert!(keys.iter().all(|got| *got == key("one")));
    assert_eq!(secrets.reads(), 1);
    later(9 * MINUTE).await;
    default_key(&bots).await;
    assert_eq!(secrets.reads(), 1);
}

#[tokio::test]
async fn a_failed_reading_is_shared_by_those_who_waited_for_it_concurrently_and_tried_again_by_the_next() {
    let secrets = SecretsManager::with(ONE).await;
    secrets.now(Manner::Refuses("AccessDeniedException"));
    let bots = secrets.bots();
    let default = BotName::default();
    let results = futures::future::join_all((0..8).map(|_| bots.key(&default))).await;
    assert!(results.iter().all(|result| matches!(result, Err(NoBot::Unreadable(_)))), "{results:?}");
    assert_eq!(secrets.reads(), 1);
    secrets.now_holds(ONE);
    assert_eq!(key_as_read(&bots).await, key("one"));
}

#[tokio::test]
async fn what_was_read_ten_minutes_ago_is_read_again_once() {
    let secrets = SecretsManager::with(ONE).await;
    let bots = secrets.bots();
    key_as_read(&bots).await;
    secrets.now_holds(TWO);
    assert_eq!(default_key(&bots).await, key("one"));
    later(11 * MINUTE).await;
    let keys = at_this_instant(futures::future::join_all((0..8).map(|_| default_key(&bots)))).await;
    assert!(keys.iter().all(|got| *got == key("two")));
    assert_eq!(secrets.reads(), 2);
}

/// Whatever is wrong with Secrets Manager, or with what was put into the secret.
#[tokio::test]
async fn a_key_at_hand_goes_on_counting_while_the_secret_cannot_be_read() {
    let refusals = ["AccessDeniedException", "ResourceNotFoundException", "InternalServiceError"];
    let malformed = Manner::Holds("RBX-key".to_owned());
    for manner in refusals.map(Manner::Refuses).into_iter().chain([Manner::IsSilent, malformed]) {
        let secrets = SecretsManager::with(ONE).await;
        let bots = secrets.bots();
        key_as_read(&bots).await;
        secrets.now(manner.clone());
        later(11 * MINUTE).await;
        assert_eq!(default_key(&bots).await, key("one"), "{manner:?}");
        let reads = secrets.reads();
        assert_eq!(default_key(&bots).await, key("one"), "{manner:?}");
        assert_eq!(secrets.reads(), reads, "{manner:?}: tried again too soon");
        secrets.now_holds(TWO);
        later(MINUTE).await;
        assert_eq!(key_as_read(&bots).await, key("two"), "{manner:?}");
    }
}

#[tokio::test]
async fn a_bot_that_is_new_to_the_secret_is_found_and_one_that_is_not_there_is_looked_for_twice_a_minute() {
    let secrets = SecretsManager::with(ONE).await;
    let bots = secrets.bots();
    key_as_read(&bots).await;
    let second = named("second");
    assert!(matches!(bots.key(&second).await, Err(NoBot::Unknown(_))));
    assert_eq!(secrets.reads(), 1, "the secret was read a moment ago");
    later(31 * MINUTE / 60).await;
    assert!(matches!(at_this_instant(bots.key(&second)).await, Err(NoBot::Unknown(bot)) if bot == second));
    assert!(matches!(bots.key(&second).await, Err(NoBot::Unknown(_))));
    assert_eq!(secrets.reads(), 2);
    secrets.now_holds(TWO);
    later(31 * MINUTE / 60).await;
    assert_eq!(at_this_instant(bots.key(&second)).await.unwrap(), key("other"));
}

#[tokio::test]
async fn one_unusable_key_leaves_the_other_bots_theirs() {
    let secrets = SecretsManager::with(r#"{"bots":{"default":"one","second":"","third":7}}"#).await;
    let bots = secrets.bots();
    assert_eq!(key_as_read(&bots).await, key("one"));
    for name in ["second", "third"] {
        let why = bots.key(&named(name)).await.unwrap_err();
        assert!(matches!(&why, NoBot::Unusable(bot) if *bot == named(name)), "{why}");
    }
    secrets.now_holds(TWO);
    later(MINUTE).await;
    assert_eq!(at_this_instant(bots.key(&named("second"))).await.unwrap(), key("other"));
}

#[tokio::test]
async fn a_key_at_hand_goes_on_counting_while_the_secrets_own_is_unusable() {
    let secrets = SecretsManager::with(TWO).await;
    let bots = secrets.bots();
    key_as_read(&bots).await;
    secrets.now_holds(r#"{"bots":{"default":"new","second":""}}"#);
    later(11 * MINUTE).await;
    assert_eq!(key_as_read(&bots).await, key("new"));
    assert_eq!(bots.key(&named("second")).await.unwrap(), key("other"));
}

#[tokio::test]
async fn a_refused_key_is_renewed_once_for_all_whom_it_befell_concurrently() {
    let secrets = SecretsManager::with(ONE).await;
    let bots = secrets.bots();
    let refused = key_as_read(&bots).await;
    later(MINUTE).await;
    secrets.now_holds(TWO);
    let default = BotName::default();
    let renewed = at_this_instant(futures::future::join_all((0..8).map(|_| bots.renew(&default, &refused)))).await;
    assert!(renewed.into_iter().all(|renewed| renewed));
    assert_eq!(default_key(&bots).await, key("two"));
    assert!(bots.renew(&default, &refused).await, "there is a newer key, whoever read it");
    assert_eq!(secrets.reads(), 2);
}

#[tokio::test]
async fn a_refused_key_that_is_still_the_secrets_is_not_worth_another_call() {
    let secrets = SecretsManager::with(ONE).await;
    let bots = secrets.bots();
    let refused = key_as_read(&bots).await;
    for manner in [Manner::Holds(ONE.to_owned()), Manner::Refuses("InternalServiceError")] {
        later(MINUTE).await;
        secrets.now(manner.clone());
        assert!(!bots.renew(&BotName::default(), &refused).await, "{manner:?}");
        assert_eq!(default_key(&bots).await, refused);
    }
}

#[tokio::test]
async fn an_empty_secret_says_what_to_put_into_it() {
    let secrets = SecretsManager::with(ONE).await;
    secrets.now(Manner::Refuses("ResourceNotFoundException"));
    let bots = secrets.bots();
    let why = bots.key(&BotName::default()).await.unwrap_err();
    assert!(matches!(why, NoBot::Empty));
    assert!(why.to_string().contains(r#"put {"bots":{"default":"<Open Cloud key>"}} into it"#), "{why}");
}

#[tokio::test]
async fn without_a_key_at_hand_a_silent_secrets_manager_is_not_waited_for_without_end() {
    let secrets = SecretsManager::with(ONE).await;
    secrets.now(Manner::IsSilent);
    let bots = secrets.bots();
    assert!(matches!(bots.key(&BotName::default()).await, Err(NoBot::Silence)));
    secrets.now_holds(ONE);
    assert_eq!(key_as_read(&bots).await, key("one"));
}
