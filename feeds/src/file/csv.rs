//! CSV: a header that names the columns, then a fill on each record.
//!
//! ```text
//!   time_ns,ticker,price,quantity,side
//!   86055342000000,BTCUSDT,61837.63,2000,buy
//! ```
//!
//! A field may be quoted; then it may have delimiters in it, and go over several lines.

use std::io::{self, ErrorKind, Read};

use csv::{ReaderBuilder, StringRecord, Trim};

use super::column_finder::Layout;
use super::column_plan::ColumnPlan;
use super::format::Format;
use super::line_error::LineError;

/// What else may stand between columns, for a hint.
const DELIMITERS: [(char, &str); 4] = [(',', "','"), (';', "';'"), ('\t', "tab"), ('|', "'|'")];

/// Splits records, and knows the columns of its header.
pub(super) struct Csv {
    splitter: Splitter,
    pub(super) plan: ColumnPlan,
}

struct Splitter {
    reader: csv::Reader<Feeder>,
    record: StringRecord,
    delimiter: u8,
    quote: u8,
}

/// Gives one line at a time to a reader that expects a stream.
#[derive(Default)]
struct Feeder {
    line: Vec<u8>,
    read: usize,
}

impl Read for Feeder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.line[self.read..];
        if rest.is_empty() {
            // The reader wants more than the line only inside a quoted field.
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Csv {
    /// Reads the header.
    pub(super) fn new(header: &str, format: &Format, needs_time: bool) -> Result<Self, LineError> {
        let mut splitter = Splitter::new(format);
        let names: Vec<_> = splitter.split(header)?.iter().map(str::to_owned).collect();
        if let [only] = names.as_slice()
            && let Some((_, shown)) = DELIMITERS.iter().find(|(sign, _)| only.contains(*sign))
        {
            let problem = format!(
                "the header is one column, {only:?}; is {shown} what stands between the columns? \
                 Give --delimiter {shown}"
            );
            return Err(LineError::Header { problems: vec![problem] });
        }
        Ok(Self { plan: ColumnPlan::new(Layout::Header, &names, format, needs_time)?, splitter })
    }

    /// Splits one record after the header; it has as many fields as the header.
    pub(super) fn split(&mut self, text: &str) -> Result<(), LineError> {
        let expected = self.plan.count();
        let found = self.splitter.split(text)?.len();
        if found == expected { Ok(()) } else { Err(LineError::FieldCount { found, expected }) }
    }

    /// A field of the record that was split last.
    pub(super) fn field(&self, column: usize) -> &str {
        &self.splitter.record[column]
    }
}

impl Splitter {
    fn new(format: &Format) -> Self {
        let byte = |sign: char| u8::try_from(sign).expect("a format is checked");
        let (delimiter, quote) = (byte(format.delimiter), byte(format.quote));
        let reader = reader(delimiter, quote);
        Self { reader, record: StringRecord::new(), delimiter, quote }
    }

    /// After an error the reader is in the middle of a record, so it is replaced.
    fn split(&mut self, text: &str) -> Result<&StringRecord, LineError> {
        let feeder = self.reader.get_mut();
        feeder.line.clear();
        feeder.line.extend_from_slice(text.as_bytes());
        feeder.line.push(b'\n');
        feeder.read = 0;
        match self.reader.read_record(&mut self.record) {
            Ok(_) => Ok(&self.record),
            Err(error) => {
                self.reader = reader(self.delimiter, self.quote);
                Err(match error.into_kind() {
                    csv::ErrorKind::Io(_) => LineError::OpenQuote,
                    kind => LineError::NotCsv { cause: format!("{kind:?}") },
                })
            }
        }
    }
}

fn reader(delimiter: u8, quote: u8) -> csv::Reader<Feeder> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter)
        .quote(quote)
        .from_reader(Feeder::default())
}
