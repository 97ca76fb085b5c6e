//! Lines: the text of an intake, in whole lines.
//!
//! A line ends with LF, CR LF or CR: old spreadsheets write the last.

use allot_runtime::PollSet;

use super::line_error::LineError;
use super::text_encoding::{TextEncoding, Transcoder};
use crate::intake::{Chunk, Intake};
use crate::limits::{LINE_LEN_MAX, READ_LEN, SKIPPED_LEN_MAX};

/// The lines of an intake.
pub(super) struct Lines {
    intake: Intake,
    encoding: TextEncoding,
    transcoder: Transcoder,
    chunk: Vec<u8>,
    /// What was read, as UTF-8. The part from `from` on is not yet a line.
    bytes: Vec<u8>,
    from: usize,
    /// Up to here there is no line end.
    searched: usize,
    line: String,
    number: u64,
    /// Whether this is within a line that is too long, which is skipped up to its end.
    is_skipping: bool,
    /// How much of it was skipped.
    skipped_len: usize,
    /// Whether the last line ended with CR: a LF that follows belongs to it.
    is_after_return: bool,
    has_ended: bool,
}

/// What the next line is.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// A line; its text is [`Lines::text`].
    Line,
    /// A line that is not text.
    Bad(LineError),
    /// The intake failed.
    Broken(LineError),
    /// Not there yet.
    Waiting,
    /// There is no more.
    End,
}

impl Lines {
    pub(super) fn new(intake: Intake, encoding: TextEncoding) -> Self {
        Self {
            intake,
            encoding,
            transcoder: Transcoder::new(encoding),
            chunk: vec![0; READ_LEN],
            bytes: Vec::new(),
            from: 0,
            searched: 0,
            line: String::new(),
            number: 0,
            is_skipping: false,
            skipped_len: 0,
            is_after_return: false,
            has_ended: false,
        }
    }

    /// The text of the line, without its end.
    pub(super) fn text(&self) -> &str {
        &self.line
    }

    /// The number of the line, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The name of the intake.
    pub(super) fn name(&self) -> &str {
        self.intake.name()
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.intake.wait_on(poll_set);
    }

    /// Moves to the next line.
    pub(super) fn advance(&mut self) -> Next {
        loop {
            if let Some(end) = self.find_end() {
                if self.is_skipping {
                    self.is_skipping = false;
                    self.pass(end, end + 1);
                    continue;
                }
                return self.take(end, end + 1);
            }
            if self.is_skipping {
                self.skipped_len += self.bytes.len();
                self.drop_all();
                if SKIPPED_LEN_MAX < self.skipped_len {
                    return Next::Broken(LineError::Endless);
                }
            } else if LINE_LEN_MAX < self.bytes.len() - self.from {
                // At once: its end may be far away, or never come.
                (self.is_skipping, self.skipped_len) = (true, 0);
                self.number += 1;
                return Next::Bad(LineError::TooLong);
            }
            if self.has_ended {
                return self.take_last();
            }
            match self.read() {
                Ok(Chunk::Bytes(_)) => {}
                Ok(Chunk::End) => self.end(),
                Ok(Chunk::Waiting) => return Next::Waiting,
                Err(error) => {
                    self.number += 1;
                    return Next::Broken(LineError::Unreadable { cause: error.to_string() });
                }
            }
        }
    }

    fn find_end(&mut self) -> Option<usize> {
        if self.is_after_return && self.from < self.bytes.len() {
            self.is_after_return = false;
            self.from += usize::from(self.bytes[self.from] == b'\n');
            self.searched = self.from;
        }
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let found = self.bytes[self.searched..].iter().position(is_end);
        let end = found.map(|offset| self.searched + offset);
        self.searched = end.unwrap_or(self.bytes.len());
        end
    }

    /// Makes a line of the bytes up to `end`; the next begins at `next`.
    fn take(&mut self, end: usize, next: usize) -> Next {
        let line = &self.bytes[self.from..end];
        self.number += 1;
        let taken = match std::str::from_utf8(line) {
            _ if LINE_LEN_MAX < line.len() => Next::Bad(LineError::TooLong),
            Err(_) => Next::Bad(LineError::NotText { encoding: self.encoding }),
            Ok(text) if text.contains('\0') => Next::Bad(LineError::Nul),
            Ok(text) => {
                self.line.clear();
                self.line.push_str(text);
                Next::Line
            }
        };
        self.pass(end, next);
        taken
    }

    /// Goes on behind a line.
    fn pass(&mut self, end: usize, next: usize) {
        self.is_after_return = self.bytes.get(end) == Some(&b'\r');
        (self.from, self.searched) = (next, next);
    }

    /// What is left after the last line end is a line too, unless it is empty.
    fn take_last(&mut self) -> Next {
        let end = self.bytes.len();
        if self.from == end || self.is_skipping {
            return Next::End;
        }
        self.take(end, end)
    }

    fn drop_all(&mut self) {
        self.bytes.clear();
        (self.from, self.searched) = (0, 0);
    }

    /// Appends what the intake has, in the place of what was taken.
    fn read(&mut self) -> std::io::Result<Chunk> {
        self.bytes.drain(..self.from);
        self.searched -= self.from;
        self.from = 0;
        let chunk = self.intake.read(&mut self.chunk);
        if let Ok(Chunk::Bytes(count)) = chunk {
            self.transcoder.append(&self.chunk[..count], false, &mut self.bytes);
        }
        chunk
    }

    /// What is left of a character at the end is no text.
    fn end(&mut self) {
        self.has_ended = true;
        self.transcoder.append(&[], true, &mut self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{self, Write};
    use std::os::fd::OwnedFd;

    use super::*;

    fn piped() -> (Lines, io::PipeWriter) {
        let (reader, writer) = io::pipe().unwrap();
        let intake = Intake::of("pipe", File::from(OwnedFd::from(reader))).unwrap();
        (Lines::new(intake, TextEncoding::Utf8), writer)
    }

    fn all(lines: &mut Lines) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            seen.push(match lines.advance() {
                Next::Line => format!("{} {}", lines.number(), lines.text()),
                Next::Bad(error) => format!("{} ! {error}", lines.number()),
                Next::End => return seen,
                other => panic!("{other:?}"),
            });
        }
    }

    #[test]
    fn lines_end_as_unix_or_windows_ends_them_or_with_the_file() {
        for (text, expected) in [
            (&b""[..], &[][..]),
            (b"a", &["1 a"]),
            (b"a\n", &["1 a"]),
            (b"a\r\nb\r\n", &["1 a", "2 b"]),
            (b"a\n\nb", &["1 a", "2 ", "3 b"]),
            ("\u{feff}a\n\u{feff}b".as_bytes(), &["1 a", "2 \u{feff}b"]),
            (
                b"a\n\xff\nb\n",
                &[
                    "1 a",
                    "2 ! it is not UTF-8; state the encoding of the file with --file-encoding",
                    "3 b",
                ],
            ),
            (b"a\rb\r\rc", &["1 a", "2 b", "3 ", "4 c"]),
            (b"a\r", &["1 a"]),
        ] {
            let (mut lines, mut writer) = piped();
            writer.write_all(text).unwrap();
            drop(writer);
            assert_eq!(all(&mut lines), expected, "{text:?}");
            assert_eq!(lines.advance(), Next::End, "and stays ended");
        }
    }

    #[test]
    fn half_a_line_is_waited_for() {
        let (mut lines, mut writer) = piped();
        for part in ["AAPL,1", "87", ".23,1"] {
            writer.write_all(part.as_bytes()).unwrap();
            assert_eq!(lines.advance(), Next::Waiting);
        }
        writer.write_all(b"00\nM").unwrap();
        assert_eq!((lines.advance(), lines.text()), (Next::Line, "AAPL,187.23,100"));
        assert_eq!(lines.advance(), Next::Waiting);
    }

    #[test]
    fn a_line_without_an_end_is_reported_before_it_ends() {
        let (mut lines, mut writer) = piped();
        let part = "x".repeat(READ_LEN);
        let mut seen = Vec::new();
        for _ in 0..4 {
            writer.write_all(part.as_bytes()).unwrap();
            loop {
                match lines.advance() {
                    Next::Waiting => break,
                    Next::Bad(error) => seen.push((lines.number(), error)),
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(seen, [(1, LineError::TooLong)]);
        writer.write_all(b"x\r\nb\n").unwrap();
        assert_eq!((lines.advance(), lines.text(), lines.number()), (Next::Line, "b", 2));
        writer.write_all(part.as_bytes()).unwrap();
        drop(writer);
        assert!(all(&mut lines).len() < 2);
    }

    #[test]
    fn a_line_that_never_ends_ends_the_job() {
        let mut lines = Lines::new(Intake::open("/dev/zero").unwrap(), TextEncoding::Utf8);
        assert_eq!(lines.advance(), Next::Bad(LineError::TooLong));
        assert_eq!(lines.advance(), Next::Broken(LineError::Endless));
    }

    #[test]
    fn a_line_that_is_too_long_is_reported_and_skipped_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        for extra in [0, 1, READ_LEN, 3 * READ_LEN + 7] {
            let long = "x".repeat(LINE_LEN_MAX + extra);
            std::fs::write(&path, format!("a\n{long}\nb\n")).unwrap();
            let mut lines =
                Lines::new(Intake::open(path.to_str().unwrap()).unwrap(), TextEncoding::Utf8);
            let second = if extra == 0 {
                format!("2 {long}")
            } else {
                "2 ! it has more than 65536 bytes".into()
            };
            assert_eq!(all(&mut lines), ["1 a", &second, "3 b"], "{extra}");
        }
    }
}
