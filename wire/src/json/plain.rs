//! Plain objects: what nearly every JSON message is, read in one pass and without a copy.
//!
//! An object is plain if each of its values is a number without an exponent that is not negative,
//! or a text of printable ASCII without escapes, and so is each name. Of any other text this reader
//! says nothing: whoever reads with [`read_request`](super::read_request) is told what is wrong, or
//! that it is good JSON all the same.

/// A value of a plain object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plain<'a> {
    /// What stands between the quotes; it may be empty.
    Text(&'a str),
    /// A number as it is written.
    Number(&'a str),
}

impl<'a> Plain<'a> {
    /// A text, or a number as it is written.
    #[inline]
    #[must_use]
    pub const fn scalar(self) -> &'a str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
        }
    }

    /// The text, if it is one.
    #[inline]
    #[must_use]
    pub const fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) => None,
        }
    }
}

/// Hands over each name of a plain object with its value, in the order in which they stand there,
/// until `take` gives up. None if it does, or where the line is no plain object; names and values
/// may have been handed over before.
#[inline]
pub fn each_plain<'a>(
    line: &'a [u8],
    mut take: impl FnMut(&'a str, Plain<'a>) -> Option<()>,
) -> Option<()> {
    // Once for all: a part of it between two bytes of ASCII is a text too.
    let mut reader = Reader { line: str::from_utf8(line).ok()?, at: 0 };
    reader.expect(b'{')?;
    if reader.after_space()? == b'}' {
        reader.at += 1;
        return reader.end();
    }
    loop {
        reader.expect(b'"')?;
        let name = reader.text()?;
        reader.expect(b':')?;
        let value = match reader.after_space()? {
            b'"' => {
                reader.at += 1;
                Plain::Text(reader.text()?)
            }
            _ => Plain::Number(reader.number()?),
        };
        take(name, value)?;
        match reader.after_space()? {
            b',' => reader.at += 1,
            b'}' => {
                reader.at += 1;
                return reader.end();
            }
            _ => return None,
        }
    }
}

/// Where in the line the reader is.
struct Reader<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    fn byte(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no space, which is not taken.
    #[inline]
    fn after_space(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes this byte, and the spaces before it.
    #[inline]
    fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.after_space()?;
        self.at += 1;
        (found == byte).then_some(())
    }

    /// Nothing but spaces is left.
    #[inline]
    fn end(&mut self) -> Option<()> {
        self.after_space().is_none().then_some(())
    }

    /// A text up to its closing quote, which is taken; its opening one was.
    #[inline]
    fn text(&mut self) -> Option<&'a str> {
        let begin = self.at;
        while let Some(word) = self.line.as_bytes()[self.at..].first_chunk() {
            let ends = ends(u64::from_le_bytes(*word));
            if ends != 0 {
                self.at += usize::try_from(ends.trailing_zeros() / 8).ok()?;
                break;
            }
            self.at += size_of::<u64>();
        }
        // The last bytes of a line are looked at one by one.
        while matches!(self.byte()?, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~') {
            self.at += 1;
        }
        let text = self.line.get(begin..self.at)?;
        (self.byte()? == b'"').then(|| {
            self.at += 1;
            text
        })
    }

    /// A number: digits, and perhaps a point and digits.
    #[inline]
    fn number(&mut self) -> Option<&'a str> {
        let begin = self.at;
        let is_zero = self.byte()? == b'0';
        let whole = self.digits();
        if whole == 0 || (1 < whole && is_zero) {
            return None;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return None;
            }
        }
        // What follows is a comma, a brace or a space, or the caller finds that it is none.
        self.line.get(begin..self.at)
    }

    /// Takes digits; returns how many.
    #[inline]
    fn digits(&mut self) -> usize {
        let begin = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - begin
    }
}

/// The highest bit of each byte that a plain text cannot have: quotes, backslashes, and what is no
/// printable ASCII. The lowest of these bits is right; a byte behind it may be marked too
/// (Mycroft 1987: a borrow goes only upwards from a byte that is one).
#[inline]
const fn ends(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    const fn less(word: u64, bound: u64) -> u64 {
        word.wrapping_sub(ONES * bound) & !word
    }
    let quotes = less(word ^ (ONES * 0x22), 1);
    let backslashes = less(word ^ (ONES * 0x5c), 1);
    let deletes = less(word ^ (ONES * 0x7f), 1);
    (quotes | backslashes | deletes | less(word, 0x20) | word) & HIGHS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::json::{Entries, read_request, scalar, string};

    /// What this reader hands over, where it reads to the end.
    fn plain(line: &[u8]) -> Option<Vec<(String, String, bool)>> {
        let mut found = Vec::new();
        each_plain(line, |name, value| {
            found.push((name.to_owned(), value.scalar().to_owned(), value.text().is_some()));
            Some(())
        })?;
        Some(found)
    }

    /// The same as the reader of any JSON has it.
    fn of_any(line: &[u8]) -> Option<Vec<(String, String, bool)>> {
        let Entries::<'_, &RawValue>(entries) = read_request(line).ok()?;
        let of = |(name, value): (std::borrow::Cow<'_, str>, &RawValue)| {
            let text = scalar(value.get())?.into_owned();
            Some((name.into_owned(), text, string(value.get()).is_some()))
        };
        entries.into_iter().map(of).collect()
    }

    #[test]
    fn plain_objects_are_read() {
        for line in [
            "{}",
            " { } ",
            r#"{"a":"b"}"#,
            r#"{"a":1}"#,
            "{ \"a\" : 0.50 ,\t\"b\" : \"\" ,\r\n\"a\":10 } ",
            r#"{"":0,"a b":"~ ,}{:"}"#,
        ] {
            assert_eq!(plain(line.as_bytes()), of_any(line.as_bytes()), "{line}");
            assert!(plain(line.as_bytes()).is_some(), "{line}");
        }
    }

    #[test]
    fn of_anything_else_nothing_is_said() {
        for line in [
            "",
            "{",
            "}",
            "[]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":1}}"#,
            r#"{"a":1} x"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":.1}"#,
            r#"{"a":-1}"#,
            r#"{"a":1e5}"#,
            r#"{"a":1.5.5}"#,
            r#"{"a":1 2}"#,
            r#"{"a":null}"#,
            r#"{"a":true}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a":"\u0041"}"#,
            "{\"a\":\"\t\"}",
            "{\"a\":\"\u{7f}\"}",
            r#"{"a":"é"}"#,
            r#"{a:1}"#,
            "\u{feff}{}",
        ] {
            assert_eq!(plain(line.as_bytes()), None, "{line}");
        }
        assert_eq!(plain(b"{\"a\":\"\xff\"}"), None);
    }

    #[test]
    fn a_text_of_any_length_ends_where_it_ends() {
        for len in 0..40 {
            for end in (0..=u8::MAX).filter(u8::is_ascii) {
                for rest in ["", "}", "}                "] {
                    let (text, end) = ("~".repeat(len), char::from(end));
                    let line = format!("{{\"{text}\":\"{text}{end}\"{rest}");
                    let found = plain(line.as_bytes());
                    assert!(found.is_none() || found == of_any(line.as_bytes()), "{line}");
                    let is_plain = matches!(end, ' '..='~') && !matches!(end, '"' | '\\');
                    assert_eq!(found.is_some(), is_plain && !rest.is_empty(), "{line}");
                }
            }
        }
    }

    /// Texts that are nearly objects: pieces of JSON one behind the other.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            ",",
            ":",
            "\"",
            "\"a\"",
            "\"b\"",
            "\"a\":1",
            "\"b\":\"c\"",
            "0",
            "1",
            "01",
            "-",
            ".",
            "1.5",
            "e",
            "E5",
            " ",
            "\t",
            "\n",
            "\r",
            "\\",
            "\\\"",
            "\\u0041",
            "null",
            "true",
            "[",
            "]",
            "é",
            "\u{7f}",
            "\u{1}",
            "\u{feff}",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn what_it_reads_is_what_the_reader_of_any_json_reads(line in pieces()) {
            if let Some(found) = plain(&line) {
                prop_assert_eq!(Some(found), of_any(&line));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(line in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(found) = plain(&line) {
                prop_assert_eq!(Some(found), of_any(&line));
            }
        }
    }
}
