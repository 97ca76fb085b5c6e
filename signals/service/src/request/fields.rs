//! Fields: the known fields of a JSON request, each as the text that stands there.

use std::borrow::Cow;
use std::time::Duration;

use allot_domain::{Incarnation, Reject as Core, Seq, SourceId};
use allot_signals_rules::{
    Ask, ComponentName, ComponentReport, Decision, Deregistration, Period, Problem,
    RegisterRequest, Reject, Unix,
};
use allot_wire::json::{Field, each_entry, need, string, unknown_field};
use allot_wire::{Rejection, origin, timestamp};
use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;

use super::{
    Request, RequestBody, RequestKind, check_reports, instance, own_name, read_value, unknown_type,
};
use crate::problem_text::{ProblemObject, ReportObject};

/// The fields of a request, in the order of their names below.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    fields: [Field<'a>; NAMES.len()],
    /// The name of the first field that no request has.
    unknown: Option<Cow<'a, str>>,
}

const NAMES: [&str; 12] = [
    "type",
    "source",
    "seq",
    "time",
    "instance",
    "period",
    "length_ms",
    "value",
    "problem",
    "generators",
    "name",
    "after",
];

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> &Field<'a> {
        let at = NAMES.iter().position(|known| *known == name).expect("only known names are asked");
        &self.fields[at]
    }

    /// Refuses what a request of this kind has no field for, and what says nothing.
    fn refuse_unknown(&self, kind: RequestKind) -> Result<(), Core> {
        let known = known_fields(kind);
        if let Some(name) = &self.unknown {
            return Err(unknown_field(name, known));
        }
        for field in &self.fields {
            if field.value.is_some() && !known.contains(&field.name()) {
                return Err(unknown_field(field.name(), known));
            }
            field.refuse_empty(|| {
                let is_needed = !OPTIONAL_FIELDS.contains(&field.name());
                is_needed.then(|| format!("the type \"{}\"", kind.name()))
            })?;
        }
        Ok(())
    }

    /// Echoes what can be read of a request that is refused.
    pub(super) fn rejection(&self, reject: &Reject) -> Rejection {
        let source = self.get("source").text().unwrap_or_default();
        let seq = Seq::new(self.get("seq").whole().unwrap_or_default());
        Rejection::new(source.as_bytes(), seq, reject)
    }

    /// The request that the fields make.
    pub(super) fn request(&self) -> Result<Request, Reject> {
        let json = self.get("type").json()?;
        let word = string(json);
        let known = RequestKind::ALL.into_iter().find(|kind| word.as_deref() == Some(kind.name()));
        let kind =
            known.ok_or_else(|| unknown_type(&Core::quote(word.as_deref().unwrap_or(json))))?;
        self.refuse_unknown(kind)?;
        for name in needed_fields(kind) {
            need([self.get(name)])?;
        }
        let (source, seq) = (self.get("source").text()?, self.get("seq").whole()?);
        let (source, seq) = origin(&source, seq)?;
        let body = match kind {
            RequestKind::Ask => RequestBody::Ask(self.ask()?),
            RequestKind::Register => RequestBody::Register(Box::new(self.register(&source)?)),
            RequestKind::Decision => RequestBody::Decision(self.decision(&source)?),
            RequestKind::Deregister => RequestBody::Deregister(self.deregister()?),
            RequestKind::Status => RequestBody::Status(self.name("after")?),
        };
        Ok(Request { source, seq, body })
    }

    fn ask(&self) -> Result<Ask, Reject> {
        Ok(Ask { period: self.period()?, length: self.length()? })
    }

    fn register(&self, source: &SourceId) -> Result<RegisterRequest, Reject> {
        Ok(RegisterRequest {
            name: own_name(source)?,
            instance: instance(self.get("instance").whole()?)?,
            length: self.length()?,
            time: self.time()?,
            problem: self.problem()?,
            reports: self.reports()?,
        })
    }

    fn decision(&self, source: &SourceId) -> Result<Decision, Reject> {
        Ok(Decision {
            name: own_name(source)?,
            instance: instance(self.get("instance").whole()?)?,
            period: self.period()?,
            length: self.length()?,
            time: self.time()?,
            value: read_value(&self.get("value").scalar()?)?,
        })
    }

    fn deregister(&self) -> Result<Deregistration, Reject> {
        let name = self.name("name")?.ok_or(Core::MissingField("name"))?;
        let number =
            self.get("instance").value.map(|_| self.get("instance").whole()).transpose()?;
        let instance: Option<Incarnation> = number.map(instance).transpose()?;
        Ok(Deregistration { name, instance })
    }

    fn period(&self) -> Result<Period, Reject> {
        Ok(Period::new(self.get("period").whole()?))
    }

    fn length(&self) -> Result<Duration, Reject> {
        Ok(Duration::from_millis(self.get("length_ms").whole()?))
    }

    fn time(&self) -> Result<Unix, Reject> {
        let field = self.get("time");
        let text = field.text()?;
        let time = timestamp::parse(&text).map(Unix::new);
        let rule = "must be a time like 2026-11-20T10:00:00.000000000Z: UTC, with nine decimals, \
                    and Z at its end";
        let malformed = || format!("the field \"time\" {rule}; it was {}", Core::quote(&text));
        Ok(time.ok_or_else(|| Core::MalformedField(malformed()))?)
    }

    fn name(&self, name: &str) -> Result<Option<ComponentName>, Reject> {
        let field = self.get(name);
        let text = field.value.map(|_| field.text()).transpose()?;
        text.map(|text| ComponentName::new(text.as_bytes())).transpose()
    }

    fn problem(&self) -> Result<Option<Problem>, Reject> {
        let field = self.get("problem");
        let Some(_) = field.value else { return Ok(None) };
        let object: ProblemObject<'_> = serde_json::from_str(field.json()?)
            .map_err(|_| field.malformed("must be a problem, as the page has it"))?;
        object.read().map(Some)
    }

    fn reports(&self) -> Result<Vec<ComponentReport>, Reject> {
        let field = self.get("generators");
        let Some(_) = field.value else { return Ok(Vec::new()) };
        let objects: Vec<ReportObject<'_>> = serde_json::from_str(field.json()?)
            .map_err(|_| field.malformed("must be a list of generators, as the page has it"))?;
        let reports: Vec<_> = objects.iter().map(ReportObject::read).collect::<Result<_, _>>()?;
        check_reports(&reports)?;
        Ok(reports)
    }
}

/// Fields that a request may do without.
const OPTIONAL_FIELDS: &[&str] = &["instance", "problem", "generators", "after"];

/// The fields of a request, in the order of the page.
const fn known_fields(kind: RequestKind) -> &'static [&'static str] {
    match kind {
        RequestKind::Ask => &["type", "source", "seq", "period", "length_ms"],
        RequestKind::Register => {
            &["type", "source", "seq", "time", "instance", "length_ms", "problem", "generators"]
        }
        RequestKind::Decision => {
            &["type", "source", "seq", "time", "instance", "period", "length_ms", "value"]
        }
        RequestKind::Deregister => &["type", "source", "seq", "name", "instance"],
        RequestKind::Status => &["type", "source", "seq", "after"],
    }
}

/// The fields that a request must have, in the order of the page.
const fn needed_fields(kind: RequestKind) -> &'static [&'static str] {
    match kind {
        RequestKind::Ask => &["source", "seq", "period", "length_ms"],
        RequestKind::Register => &["source", "seq", "time", "instance", "length_ms"],
        RequestKind::Decision => {
            &["source", "seq", "time", "instance", "period", "length_ms", "value"]
        }
        RequestKind::Deregister => &["source", "seq", "name"],
        RequestKind::Status => &["source", "seq"],
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Fields { fields: NAMES.map(Field::named), unknown: None };
        each_entry(deserializer, |name: Cow<'de, str>, value: &'de RawValue| {
            match NAMES.iter().position(|known| *known == name) {
                Some(at) => fields.fields[at].set(value),
                None => {
                    fields.unknown.get_or_insert(name);
                }
            }
        })?;
        Ok(fields)
    }
}
