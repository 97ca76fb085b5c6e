//! A stopper: ends a thread group, from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Waker;

/// Asks all threads of a group to end. Clones stop the same group.
#[derive(Clone, Debug)]
pub struct Stopper {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stopped: AtomicBool,
    wakers: Vec<Waker>,
}

impl Stopper {
    pub(crate) fn new(wakers: Vec<Waker>) -> Self {
        Self { shared: Arc::new(Shared { stopped: AtomicBool::new(false), wakers }) }
    }

    /// Makes every thread end after its current turn, also those that sleep. Does not wait.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.wakers.iter().for_each(Waker::wake);
    }

    /// Whether the thread group was asked to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::SeqCst)
    }
}
