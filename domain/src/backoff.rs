//! A backoff: waits before the next try, each twice as long as the one before.

use core::time::Duration;

/// A first wait, and the longest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The wait after one try.
    pub first: Duration,
    /// What no wait is longer than, but for the first.
    pub longest: Duration,
}

impl Backoff {
    /// The wait after `tries` tries; one try has the first wait.
    #[must_use]
    pub fn after(self, tries: u32) -> Duration {
        let factor = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest.max(self.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let millis = Duration::from_millis;
        let backoff = Backoff { first: millis(10), longest: millis(1_000) };
        let waits: Vec<_> = (0..10).map(|tries| backoff.after(tries).as_millis()).collect();
        assert_eq!(waits, [10, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
        assert_eq!(backoff.after(u32::MAX), millis(1_000));
        let inverted = Backoff { first: millis(10), longest: millis(1) };
        assert_eq!(inverted.after(3), millis(10), "never less than the first");
    }
}
