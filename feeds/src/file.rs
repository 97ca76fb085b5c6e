//! Files: fills from a file or from standard input, as CSV or as NDJSON, as brokers write them.
//!
//! ```text
//!   bytes ─► Lines ─► skip_before, skip_after ─► records ─► ColumnPlan ─► Fields ─► id, seq
//! ```
//!
//! A [`Format`] says what each column means. Nothing of a line is passed over: a column is used, or
//! ignored by name, or the file is refused.
//!
//! A fill of a file is named by its `id`: the one in its line, or one derived from what the line
//! says ([`LineId`]). Its sequence number is its position in the file, where bad lines count, or
//! the `seq` in its line. A file that starts at a later sequence number leaves out the fills before
//! it; those of a stream are gone already, so the first line of a stream has that number.
//!
//! If bad lines stop the feed, a regular file is checked as a whole before anything of it is sent.
//! Standard input is sent as it arrives, up to the first bad line.

mod text_encoding;
mod format;
mod line_id;
mod numbers;
mod line_error;
mod fields;
mod line_ids;
mod lines;
mod column_finder;
mod column_plan;
mod csv;
mod ndjson;
mod survey;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod shape_tests;

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use allot_domain::{Reject, Seq, SourceId};
use allot_runtime::PollSet;

use self::column_finder::Layout;
use self::column_plan::ColumnPlan;
use self::csv::Csv;
use self::fields::{Fields, Row};
pub use self::format::{Columns, Format, Sides, Word, Words};
pub use self::line_error::LineError;
pub use self::line_id::LineId;
use self::line_ids::LineIds;
use self::lines::{Lines, Next};
use self::ndjson::Ndjson;
pub use self::numbers::NumberError;
pub use self::survey::{SideTotal, Survey, TickerTotals};
pub use self::text_encoding::TextEncoding;
use crate::intake::Intake;
use crate::limits::{BAD_LINES_SHOWN_MAX, LINE_LEN_MAX, RECORD_LINES_MAX};
use crate::{BadLine, FeedError, Pull, Source, UnnamedFill};

/// How a file is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileConfig {
    /// What its columns mean.
    pub format: Format,
    /// How its lines are laid out.
    pub syntax: Syntax,
    /// What a bad line does.
    pub on_bad_line: OnBadLine,
    /// Whether each fill needs its time, for [`Pace::Recorded`](crate::Pace::Recorded).
    pub needs_time: bool,
    /// The sequence number of the first fill, from 1.
    pub first_seq: u64,
    /// The name that its fills are sent under; a line that has another is bad.
    pub source: Option<SourceId>,
}

impl Default for FileConfig {
    /// All of a file of Allot's own format in either syntax, unless a line is bad.
    fn default() -> Self {
        Self {
            format: Format::default(),
            syntax: Syntax::default(),
            on_bad_line: OnBadLine::default(),
            needs_time: false,
            first_seq: 1,
            source: None,
        }
    }
}

/// How the lines of a file are laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Syntax {
    /// NDJSON if the first line begins with `{`, else CSV.
    #[default]
    Auto,
    /// A header, and fields with delimiters between them.
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

enum Reader {
    /// Nothing has been read yet.
    Unknown,
    Csv(Box<Csv>),
    /// The plan is that of the line before, if there was one.
    Ndjson(Ndjson, Option<Box<ColumnPlan>>),
}

/// A line, or several lines that are one record.
struct Record {
    number: u64,
    /// Its text, unless it cannot be read.
    text: Result<String, LineError>,
    /// Whether lines that follow may belong to it. They may not once that was tried.
    may_go_on: bool,
}

/// What the next record is.
enum Taken {
    Record(Record),
    Broken(u64, LineError),
    Waiting,
    End,
}

/// The fills of a file.
pub struct FillFile {
    lines: Lines,
    reader: Reader,
    config: FileConfig,
    ids: LineIds,
    /// The values of the columns that are the same on all lines.
    same: Vec<(String, String)>,
    /// Lines that were read and not used yet: the last ones may have to be skipped.
    ahead: VecDeque<Record>,
    /// Whether `ahead` has no more than the lines at the end that are skipped.
    is_at_end: bool,
    /// Whether those lines were skipped, so that all others are records.
    has_skipped_after: bool,
    /// The number of the record that was used last.
    number: u64,
    /// The sequence number of the last line, good or bad; 0 before the first.
    last_seq: Seq,
    /// How many fills there are, if the file was checked.
    expected: Option<u64>,
    has_ended: bool,
}

impl FillFile {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// [`FeedError::Unreadable`]; [`FeedError::BadHeader`] if the file can be checked beforehand;
    /// and [`FeedError::BadLines`] if such lines stop the feed as well.
    pub fn open(path: &str, config: FileConfig) -> Result<Self, FeedError> {
        config.format.check()?;
        let intake = Intake::open(path)?;
        if !intake.can_be_read_again() {
            return Ok(Self::of(intake, config));
        }
        let skipping = FileConfig { on_bad_line: OnBadLine::Skip, ..config.clone() };
        let survey = Self::of(intake, skipping).survey(|_| {})?;
        if config.on_bad_line == OnBadLine::Stop {
            survey.check()?;
        }
        let mut file = Self::of(Intake::open(path)?, config);
        file.expected = Some(survey.fill_count());
        Ok(file)
    }

    /// Reads all of a file, and sends nothing. Calls `on_fill` with each fill.
    ///
    /// # Errors
    /// [`FeedError::Unreadable`] and [`FeedError::BadHeader`].
    pub fn survey_of(
        path: &str,
        config: FileConfig,
        on_fill: impl FnMut(&UnnamedFill),
    ) -> Result<Survey, FeedError> {
        config.format.check()?;
        let skipping = FileConfig { on_bad_line: OnBadLine::Skip, ..config };
        Self::of(Intake::open_blocking(path)?, skipping).survey(on_fill)
    }

    fn of(intake: Intake, config: FileConfig) -> Self {
        let is_stream = !intake.can_be_read_again();
        Self {
            lines: Lines::new(intake, config.format.encoding),
            reader: Reader::Unknown,
            last_seq: Seq::new(if is_stream { config.first_seq.saturating_sub(1) } else { 0 }),
            config,
            ids: LineIds::default(),
            same: Vec::new(),
            ahead: VecDeque::new(),
            is_at_end: false,
            has_skipped_after: false,
            number: 0,
            expected: None,
            has_ended: false,
        }
    }

    fn survey(mut self, mut on_fill: impl FnMut(&UnnamedFill)) -> Result<Survey, FeedError> {
        let mut survey = Survey::new(self.lines.name(), !self.config.format.not_fills.is_empty());
        loop {
            match self.next() {
                Pull::Fill(fill) => {
                    on_fill(&fill);
                    survey.add(&fill);
                }
                Pull::NotFill => survey.add_not_fill(),
                Pull::Bad(line) => survey.add_bad(line, BAD_LINES_SHOWN_MAX),
                Pull::Broken(line) => {
                    return Err(FeedError::BadHeader {
                        file: self.lines.name().to_owned(),
                        line: Box::new(line),
                    });
                }
                Pull::Done | Pull::Waiting => return Ok(survey),
            }
        }
    }

    /// What the record yields; nothing for the header, and for a fill before the first wanted.
    fn take_record(&mut self, record: Record) -> Option<Pull> {
        let Record { number, text, may_go_on } = record;
        self.number = number;
        let is_first = matches!(self.reader, Reader::Unknown);
        let text = match text {
            Ok(text) => text,
            Err(cause) if is_first => return Some(self.broken(cause)),
            Err(cause) => return Some(self.bad_record(cause)),
        };
        if is_first {
            if let Err(cause) = self.choose_reader(&text) {
                return Some(self.broken(cause));
            }
            // In NDJSON the first line is a fill already.
            if matches!(self.reader, Reader::Csv(_)) {
                return None;
            }
        }
        let row = self.read(&text);
        if row.as_ref().err() == Some(&LineError::OpenQuote) && may_go_on {
            return self.go_on(number, text);
        }
        let fields = match row {
            Ok(Row::NotFill) => return Some(Pull::NotFill),
            Ok(Row::Fill(fields)) => fields,
            Err(cause @ LineError::TooManyLines) => return Some(self.broken(cause)),
            Err(cause) => return Some(self.bad_record(cause)),
        };
        match self.assign_name(fields) {
            Ok(fill) if fill.seq < Seq::new(self.config.first_seq) => None,
            Ok(fill) => Some(Pull::Fill(fill)),
            Err(cause @ LineError::TooManyLines) => Some(self.broken(cause)),
            Err(cause) => Some(self.bad(cause)),
        }
    }

    fn choose_reader(&mut self, text: &str) -> Result<(), LineError> {
        let is_json = match self.config.syntax {
            Syntax::Auto => text.trim_start().starts_with('{'),
            Syntax::Csv => false,
            Syntax::Ndjson => true,
        };
        self.reader = if is_json {
            Reader::Ndjson(Ndjson::default(), None)
        } else {
            Reader::Csv(Box::new(Csv::new(text, &self.config.format, self.config.needs_time)?))
        };
        Ok(())
    }

    fn read(&mut self, text: &str) -> Result<Row, LineError> {
        let FileConfig { format, needs_time, source, .. } = &self.config;
        let row = match &mut self.reader {
            Reader::Unknown => unreachable!("the first line chooses the reader"),
            Reader::Csv(csv) => {
                csv.split(text)?;
                csv.plan.read(format, source.as_ref(), &mut self.same, |at| csv.field(at))
            }
            Reader::Ndjson(object, plan) => {
                object.read(text, format)?;
                let plan = match plan {
                    Some(plan) if plan.is_of(&object.names) => plan,
                    _ => {
                        let layout = Layout::Object;
                        let new = ColumnPlan::new(layout, &object.names, format, *needs_time)?;
                        plan.insert(Box::new(new))
                    }
                };
                let field = |at: usize| object.values[at].as_str();
                plan.read(format, source.as_ref(), &mut self.same, field)
            }
        };
        match row {
            Ok(Row::Fill(fields)) if *needs_time && fields.time_ns.is_none() => {
                Err(LineError::NoTime)
            }
            row => row,
        }
    }

    /// A quote is open at the end of a record: the next line belongs to it. If the quote is still
    /// open after many lines, the first is bad, and the others are read one by one.
    fn go_on(&mut self, number: u64, first: String) -> Option<Pull> {
        let mut text = first.clone();
        let mut added = Vec::new();
        while added.len() < RECORD_LINES_MAX && text.len() < LINE_LEN_MAX {
            match self.next_line() {
                Taken::Record(line) => {
                    let more = line.text.clone();
                    added.push(line);
                    let Ok(more) = more else { break };
                    text.push('\n');
                    text.push_str(&more);
                    if self.read(&text).err() != Some(LineError::OpenQuote) {
                        let text = Ok(text);
                        return self.take_record(Record { number, text, may_go_on: false });
                    }
                }
                Taken::Waiting => {
                    // It is read again from its first line once there is more.
                    added.into_iter().rev().for_each(|line| self.ahead.push_front(line));
                    let text = Ok(first);
                    self.ahead.push_front(Record { number, text, may_go_on: true });
                    return Some(Pull::Waiting);
                }
                Taken::Broken(number, cause) => {
                    self.number = number;
                    return Some(self.broken(cause));
                }
                Taken::End => break,
            }
        }
        for line in added.into_iter().rev() {
            self.ahead.push_front(Record { may_go_on: false, ..line });
        }
        Some(self.bad_record(LineError::OpenQuote))
    }

    fn assign_name(&mut self, fields: Fields) -> Result<UnnamedFill, LineError> {
        let (first_seq, last_seq) = (Seq::new(self.config.first_seq), self.last_seq);
        let seq = fields.seq.unwrap_or(after(last_seq));
        // A stream that is sent again from its start may number fills before the first.
        if seq <= last_seq && first_seq <= seq {
            return Err(LineError::OutOfOrder { seq, last_seq });
        }
        self.last_seq = last_seq.max(seq);
        let id = match fields.id {
            Some(id) => {
                self.ids.check_given(fields.ticker, id, self.number)?;
                Some(id)
            }
            // The number is the name.
            None if fields.seq.is_some() => None,
            None => Some(self.ids.derive(&fields)?),
        };
        let Fields { ticker, side, price, quantity, time_ns, .. } = fields;
        let line = Some(self.number);
        Ok(UnnamedFill { seq, id, line, ticker, side, price, quantity, time_ns })
    }

    /// A bad record uses up a sequence number, as if it were good: see the module.
    fn bad_record(&mut self, cause: LineError) -> Pull {
        self.last_seq = after(self.last_seq);
        self.bad(cause)
    }

    fn bad(&mut self, cause: LineError) -> Pull {
        match self.config.on_bad_line {
            OnBadLine::Stop => self.broken(cause),
            OnBadLine::Skip => Pull::Bad(BadLine { number: self.number, cause }),
        }
    }

    fn broken(&mut self, cause: LineError) -> Pull {
        self.has_ended = true;
        Pull::Broken(BadLine { number: self.number, cause })
    }

    /// The next line that is neither blank nor skipped.
    fn next_line(&mut self) -> Taken {
        loop {
            if let Some(record) = self.take_ahead() {
                return Taken::Record(record);
            }
            if self.is_at_end {
                return self.check_skipped_after();
            }
            let next = self.lines.advance();
            let number = self.lines.number();
            match next {
                Next::Line if number <= self.config.format.skip_before => {
                    if self.reads_as_first(self.lines.text()) {
                        return Taken::Broken(
                            number,
                            LineError::SkippedFill { key: "skip_before" },
                        );
                    }
                }
                Next::Bad(_) if number <= self.config.format.skip_before => {}
                Next::Line if self.lines.text().trim().is_empty() => {}
                Next::Line => {
                    let text = Ok(self.lines.text().to_owned());
                    self.ahead.push_back(Record { number, text, may_go_on: true });
                }
                Next::Bad(cause) => {
                    let text = Err(cause);
                    self.ahead.push_back(Record { number, text, may_go_on: false });
                }
                Next::Broken(cause) => return Taken::Broken(number, cause),
                Next::Waiting => return Taken::Waiting,
                Next::End => self.is_at_end = true,
            }
        }
    }

    /// A line that was read ahead, unless it may be one of the last that are skipped.
    fn take_ahead(&mut self) -> Option<Record> {
        let is_header = matches!(self.reader, Reader::Unknown);
        let is_whole = is_header || self.has_skipped_after;
        let skip_after = if is_whole { 0 } else { self.config.format.skip_after };
        if skip_after < self.ahead.len() { self.ahead.pop_front() } else { None }
    }

    /// The lines at the end that are skipped must not read as fills.
    fn check_skipped_after(&mut self) -> Taken {
        while let Some(record) = self.ahead.pop_front() {
            let is_fill = |text| matches!(self.read(text), Ok(Row::Fill(_)));
            if record.text.as_deref().is_ok_and(is_fill) {
                let text = Err(LineError::SkippedFill { key: "skip_after" });
                return Taken::Record(Record { text, ..record });
            }
        }
        self.has_skipped_after = true;
        Taken::End
    }

    /// Whether a line before the header reads as one, or as an object.
    fn reads_as_first(&self, text: &str) -> bool {
        text.trim_start().starts_with('{')
            || Csv::new(text, &self.config.format, self.config.needs_time).is_ok()
    }
}

impl Source for FillFile {
    fn next(&mut self) -> Pull {
        while !self.has_ended {
            match self.next_line() {
                Taken::Record(record) => {
                    if let Some(pull) = self.take_record(record) {
                        return pull;
                    }
                }
                Taken::Broken(number, cause) => {
                    self.number = number;
                    return self.broken(cause);
                }
                Taken::Waiting => return Pull::Waiting,
                // A day without fills has a header; an export that failed has nothing.
                Taken::End if matches!(self.reader, Reader::Unknown) => {
                    self.number = self.lines.number().max(1);
                    return self.broken(LineError::NoLine);
                }
                Taken::End => self.has_ended = true,
            }
        }
        Pull::Done
    }

    fn expected(&self) -> Option<u64> {
        self.expected
    }

    fn file(&self) -> Option<&str> {
        Some(self.lines.name())
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.lines.wait_on(poll_set);
    }
}

/// The number after this one; a file may hold the last there is, and then nothing follows it.
const fn after(seq: Seq) -> Seq {
    Seq::new(seq.get().saturating_add(1))
}

/// A sequence number as text.
fn seq(text: &str) -> Result<Seq, LineError> {
    match text.parse() {
        Ok(0) => Err(Reject::SequenceMustBePositive.into()),
        Ok(seq) => Ok(Seq::new(seq)),
        Err(_) => Err(LineError::BadSeq { given: Reject::quote(text) }),
    }
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

impl fmt::Display for OnBadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stop => "stop",
            Self::Skip => "skip",
        })
    }
}
