//! The pseudo-random number generator: every random choice of a run comes from one seed.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// A stream of random numbers. The same seed gives the same stream.
pub struct Prng(StdRng);

impl Prng {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number in the range, uniformly.
    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.random_range(range)
    }

    /// An index below `count`.
    ///
    /// # Panics
    /// When `count` is zero.
    pub fn index(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    /// True once in this many cases on average; never for 0, and then nothing is drawn.
    pub fn one_in(&mut self, cases: u64) -> bool {
        0 < cases && self.0.random_range(0..cases) == 0
    }

    /// True in this percentage of cases.
    pub fn percent(&mut self, cases: u64) -> bool {
        self.0.random_range(0..100) < cases
    }

    /// A duration in the range; each order of magnitude is equally likely, so that short and long
    /// ones are both seen.
    pub fn span(&mut self, range: RangeInclusive<Duration>) -> Duration {
        let nanos = |span: &Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1);
        let (low, high) = (nanos(range.start()), nanos(range.end()));
        let bits = self.0.random_range(low.ilog2()..=high.ilog2());
        let (from, to) = (1_u64 << bits, (1_u64 << bits).saturating_mul(2));
        Duration::from_nanos(self.0.random_range(from..to).clamp(low, high))
    }

    /// One of several values.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// Shuffles in place.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        things.shuffle(&mut self.0);
    }

    /// A seed for another stream.
    pub fn seed(&mut self) -> u64 {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_stay_in_their_range_and_all_sizes_are_seen() {
        let mut prng = Prng::new(7);
        let range = Duration::from_micros(3)..=Duration::from_secs(2);
        let spans: Vec<_> = (0..1_000).map(|_| prng.span(range.clone())).collect();
        assert!(spans.iter().all(|span| range.contains(span)));
        assert!(spans.iter().any(|span| *span < Duration::from_micros(20)));
        assert!(spans.iter().any(|span| Duration::from_millis(500) < *span));
    }

    #[test]
    fn zero_cases_never_come_and_all_cases_always_do() {
        let mut prng = Prng::new(7);
        assert!((0..100).all(|_| !prng.one_in(0) && !prng.percent(0)));
        assert!((0..100).all(|_| prng.one_in(1) && prng.percent(100)));
    }
}
