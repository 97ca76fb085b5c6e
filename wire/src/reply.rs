//! Reply: what all replies have in common, and those that every system gives.
//!
//! A binary reply is a tag of one byte, then fields; a JSON reply is one object. The tags 5
//! (`reported`) and 6 (`rejected`) mean the same in every system.

use std::borrow::Cow;

use allot_domain::{MessageId, ReportNumber, Seq};
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::json::Object;
use crate::sized::append_sized;
use crate::{DecodeError, Encoding};

/// The tag of a binary reply: a report is on its way to the subscribers.
pub const REPORTED: u8 = 5;
/// The tag of a binary reply: nothing changed.
pub const REJECTED: u8 = 6;

/// Bits of [`Head::flags`].
const DUPLICATE: u8 = 1;
const LATE: u8 = 2;

/// Which request a reply belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Echo<'a> {
    /// The name of a source, in ASCII; empty where it could not be read.
    pub source: &'a [u8],
    /// The source's number of it; zero where it could not be read.
    pub seq: Seq,
    /// What names it, where it has an id of its own; its number is left out.
    pub id: Option<&'a MessageId>,
    /// When the router took it, in nanoseconds of Unix time; zero where it was not taken.
    pub time_ns: u64,
    /// Whether it is the first reply given again.
    pub duplicate: bool,
    /// Whether it follows a reply given before.
    pub late: bool,
}

/// What most binary replies begin with, behind their tag.
#[derive(Serialize, Deserialize)]
pub struct Head<'a> {
    /// The source's number of the request.
    pub seq: u64,
    /// Who sent it.
    pub source: &'a str,
    /// Its id; empty where that is its number.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// When the router took it; zero where it was not taken.
    pub time_ns: u64,
    flags: u8,
}

/// The fields of a binary `reported`.
#[derive(Serialize, Deserialize)]
pub struct ReportedRecord<'a> {
    /// The number of the request.
    pub seq: u64,
    /// Who asked.
    pub source: &'a str,
    /// When the router took it, in nanoseconds of Unix time.
    pub time_ns: u64,
    /// The number of the report.
    pub report: u64,
}

/// The fields of a binary `rejected`.
#[derive(Serialize, Deserialize)]
pub struct RejectedRecord<'a> {
    /// Which request.
    #[serde(borrow)]
    pub head: Head<'a>,
    /// Why.
    pub code: &'a str,
    /// Why, in a sentence.
    pub reason: &'a str,
}

impl<'a> Echo<'a> {
    /// The source as text.
    ///
    /// # Panics
    /// If it is not UTF-8: names are ASCII.
    #[must_use]
    pub fn source_text(&self) -> &'a str {
        str::from_utf8(self.source).expect("names are ASCII, and were texts before")
    }

    /// The head of a binary reply.
    ///
    /// # Panics
    /// As [`Echo::source_text`].
    #[must_use]
    pub fn head(&self) -> Head<'a> {
        let id = self.id.map_or(Cow::Borrowed(""), |id| Cow::Owned(id.to_string()));
        let (seq, source) = (self.seq.get(), self.source_text());
        Head { seq, source, id, time_ns: self.time_ns, flags: self.flags() }
    }

    /// Appends the bytes of [`Echo::head`] without the codec's detours.
    ///
    /// # Panics
    /// Never: a `usize` fits into 64 bits.
    #[inline]
    pub fn write_head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.seq.get().to_le_bytes());
        write_text(self.source, out);
        match self.id {
            None => out.extend_from_slice(&[0; 8]),
            Some(MessageId::Text(text)) => write_text(text.as_bytes(), out),
            Some(number) => write_text(number.to_string().as_bytes(), out),
        }
        out.extend_from_slice(&self.time_ns.to_le_bytes());
        out.push(self.flags());
    }

    const fn flags(&self) -> u8 {
        let mut flags = 0;
        if self.duplicate {
            flags |= DUPLICATE;
        }
        if self.late {
            flags |= LATE;
        }
        flags
    }

    /// Begins a JSON reply of this type.
    pub fn begin<'o>(&self, kind: &str, out: &'o mut Vec<u8>) -> Object<'o> {
        let mut object = Object::begin(out);
        object.plain("type", kind);
        object.text("source", self.source_text());
        object.number("seq", self.seq.get());
        match self.id {
            None => {}
            Some(MessageId::Text(text)) => object.plain("id", text.as_str()),
            Some(number) => object.plain("id", &number.to_string()),
        }
        if 0 < self.time_ns {
            object.time("time", self.time_ns);
        }
        object.flag("duplicate", self.duplicate);
        object.flag("late", self.late);
        object
    }
}

#[inline]
fn write_text(text: &[u8], out: &mut Vec<u8>) {
    let len = u64::try_from(text.len()).expect("a usize fits");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(text);
}

impl Head<'_> {
    /// What names the message.
    ///
    /// # Errors
    /// Its id is none.
    pub fn id(&self) -> Result<MessageId, DecodeError> {
        if self.id.is_empty() {
            return Ok(Seq::new(self.seq).into());
        }
        Ok(MessageId::new(self.id.as_bytes())?)
    }

    /// Whether it is the first reply given again.
    #[must_use]
    pub const fn duplicate(&self) -> bool {
        self.flags & DUPLICATE != 0
    }

    /// Whether it follows a reply given before.
    #[must_use]
    pub const fn late(&self) -> bool {
        self.flags & LATE != 0
    }
}

/// Appends `reported`: a JSON object without a line's end, or a binary record with its size.
pub fn write_reported(encoding: Encoding, echo: Echo<'_>, report: ReportNumber, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Json => {
            let mut object = echo.begin("reported", out);
            object.number("report", report.get());
            object.end();
        }
        Encoding::Binary => append_sized(out, |out| {
            let (seq, source, time_ns) = (echo.seq.get(), echo.source_text(), echo.time_ns);
            let record = ReportedRecord { seq, source, time_ns, report: report.get() };
            codec::append((REPORTED, record), out);
        }),
    }
}

/// Appends `rejected`, as [`write_reported`] does.
pub fn write_rejected(
    encoding: Encoding,
    echo: Echo<'_>,
    code: &str,
    reason: &str,
    out: &mut Vec<u8>,
) {
    match encoding {
        Encoding::Json => {
            let mut object = echo.begin("rejected", out);
            object.plain("code", code);
            object.text("reason", reason);
            object.end();
        }
        Encoding::Binary => append_sized(out, |out| {
            codec::append((REJECTED, RejectedRecord { head: echo.head(), code, reason }), out);
        }),
    }
}
