//! Collecting what is printed while it is printed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::line::Line;

/// A line that the emulator has to print is printed at once; only a pipe and a thread lie between.
const PATIENCE: Duration = Duration::from_secs(10);

/// The lines so far.
#[derive(Debug)]
pub(crate) struct Output {
    lines: Arc<Mutex<Vec<Line>>>,
    /// How many there are; closed when nobody can print any more.
    count: watch::Receiver<usize>,
    reader: JoinHandle<()>,
}

impl Output {
    pub(crate) fn collect(pipe: pipe::Receiver) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (sender, count) = watch::channel(0);
        let reader = tokio::spawn(read(pipe, Arc::clone(&lines), sender));
        Self { lines, count, reader }
    }

    pub(crate) fn len(&self) -> usize {
        *self.count.borrow()
    }

    /// All lines from the `start`-th.
    pub(crate) fn from(&self, start: usize) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.get(start..).unwrap_or_default().to_vec()
    }

    /// Waits until one of the lines from the `start`-th is such as `wanted`, and returns those up to it; all there are
    /// when it does not come.
    pub(crate) async fn until(&self, start: usize, wanted: impl Fn(&Line) -> bool) -> Vec<Line> {
        let mut count = self.count.clone();
        let printed = count.wait_for(|_| self.from(start).iter().any(&wanted));
        // Not there in time, or nobody left to print it: the lines that there are tell why.
        let _ = timeout(PATIENCE, printed).await;
        let mut lines = self.from(start);
        if let Some(position) = lines.iter().position(wanted) {
            lines.truncate(position + 1);
        }
        lines
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(pipe: pipe::Receiver, lines: Arc<Mutex<Vec<Line>>>, count: watch::Sender<usize>) {
    let mut printed = BufReader::new(pipe).lines();
    while let Ok(Some(text)) = printed.next_line().await {
        let so_far = {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push(Line::parse(text));
            lines.len()
        };
        // Not under the lock: whoever waits for the count looks at the lines while it holds the count.
        count.send_replace(so_far);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// Whoever waits for a line looks at the lines while others come in.
    #[test]
    fn waiting_for_a_line_never_stops_those_before_it() {
        const LINES: usize = 20_000;
        let (done, finished) = mpsc::channel();
        // On a thread of its own: a deadlock is to fail, and not to hang.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let lines = runtime.block_on(async {
                let (reader, mut writer) = std::io::pipe().unwrap();
                let output = Output::collect(pipe::Receiver::from_owned_fd(OwnedFd::from(reader)).unwrap());
                thread::spawn(move || (0..LINES).try_for_each(|number| writeln!(writer, "{number}")).unwrap());
                let last = Line::Text((LINES - 1).to_string());
                output.until(LINES - 100, |line| *line == last).await.len()
            });
            done.send(lines).unwrap();
        });
        assert_eq!(finished.recv_timeout(Duration::from_mins(1)), Ok(100));
    }
}
