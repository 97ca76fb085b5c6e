//! Signals: how people and service managers stop a process.
//!
//! The first SIGINT or SIGTERM requests a clean stop; the second ends the process at once. SIGHUP
//! says that the terminal is gone, and requests a clean stop too; kernel and shell may both send
//! it, and so it never counts as a second. What was started with `nohup` outlives it.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use allot_runtime::{Agent, Nanos, PollSet};
use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// The exit code by which shells report SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// What to do on a signal.
pub(crate) type Request = Box<dyn FnMut() + Send>;

/// An agent that calls the request on a signal.
pub(crate) struct Signals {
    /// The signal handler writes a byte to the other end.
    bytes: UnixStream,
    request: Request,
}

impl Signals {
    /// Handles signals from now on.
    pub(crate) fn new(request: Request) -> Result<Self> {
        let register = || -> std::io::Result<UnixStream> {
            let (bytes, written) = UnixStream::pair()?;
            bytes.set_nonblocking(true)?;
            let again = Arc::new(AtomicBool::new(false));
            for signal in [SIGINT, SIGTERM] {
                // The order matters: the first signal finds the flag unset, and sets it.
                flag::register_conditional_shutdown(signal, EXIT_INTERRUPTED, Arc::clone(&again))?;
                flag::register(signal, Arc::clone(&again))?;
                low_level::pipe::register(signal, written.try_clone()?)?;
            }
            if !ignores_hang_up() {
                low_level::pipe::register(SIGHUP, written)?;
            }
            Ok(bytes)
        };
        let bytes = register().context("cannot register signal handlers")?;
        Ok(Self { bytes, request })
    }
}

/// Whether whoever started this process had it ignore SIGHUP, as `nohup` does.
fn ignores_hang_up() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_signals(&status) & (1 << (SIGHUP - 1)) != 0
}

/// The mask of ignored signals in a `/proc/PID/status`; see `proc_pid_status(5)`.
fn ignored_signals(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

impl Agent for Signals {
    fn role(&self) -> &str {
        "signals"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let mut byte = [0];
        match self.bytes.read(&mut byte) {
            Ok(1) => {
                tracing::info!("stopping; a second signal ends this process at once");
                (self.request)();
                1
            }
            _ => 0,
        }
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        poll_set.file(self.bytes.as_fd());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        assert_eq!(ignored_signals("SigCgt:\t0f\nSigIgn:\t0000000000001001\n"), 0x1001);
        assert_eq!(ignored_signals("SigIgn: none"), 0);
    }
}
