//! Component name: what a generator or a strategy is called.

use core::fmt;

use allot_domain::{SourceId, mix};

use crate::{Reject, limits};

/// The name of a generator or of a strategy: 1 to 32 of `A–Z a–z 0–9 . - _ @`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentName(SourceId);

impl ComponentName {
    /// A name from its text.
    ///
    /// # Errors
    /// [`Reject::BadName`].
    pub fn new(text: &[u8]) -> Result<Self, Reject> {
        let bad = || Reject::BadName(allot_domain::Reject::quote_bytes(text));
        let source = SourceId::new(text).map_err(|_| bad())?;
        if limits::NAME_LEN_MAX < text.len() { Err(bad()) } else { Ok(Self(source)) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A hash of the name and a number, the same on every machine (FNV-1a, and a mixer).
    pub(crate) fn hash_with(&self, number: u64) -> u64 {
        let hash = self.0.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        mix(hash ^ mix(number))
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ComponentName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_32_of_the_allowed_characters() {
        for good in ["X", "a.b-c_d@e", &"n".repeat(32)] {
            assert_eq!(ComponentName::new(good.as_bytes()).unwrap().to_string(), good);
        }
        for bad in ["", "a b", "ü", "a/b", &"n".repeat(33)] {
            let reject = ComponentName::new(bad.as_bytes()).unwrap_err();
            assert_eq!(reject.code(), "bad_name", "{bad}");
        }
    }
}
