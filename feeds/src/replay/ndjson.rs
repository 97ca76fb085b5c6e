//! NDJSON: a `fill` object on each line, as the front door takes it.
//!
//! `type`, `source` and `seq` may be left out. A `source` is checked and then ignored: all fills of
//! a feed are sent under the feed's own name. The line goes through the decoder of the front door,
//! so that nothing passes here that would be rejected there.

use allot_allocation_rules::Fill;
use allot_allocation_service::{Request, decode_line};
use allot_domain::Reject;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Fields;
use super::line_error::LineError;

/// The fields of a line, as text.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    seq: Option<&'a RawValue>,
    #[serde(borrow)]
    ticker: Option<&'a RawValue>,
    #[serde(borrow)]
    side: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    time_ns: Option<&'a RawValue>,
}

/// Reads lines; each reuses the memory of the one before.
#[derive(Default)]
pub(super) struct Ndjson {
    needs_time: bool,
    whole: String,
}

impl Ndjson {
    pub(super) const fn new(needs_time: bool) -> Self {
        Self { needs_time, whole: String::new() }
    }

    /// Reads one line.
    pub(super) fn read(&mut self, text: &str) -> Result<Fields, LineError> {
        if !text.trim_start().starts_with('{') {
            return Err(LineError::NotJson { cause: None });
        }
        let line: Line<'_> = serde_json::from_str(text)
            .map_err(|error| LineError::NotJson { cause: Some(error.to_string()) })?;
        if let Some(kind) = line.kind.map(RawValue::get).filter(|kind| *kind != "\"fill\"") {
            return Err(LineError::NotFill { given: Reject::quote(kind) });
        }
        self.complete(&line);
        let request = decode_line(self.whole.as_bytes());
        let fill = match request.map_err(LineError::Rejected)? {
            Request::Fill(fill) => fill,
            other => unreachable!("a {} was read from a fill", other.kind().name()),
        };
        let Fill { seq, ticker, side, price, quantity, .. } = fill;
        let time_ns = self.time_ns(&line)?;
        Ok(Fields { seq: line.seq.map(|_| seq), ticker, side, price, quantity, time_ns })
    }

    /// Writes the line again, with the fields that may be left out.
    fn complete(&mut self, line: &Line<'_>) {
        let Line { source, seq, ticker, side, price, quantity, .. } = line;
        let fields = [
            ("{\"type\":\"fill\",\"source\":", or(*source, "\"file\"")),
            (",\"seq\":", or(*seq, "1")),
            (",\"ticker\":", or(*ticker, "null")),
            (",\"side\":", or(*side, "null")),
            (",\"price\":", or(*price, "null")),
            (",\"quantity\":", or(*quantity, "null")),
        ];
        self.whole.clear();
        for (name, value) in fields {
            self.whole.push_str(name);
            self.whole.push_str(value);
        }
        self.whole.push('}');
    }

    fn time_ns(&self, line: &Line<'_>) -> Result<Option<u64>, LineError> {
        match line.time_ns {
            Some(time) => Ok(Some(super::time_ns(time.get().trim_matches('"'))?)),
            None if self.needs_time => Err(LineError::NoTime),
            None => Ok(None),
        }
    }
}

fn or<'a>(value: Option<&'a RawValue>, otherwise: &'a str) -> &'a str {
    value.map_or(otherwise, RawValue::get)
}

#[cfg(test)]
mod tests {
    use allot_domain::Seq;

    use super::*;

    fn read(line: &str) -> Result<String, String> {
        let Fields { seq, ticker, side, price, quantity, time_ns } =
            Ndjson::new(false).read(line).map_err(|error| error.to_string())?;
        let number = |name: &str, number: Option<u64>| {
            number.map_or(String::new(), |number| format!(" {name} {number}"))
        };
        let seq = number("seq", seq.map(Seq::get));
        let time = number("at", time_ns);
        Ok(format!("{side} {quantity} {ticker} {price}{seq}{time}"))
    }

    #[test]
    fn a_fill_is_read_with_or_without_what_may_be_left_out() {
        for (line, expected) in [
            (r#"{"ticker":"AAPL","price":"187.23","quantity":100}"#, "buy 100 AAPL 187.23"),
            (
                r#"{"type":"fill","source":"f","seq":17,"ticker":"AAPL","side":"sell","price":2,
                    "quantity":100}"#,
                "sell 100 AAPL 2 seq 17",
            ),
            (r#"{"quantity":"5","price":1.50,"ticker":"A","time_ns":9}"#, "buy 5 A 1.5 at 9"),
            (r#"{"quantity":5.0,"price":1,"ticker":"A","time_ns":"9"}"#, "buy 5 A 1 at 9"),
            (r#"{"quantity":5,"price":1,"ticker":"A","side":null,"venue":[{"x":1}]}"#, "buy 5 A 1"),
            (r#"{"quantity":5,"price":1.000000001,"ticker":"\u0041"}"#, "buy 5 A 1.000000001"),
        ] {
            assert_eq!(read(line).as_deref(), Ok(expected), "{line}");
        }
    }

    #[test]
    fn a_bad_line_says_what_is_wrong() {
        for (line, expected) in [
            (r#"{"ticker":"A","price":"1""#, "it is not a JSON object: EOF while parsing"),
            (r#"["fill","a",1,"A",null,"1",5,null]"#, "it is not a JSON object"),
            ("A,1,2", "it is not a JSON object"),
            (r#"{"ticker":"A","price":1,"price":2,"quantity":1}"#, "duplicate field `price`"),
            (r#"{"ticker":"A","quantity":1}"#, "the field \"price\" is missing"),
            (r#"{"ticker":"A","price":null,"quantity":1}"#, "the field \"price\" is missing"),
            (r#"{"ticker":"A","price":1e3,"quantity":1}"#, "is not a plain decimal number"),
            (r#"{"ticker":"A","price":-1,"quantity":1}"#, "must be more than zero; it was -1"),
            (
                r#"{"ticker":"A","price":"1","quantity":1.5}"#,
                "a whole number of shares; it was \"1.5\"",
            ),
            (r#"{"ticker":"A","price":"1","quantity":1,"side":"hold"}"#, "buy or sell"),
            (
                r#"{"ticker":"A","price":"1","quantity":1,"seq":0}"#,
                "the sequence number must be at least 1",
            ),
            (
                r#"{"ticker":"A","price":"1","quantity":1,"source":"a b"}"#,
                "a source must be 1 to 64",
            ),
            (r#"{"type":"bust","ticker":"A","of":1}"#, "only fills are replayed"),
            (r#"{"type":7}"#, "its type is \"7\"; only fills are replayed"),
            (r#"{"ticker":"A","price":"1","quantity":1,"time_ns":1.5}"#, "whole number of nanosec"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
        let mut paced = Ndjson::new(true);
        let error = paced.read(r#"{"ticker":"A","price":"1","quantity":1}"#).err();
        assert_eq!(error, Some(LineError::NoTime));
    }
}
