//! Position and trade quantity: exact decimals of 1e-9, never floats.
//!
//! | operation                  | result                          |
//! |----------------------------|---------------------------------|
//! | `position.plus(quantity)`  | the position, or that it is too large |
//! | anything else of any two   | does not exist                  |

use core::fmt;

use allot_domain::decimal::{self, DecimalError};

use crate::limits::NANOS_MAX;

macro_rules! decimal {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        #[repr(transparent)]
        pub struct $name(i128);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// From a count of 1e-9; none beyond [`NANOS_MAX`].
            #[must_use]
            pub const fn from_nanos(nanos: i128) -> Option<Self> {
                if -NANOS_MAX <= nanos && nanos <= NANOS_MAX { Some(Self(nanos)) } else { None }
            }

            /// The count of 1e-9.
            #[must_use]
            pub const fn nanos(self) -> i128 {
                self.0
            }

            /// From decimal text such as `-12.5`.
            ///
            /// # Errors
            /// Says which rule of the grammar the text breaks.
            pub fn parse(text: &str) -> Result<Self, DecimalError> {
                Self::from_nanos(decimal::parse_nanos(text)?).ok_or(DecimalError::TooLarge)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&decimal::nanos_text(self.0))
            }
        }
    };
}

decimal!(
    /// A net position: what was bought less what was sold.
    Position
);

decimal!(
    /// What a trade adds to a position; less than zero where it is sold.
    TradeQuantity
);

impl Position {
    /// The position after a trade; none where it would be too large.
    #[must_use]
    pub const fn plus(self, quantity: TradeQuantity) -> Option<Self> {
        // Neither is beyond 2^95: the sum cannot overflow.
        Self::from_nanos(self.0 + quantity.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_an_exact_decimal() {
        let mut position = Position::ZERO;
        for _ in 0..10 {
            position = position.plus(TradeQuantity::parse("0.1").unwrap()).unwrap();
        }
        assert_eq!(position.to_string(), "1");
        for text in ["0", "-12.5", "0.000000001", "100"] {
            assert_eq!(Position::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_too_large_is_refused_and_never_wraps() {
        let most = Position::from_nanos(NANOS_MAX).unwrap();
        assert_eq!(most.plus(TradeQuantity::from_nanos(1).unwrap()), None);
        assert_eq!(Position::from_nanos(-NANOS_MAX - 1), None);
        assert_eq!(Position::parse(&"9".repeat(30)), Err(DecimalError::TooLarge));
    }
}
