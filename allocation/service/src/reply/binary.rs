//! Replies as binary records: a tag of one byte, then fields.

use std::borrow::Cow;

use allot_allocation_rules::{SplitNumber, TickerSeq};
use allot_domain::Cursor;
use allot_domain::{AccountId, MessageId, Price, Quantity, ReportNumber, Seq};
use allot_wire::codec::{self, Each};
use allot_wire::reply::{
    Head, REJECTED, REPORTED, RejectedRecord, ReportedRecord, write_rejected, write_reported,
};
use allot_wire::{DecodeError, Encoding, PaddedTicker, append_sized};
use serde::{Deserialize, Serialize};

use super::Reply;
use super::listed::{LISTED, read_binary as read_listed};
use super::writer::{ReplayedHead, ReplyWriter};
use crate::request::{read_side, side_byte};

const ALLOCATED: u8 = 1;
const HELD: u8 = 2;
const BUSTED: u8 = 3;
const ACCEPTED: u8 = 4;
/// Behind those of the core.
const REPLAYED: u8 = 7;
const _: () = assert!(REPLAYED != REPORTED && REPLAYED != REJECTED && REPLAYED != LISTED);

#[derive(Serialize, Deserialize)]
struct AllocatedRecord<'a, S> {
    #[serde(borrow)]
    head: Head<'a>,
    ticker: PaddedTicker,
    side: u8,
    price: i64,
    quantity: u64,
    split: u64,
    shares: S,
}

#[derive(Serialize, Deserialize)]
struct BustedRecord<'a, S> {
    #[serde(borrow)]
    head: Head<'a>,
    ticker: PaddedTicker,
    #[serde(borrow)]
    of: Cow<'a, str>,
    shares: S,
}

#[derive(Serialize, Deserialize)]
struct AcceptedRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    split: u64,
}

/// A reply to a replay, but for the outcomes, which follow as records with their sizes.
#[derive(Serialize, Deserialize)]
struct ReplayedRecord<'a> {
    seq: u64,
    source: &'a str,
    time_ns: u64,
    ticker: PaddedTicker,
    from: u64,
    last: u64,
    oldest: u64,
    fills: u64,
}

/// Appends a reply as a record, with its size.
///
/// The replies to fills are written by hand, field by field: there is one for every fill.
#[inline(always)]
pub(super) fn write<'a, S>(reply: ReplyWriter<'a, S>, out: &mut Vec<u8>)
where
    S: Iterator<Item = (&'a AccountId, u64)> + Clone,
{
    match reply {
        ReplyWriter::Allocated { echo, ticker, side, price, quantity, split, shares } => {
            append_sized(out, |out| {
                out.push(ALLOCATED);
                echo.write_head(out);
                out.extend_from_slice(ticker.padded());
                out.push(side_byte(side));
                out.extend_from_slice(&price.nanos().to_le_bytes());
                out.extend_from_slice(&quantity.get().to_le_bytes());
                out.extend_from_slice(&split.get().to_le_bytes());
                write_shares(shares, out);
            });
        }
        ReplyWriter::Held { echo } => append(HELD, echo.head(), out),
        ReplyWriter::Busted { echo, ticker, of, shares } => {
            let shares = Each(shares.map(|(account, quantity)| (account.as_str(), quantity)));
            let ticker = PaddedTicker::from(ticker);
            append(
                BUSTED,
                BustedRecord { head: echo.head(), ticker, of: of.to_string().into(), shares },
                out,
            );
        }
        ReplyWriter::Accepted { echo, split } => {
            append(ACCEPTED, AcceptedRecord { head: echo.head(), split: split.get() }, out);
        }
        ReplyWriter::Reported { echo, report } => {
            write_reported(Encoding::Binary, echo, report, out);
        }
        ReplyWriter::Rejected { echo, code, reason } => {
            write_rejected(Encoding::Binary, echo, code, reason, out);
        }
    }
}

/// Appends a reply to a replay; `append` writes one of its outcomes, with its size.
pub(super) fn write_replayed<T>(
    head: &ReplayedHead<'_>,
    fills: &[T],
    mut append: impl FnMut(&T, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    append_sized(out, |out| {
        let record = ReplayedRecord {
            seq: head.echo.seq.get(),
            source: head.echo.source_text(),
            time_ns: head.echo.time_ns,
            ticker: (&head.ticker).into(),
            from: head.from.get(),
            last: head.last.get(),
            oldest: head.oldest.get(),
            fills: wide(fills.len()),
        };
        codec::append((REPLAYED, record), out);
        for fill in fills {
            append(fill, out);
        }
    });
}

fn append(tag: u8, record: impl Serialize, out: &mut Vec<u8>) {
    append_sized(out, |out| codec::append((tag, record), out));
}

fn write_shares<'a>(shares: impl Iterator<Item = (&'a AccountId, u64)> + Clone, out: &mut Vec<u8>) {
    out.extend_from_slice(&wide(shares.clone().count()).to_le_bytes());
    for (account, quantity) in shares {
        write_text(account.as_bytes(), out);
        out.extend_from_slice(&quantity.to_le_bytes());
    }
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&wide(text.len()).to_le_bytes());
    out.extend_from_slice(text);
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).expect("a usize fits")
}

type SharesRecord<'a> = Vec<(&'a str, u64)>;

/// Reads a record, without its size.
pub(crate) fn read(record: &[u8]) -> Result<Reply, DecodeError> {
    let mut cursor = Cursor::new(record);
    let tag = cursor.u8()?;
    let rest = cursor.rest();
    match tag {
        ALLOCATED => read_allocated(codec::decode(rest)?),
        HELD => {
            let head: Head<'_> = codec::decode(rest)?;
            let (source, duplicate) = (head.source.into(), head.duplicate());
            let (seq, id, time_ns) = (Seq::new(head.seq), head.id()?, head.time_ns);
            Ok(Reply::Held { source, seq, id, time_ns, duplicate })
        }
        BUSTED => read_busted(codec::decode(rest)?),
        ACCEPTED => {
            let AcceptedRecord { head, split } = codec::decode(rest)?;
            let (source, duplicate) = (head.source.into(), head.duplicate());
            let (seq, id, time_ns) = (Seq::new(head.seq), head.id()?, head.time_ns);
            let split = SplitNumber::new(split);
            Ok(Reply::Accepted { source, seq, id, time_ns, duplicate, split })
        }
        REPORTED => {
            let ReportedRecord { seq, source, time_ns, report } = codec::decode(rest)?;
            let (seq, report) = (Seq::new(seq), ReportNumber::new(report));
            Ok(Reply::Reported { source: source.into(), seq, time_ns, report })
        }
        REJECTED => read_rejected(&codec::decode(rest)?),
        REPLAYED => read_replayed(rest),
        LISTED => read_listed(rest),
        _ => Err(DecodeError::new(format!("the tag {tag} is no reply"))),
    }
}

fn read_allocated(record: AllocatedRecord<'_, SharesRecord<'_>>) -> Result<Reply, DecodeError> {
    Ok(Reply::Allocated {
        source: record.head.source.into(),
        seq: Seq::new(record.head.seq),
        id: record.head.id()?,
        time_ns: record.head.time_ns,
        duplicate: record.head.duplicate(),
        late: record.head.late(),
        ticker: record.ticker.read()?,
        side: read_side(record.side)?,
        price: Price::from_nanos(record.price.into())?,
        quantity: Quantity::new(record.quantity.into())?,
        split: SplitNumber::new(record.split),
        shares: read_shares(record.shares)?,
    })
}

fn read_busted(record: BustedRecord<'_, SharesRecord<'_>>) -> Result<Reply, DecodeError> {
    Ok(Reply::Busted {
        source: record.head.source.into(),
        seq: Seq::new(record.head.seq),
        id: record.head.id()?,
        time_ns: record.head.time_ns,
        duplicate: record.head.duplicate(),
        ticker: record.ticker.read()?,
        of: MessageId::new(record.of.as_bytes())?,
        shares: read_shares(record.shares)?,
    })
}

fn read_replayed(rest: &[u8]) -> Result<Reply, DecodeError> {
    let (record, rest): (ReplayedRecord<'_>, _) = codec::split_prefix(rest)?;
    let mut cursor = Cursor::new(rest);
    let mut fills = Vec::new();
    for _ in 0..record.fills {
        fills.push(read_outcome(cursor.sized()?)?);
    }
    if !cursor.rest().is_empty() {
        return Err(DecodeError::new("there is more than the outcomes that were counted"));
    }
    Ok(Reply::Replayed {
        source: record.source.into(),
        seq: Seq::new(record.seq),
        time_ns: record.time_ns,
        ticker: record.ticker.read()?,
        from: TickerSeq::new(record.from),
        last: TickerSeq::new(record.last),
        oldest: TickerSeq::new(record.oldest),
        fills,
    })
}

/// Reads an outcome that is given again: a reply within a reply, but not a third within that.
fn read_outcome(record: &[u8]) -> Result<Reply, DecodeError> {
    match record.split_first() {
        Some((&ALLOCATED, rest)) => read_allocated(codec::decode(rest)?),
        Some((&BUSTED, rest)) => read_busted(codec::decode(rest)?),
        _ => Err(DecodeError::new("what was replayed is no outcome of a ticker")),
    }
}

fn read_rejected(record: &RejectedRecord<'_>) -> Result<Reply, DecodeError> {
    Ok(Reply::Rejected {
        source: record.head.source.into(),
        seq: Seq::new(record.head.seq),
        id: record.head.id()?,
        time_ns: record.head.time_ns,
        duplicate: record.head.duplicate(),
        late: record.head.late(),
        code: record.code.into(),
        reason: record.reason.into(),
    })
}

fn read_shares(shares: SharesRecord<'_>) -> Result<Vec<(AccountId, u64)>, DecodeError> {
    let named =
        |(account, quantity): (&str, u64)| Ok((AccountId::new(account.as_bytes())?, quantity));
    shares.into_iter().map(named).collect()
}
