//! CSV text: the rows of an export as lines.

use allot_wire::json::{write_decimal, write_digits};
use allot_wire::timestamp;

use super::table::Value;
use crate::csv_cell::cell;

/// Writes rows. Those of one fill have the same time, whose text is kept.
pub(super) struct CsvText {
    time_ns: u64,
    time: [u8; timestamp::TEXT_LEN],
}

impl Default for CsvText {
    fn default() -> Self {
        Self { time_ns: 0, time: timestamp::text(0) }
    }
}

impl CsvText {
    /// Adds a row, with the end of its line.
    pub(super) fn put(&mut self, row: &[Value<'_>], text: &mut Vec<u8>) {
        for value in row {
            self.put_value(value, text);
            text.push(b',');
        }
        if let Some(last) = text.last_mut() {
            *last = b'\n';
        }
    }

    fn put_value(&mut self, value: &Value<'_>, text: &mut Vec<u8>) {
        match *value {
            Value::Text(value) => text.extend_from_slice(cell(value).as_bytes()),
            Value::Number(number) => write_digits(number, text),
            Value::Signed(number) => {
                if number < 0 {
                    text.push(b'-');
                }
                write_digits(number.unsigned_abs(), text);
            }
            Value::Decimal(nanos) => write_decimal(nanos, text),
            Value::Time(time_ns) => {
                if self.time_ns != time_ns {
                    (self.time_ns, self.time) = (time_ns, timestamp::text(time_ns));
                }
                text.extend_from_slice(&self.time);
            }
            Value::Flag(flag) => text.extend_from_slice(if flag { b"true" } else { b"false" }),
            Value::None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line_that_a_reader_of_csv_understands() {
        let row = [
            Value::Text("A,\"B\""),
            Value::Number(u64::MAX),
            Value::Signed(-7),
            Value::Decimal(-1_500_000_000),
            Value::Time(1),
            Value::Flag(false),
            Value::None,
        ];
        let (mut csv, mut text) = (CsvText::default(), Vec::new());
        csv.put(&row, &mut text);
        csv.put(&[Value::Time(0), Value::Time(1), Value::Flag(true)], &mut text);
        let lines = "\"A,\"\"B\"\"\",18446744073709551615,-7,-1.5,1970-01-01T00:00:00.000000001Z,\
                     false,\n1970-01-01T00:00:00.000000000Z,1970-01-01T00:00:00.000000001Z,true\n";
        assert_eq!(String::from_utf8(text).unwrap(), lines);
    }
}
