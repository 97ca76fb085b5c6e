//! Time: what the wall clock says, and what a steady clock says.
//!
//! The wall clock may be set. Silences and pauses are measured by the steady one, which only runs
//! forward.
//!
//! | operation           | result                                     |
//! |---------------------|--------------------------------------------|
//! | `Unix + Duration`   | `Unix`, saturating                         |
//! | `Unix − Unix`       | `Duration`, zero if the right one is later |
//! | `Steady + Duration` | `Steady`, saturating                       |
//! | `Unix` with `Steady`| nothing                                    |

use core::ops::{Add, Sub};
use core::time::Duration;

macro_rules! time {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
        #[repr(transparent)]
        pub struct $name(u64);

        impl $name {
            /// After everything.
            pub const MAX: Self = Self(u64::MAX);

            /// The moment after that many nanoseconds.
            #[must_use]
            pub const fn new(nanoseconds: u64) -> Self {
                Self(nanoseconds)
            }

            /// The nanoseconds.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl Add<Duration> for $name {
            type Output = Self;

            fn add(self, span: Duration) -> Self {
                Self(self.0.saturating_add(nanoseconds(span)))
            }
        }

        impl Sub for $name {
            type Output = Duration;

            fn sub(self, earlier: Self) -> Duration {
                Duration::from_nanos(self.0.saturating_sub(earlier.0))
            }
        }
    };
}

time!(
    /// A moment by the wall clock: nanoseconds since 1970-01-01 UTC.
    Unix
);

time!(
    /// A moment by a clock that is never set: nanoseconds since some moment.
    Steady
);

impl Unix {
    /// How far two moments are apart, whichever is the later.
    #[must_use]
    pub const fn apart(self, other: Self) -> Duration {
        Duration::from_nanos(self.0.abs_diff(other.0))
    }
}

/// A span in whole nanoseconds, as many as a number holds.
#[must_use]
pub fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// One moment on both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// What the wall clock says.
    pub unix: Unix,
    /// What the steady clock says.
    pub steady: Steady,
}

impl Now {
    /// When the wall clock will have reached a moment, if nobody sets it.
    #[must_use]
    pub fn until(self, unix: Unix) -> Steady {
        self.steady + (unix - self.unix)
    }
}
