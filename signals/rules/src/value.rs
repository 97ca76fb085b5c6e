//! Value: a signal, a decision or a median. A finite number.
//!
//! The text is the shortest decimal that reads back as the same number.

use core::cmp::Ordering;
use core::fmt;

/// A finite binary fraction of 64 bits (IEEE 754 binary64); zero has no sign.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[repr(transparent)]
pub struct Value(f64);

/// Why something is no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadValue {
    /// It is no number.
    Malformed,
    /// It is not a number, infinite, or beyond what 64 bits hold.
    NotFinite,
}

impl Value {
    /// A value; none where it is not finite.
    #[must_use]
    pub fn new(number: f64) -> Option<Self> {
        // Minus zero and zero are one number, and must have one text and one pattern of bits.
        let number = if number == 0.0 { 0.0 } else { number };
        number.is_finite().then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Its bits, for bytes and for comparisons.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// A value from its bits.
    ///
    /// # Errors
    /// [`BadValue::NotFinite`].
    pub fn from_bits(bits: u64) -> Result<Self, BadValue> {
        Self::new(f64::from_bits(bits)).ok_or(BadValue::NotFinite)
    }

    /// A value from its decimal text, as JSON writes numbers.
    ///
    /// # Errors
    /// [`BadValue`].
    pub fn parse(text: &str) -> Result<Self, BadValue> {
        let number: f64 = text.parse().map_err(|_| BadValue::Malformed)?;
        Self::new(number).ok_or(BadValue::NotFinite)
    }

    /// The order of numbers.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Eq for Value {}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Debug, because it writes 1e300 where Display writes three hundred zeros.
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "a value must be a decimal number",
            Self::NotFinite => {
                "a value must be finite: no NaN, no infinity, nothing beyond 1.8e308"
            }
        })
    }
}

impl std::error::Error for BadValue {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_finite_numbers_are_values() {
        for text in ["NaN", "inf", "-inf", "infinity", "1e309", "-1e999"] {
            assert_eq!(Value::parse(text), Err(BadValue::NotFinite), "{text}");
        }
        for text in ["", " 1", "1,5", "0x10", "one", "1_000"] {
            assert_eq!(Value::parse(text), Err(BadValue::Malformed), "{text}");
        }
        assert_eq!(Value::from_bits(f64::NAN.to_bits()), Err(BadValue::NotFinite));
    }

    #[test]
    fn zero_has_no_sign() {
        let zero = Value::parse("-0.0").unwrap();
        assert_eq!(zero.to_string(), "0.0");
        assert_eq!(zero.to_bits(), 0);
    }

    #[test]
    fn the_text_is_the_shortest_that_reads_back() {
        for text in ["0.6741543275356752", "0.1", "1e300", "5e-324", "-12.5", "1.0"] {
            assert_eq!(Value::parse(text).unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn a_value_reads_back_from_its_text_and_from_its_bits(bits: u64) {
            if let Ok(value) = Value::from_bits(bits) {
                prop_assert_eq!(Value::parse(&value.to_string()), Ok(value));
                prop_assert_eq!(Value::from_bits(value.to_bits()), Ok(value));
            }
        }
    }
}
