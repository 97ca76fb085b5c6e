//! Ledger id: which ledger a state belongs to.
//!
//! A ledger is everything that was ever sent to one server with a data directory. Its id is drawn
//! at random when the directory is made, and stands in what every incarnation of its boxes says.

use core::fmt;
use core::num::NonZeroU128;
use core::str::FromStr;

/// Hex digits of an id.
const DIGITS: usize = 32;

/// The identity of a ledger: 128 bits, not all zero. Its text is 32 hex digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct LedgerId(NonZeroU128);

const _: () = assert!(size_of::<Option<LedgerId>>() == 16);

/// A text is not 32 hex digits in lower case, or all of them are zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoLedgerId;

impl LedgerId {
    /// The id with this number; `None` for zero, which stands for no ledger.
    #[must_use]
    pub const fn new(number: u128) -> Option<Self> {
        match NonZeroU128::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0.get()
    }

    /// The number of an id that may be none: zero stands for that.
    #[must_use]
    pub const fn number(ledger: Option<Self>) -> u128 {
        match ledger {
            Some(ledger) => ledger.get(),
            None => 0,
        }
    }
}

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for LedgerId {
    type Err = NoLedgerId;

    fn from_str(text: &str) -> Result<Self, NoLedgerId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != DIGITS || !text.bytes().all(is_digit) {
            return Err(NoLedgerId);
        }
        u128::from_str_radix(text, 16).ok().and_then(Self::new).ok_or(NoLedgerId)
    }
}

impl fmt::Display for NoLedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the id of a ledger is 32 hex digits in lower case, not all zero")
    }
}

impl core::error::Error for NoLedgerId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        for number in [1, 0xabcd, u128::MAX] {
            let id = LedgerId::new(number).unwrap();
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(LedgerId::number(Some(id)), number);
        }
        assert_eq!(LedgerId::new(0), None);
        assert_eq!(LedgerId::number(None), 0);
    }

    #[test]
    fn nothing_else_is_an_id() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert!(digits.parse::<LedgerId>().is_ok());
        let upper = digits.to_uppercase();
        let zeros = "0".repeat(32);
        let signed = format!("+{}", &digits[1..]);
        for text in ["", &digits[1..], &format!("{digits}0"), &upper, &zeros, &signed] {
            assert_eq!(text.parse::<LedgerId>(), Err(NoLedgerId), "{text}");
        }
    }
}
