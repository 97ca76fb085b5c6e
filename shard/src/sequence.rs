//! Input sequence: which input is next. Indexes count up from 1 over its journal.
//!
//! A shard agrees with one incarnation of the router on where its indexes go on, and takes no
//! others. Without a journal a new incarnation of the shard has applied nothing: what the router
//! had sent before is lost, and counted. With one it knows where it is, and nothing may be missing.

use allot_domain::{Incarnation, LogIndex};

/// The place of a shard in its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct InputSequence {
    /// The last input that was applied.
    applied: LogIndex,
    /// How many inputs before this incarnation are not in its state.
    lost: u64,
    /// The incarnation of the router that indexes are agreed with; zero with none.
    router: Incarnation,
}

/// What to do with an input of some index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It is the next.
    Apply,
    /// It was applied before.
    Skip,
    /// Inputs are missing before it: the router and this shard have to agree first.
    Gap,
}

/// What a welcome changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Agreement {
    /// Nothing: indexes were agreed before.
    Known,
    /// Indexes are agreed now.
    Agreed,
    /// The router does not know yet how far this shard is.
    Behind,
    /// The router had sent this many inputs more than this shard knows of.
    Lost(u64),
}

impl InputSequence {
    /// The sequence of a shard that has recovered all inputs up to `applied`.
    pub(crate) fn after(applied: LogIndex) -> Self {
        Self { applied, ..Self::default() }
    }

    /// What must hold between any two calls.
    #[inline]
    fn check(&self) {
        assert!(self.lost <= self.applied.get(), "no more is lost than was ever sent");
    }

    /// The last input that was applied.
    pub(crate) const fn applied(&self) -> LogIndex {
        self.applied
    }

    /// How many inputs are missing from the state for ever.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    /// The incarnation of the router that indexes are agreed with; zero with none.
    pub(crate) const fn router(&self) -> Incarnation {
        self.router
    }

    /// An incarnation of the router says that its inputs follow index `base`.
    pub(crate) fn welcome(&mut self, router: Incarnation, base: LogIndex) -> Agreement {
        assert!(router != Incarnation::default(), "zero stands for no router");
        if self.router == router {
            return Agreement::Known;
        }
        // What an earlier router still has on its way is not taken from here on.
        self.router = Incarnation::default();
        if base < self.applied {
            return Agreement::Behind;
        }
        self.router = router;
        assert!(self.applied <= base, "a router never goes back behind what is applied");
        let missing = base.get() - self.applied.get();
        if missing == 0 { Agreement::Agreed } else { Agreement::Lost(missing) }
    }

    /// Goes on without the inputs that are lost.
    pub(crate) fn give_up(&mut self, missing: u64) {
        assert!(0 < missing, "only what is missing is given up");
        self.lost += missing;
        self.applied = LogIndex::new(self.applied.get() + missing);
        self.check();
    }

    /// What to do with the input of this index; one that is to be applied counts as applied.
    #[inline]
    pub(crate) fn take(&mut self, index: LogIndex) -> Turn {
        if self.applied.next() < index {
            return Turn::Gap;
        }
        if index <= self.applied {
            return Turn::Skip;
        }
        self.applied = index;
        self.check();
        Turn::Apply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(number: u64) -> LogIndex {
        LogIndex::new(number)
    }

    fn router(number: u64) -> Incarnation {
        Incarnation::new(number)
    }

    #[test]
    fn inputs_are_taken_in_order_and_once() {
        let mut sequence = InputSequence::default();
        let turns = [1, 2, 2, 1, 4, 3, 4].map(|number| sequence.take(index(number)));
        let (apply, skip, gap) = (Turn::Apply, Turn::Skip, Turn::Gap);
        assert_eq!(turns, [apply, apply, skip, skip, gap, apply, apply]);
        assert_eq!(sequence.applied(), index(4));
        assert_eq!(sequence.lost(), 0);
    }

    #[test]
    fn indexes_are_agreed_with_each_incarnation_of_the_router_once() {
        let mut sequence = InputSequence::after(index(41));
        assert_eq!(sequence.router(), router(0));
        assert_eq!(sequence.welcome(router(8), index(41)), Agreement::Agreed);
        assert_eq!(sequence.welcome(router(8), index(41)), Agreement::Known);
        sequence.take(index(42));
        let behind = sequence.welcome(router(9), index(41));
        assert_eq!(behind, Agreement::Behind, "it has not heard of 42");
        assert_eq!(sequence.router(), router(0), "and incarnation 8 is over");
        assert_eq!(sequence.welcome(router(9), index(42)), Agreement::Agreed);
    }

    #[test]
    fn what_an_earlier_incarnation_was_sent_is_lost() {
        let mut sequence = InputSequence::default();
        assert_eq!(sequence.welcome(router(8), index(100)), Agreement::Lost(100));
        sequence.give_up(100);
        assert_eq!((sequence.applied(), sequence.lost()), (index(100), 100));
        assert_eq!(sequence.take(index(101)), Turn::Apply);
    }
}
