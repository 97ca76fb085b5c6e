//! Reply: what the front door sends back, and what a client makes of it.
//!
//! | tag | type      | binary, behind the head | JSON, behind `source` and `seq` |
//! |-----|-----------|-------------------------|---------------------------------|
//! | 1   | counted   | `key 16 │ value 8`      | `key`, `value`                  |
//! | 2   | awaiting  | `key 16 │ threshold 8`  | `key`, `threshold`              |
//! | 3   | reached   | `key 16 │ value 8`      | `key`, `value`                  |
//! | 4   | cancelled | `key 16 │ of 8`         | `key`, `of`                     |
//! | 5   | reported  | the core's              | `report`                        |
//! | 6   | rejected  | the core's              | `code`, `reason`                |
//! | 7   | raised    | `number 8`              | `number`                        |

use allot_domain::{Cursor, ReportNumber, Seq};
use allot_wire::json::required;
use allot_wire::reply::{
    Echo, Head, REJECTED, REPORTED, RejectedRecord, ReportedRecord, write_rejected,
};
use allot_wire::{Batch, DecodeError, Encoding, KIND_REPLIES, PaddedTicker, append_sized, codec};
use serde::Deserialize;

use crate::rules::{Key, Outcome, What};

const COUNTED: u8 = 1;
const AWAITING: u8 = 2;
const REACHED: u8 = 3;
const CANCELLED: u8 = 4;
const RAISED: u8 = 7;

/// A reply, as a client has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Whose request; empty where it could not be read.
    pub source: String,
    /// Which; zero where it could not be read.
    pub seq: Seq,
    /// Whether the request was applied before.
    pub duplicate: bool,
    /// Whether it follows an `awaiting`.
    pub late: bool,
    /// What it says.
    pub body: ReplyBody,
}

/// What a reply says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplyBody {
    /// As [`What::Counted`].
    Counted(Key, u64),
    /// As [`What::Awaiting`].
    Awaiting(Key, u64),
    /// As [`What::Reached`].
    Reached(Key, u64),
    /// As [`What::Cancelled`].
    Cancelled(Key, Seq),
    /// As [`What::Raised`].
    Raised(u64),
    /// A report of this number is on its way to the subscribers.
    Reported(ReportNumber),
    /// Nothing changed; holds the code, and the reason in a sentence.
    Rejected(String, String),
}

/// Appends the reply: a JSON object without a line's end, or a binary record with its size.
pub(super) fn encode(outcome: &Outcome, encoding: Encoding, out: &mut Vec<u8>) {
    let Outcome { name, is_duplicate, is_late, what } = outcome;
    let (source, seq) = (name.source.as_bytes(), name.seq);
    let (id, time_ns) = (None, 0);
    let echo = Echo { source, seq, id, time_ns, duplicate: *is_duplicate, late: *is_late };
    let writer = Writer { echo, encoding, out };
    match what {
        What::Counted { key, value } => writer.keyed(COUNTED, "counted", key, "value", *value),
        What::Awaiting { key, threshold } => {
            writer.keyed(AWAITING, "awaiting", key, "threshold", *threshold);
        }
        What::Reached { key, value } => writer.keyed(REACHED, "reached", key, "value", *value),
        What::Cancelled { key, of } => writer.keyed(CANCELLED, "cancelled", key, "of", of.get()),
        What::Raised { number } => writer.raised(*number),
        What::Rejected(reject) => {
            let Writer { echo, encoding, out } = writer;
            write_rejected(encoding, echo, reject.code(), &reject.to_string(), out);
        }
    }
}

/// Writes one reply.
struct Writer<'a> {
    echo: Echo<'a>,
    encoding: Encoding,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn keyed(self, tag: u8, kind: &str, key: &Key, name: &str, number: u64) {
        let Self { echo, encoding, out } = self;
        match encoding {
            Encoding::Json => {
                let mut object = echo.begin(kind, out);
                object.plain("key", key.as_str());
                object.number(name, number);
                object.end();
            }
            Encoding::Binary => append_sized(out, |out| {
                codec::append((tag, echo.head(), PaddedTicker::from(key), number), out);
            }),
        }
    }

    fn raised(self, number: u64) {
        let Self { echo, encoding, out } = self;
        match encoding {
            Encoding::Json => {
                let mut object = echo.begin("raised", out);
                object.number("number", number);
                object.end();
            }
            Encoding::Binary => {
                append_sized(out, |out| codec::append((RAISED, echo.head(), number), out));
            }
        }
    }
}

/// Reads a message of replies in either encoding, and appends them.
///
/// # Errors
/// Says what is wrong; replies before the fault have been appended.
pub fn decode_replies(message: &[u8], replies: &mut Vec<Reply>) -> Result<(), DecodeError> {
    if Encoding::of(message) == Encoding::Json {
        let lines = message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        return lines.map(decode_line).try_for_each(|reply| {
            replies.push(reply?);
            Ok(())
        });
    }
    let batch = Batch::read(message)?;
    if batch.kind != KIND_REPLIES {
        return Err(DecodeError::new(format!("kind {} is no reply", batch.kind)));
    }
    for record in batch.records() {
        replies.push(decode_record(record?)?);
    }
    Ok(())
}

fn decode_record(record: &[u8]) -> Result<Reply, DecodeError> {
    let mut cursor = Cursor::new(record);
    let tag = cursor.u8()?;
    let rest = cursor.rest();
    let keyed = |body: fn(Key, u64) -> ReplyBody| {
        let (head, key, number): (Head<'_>, PaddedTicker, u64) = codec::decode(rest)?;
        Ok(Reply::of(&head, body(key.read()?, number)))
    };
    match tag {
        COUNTED => keyed(ReplyBody::Counted),
        AWAITING => keyed(ReplyBody::Awaiting),
        REACHED => keyed(ReplyBody::Reached),
        CANCELLED => keyed(|key, of| ReplyBody::Cancelled(key, Seq::new(of))),
        RAISED => {
            let (head, number): (Head<'_>, u64) = codec::decode(rest)?;
            Ok(Reply::of(&head, ReplyBody::Raised(number)))
        }
        REPORTED => {
            let ReportedRecord { seq, source, report, .. } = codec::decode(rest)?;
            let body = ReplyBody::Reported(ReportNumber::new(report));
            Ok(Reply {
                source: source.to_owned(),
                seq: Seq::new(seq),
                duplicate: false,
                late: false,
                body,
            })
        }
        REJECTED => {
            let RejectedRecord { head, code, reason } = codec::decode(rest)?;
            Ok(Reply::of(&head, ReplyBody::Rejected(code.to_owned(), reason.to_owned())))
        }
        _ => Err(DecodeError::new(format!("the tag {tag} is no reply"))),
    }
}

impl Reply {
    fn of(head: &Head<'_>, body: ReplyBody) -> Self {
        Self {
            source: head.source.to_owned(),
            seq: Seq::new(head.seq),
            duplicate: head.duplicate(),
            late: head.late(),
            body,
        }
    }
}

/// Every field that any reply has.
#[derive(Deserialize)]
struct ReplyObject {
    #[serde(rename = "type")]
    kind: String,
    source: String,
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    #[serde(default)]
    late: bool,
    key: Option<String>,
    value: Option<u64>,
    threshold: Option<u64>,
    of: Option<u64>,
    number: Option<u64>,
    report: Option<u64>,
    code: Option<String>,
    reason: Option<String>,
}

fn decode_line(line: &[u8]) -> Result<Reply, DecodeError> {
    let object: ReplyObject = serde_json::from_slice(line)?;
    let key = || Ok::<_, DecodeError>(Key::new(required("key", object.key.as_ref())?.as_bytes())?);
    let value = || required("value", object.value);
    let body = match &*object.kind {
        "counted" => ReplyBody::Counted(key()?, value()?),
        "awaiting" => ReplyBody::Awaiting(key()?, required("threshold", object.threshold)?),
        "reached" => ReplyBody::Reached(key()?, value()?),
        "cancelled" => ReplyBody::Cancelled(key()?, Seq::new(required("of", object.of)?)),
        "raised" => ReplyBody::Raised(required("number", object.number)?),
        "reported" => ReplyBody::Reported(ReportNumber::new(required("report", object.report)?)),
        "rejected" => {
            let (code, reason) = (object.code.clone(), object.reason.clone());
            ReplyBody::Rejected(required("code", code)?, required("reason", reason)?)
        }
        _ => return Err(DecodeError::new("the type of this reply is not known")),
    };
    let ReplyObject { source, seq, duplicate, late, .. } = object;
    Ok(Reply { source, seq: Seq::new(seq), duplicate, late, body })
}
