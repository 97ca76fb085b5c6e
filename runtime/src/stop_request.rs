//! Stop request: a wish that an agent ends what it has begun, and then stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Waker;

/// A wish that an agent stops cleanly. Clones are one wish.
///
/// A [`Stopper`](crate::Stopper) ends the thread of an agent at its next turn; this one leaves the
/// agent time to tell others and to wait for what must be durable.
#[derive(Clone, Debug)]
pub struct StopRequest {
    is_made: Arc<AtomicBool>,
    waker: Waker,
}

impl StopRequest {
    /// A wish for an agent on the thread of this waker.
    #[must_use]
    pub fn new(waker: &Waker) -> Self {
        Self { is_made: Arc::default(), waker: waker.clone() }
    }

    /// Makes it.
    pub fn make(&self) {
        self.is_made.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    /// Whether it was made.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.is_made.load(Ordering::SeqCst)
    }
}
