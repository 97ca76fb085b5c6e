//! A weights error: why a file says nothing about weights.

use std::fmt;

use allot_allocation_rules::Reject;
use allot_domain::Reject as Core;
use allot_wire::{Rejection, nearest_name};

use crate::limits::WEIGHTS_LEN_MAX;

/// Why a file has no weights.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WeightsError {
    /// It cannot be read.
    Unreadable {
        /// Why, in the words of the system.
        cause: String,
    },
    /// It is a folder, a pipe or a device.
    NotRegular,
    /// It is larger than any file of weights.
    TooLarge {
        /// Its size in bytes.
        len: u64,
    },
    /// An object of it is not JSON.
    NotJson {
        /// Which, from 1.
        number: usize,
        /// Why, in the words of the JSON reader.
        cause: String,
    },
    /// It is not CSV.
    NotCsv {
        /// Why, in the words of the CSV reader.
        cause: String,
    },
    /// Its header lacks a column.
    NoColumn {
        /// Which.
        column: &'static str,
        /// Those that it has.
        header: String,
    },
    /// Its header has a column without a meaning.
    UnknownColumn(String),
    /// Its header has a column twice.
    ColumnTwice(String),
    /// An object of it has a field without a meaning.
    UnknownField {
        /// Which object, from 1.
        number: usize,
        /// Which field.
        field: String,
    },
    /// An object of it has a field twice.
    FieldTwice {
        /// Which object, from 1.
        number: usize,
        /// Which field.
        field: &'static str,
    },
    /// An object of it is a message of another type.
    NotSplit {
        /// Which object, from 1.
        number: usize,
        /// Its type, as it stands there.
        given: String,
    },
    /// A line of it is not an account with a weight.
    BadLine {
        /// Which, from 1.
        number: u64,
        /// Why.
        reject: Reject,
    },
    /// The front door would reject one of its objects.
    BadObject {
        /// Which, from 1.
        number: usize,
        /// Why.
        reject: Rejection,
    },
    /// The front door would reject the split of all its lines.
    BadSplit(Reject),
    /// It had one split when it was opened, and now has another number of them.
    SplitCount(usize),
}

/// Says that a name is not known, and names the nearest that is, or all.
fn unknown(noun: &str, name: &str, known: &[&str]) -> String {
    let quoted = Core::quote(name);
    match nearest_name(name, known.iter().copied()) {
        Some(near) => format!("the {noun} {quoted} is not known; did you mean \"{near}\"?"),
        None => format!("the {noun} {quoted} is not known; the {noun}s are {}", known.join(", ")),
    }
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { cause } => write!(f, "it cannot be read: {cause}"),
            Self::NotRegular => f.write_str("it is not a regular file"),
            Self::TooLarge { len } => {
                write!(f, "it has {len} bytes; at most {WEIGHTS_LEN_MAX} are read")
            }
            Self::NotJson { number, cause } => {
                write!(f, "split {number} is not a JSON object: {cause}")
            }
            Self::NotCsv { cause } => write!(f, "it is not CSV: {cause}"),
            Self::NoColumn { column, header } => {
                write!(f, "the header has no column \"{column}\"; its columns are {header}")
            }
            Self::UnknownColumn(column) => {
                f.write_str(&unknown("column", column, &["account", "weight"]))
            }
            Self::ColumnTwice(column) => write!(f, "the header has the column \"{column}\" twice"),
            Self::UnknownField { number, field } => {
                let fields = ["weights", "closes", "type", "source", "seq"];
                write!(f, "split {number}: {}", unknown("field", field, &fields))
            }
            Self::FieldTwice { number, field } => {
                write!(f, "split {number}: the field \"{field}\" appears twice")
            }
            Self::NotSplit { number, given } => {
                write!(f, "split {number}: its type is {given}; it must be \"split\"")
            }
            Self::BadLine { number, reject } => write!(f, "line {number}: {reject}"),
            Self::BadObject { number, reject } => write!(f, "split {number}: {}", reject.reason),
            Self::BadSplit(reject) => reject.fmt(f),
            Self::SplitCount(count) => write!(f, "it had one split, and now has {count}"),
        }
    }
}
