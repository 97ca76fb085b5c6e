//! A line error: why a line of a file is not a fill.

use std::fmt;

use allot_domain::{Reject, Seq};
use allot_wire::Rejection;

use crate::limits::LINE_LEN_MAX;
use crate::plural;

/// Why a line is not a fill.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LineError {
    /// It is longer than any fill.
    TooLong,
    /// It is not text.
    NotUtf8,
    /// Reading failed.
    Unreadable {
        /// Why, in the words of the system.
        cause: String,
    },
    /// It is not a JSON object.
    NotJson {
        /// Why, in the words of the JSON reader.
        cause: Option<String>,
    },
    /// It is a message of another type.
    NotFill {
        /// Its type, quoted.
        given: String,
    },
    /// The front door would reject it.
    Rejected(Rejection),
    /// It has no time, and the recorded pace needs one.
    NoTime,
    /// Its sequence number is not above that of the line before.
    OutOfOrder {
        /// Its sequence number.
        seq: Seq,
        /// The sequence number before it.
        last_seq: Seq,
    },
    /// A quoted field does not end on its line.
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
    /// The header lacks a column.
    NoColumn {
        /// The one it lacks.
        column: &'static str,
        /// Those it has.
        columns: Vec<String>,
    },
    /// The header has a column twice.
    DuplicateColumn(&'static str),
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
            Self::NotUtf8 => f.write_str("it is not UTF-8"),
            Self::Unreadable { cause } => write!(f, "it could not be read: {cause}"),
            Self::NotJson { cause: None } => f.write_str("it is not a JSON object"),
            Self::NotJson { cause: Some(cause) } => write!(f, "it is not a JSON object: {cause}"),
            Self::NotFill { given } => write!(f, "its type is {given}; only fills are replayed"),
            Self::Rejected(rejection) => f.write_str(&rejection.reason),
            Self::NoTime => f.write_str("it has no \"time_ns\", which the recorded pace needs"),
            Self::OutOfOrder { seq, last_seq } => {
                write!(f, "sequences count up, and {seq} follows {last_seq}")
            }
            Self::OpenQuote => f.write_str("a quote is not closed on this line"),
            Self::NotCsv { cause } => write!(f, "it is not CSV: {cause}"),
            Self::FieldCount { found, expected } => {
                let fields = plural(u64::try_from(*found).unwrap_or(u64::MAX), "field");
                write!(f, "it has {found} {fields} and the header has {expected}")
            }
            Self::NoColumn { column, columns } => {
                let columns = columns.join(", ");
                write!(f, "the header has no column \"{column}\"; its columns are {columns}")
            }
            Self::DuplicateColumn(column) => {
                write!(f, "the header has the column \"{column}\" twice")
            }
        }
    }
}
