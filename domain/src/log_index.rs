//! A log index: the position of a record in the log of one shard.
//!
//! Records count up from 1. [`LogIndex::ZERO`] is the position before the first record: a log whose
//! last index is zero is empty.
//!
//! | operation                         | result                                                   |
//! |-----------------------------------|----------------------------------------------------------|
//! | `index.next()`                    | `LogIndex` of the record after it                        |
//! | `index.previous()`                | `Option<LogIndex>`, `None` for zero                      |
//! | `later.checked_distance(earlier)` | `Option<u64>` records, `None` if `earlier` is later      |
//! | `LogIndex + _`, `LogIndex - _`    | do not exist                                             |

use core::fmt;

/// The position of a record in a log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(transparent)]
pub struct LogIndex(u64);

const _: () = assert!(size_of::<LogIndex>() == 8);

impl LogIndex {
    /// Before the first record.
    pub const ZERO: Self = Self(0);
    /// The first record.
    pub const FIRST: Self = Self(1);

    /// The index with this number.
    #[must_use]
    pub const fn new(index: u64) -> Self {
        Self(index)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The index of the record after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The index of the record before it; `None` for zero.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(index) => Some(Self(index)),
            None => None,
        }
    }

    /// How many records follow `earlier`, up to and including this one; `None` if `earlier` is
    /// the later of the two.
    #[must_use]
    pub const fn checked_distance(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }
}

impl fmt::Display for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_and_distances_are_checked_at_zero() {
        assert_eq!(LogIndex::ZERO.next(), LogIndex::FIRST);
        assert_eq!(LogIndex::FIRST.previous(), Some(LogIndex::ZERO));
        assert_eq!(LogIndex::ZERO.previous(), None);
        let (five, seven) = (LogIndex::new(5), LogIndex::new(7));
        assert_eq!(seven.checked_distance(five), Some(2));
        assert_eq!(five.checked_distance(five), Some(0));
        assert_eq!(five.checked_distance(seven), None);
    }

    #[test]
    fn it_is_shown_as_its_number() {
        assert_eq!(LogIndex::new(4_711).to_string(), "4711");
    }
}
