//! A waker: how one thread wakes another, at no cost while the other is awake.
//!
//! No wake-up is lost. The sleeper declares that it sleeps, then looks for work once more. The
//! sender publishes its work, then looks whether the other thread sleeps:
//!
//! ```text
//!   sender                          sleeper
//!   publish the work                asleep = true
//!   ── fence (SeqCst) ──            ── fence (SeqCst) ──
//!   if asleep: write the eventfd    look for work; if none: poll the eventfd
//! ```
//!
//! The two fences have an order. If the sender's is first, the sleeper's second look finds the
//! work; if the sleeper's is first, the sender sees `asleep`. Without the fences both could read
//! the old value, because a processor may delay a store past a later load (StoreLoad).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use crate::RuntimeError;

/// The right to wake one thread. Clones wake the same thread.
#[derive(Clone, Debug, Default)]
pub struct Waker {
    /// `None` for a silent waker.
    shared: Option<Arc<Shared>>,
}

#[derive(Debug)]
struct Shared {
    asleep: AtomicBool,
    /// Wake-ups whose write to the eventfd the sleeper has not read yet. Only the sleeper uses it.
    writes_unread: AtomicU64,
    eventfd: OwnedFd,
}

impl Waker {
    /// A waker for one thread, to be shared by all agents on it.
    ///
    /// # Errors
    /// When the kernel has no more file descriptors.
    pub fn new() -> Result<Self, RuntimeError> {
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| RuntimeError::Waker { cause: errno.to_string() })?;
        let asleep = AtomicBool::new(false);
        let shared = Shared { asleep, writes_unread: AtomicU64::new(0), eventfd };
        Ok(Self { shared: Some(Arc::new(shared)) })
    }

    /// A waker that does nothing, for links whose two ends are stepped by one thread.
    #[must_use]
    pub fn silent() -> Self {
        Self::default()
    }

    /// Wakes the thread if it sleeps. Call it after the work was published.
    ///
    /// While the thread is awake it costs a fence and a read. If several threads call it at once,
    /// only the first makes the system call.
    pub fn wake(&self) {
        let Some(shared) = &self.shared else { return };
        fence(Ordering::SeqCst);
        if shared.asleep.load(Ordering::Relaxed) && shared.asleep.swap(false, Ordering::SeqCst) {
            shared.write();
        }
    }

    /// The sleeper's first half: from here on, a wake-up makes the descriptor readable.
    /// The caller must look for work once more before it sleeps.
    pub(crate) fn declare_asleep(&self) {
        let Some(shared) = &self.shared else { return };
        shared.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// The sleeper's second half. If the thread was woken, the eventfd is read.
    pub(crate) fn declare_awake(&self) {
        let Some(shared) = &self.shared else { return };
        let was_woken = !shared.asleep.swap(false, Ordering::SeqCst);
        let unread = shared.writes_unread.load(Ordering::Relaxed) + u64::from(was_woken);
        let read = if 0 < unread { shared.read() } else { 0 };
        assert!(read <= unread, "every write belongs to one wake-up");
        shared.writes_unread.store(unread - read, Ordering::Relaxed);
    }

    /// What a sleeper polls; `None` if the waker is silent.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.shared.as_ref().map(|shared| shared.eventfd.as_fd())
    }
}

impl Shared {
    fn write(&self) {
        loop {
            match rustix::io::write(&self.eventfd, &1_u64.to_ne_bytes()) {
                // EAGAIN: the counter is full, so the descriptor is readable already.
                Ok(_) | Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(errno) => panic!("an open eventfd cannot be written: {errno}"),
            }
        }
    }

    /// Reads the eventfd; returns the number of writes since the last read. It may be fewer than
    /// there were wake-ups: a thread that cleared the flag may not have written yet. Its write
    /// then ends the next sleep at once, which costs one idle turn, and is read there.
    fn read(&self) -> u64 {
        let mut count = [0; 8];
        match rustix::io::read(&self.eventfd, &mut count) {
            Ok(_) => u64::from_ne_bytes(count),
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(errno) => panic!("an open eventfd cannot be read: {errno}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_readable(waker: &Waker) -> bool {
        let mut count = [0; 8];
        rustix::io::read(waker.descriptor().unwrap(), &mut count).is_ok()
    }

    #[test]
    fn a_waker_makes_a_system_call_only_for_a_sleeper_and_only_once() {
        let waker = Waker::new().unwrap();
        waker.wake();
        assert!(!is_readable(&waker), "awake: no call");
        waker.declare_asleep();
        waker.wake();
        waker.clone().wake();
        assert!(is_readable(&waker), "asleep: one call");
        assert!(!is_readable(&waker), "the second call found it woken");
    }

    #[test]
    fn waking_up_reads_the_eventfd() {
        let waker = Waker::new().unwrap();
        waker.declare_asleep();
        waker.wake();
        waker.declare_awake();
        assert!(!is_readable(&waker));
        waker.wake();
        assert!(!is_readable(&waker), "awake again");
    }

    #[test]
    fn a_write_that_comes_late_is_read_after_the_next_sleep() {
        let waker = Waker::new().unwrap();
        let shared = waker.shared.as_ref().unwrap();
        waker.declare_asleep();
        assert!(shared.asleep.swap(false, Ordering::SeqCst), "the sender clears the flag");
        waker.declare_awake();
        shared.write();
        waker.declare_asleep();
        waker.declare_awake();
        assert!(!is_readable(&waker));
    }

    #[test]
    fn a_silent_waker_does_nothing() {
        let waker = Waker::silent();
        waker.declare_asleep();
        waker.wake();
        waker.declare_awake();
        assert!(waker.descriptor().is_none());
    }
}
