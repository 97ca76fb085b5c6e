//! Shares: whole shares of one stock.
//!
//! | operation             | result                                       |
//! |-----------------------|----------------------------------------------|
//! | `checked_add`, `_sub` | `Option<Shares>`, none beyond 64 bits or zero |
//! | `Shares + Shares`     | does not exist                               |

use core::fmt;

/// Whole shares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
#[repr(transparent)]
pub struct Shares(u64);

const _: () = assert!(size_of::<Shares>() == 8);

impl Shares {
    /// None.
    pub const ZERO: Self = Self(0);
    /// One share.
    pub const ONE: Self = Self(1);

    /// So many shares.
    #[must_use]
    pub const fn new(shares: u64) -> Self {
        Self(shares)
    }

    /// The count of shares.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum, within 64 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(shares) => Some(Self(shares)),
            None => None,
        }
    }

    /// The difference, if it is not negative.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(shares) => Some(Self(shares)),
            None => None,
        }
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
