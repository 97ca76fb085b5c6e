//! Binary: the records of requests.
//!
//! A fill and a bust begin with what routes them, so that the router reads no further:
//!
//! ```text
//!   fill   │ ticker 32 │ seq 8 │ source 8 + n │ id 8 + n │ price 8 │ quantity 8 │ side 1 │
//!   bust   │ ticker 32 │ seq 8 │ source 8 + n │ id 8 + n │ of 8 + n │
//!   split  │ seq 8 │ source 8 + n │ accounts 8 │ account 8 + n │ weight 8 │ …
//!          │ closes 8 │ account 8 + n │ …
//!   report │ seq 8 │ source 8 + n │
//!   replay │ ticker 32 │ seq 8 │ source 8 + n │ from 8 │ to 1 or 9 │
//!   splits │ seq 8 │ source 8 + n │ from 8 │
//! ```

use allot_allocation_rules::{
    Bust, Fill, Listing, Reject, Replay, Split, SplitNumber, TickerSeq, limits,
};
use allot_domain::Cursor;
use allot_domain::{
    AccountId, MessageId, Price, Quantity, Reject as Core, Seq, Side, SourceId, Ticker,
};
use allot_wire::codec::{self, Each};
use allot_wire::{PaddedTicker, Rejection, origin};
use serde::{Deserialize, Serialize};

use super::{ReportRequest, Request, RequestKind, check_from, read_range, weights};

#[derive(Serialize, Deserialize)]
struct RoutedPrefix<'a> {
    ticker: PaddedTicker,
    seq: u64,
    source: &'a str,
}

#[derive(Serialize, Deserialize)]
struct FillRecord<'a> {
    #[serde(borrow)]
    routed: RoutedPrefix<'a>,
    id: &'a str,
    price: i64,
    quantity: u64,
    side: u8,
}

#[derive(Serialize, Deserialize)]
struct BustRecord<'a> {
    #[serde(borrow)]
    routed: RoutedPrefix<'a>,
    id: &'a str,
    of: &'a str,
}

#[derive(Serialize, Deserialize)]
struct SplitRecord<'a, W, C> {
    seq: u64,
    source: &'a str,
    weights: W,
    closes: C,
}

#[derive(Serialize, Deserialize)]
struct ReportRecord<'a> {
    seq: u64,
    source: &'a str,
}

#[derive(Serialize, Deserialize)]
struct ReplayRecord<'a> {
    #[serde(borrow)]
    routed: RoutedPrefix<'a>,
    from: u64,
    to: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct SplitsRecord<'a> {
    seq: u64,
    source: &'a str,
    from: u64,
}

/// What the router needs of a fill or a bust, and all it reads of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoutingKeys<'a> {
    /// Names the shard.
    pub ticker: Ticker,
    /// The source's number of the message.
    pub seq: Seq,
    /// Where late replies go: the name of a source.
    pub source: &'a [u8],
}

/// Reads the start of a fill or a bust, without the codec's detours; what follows is for the shard
/// to judge. None where anything is wrong: [`routing_rejection`] says what.
#[inline]
#[must_use]
pub fn routing_keys(record: &[u8]) -> Option<RoutingKeys<'_>> {
    good_keys(&mut Cursor::new(record)).filter(|keys| SourceId::is_name(keys.source))
}

/// Why a record has no [`routing_keys`]: [`Core::MalformedMessage`], [`Core::BadSource`],
/// [`Core::SequenceMustBePositive`] or [`Core::BadTicker`].
#[cold]
#[must_use]
pub fn routing_rejection(record: &[u8]) -> Rejection {
    let RoutedPrefix { ticker, seq, source } = match codec::decode_prefix(record) {
        Ok(prefix) => prefix,
        Err(error) => return Rejection::unread(&Core::from(error)),
    };
    match origin(source, seq).and_then(|_| ticker.read()) {
        Ok(_) => {
            let what = "the record has no valid routing key";
            Rejection::unread(&Core::MalformedMessage(what.to_owned()))
        }
        Err(reject) => Rejection::new(source.as_bytes(), Seq::new(seq), &reject),
    }
}

/// The keys of a record that is as it should be; the source is still to be judged.
#[inline]
fn good_keys<'a>(cursor: &mut Cursor<'a>) -> Option<RoutingKeys<'a>> {
    let ticker = Ticker::from_padded(&cursor.take_array().ok()?)?;
    let seq = Seq::new(cursor.u64().ok().filter(|seq| 0 < *seq)?);
    let source_len = usize::try_from(cursor.u64().ok()?).ok()?;
    Some(RoutingKeys { ticker, seq, source: cursor.take(source_len).ok()? })
}

/// A fill that is as it should be, as [`good_keys`] reads it.
#[inline]
pub(crate) fn good_fill(record: &[u8], time_ns: u64) -> Option<Fill> {
    let mut cursor = Cursor::new(record);
    let RoutingKeys { ticker, seq, source } = good_keys(&mut cursor)?;
    let source = SourceId::new(source).ok()?;
    let id_len = usize::try_from(cursor.u64().ok()?).ok()?;
    let id = cursor.take(id_len).ok()?;
    let price = i64::from_le_bytes(cursor.take_array().ok()?);
    let quantity = cursor.u64().ok()?;
    let side = read_side(cursor.u8().ok()?).ok()?;
    let (price, quantity) = (Price::from_nanos(price.into()), Quantity::new(quantity.into()));
    let (price, quantity) = (price.ok()?, quantity.ok()?);
    if !cursor.rest().is_empty() {
        return None;
    }
    let fill = |id| Fill { source, seq, id, time_ns, ticker, side, price, quantity };
    // Nearly every message is named by its number, which is not worth a copy of a text.
    Some(if id.is_empty() { fill(seq.into()) } else { fill(MessageId::new(id).ok()?) })
}

/// Reads a whole request and judges every field of it.
///
/// # Errors
/// The first [`Reject`] that applies, in their order.
pub fn decode_request(kind: RequestKind, record: &[u8]) -> Result<Request, Rejection> {
    if limits::MESSAGE_MAX < record.len() {
        return Err(Rejection::unread(&Core::OversizedMessage(record.len())));
    }
    let request = match kind {
        RequestKind::Fill => decode_fill(record).map(Request::Fill),
        RequestKind::Bust => decode_bust(record).map(Request::Bust),
        RequestKind::Split => decode_split(record).map(Request::Split),
        RequestKind::Report => decode_report(record).map(Request::Report),
        RequestKind::Replay => decode_replay(record).map(Request::Replay),
        RequestKind::Splits => decode_splits(record).map(Request::Splits),
    };
    request.map_err(|reject| rejection(kind, record, &reject))
}

/// Echoes what can be read of a request that is refused.
fn rejection(kind: RequestKind, record: &[u8], reject: &Reject) -> Rejection {
    let origin = match kind {
        RequestKind::Fill | RequestKind::Bust | RequestKind::Replay => {
            codec::decode_prefix(record).map(|RoutedPrefix { seq, source, .. }| (source, seq))
        }
        RequestKind::Split | RequestKind::Report | RequestKind::Splits => {
            codec::decode_prefix(record).map(|ReportRecord { seq, source }| (source, seq))
        }
    };
    let (source, seq) = origin.unwrap_or_default();
    Rejection::new(source.as_bytes(), Seq::new(seq), reject)
}

fn decode_fill(record: &[u8]) -> Result<Fill, Reject> {
    let record: FillRecord<'_> = codec::decode(record).map_err(Core::from)?;
    let FillRecord { routed, id, price, quantity, side } = record;
    let (source, seq) = origin(routed.source, routed.seq)?;
    Ok(Fill {
        source,
        seq,
        id: read_id(id.as_bytes(), seq)?,
        time_ns: 0,
        ticker: routed.ticker.read()?,
        side: read_side(side)?,
        price: Price::from_nanos(price.into())?,
        quantity: Quantity::new(quantity.into())?,
    })
}

fn decode_bust(record: &[u8]) -> Result<Bust, Reject> {
    let BustRecord { routed, id, of } = codec::decode(record).map_err(Core::from)?;
    let (source, seq) = origin(routed.source, routed.seq)?;
    Ok(Bust {
        source,
        seq,
        id: read_id(id.as_bytes(), seq)?,
        time_ns: 0,
        of: MessageId::new(of.as_bytes())?,
        ticker: routed.ticker.read()?,
    })
}

fn decode_split(record: &[u8]) -> Result<Split, Reject> {
    let record: SplitRecord<'_, Vec<(&str, i64)>, Vec<&str>> =
        codec::decode(record).map_err(Core::from)?;
    let (source, seq) = origin(record.source, record.seq)?;
    let SplitRecord { weights, closes, .. } = record;
    let (weights, closes) = weights::read(&weights, &closes, |_, nanos| Ok((*nanos).into()))?;
    Split::new(source, seq, weights)?.closing(closes)
}

fn decode_report(record: &[u8]) -> Result<ReportRequest, Reject> {
    let ReportRecord { seq, source } = codec::decode(record).map_err(Core::from)?;
    let (source, seq) = origin(source, seq)?;
    Ok(ReportRequest { source, seq })
}

fn decode_replay(record: &[u8]) -> Result<Replay, Reject> {
    let ReplayRecord { routed, from, to } = codec::decode(record).map_err(Core::from)?;
    let (from, to) = read_range(from, to)?;
    let (source, seq) = origin(routed.source, routed.seq)?;
    let (ticker, time_ns) = (routed.ticker.read()?, 0);
    Ok(Replay { source, seq, time_ns, ticker, from, to })
}

fn decode_splits(record: &[u8]) -> Result<Listing, Reject> {
    let SplitsRecord { seq, source, from } = codec::decode(record).map_err(Core::from)?;
    check_from(from, "splits")?;
    let (source, seq) = origin(source, seq)?;
    Ok(Listing { source, seq, time_ns: 0, from: SplitNumber::new(from) })
}

/// An id; a message without one of its own is named by its number.
#[inline]
fn read_id(id: &[u8], seq: Seq) -> Result<MessageId, Core> {
    if id.is_empty() { Ok(seq.into()) } else { MessageId::new(id) }
}

/// The id of a message, unless its number names it.
pub(crate) fn own_id(id: &MessageId, seq: Seq) -> Option<&MessageId> {
    (id.number() != Some(seq)).then_some(id)
}

fn id_text(id: &MessageId, seq: Seq) -> String {
    own_id(id, seq).map_or_else(String::new, |id| id.to_string())
}

/// A side from its byte.
pub(crate) fn read_side(side: u8) -> Result<Side, Core> {
    match side {
        0 => Ok(Side::Buy),
        1 => Ok(Side::Sell),
        _ => Err(Core::BadSide(side.to_string())),
    }
}

/// The byte of a side.
pub(crate) const fn side_byte(side: Side) -> u8 {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

/// Appends a request as a record, without its size.
pub fn encode_request(request: &Request, record: &mut Vec<u8>) {
    match request {
        Request::Fill(fill) => encode_fill(fill, record),
        Request::Bust(bust) => {
            let routed = routed(&bust.ticker, bust.seq.get(), bust.source.as_str());
            let (id, of) = (id_text(&bust.id, bust.seq), bust.of.to_string());
            codec::append(BustRecord { routed, id: &id, of: &of }, record);
        }
        Request::Split(split) => encode_split(split, record),
        Request::Report(report) => {
            let (seq, source) = (report.seq, report.source.as_str());
            codec::append(ReportRecord { seq: seq.get(), source }, record);
        }
        Request::Replay(replay) => {
            let routed = routed(&replay.ticker, replay.seq.get(), replay.source.as_str());
            let (from, to) = (replay.from.get(), replay.to.map(TickerSeq::get));
            codec::append(ReplayRecord { routed, from, to }, record);
        }
        Request::Splits(listing) => {
            let (seq, source) = (listing.seq.get(), listing.source.as_str());
            codec::append(SplitsRecord { seq, source, from: listing.from.get() }, record);
        }
    }
}

fn routed<'a>(ticker: &Ticker, seq: u64, source: &'a str) -> RoutedPrefix<'a> {
    RoutedPrefix { ticker: ticker.into(), seq, source }
}

fn encode_fill(fill: &Fill, record: &mut Vec<u8>) {
    let id = id_text(&fill.id, fill.seq);
    let fill = FillRecord {
        routed: routed(&fill.ticker, fill.seq.get(), fill.source.as_str()),
        id: &id,
        price: fill.price.nanos(),
        quantity: fill.quantity.get(),
        side: side_byte(fill.side),
    };
    codec::append(fill, record);
}

fn encode_split(split: &Split, record: &mut Vec<u8>) {
    let weights = split.weights().iter().map(|(account, weight)| {
        let nanos = i64::try_from(weight.nanos()).expect("at most 100.01 percent");
        (account.as_str(), nanos)
    });
    let closes = split.closes().iter().map(AccountId::as_str);
    let (seq, source) = (split.seq.get(), split.source.as_str());
    let split = SplitRecord { seq, source, weights: Each(weights), closes: Each(closes) };
    codec::append(split, record);
}
