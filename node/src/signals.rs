//! Signals: how people and service managers ask a process to end.
//!
//! The first SIGINT or SIGTERM asks for a clean end; the second ends the process at once.

use allot_runtime::{Agent, Nanos, PollSet};
use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What a shell calls a process that was ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// What a signal asks for.
pub(crate) type Request = Box<dyn FnMut() + Send>;

/// An agent that passes a signal on.
pub(crate) struct Signals {
    /// The handler writes a byte at the other end.
    bytes: UnixStream,
    request: Request,
}

impl Signals {
    /// Hears signals from now on.
    pub(crate) fn new(request: Request) -> Result<Self> {
        let hear = || -> std::io::Result<UnixStream> {
            let (bytes, written) = UnixStream::pair()?;
            bytes.set_nonblocking(true)?;
            let again = Arc::new(AtomicBool::new(false));
            for signal in [SIGINT, SIGTERM] {
                // In this order: the first signal finds the flag down, and raises it.
                flag::register_conditional_shutdown(signal, EXIT_INTERRUPTED, Arc::clone(&again))?;
                flag::register(signal, Arc::clone(&again))?;
                low_level::pipe::register(signal, written.try_clone()?)?;
            }
            Ok(bytes)
        };
        let bytes = hear().context("cannot hear signals")?;
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
                tracing::info!("stopping; once more, and this process ends at once");
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
