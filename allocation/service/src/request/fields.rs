//! Fields: the known fields of a JSON request, each as the text that stands there.
//!
//! A field that is `null` is not there. One that is not known is passed over.

use std::borrow::Cow;
use std::fmt;

use allot_allocation_rules::{Bust, Fill, Reject, Split};
use allot_domain::{Price, Quantity, Reject as Core, Seq, Side, Ticker, decimal};
use allot_wire::json::{Entries, Field, need, scalar, string};
use allot_wire::{Rejection, origin};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{ReportRequest, Request, RequestKind, unknown_type, weights};

/// The fields of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    kind: Field<'a>,
    source: Field<'a>,
    seq: Field<'a>,
    ticker: Field<'a>,
    side: Field<'a>,
    price: Field<'a>,
    quantity: Field<'a>,
    of: Field<'a>,
    weights: Field<'a>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum FieldName {
    Type,
    Source,
    Seq,
    Ticker,
    Side,
    Price,
    Quantity,
    Of,
    Weights,
    #[serde(other)]
    Other,
}

impl<'a> Fields<'a> {
    const fn none() -> Self {
        Self {
            kind: Field::named("type"),
            source: Field::named("source"),
            seq: Field::named("seq"),
            ticker: Field::named("ticker"),
            side: Field::named("side"),
            price: Field::named("price"),
            quantity: Field::named("quantity"),
            of: Field::named("of"),
            weights: Field::named("weights"),
        }
    }

    fn field(&mut self, name: &FieldName) -> Option<&mut Field<'a>> {
        Some(match name {
            FieldName::Type => &mut self.kind,
            FieldName::Source => &mut self.source,
            FieldName::Seq => &mut self.seq,
            FieldName::Ticker => &mut self.ticker,
            FieldName::Side => &mut self.side,
            FieldName::Price => &mut self.price,
            FieldName::Quantity => &mut self.quantity,
            FieldName::Of => &mut self.of,
            FieldName::Weights => &mut self.weights,
            FieldName::Other => return None,
        })
    }

    /// Echoes what can be read of a request that is refused.
    pub(super) fn rejection(&self, reject: &Reject) -> Rejection {
        let source = self.source.text().unwrap_or_default();
        Rejection::new(source.as_bytes(), Seq::new(self.seq.whole().unwrap_or_default()), reject)
    }

    /// The request that the fields make.
    pub(super) fn request(&self) -> Result<Request, Reject> {
        match self.request_kind()? {
            RequestKind::Fill => self.fill().map(Request::Fill),
            RequestKind::Bust => self.bust().map(Request::Bust),
            RequestKind::Split => self.split().map(Request::Split),
            RequestKind::Report => self.report().map(Request::Report),
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
        let side = self.side.value.map(|_| self.side.text()).transpose()?;
        let (price, quantity) = (self.price.scalar()?, self.quantity.scalar()?);
        let (source, seq) = origin(&source, seq)?;
        Ok(Fill {
            source,
            seq,
            ticker: Ticker::new(ticker.as_bytes())?,
            side: side.map_or(Ok(Side::Buy), |side| read_side(&side))?,
            price: Price::parse(&price)?,
            quantity: Quantity::parse(&quantity)?,
        })
    }

    fn bust(&self) -> Result<Bust, Reject> {
        need([&self.source, &self.seq, &self.ticker, &self.of])?;
        let (source, seq, ticker) = (self.source.text()?, self.seq.whole()?, self.ticker.text()?);
        let of = self.of.whole()?;
        let (source, seq) = origin(&source, seq)?;
        Ok(Bust { source, seq, ticker: Ticker::new(ticker.as_bytes())?, of: Seq::new(of) })
    }

    fn split(&self) -> Result<Split, Reject> {
        need([&self.source, &self.seq, &self.weights])?;
        let (source, seq) = (self.source.text()?, self.seq.whole()?);
        let Entries::<&RawValue>(named) = serde_json::from_str(self.weights.json()?)
            .map_err(|_| self.weights.malformed("must be an object of accounts and percentages"))?;
        let (source, seq) = origin(&source, seq)?;
        let weights = weights::read(&named, |account, weight| {
            let text = scalar(weight.get()).unwrap_or(Cow::Borrowed(weight.get()));
            decimal::parse_nanos(&text).map_err(|why| Reject::weight(account, &text, why))
        })?;
        Split::new(source, seq, weights)
    }

    fn report(&self) -> Result<ReportRequest, Reject> {
        need([&self.source, &self.seq])?;
        let (source, seq) = origin(&self.source.text()?, self.seq.whole()?)?;
        Ok(ReportRequest { source, seq })
    }
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
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
        let mut fields = Fields::none();
        while let Some(name) = map.next_key()? {
            match fields.field(&name) {
                Some(field) => field.set(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}
