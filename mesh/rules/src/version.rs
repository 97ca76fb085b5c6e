//! Version: the number of a change of an owner's rows. Clocks have no part in it.

use core::fmt;

use crate::Incarnation;
use crate::limits::NUMBER_MAX;

allot_domain::number!(
    /// The number of a change within one incarnation of its owner, from 1.
    Sequence(u64)
);

allot_domain::number!(
    /// What tells two processes of one name and one incarnation apart: a random number.
    Instance(u64)
);

/// The number of a change: first the incarnation of the owner, then the sequence in it.
///
/// An owner has one sequence for all its symbols.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version {
    /// Which start of the owner.
    pub incarnation: Incarnation,
    /// Which change since that start.
    pub sequence: Sequence,
}

impl Version {
    /// Before everything.
    pub const ZERO: Self = Self { incarnation: Incarnation::ZERO, sequence: Sequence::ZERO };

    /// The version of a change of the start whose life is zero, which no process draws: for
    /// examples.
    #[must_use]
    pub fn new(start: u32, sequence: u64) -> Self {
        Self { incarnation: Incarnation::new(start, 0), sequence: Sequence::new(sequence) }
    }

    /// Whether its numbers are such as counting from one can reach.
    #[must_use]
    pub fn is_believable(self) -> bool {
        self.incarnation.is_believable() && self.sequence.get() <= NUMBER_MAX
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.incarnation, self.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_start_is_later_than_every_change_before_it() {
        assert!(Version::new(1, 900) < Version::new(2, 0));
        assert!(Version::new(2, 0) < Version::new(2, 1));
        assert_eq!(Version::new(2, 17).to_string(), "2.17");
    }
}
