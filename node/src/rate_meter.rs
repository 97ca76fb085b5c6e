//! A rate meter: the rate of a count since the last measurement.

use std::time::Duration;

use allot_runtime::Nanos;

/// The last measurement.
pub(crate) struct RateMeter {
    measured_at: Nanos,
    count: u64,
}

impl RateMeter {
    /// A meter that starts now, at zero.
    pub(crate) const fn new(now: Nanos) -> Self {
        Self { measured_at: now, count: 0 }
    }

    /// The time since the last measurement.
    pub(crate) fn elapsed(&self, now: Nanos) -> Duration {
        now - self.measured_at
    }

    /// The rate since the last measurement, per second.
    pub(crate) fn measure(&mut self, now: Nanos, count: u64) -> u64 {
        let rate = per_second(count - self.count, self.elapsed(now));
        *self = Self { measured_at: now, count };
        rate
    }
}

/// A count over a time, per second.
fn per_second(count: u64, span: Duration) -> u64 {
    let rate = u128::from(count) * 1_000_000_000;
    u64::try_from(rate.checked_div(span.as_nanos()).unwrap_or_default()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_counted_in_seconds() {
        assert_eq!(per_second(500, Duration::from_millis(250)), 2_000);
        assert_eq!(per_second(1, Duration::from_secs(2)), 0);
        assert_eq!(per_second(7, Duration::ZERO), 0);
    }

    #[test]
    fn a_measurement_begins_at_the_one_before() {
        let start = Nanos::from_unix(1);
        let mut meter = RateMeter::new(start);
        assert_eq!(meter.measure(start + Duration::from_secs(1), 10), 10);
        assert_eq!(meter.measure(start + Duration::from_secs(3), 50), 20);
    }
}
