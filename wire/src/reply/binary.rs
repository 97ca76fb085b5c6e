//! Replies as binary records: a tag of one byte, then fields.

use super::Reply;
use super::draft::{Draft, Echo};
use crate::DecodeError;
use crate::binary::{read_side, side_byte};
use crate::codec::{self, Each};
use crate::cursor::{Cursor, append_sized};
use crate::padded_ticker::PaddedTicker;
use allot_domain::{AccountId, Price, Quantity};
use serde::{Deserialize, Serialize};

const ALLOCATED: u8 = 1;
const HELD: u8 = 2;
const BUSTED: u8 = 3;
const ACCEPTED: u8 = 4;
const REPORTED: u8 = 5;
const REJECTED: u8 = 6;

/// Bits of `flags`.
const DUPLICATE: u8 = 1;
const LATE: u8 = 2;

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    seq: u64,
    source: &'a str,
    flags: u8,
}

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
    of: u64,
    shares: S,
}

#[derive(Serialize, Deserialize)]
struct AcceptedRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    split: u64,
}

#[derive(Serialize, Deserialize)]
struct ReportedRecord<'a> {
    seq: u64,
    source: &'a str,
    report: u64,
}

#[derive(Serialize, Deserialize)]
struct RejectedRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    code: &'a str,
    reason: &'a str,
}

/// Appends a reply as a record, with its size.
pub(super) fn write<'a, S>(draft: Draft<'a, S>, out: &mut Vec<u8>)
where
    S: Iterator<Item = (&'a AccountId, u64)> + Clone,
{
    append_sized(out, |out| match draft {
        Draft::Allocated { echo, ticker, side, price, quantity, split, shares } => {
            out.push(ALLOCATED);
            write_head(echo, out);
            out.extend_from_slice(ticker.padded());
            out.push(side_byte(side));
            out.extend_from_slice(&price.nanos().to_le_bytes());
            out.extend_from_slice(&quantity.get().to_le_bytes());
            out.extend_from_slice(&split.to_le_bytes());
            write_shares(shares, out);
        }
        Draft::Held { echo } => codec::append((HELD, head(echo)), out),
        Draft::Busted { echo, ticker, of, shares } => {
            let shares = Each(shares.map(|(account, quantity)| (account.as_str(), quantity)));
            let ticker = PaddedTicker::from(&ticker);
            codec::append((BUSTED, BustedRecord { head: head(echo), ticker, of, shares }), out);
        }
        Draft::Accepted { echo, split } => {
            codec::append((ACCEPTED, AcceptedRecord { head: head(echo), split }), out);
        }
        Draft::Reported { echo, report } => {
            let (seq, source) = (echo.seq, echo.source_text());
            codec::append((REPORTED, ReportedRecord { seq, source, report }), out);
        }
        Draft::Rejected { echo, code, reason } => {
            codec::append((REJECTED, RejectedRecord { head: head(echo), code, reason }), out);
        }
    });
}

/// What the codec writes of a head. The answers of fills are written by hand, field by field:
/// there is one for every fill.
fn write_head(echo: Echo<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&echo.seq.to_le_bytes());
    write_text(echo.source, out);
    out.push(flags(echo));
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

fn head(echo: Echo<'_>) -> Head<'_> {
    Head { seq: echo.seq, source: echo.source_text(), flags: flags(echo) }
}

const fn flags(echo: Echo<'_>) -> u8 {
    let mut flags = 0;
    if echo.duplicate {
        flags |= DUPLICATE;
    }
    if echo.late {
        flags |= LATE;
    }
    flags
}

impl Head<'_> {
    const fn duplicate(&self) -> bool {
        self.flags & DUPLICATE != 0
    }

    const fn late(&self) -> bool {
        self.flags & LATE != 0
    }
}

type SharesRecord<'a> = Vec<(&'a str, u64)>;

/// Reads a record, without its size.
pub(crate) fn read(record: &[u8]) -> Result<Reply, DecodeError> {
    let mut cursor = Cursor::new(record);
    let tag = cursor.take_u8()?;
    let rest = cursor.rest();
    match tag {
        ALLOCATED => read_allocated(codec::decode(rest)?),
        HELD => {
            let head: Head<'_> = codec::decode(rest)?;
            let (source, duplicate) = (head.source.into(), head.duplicate());
            Ok(Reply::Held { source, seq: head.seq, duplicate })
        }
        BUSTED => read_busted(codec::decode(rest)?),
        ACCEPTED => {
            let AcceptedRecord { head, split } = codec::decode(rest)?;
            let (source, duplicate) = (head.source.into(), head.duplicate());
            Ok(Reply::Accepted { source, seq: head.seq, duplicate, split })
        }
        REPORTED => {
            let ReportedRecord { seq, source, report } = codec::decode(rest)?;
            Ok(Reply::Reported { source: source.into(), seq, report })
        }
        REJECTED => Ok(read_rejected(&codec::decode(rest)?)),
        _ => Err(DecodeError::new(format!("the tag {tag} is no reply"))),
    }
}

fn read_allocated(record: AllocatedRecord<'_, SharesRecord<'_>>) -> Result<Reply, DecodeError> {
    Ok(Reply::Allocated {
        source: record.head.source.into(),
        seq: record.head.seq,
        duplicate: record.head.duplicate(),
        late: record.head.late(),
        ticker: record.ticker.read()?,
        side: read_side(record.side)?,
        price: Price::from_nanos(record.price.into())?,
        quantity: Quantity::new(record.quantity.into())?,
        split: record.split,
        shares: read_shares(record.shares)?,
    })
}

fn read_busted(record: BustedRecord<'_, SharesRecord<'_>>) -> Result<Reply, DecodeError> {
    Ok(Reply::Busted {
        source: record.head.source.into(),
        seq: record.head.seq,
        duplicate: record.head.duplicate(),
        ticker: record.ticker.read()?,
        of: record.of,
        shares: read_shares(record.shares)?,
    })
}

fn read_rejected(record: &RejectedRecord<'_>) -> Reply {
    Reply::Rejected {
        source: record.head.source.into(),
        seq: record.head.seq,
        duplicate: record.head.duplicate(),
        late: record.head.late(),
        code: record.code.into(),
        reason: record.reason.into(),
    }
}

fn read_shares(shares: SharesRecord<'_>) -> Result<Vec<(AccountId, u64)>, DecodeError> {
    let named =
        |(account, quantity): (&str, u64)| Ok((AccountId::new(account.as_bytes())?, quantity));
    shares.into_iter().map(named).collect()
}
