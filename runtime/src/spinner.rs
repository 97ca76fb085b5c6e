//! A spinner: how long one thread looks for more work before it sleeps.
//!
//! A thread that spins finds what comes without the wake-up that ends a sleep. But where the core
//! is wanted, it delays whoever would bring the work; and where work comes rarely, it takes a core
//! for nothing. Both show in the same way: the spin ends in vain. After each that does, twice as
//! many sleeps as before follow without a spin, up to some thousand; after one that finds work
//! every sleep is preceded by a spin again.

use std::time::Duration;

use crate::Nanos;
use crate::limits::SPINS_SKIPPED_DOUBLED_MAX;

/// The spins of one thread.
pub(crate) struct Spinner {
    longest: Duration,
    /// When the spin under way began.
    since: Option<Nanos>,
    /// How many spins in a row were in vain.
    in_vain: u32,
    /// How many sleeps still follow without a spin.
    skips: u32,
}

impl Spinner {
    /// One whose spins take so long at most; the longest time there is stands for no sleep at all.
    pub(crate) const fn new(longest: Duration) -> Self {
        Self { longest, since: None, in_vain: 0, skips: 0 }
    }

    /// There was work.
    pub(crate) const fn note_work(&mut self) {
        if self.since.take().is_some() {
            self.in_vain = 0;
        }
    }

    /// There was no work: whether to look again at once, rather than sleep.
    pub(crate) fn goes_on(&mut self, now: Nanos) -> bool {
        if self.longest == Duration::MAX {
            return true;
        }
        if 0 < self.skips {
            self.skips -= 1;
            return false;
        }
        if now - *self.since.get_or_insert(now) < self.longest {
            return true;
        }
        self.since = None;
        self.in_vain = (self.in_vain + 1).min(SPINS_SKIPPED_DOUBLED_MAX);
        self.skips = (1 << self.in_vain) - 1;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_micros(50);

    /// How many sleeps follow each other without a spin.
    fn skips(spinner: &mut Spinner, now: Nanos) -> u32 {
        let mut count = 0;
        while !spinner.goes_on(now) {
            count += 1;
        }
        count
    }

    #[test]
    fn a_spin_lasts_as_long_as_it_may_and_work_ends_it() {
        let mut spinner = Spinner::new(LONGEST);
        let begin = Nanos::from_unix(1_000);
        assert!(spinner.goes_on(begin));
        assert!(spinner.goes_on(begin + Duration::from_nanos(49_999)));
        spinner.note_work();
        let later = begin + LONGEST;
        assert!(spinner.goes_on(later), "another spin");
        assert!(!spinner.goes_on(later + LONGEST));
    }

    #[test]
    fn spins_in_vain_become_rare_until_one_finds_work() {
        let mut spinner = Spinner::new(LONGEST);
        let mut now = Nanos::from_unix(1_000);
        for expected in [0, 1, 3, 7, 15] {
            assert_eq!(skips(&mut spinner, now), expected);
            now += LONGEST;
            assert!(!spinner.goes_on(now), "in vain");
            // Work that ends a sleep is none that a spin has found.
            spinner.note_work();
        }
        assert_eq!(skips(&mut spinner, now), 31);
        spinner.note_work();
        assert_eq!(skips(&mut spinner, now), 0);
        for _ in 0..100 {
            let _ = skips(&mut spinner, now);
            now += LONGEST;
            assert!(!spinner.goes_on(now));
        }
        assert_eq!(skips(&mut spinner, now), (1 << SPINS_SKIPPED_DOUBLED_MAX) - 1);
    }

    #[test]
    fn who_blocks_never_spins_and_who_spins_never_sleeps() {
        let now = Nanos::from_unix(1_000);
        let mut blocks = Spinner::new(Duration::ZERO);
        let mut spins = Spinner::new(Duration::MAX);
        for _ in 0..10_000 {
            assert!(!blocks.goes_on(now));
            assert!(spins.goes_on(now));
        }
    }
}
