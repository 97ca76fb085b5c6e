//! Notice pace: how many notices are logged, so that nobody fills a disk with them.

use std::time::Duration;

use allot_runtime::Nanos;

/// Notices that may come at once.
const AT_ONCE: u64 = 256;
/// After so long there may be one more.
const EACH: Duration = Duration::from_millis(100);

/// How many may still be logged, and how many were not.
#[derive(Debug)]
pub struct NoticePace {
    left: u64,
    /// Since when one more is saved up.
    since: Nanos,
    passed_over: u64,
}

impl NoticePace {
    /// None was logged yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { left: AT_ONCE, since: Nanos::ZERO, passed_over: 0 }
    }

    /// Whether one may be logged; and how many before it were not.
    pub fn take(&mut self, now: Nanos) -> Option<u64> {
        let saved = (now - self.since).as_nanos() / EACH.as_nanos();
        if 0 < saved {
            let saved = u64::try_from(saved).unwrap_or(AT_ONCE);
            self.left = AT_ONCE.min(self.left.saturating_add(saved));
            self.since = now;
        }
        if self.left == 0 {
            self.passed_over += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.passed_over))
    }
}

impl Default for NoticePace {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_told_of() {
        let (mut pace, start) = (NoticePace::new(), Nanos::from_unix(1_000_000_000));
        let logged = (0..10_000).filter(|_| pace.take(start).is_some()).count();
        assert_eq!(logged, 256);
        assert_eq!(pace.take(start + EACH), Some(10_000 - 256));
        assert_eq!(pace.take(start + EACH), None);
        let later = start + Duration::from_secs(3_600);
        assert_eq!(pace.take(later), Some(1));
        assert_eq!((0..1_000).filter(|_| pace.take(later).is_some()).count(), 255);
    }
}
