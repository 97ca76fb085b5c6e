//! Problems and reports of generators, in both encodings.

use std::borrow::Cow;

use allot_domain::Reject as Core;
use allot_signals_rules::{ComponentReport, Period, Problem, ProblemKind, Reject, Unix, printable};
use allot_wire::json::Object;
use allot_wire::timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::request::read_value;

/// Writes a problem as an object of this name.
pub(crate) fn write_problem(object: &mut Object<'_>, name: &str, problem: Option<&Problem>) {
    if let Some(problem) = problem {
        let mut inner = object.object(name);
        write_problem_fields(&mut inner, problem);
        inner.end();
    }
}

pub(crate) fn write_problem_fields(object: &mut Object<'_>, problem: &Problem) {
    object.plain("kind", problem.kind.name());
    object.time("since", problem.since.get());
    object.text("reason", &problem.reason);
}

/// Writes a report of a generator as one object.
pub(crate) fn write_report(report: &ComponentReport, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    if !report.name.is_empty() {
        object.text("name", &report.name);
    }
    object.text("address", &report.address);
    if let Some((period, value)) = report.last {
        object.number("period", period.get());
        object.literal("value", value);
    }
    write_problem(&mut object, "problem", report.problem.as_ref());
    object.end();
}

/// A problem in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProblemObject<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    since: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
}

/// A report of a generator in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportObject<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    address: Cow<'a, str>,
    period: Option<u64>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    problem: Option<ProblemObject<'a>>,
}

impl ProblemObject<'_> {
    pub(crate) fn read(&self) -> Result<Problem, Reject> {
        let since = timestamp::parse(&self.since).map(Unix::new);
        problem(&self.kind, since, &self.reason)
    }
}

fn problem(kind: &str, since: Option<Unix>, reason: &str) -> Result<Problem, Reject> {
    let kind = kind.parse::<ProblemKind>().ok();
    match kind.zip(since) {
        Some((kind, since)) => Ok(Problem { kind, since, reason: printable(reason) }),
        None => {
            let what = "a problem has a kind of the page, a time in \"since\", and a reason";
            Err(Core::MalformedField(what.to_owned()).into())
        }
    }
}

impl ReportObject<'_> {
    pub(crate) fn read(&self) -> Result<ComponentReport, Reject> {
        let value = self.value.map(|value| read_value(value.get())).transpose()?;
        Ok(ComponentReport {
            name: printable(&self.name),
            address: printable(&self.address),
            last: self.period.map(Period::new).zip(value),
            problem: self.problem.as_ref().map(ProblemObject::read).transpose()?,
        })
    }
}

/// A problem in a binary record.
#[derive(Serialize, Deserialize)]
pub(crate) struct ProblemRecord<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    since_ns: u64,
    #[serde(borrow)]
    reason: Cow<'a, str>,
}

/// A report of a generator in a binary record.
#[derive(Serialize, Deserialize)]
pub(crate) struct ReportRecord<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    address: Cow<'a, str>,
    last: Option<(u64, f64)>,
    #[serde(borrow)]
    problem: Option<ProblemRecord<'a>>,
}

impl<'a> ProblemRecord<'a> {
    pub(crate) fn of(problem: &'a Problem) -> Self {
        Self {
            kind: problem.kind.name().into(),
            since_ns: problem.since.get(),
            reason: problem.reason.as_str().into(),
        }
    }

    pub(crate) fn read(&self) -> Result<Problem, Reject> {
        problem(&self.kind, Some(Unix::new(self.since_ns)), &self.reason)
    }
}

impl<'a> ReportRecord<'a> {
    pub(crate) fn of(report: &'a ComponentReport) -> Self {
        Self {
            name: report.name.as_str().into(),
            address: report.address.as_str().into(),
            last: report.last.map(|(period, value)| (period.get(), value.get())),
            problem: report.problem.as_ref().map(ProblemRecord::of),
        }
    }

    pub(crate) fn read(&self) -> Result<ComponentReport, Reject> {
        Ok(ComponentReport {
            name: printable(&self.name),
            address: printable(&self.address),
            last: self.last.map(read_dated).transpose()?,
            problem: self.problem.as_ref().map(ProblemRecord::read).transpose()?,
        })
    }
}

/// A value of a binary record.
pub(crate) fn read_number(number: f64) -> Result<allot_signals_rules::Value, Reject> {
    let not_finite = || Reject::ValueNotFinite(Core::quote(&number.to_string()));
    allot_signals_rules::Value::new(number).ok_or_else(not_finite)
}

/// A value of a period of a binary record.
pub(crate) fn read_dated(
    (period, number): (u64, f64),
) -> Result<(Period, allot_signals_rules::Value), Reject> {
    Ok((Period::new(period), read_number(number)?))
}
