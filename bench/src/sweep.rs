//! A sweep: from a sparse rate upwards, until the server no longer keeps up.

use crate::run::Point;

/// The first rate: messages so far apart that every thread sleeps between them.
pub(crate) const SPARSE: u64 = 100;

/// The next rate as a multiple of the last.
const FACTOR: u64 = 2;

/// Above it, the schedule itself would be measured.
const RATE_MAX: u64 = 10_000_000;

/// Replies to less than this part of the offer, in percent, are past the knee.
const ACHIEVED_PERCENT_MIN: u64 = 95;

/// A p99 above this multiple of the sparse rate's is past the knee.
const SLOWER_MAX: u64 = 100;

/// How many rates a sweep has, if the server keeps up with all.
pub(crate) const fn rates_max() -> u32 {
    (RATE_MAX / SPARSE).ilog2() + 1
}

/// What a sweep has seen so far.
#[derive(Default)]
pub(crate) struct Sweep {
    sparse_p99: Option<u64>,
    /// The last rate that was sustained.
    pub(crate) knee: Option<u64>,
}

impl Sweep {
    /// Judges a point; gives the next rate, or none past the knee.
    pub(crate) fn next(&mut self, point: &Point) -> Option<u64> {
        let rate = point.offered_per_s?;
        // With few samples the maximum stands for a p99 that cannot be stated.
        let p99 = point.response.p99.unwrap_or(point.response.max);
        let sparse = *self.sparse_p99.get_or_insert(p99);
        let holds = rate * ACHIEVED_PERCENT_MIN <= point.achieved_per_s * 100
            && p99 <= sparse.saturating_mul(SLOWER_MAX)
            && point.failed.is_none();
        if !holds {
            return None;
        }
        self.knee = Some(rate);
        rate.checked_mul(FACTOR).filter(|next| *next <= RATE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Latency;

    fn point(rate: u64, achieved: u64, p99: u64) -> Point {
        let response = Latency { p99: Some(p99), ..Latency::default() };
        let offered_per_s = Some(rate);
        Point { offered_per_s, achieved_per_s: achieved, response, ..Point::default() }
    }

    fn sweep(points: &[Point]) -> (Option<u64>, Option<u64>) {
        let mut sweep = Sweep::default();
        let mut next = None;
        for point in points {
            next = sweep.next(point);
        }
        (next, sweep.knee)
    }

    #[test]
    fn a_rate_that_is_held_is_doubled() {
        assert_eq!(sweep(&[point(100, 100, 50)]), (Some(200), Some(100)));
        assert_eq!(sweep(&[point(100, 100, 50), point(200, 190, 60)]), (Some(400), Some(200)));
    }

    #[test]
    fn the_knee_is_the_last_rate_that_was_held() {
        let held = [point(100, 100, 50), point(200, 200, 50)];
        let [first, second] = held;
        let knee = |last: Point| sweep(&[first.clone(), second.clone(), last]);
        assert_eq!(knee(point(400, 379, 50)), (None, Some(200)), "too few replies");
        assert_eq!(knee(point(400, 400, 5_001)), (None, Some(200)), "too slow");
        assert_eq!(knee(point(400, 380, 5_000)), (Some(800), Some(400)), "just held");
        let failed = Point { failed: Some("lost".to_owned()), ..point(400, 400, 50) };
        assert_eq!(knee(failed), (None, Some(200)));
    }

    #[test]
    fn a_sweep_has_no_more_rates_than_it_says() {
        let mut sweep = Sweep::default();
        let (mut rate, mut count) = (Some(SPARSE), 0);
        while let Some(offered) = rate {
            count += 1;
            rate = sweep.next(&point(offered, offered, 50));
        }
        assert_eq!(count, rates_max());
    }

    #[test]
    fn a_sweep_ends_where_the_schedule_does() {
        assert_eq!(sweep(&[point(8_000_000, 8_000_000, 1)]), (None, Some(8_000_000)));
    }
}
