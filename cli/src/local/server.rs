//! The HTTP server's socket and task.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::LocalError;
use super::gateway::{self, Gateway};

/// How long a stop waits for the requests that are running: longer than a function may run.
const GRACE: Duration = Duration::from_secs(15);

/// Takes the port on loopback.
pub(super) async fn listen(port: u16) -> Result<TcpListener, LocalError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            LocalError::PortTaken { port }
        } else {
            LocalError::Listen { port, source }
        }
    })
}

/// The HTTP server's task. Dropping it closes the port and leaves the running requests to themselves.
#[derive(Debug)]
pub(super) struct Server {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(listener: TcpListener, gateway: Gateway) -> Self {
        let (stop, stop_asked) = oneshot::channel::<()>();
        let service = gateway::router(gateway).into_make_service_with_connect_info::<SocketAddr>();
        // A refusal costs some latency, nothing else.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let serving = axum::serve(listener, service).with_graceful_shutdown(async {
            // An error means that the sender is gone, and then it is time to stop as well.
            let _ = stop_asked.await;
        });
        let task = tokio::spawn(async move {
            // axum retries what can fail here, the accepting of connections, by itself.
            let _ = serving.await;
        });
        Self { stop: Some(stop), task }
    }

    pub(super) async fn stop(mut self) {
        drop(self.stop.take());
        // Whoever is not done by then is a client that does not send or read.
        let _ = tokio::time::timeout(GRACE, &mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
