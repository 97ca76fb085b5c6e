//! A stopper: ends a crew, from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Waker;

/// Asks all threads of a crew to end. Clones stop the same crew.
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

    /// Whether the crew was asked to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::SeqCst)
    }
}
