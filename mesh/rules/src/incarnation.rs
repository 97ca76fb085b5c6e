//! Incarnation: one life of a strategy, from a start to its end.
//!
//! ```text
//!   │ start 32: rises with every start, and is durable │ life 32: drawn at random at that start │
//! ```
//!
//! The number of the start alone is not enough: a strategy that has lost its journal, or runs on an
//! old copy of it, counts on from a start that was used. Its life is another one, so that no two
//! lives have one incarnation.

use core::fmt;

use allot_domain::mix;

use crate::Instance;
use crate::limits::STARTS_MAX;

/// One life of a strategy: the number of its start, and a random number.
///
/// | operation          | result                                           |
/// |--------------------|--------------------------------------------------|
/// | `next(instance)`   | the next start, with a life drawn from a process |
/// | `<` of any two     | by the start, and of one start by the life       |
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(transparent)]
pub struct Incarnation(u64);

impl Incarnation {
    /// Before every start.
    pub const ZERO: Self = Self(0);

    /// The start of this number, with this life.
    #[must_use]
    pub fn new(start: u32, life: u32) -> Self {
        Self(u64::from(start) << 32 | u64::from(life))
    }

    /// From the number that stands in frames and records.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Both in one number, for bytes and digests.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The number of the start, from 1: what people are shown.
    #[must_use]
    pub const fn start(self) -> u32 {
        let [.., a, b, c, d] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// What tells this life from others of the same start.
    #[must_use]
    pub const fn life(self) -> u32 {
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// The first of the starts after this one: one for each process that starts then.
    #[must_use]
    pub fn next(self, instance: Instance) -> Self {
        let start = self.start() + 1;
        let drawn = Self(mix(instance.get() ^ mix(u64::from(start))));
        Self::new(start, drawn.life().max(1))
    }

    /// Whether its number is one that starts can reach by counting, and one may follow.
    #[must_use]
    pub fn is_believable(self) -> bool {
        self.start() < STARTS_MAX
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.start().fmt(f)
    }
}

const _: () = assert!(size_of::<Incarnation>() == 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_start_is_later_whatever_the_lives() {
        let (one, other) = (Instance::new(1), Instance::new(2));
        let first = Incarnation::ZERO.next(one);
        assert_eq!((first.start(), first.to_string()), (1, "1".to_owned()));
        assert_ne!(first, Incarnation::ZERO.next(other), "two lives of one start");
        assert!(first < Incarnation::ZERO.next(other).next(other));
        assert_eq!(Incarnation::from_number(first.number()), first);
        assert_eq!(Incarnation::new(first.start(), first.life()), first);
        assert!(!Incarnation::new(u32::MAX, 0).is_believable());
    }
}
