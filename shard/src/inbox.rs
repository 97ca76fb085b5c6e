//! Inbox: which inputs are next. Numbers of inputs count up from 1 over the life of the firm.
//!
//! A shard agrees with one life of the router on where its numbers go on, and takes no others.
//! Without a journal a new life of the shard has applied nothing: what the router had sent before
//! is lost, and counted. With one it knows where it is, and nothing may be missing.

/// The place of a shard in its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Inbox {
    /// The number of the last input that was applied.
    applied: u64,
    /// How many inputs before this life are not in its state.
    lost: u64,
    /// The life of the router that numbers are agreed with; zero with none.
    router: u64,
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

/// What a welcome changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Agreement {
    /// Nothing: numbers were agreed before.
    Known,
    /// Numbers are agreed now.
    Agreed,
    /// The router does not know yet how far this shard is.
    Behind,
    /// The router had sent so many inputs more than this shard knows of.
    Lost(u64),
}

impl Inbox {
    /// The inbox of a shard that has recovered all inputs up to `applied`.
    pub(crate) fn after(applied: u64) -> Self {
        Self { applied, ..Self::default() }
    }

    /// The number of the last input that was applied.
    pub(crate) const fn applied(&self) -> u64 {
        self.applied
    }

    /// How many inputs are missing from the state for ever.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    /// The life of the router that numbers are agreed with; zero with none.
    pub(crate) const fn router(&self) -> u64 {
        self.router
    }

    /// A life of the router says that its inputs follow number `base`.
    pub(crate) fn welcome(&mut self, router: u64, base: u64) -> Agreement {
        if self.router == router {
            return Agreement::Known;
        }
        // Whatever an earlier router still has on its way is not taken from here on.
        self.router = 0;
        if base < self.applied {
            return Agreement::Behind;
        }
        self.router = router;
        let missing = base - self.applied;
        if missing == 0 { Agreement::Agreed } else { Agreement::Lost(missing) }
    }

    /// Goes on without the inputs that are lost.
    pub(crate) fn give_up(&mut self, missing: u64) {
        self.lost += missing;
        self.applied += missing;
    }

    /// What to do with input `number`; one that is to be applied counts as applied.
    pub(crate) fn take(&mut self, number: u64) -> Turn {
        if number > self.applied + 1 {
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
        let numbers = [1, 2, 2, 1, 4, 3, 4];
        let turns = numbers.map(|number| inbox.take(number));
        let (apply, skip, gap) = (Turn::Apply, Turn::Skip, Turn::Gap);
        assert_eq!(turns, [apply, apply, skip, skip, gap, apply, apply]);
        assert_eq!((inbox.applied(), inbox.lost()), (4, 0));
    }

    #[test]
    fn numbers_are_agreed_with_each_life_of_the_router_once() {
        let mut inbox = Inbox::after(41);
        assert_eq!(inbox.router(), 0);
        assert_eq!(inbox.welcome(8, 41), Agreement::Agreed);
        assert_eq!(inbox.welcome(8, 41), Agreement::Known);
        inbox.take(42);
        assert_eq!(inbox.welcome(9, 41), Agreement::Behind, "it has not heard of 42");
        assert_eq!(inbox.router(), 0, "and life 8 is over");
        assert_eq!(inbox.welcome(9, 42), Agreement::Agreed);
    }

    #[test]
    fn what_an_earlier_life_was_sent_is_lost() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.welcome(8, 100), Agreement::Lost(100));
        inbox.give_up(100);
        assert_eq!((inbox.applied(), inbox.lost()), (100, 100));
        assert_eq!(inbox.take(101), Turn::Apply);
    }
}
