//! Signals: how people and service managers stop a process.
//!
//! The first SIGINT or SIGTERM requests a clean stop; the second ends the process at once. What has
//! taken a whole terminal stops on SIGHUP too, so that the terminal is as it was before.

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
        Self::of(&[SIGINT, SIGTERM], request)
    }

    /// The same, with the end of the terminal.
    pub(crate) fn of_terminal(request: Request) -> Result<Self> {
        Self::of(&[SIGINT, SIGTERM, SIGHUP], request)
    }

    fn of(signals: &[i32], request: Request) -> Result<Self> {
        let register = || -> std::io::Result<UnixStream> {
            let (bytes, written) = UnixStream::pair()?;
            bytes.set_nonblocking(true)?;
            let again = Arc::new(AtomicBool::new(false));
            for &signal in signals {
                // The order matters: the first signal finds the flag unset, and sets it.
                flag::register_conditional_shutdown(signal, EXIT_INTERRUPTED, Arc::clone(&again))?;
                flag::register(signal, Arc::clone(&again))?;
                low_level::pipe::register(signal, written.try_clone()?)?;
            }
            Ok(bytes)
        };
        let bytes = register().context("cannot register signal handlers")?;
        Ok(Self { bytes, request })
    }
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
