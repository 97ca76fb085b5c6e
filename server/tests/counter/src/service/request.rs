//! Request: what a client may ask of the front door, as a JSON line or a binary record.
//!
//! ```json
//! {"type":"add","source":"a","seq":1,"key":"x","amount":5}
//! {"type":"await","source":"a","seq":2,"key":"x","threshold":9}
//! {"type":"cancel","source":"a","seq":3,"key":"x","of":2}
//! {"type":"raise","source":"a","seq":1,"amount":2}
//! {"type":"report","source":"a","seq":1}
//! ```

use std::borrow::Cow;

use allot_domain::{Reject as Core, Seq};
use allot_wire::json::{Entries, Field, Object, read_request, unknown_field};
use allot_wire::{PaddedTicker, Rejection, codec, origin};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Kind;
use crate::rules::{Action, Command, Key, Name, Raise, Reject};

/// A request whose every field can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// For one counter.
    Command(Command),
    /// For all of them.
    Raise(Raise),
    /// A report is wanted now.
    Report(Name),
}

impl Request {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Command(Command { action: Action::Add(_), .. }) => Kind::Add,
            Self::Command(Command { action: Action::Await(_), .. }) => Kind::Await,
            Self::Command(Command { action: Action::Cancel(_), .. }) => Kind::Cancel,
            Self::Raise(_) => Kind::Raise,
            Self::Report(_) => Kind::Report,
        }
    }

    /// Which message it is.
    #[must_use]
    pub const fn name(&self) -> &Name {
        match self {
            Self::Command(Command { name, .. }) | Self::Raise(Raise { name, .. }) => name,
            Self::Report(name) => name,
        }
    }
}

/// The fields of a JSON line, as they stand there.
struct Fields<'a> {
    fields: [Field<'a>; 7],
    /// The name of the first field that no request has.
    unknown: Option<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    const NAMES: [&'static str; 7] = ["type", "source", "seq", "key", "amount", "threshold", "of"];

    fn read(line: &'a [u8]) -> Result<Self, Core> {
        let Entries::<&RawValue>(entries) = read_request(line)?;
        let mut fields = Self { fields: Self::NAMES.map(Field::named), unknown: None };
        for (name, value) in entries {
            match fields.fields.iter_mut().find(|field| field.name() == name) {
                Some(field) => field.set(value),
                None => fields.unknown = fields.unknown.or(Some(name)),
            }
        }
        Ok(fields)
    }

    fn refuse_unknown(&self) -> Result<(), Core> {
        match &self.unknown {
            Some(name) => Err(unknown_field(name, &Self::NAMES)),
            None => self.fields.iter().try_for_each(|field| field.refuse_empty(|| None)),
        }
    }

    fn request(&self) -> Result<Request, Reject> {
        let [kind, source, seq, key, amount, threshold, of] = &self.fields;
        let kind = kind.text()?;
        let kind = Kind::of_request(&kind).ok_or_else(|| unknown(&Core::quote(&kind)))?;
        self.refuse_unknown()?;
        let (source, seq) = origin(&source.text()?, seq.whole()?)?;
        let name = Name { source, seq };
        let action = match kind {
            Kind::Add => Action::Add(amount.whole()?),
            Kind::Await => Action::Await(threshold.whole()?),
            Kind::Cancel => Action::Cancel(Seq::new(of.whole()?)),
            Kind::Raise => return Ok(Request::Raise(Raise { name, amount: amount.whole()? })),
            Kind::Report | Kind::Level => return Ok(Request::Report(name)),
        };
        let key = Key::new(key.text()?.as_bytes())?;
        Ok(Request::Command(Command { name, key, action }))
    }
}

/// Reads one line and judges every field of it.
///
/// # Errors
/// The first reject that applies; source and seq are echoed where they can be read.
pub fn decode_line(line: &[u8]) -> Result<Request, Rejection> {
    let fields = Fields::read(line).map_err(|reject| Rejection::unread(&reject))?;
    fields.request().map_err(|reject| {
        let [_, source, seq, ..] = &fields.fields;
        let source = source.text().unwrap_or_default();
        Rejection::new(source.as_bytes(), Seq::new(seq.whole().unwrap_or_default()), &reject)
    })
}

/// Appends a request as one object, without a line's end.
pub fn encode_line(request: &Request, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.plain("type", request.kind().name());
    object.plain("source", request.name().source.as_str());
    object.number("seq", request.name().seq.get());
    match request {
        Request::Command(Command { key, action, .. }) => {
            object.plain("key", key.as_str());
            match action {
                Action::Add(amount) => object.number("amount", *amount),
                Action::Await(threshold) => object.number("threshold", *threshold),
                Action::Cancel(of) => object.number("of", of.get()),
            }
        }
        Request::Raise(raise) => object.number("amount", raise.amount),
        Request::Report(_) => {}
    }
    object.end();
}

#[derive(Serialize, Deserialize)]
struct CommandRecord<'a> {
    key: PaddedTicker,
    #[serde(borrow)]
    name: NameRecord<'a>,
    /// The amount, the threshold, or the number of the await.
    number: u64,
}

#[derive(Serialize, Deserialize)]
struct RaiseRecord<'a> {
    #[serde(borrow)]
    name: NameRecord<'a>,
    amount: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct NameRecord<'a> {
    seq: u64,
    source: &'a str,
}

impl<'a> NameRecord<'a> {
    fn of(name: &'a Name) -> Self {
        Self { seq: name.seq.get(), source: name.source.as_str() }
    }

    fn read(&self) -> Result<Name, Core> {
        let (source, seq) = origin(self.source, self.seq)?;
        Ok(Name { source, seq })
    }

    /// Says why a request is refused to who sent it.
    fn rejection(&self, reject: &Core) -> Rejection {
        Rejection::new(self.source.as_bytes(), Seq::new(self.seq), reject)
    }
}

/// Reads one binary record and judges every field of it.
///
/// # Errors
/// The first reject that applies.
pub fn decode_record(kind: Kind, record: &[u8]) -> Result<Request, Rejection> {
    let action: fn(u64) -> Action = match kind {
        Kind::Add => Action::Add,
        Kind::Await => Action::Await,
        Kind::Cancel => |of| Action::Cancel(Seq::new(of)),
        Kind::Raise => {
            let RaiseRecord { name, amount } = decode(record)?;
            let read = name.read().map(|name| Request::Raise(Raise { name, amount }));
            return read.map_err(|reject| name.rejection(&reject));
        }
        Kind::Report => {
            let name: NameRecord<'_> = decode(record)?;
            return name.read().map(Request::Report).map_err(|reject| name.rejection(&reject));
        }
        Kind::Level => return Err(Rejection::unread(&unknown("level"))),
    };
    let CommandRecord { key, name, number } = decode(record)?;
    let read = || Ok(Command { name: name.read()?, key: key.read()?, action: action(number) });
    read().map(Request::Command).map_err(|reject| name.rejection(&reject))
}

fn decode<'a, T: Deserialize<'a>>(record: &'a [u8]) -> Result<T, Rejection> {
    codec::decode(record).map_err(|error| Rejection::unread(&Core::from(error)))
}

/// Appends a request as a record, without its size.
pub fn encode_record(request: &Request, record: &mut Vec<u8>) {
    let name = NameRecord::of(request.name());
    match request {
        Request::Command(Command { key, action, .. }) => {
            let number = match *action {
                Action::Add(number) | Action::Await(number) => number,
                Action::Cancel(of) => of.get(),
            };
            codec::append(CommandRecord { key: key.into(), name, number }, record);
        }
        Request::Raise(raise) => codec::append(RaiseRecord { name, amount: raise.amount }, record),
        Request::Report(_) => codec::append(name, record),
    }
}

/// The type is none of those that clients may send; `what` is what it was.
pub(super) fn unknown(what: &str) -> Reject {
    let kinds = "add, await, cancel, raise or report";
    Core::UnknownType(format!("the type must be {kinds}; it was {what}")).into()
}
