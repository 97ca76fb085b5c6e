//! A schedule: when each message of an open loop is due, whatever happens meanwhile.
//!
//! ```text
//!   start      + 1/R      + 2/R      + 3/R
//!     ├──────────┼──────────┼──────────┼──►     message k is due at start + k/R
//!     0          1          2          3        of C connections, number c sends c, c + C, …
//! ```
//!
//! A message that leaves late does not move the ones after it: the time it lost is part of its
//! response time, and of theirs. A load that waits for replies would leave out exactly the
//! moments that matter (coordinated omission).

use std::time::Duration;

use allot_runtime::Nanos;

/// Nanoseconds of a second.
const SECOND: u128 = 1_000_000_000;

/// The times of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    start: Nanos,
    rate: u64,
    next: u64,
    step: u64,
}

impl Schedule {
    /// Connection `place` of `step`, which send `rate` messages a second together.
    ///
    /// # Panics
    /// When the rate or the step is zero.
    pub(crate) fn new(start: Nanos, rate: u64, place: u64, step: u64) -> Self {
        assert!(0 < rate && 0 < step, "nothing would ever be due");
        Self { start, rate, next: place, step }
    }

    /// When the next message is due. Computed from its number, so that rounding errors do not add
    /// up.
    pub(crate) fn due(&self) -> Nanos {
        let offset = u128::from(self.next) * SECOND / u128::from(self.rate);
        self.start + Duration::from_nanos(u64::try_from(offset).unwrap_or(u64::MAX))
    }

    /// The next message has left.
    pub(crate) fn advance(&mut self) {
        self.next += self.step;
    }

    /// How many messages are left that are due before `end`.
    pub(crate) fn left_before(mut self, end: Nanos) -> u64 {
        let mut count = 0;
        while self.due() < end {
            self.advance();
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(mut schedule: Schedule, count: usize) -> Vec<u64> {
        let next = |_| {
            let due = schedule.due().as_unix();
            schedule.advance();
            due
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn rounding_never_adds_up() {
        let schedule = Schedule::new(Nanos::from_unix(5), 3, 0, 1);
        assert_eq!(times(schedule, 4), [5, 333_333_338, 666_666_671, 1_000_000_005]);
        let schedule = Schedule::new(Nanos::ZERO, 3, 3_000_000, 1);
        assert_eq!(schedule.due(), Nanos::ZERO + Duration::from_secs(1_000_000));
    }

    #[test]
    fn what_is_left_is_counted() {
        let mut schedule = Schedule::new(Nanos::ZERO, 10, 0, 1);
        let end = Nanos::ZERO + Duration::from_secs(1);
        assert_eq!(schedule.clone().left_before(end), 10);
        schedule.advance();
        assert_eq!(schedule.left_before(end), 9);
    }

    #[test]
    fn connections_take_turns() {
        let of = |place| times(Schedule::new(Nanos::ZERO, 1_000, place, 2), 3);
        assert_eq!(of(0), [0, 2_000_000, 4_000_000]);
        assert_eq!(of(1), [1_000_000, 3_000_000, 5_000_000]);
    }
}
