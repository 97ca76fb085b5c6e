//! Replies as records of a binary batch: a tag, a head, and fields.

use std::borrow::Cow;
use std::time::Duration;

use allot_domain::{Incarnation, Seq};
use allot_signals_rules::{ComponentName, Period, Unix};
use allot_wire::reply::{Head, REJECTED, RejectedRecord, write_rejected};
use allot_wire::{DecodeError, Encoding, append_sized, codec};
use serde::{Deserialize, Serialize};

use super::{Reply, ReplyBody};
use crate::problem_text::read_number;
use crate::request::{decode_error, millis};
use crate::status::StatusRecord;

const SIGNAL: u8 = 32;
const HELD: u8 = 33;
const REGISTERED: u8 = 34;
const TAKEN: u8 = 35;
const ACCEPTED: u8 = 36;
const DEREGISTERED: u8 = 37;
const STATUS: u8 = 38;

/// A head, when the reply left, and what else there is.
#[derive(Serialize, Deserialize)]
struct Record<'a, T> {
    #[serde(borrow)]
    head: Head<'a>,
    sent_ns: u64,
    fields: T,
}

/// Appends a reply as a record with its size.
pub(super) fn encode(reply: &Reply, out: &mut Vec<u8>) {
    match &reply.body {
        ReplyBody::Signal { generator, period, value } => {
            append(reply, SIGNAL, (generator.as_str(), period.get(), value.get()), out);
        }
        ReplyBody::Held { generator, period } => {
            append(reply, HELD, (generator.as_str(), period.get()), out);
        }
        ReplyBody::Registered { lease, decided } => {
            append(reply, REGISTERED, (millis(*lease), decided.map(Period::get)), out);
        }
        ReplyBody::Taken { instance, since, lease } => {
            append(reply, TAKEN, (instance.get(), since.get(), millis(*lease)), out);
        }
        ReplyBody::Accepted { period, .. } => append(reply, ACCEPTED, period.get(), out),
        ReplyBody::Deregistered { name } => append(reply, DEREGISTERED, name.as_str(), out),
        ReplyBody::Status(status) => append(reply, STATUS, StatusRecord::of(status), out),
        ReplyBody::Rejected { code, reason } => {
            write_rejected(Encoding::Binary, reply.echo(), code, reason, out);
        }
    }
}

fn append(reply: &Reply, tag: u8, fields: impl Serialize, out: &mut Vec<u8>) {
    let record = Record { head: reply.echo().head(), sent_ns: reply.sent.get(), fields };
    append_sized(out, |out| codec::append((tag, record), out));
}

pub(super) fn decode(record: &[u8]) -> Result<Reply, DecodeError> {
    let (tag, rest) = record.split_first().ok_or_else(|| DecodeError::new("an empty record"))?;
    match *tag {
        SIGNAL => read::<(Cow<'_, str>, u64, f64)>(rest, |(generator, period, value), _| {
            let value = read_number(value).map_err(|reject| decode_error(&reject))?;
            let (generator, period) = (name(&generator)?, Period::new(period));
            Ok(ReplyBody::Signal { generator, period, value })
        }),
        HELD => read::<(Cow<'_, str>, u64)>(rest, |(generator, period), _| {
            Ok(ReplyBody::Held { generator: name(&generator)?, period: Period::new(period) })
        }),
        REGISTERED => read::<(u64, Option<u64>)>(rest, |(lease, decided), _| {
            let (lease, decided) = (Duration::from_millis(lease), decided.map(Period::new));
            Ok(ReplyBody::Registered { lease, decided })
        }),
        TAKEN => read::<(u64, u64, u64)>(rest, |(instance, since, lease), _| {
            let (instance, since) = (Incarnation::new(instance), Unix::new(since));
            Ok(ReplyBody::Taken { instance, since, lease: Duration::from_millis(lease) })
        }),
        ACCEPTED => read::<u64>(rest, |period, head| {
            Ok(ReplyBody::Accepted { period: Period::new(period), duplicate: head.duplicate() })
        }),
        DEREGISTERED => {
            read::<Cow<'_, str>>(rest, |free, _| Ok(ReplyBody::Deregistered { name: name(&free)? }))
        }
        STATUS => read::<StatusRecord<'_>>(rest, |status, _| {
            Ok(ReplyBody::Status(Box::new(status.read()?)))
        }),
        REJECTED => {
            let RejectedRecord { head, code, reason } = codec::decode(rest)?;
            let (code, reason) = (code.to_owned(), reason.to_owned());
            let sent = Unix::new(head.time_ns);
            Ok(reply(&head, sent, ReplyBody::Rejected { code, reason }))
        }
        tag => Err(DecodeError::new(format!("no tag of a reply: {tag}"))),
    }
}

fn read<'a, T: Deserialize<'a>>(
    rest: &'a [u8],
    body: impl FnOnce(T, &Head<'_>) -> Result<ReplyBody, DecodeError>,
) -> Result<Reply, DecodeError> {
    let Record { head, sent_ns, fields } = codec::decode::<Record<'a, T>>(rest)?;
    let body = body(fields, &head)?;
    Ok(reply(&head, Unix::new(sent_ns), body))
}

fn reply(head: &Head<'_>, sent: Unix, body: ReplyBody) -> Reply {
    let (source, seq) = (head.source.to_owned(), Seq::new(head.seq));
    Reply { source, seq, time: Unix::new(head.time_ns), sent, body }
}

fn name(text: &str) -> Result<ComponentName, DecodeError> {
    ComponentName::new(text.as_bytes()).map_err(|reject| decode_error(&reject))
}
