//! Encoding: how a body is written.

use std::fmt;
use std::str::FromStr;

use crate::DecodeError;

/// How a body is written; replies come in the encoding of the request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Encoding {
    /// JSON text: the first byte is `{`.
    #[default]
    Json,
    /// A binary batch: the first bytes are `ALOT`.
    Binary,
}

impl Encoding {
    /// The encoding that a message is in, by its first byte.
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        if message.first() == Some(&b'{') { Self::Json } else { Self::Binary }
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
    fn the_first_byte_tells_them_apart() {
        assert_eq!(Encoding::of(b"{}"), Encoding::Json);
        assert_eq!(Encoding::of(b"ALOT"), Encoding::Binary);
        assert_eq!(Encoding::of(b""), Encoding::Binary);
    }
}
