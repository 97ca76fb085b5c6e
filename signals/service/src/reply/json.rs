//! Replies as JSON objects.

use std::borrow::Cow;
use std::time::Duration;

use allot_domain::{Incarnation, Seq};
use allot_signals_rules::{ComponentName, Period, Unix};
use allot_wire::json::required as need;
use allot_wire::reply::write_rejected;
use allot_wire::{DecodeError, Encoding};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Reply, ReplyBody};
use crate::request::{decode_error, millis};
use crate::status::{StateObject, StatusObject, read_json, read_time, value_of};

/// Appends a reply as one object, without a line's end.
pub(super) fn encode(reply: &Reply, out: &mut Vec<u8>) {
    let echo = reply.echo();
    let kind = match &reply.body {
        ReplyBody::Rejected { code, reason } => {
            return write_rejected(Encoding::Json, echo, code, reason, out);
        }
        ReplyBody::Signal { .. } => "signal",
        ReplyBody::Held { .. } => "held",
        ReplyBody::Registered { .. } => "registered",
        ReplyBody::Taken { .. } => "taken",
        ReplyBody::Accepted { .. } => "accepted",
        ReplyBody::Deregistered { .. } => "deregistered",
        ReplyBody::Status(_) => "status",
    };
    let mut object = echo.begin(kind, out);
    object.time("sent", reply.sent.get());
    match &reply.body {
        ReplyBody::Signal { generator, period, value } => {
            object.plain("generator", generator.as_str());
            object.number("period", period.get());
            object.literal("value", value);
        }
        ReplyBody::Held { generator, period } => {
            object.plain("generator", generator.as_str());
            object.number("period", period.get());
        }
        ReplyBody::Registered { lease, decided } => {
            object.number("lease_ms", millis(*lease));
            if let Some(period) = decided {
                object.number("decided", period.get());
            }
        }
        ReplyBody::Taken { instance, since, lease } => {
            object.number("instance", instance.get());
            object.time("since", since.get());
            object.number("lease_ms", millis(*lease));
        }
        ReplyBody::Accepted { period, .. } => object.number("period", period.get()),
        ReplyBody::Deregistered { name } => object.plain("name", name.as_str()),
        ReplyBody::Status(status) => status.write_fields(&mut object),
        ReplyBody::Rejected { .. } => {}
    }
    object.end();
}

/// Every field that a reply other than `status` has.
#[derive(Deserialize)]
struct ReplyObject<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sent: Option<Cow<'a, str>>,
    #[serde(borrow)]
    generator: Option<Cow<'a, str>>,
    period: Option<u64>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    lease_ms: Option<u64>,
    decided: Option<u64>,
    instance: Option<u64>,
    #[serde(borrow)]
    since: Option<Cow<'a, str>>,
    #[serde(default)]
    duplicate: bool,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

pub(super) fn decode(line: &[u8]) -> Result<Reply, DecodeError> {
    let object: ReplyObject<'_> = read_json(line)?;
    let time = object.time.as_deref().map(read_time).transpose()?.unwrap_or_default();
    let sent = object.sent.as_deref().map(read_time).transpose()?.unwrap_or(time);
    let body = match object.kind.as_ref() {
        "status" => {
            let state = read_json::<StateObject<'_>>(line)?.read()?;
            let status = read_json::<StatusObject<'_>>(line)?.read(state)?;
            ReplyBody::Status(Box::new(status))
        }
        _ => object.body()?,
    };
    let source = object.source.into_owned();
    Ok(Reply { source, seq: Seq::new(object.seq), time, sent, body })
}

impl ReplyObject<'_> {
    fn body(&self) -> Result<ReplyBody, DecodeError> {
        Ok(match self.kind.as_ref() {
            "signal" => ReplyBody::Signal {
                generator: self.name(self.generator.as_deref(), "generator")?,
                period: self.period()?,
                value: value_of(need("value", self.value)?)?,
            },
            "held" => ReplyBody::Held {
                generator: self.name(self.generator.as_deref(), "generator")?,
                period: self.period()?,
            },
            "registered" => ReplyBody::Registered {
                lease: self.lease()?,
                decided: self.decided.map(Period::new),
            },
            "taken" => ReplyBody::Taken {
                instance: Incarnation::new(need("instance", self.instance)?),
                since: self.since()?,
                lease: self.lease()?,
            },
            "accepted" => ReplyBody::Accepted { period: self.period()?, duplicate: self.duplicate },
            "deregistered" => {
                ReplyBody::Deregistered { name: self.name(self.name.as_deref(), "name")? }
            }
            "rejected" => ReplyBody::Rejected {
                code: need("code", self.code.clone())?.into_owned(),
                reason: need("reason", self.reason.clone())?.into_owned(),
            },
            other => return Err(DecodeError::new(format!("no type of a reply: {other}"))),
        })
    }

    fn period(&self) -> Result<Period, DecodeError> {
        need("period", self.period).map(Period::new)
    }

    fn lease(&self) -> Result<Duration, DecodeError> {
        need("lease_ms", self.lease_ms).map(Duration::from_millis)
    }

    fn since(&self) -> Result<Unix, DecodeError> {
        read_time(need("since", self.since.as_deref())?)
    }

    fn name(&self, text: Option<&str>, field: &str) -> Result<ComponentName, DecodeError> {
        let name = ComponentName::new(need(field, text)?.as_bytes());
        name.map_err(|reject| decode_error(&reject))
    }
}
