//! Period: a numbered stretch of time, and when in it a component acts.
//!
//! ```text
//!   period n                                              period n + 1
//!   ├─ jitter ─┤                                          │
//!   │  begin   │  …work…      │ strategy      │ trader     │ closed
//!   start                     deadline        deadline    start of n + 1
//! ```
//!
//! The number of a period is the time divided by its length. All components must have one length:
//! it travels in every message.

use core::fmt;
use core::time::Duration;

use allot_domain::nanoseconds;

use crate::{ComponentName, Now, Steady, Unix, limits};

allot_domain::number!(
    /// The number of a period: Unix time divided by the length, rounded down.
    Period(u64)
);

/// When things happen within a period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    length: Duration,
    deadline: Duration,
    jitter: Duration,
    tolerance: Duration,
}

/// A schedule that cannot be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadSchedule {
    /// The length is out of bounds, or has a fraction of a millisecond.
    Length,
    /// The deadline is not within the period.
    Deadline,
    /// The jitter does not end before the deadline.
    Jitter,
    /// The tolerance is half a period or more.
    Tolerance,
}

impl Schedule {
    /// Periods of a length: a deadline at half of it, a jitter of a twentieth and at most a second,
    /// a tolerance of a second and less than a quarter.
    ///
    /// # Errors
    /// [`BadSchedule::Length`].
    pub fn new(length: Duration) -> Result<Self, BadSchedule> {
        let is_whole = length.subsec_nanos().is_multiple_of(1_000_000);
        if length < limits::PERIOD_LEAST || limits::PERIOD_MOST < length || !is_whole {
            return Err(BadSchedule::Length);
        }
        let second = Duration::from_secs(1);
        Ok(Self {
            length,
            deadline: length / 2,
            jitter: (length / 20).min(second),
            tolerance: (length / 4).min(second),
        })
    }

    /// The same with other settings.
    ///
    /// # Errors
    /// [`BadSchedule`]: they do not fit into the period.
    pub fn with(
        self,
        deadline: Option<Duration>,
        jitter: Option<Duration>,
        tolerance: Option<Duration>,
    ) -> Result<Self, BadSchedule> {
        let deadline = deadline.unwrap_or(self.deadline);
        let jitter = jitter.unwrap_or(self.jitter);
        let tolerance = tolerance.unwrap_or(self.tolerance);
        if deadline.is_zero() || self.length <= deadline {
            return Err(BadSchedule::Deadline);
        }
        if deadline <= jitter {
            return Err(BadSchedule::Jitter);
        }
        if self.length / 2 <= tolerance {
            return Err(BadSchedule::Tolerance);
        }
        Ok(Self { length: self.length, deadline, jitter, tolerance })
    }

    /// How long a period is.
    #[must_use]
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// By how much a clock may differ.
    #[must_use]
    pub const fn tolerance(&self) -> Duration {
        self.tolerance
    }

    /// Which period a moment is in.
    #[must_use]
    pub fn period_at(&self, unix: Unix) -> Period {
        Period::new(unix.get() / nanoseconds(self.length))
    }

    /// When a period starts.
    #[must_use]
    pub fn start_of(&self, period: Period) -> Unix {
        Unix::new(period.get().saturating_mul(nanoseconds(self.length)))
    }

    /// When a component begins its work of a period: each at another moment within the jitter, the
    /// same one whenever it is asked.
    #[must_use]
    pub fn begin_of(&self, period: Period, name: &ComponentName) -> Unix {
        let jitter = nanoseconds(self.jitter);
        let spread = name.hash_with(period.get());
        let within = if jitter == 0 { 0 } else { spread % jitter };
        self.start_of(period) + Duration::from_nanos(within)
    }

    /// When a period counts as failed for whoever still waits.
    #[must_use]
    pub fn deadline_of(&self, period: Period) -> Unix {
        self.start_of(period) + self.deadline
    }

    /// The shortest lease that a trader may give: a sixth of the period, at most a second. With a
    /// shorter one its strategies would do little but renew it.
    #[must_use]
    pub fn lease_least(&self) -> Duration {
        (self.length / 6).clamp(limits::LEASE_LEAST, limits::LEASE_LEAST_MOST)
    }

    /// When to look at the wall clock again at the latest: it may have been set meanwhile.
    pub(crate) fn look_again(&self, now: Now) -> Steady {
        now.steady + (self.length / 4).min(Duration::from_secs(1))
    }

    /// The first pause before a request is sent again.
    pub(crate) fn retry_first(&self) -> Duration {
        (self.length / 50).clamp(limits::RETRY_FIRST_LEAST, limits::RETRY_FIRST_MOST)
    }
}

impl fmt::Display for BadSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the period must be from 100ms to 7 days, in whole milliseconds",
            Self::Deadline => "the deadline must be more than zero and less than the period",
            Self::Jitter => "the jitter must be less than the deadline",
            Self::Tolerance => "the tolerance must be less than half of the period",
        })
    }
}

impl std::error::Error for BadSchedule {}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute() -> Schedule {
        Schedule::new(Duration::from_mins(1)).unwrap()
    }

    #[test]
    fn a_period_is_numbered_by_the_time() {
        let schedule = minute();
        let minute = 60_000_000_000;
        assert_eq!(schedule.period_at(Unix::new(0)), Period::new(0));
        assert_eq!(schedule.period_at(Unix::new(minute - 1)), Period::new(0));
        assert_eq!(schedule.period_at(Unix::new(minute)), Period::new(1));
        assert_eq!(schedule.start_of(Period::new(3)), Unix::new(3 * minute));
        assert_eq!(schedule.deadline_of(Period::new(3)), Unix::new(3 * minute + minute / 2));
        assert_eq!(schedule.start_of(Period::new(u64::MAX)), Unix::MAX);
    }

    #[test]
    fn each_name_begins_within_the_jitter_and_always_at_the_same_moment() {
        let schedule = minute();
        let names: Vec<_> =
            (0..100).map(|at| ComponentName::new(format!("s{at}").as_bytes()).unwrap()).collect();
        let mut begins = Vec::new();
        for name in &names {
            let begin = schedule.begin_of(Period::new(7), name);
            assert_eq!(begin, schedule.begin_of(Period::new(7), name));
            assert!(begin - schedule.start_of(Period::new(7)) < Duration::from_secs(1));
            begins.push(begin);
        }
        begins.sort_unstable();
        begins.dedup();
        assert_eq!(begins.len(), 100, "no two at one moment");
        let none = schedule.with(None, Some(Duration::ZERO), None).unwrap();
        assert_eq!(none.begin_of(Period::new(7), &names[0]), none.start_of(Period::new(7)));
    }

    #[test]
    fn the_shortest_lease_is_shorter_than_that_of_a_trader_by_default() {
        for (millis, least) in [(100, 30), (600, 100), (6_000, 1_000), (60_000, 1_000)] {
            let schedule = Schedule::new(Duration::from_millis(millis)).unwrap();
            assert_eq!(schedule.lease_least(), Duration::from_millis(least));
            assert!(schedule.lease_least() < schedule.length() / 3);
        }
    }

    #[test]
    fn a_schedule_that_cannot_be_kept_is_refused() {
        let ms = Duration::from_millis;
        assert_eq!(Schedule::new(ms(99)), Err(BadSchedule::Length));
        assert_eq!(Schedule::new(ms(1) * 1_000_000_000), Err(BadSchedule::Length));
        assert_eq!(Schedule::new(Duration::from_micros(150_500)), Err(BadSchedule::Length));
        let second = Schedule::new(ms(1_000)).unwrap();
        let with = |deadline, jitter, tolerance| second.with(deadline, jitter, tolerance).err();
        assert_eq!(with(None, None, None), None);
        assert_eq!(with(Some(ms(0)), None, None), Some(BadSchedule::Deadline));
        assert_eq!(with(Some(ms(1_000)), None, None), Some(BadSchedule::Deadline));
        assert_eq!(with(Some(ms(400)), Some(ms(400)), None), Some(BadSchedule::Jitter));
        assert_eq!(with(None, None, Some(ms(500))), Some(BadSchedule::Tolerance));
        for bad in [BadSchedule::Length, BadSchedule::Deadline, BadSchedule::Tolerance] {
            assert!(bad.to_string().starts_with("the "));
        }
    }
}
