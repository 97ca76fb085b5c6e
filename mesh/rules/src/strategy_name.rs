//! Strategy name: whose positions a row is of.

use core::fmt;

use allot_domain::{SourceId, mix};

use crate::limits;

/// The name of a strategy: 1 to 32 of `A–Z a–z 0–9 . - _ @`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrategyName(SourceId);

/// Why a text is no name of a strategy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadStrategyName(String);

impl StrategyName {
    /// A name from its text.
    ///
    /// # Errors
    /// Where it is empty, too long, or has another character.
    pub fn new(text: &[u8]) -> Result<Self, BadStrategyName> {
        let bad = || BadStrategyName(allot_domain::Reject::quote_bytes(text));
        let source = SourceId::new(text).map_err(|_| bad())?;
        if limits::NAME_LEN_MAX < text.len() { Err(bad()) } else { Ok(Self(source)) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// A hash, the same on every machine (FNV-1a, and a mixer).
    pub(crate) fn hash(&self) -> u64 {
        mix(fnv(self.as_bytes()))
    }
}

/// FNV-1a.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl fmt::Display for StrategyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for StrategyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StrategyName({self})")
    }
}

impl fmt::Display for BadStrategyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the name of a strategy has 1 to 32 of A-Z a-z 0-9 . - _ @", self.0)
    }
}

impl std::error::Error for BadStrategyName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_32_of_the_allowed_characters() {
        for good in ["X", "a.b-c_d@e", &"n".repeat(32)] {
            assert_eq!(StrategyName::new(good.as_bytes()).unwrap().to_string(), good);
        }
        for bad in ["", "a b", "ü", "a/b", &"n".repeat(33)] {
            assert!(StrategyName::new(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
