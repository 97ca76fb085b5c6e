//! Request: what may be asked of a generator and of a trader.

mod binary;
mod fields;
mod json;

use core::time::Duration;

use allot_domain::{Incarnation, Reject as Core, Seq, SourceId};
use allot_signals_rules::{
    Ask, ComponentName, ComponentReport, Decision, Deregistration, RegisterRequest, Reject, Value,
    limits,
};
use allot_wire::{DecodeError, Encoding, Rejection};

/// A request whose every field is within the rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Who sends it.
    pub source: SourceId,
    /// The sender's number of it.
    pub seq: Seq,
    /// What it asks.
    pub body: RequestBody,
}

/// What a request asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RequestBody {
    /// The signal of a period, of a generator.
    Ask(Ask),
    /// A name at the trader, or its renewal.
    Register(Box<RegisterRequest>),
    /// A decision, for the trader.
    Decision(Decision),
    /// A name is given back to the trader.
    Deregister(Deregistration),
    /// The state of everything that the trader knows, from the strategy after this one on.
    Status(Option<ComponentName>),
}

/// Which request: the `type` of a JSON object, the kind of a binary batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestKind {
    /// Kind 33.
    Ask,
    /// Kind 34.
    Register,
    /// Kind 35.
    Decision,
    /// Kind 36.
    Deregister,
    /// Kind 37.
    Status,
}

impl RequestKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Ask, Self::Register, Self::Decision, Self::Deregister, Self::Status];

    /// The `type` of a JSON object.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Register => "register",
            Self::Decision => "decision",
            Self::Deregister => "deregister",
            Self::Status => "status",
        }
    }

    /// The kind of a binary batch.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Ask => 33,
            Self::Register => 34,
            Self::Decision => 35,
            Self::Deregister => 36,
            Self::Status => 37,
        }
    }

    /// The kind with this number.
    ///
    /// # Errors
    /// [`Core::UnknownType`].
    pub fn of_number(number: u8) -> Result<Self, Reject> {
        let known = Self::ALL.into_iter().find(|known| known.number() == number);
        known.ok_or_else(|| unknown_type(&number.to_string()))
    }
}

impl Request {
    /// Which of them it is.
    #[must_use]
    pub const fn kind(&self) -> RequestKind {
        match self.body {
            RequestBody::Ask(_) => RequestKind::Ask,
            RequestBody::Register(_) => RequestKind::Register,
            RequestBody::Decision(_) => RequestKind::Decision,
            RequestBody::Deregister(_) => RequestKind::Deregister,
            RequestBody::Status(_) => RequestKind::Status,
        }
    }

    /// Reads a line of JSON and judges every field of it.
    ///
    /// # Errors
    /// The first reject that applies; source and number are echoed where they can be read.
    pub fn decode_line(line: &[u8]) -> Result<Self, Rejection> {
        json::decode(line)
    }

    /// Reads a record of a binary batch.
    ///
    /// # Errors
    /// As [`Request::decode_line`].
    pub fn decode_record(kind: RequestKind, record: &[u8]) -> Result<Self, Rejection> {
        binary::decode(kind, record)
    }

    /// Writes a message of this request alone.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => {
                out.clear();
                json::encode(self, out);
            }
            Encoding::Binary => binary::encode(self, out),
        }
    }
}

/// The type is none of them; `what` is what it was.
fn unknown_type(what: &str) -> Reject {
    let rule = "the type must be ask, register, decision, deregister or status";
    Core::UnknownType(format!("{rule}; it was {what}")).into()
}

/// The length of a period in milliseconds, as messages have it.
pub(crate) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// The name of a strategy, which its source is.
fn own_name(source: &SourceId) -> Result<ComponentName, Reject> {
    ComponentName::new(source.as_str().as_bytes())
}

/// A run of a component.
fn instance(number: u64) -> Result<Incarnation, Reject> {
    if number == 0 {
        let what = "the field \"instance\" must be at least 1; it was 0";
        return Err(Core::MalformedField(what.to_owned()).into());
    }
    Ok(Incarnation::new(number))
}

/// A value from its text.
pub(crate) fn read_value(text: &str) -> Result<Value, Reject> {
    use allot_signals_rules::BadValue;
    Value::parse(text).map_err(|bad| match bad {
        BadValue::Malformed => Reject::ValueMalformed(Core::quote(text)),
        BadValue::NotFinite => Reject::ValueNotFinite(Core::quote(text)),
    })
}

/// Refuses reports that are too many or too long.
fn check_reports(reports: &[ComponentReport]) -> Result<(), Reject> {
    let bad = |what: String| Err(Core::MalformedField(what).into());
    if limits::GENERATORS_MAX < reports.len() {
        let (count, most) = (reports.len(), limits::GENERATORS_MAX);
        return bad(format!("\"generators\" has {count} entries; at most {most} are allowed"));
    }
    for report in reports {
        let reason = report.problem.as_ref().map_or(0, |problem| problem.reason.len());
        if limits::NAME_LEN_MAX < report.name.len()
            || limits::ADDRESS_LEN_MAX < report.address.len()
            || limits::REASON_LEN_MAX < reason
        {
            let (name, address) = (limits::NAME_LEN_MAX, limits::ADDRESS_LEN_MAX);
            let reason = limits::REASON_LEN_MAX;
            return bad(format!(
                "in \"generators\" a name has at most {name} bytes, an address {address}, and a \
                 reason {reason}"
            ));
        }
    }
    Ok(())
}

/// A field of a message that cannot be read as what it is.
pub(crate) fn decode_error(reject: &Reject) -> DecodeError {
    DecodeError::new(reject.to_string())
}

/// A request that the other kind of agent takes; `takes` says what this one does.
pub(crate) fn unknown_here(kind: RequestKind, takes: &str) -> Reject {
    Core::UnknownType(format!("{takes}; this was {}", kind.name())).into()
}
