//! The runtime through its public interface: real sockets, real threads.
//!
//! Every test waits for events. There is one deadline, `TIMEOUT`, which only failures reach.
//! `PAUSE` paces the few conditions that no event announces, such as the death of a peer.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::time::{Duration, Instant};

use allot_runtime::PollSet;

/// The longest time to wait for an event.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long to sleep on the sockets before a condition is checked again.
const PAUSE: Duration = Duration::from_millis(5);

/// Tries until there is a value, and sleeps on the named ends in between.
macro_rules! wait_for {
    ([$($end:expr),*], $attempt:expr) => {{
        let deadline = $crate::Deadline::start(stringify!($attempt));
        loop {
            if let Some(value) = $attempt {
                break value;
            }
            #[allow(unused_mut, reason = "there may be no ends to name")]
            let mut poll_set = allot_runtime::PollSet::without_waker();
            $($end.wait_on(&mut poll_set);)*
            deadline.sleep(poll_set);
        }
    }};
}

mod bounds;
mod broadcast;
mod subscriptions;
mod thread_group;
mod door;
mod greetings;
mod heap;
mod heartbeats;
mod links;
mod turns;
mod wake_ups;

/// The end of the time to wait for something.
struct Deadline {
    what: &'static str,
    end: Instant,
}

impl Deadline {
    fn start(what: &'static str) -> Self {
        Self { what, end: Instant::now() + TIMEOUT }
    }

    #[track_caller]
    fn sleep(&self, mut poll_set: PollSet<'_>) {
        assert!(Instant::now() < self.end, "timed out while waiting for: {}", self.what);
        poll_set.sleep(Some(PAUSE));
    }
}
