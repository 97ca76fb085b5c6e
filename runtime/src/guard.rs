//! Guard: looks at the connections of a front door or a broadcast on a thread of its own.
//!
//! ZeroMQ takes subscriptions within other calls, as many as there are: a subscriber that sends
//! them without a pause holds the publisher's thread there. So somebody else has to cut it off.
//!
//! A look takes three system calls for each connection. Whatever arrives is read by a thread of
//! this process, which takes time of a processor: while the process takes next to none, nothing has
//! come that is worth a look.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::connections::Connections;
use crate::limits::{
    BROADCAST_WAITING_BYTES_MAX, CONNECTIONS_CHECK_CPU, CONNECTIONS_CHECK_EVERY,
    CONNECTIONS_CHECK_LONGEST,
};
use crate::waiting_bytes::WaitingBytes;
use crate::{Clock, Nanos, RuntimeError};

/// The connections, and the thread that looks at them.
pub(crate) struct Guard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    connections: Mutex<Connections>,
    /// How many do not take what is due to them at once.
    behind: AtomicUsize,
    ends: AtomicBool,
}

impl Guard {
    /// Begins to look at connections; `waiting` is what they have not taken.
    pub(crate) fn start(
        connections: Connections,
        waiting: WaitingBytes,
    ) -> Result<Self, RuntimeError> {
        let shared = Arc::new(Shared {
            connections: Mutex::new(connections),
            behind: AtomicUsize::new(0),
            ends: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("guard".to_owned())
            .spawn(move || of_thread.run(&waiting))
            .map_err(|error| RuntimeError::Socket {
                what: "the thread that guards connections",
                cause: error.to_string(),
            })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The connections, while nobody else looks at them.
    pub(crate) fn connections(&self) -> MutexGuard<'_, Connections> {
        self.shared.connections()
    }

    /// How many do not take what is due to them at once.
    pub(crate) fn behind(&self) -> usize {
        self.shared.behind.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().expect("nothing panics while it holds the lock")
    }

    fn run(&self, waiting: &WaitingBytes) {
        let clock = Clock::system();
        let mut last: Option<Look> = None;
        while !self.ends.load(Ordering::Relaxed) {
            let look = Look { at: clock.now(), cpu: cpu_of_process() };
            if last.is_none_or(|last| last.is_over(look)) {
                let mut connections = self.connections();
                connections.check(look.at, BROADCAST_WAITING_BYTES_MAX <= waiting.get());
                connections.tell_levels(waiting.get());
                self.behind.store(connections.behind(), Ordering::Relaxed);
                last = connections.was_whole().then_some(look);
            }
            std::thread::park_timeout(CONNECTIONS_CHECK_EVERY);
        }
    }
}

/// When all connections were looked at, and what the process had taken of the processors by then.
#[derive(Clone, Copy)]
struct Look {
    at: Nanos,
    cpu: Duration,
}

impl Look {
    /// Whether another one is due.
    fn is_over(self, now: Self) -> bool {
        CONNECTIONS_CHECK_CPU <= now.cpu.saturating_sub(self.cpu)
            || CONNECTIONS_CHECK_LONGEST <= now.at - self.at
    }
}

fn cpu_of_process() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(spent).unwrap_or_default()
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It has nothing to say; a panic of it was printed.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_looked_at_when_the_process_has_done_something_or_after_a_while() {
        let after = |at, cpu| Look { at: Nanos::ZERO + at, cpu };
        let (first, little) = (after(Duration::ZERO, Duration::ZERO), Duration::from_millis(1));
        assert!(!first.is_over(after(CONNECTIONS_CHECK_EVERY, little)));
        assert!(first.is_over(after(CONNECTIONS_CHECK_EVERY, CONNECTIONS_CHECK_CPU)));
        assert!(first.is_over(after(CONNECTIONS_CHECK_LONGEST, little)));
        assert!(Duration::ZERO < cpu_of_process());
    }
}
