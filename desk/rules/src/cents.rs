//! Cents: an amount of money, exact. Floats and fractions of a cent do not exist here.
//!
//! | operation             | result                                        |
//! |-----------------------|-----------------------------------------------|
//! | `checked_add`, `_sub` | `Option<Cents>`, none beyond 64 bits or zero  |
//! | `times(Shares)`       | `Option<Cents>`: what so many shares cost     |
//! | `shares_at(Cents)`    | `Shares`: how many whole ones it pays for     |
//! | `Cents + Cents`       | does not exist                                |

use alloc::format;
use core::fmt;

use crate::{Reject, Shares, limits};

/// An amount of money in cents; its text has two decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
#[repr(transparent)]
pub struct Cents(u64);

const _: () = assert!(size_of::<Cents>() == 8);

impl Cents {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount from its count of cents.
    #[must_use]
    pub const fn new(cents: u64) -> Self {
        Self(cents)
    }

    /// The count of cents.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The amount of a command from its text: `12`, `12.3` or `12.34`.
    ///
    /// # Errors
    /// [`Reject::AmountMalformed`], [`Reject::AmountMustBePositive`] for a negative one, and
    /// [`Reject::AmountTooLarge`] above [`limits::AMOUNT_MAX`].
    pub fn parse(text: &str) -> Result<Self, Reject> {
        let malformed = |what| Reject::AmountMalformed(format!("{} {what}", Reject::quote(text)));
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !are_digits(whole) || !are_digits(fraction) {
            return Err(malformed("is not a plain decimal number such as 12.34"));
        }
        if 2 < fraction.len() {
            return Err(malformed("has more than two decimals"));
        }
        if is_negative {
            return Err(Reject::AmountMustBePositive);
        }
        let fraction = fraction.bytes().chain([b'0']).take(2);
        let digits = whole.bytes().chain(fraction);
        let cents = digits.fold(0_u64, |cents, digit| {
            cents.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        });
        let is_small = cents <= limits::AMOUNT_MAX;
        is_small.then_some(Self(cents)).ok_or(Reject::AmountTooLarge)
    }

    /// The sum, within 64 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(cents) => Some(Self(cents)),
            None => None,
        }
    }

    /// The difference, if it is not negative.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(cents) => Some(Self(cents)),
            None => None,
        }
    }

    /// What so many shares cost at this price, within 64 bits.
    #[must_use]
    pub const fn times(self, shares: Shares) -> Option<Self> {
        match self.0.checked_mul(shares.get()) {
            Some(cents) => Some(Self(cents)),
            None => None,
        }
    }

    /// How many whole shares this pays for.
    ///
    /// # Panics
    /// At a price of zero, which no quote has.
    #[must_use]
    pub const fn shares_at(self, price: Self) -> Shares {
        assert!(0 < price.0, "a price is more than zero");
        Shares::new(self.0 / price.0)
    }

    /// Whether it can be the price of a share.
    #[must_use]
    pub const fn is_price(self) -> bool {
        0 < self.0 && self.0 <= limits::SHARE_PRICE_MAX
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        for (text, cents) in [("0", 0), ("12", 1_200), ("12.3", 1_230), ("12.34", 1_234)] {
            assert_eq!(Cents::parse(text), Ok(Cents::new(cents)), "{text}");
        }
        assert_eq!(Cents::parse("0000000000000000000000000.07"), Ok(Cents::new(7)));
        assert_eq!(Cents::parse("10000000000.00"), Ok(Cents::new(limits::AMOUNT_MAX)));
        for (text, code) in [
            ("", "amount_malformed"),
            (".", "amount_malformed"),
            (".5", "amount_malformed"),
            ("5.", "amount_malformed"),
            ("1e3", "amount_malformed"),
            ("+1", "amount_malformed"),
            ("--1", "amount_malformed"),
            ("1,0", "amount_malformed"),
            ("1.234", "amount_malformed"),
            ("1.230", "amount_malformed"),
            ("-1.234", "amount_malformed"),
            ("-0.01", "amount_must_be_positive"),
            ("10000000000.01", "amount_too_large"),
            ("99999999999999999999999999", "amount_too_large"),
        ] {
            assert_eq!(Cents::parse(text).unwrap_err().code(), code, "{text}");
        }
    }

    #[test]
    fn their_text_has_two_decimals() {
        let texts = [0, 5, 10, 100, 123_456].map(|cents| Cents::new(cents).to_string());
        assert_eq!(texts, ["0.00", "0.05", "0.10", "1.00", "1234.56"]);
    }

    #[test]
    fn arithmetic_ends_at_its_bounds() {
        let (one, most) = (Cents::new(1), Cents::new(u64::MAX));
        assert_eq!(most.checked_add(one), None);
        assert_eq!(one.checked_sub(most), None);
        assert_eq!(most.times(Shares::new(2)), None);
        assert_eq!(Cents::new(350).shares_at(Cents::new(100)), Shares::new(3));
    }
}
