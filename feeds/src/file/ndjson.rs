//! NDJSON: a `fill` object on each line, with the fields of the front door, and `time_ns`.
//!
//! `type`, `source` and `seq` may be left out. The fields of an object are columns like those of
//! CSV: each is known, mapped or ignored, and none is `null`.

use allot_wire::json::fault;

use super::format::Format;
use super::line_error::LineError;
use crate::json_object::JsonObject;

/// The fields of the line that was read last.
#[derive(Default)]
pub(super) struct Ndjson {
    pub(super) names: Vec<String>,
    pub(super) values: Vec<String>,
}

impl Ndjson {
    /// Reads the names and values of one line. A text is its content, and a number its digits.
    pub(super) fn read(&mut self, text: &str, format: &Format) -> Result<(), LineError> {
        if !text.trim_start().starts_with('{') {
            return Err(LineError::NotJson { cause: None });
        }
        let JsonObject(fields) = serde_json::from_str(text)
            .map_err(|error| LineError::NotJson { cause: Some(fault(&error)) })?;
        self.names.clear();
        self.values.clear();
        for (name, value) in fields {
            let value = match value.get().as_bytes().first() {
                _ if format.ignores(&name) => String::new(),
                Some(b'"') => serde_json::from_str(value.get()).unwrap_or_default(),
                Some(b'-' | b'0'..=b'9' | b't' | b'f') => value.get().to_owned(),
                Some(b'n') => return Err(LineError::Null { field: name }),
                _ => return Err(LineError::NotScalar { field: name }),
            };
            self.names.push(name);
            self.values.push(value);
        }
        Ok(())
    }
}
