//! Ring: the slots of numbers that count up for ever.

/// `number % capacity`, without a division for the last two rounds, which are all that are needed.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    capacity: u64,
    /// The next number.
    next: u64,
    /// The first number of this round.
    round: u64,
}

impl Ring {
    /// A ring of this many slots.
    ///
    /// # Panics
    /// Without slots.
    #[must_use]
    pub fn of(capacity: usize) -> Self {
        assert!(0 < capacity, "a ring has a slot");
        Self { capacity: u64::try_from(capacity).expect("a usize fits"), next: 0, round: 0 }
    }

    /// How many slots there are.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The next number.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Advances by `count` numbers.
    ///
    /// # Panics
    /// By more than a round.
    pub fn advance(&mut self, count: u64) {
        assert!(count <= self.capacity, "a round at most");
        self.next += count;
        if self.capacity <= self.next - self.round {
            self.round += self.capacity;
        }
    }

    /// Continues from this number.
    pub const fn start_at(&mut self, next: u64) {
        (self.next, self.round) = (next, next - next % self.capacity);
    }

    /// The slot of a number: the next, or one of the last round before it.
    ///
    /// # Panics
    /// For any other number.
    #[inline]
    #[must_use]
    pub fn slot(&self, number: u64) -> usize {
        let from = if number < self.round { self.round - self.capacity } else { self.round };
        usize::try_from(number - from).expect("less than the capacity")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_slot_of_a_number_is_its_remainder(
            capacity in 1..9_usize,
            start in 0..50_u64,
            steps in prop::collection::vec(0..9_u64, 0..40),
        ) {
            let mut ring = Ring::of(capacity);
            let capacity = ring.capacity();
            ring.start_at(start);
            for step in steps {
                ring.advance(step.min(capacity));
                for number in ring.next().saturating_sub(capacity)..=ring.next() {
                    prop_assert_eq!(u64::try_from(ring.slot(number)).unwrap(), number % capacity);
                }
            }
        }
    }
}
