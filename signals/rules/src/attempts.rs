//! Attempts: when a request is sent again, with a pause that doubles and a jitter.

use core::time::Duration;

use crate::Steady;

/// How often something was sent, and when it is due again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attempts {
    made: u32,
    next: Steady,
}

impl Attempts {
    /// None yet, and the first is due at once.
    #[must_use]
    pub const fn new() -> Self {
        Self { made: 0, next: Steady::new(0) }
    }

    /// How many were made.
    #[must_use]
    pub const fn made(&self) -> u32 {
        self.made
    }

    /// When the next is due.
    #[must_use]
    pub const fn next(&self) -> Steady {
        self.next
    }

    /// Whether the next is due.
    #[must_use]
    pub fn is_due(&self, now: Steady) -> bool {
        self.next <= now
    }

    /// One was made: the next comes after a pause that doubles with each, up to `longest`, less up
    /// to a quarter as `salt` says.
    pub fn sent(&mut self, now: Steady, first: Duration, longest: Duration, salt: u64) {
        let pause = first.saturating_mul(1 << self.made.min(16)).min(longest);
        let quarter = pause / 4;
        let share = u32::try_from(salt % 1_024).unwrap_or_default();
        self.made = self.made.saturating_add(1);
        self.next = now + (pause - quarter * share / 1_024);
    }

    /// It could not be sent, and does not count.
    pub fn unsent(&mut self, now: Steady, pause: Duration) {
        self.made = self.made.saturating_sub(1);
        self.next = now + pause;
    }

    /// Nothing more before this moment.
    pub fn wait_until(&mut self, next: Steady) {
        self.next = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_millis(350));
        let mut attempts = Attempts::new();
        assert!(attempts.is_due(Steady::new(0)));
        let mut now = Steady::new(0);
        let mut pauses = Vec::new();
        for _ in 0..4 {
            attempts.sent(now, first, longest, 0);
            pauses.push((attempts.next() - now).as_millis());
            now = attempts.next();
        }
        assert_eq!(pauses, [100, 200, 350, 350]);
        assert_eq!(attempts.made(), 4);
        attempts.unsent(now, first);
        assert_eq!((attempts.made(), attempts.next()), (3, now + first));
        attempts.sent(now, first, first, 1_023);
        let pause = attempts.next() - now;
        assert!(Duration::from_millis(75) <= pause && pause < Duration::from_millis(76));
    }
}
