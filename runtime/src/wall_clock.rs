//! The wall clock: what the machine says the time is, now and after somebody has set it.
//!
//! [`Clock`] reads the wall clock once and never runs backwards, which is what timers need. Whoever
//! must agree with other machines on the time of day needs this one, which NTP may set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Clock, Nanos};

/// A wall clock. Clones agree with each other.
#[derive(Clone, Debug)]
pub struct WallClock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// A clock, and how many nanoseconds the wall clock is ahead of it.
    Beside(Clock, Arc<AtomicI64>),
}

impl WallClock {
    /// The machine's.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// One that shows what another clock does, until it is [set](Self::set_ahead): for tests.
    #[must_use]
    pub fn beside(clock: Clock) -> Self {
        Self(Source::Beside(clock, Arc::default()))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        match &self.0 {
            Source::System => {
                let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Nanos::ZERO + unix
            }
            Source::Beside(clock, ahead) => {
                let ahead = ahead.load(Ordering::SeqCst);
                Nanos::from_unix(clock.now().as_unix().saturating_add_signed(ahead))
            }
        }
    }

    /// Sets it so many nanoseconds ahead of the clock that it stands beside; less than zero is
    /// behind.
    ///
    /// # Panics
    /// On the machine's.
    pub fn set_ahead(&self, nanoseconds: i64) {
        let Source::Beside(_, ahead) = &self.0 else {
            panic!("the clock of the machine is not for a program to set");
        };
        ahead.store(nanoseconds, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wall_clock_is_set_and_its_clones_with_it() {
        let clock = Clock::virtual_at(Nanos::from_unix(100));
        let wall = WallClock::beside(clock.clone());
        let clone = wall.clone();
        assert_eq!(wall.now(), Nanos::from_unix(100));
        wall.set_ahead(-30);
        clock.advance(Duration::from_nanos(5));
        assert_eq!(clone.now(), Nanos::from_unix(75));
    }

    #[test]
    fn the_machine_s_wall_clock_is_later_than_2023() {
        assert!(Nanos::from_unix(1_700_000_000_000_000_000) < WallClock::system().now());
    }
}
