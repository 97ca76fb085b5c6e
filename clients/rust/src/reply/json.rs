//! Replies as JSON objects, a line each.

use std::borrow::Cow;
use std::collections::BTreeMap;

use allot_domain::decimal::parse_nanos;
use allot_domain::{AccountId, MessageId, Price, Quantity, Seq, Side, SourceId, Ticker};
use allot_wire::{DecodeError, timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Event, Listed, ListedSplit, Outcome, Replayed, Reply};
use crate::Refusal;

/// The fields of all types of replies. What a newer server adds is passed over.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    seq: u64,
    #[serde(default, borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(default)]
    duplicate: bool,
    #[serde(default)]
    late: bool,
    #[serde(default, borrow)]
    ticker: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    side: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    price: Option<Cow<'a, str>>,
    quantity: Option<u64>,
    split: Option<u64>,
    /// In byte order.
    #[serde(default, borrow)]
    shares: Option<BTreeMap<Cow<'a, str>, u64>>,
    #[serde(default, borrow)]
    of: Option<&'a RawValue>,
    report: Option<u64>,
    #[serde(default, borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    reason: Option<Cow<'a, str>>,
    from: Option<u64>,
    last: Option<u64>,
    oldest: Option<u64>,
    #[serde(default, borrow)]
    fills: Option<Vec<&'a RawValue>>,
    #[serde(default, borrow)]
    splits: Option<Vec<SplitObject<'a>>>,
}

/// A split within a `listed`.
#[derive(Deserialize)]
struct SplitObject<'a> {
    split: u64,
    #[serde(borrow)]
    source: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    time: Cow<'a, str>,
    /// In byte order.
    #[serde(borrow)]
    weights: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

/// Hands over every reply of a message, with the source of its request.
pub(super) fn read_message(
    message: &[u8],
    mut take: impl FnMut(&str, Reply),
) -> Result<(), DecodeError> {
    let mut count = 0;
    for line in message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let object: Object<'_> = serde_json::from_slice(line)?;
        let reply = object.read()?;
        take(&object.source, reply);
        count += 1;
    }
    if count == 0 {
        return Err(DecodeError::new("a message without a reply"));
    }
    Ok(())
}

impl Object<'_> {
    fn read(&self) -> Result<Reply, DecodeError> {
        let seq = Seq::new(self.seq);
        let id = match &self.id {
            None => seq.into(),
            Some(id) => MessageId::new(id.as_bytes())?,
        };
        let time_ns = match &self.time {
            None => 0,
            Some(time) => read_time(time)?,
        };
        let Self { duplicate, late, .. } = *self;
        Ok(Reply { seq, id, time_ns, duplicate, late, outcome: self.outcome()? })
    }

    fn outcome(&self) -> Result<Outcome, DecodeError> {
        Ok(match &*self.kind {
            "allocated" => Outcome::Allocated {
                ticker: self.ticker()?,
                side: match self.side.as_deref() {
                    None | Some("buy") => Side::Buy,
                    Some("sell") => Side::Sell,
                    Some(side) => return Err(DecodeError::new(format!("the side {side} is none"))),
                },
                price: Price::parse(need("price", self.price.as_deref())?)?,
                quantity: Quantity::new(need("quantity", self.quantity)?.into())?,
                split: need("split", self.split)?,
                shares: self.shares()?,
            },
            "held" => Outcome::Held,
            "busted" => Outcome::Busted {
                ticker: self.ticker()?,
                of: MessageId::new(need("of", self.of)?.get().trim_matches('"').as_bytes())?,
                shares: self.shares()?,
            },
            "accepted" => Outcome::Accepted { split: need("split", self.split)? },
            "reported" => Outcome::Reported { report: need("report", self.report)? },
            "rejected" => Outcome::Rejected(Refusal {
                code: need("code", self.code.as_deref())?.to_owned(),
                reason: need("reason", self.reason.as_deref())?.to_owned(),
            }),
            "replayed" => Outcome::Replayed(self.replayed()?),
            "listed" => Outcome::Listed(self.listed()?),
            kind => return Err(DecodeError::new(format!("the type {kind:?} is no reply"))),
        })
    }

    fn replayed(&self) -> Result<Replayed, DecodeError> {
        let mut events = Vec::new();
        for text in need("fills", self.fills.as_ref())? {
            let object: Object<'_> = serde_json::from_str(text.get())?;
            // A reply within a reply, but not a third within that.
            if object.kind == "replayed" {
                return Err(DecodeError::new("a replay within a replay"));
            }
            events.push(Event::new(&object.source, object.read()?)?);
        }
        Ok(Replayed {
            ticker: self.ticker()?,
            from: need("from", self.from)?,
            last: need("last", self.last)?,
            oldest: need("oldest", self.oldest)?,
            events,
        })
    }

    fn listed(&self) -> Result<Listed, DecodeError> {
        let splits = need("splits", self.splits.as_ref())?.iter().map(SplitObject::read);
        Ok(Listed {
            from: need("from", self.from)?,
            last: need("last", self.last)?,
            oldest: need("oldest", self.oldest)?,
            splits: splits.collect::<Result<_, _>>()?,
        })
    }

    fn ticker(&self) -> Result<Ticker, DecodeError> {
        Ok(Ticker::new(need("ticker", self.ticker.as_deref())?.as_bytes())?)
    }

    fn shares(&self) -> Result<Vec<(AccountId, u64)>, DecodeError> {
        let named = |(account, shares): (&Cow<'_, str>, &u64)| {
            Ok((AccountId::new(account.as_bytes())?, *shares))
        };
        need("shares", self.shares.as_ref())?.iter().map(named).collect()
    }
}

impl SplitObject<'_> {
    fn read(&self) -> Result<ListedSplit, DecodeError> {
        let weights = self.weights.iter().map(|(account, percent)| {
            let nanos = parse_nanos(percent).ok().and_then(|nanos| u64::try_from(nanos).ok());
            let weight = nanos.ok_or_else(|| DecodeError::new("a weight is no percentage"))?;
            Ok((AccountId::new(account.as_bytes())?, weight))
        });
        Ok(ListedSplit {
            split: self.split,
            source: SourceId::new(self.source.as_bytes())?,
            seq: Seq::new(self.seq),
            time_ns: read_time(&self.time)?,
            weights: weights.collect::<Result<_, DecodeError>>()?,
        })
    }
}

fn read_time(time: &str) -> Result<u64, DecodeError> {
    timestamp::parse(time).ok_or_else(|| DecodeError::new("the time is not of RFC 3339"))
}

fn need<T>(name: &str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::new(format!("the field {name:?} is missing")))
}
