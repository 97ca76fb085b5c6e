//! Guard: looks at the connections of a front door or a broadcast on a thread of its own.
//!
//! ZeroMQ takes subscriptions within other calls, as many as there are: a subscriber that sends
//! them without a pause holds the publisher's thread there. So somebody else has to cut it off.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use crate::connections::Connections;
use crate::limits::{BROADCAST_WAITING_BYTES_MAX, CONNECTIONS_CHECK_EVERY};
use crate::waiting_bytes::WaitingBytes;
use crate::{Clock, RuntimeError};

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
        while !self.ends.load(Ordering::Relaxed) {
            let mut connections = self.connections();
            connections.check(clock.now(), BROADCAST_WAITING_BYTES_MAX <= waiting.get());
            self.behind.store(connections.behind(), Ordering::Relaxed);
            drop(connections);
            std::thread::park_timeout(CONNECTIONS_CHECK_EVERY);
        }
    }
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
