//! A server on a thread and a runtime of its own.
//!
//! The engine does its work on the thread that serves the request, and tests run on runtimes that pause their clock or
//! end before the next test begins. A runtime apart keeps both sides out of each other's way, and dropping it closes
//! everything the server held, whatever its connections were doing.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;

/// How long a graceful stop waits for running requests before it closes their connections.
const GRACE: Duration = Duration::from_secs(5);

/// Resolves when the server is to stop accepting and let its requests finish.
pub(crate) type ShutdownSignal = oneshot::Receiver<()>;

/// A running server. Dropping it stops the server at once and waits until its thread has ended, and with it
/// everything the server owned.
#[derive(Debug)]
pub(crate) struct ServerThread {
    address: SocketAddr,
    /// A message asks for a graceful stop; going away without one, for an immediate stop.
    stop: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ServerThread {
    /// Binds a free port on loopback and runs `serve` there. When this returns, connections are accepted.
    pub(crate) fn spawn<S, F>(name: &str, serve: S) -> io::Result<Self>
    where
        S: FnOnce(TcpListener, ShutdownSignal) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        let (stop, stop_asked) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let (ready, bound) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            match bind() {
                Ok((runtime, listener, address)) => {
                    let _ = ready.send(Ok(address));
                    run(runtime, listener, serve, stop_asked);
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
            let _ = end.send(());
        })?;
        let address = bound.recv().map_err(|_| io::Error::other("the server's thread ended before it listened"))??;
        Ok(Self { address, stop: Some(stop), ended: Some(ended), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets running requests finish, within [`GRACE`], and returns when everything is closed.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(ended) = self.ended.take() {
            let _ = ended.await;
        }
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the server has been reported by its own thread; there is no more to do about it here.
            let _ = thread.join();
        }
    }
}

fn bind() -> io::Result<(runtime::Runtime, TcpListener, SocketAddr)> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    Ok((runtime, listener, address))
}

fn run<S, F>(runtime: runtime::Runtime, listener: TcpListener, serve: S, stop_asked: oneshot::Receiver<()>)
where
    S: FnOnce(TcpListener, ShutdownSignal) -> F,
    F: Future<Output = ()>,
{
    runtime.block_on(async {
        let (shut_down, signal) = oneshot::channel();
        let mut serving = Box::pin(serve(listener, signal));
        tokio::select! {
            () = &mut serving => {}
            asked = stop_asked => if asked.is_ok() {
                let _ = shut_down.send(());
                let _ = tokio::time::timeout(GRACE, serving).await;
            }
        }
    });
    // Connection tasks live as long as the runtime, and the engine's database as long as they do.
    drop(runtime);
}
