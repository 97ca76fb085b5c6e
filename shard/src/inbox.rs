//! Inbox: which inputs are next. Numbers of inputs count up from 1 over the life of the firm.
//!
//! The router numbers what it sends to each shard. A new life of a shard without a journal has
//! applied nothing; the router's welcome says how much it was sent before, and the difference is
//! what was lost with the old life.

/// The place of a shard in its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Inbox {
    /// The number of the last input that was applied.
    applied: u64,
    /// How many inputs before this life are not in its state.
    lost: u64,
    welcomed: bool,
}

/// What to do with an input of some number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It is the next.
    Apply,
    /// It was applied before.
    Skip,
    /// Inputs are missing before it: the router and this shard have to agree first.
    Gap,
}

impl Inbox {
    /// The number of the last input that was applied.
    pub(crate) const fn applied(&self) -> u64 {
        self.applied
    }

    /// How many inputs are missing from the state for ever.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    /// The router says how many inputs it has sent; returns whether some of them are lost now.
    pub(crate) fn welcome(&mut self, sent: u64) -> bool {
        let first = !self.welcomed;
        self.welcomed = true;
        if !first || sent <= self.applied {
            return false;
        }
        self.lost += sent - self.applied;
        self.applied = sent;
        true
    }

    /// What to do with input `number`; one that is to be applied counts as applied.
    pub(crate) fn take(&mut self, number: u64) -> Turn {
        if !self.welcomed || number > self.applied + 1 {
            return Turn::Gap;
        }
        if number <= self.applied {
            return Turn::Skip;
        }
        self.applied = number;
        Turn::Apply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_taken_in_order_and_once() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take(1), Turn::Gap, "not before the welcome");
        assert!(!inbox.welcome(0));
        let numbers = [1, 2, 2, 1, 4, 3, 4];
        let turns = numbers.map(|number| inbox.take(number));
        let (apply, skip, gap) = (Turn::Apply, Turn::Skip, Turn::Gap);
        assert_eq!(turns, [apply, apply, skip, skip, gap, apply, apply]);
        assert_eq!((inbox.applied(), inbox.lost()), (4, 0));
    }

    #[test]
    fn what_an_earlier_life_was_sent_is_lost() {
        let mut inbox = Inbox::default();
        assert!(inbox.welcome(100));
        assert_eq!((inbox.applied(), inbox.lost()), (100, 100));
        assert_eq!(inbox.take(101), Turn::Apply);
        assert!(!inbox.welcome(101), "a later welcome changes nothing");
        assert_eq!(inbox.lost(), 100);
    }
}
