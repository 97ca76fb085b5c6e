//! JSON: one object a message, on one line.
//!
//! Numbers are never read through binary fractions: a price, quantity, weight or sequence is a
//! decimal text, and a JSON number stands for its own text.

mod entries;
mod field;
mod object;
mod plain;

use allot_domain::Reject;
use serde::Deserialize;

use crate::DecodeError;
pub use entries::{Entries, each_entry};
pub use field::{Field, need, scalar, string, unknown_field};
pub use object::{Object, write_decimal, write_digits};
pub use plain::{Plain, each_plain};

/// What some editors put before a text in UTF-8; RFC 8259 lets a reader pass over it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the fields of a request from a line.
///
/// # Errors
/// [`Reject::MalformedMessage`]: not one JSON object, to the last byte.
pub fn read_request<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, Reject> {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    let text = std::str::from_utf8(line)
        .map_err(|_| Reject::MalformedMessage("the message is not UTF-8".into()))?;
    serde_json::from_str(text).map_err(|error| {
        Reject::MalformedMessage(format!("not one JSON object: {}", fault(&error)))
    })
}

/// What the reader says is wrong with a text of one line, and in which column. Which line that is,
/// the reader cannot know: whoever has the lines counts them.
#[must_use]
pub fn fault(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    match text.strip_suffix(&format!(" at line {line} column {column}")) {
        Some(what) if line == 1 => format!("{what} at column {column}"),
        _ => text,
    }
}

/// The value of a field that a message from another box must have.
///
/// # Errors
/// It is not there.
pub fn required<T>(name: &str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::new(format!("the field \"{name}\" is missing")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_its_column_and_no_line() {
        let error = |text: &str| fault(&serde_json::from_str::<bool>(text).unwrap_err());
        assert_eq!(error("true x"), "trailing characters at column 6");
        assert_eq!(error(""), "EOF while parsing a value at column 0");
        // A text of several lines is counted by the reader.
        assert_eq!(error("\n x"), "expected value at line 2 column 2");
    }
}
