//! The pace: open pages are told one after the other, and never all at once.
//!
//! A page that is told of a change asks for itself. Two hundred that did so in the same moment
//! would take both cores of a small machine from the fills for as long as they are made.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Gives turns that are some time apart. The first is at once.
pub(crate) struct Pace {
    apart: Duration,
    /// When the next turn may be.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) const fn new(apart: Duration) -> Self {
        Self { apart, next: Mutex::new(None) }
    }

    /// Waits for a turn. Whoever gives up has used it all the same.
    pub(crate) async fn turn(&self) {
        sleep_until(self.take(Instant::now())).await;
    }

    /// When the turn is of somebody who comes now.
    fn take(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.map_or(now, |next| next.max(now));
        *next = Some(turn + self.apart);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Duration = Duration::from_millis(5);

    #[test]
    fn who_comes_alone_does_not_wait() {
        let pace = Pace::new(APART);
        let now = Instant::now();
        assert_eq!(pace.take(now), now);
        assert_eq!(pace.take(now + APART), now + APART);
        assert_eq!(pace.take(now + 10 * APART), now + 10 * APART);
    }

    #[test]
    fn who_comes_with_others_waits_for_those_before() {
        let pace = Pace::new(APART);
        let now = Instant::now();
        let turns = [0; 200].map(|_| pace.take(now));
        assert!(turns.windows(2).all(|pair| pair[1] == pair[0] + APART), "{turns:?}");
        assert_eq!((turns[0], turns[199]), (now, now + 199 * APART));
    }
}
