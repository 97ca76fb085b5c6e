//! A line error: why a line of a file is not a fill.

use std::fmt;

use allot_domain::{Reject, Seq, Side};
use allot_wire::Rejection;

use super::line_id::LineId;
use super::numbers::NumberError;
use super::text_encoding::TextEncoding;
use crate::limits::{LINE_ID_LEN_MAX, LINE_IDS_MAX, LINE_LEN_MAX, SKIPPED_LEN_MAX};
use crate::plural;

/// Why a line is not a fill.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LineError {
    /// There is no line at all.
    NoLine,
    /// It is longer than any fill.
    TooLong,
    /// It is so long that nothing behind it is looked for.
    Endless,
    /// It is not text in the encoding of the file.
    NotText {
        /// That encoding.
        encoding: TextEncoding,
    },
    /// It has NUL characters, as UTF-16 that is read as another encoding.
    Nul,
    /// Reading failed.
    Unreadable {
        /// Why, in the words of the system.
        cause: String,
    },
    /// The header, or the names of an object, are not those of the format.
    Header {
        /// All that is wrong.
        problems: Vec<String>,
    },
    /// It is to be skipped at the start or the end of the file, and is a fill.
    SkippedFill {
        /// The key of the format that says so.
        key: &'static str,
    },
    /// It is not a JSON object.
    NotJson {
        /// Why, in the words of the JSON reader.
        cause: Option<String>,
    },
    /// A field of an object is `null`.
    Null {
        /// Which.
        field: String,
    },
    /// A field of an object is neither text nor a number.
    NotScalar {
        /// Which.
        field: String,
    },
    /// It is a message of another type.
    NotFill {
        /// Its type, quoted.
        given: String,
    },
    /// It has the source of another feed.
    OtherSource {
        /// That source, quoted.
        given: String,
        /// The source of this feed.
        source: String,
    },
    /// The front door would reject it.
    Rejected(Rejection),
    /// A column that is used is empty.
    Empty {
        /// Its name.
        column: String,
        /// What it is used for.
        field: &'static str,
    },
    /// A number is not written as the format says.
    Number {
        /// The field.
        field: &'static str,
        /// Its text, quoted.
        text: String,
        /// What is wrong with it.
        error: NumberError,
    },
    /// The sign of a number contradicts the side.
    SignDisagrees {
        /// The field.
        field: &'static str,
        /// The side.
        side: Side,
    },
    /// The format has no such word for a side.
    UnknownSide {
        /// The column.
        column: String,
        /// The word, quoted.
        given: String,
        /// The words for purchases.
        buy: String,
        /// The words for sales.
        sell: String,
    },
    /// It opens or closes a short position.
    Short {
        /// The word, quoted.
        given: String,
    },
    /// A column has another value than the format demands.
    MustBe {
        /// The column.
        column: String,
        /// The values that it may have.
        expected: String,
        /// Its value, quoted.
        given: String,
    },
    /// A column has another value than on the first line.
    NotSame {
        /// The column.
        column: String,
        /// Its first value, quoted.
        first: String,
        /// Its value, quoted.
        given: String,
    },
    /// Its id cannot be one.
    BadId {
        /// The id, quoted.
        given: String,
    },
    /// Another line has its id.
    IdTwice {
        /// The id.
        id: LineId,
        /// The number of that line.
        first: u64,
    },
    /// The ids of so many lines are not remembered.
    TooManyLines,
    /// Its sequence number is no number.
    BadSeq {
        /// Its text, quoted.
        given: String,
    },
    /// Its sequence number is not above that of the line before.
    OutOfOrder {
        /// Its sequence number.
        seq: Seq,
        /// The sequence number before it.
        last_seq: Seq,
    },
    /// It has no time, and the recorded pace needs one.
    NoTime,
    /// A quoted field does not end.
    OpenQuote,
    /// The CSV reader rejects it for another reason.
    NotCsv {
        /// Why, in the words of the CSV reader.
        cause: String,
    },
    /// It has more fields than the header, or fewer.
    FieldCount {
        /// How many it has.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
}

impl From<Reject> for LineError {
    fn from(reject: Reject) -> Self {
        Self::Rejected(Rejection::unread(&reject))
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "it has more than {LINE_LEN_MAX} bytes"),
            Self::Endless => write!(f, "it has no end within {} MiB", SKIPPED_LEN_MAX >> 20),
            Self::NotText { encoding } => write!(
                f,
                "it is not {encoding}; state the encoding of the file with --file-encoding"
            ),
            Self::Nul => f.write_str(
                "it has NUL characters; if the file is UTF-16, give --file-encoding utf-16le or \
                 utf-16be",
            ),
            Self::Unreadable { cause } => write!(f, "it could not be read: {cause}"),
            Self::Header { problems } => f.write_str(&problems.join("; ")),
            Self::NotJson { cause: None } => f.write_str("it is not a JSON object"),
            Self::NotJson { cause: Some(cause) } => write!(f, "it is not a JSON object: {cause}"),
            Self::Null { field } => write!(f, "the field \"{field}\" is null; leave it out"),
            Self::NotScalar { field } => {
                write!(f, "the field \"{field}\" is neither text nor a number")
            }
            Self::NotFill { given } => write!(f, "its type is {given}; a file has fills alone"),
            Self::OtherSource { given, source } => write!(
                f,
                "its source is {given}, and the fills of this file are sent as those of {source}; \
                 give --ignore source if that is right"
            ),
            Self::Rejected(rejection) => f.write_str(&rejection.reason),
            Self::BadSeq { given } => {
                write!(f, "the sequence number must be a whole number; it was {given}")
            }
            Self::OutOfOrder { seq, last_seq } => {
                write!(f, "sequences count up, and {seq} follows {last_seq}")
            }
            Self::NoTime => f.write_str("it has no \"time_ns\", which the recorded pace needs"),
            Self::OpenQuote => f.write_str("a quote is not closed"),
            Self::NotCsv { cause } => write!(f, "it is not CSV: {cause}"),
            Self::FieldCount { found, expected } => {
                let fields = plural(u64::try_from(*found).unwrap_or(u64::MAX), "field");
                write!(f, "it has {found} {fields} and the header has {expected}")
            }
            other => other.fmt_contents(f),
        }
    }
}

impl LineError {
    /// What a line says that cannot be.
    fn fmt_contents(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SkippedFill { key } => write!(
                f,
                "{key} says to skip it, but it reads as a fill or as the header; give {key} the \
                 right number of lines"
            ),
            Self::NoLine => write!(
                f,
                "there is neither a header nor a fill; if the export failed, make it again"
            ),
            Self::Empty { column, field } if column == field => write!(f, "the {field} is empty"),
            Self::Empty { column, field } => {
                write!(f, "the {field} is empty (column \"{column}\")")
            }
            Self::Number { field, text, error } => error.sentence(f, field, text),
            Self::SignDisagrees { field, side } => {
                write!(f, "it is a {side}, and the sign of its {field} says the opposite")
            }
            Self::UnknownSide { column, given, buy, sell } => write!(
                f,
                "the side must be buy or sell; it was {given} in the column \"{column}\", where \
                 {buy} mean buy and {sell} mean sell; state others with --buy-codes and \
                 --sell-codes"
            ),
            Self::Short { given } => write!(
                f,
                "its side is {given}, which opens or closes a short position; Allot keeps none"
            ),
            Self::MustBe { column, expected, given } => {
                write!(f, "the column \"{column}\" must be {expected}; it was {given}")
            }
            Self::NotSame { column, first, given } => write!(
                f,
                "the column \"{column}\" must be the same on all lines; it was {given} here and \
                 {first} before"
            ),
            Self::BadId { given } => write!(
                f,
                "an id must be 1 to {LINE_ID_LEN_MAX} printable ASCII characters without spaces, \
                 quotes and backslashes; it was {given}"
            ),
            Self::IdTwice { id, first } => write!(
                f,
                "its id {} stands on line {first} already; is that column the id of an order?",
                id.as_str()
            ),
            Self::TooManyLines => write!(
                f,
                "the ids of more than {LINE_IDS_MAX} lines are not remembered; split the file, or \
                 number its lines in a column seq"
            ),
            _ => unreachable!("the others are told above"),
        }
    }
}
