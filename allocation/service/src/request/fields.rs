//! Fields: the known fields of a JSON request, each as the text that stands there.
//!
//! A field that is not known is refused, and so is one that says nothing: nothing that a sender
//! writes is passed over.

use std::borrow::Cow;

use allot_allocation_rules::{Bust, Fill, Listing, Reject, Replay, Split, SplitNumber};
use allot_domain::{MessageId, Price, Quantity, Reject as Core, Seq, Side, Ticker, decimal};
use allot_wire::json::{Entries, Field, each_entry, need, scalar, string, unknown_field};
use allot_wire::{Rejection, origin};
use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;

use super::{ReportRequest, Request, RequestKind, check_from, read_range, unknown_type, weights};

/// The fields of a request.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    kind: Field<'a>,
    source: Field<'a>,
    seq: Field<'a>,
    id: Field<'a>,
    ticker: Field<'a>,
    side: Field<'a>,
    price: Field<'a>,
    quantity: Field<'a>,
    of: Field<'a>,
    weights: Field<'a>,
    closes: Field<'a>,
    from: Field<'a>,
    to: Field<'a>,
    /// The name of the first field that no request has.
    unknown: Option<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    const fn none() -> Self {
        Self {
            kind: Field::named("type"),
            source: Field::named("source"),
            seq: Field::named("seq"),
            id: Field::named("id"),
            ticker: Field::named("ticker"),
            side: Field::named("side"),
            price: Field::named("price"),
            quantity: Field::named("quantity"),
            of: Field::named("of"),
            weights: Field::named("weights"),
            closes: Field::named("closes"),
            from: Field::named("from"),
            to: Field::named("to"),
            unknown: None,
        }
    }

    fn field(&mut self, name: &str) -> Option<&mut Field<'a>> {
        Some(match name {
            "type" => &mut self.kind,
            "source" => &mut self.source,
            "seq" => &mut self.seq,
            "id" => &mut self.id,
            "ticker" => &mut self.ticker,
            "side" => &mut self.side,
            "price" => &mut self.price,
            "quantity" => &mut self.quantity,
            "of" => &mut self.of,
            "weights" => &mut self.weights,
            "closes" => &mut self.closes,
            "from" => &mut self.from,
            "to" => &mut self.to,
            _ => return None,
        })
    }

    const fn all(&self) -> [&Field<'a>; 13] {
        let Self { kind, source, seq, id, ticker, side, price, quantity, of, .. } = self;
        let Self { weights, closes, from, to, .. } = self;
        [kind, source, seq, id, ticker, side, price, quantity, of, weights, closes, from, to]
    }

    /// Refuses what a request of this kind has no field for, and what says nothing.
    fn refuse_unknown(&self, kind: RequestKind) -> Result<(), Reject> {
        let known = known_fields(kind);
        if let Some(name) = &self.unknown {
            return Err(unknown_field(name, known).into());
        }
        for field in self.all() {
            if field.value.is_some() && !known.contains(&field.name()) {
                return Err(unknown_field(field.name(), known).into());
            }
            field.refuse_empty(|| {
                let is_needed = !OPTIONAL_FIELDS.contains(&field.name());
                is_needed.then(|| match kind {
                    RequestKind::Splits => "a request for splits".to_owned(),
                    _ => format!("a {}", kind.name()),
                })
            })?;
        }
        Ok(())
    }

    /// Echoes what can be read of a request that is refused.
    pub(super) fn rejection(&self, reject: &Reject) -> Rejection {
        let source = self.source.text().unwrap_or_default();
        Rejection::new(source.as_bytes(), Seq::new(self.seq.whole().unwrap_or_default()), reject)
    }

    /// The request that the fields make.
    pub(super) fn request(&self) -> Result<Request, Reject> {
        let kind = self.request_kind()?;
        self.refuse_unknown(kind)?;
        match kind {
            RequestKind::Fill => self.fill().map(Request::Fill),
            RequestKind::Bust => self.bust().map(Request::Bust),
            RequestKind::Split => self.split().map(Request::Split),
            RequestKind::Report => self.report().map(Request::Report),
            RequestKind::Replay => self.replay().map(Request::Replay),
            RequestKind::Splits => self.splits().map(Request::Splits),
        }
    }

    fn request_kind(&self) -> Result<RequestKind, Reject> {
        let json = self.kind.json()?;
        let name = string(json);
        let known = RequestKind::ALL.into_iter().find(|kind| name.as_deref() == Some(kind.name()));
        known.ok_or_else(|| unknown_type(&Core::quote(name.as_deref().unwrap_or(json))))
    }

    fn fill(&self) -> Result<Fill, Reject> {
        need([&self.source, &self.seq, &self.ticker, &self.price, &self.quantity])?;
        let (source, seq, ticker) = (self.source.text()?, self.seq.whole()?, self.ticker.text()?);
        let id = self.id.value.map(|_| self.id.id()).transpose()?;
        let side = self.side.value.map(|_| self.side.text()).transpose()?;
        let (price, quantity) = (self.price.scalar()?, self.quantity.scalar()?);
        let (source, seq) = origin(&source, seq)?;
        Ok(Fill {
            source,
            seq,
            id: read_id(id.as_deref(), seq)?,
            time_ns: 0,
            ticker: Ticker::new(ticker.as_bytes())?,
            side: side.map_or(Ok(Side::Buy), |side| read_side(&side))?,
            price: Price::parse(&price)?,
            quantity: Quantity::parse(&quantity)?,
        })
    }

    fn bust(&self) -> Result<Bust, Reject> {
        need([&self.source, &self.seq, &self.ticker, &self.of])?;
        let (source, seq, ticker) = (self.source.text()?, self.seq.whole()?, self.ticker.text()?);
        let id = self.id.value.map(|_| self.id.id()).transpose()?;
        let of = self.of.id()?;
        let (source, seq) = origin(&source, seq)?;
        Ok(Bust {
            source,
            seq,
            id: read_id(id.as_deref(), seq)?,
            time_ns: 0,
            of: MessageId::new(of.as_bytes())?,
            ticker: Ticker::new(ticker.as_bytes())?,
        })
    }

    fn split(&self) -> Result<Split, Reject> {
        need([&self.source, &self.seq, &self.weights])?;
        let (source, seq) = (self.source.text()?, self.seq.whole()?);
        let Entries::<&RawValue>(named) = serde_json::from_str(self.weights.json()?)
            .map_err(|_| self.weights.malformed("must be an object of accounts and percentages"))?;
        let closes = self.closes.value.map(|_| self.closes.texts()).transpose()?;
        let (source, seq) = origin(&source, seq)?;
        let closes = closes.unwrap_or_default();
        let (weights, closes) = weights::read(&named, &closes, |account, weight| {
            let text = scalar(weight.get()).unwrap_or(Cow::Borrowed(weight.get()));
            decimal::parse_nanos(&text).map_err(|why| Reject::weight(account, &text, why))
        })?;
        Split::new(source, seq, weights)?.closing(closes)
    }

    fn report(&self) -> Result<ReportRequest, Reject> {
        need([&self.source, &self.seq])?;
        let (source, seq) = origin(&self.source.text()?, self.seq.whole()?)?;
        Ok(ReportRequest { source, seq })
    }

    fn replay(&self) -> Result<Replay, Reject> {
        need([&self.source, &self.seq, &self.ticker, &self.from])?;
        let (source, seq, ticker) = (self.source.text()?, self.seq.whole()?, self.ticker.text()?);
        let from = self.from.whole()?;
        let to = self.to.value.map(|_| self.to.whole()).transpose()?;
        let (from, to) = read_range(from, to)?;
        let (source, seq) = origin(&source, seq)?;
        Ok(Replay { source, seq, time_ns: 0, ticker: Ticker::new(ticker.as_bytes())?, from, to })
    }

    fn splits(&self) -> Result<Listing, Reject> {
        need([&self.source, &self.seq, &self.from])?;
        let (source, seq, from) = (self.source.text()?, self.seq.whole()?, self.from.whole()?);
        check_from(from, "splits")?;
        let (source, seq) = origin(&source, seq)?;
        Ok(Listing { source, seq, time_ns: 0, from: SplitNumber::new(from) })
    }
}

/// The fields of a request, in the order of the page.
const fn known_fields(kind: RequestKind) -> &'static [&'static str] {
    match kind {
        RequestKind::Fill => {
            &["type", "source", "seq", "id", "ticker", "side", "price", "quantity"]
        }
        RequestKind::Bust => &["type", "source", "seq", "id", "ticker", "of"],
        RequestKind::Split => &["type", "source", "seq", "weights", "closes"],
        RequestKind::Report => &["type", "source", "seq"],
        RequestKind::Replay => &["type", "source", "seq", "ticker", "from", "to"],
        RequestKind::Splits => &["type", "source", "seq", "from"],
    }
}

/// The fields that may be left out.
const OPTIONAL_FIELDS: [&str; 4] = ["id", "side", "closes", "to"];

/// An id; a message without one of its own is named by its number.
fn read_id(id: Option<&str>, seq: Seq) -> Result<MessageId, Core> {
    id.map_or(Ok(seq.into()), |id| MessageId::new(id.as_bytes()))
}

/// A side from its word.
pub(crate) fn read_side(side: &str) -> Result<Side, Core> {
    match side {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        _ => Err(Core::BadSide(Core::quote(side))),
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Fields::none();
        each_entry(deserializer, |name: Cow<'de, str>, value: &'de RawValue| {
            match fields.field(&name) {
                Some(field) => field.set(value),
                None => {
                    fields.unknown.get_or_insert(name);
                }
            }
        })?;
        Ok(fields)
    }
}
