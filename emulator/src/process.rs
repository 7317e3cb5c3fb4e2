//! The function's own process: what it needs of the machine.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::time::TimeValLike as _;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// The process that runs the function; the emulator is its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionProcess {
    pid: u32,
}

/// What a function needed from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Processor time in the function's own code. The kernel samples it: reliable over several runs, not in one.
    pub user: Duration,
    /// Processor time in the kernel on its behalf, sampled likewise.
    pub system: Duration,
    /// The most memory that it held at once, in bytes.
    pub peak_memory: u64,
}

impl FunctionProcess {
    /// The process that the emulator has started, if it has.
    pub(crate) fn child_of(emulator: u32) -> io::Result<Option<Self>> {
        // Every thread has a list of the processes that it started.
        for thread in fs::read_dir(format!("/proc/{emulator}/task"))? {
            let children = match fs::read_to_string(thread?.path().join("children")) {
                Ok(children) => children,
                // A thread that has ended meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if let Some(pid) = children.split_whitespace().next().and_then(|pid| pid.parse().ok()) {
                return Ok(Some(Self { pid }));
            }
        }
        Ok(None)
    }

    /// Its process id.
    pub const fn pid(self) -> u32 {
        self.pid
    }

    /// The most memory that it has held at once so far, in bytes (`VmHWM`).
    pub fn peak_memory(self) -> io::Result<u64> {
        let status = fs::read_to_string(self.folder().join("status"))?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let kibibytes: u64 = kibibytes.and_then(|text| text.trim().parse().ok()).ok_or_else(unreadable)?;
        Ok(kibibytes * 1024)
    }

    /// The time that its threads have spent on a processor so far, user and system together: exact to the nanosecond,
    /// unlike the two apart, which `/proc` gives in steps of 10 ms. A thread that has ended is not in it.
    pub fn processor_time(self) -> io::Result<Duration> {
        let mut total = Duration::ZERO;
        for thread in fs::read_dir(self.folder().join("task"))? {
            let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanoseconds = statistics.split_whitespace().next().and_then(|text| text.parse().ok());
            total += Duration::from_nanos(nanoseconds.ok_or_else(unreadable)?);
        }
        Ok(total)
    }

    fn folder(self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid))
    }

    /// Ends it and all that it started: the emulator gives each function a process group of its own.
    pub(crate) fn kill(self) {
        if let Some(group) = self.as_pid() {
            // It may have ended by itself.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }

    /// Waits for its end, once the emulator is gone and this process has inherited it.
    pub(crate) fn wait(self) -> io::Result<Usage> {
        let pid = self.as_pid().ok_or_else(unreadable)?;
        let before = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        waitpid(pid, None)?;
        let after = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let spent = |after: i64, before: i64| Duration::from_micros(u64::try_from(after - before).unwrap_or(0));
        Ok(Usage {
            user: spent(after.user_time().num_microseconds(), before.user_time().num_microseconds()),
            system: spent(after.system_time().num_microseconds(), before.system_time().num_microseconds()),
            peak_memory: 0,
        })
    }

    fn as_pid(self) -> Option<Pid> {
        i32::try_from(self.pid).ok().map(Pid::from_raw)
    }
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel's text about a process is not as expected")
}
