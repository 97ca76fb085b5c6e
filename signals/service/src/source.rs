//! Source: where the signals of a generator come from.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use allot_runtime::{Nanos, PollSet};
use allot_signals_rules::{ComponentName, Period, Unix, Value};
use allot_wire::json::Object;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::limits::{BLOCKS_PASSED_MAX, LINE_BYTES_MAX};
use crate::program::Program;

/// Where signals come from.
pub struct Source(Kind);

enum Kind {
    /// Uniform from zero to one, the same for a seed and a period whenever it is asked.
    Random {
        seed: u64,
        is_given: bool,
    },
    File(SignalFile),
    Program(Program),
}

/// A file with one value a line.
struct SignalFile {
    path: PathBuf,
    file: File,
    /// Where the next line begins.
    at: u64,
    /// The line that was read last, which ends there. Without a newline it is the last of a file
    /// that repeats.
    last: Vec<u8>,
    line: u64,
    /// What begins there is the rest of a line that is too long.
    is_in_long_line: bool,
    repeats: bool,
}

impl Source {
    /// Uniform random numbers from zero to one.
    #[must_use]
    pub const fn random(seed: u64) -> Self {
        Self(Kind::Random { seed, is_given: true })
    }

    /// The same with a seed that is of this run alone.
    #[must_use]
    pub const fn random_of_this_run(seed: u64) -> Self {
        Self(Kind::Random { seed, is_given: false })
    }

    /// Whether it gives a period one signal whenever it is asked, after a restart too.
    #[must_use]
    pub const fn is_repeatable(&self) -> bool {
        matches!(self.0, Kind::Random { is_given: true, .. })
    }

    /// The lines of a file, one a period; from the first again at its end, if it repeats.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn file(path: PathBuf, repeats: bool) -> Result<Self, String> {
        Ok(Self(Kind::File(SignalFile::open(path, repeats)?)))
    }

    /// A command, run once a period.
    #[must_use]
    pub const fn program(command: String) -> Self {
        Self(Kind::Program(Program::new(command)))
    }

    /// Makes the signal of a period: at once, or later, when [`Source::poll`] returns it.
    pub(crate) fn make(
        &mut self,
        now: Nanos,
        name: &ComponentName,
        period: Period,
        start: Unix,
        kill_at: Nanos,
    ) -> Option<Result<Value, String>> {
        match &mut self.0 {
            Kind::Random { seed, .. } => {
                let mut random = StdRng::seed_from_u64(*seed ^ period.get().rotate_left(32));
                let value = Value::new(random.random::<f64>());
                Some(value.ok_or_else(|| "not finite".to_owned()))
            }
            Kind::File(file) => Some(file.next()),
            Kind::Program(program) => {
                let input = program_input(name, period, start);
                program.start(now, period, input, kill_at).err().map(Err)
            }
        }
    }

    /// What was made later.
    pub(crate) fn poll(&mut self, now: Nanos) -> Option<(Period, Result<Value, String>)> {
        match &mut self.0 {
            Kind::Program(program) => program.poll(now),
            _ => None,
        }
    }

    pub(crate) fn wake_at(&self) -> Nanos {
        match &self.0 {
            Kind::Program(program) => program.wake_at(),
            _ => Nanos::MAX,
        }
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        if let Kind::Program(program) = &self.0 {
            program.wait_on(poll_set);
        }
    }
}

/// What a program is told of a period.
fn program_input(name: &ComponentName, period: Period, start: Unix) -> String {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    object.number("period", period.get());
    object.time("start", start.get());
    object.plain("name", name.as_str());
    object.end();
    String::from_utf8(out).expect("JSON is UTF-8")
}

impl SignalFile {
    fn open(path: PathBuf, repeats: bool) -> Result<Self, String> {
        let shown = path.display();
        let about = |error: io::Error| format!("{shown}: {error}");
        // A pipe would make the agent wait for whoever writes to it.
        if !fs::metadata(&path).map_err(about)?.is_file() {
            return Err(format!("{shown} is no regular file; use exec:COMMAND to read from it"));
        }
        let file = File::open(&path).map_err(about)?;
        let (last, is_in_long_line) = (Vec::new(), false);
        Ok(Self { path, file, at: 0, last, line: 0, is_in_long_line, repeats })
    }

    fn begin_again(&mut self) -> Result<(), String> {
        *self = Self::open(self.path.clone(), self.repeats)?;
        Ok(())
    }

    fn next(&mut self) -> Result<Value, String> {
        let is_at_end = self.last.last().is_some_and(|byte| *byte != b'\n');
        if is_at_end || self.is_another().map_err(|error| self.about(&error))? {
            self.begin_again()?;
        }
        match self.next_line()? {
            Some(line) => self.read(&line),
            None if self.repeats && 0 < self.line => {
                self.begin_again()?;
                let line = self.next_line()?.ok_or_else(|| self.ended())?;
                self.read(&line)
            }
            None => Err(self.ended()),
        }
    }

    fn about(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.path.display())
    }

    fn ended(&self) -> String {
        let (shown, lines) = (self.path.display(), self.line);
        format!("the file has ended: {shown} has {lines} lines")
    }

    /// Whether it is not the file any more of which the last line was read: another one has its
    /// name, or it was written anew in its place.
    fn is_another(&self) -> io::Result<bool> {
        let (named, open) = (fs::metadata(&self.path)?, self.file.metadata()?);
        if (named.dev(), named.ino()) != (open.dev(), open.ino()) || open.len() < self.at {
            return Ok(true);
        }
        let mut last = vec![0; self.last.len()];
        let begin = self.at - u64::try_from(last.len()).expect("a usize fits");
        let read = self.file.read_exact_at(&mut last, begin);
        Ok(read.is_err() || last != self.last)
    }

    /// The next whole line. What has no end yet may be half written, and is no line, but in a file
    /// that repeats, which is as long as it will be.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, String> {
        if self.is_in_long_line {
            self.pass_over()?;
        }
        let block = self.block()?;
        let Some(end) = block.iter().position(|byte| *byte == b'\n') else {
            let (shown, number) = (self.path.display(), self.line + 1);
            return match block.len() {
                0 => Ok(None),
                LINE_BYTES_MAX => {
                    self.line += 1;
                    self.pass_over()?;
                    Err(self.too_long())
                }
                _ if self.repeats => Ok(Some(self.take(block))),
                _ => Err(format!(
                    "{shown}, line {number}: it has no newline at its end yet, so that it may be \
                     half written, and does not count"
                )),
            };
        };
        Ok(Some(self.take(block[..=end].to_vec())))
    }

    fn take(&mut self, line: Vec<u8>) -> Vec<u8> {
        self.line += 1;
        self.at += u64::try_from(line.len()).expect("a usize fits");
        self.last.clone_from(&line);
        line
    }

    /// Passes over the rest of a line that is too long, in pieces of bounded size: the agent has
    /// others to serve.
    fn pass_over(&mut self) -> Result<(), String> {
        self.is_in_long_line = true;
        self.last.clear();
        for _ in 0..BLOCKS_PASSED_MAX {
            let block = self.block()?;
            let end = block.iter().position(|byte| *byte == b'\n');
            let passed = end.map_or(block.len(), |end| end + 1);
            self.at += u64::try_from(passed).expect("a usize fits");
            if end.is_some() {
                self.is_in_long_line = false;
                return Ok(());
            }
            if block.is_empty() {
                // At the end of a file that repeats nothing follows: the next is its first line.
                self.is_in_long_line = !self.repeats;
                break;
            }
        }
        Err(self.too_long())
    }

    fn too_long(&self) -> String {
        let (shown, number) = (self.path.display(), self.line);
        format!("{shown}, line {number}: it has more than {LINE_BYTES_MAX} bytes")
    }

    /// What is in the file from the next line on, as much as a line may have.
    fn block(&self) -> Result<Vec<u8>, String> {
        let mut block = Vec::with_capacity(LINE_BYTES_MAX);
        let mut bytes = [0; LINE_BYTES_MAX];
        while block.len() < LINE_BYTES_MAX {
            let at = self.at + u64::try_from(block.len()).expect("a usize fits");
            match self.file.read_at(&mut bytes[block.len()..], at) {
                Ok(0) => break,
                Ok(count) => {
                    let begin = block.len();
                    block.extend_from_slice(&bytes[begin..begin + count]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.about(&error)),
            }
        }
        Ok(block)
    }

    fn read(&self, line: &[u8]) -> Result<Value, String> {
        // Some editors begin a file with a mark of its encoding.
        let mark: &[u8] = if self.line == 1 { &[0xef, 0xbb, 0xbf] } else { &[] };
        let text = String::from_utf8_lossy(line.strip_prefix(mark).unwrap_or(line));
        let text = text.trim();
        Value::parse(text).map_err(|bad| {
            let (shown, number) = (self.path.display(), self.line);
            let text = allot_domain::Reject::quote(text);
            format!("{shown}, line {number}: {bad}; it was {text}")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn make(source: &mut Source, period: u64) -> Result<f64, String> {
        let name = ComponentName::new(b"g").unwrap();
        let made = source.make(Nanos::ZERO, &name, Period::new(period), Unix::new(0), Nanos::MAX);
        made.unwrap().map(Value::get)
    }

    #[test]
    fn a_seed_and_a_period_make_one_number() {
        let (mut one, mut other) = (Source::random(7), Source::random(7));
        let first = make(&mut one, 1).unwrap();
        assert!((0.0..1.0).contains(&first));
        assert_ne!(make(&mut one, 2), Ok(first));
        assert_eq!(make(&mut other, 1), Ok(first));
        assert_ne!(make(&mut Source::random(8), 1), Ok(first));
    }

    fn file(text: &str, repeats: bool) -> (tempfile::NamedTempFile, Source) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let source = Source::file(file.path().to_owned(), repeats).unwrap();
        (file, source)
    }

    #[test]
    fn a_file_has_a_value_a_line_and_ends() {
        let (path, mut source) = file("0.5\r\n\none\n-2\n", false);
        let shown = path.path().display().to_string();
        assert_eq!(make(&mut source, 1), Ok(0.5));
        let bad = |line, text| {
            Err(format!(
                "{shown}, line {line}: a value must be a decimal number; it was \"{text}\""
            ))
        };
        assert_eq!(make(&mut source, 2), bad(2, ""));
        assert_eq!(make(&mut source, 3), bad(3, "one"));
        assert_eq!(make(&mut source, 4), Ok(-2.0));
        for period in 5..7 {
            let ended = format!("the file has ended: {shown} has 4 lines");
            assert_eq!(make(&mut source, period), Err(ended));
        }
    }

    #[test]
    fn a_file_may_begin_with_a_mark_of_its_encoding() {
        let (_path, mut source) = file("\u{feff}0.5\n1\n", true);
        let made: Vec<_> = (0..3).map(|period| make(&mut source, period).unwrap()).collect();
        assert_eq!(made, [0.5, 1.0, 0.5]);
    }

    #[test]
    fn a_file_may_repeat() {
        let (_path, mut source) = file("1\n2\n", true);
        let made: Vec<_> = (0..5).map(|period| make(&mut source, period).unwrap()).collect();
        assert_eq!(made, [1.0, 2.0, 1.0, 2.0, 1.0]);
        let (_path, mut source) = file("", true);
        assert!(make(&mut source, 0).unwrap_err().starts_with("the file has ended: "));
        assert!(Source::file(PathBuf::from("/nowhere/at/all"), false).is_err());
        let folder = Source::file(PathBuf::from("/"), false).err().unwrap();
        assert!(folder.contains("is no regular file"), "{folder}");
    }

    #[test]
    fn the_last_line_of_a_file_that_repeats_needs_no_newline() {
        let (mut file, mut source) = file("1\n2", true);
        let made: Vec<_> = (0..5).map(|period| make(&mut source, period).unwrap()).collect();
        assert_eq!(made, [1.0, 2.0, 1.0, 2.0, 1.0]);
        assert_eq!(make(&mut source, 5), number("2"));
        file.write_all(b"5\n3\n").unwrap();
        let made: Vec<_> = (6..9).map(|period| make(&mut source, period).unwrap()).collect();
        assert_eq!(made, [1.0, 25.0, 3.0], "it has grown, and is no other line");
        let (_path, mut source) = self::file(&format!("1\n{}", "2".repeat(5_000)), true);
        let made: Vec<_> = (0..4).map(|period| make(&mut source, period).is_ok()).collect();
        assert_eq!(made, [true, false, true, false]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_as_a_whole() {
        let long = format!("0.{}\n2\n", "1".repeat(LINE_BYTES_MAX));
        let (path, mut source) = file(&long, false);
        let shown = path.path().display();
        let too_long = format!("{shown}, line 1: it has more than 4096 bytes");
        assert_eq!(make(&mut source, 1), Err(too_long));
        assert_eq!(make(&mut source, 2), Ok(2.0));
    }

    fn number(text: &str) -> Result<f64, String> {
        Ok(text.parse().unwrap())
    }

    #[test]
    fn a_line_that_is_half_written_does_not_count() {
        let (mut file, mut source) = file("7\n0.12", false);
        let shown = file.path().display().to_string();
        assert_eq!(make(&mut source, 1), number("7"));
        let unfinished = format!(
            "{shown}, line 2: it has no newline at its end yet, so that it may be half written, \
             and does not count"
        );
        assert_eq!(make(&mut source, 2), Err(unfinished.clone()));
        assert_eq!(make(&mut source, 3), Err(unfinished), "as long as it is so");
        file.write_all(b"34\n5\n").unwrap();
        assert_eq!(make(&mut source, 4), number("0.1234"));
        assert_eq!(make(&mut source, 5), number("5"));
    }

    #[test]
    fn a_file_that_is_written_anew_begins_at_its_first_line() {
        let (file, mut source) = file("11111111\n2\n", false);
        assert_eq!(make(&mut source, 1), number("11111111"));
        fs::write(file.path(), "87654321\n3\n").unwrap();
        assert_eq!(make(&mut source, 2), number("87654321"), "as long as before");
        assert_eq!(make(&mut source, 3), number("3"));
        fs::write(file.path(), "4\n").unwrap();
        assert_eq!(make(&mut source, 4), number("4"), "shorter");
        let other = format!("{}.other", file.path().display());
        fs::write(&other, "4\n5\n").unwrap();
        fs::rename(&other, file.path()).unwrap();
        assert_eq!(make(&mut source, 5), number("4"), "another file of its name");
        assert_eq!(make(&mut source, 6), number("5"));
        fs::remove_file(file.path()).unwrap();
        assert!(make(&mut source, 7).unwrap_err().contains("No such file"));
        fs::write(file.path(), "6\n").unwrap();
        assert_eq!(make(&mut source, 8), number("6"));
    }

    #[test]
    fn a_huge_line_is_passed_over_in_pieces() {
        let (mut file, mut source) = file("", false);
        let piece = u64::try_from(BLOCKS_PASSED_MAX * LINE_BYTES_MAX).unwrap();
        // It has holes, and is not as large as it seems.
        file.as_file().set_len(3 * piece).unwrap();
        file.seek(io::SeekFrom::End(0)).unwrap();
        file.write_all(b"\n8\n").unwrap();
        let too_long = format!("{}, line 1: it has more than 4096 bytes", file.path().display());
        for period in 1..4 {
            assert_eq!(make(&mut source, period), Err(too_long.clone()), "{period}");
        }
        assert_eq!(make(&mut source, 4), number("8"));
    }
}
