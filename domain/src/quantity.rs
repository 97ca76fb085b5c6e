//! Quantity: whole shares of one ticker.

use alloc::string::ToString;
use core::fmt;

use crate::{Reject, decimal, limits};

/// Whole shares: at least one, at most [`limits::QUANTITY_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Quantity(u64);

const _: () = assert!(size_of::<Quantity>() == 8);

impl Quantity {
    /// A quantity from its count of shares.
    ///
    /// # Errors
    /// [`Reject::QuantityMustBePositive`] and [`Reject::QuantityTooLarge`].
    #[inline]
    pub fn new(shares: i128) -> Result<Self, Reject> {
        if shares <= 0 {
            return Err(Reject::QuantityMustBePositive(shares.to_string()));
        }
        match u64::try_from(shares) {
            Ok(quantity) if quantity <= limits::QUANTITY_MAX => Ok(Self(quantity)),
            _ => Err(Reject::QuantityTooLarge(shares)),
        }
    }

    /// A quantity from decimal text; a fraction of a share is refused, never cut off.
    ///
    /// # Errors
    /// [`Reject::QuantityMalformed`], [`Reject::QuantityMustBeWhole`], those of [`Quantity::new`].
    pub fn parse(text: &str) -> Result<Self, Reject> {
        match decimal::parse_whole(text) {
            Ok(Some(shares)) => Self::new(shares),
            Ok(None) if text.starts_with('-') => {
                Err(Reject::QuantityMustBePositive(Reject::quote(text)))
            }
            Ok(None) => Err(Reject::QuantityMustBeWhole(Reject::quote(text))),
            Err(why) => Err(Reject::quantity(text, why)),
        }
    }

    /// The count of shares.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
