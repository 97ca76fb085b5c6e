//! Source: where the signals of a generator come from.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use allot_runtime::{Nanos, PollSet};
use allot_signals_rules::{ComponentName, Period, Unix, Value};
use allot_wire::json::Object;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::limits::LINE_BYTES_MAX;
use crate::program::Program;

/// Where signals come from.
pub struct Source(Kind);

enum Kind {
    /// Uniform from zero to one, the same for a seed and a period whenever it is asked.
    Random(u64),
    File(SignalFile),
    Program(Program),
}

/// A file with one value a line.
struct SignalFile {
    path: PathBuf,
    reader: Option<BufReader<File>>,
    line: u64,
    repeats: bool,
}

impl Source {
    /// Uniform random numbers from zero to one.
    #[must_use]
    pub const fn random(seed: u64) -> Self {
        Self(Kind::Random(seed))
    }

    /// The lines of a file, one a period; from the first again at its end, if it repeats.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn file(path: PathBuf, repeats: bool) -> Result<Self, String> {
        let mut file = SignalFile { path, reader: None, line: 0, repeats };
        file.open()?;
        Ok(Self(Kind::File(file)))
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
            Kind::Random(seed) => {
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
    fn open(&mut self) -> Result<(), String> {
        let shown = self.path.display();
        let about = |error: std::io::Error| format!("{shown}: {error}");
        // A pipe would make the agent wait for whoever writes to it.
        if !std::fs::metadata(&self.path).map_err(about)?.is_file() {
            return Err(format!("{shown} is no regular file; use exec:COMMAND to read from it"));
        }
        let file = File::open(&self.path).map_err(about)?;
        (self.reader, self.line) = (Some(BufReader::new(file)), 0);
        Ok(())
    }

    fn next(&mut self) -> Result<Value, String> {
        match self.next_line()? {
            Some(line) => self.read(&line),
            None if self.repeats && 0 < self.line => {
                self.open()?;
                let line = self.next_line()?.ok_or_else(|| self.ended())?;
                self.read(&line)
            }
            None => Err(self.ended()),
        }
    }

    fn ended(&self) -> String {
        let (shown, lines) = (self.path.display(), self.line);
        format!("the file has ended: {shown} has {lines} lines")
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, String> {
        let shown = self.path.display().to_string();
        let reader = self.reader.as_mut().expect("it is opened when it is made");
        let mut line = Vec::new();
        let most = u64::try_from(LINE_BYTES_MAX).expect("a usize fits");
        let failed = |error| format!("{shown}: {error}");
        if reader.take(most).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if line.len() == LINE_BYTES_MAX && !line.ends_with(b"\n") {
            // Its end must not be taken for a line of its own.
            reader.skip_until(b'\n').map_err(failed)?;
            return Err(format!(
                "{shown}, line {}: it has more than {LINE_BYTES_MAX} bytes",
                self.line
            ));
        }
        Ok(Some(line))
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
    use std::io::Write;

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
        let (path, mut source) = file("0.5\r\n\none\n-2", false);
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
    fn a_line_that_is_too_long_is_passed_over_as_a_whole() {
        let long = format!("0.{}\n2\n", "1".repeat(LINE_BYTES_MAX));
        let (path, mut source) = file(&long, false);
        let shown = path.path().display();
        let too_long = format!("{shown}, line 1: it has more than 4096 bytes");
        assert_eq!(make(&mut source, 1), Err(too_long));
        assert_eq!(make(&mut source, 2), Ok(2.0));
    }
}
