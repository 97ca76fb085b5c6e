//! Replies as JSON objects.

use std::borrow::Cow;

use allot_allocation_rules::{SplitNumber, TickerSeq};
use allot_domain::{AccountId, MessageId, Price, Quantity, ReportNumber, Seq, Side, Ticker};
use allot_wire::DecodeError;
use allot_wire::json::{Entries, Object, required as need, scalar};
use allot_wire::reply::{write_rejected, write_reported};
use allot_wire::{Encoding, timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Reply;
use super::listed::SplitObject;
use super::writer::{ReplayedHead, ReplyWriter};
use crate::request::{read_side_word, write_of, write_side};

/// Appends a reply as one object, without a line's end.
pub(super) fn write<'a, S>(reply: ReplyWriter<'a, S>, out: &mut Vec<u8>)
where
    S: Iterator<Item = (&'a AccountId, u64)>,
{
    match reply {
        ReplyWriter::Allocated { echo, ticker, side, price, quantity, split, shares } => {
            let mut object = echo.begin("allocated", out);
            object.plain("ticker", ticker.as_str());
            write_side(side, &mut object);
            object.decimal("price", price.nanos().into());
            object.number("quantity", quantity.get());
            object.number("split", split.get());
            write_shares(shares, &mut object);
            object.end();
        }
        ReplyWriter::Held { echo } => echo.begin("held", out).end(),
        ReplyWriter::Busted { echo, ticker, of, shares } => {
            let mut object = echo.begin("busted", out);
            object.plain("ticker", ticker.as_str());
            write_of(of, &mut object);
            write_shares(shares, &mut object);
            object.end();
        }
        ReplyWriter::Accepted { echo, split } => {
            let mut object = echo.begin("accepted", out);
            object.number("split", split.get());
            object.end();
        }
        ReplyWriter::Reported { echo, report } => {
            write_reported(Encoding::Json, echo, report, out);
        }
        ReplyWriter::Rejected { echo, code, reason } => {
            write_rejected(Encoding::Json, echo, code, reason, out);
        }
    }
}

/// Appends a reply to a replay; `append` writes one of its outcomes.
pub(super) fn write_replayed<T>(
    head: &ReplayedHead<'_>,
    fills: &[T],
    append: impl FnMut(&T, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let mut object = head.echo.begin("replayed", out);
    object.plain("ticker", head.ticker.as_str());
    object.number("from", head.from.get());
    object.number("last", head.last.get());
    object.number("oldest", head.oldest.get());
    object.list("fills", fills, append);
    object.end();
}

fn write_shares<'a>(shares: impl Iterator<Item = (&'a AccountId, u64)>, object: &mut Object<'_>) {
    let mut list = object.object("shares");
    for (account, quantity) in shares {
        list.number(account.as_str(), quantity);
    }
    list.end();
}

/// Every field that any reply has.
#[derive(Deserialize)]
struct ReplyObject<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    source: String,
    seq: u64,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(default)]
    duplicate: bool,
    #[serde(default)]
    late: bool,
    #[serde(borrow)]
    ticker: Option<Cow<'a, str>>,
    #[serde(borrow)]
    side: Option<Cow<'a, str>>,
    #[serde(borrow)]
    price: Option<Cow<'a, str>>,
    quantity: Option<u64>,
    split: Option<u64>,
    #[serde(borrow)]
    of: Option<&'a RawValue>,
    report: Option<u64>,
    code: Option<String>,
    reason: Option<String>,
    #[serde(borrow)]
    shares: Option<Entries<'a, u64>>,
    from: Option<u64>,
    last: Option<u64>,
    oldest: Option<u64>,
    #[serde(borrow)]
    fills: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    splits: Option<Vec<SplitObject<'a>>>,
}

/// Reads one object.
pub(super) fn read(line: &[u8]) -> Result<Reply, DecodeError> {
    let object: ReplyObject<'_> = serde_json::from_slice(line)?;
    let ReplyObject { duplicate, late, .. } = object;
    let (seq, id, time_ns) = (Seq::new(object.seq), object.id()?, object.time()?);
    Ok(match &*object.kind {
        "allocated" => return object.allocated(),
        "replayed" => return object.replayed(),
        "listed" => return object.listed(),
        "held" => Reply::Held { source: object.source, seq, id, time_ns, duplicate },
        "busted" => return object.busted(),
        "accepted" => {
            let split = SplitNumber::new(need("split", object.split)?);
            Reply::Accepted { source: object.source, seq, id, time_ns, duplicate, split }
        }
        "reported" => {
            let report = ReportNumber::new(need("report", object.report)?);
            Reply::Reported { source: object.source, seq, time_ns, report }
        }
        "rejected" => {
            let (code, reason) = (need("code", object.code)?, need("reason", object.reason)?);
            let source = object.source;
            Reply::Rejected { source, seq, id, time_ns, duplicate, late, code, reason }
        }
        _ => return Err(DecodeError::new("the type of this reply is not known")),
    })
}

impl ReplyObject<'_> {
    fn allocated(self) -> Result<Reply, DecodeError> {
        let (id, time_ns) = (self.id()?, self.time()?);
        Ok(Reply::Allocated {
            ticker: self.ticker()?,
            side: self.side.map_or(Ok(Side::Buy), |side| read_side_word(&side))?,
            price: Price::parse(&need("price", self.price)?)?,
            quantity: Quantity::new(need("quantity", self.quantity)?.into())?,
            split: SplitNumber::new(need("split", self.split)?),
            shares: read_shares(self.shares)?,
            id,
            time_ns,
            source: self.source,
            seq: Seq::new(self.seq),
            duplicate: self.duplicate,
            late: self.late,
        })
    }

    fn busted(self) -> Result<Reply, DecodeError> {
        let (id, time_ns) = (self.id()?, self.time()?);
        Ok(Reply::Busted {
            ticker: self.ticker()?,
            of: MessageId::new(need("of", self.of.and_then(|of| scalar(of.get())))?.as_bytes())?,
            shares: read_shares(self.shares)?,
            id,
            time_ns,
            source: self.source,
            seq: Seq::new(self.seq),
            duplicate: self.duplicate,
        })
    }

    fn replayed(self) -> Result<Reply, DecodeError> {
        let number = |name, number| Ok::<_, DecodeError>(TickerSeq::new(need(name, number)?));
        let fills = need("fills", self.fills.as_ref())?.iter();
        Ok(Reply::Replayed {
            seq: Seq::new(self.seq),
            time_ns: self.time()?,
            ticker: self.ticker()?,
            from: number("from", self.from)?,
            last: number("last", self.last)?,
            oldest: number("oldest", self.oldest)?,
            fills: fills.map(|fill| read_outcome(fill.get())).collect::<Result<_, _>>()?,
            source: self.source,
        })
    }

    fn listed(self) -> Result<Reply, DecodeError> {
        let number = |name, number| Ok::<_, DecodeError>(SplitNumber::new(need(name, number)?));
        let time_ns = self.time()?;
        let splits = need("splits", self.splits)?.into_iter().map(SplitObject::read);
        Ok(Reply::Listed {
            seq: Seq::new(self.seq),
            time_ns,
            from: number("from", self.from)?,
            last: number("last", self.last)?,
            oldest: number("oldest", self.oldest)?,
            splits: splits.collect::<Result<_, _>>()?,
            source: self.source,
        })
    }

    fn id(&self) -> Result<MessageId, DecodeError> {
        match &self.id {
            None => Ok(Seq::new(self.seq).into()),
            Some(id) => Ok(MessageId::new(id.as_bytes())?),
        }
    }

    fn time(&self) -> Result<u64, DecodeError> {
        let Some(time) = &self.time else { return Ok(0) };
        timestamp::parse(time).ok_or_else(|| DecodeError::new("the time is not one of RFC 3339"))
    }

    fn ticker(&self) -> Result<Ticker, DecodeError> {
        Ok(Ticker::new(need("ticker", self.ticker.as_ref())?.as_bytes())?)
    }
}

/// Reads an outcome that is given again: a reply within a reply, but not a third within that.
fn read_outcome(object: &str) -> Result<Reply, DecodeError> {
    let object: ReplyObject<'_> = serde_json::from_str(object)?;
    match &*object.kind {
        "allocated" => object.allocated(),
        "busted" => object.busted(),
        _ => Err(DecodeError::new("what was replayed is no outcome of a ticker")),
    }
}

fn read_shares(shares: Option<Entries<'_, u64>>) -> Result<Vec<(AccountId, u64)>, DecodeError> {
    let shares = need("shares", shares)?.0.into_iter();
    shares.map(|(account, quantity)| Ok((AccountId::new(account.as_bytes())?, quantity))).collect()
}
