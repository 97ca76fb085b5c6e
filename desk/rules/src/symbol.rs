//! Symbol: a stock, as the quote server knows it.

use core::fmt;

use allot_domain::mix;
use allot_domain::snapshot::{Cursor, SnapshotError};

use crate::Reject;
use crate::limits::SYMBOL_LEN_MAX;

/// A stock: 1 to 3 of `A–Z a–z 0–9`; case counts, and the order is that of the bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Symbol([u8; SYMBOL_LEN_MAX]);

const _: () = assert!(size_of::<Symbol>() == SYMBOL_LEN_MAX);

impl Symbol {
    /// A symbol from its text.
    ///
    /// # Errors
    /// [`Reject::BadSymbol`].
    #[inline]
    pub fn new(text: &[u8]) -> Result<Self, Reject> {
        let is_symbol = (1..=SYMBOL_LEN_MAX).contains(&text.len())
            && text.iter().all(u8::is_ascii_alphanumeric);
        if !is_symbol {
            return Err(Reject::BadSymbol(Reject::quote_bytes(text)));
        }
        let mut bytes = [0; SYMBOL_LEN_MAX];
        bytes[..text.len()].copy_from_slice(text);
        Ok(Self(bytes))
    }

    /// A symbol from its bytes padded with zeros; none where it is no symbol.
    #[must_use]
    pub fn from_padded(bytes: [u8; SYMBOL_LEN_MAX]) -> Option<Self> {
        let len = bytes.iter().rposition(|byte| *byte != 0)? + 1;
        Self::new(&bytes[..len]).ok()
    }

    /// The bytes padded with zeros.
    #[must_use]
    pub const fn padded(self) -> [u8; SYMBOL_LEN_MAX] {
        self.0
    }

    /// The text.
    ///
    /// # Panics
    /// Never: the alphabet is ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|byte| *byte == 0).unwrap_or(SYMBOL_LEN_MAX);
        core::str::from_utf8(&self.0[..len]).expect("the alphabet is ASCII")
    }

    /// The bytes as one word.
    #[inline]
    pub(crate) fn word(self) -> u64 {
        let [first, second, third] = self.0;
        u64::from_le_bytes([first, second, third, 0, 0, 0, 0, 0])
    }

    /// A hash for tables in memory.
    #[inline]
    pub(crate) fn hash(self) -> u64 {
        mix(self.word())
    }

    pub(crate) fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        Self::from_padded(cursor.array()?).ok_or(SnapshotError::Broken("a symbol that is none"))
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_has_one_to_three_letters_or_digits() {
        for text in ["S", "ab", "AbC", "1A9"] {
            let symbol = Symbol::new(text.as_bytes()).unwrap();
            assert_eq!(symbol.as_str(), text);
            assert_eq!(Symbol::from_padded(symbol.padded()), Some(symbol));
        }
        for text in ["", "ABCD", "A B", "A.B", "é", "A,"] {
            assert_eq!(Symbol::new(text.as_bytes()).unwrap_err().code(), "bad_symbol", "{text}");
        }
        assert_eq!(Symbol::from_padded([0; 3]), None);
        assert_eq!(Symbol::from_padded([b'A', 0, b'B']), None);
    }
}
