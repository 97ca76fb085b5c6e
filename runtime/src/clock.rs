//! A clock: where `now` comes from, the machine or a test.
//!
//! | operation          | result                                     |
//! |--------------------|--------------------------------------------|
//! | `Nanos + Duration` | `Nanos`, at most [`Nanos::MAX`] ("never")  |
//! | `Nanos - Nanos`    | `Duration`, zero if the right one is later |
//! | `Nanos + Nanos`    | does not exist                             |

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment: nanoseconds since 1970-01-01 UTC, leap seconds not counted.
///
/// 64 bits last until the year 2554.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(transparent)]
pub struct Nanos(u64);

const _: () = assert!(size_of::<Nanos>() == 8);

impl Nanos {
    /// 1970, before everything.
    pub const ZERO: Self = Self(0);
    /// Never: after everything, and the `wake_at` of an agent that has no timer.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment that many nanoseconds after 1970.
    #[must_use]
    pub const fn from_unix(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn as_unix(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Nanos {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(span)))
    }
}

impl AddAssign<Duration> for Nanos {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub for Nanos {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// A source of moments that never runs backwards. Clones agree with each other.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System(Anchor),
    Virtual(Arc<AtomicU64>),
}

/// One moment on both clocks of the machine.
///
/// The wall clock can be set back by an administrator or NTP, so it is read once. From then on only
/// the monotonic clock is read.
#[derive(Clone, Copy)]
struct Anchor {
    unix: Nanos,
    instant: Instant,
}

impl Clock {
    /// The machine's clock, with the wall time of this moment as its anchor.
    #[must_use]
    pub fn system() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Source::System(Anchor { unix: Nanos::ZERO + unix, instant: Instant::now() }))
    }

    /// A clock that stays at `start` until it is advanced.
    #[must_use]
    pub fn virtual_at(start: Nanos) -> Self {
        Self(Source::Virtual(Arc::new(AtomicU64::new(start.0))))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        match &self.0 {
            Source::System(anchor) => anchor.unix + anchor.instant.elapsed(),
            Source::Virtual(now) => Nanos(now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a virtual clock, and with it all its clones, forward.
    ///
    /// # Panics
    /// On a system clock.
    pub fn advance(&self, span: Duration) {
        let Source::Virtual(now) = &self.0 else {
            panic!("only a virtual clock can be advanced");
        };
        let later = |now: u64| Some(now.saturating_add(nanoseconds(span)));
        now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later)
            .expect("the closure always returns a value");
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Source::System(_) => "system",
            Source::Virtual(_) => "virtual",
        };
        write!(out, "Clock({kind}, {})", self.now().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let second = Duration::from_secs(1);
        assert_eq!(Nanos::ZERO + second, Nanos::from_unix(1_000_000_000));
        assert_eq!(Nanos::MAX + second, Nanos::MAX);
        assert_eq!(Nanos::ZERO + Duration::MAX, Nanos::MAX);
        assert_eq!(Nanos::from_unix(7) - Nanos::from_unix(5), Duration::from_nanos(2));
        assert_eq!(Nanos::from_unix(5) - Nanos::from_unix(7), Duration::ZERO);
    }

    #[test]
    fn the_system_clock_never_runs_backwards_and_its_clones_agree() {
        let clock = Clock::system();
        let clone = clock.clone();
        let mut last = Nanos::ZERO;
        for _ in 0..1_000 {
            for now in [clock.now(), clone.now()] {
                assert!(last <= now);
                last = now;
            }
        }
        assert!(Nanos::from_unix(1_700_000_000_000_000_000) < last, "later than 2023");
    }

    #[test]
    fn a_virtual_clock_moves_only_when_it_is_advanced() {
        let clock = Clock::virtual_at(Nanos::from_unix(5));
        let clone = clock.clone();
        assert_eq!(clock.now(), Nanos::from_unix(5));
        clock.advance(Duration::from_nanos(3));
        assert_eq!(clone.now(), Nanos::from_unix(8));
        clone.advance(Duration::MAX);
        assert_eq!(clock.now(), Nanos::MAX);
    }
}
