//! Object: writes one JSON object, field by field, straight into a buffer.
//!
//! Names are of closed alphabets (fields, accounts, tickers) and need no escapes.

use std::fmt;

use allot_domain::decimal;

use crate::timestamp;

/// An object that is being written; [`end`](Object::end) closes it.
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    /// Begins an object behind what stands in `out`.
    pub fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    /// Goes on with an object at the end of `out` that was begun and not closed.
    pub const fn resume(out: &'a mut Vec<u8>, is_empty: bool) -> Self {
        Self { out, is_empty }
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push(b'}');
    }

    fn name(&mut self, name: &str) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        quote(name, self.out);
        self.out.push(b':');
    }

    /// A text of a closed alphabet.
    pub fn plain(&mut self, name: &str, text: &str) {
        self.name(name);
        quote(text, self.out);
    }

    /// Any text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        escape(text, self.out);
    }

    /// A list of any texts; an empty one is not written.
    pub fn texts(&mut self, name: &str, texts: &[impl AsRef<str>]) {
        if texts.is_empty() {
            return;
        }
        self.name(name);
        let mut before = b'[';
        for text in texts {
            self.out.push(before);
            escape(text.as_ref(), self.out);
            before = b',';
        }
        self.out.push(b']');
    }

    /// A list of whatever is appended; `append` writes one of the items.
    pub fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut append: impl FnMut(T, &mut Vec<u8>),
    ) {
        self.name(name);
        self.out.push(b'[');
        for (at, item) in items.into_iter().enumerate() {
            if 0 < at {
                self.out.push(b',');
            }
            append(item, self.out);
        }
        self.out.push(b']');
    }

    /// A whole number.
    pub fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        write_digits(number, self.out);
    }

    /// A number, as it is written.
    pub fn literal(&mut self, name: &str, number: impl fmt::Display) {
        self.name(name);
        self.out.extend_from_slice(number.to_string().as_bytes());
    }

    /// A whole number, as text.
    pub fn digits(&mut self, name: &str, number: u64) {
        self.name(name);
        self.out.push(b'"');
        write_digits(number, self.out);
        self.out.push(b'"');
    }

    /// A count of 1e-9, as decimal text.
    pub fn decimal(&mut self, name: &str, nanos: i128) {
        self.name(name);
        self.out.push(b'"');
        write_decimal(nanos, self.out);
        self.out.push(b'"');
    }

    /// A time, as RFC 3339 has it.
    pub fn time(&mut self, name: &str, time_ns: u64) {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(&timestamp::text(time_ns));
        self.out.push(b'"');
    }

    /// A fact; one that does not hold is not written.
    pub fn flag(&mut self, name: &str, holds: bool) {
        if holds {
            self.name(name);
            self.out.extend_from_slice(b"true");
        }
    }

    /// An object within this one.
    pub fn object(&mut self, name: &str) -> Object<'_> {
        self.name(name);
        Object::begin(self.out)
    }
}

fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn escape(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a vector takes every write");
}

/// Appends the digits of a number.
pub fn write_digits(number: u64, out: &mut Vec<u8>) {
    decimal::append_digits(out, number);
}

/// Appends a count of 1e-9 as decimal text.
pub fn write_decimal(nanos: i128, out: &mut Vec<u8>) {
    decimal::append_nanos(out, nanos);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_is_written_field_by_field() {
        let mut out = b"before ".to_vec();
        let mut object = Object::begin(&mut out);
        object.plain("plain", "AAPL");
        object.text("text", "\"\\\n\u{7}é");
        object.texts("none", &[""; 0]);
        object.texts("texts", &["a", "\""]);
        object.list("list", [1, 2], write_digits);
        object.list("empty", [0; 0], write_digits);
        object.literal("literal", "-1e300");
        object.digits("digits", 120);
        object.decimal("decimal", -1_500_000_000);
        object.time("time", 0);
        object.flag("true", true);
        object.flag("false", false);
        object.object("empty").end();
        let mut inner = object.object("inner");
        inner.number("least", 0);
        inner.number("most", u64::MAX);
        inner.end();
        object.end();
        let expected = [
            r#"before {"plain":"AAPL","text":"\"\\\n\u0007é","texts":["a","\""],"#,
            r#""list":[1,2],"empty":[],"literal":-1e300,"#,
            r#""digits":"120","#,
            r#""decimal":"-1.5","time":"1970-01-01T00:00:00.000000000Z","true":true,"empty":{},"#,
            r#""inner":{"least":0,"most":18446744073709551615}}"#,
        ];
        assert_eq!(String::from_utf8(out).unwrap(), expected.concat());
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_standard_library(number: u64) {
            let mut out = Vec::new();
            write_digits(number, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
