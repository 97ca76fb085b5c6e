//! Requests as records of a binary batch.

use std::borrow::Cow;
use std::time::Duration;

use allot_domain::{Reject as Core, Seq};
use allot_signals_rules::{
    Ask, ComponentName, Decision, Deregistration, Period, RegisterRequest, Reject, Unix, limits,
};
use allot_wire::{Rejection, codec, origin, write_only_record};
use serde::{Deserialize, Serialize};

use super::{Request, RequestBody, RequestKind, check_reports, instance, millis, own_name};
use crate::problem_text::{ProblemRecord, ReportRecord, read_number};

/// What every record begins with.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    seq: u64,
    #[serde(borrow)]
    source: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct AskRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    period: u64,
    length_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct RegisterRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    time_ns: u64,
    instance: u64,
    length_ms: u64,
    #[serde(borrow)]
    problem: Option<ProblemRecord<'a>>,
    #[serde(borrow)]
    generators: Vec<ReportRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
struct DecisionRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    time_ns: u64,
    instance: u64,
    period: u64,
    length_ms: u64,
    value: f64,
}

#[derive(Serialize, Deserialize)]
struct DeregisterRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    instance: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct StatusRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    #[serde(borrow)]
    after: Option<Cow<'a, str>>,
}

pub(super) fn encode(request: &Request, out: &mut Vec<u8>) {
    let head = Head { seq: request.seq.get(), source: request.source.as_str().into() };
    let kind = request.kind().number();
    match &request.body {
        RequestBody::Ask(Ask { period, length }) => {
            let (period, length_ms) = (period.get(), millis(*length));
            write_only_record(out, kind, AskRecord { head, period, length_ms });
        }
        RequestBody::Register(register) => {
            let record = RegisterRecord {
                head,
                time_ns: register.time.get(),
                instance: register.instance.get(),
                length_ms: millis(register.length),
                problem: register.problem.as_ref().map(ProblemRecord::of),
                generators: register.reports.iter().map(ReportRecord::of).collect(),
            };
            write_only_record(out, kind, record);
        }
        RequestBody::Decision(decision) => {
            let record = DecisionRecord {
                head,
                time_ns: decision.time.get(),
                instance: decision.instance.get(),
                period: decision.period.get(),
                length_ms: millis(decision.length),
                value: decision.value.get(),
            };
            write_only_record(out, kind, record);
        }
        RequestBody::Deregister(Deregistration { name, instance }) => {
            let instance = instance.map(allot_domain::Incarnation::get);
            let record = DeregisterRecord { head, name: name.as_str().into(), instance };
            write_only_record(out, kind, record);
        }
        RequestBody::Status(after) => {
            let after = after.as_ref().map(|after| after.as_str().into());
            write_only_record(out, kind, StatusRecord { head, after });
        }
    }
}

pub(super) fn decode(kind: RequestKind, record: &[u8]) -> Result<Request, Rejection> {
    let read = match kind {
        RequestKind::Ask => codec::decode(record).map(ask),
        RequestKind::Register => codec::decode(record).map(register),
        RequestKind::Decision => codec::decode(record).map(decision),
        RequestKind::Deregister => codec::decode(record).map(deregister),
        RequestKind::Status => codec::decode(record).map(status),
    };
    let read = read.unwrap_or_else(|error| {
        Err(Core::MalformedMessage(format!("a damaged record: {error}")).into())
    });
    read.map_err(|reject: Reject| {
        let head: Option<Head<'_>> = codec::decode_prefix(record).ok();
        let (source, seq) = head.map_or((Cow::default(), 0), |head| (head.source, head.seq));
        Rejection::new(source.as_bytes(), Seq::new(seq), &reject)
    })
}

fn ask(record: AskRecord<'_>) -> Result<Request, Reject> {
    let (source, seq) = origin(&record.head.source, record.head.seq)?;
    let length = Duration::from_millis(record.length_ms);
    let body = RequestBody::Ask(Ask { period: Period::new(record.period), length });
    Ok(Request { source, seq, body })
}

fn register(record: RegisterRecord<'_>) -> Result<Request, Reject> {
    let (source, seq) = origin(&record.head.source, record.head.seq)?;
    if limits::GENERATORS_MAX < record.generators.len() {
        // Not read one by one: they may be many.
        let (count, most) = (record.generators.len(), limits::GENERATORS_MAX);
        let what = format!("\"generators\" has {count} entries; at most {most} are allowed");
        return Err(Core::MalformedField(what).into());
    }
    let reports = record.generators.iter().map(ReportRecord::read);
    let reports = reports.collect::<Result<Vec<_>, _>>()?;
    check_reports(&reports)?;
    let register = RegisterRequest {
        name: own_name(&source)?,
        instance: instance(record.instance)?,
        length: Duration::from_millis(record.length_ms),
        time: Unix::new(record.time_ns),
        problem: record.problem.as_ref().map(ProblemRecord::read).transpose()?,
        reports,
    };
    Ok(Request { source, seq, body: RequestBody::Register(Box::new(register)) })
}

fn decision(record: DecisionRecord<'_>) -> Result<Request, Reject> {
    let (source, seq) = origin(&record.head.source, record.head.seq)?;
    let decision = Decision {
        name: own_name(&source)?,
        instance: instance(record.instance)?,
        period: Period::new(record.period),
        length: Duration::from_millis(record.length_ms),
        time: Unix::new(record.time_ns),
        value: read_number(record.value)?,
    };
    Ok(Request { source, seq, body: RequestBody::Decision(decision) })
}

fn deregister(record: DeregisterRecord<'_>) -> Result<Request, Reject> {
    let (source, seq) = origin(&record.head.source, record.head.seq)?;
    let name = ComponentName::new(record.name.as_bytes())?;
    let instance = record.instance.map(instance).transpose()?;
    Ok(Request { source, seq, body: RequestBody::Deregister(Deregistration { name, instance }) })
}

fn status(record: StatusRecord<'_>) -> Result<Request, Reject> {
    let (source, seq) = origin(&record.head.source, record.head.seq)?;
    let after = record.after.map(|after| ComponentName::new(after.as_bytes())).transpose()?;
    Ok(Request { source, seq, body: RequestBody::Status(after) })
}
