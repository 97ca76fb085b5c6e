//! Money: an amount of the currency in 1e-9; negative where more was sold than bought.
//!
//! | operation       | result   |
//! |-----------------|----------|
//! | `Money ± Money` | `Money`  |
//! | `-Money`        | `Money`  |
//! | `Money × Money` | does not exist |

use core::fmt;
use core::iter::Sum;
use core::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use crate::decimal;

/// An amount of the currency in 1e-9.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
#[repr(transparent)]
pub struct Money(i128);

const _: () = assert!(size_of::<Money>() == 16);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount from its count of 1e-9.
    #[must_use]
    pub const fn from_nanos(nanos: i128) -> Self {
        Self(nanos)
    }

    /// The count of 1e-9.
    #[must_use]
    pub const fn nanos(self) -> i128 {
        self.0
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_nanos(f, self.0)
    }
}
