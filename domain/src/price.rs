//! Price: what one share cost, in 1e-9 of the currency.
//!
//! | operation            | result    |
//! |----------------------|-----------|
//! | `Price × Quantity`   | [`Money`] |
//! | `Price × Price`      | does not exist |

use core::fmt;

use crate::{Money, Quantity, Reject, decimal, limits};

/// A price in 1e-9 of the currency: more than zero, at most [`limits::PRICE_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Price(i64);

const _: () = assert!(size_of::<Price>() == 8);

impl Price {
    /// A price from its count of 1e-9.
    ///
    /// # Errors
    /// [`Reject::PriceMustBePositive`] and [`Reject::PriceTooLarge`].
    #[inline]
    pub fn from_nanos(nanos: i128) -> Result<Self, Reject> {
        if nanos <= 0 {
            return Err(Reject::PriceMustBePositive(nanos));
        }
        match i64::try_from(nanos) {
            Ok(price) if price <= limits::PRICE_MAX => Ok(Self(price)),
            _ => Err(Reject::PriceTooLarge(nanos)),
        }
    }

    /// A price from decimal text.
    ///
    /// # Errors
    /// [`Reject::PriceMalformed`] and those of [`Price::from_nanos`].
    pub fn parse(text: &str) -> Result<Self, Reject> {
        let nanos = decimal::parse_nanos(text).map_err(|why| Reject::price(text, why))?;
        Self::from_nanos(nanos)
    }

    /// The count of 1e-9.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Price times quantity: the value of that many shares.
    #[must_use]
    pub fn times(self, quantity: Quantity) -> Money {
        Money::from_nanos(i128::from(self.0) * i128::from(quantity.get()))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_nanos(f, i128::from(self.0))
    }
}
