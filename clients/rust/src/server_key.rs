//! A server's key: the public key of a front door that encrypts, as Z85 (ZeroMQ's RFC 32).

use std::fmt;
use std::str::FromStr;

use allot_zmtp::PublicKey;

use crate::ClientError;

/// The digits of Z85.
const DIGITS: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// Characters of a key: five for each four bytes.
const KEY_TEXT_LEN: usize = 40;

/// The public key of a front door or of a feed, which `allot serve` prints as `front-key=` and
/// `publish-key=`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerKey(PublicKey);

impl ServerKey {
    pub(crate) const fn public(self) -> PublicKey {
        self.0
    }
}

impl FromStr for ServerKey {
    type Err = ClientError;

    /// A text that is no key is not repeated: it may be a secret one, in the wrong place.
    fn from_str(text: &str) -> Result<Self, ClientError> {
        decode(text.as_bytes()).map(|key| Self(PublicKey(key))).ok_or_else(|| {
            ClientError::Setting {
                setting: "key",
                given: format!("{} characters", text.chars().count()),
                expected: "the 40 characters of Z85 that the server prints as front-key= or \
                           publish-key=",
            }
        })
    }
}

fn decode(text: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != KEY_TEXT_LEN {
        return None;
    }
    let (groups, _) = text.as_chunks::<5>();
    let (words, _) = key.as_chunks_mut::<4>();
    for (group, word) in groups.iter().zip(words) {
        let mut value: u32 = 0;
        for character in group {
            let digit = DIGITS.iter().position(|digit| digit == character)?;
            value = value.checked_mul(85)?.checked_add(u32::try_from(digit).ok()?)?;
        }
        *word = value.to_be_bytes();
    }
    Some(key)
}

impl fmt::Display for ServerKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, _) = self.0.0.as_chunks::<4>();
        for word in words {
            let value = u32::from_be_bytes(*word);
            for power in [52_200_625, 614_125, 7_225, 85, 1] {
                let digit = usize::try_from(value / power % 85).expect("less than 85");
                write!(out, "{}", char::from(DIGITS[digit]))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_read_and_written() {
        // The test case of RFC 32 has eight bytes; a key is four of them.
        let text = "HelloWorld".repeat(4);
        let key: ServerKey = text.parse().unwrap();
        let bytes = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B].repeat(4);
        assert_eq!(key.public().0.to_vec(), bytes);
        assert_eq!(key.to_string(), text);
    }

    #[test]
    fn a_text_that_is_no_key_is_refused_and_not_repeated() {
        for text in ["", "short", &"~".repeat(40), &"#".repeat(40), &"0".repeat(41)] {
            let error = text.parse::<ServerKey>().unwrap_err().to_string();
            assert!(error.contains("Z85") && !error.contains("~~"), "{error}");
        }
    }
}
