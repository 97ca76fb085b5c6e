//! The runtime through its public face: real sockets, real threads.
//!
//! Every test waits for events. The one deadline there is, `PATIENCE`, is reached by failures
//! only; `GLANCE` paces the few conditions that no event announces, as the death of a peer.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

use std::time::{Duration, Instant};

use allot_runtime::PollSet;

/// How long to wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to sleep on the sockets before a condition is looked at again.
const GLANCE: Duration = Duration::from_millis(5);

/// Tries until there is a value, and sleeps on the named ends in between.
macro_rules! wait_for {
    ([$($end:expr),*], $attempt:expr) => {{
        let patience = $crate::Patience::start(stringify!($attempt));
        loop {
            if let Some(value) = $attempt {
                break value;
            }
            #[allow(unused_mut, reason = "there may be no ends to name")]
            let mut waits = allot_runtime::PollSet::without_waker();
            $($end.wait_on(&mut waits);)*
            patience.sleep(waits);
        }
    }};
}

mod it {
    mod allocation;
    mod broadcast;
    mod crew;
    mod door;
    mod heartbeats;
    mod links;
    mod wake_ups;
}

/// The time that is left for something to happen.
struct Patience {
    what: &'static str,
    end: Instant,
}

impl Patience {
    fn start(what: &'static str) -> Self {
        Self { what, end: Instant::now() + PATIENCE }
    }

    #[track_caller]
    fn sleep(&self, mut waits: PollSet<'_>) {
        assert!(Instant::now() < self.end, "waited in vain for: {}", self.what);
        waits.sleep(Some(GLANCE));
    }
}
