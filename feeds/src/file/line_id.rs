//! The id of a line: the name of its fill for ever, next to the source and the ticker.

use std::fmt;

use crate::limits::LINE_ID_LEN_MAX;

/// 1 to 64 printable ASCII characters without spaces, `"` and `\`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId {
    /// Padded with zeros.
    bytes: [u8; LINE_ID_LEN_MAX],
}

impl LineId {
    /// The id of this text, if it can be one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_good = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        let is_printable = text.bytes().all(is_good);
        if !is_printable || !(1..=LINE_ID_LEN_MAX).contains(&text.len()) {
            return None;
        }
        let mut bytes = [0; LINE_ID_LEN_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Self { bytes })
    }

    /// The id as text.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "an id is ASCII")]
    pub fn as_str(&self) -> &str {
        let len = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(LINE_ID_LEN_MAX);
        std::str::from_utf8(&self.bytes[..len]).expect("an id is ASCII")
    }
}

impl fmt::Debug for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_1_to_64_printable_characters() {
        for bad in ["", "a b", "é", "a\n", "a\"", "a\\", &"x".repeat(65)] {
            assert_eq!(LineId::new(bad), None, "{bad}");
        }
        for good in ["7", "00013911.5a4b8c3d.01.01", "~!", &"x".repeat(64)] {
            assert_eq!(LineId::new(good).unwrap().as_str(), good);
        }
    }
}
