//! A text encoding: how the characters of a file stand in its bytes.

use std::fmt;
use std::str::FromStr;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::Deserialize;

use crate::FeedError;

/// The encoding of a file. A byte order mark at its start overrides what is stated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum TextEncoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, the low byte first, as Windows writes it.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, the high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// ISO 8859-1, read as Windows-1252, which has the euro sign too.
    #[serde(rename = "latin-1", alias = "windows-1252")]
    Latin1,
}

/// A byte that no UTF-8 has: it marks what could not be decoded.
const UNDECODABLE: u8 = 0xff;

impl TextEncoding {
    fn of_bytes(self) -> &'static Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
            Self::Latin1 => WINDOWS_1252,
        }
    }
}

/// Decodes the bytes of a file as they arrive.
pub(super) struct Transcoder(Decoder);

impl Transcoder {
    pub(super) fn new(encoding: TextEncoding) -> Self {
        Self(encoding.of_bytes().new_decoder())
    }

    /// Appends the UTF-8 of `bytes` to `text`, with a byte that is no UTF-8 where they are not in
    /// the encoding. After the last bytes nothing may follow.
    pub(super) fn append(&mut self, mut bytes: &[u8], is_last: bool, text: &mut Vec<u8>) {
        loop {
            let len = text.len();
            let room = self.0.max_utf8_buffer_length_without_replacement(bytes.len());
            text.resize(len + room.expect("a chunk is small"), 0);
            let (result, read, written) =
                self.0.decode_to_utf8_without_replacement(bytes, &mut text[len..], is_last);
            text.truncate(len + written);
            bytes = &bytes[read..];
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => text.push(UNDECODABLE),
            }
        }
    }
}

impl FromStr for TextEncoding {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        match text {
            "utf-8" => Ok(Self::Utf8),
            "utf-16le" => Ok(Self::Utf16Le),
            "utf-16be" => Ok(Self::Utf16Be),
            "latin-1" | "windows-1252" => Ok(Self::Latin1),
            _ => {
                let expected = "expected utf-8, utf-16le, utf-16be or latin-1";
                Err(FeedError::setting("file encoding", text, expected))
            }
        }
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Latin1 => "Latin-1",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: TextEncoding, bytes: &[u8]) -> String {
        let mut transcoder = Transcoder::new(encoding);
        let mut text = Vec::new();
        // A byte at a time, as a slow pipe gives them.
        bytes.iter().for_each(|byte| transcoder.append(&[*byte], false, &mut text));
        transcoder.append(&[], true, &mut text);
        String::from_utf8(text).unwrap_or_else(|_| "undecodable".to_owned())
    }

    #[test]
    fn a_text_is_the_same_in_every_encoding() {
        let text = "Größe;5 €";
        let utf_16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(bytes).collect()
        };
        let latin_1 = b"Gr\xf6\xdfe;5 \x80";
        assert_eq!(decoded(TextEncoding::Utf8, text.as_bytes()), text);
        assert_eq!(decoded(TextEncoding::Utf16Le, &utf_16(u16::to_le_bytes)), text);
        assert_eq!(decoded(TextEncoding::Utf16Be, &utf_16(u16::to_be_bytes)), text);
        assert_eq!(decoded(TextEncoding::Latin1, latin_1), text);
        let marked = [&b"\xff\xfe"[..], &utf_16(u16::to_le_bytes)].concat();
        assert_eq!(decoded(TextEncoding::Utf8, &marked), text, "the mark says so");
        let marked = [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat();
        assert_eq!(decoded(TextEncoding::Latin1, &marked), text);
        for cut in [&b"a\xc3"[..], b"\xff", b"\xff\xfea"] {
            assert_eq!(decoded(TextEncoding::Utf8, cut), "undecodable", "{cut:?}");
        }
    }
}
