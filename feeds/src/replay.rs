//! Replay: fills from a file or from standard input, as CSV or as NDJSON.
//!
//! A fill's sequence number is its position in the file, and bad lines count. If a bad line is
//! corrected and the file replayed under the same source name, one fill is new and all others are
//! repeats. A `seq` in an NDJSON line is kept. A replay that starts at a later sequence number
//! leaves out the fills of a file before it; those of a stream are gone already, so the first line
//! of a stream has that number.
//!
//! If bad lines stop the feed, a regular file is checked as a whole before anything of it is sent.
//! Standard input is sent as it arrives, up to the first bad line.

mod line_error;
mod lines;
mod csv;
mod ndjson;

use std::fmt;
use std::str::FromStr;

use allot_domain::{Price, Quantity, Reject, Seq, Side, Ticker};
use allot_runtime::PollSet;

use self::csv::Csv;
pub use self::line_error::LineError;
use self::lines::{Lines, Next};
use self::ndjson::Ndjson;
use crate::intake::Intake;
use crate::limits::REASONS_MAX;
use crate::{BadLine, FeedError, Pull, Source, UnnamedFill};

/// How a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplayConfig {
    /// The format of its lines.
    pub format: Format,
    /// What a bad line does.
    pub on_bad_line: OnBadLine,
    /// Whether each fill needs its time, for [`Pace::Recorded`](crate::Pace::Recorded).
    pub needs_time: bool,
    /// The sequence number of the first fill, from 1.
    pub first_seq: u64,
}

impl Default for ReplayConfig {
    /// All of a file in either format, unless a line is bad.
    fn default() -> Self {
        Self {
            format: Format::default(),
            on_bad_line: OnBadLine::default(),
            needs_time: false,
            first_seq: 1,
        }
    }
}

/// The format of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// NDJSON if the first line begins with `{`, else CSV.
    #[default]
    Auto,
    /// A header and fields between commas.
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

/// What a bad line does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnBadLine {
    /// It stops the feed: a file before anything of it is sent, a stream at that line.
    #[default]
    Stop,
    /// It is counted, reported and skipped.
    Skip,
}

/// The fields of one line.
struct Fields {
    seq: Option<Seq>,
    ticker: Ticker,
    side: Side,
    price: Price,
    quantity: Quantity,
    time_ns: Option<u64>,
}

enum Reader {
    /// Nothing has been read yet.
    Unknown,
    Csv(Box<Csv>),
    Ndjson(Ndjson),
}

/// The fills of a file.
pub struct Replay {
    lines: Lines,
    reader: Reader,
    config: ReplayConfig,
    /// The sequence number of the last line, good or bad; 0 before the first.
    last_seq: Seq,
    /// How many fills there are, if the file was checked.
    expected: Option<u64>,
    has_ended: bool,
}

impl Replay {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// [`FeedError::Unreadable`]; and [`FeedError::BadLines`] if such lines stop the feed and the
    /// file can be checked beforehand.
    pub fn open(path: &str, config: ReplayConfig) -> Result<Self, FeedError> {
        let intake = Intake::open(path)?;
        if !intake.can_be_read_again() || config.on_bad_line == OnBadLine::Skip {
            return Ok(Self::of(intake, config));
        }
        let skipping = ReplayConfig { on_bad_line: OnBadLine::Skip, ..config };
        let expected = Self::of(intake, skipping).count_fills()?;
        let mut replay = Self::of(Intake::open(path)?, config);
        replay.expected = Some(expected);
        Ok(replay)
    }

    fn of(intake: Intake, config: ReplayConfig) -> Self {
        let is_stream = !intake.can_be_read_again();
        Self {
            lines: Lines::new(intake),
            reader: Reader::Unknown,
            config,
            last_seq: Seq::new(if is_stream { config.first_seq.saturating_sub(1) } else { 0 }),
            expected: None,
            has_ended: false,
        }
    }

    /// Reads to the end; returns how many fills there are, if all lines are good.
    fn count_fills(mut self) -> Result<u64, FeedError> {
        let mut fill_count = 0;
        let mut bad_count = 0;
        let mut first = Vec::new();
        loop {
            match self.next() {
                Pull::Fill(_) => fill_count += 1,
                Pull::Bad(line) | Pull::Broken(line) => {
                    bad_count += 1;
                    if first.len() < REASONS_MAX {
                        first.push(line);
                    }
                }
                Pull::Done | Pull::Waiting if bad_count == 0 => return Ok(fill_count),
                Pull::Done | Pull::Waiting => {
                    let file = self.lines.name().to_owned();
                    return Err(FeedError::BadLines { file, count: bad_count, first });
                }
            }
        }
    }

    /// What the line yields; nothing for a blank line, for the header, and for a fill before the
    /// first that is wanted.
    fn take_line(&mut self) -> Option<Pull> {
        if self.lines.text().trim().is_empty() {
            return None;
        }
        let fields = match &mut self.reader {
            Reader::Unknown => return self.take_first(),
            Reader::Csv(csv) => csv.read(self.lines.text()),
            Reader::Ndjson(ndjson) => ndjson.read(self.lines.text()),
        };
        let first_seq = Seq::new(self.config.first_seq);
        match fields.map(|fields| self.assign_seq(fields)) {
            Ok(Ok(fill)) if fill.seq < first_seq => None,
            Ok(Ok(fill)) => Some(Pull::Fill(fill)),
            Ok(Err(cause)) => Some(self.bad(cause)),
            Err(cause) => Some(self.bad_record(cause)),
        }
    }

    /// Reads the first line, which shows the format of the others. In NDJSON it is a fill already.
    fn take_first(&mut self) -> Option<Pull> {
        if let Err(cause) = self.choose_reader() {
            return Some(self.broken(cause));
        }
        if matches!(self.reader, Reader::Ndjson(_)) { self.take_line() } else { None }
    }

    fn choose_reader(&mut self) -> Result<(), LineError> {
        let text = self.lines.text();
        let needs_time = self.config.needs_time;
        let is_json = match self.config.format {
            Format::Auto => text.trim_start().starts_with('{'),
            Format::Csv => false,
            Format::Ndjson => true,
        };
        self.reader = if is_json {
            Reader::Ndjson(Ndjson::new(needs_time))
        } else {
            Reader::Csv(Box::new(Csv::new(text, needs_time)?))
        };
        Ok(())
    }

    fn assign_seq(&mut self, fields: Fields) -> Result<UnnamedFill, LineError> {
        let Fields { seq, ticker, side, price, quantity, time_ns } = fields;
        let (first_seq, last_seq) = (Seq::new(self.config.first_seq), self.last_seq);
        let seq = seq.unwrap_or(after(last_seq));
        // A stream that is sent again from its start may number fills before the first.
        if seq <= last_seq && first_seq <= seq {
            return Err(LineError::OutOfOrder { seq, last_seq });
        }
        self.last_seq = last_seq.max(seq);
        Ok(UnnamedFill { seq, ticker, side, price, quantity, time_ns })
    }

    /// A bad record uses up a sequence number, as if it were good: see the module.
    fn bad_record(&mut self, cause: LineError) -> Pull {
        self.last_seq = after(self.last_seq);
        self.bad(cause)
    }

    fn bad(&mut self, cause: LineError) -> Pull {
        match self.config.on_bad_line {
            OnBadLine::Stop => self.broken(cause),
            OnBadLine::Skip => Pull::Bad(BadLine { number: self.lines.number(), cause }),
        }
    }

    fn broken(&mut self, cause: LineError) -> Pull {
        self.has_ended = true;
        Pull::Broken(BadLine { number: self.lines.number(), cause })
    }
}

impl Source for Replay {
    fn next(&mut self) -> Pull {
        while !self.has_ended {
            match self.lines.advance() {
                Next::Line => {
                    if let Some(pull) = self.take_line() {
                        return pull;
                    }
                }
                Next::Bad(cause) if matches!(self.reader, Reader::Unknown) => {
                    return self.broken(cause);
                }
                Next::Bad(cause) => return self.bad_record(cause),
                Next::Broken(cause) => return self.broken(cause),
                Next::Waiting => return Pull::Waiting,
                Next::End => self.has_ended = true,
            }
        }
        Pull::Done
    }

    fn expected(&self) -> Option<u64> {
        self.expected
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.lines.wait_on(poll_set);
    }
}

/// The number after this one; a file may hold the last there is, and then nothing follows it.
const fn after(seq: Seq) -> Seq {
    Seq::new(seq.get().saturating_add(1))
}

/// A time in whole nanoseconds.
fn time_ns(text: &str) -> Result<u64, Reject> {
    text.parse().map_err(|_| {
        let quoted = Reject::quote(text);
        Reject::MalformedField(format!(
            "\"time_ns\" is a whole number of nanoseconds; it was {quoted}"
        ))
    })
}

impl FromStr for Format {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        match text {
            "auto" => Ok(Self::Auto),
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            _ => Err(FeedError::setting("file format", text, "expected auto, csv or ndjson")),
        }
    }
}

impl FromStr for OnBadLine {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        match text {
            "stop" => Ok(Self::Stop),
            "skip" => Ok(Self::Skip),
            _ => Err(FeedError::setting("treatment of bad lines", text, "expected stop or skip")),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        })
    }
}

impl fmt::Display for OnBadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stop => "stop",
            Self::Skip => "skip",
        })
    }
}
