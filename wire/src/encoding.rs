//! Encoding: how a body is written.

use std::fmt;
use std::str::FromStr;

use crate::DecodeError;
use crate::batch::MAGIC as BATCH_MAGIC;

/// How a body is written; replies come in the encoding of the request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Encoding {
    /// JSON text: whatever is not a binary batch.
    #[default]
    Json,
    /// A binary batch: the first bytes are `ALOT`.
    Binary,
}

impl Encoding {
    /// The encoding that a message is in, by its first bytes.
    ///
    /// Only a client that speaks binary writes them; whoever sends anything else can read text.
    #[inline]
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        if message.starts_with(BATCH_MAGIC) { Self::Binary } else { Self::Json }
    }

    /// The word for it, as topics have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Binary => "bin",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Encoding {
    type Err = DecodeError;

    fn from_str(name: &str) -> Result<Self, DecodeError> {
        match name {
            "json" => Ok(Self::Json),
            "bin" => Ok(Self::Binary),
            _ => Err(DecodeError::new("an encoding is json or bin")),
        }
    }
}

impl From<Encoding> for u8 {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Json => 0,
            Encoding::Binary => 1,
        }
    }
}

impl TryFrom<u8> for Encoding {
    type Error = DecodeError;

    fn try_from(byte: u8) -> Result<Self, DecodeError> {
        match byte {
            0 => Ok(Self::Json),
            1 => Ok(Self::Binary),
            _ => Err(DecodeError::new("an encoding is 0 (json) or 1 (bin)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_read_back() {
        for encoding in [Encoding::Json, Encoding::Binary] {
            assert_eq!(encoding.to_string().parse(), Ok(encoding));
            assert_eq!(Encoding::try_from(u8::from(encoding)), Ok(encoding));
        }
        assert!("binary".parse::<Encoding>().is_err());
        assert!(Encoding::try_from(2).is_err());
    }

    #[test]
    fn the_first_bytes_tell_them_apart() {
        assert_eq!(Encoding::of(b"ALOT"), Encoding::Binary);
        for text in [&b"{}"[..], b"\xef\xbb\xbf{}", b" {}", b"[{}]", b"ALO", b"hello", b""] {
            assert_eq!(Encoding::of(text), Encoding::Json);
        }
    }
}
