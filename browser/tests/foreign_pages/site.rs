//! The attacker's servers, and one that refuses nobody.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ACCESS_CONTROL_REQUEST_HEADERS, CONNECTION};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The attacker's name. The browser is told that it leads to this machine, as the attacker's own name server would say.
pub(crate) const NAME: &str = "evil.example";
/// A page without an origin of its own, as in some frames of other pages: it sends `Origin: null`.
pub(crate) const ORIGINLESS: &str = "/originless";

/// A server on loopback, which ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn of(router: Router) -> Self {
        let (listener, port) = listener().await;
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, task }
    }

    /// What the attacker's pages are read from.
    pub(crate) async fn of_pages() -> Self {
        const SANDBOXED: [(&str, &str); 1] = [("content-security-policy", "sandbox allow-scripts allow-forms")];
        let page = || async { Html("<p>a page</p>") };
        let originless = || async { (SANDBOXED, Html("<p>a page</p>")) };
        let each_on_its_connection = map_response(|mut response: Response| async {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        });
        Self::of(Router::new().route("/", get(page)).route(ORIGINLESS, get(originless)).layer(each_on_its_connection))
            .await
    }

    /// The address, by the attacker's name.
    pub(crate) fn by_name(&self) -> String {
        format!("http://{NAME}:{}", self.port)
    }

    /// The address, as the other servers of this machine have theirs.
    pub(crate) fn by_address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A name that leads somewhere else as soon as the attacker wants it (DNS rebinding). For the browser it is the same host
/// and the same port.
#[derive(Debug)]
pub(crate) struct Rebinding {
    pub(crate) server: Server,
    leads_to: Arc<AtomicU16>,
}

impl Rebinding {
    pub(crate) async fn leading_to(first: &Server) -> Self {
        let (listener, port) = listener().await;
        let leads_to = Arc::new(AtomicU16::new(first.port));
        let target = Arc::clone(&leads_to);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(relay(stream, Arc::clone(&target)));
            }
        });
        Self { server: Server { port, task }, leads_to }
    }

    pub(crate) fn lead_to(&self, port: u16) {
        self.leads_to.store(port, Ordering::SeqCst);
    }
}

async fn relay(mut outer: TcpStream, target: Arc<AtomicU16>) {
    // Browsers open connections before they have something to ask.
    let Ok(1..) = outer.peek(&mut [0]).await else { return };
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target.load(Ordering::SeqCst)));
    let Ok(mut inner) = TcpStream::connect(target).await else { return };
    // Either side may hang up.
    let _ = copy_bidirectional(&mut outer, &mut inner).await;
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A server that allows every site everything. What does not reach it has been held back by the browser, and would show
/// nothing about RankBot.
#[derive(Debug)]
pub(crate) struct OpenDoor {
    pub(crate) server: Server,
    arrived: Arc<Mutex<Vec<String>>>,
}

impl OpenDoor {
    pub(crate) async fn start() -> Self {
        let arrived = Arc::default();
        let router = Router::new().fallback(allow).with_state(Arc::clone(&arrived));
        Self { server: Server::of(router).await, arrived }
    }

    /// What has arrived so far, preflights aside: `POST /path`.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.arrived.lock().unwrap())
    }
}

async fn allow(State(arrived): State<Arc<Mutex<Vec<String>>>>, request: Request) -> Response {
    const ALLOWED: [(&str, &str); 3] = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, POST, PUT, DELETE"),
        ("access-control-allow-private-network", "true"),
    ];
    let mut response = (StatusCode::OK, ALLOWED, "{}").into_response();
    if let Some(asked) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
        const HEADERS: HeaderName = HeaderName::from_static("access-control-allow-headers");
        response.headers_mut().insert(HEADERS, asked.clone());
    }
    if request.method() != Method::OPTIONS && request.uri().path() != "/favicon.ico" {
        arrived.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
    }
    response
}
