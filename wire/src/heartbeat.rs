//! Heartbeat: the publisher says each second that it is there.

use std::borrow::Cow;

use allot_domain::{Incarnation, LedgerId, ReportNumber};
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, KIND_HEARTBEAT, write_only_record};
use crate::codec;
use crate::json::Object;
use crate::ledger::{LedgerBytes, ledger_bytes, ledger_of, read_ledger, write_ledger};
use crate::{DecodeError, Encoding, timestamp};

/// What the publisher says each second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// When: nanoseconds of Unix time.
    pub time_ns: u64,
    /// Which incarnation of the publisher: sequences of topics start again with each.
    pub incarnation: Incarnation,
    /// The ledger of the shards; none where nothing is kept, none is known yet, or they disagree.
    pub ledger: Option<LedgerId>,
    /// The number of the last report; zero before the first.
    pub report: ReportNumber,
    /// How many shards there are.
    pub shards: u32,
    /// What is missing or doubtful, in sentences; empty when all is well.
    pub degraded: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct HeartbeatRecord<'a> {
    time_ns: u64,
    incarnation: u64,
    ledger: LedgerBytes,
    report: u64,
    shards: u32,
    degraded: Cow<'a, [String]>,
}

#[derive(Deserialize)]
struct HeartbeatObject<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    publisher: u64,
    #[serde(default, borrow)]
    ledger: Option<Cow<'a, str>>,
    report: u64,
    shards: u32,
    #[serde(default)]
    degraded: Vec<String>,
}

impl Heartbeat {
    /// Writes the body of `heartbeat:`; `out` then holds nothing else.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        out.clear();
        match encoding {
            Encoding::Json => self.write_json(out),
            Encoding::Binary => self.write_binary(out),
        }
    }

    /// Reads such a body in either encoding.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        match Encoding::of(body) {
            Encoding::Json => Self::read_json(body),
            Encoding::Binary => Self::read_binary(body),
        }
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.plain("type", "heartbeat");
        object.time("time", self.time_ns);
        object.number("publisher", self.incarnation.get());
        write_ledger(self.ledger, &mut object);
        object.number("report", self.report.get());
        object.number("shards", self.shards.into());
        object.texts("degraded", &self.degraded);
        object.end();
    }

    fn read_json(body: &[u8]) -> Result<Self, DecodeError> {
        let object: HeartbeatObject<'_> = serde_json::from_slice(body)?;
        if object.kind != "heartbeat" {
            return Err(DecodeError::new("the type \"heartbeat\" is expected"));
        }
        let time_ns = timestamp::parse(&object.time)
            .ok_or_else(|| DecodeError::new("the time is not of RFC 3339"))?;
        Ok(Self {
            time_ns,
            incarnation: Incarnation::new(object.publisher),
            ledger: read_ledger(object.ledger.as_deref())?,
            report: ReportNumber::new(object.report),
            shards: object.shards,
            degraded: object.degraded,
        })
    }

    fn write_binary(&self, out: &mut Vec<u8>) {
        let record = HeartbeatRecord {
            time_ns: self.time_ns,
            incarnation: self.incarnation.get(),
            ledger: ledger_bytes(self.ledger),
            report: self.report.get(),
            shards: self.shards,
            degraded: Cow::Borrowed(&self.degraded),
        };
        write_only_record(out, KIND_HEARTBEAT, record);
    }

    fn read_binary(body: &[u8]) -> Result<Self, DecodeError> {
        let record: HeartbeatRecord<'_> = codec::decode(Batch::only(body, KIND_HEARTBEAT)?)?;
        Ok(Self {
            time_ns: record.time_ns,
            incarnation: Incarnation::new(record.incarnation),
            ledger: ledger_of(record.ledger),
            report: ReportNumber::new(record.report),
            shards: record.shards,
            degraded: record.degraded.into_owned(),
        })
    }
}
