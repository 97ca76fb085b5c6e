//! A reply reader: it reads replies as an outside client does, after docs/WIRE.md, and keeps none.
//!
//! The load generator shares its machine with the server, so what it does for each reply is part
//! of every figure; and it checks each of them: its source, and that its shares add up.

use std::fmt;

use allot_allocation_service::{Reply, decode_replies};
use allot_wire::Encoding;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

/// A reply to one fill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum FillReply {
    /// A fill was divided.
    Allocated {
        seq: u64,
        quantity: u64,
        /// What the shares add up to.
        shares: u64,
    },
    /// There was no room: nothing changed.
    Busy { seq: u64 },
    /// Anything else, which is wrong here.
    Other(String),
}

const HEADER_LEN: usize = 16;
const TICKER_LEN: usize = 32;
const KIND_REPLIES: u8 = 128;
const TAG_ALLOCATED: u8 = 1;
const TAG_REJECTED: u8 = 6;
/// The codes that say that nothing took the fill now.
const AGAIN: [&[u8]; 3] = [b"busy", b"storage_full", b"shard_away"];

/// Hands every reply of a message to `on_reply`.
///
/// # Errors
/// What is wrong with a message that does not hold replies.
pub(crate) fn read(
    message: &[u8],
    source: &str,
    mut on_reply: impl FnMut(FillReply),
) -> Result<(), String> {
    match Encoding::of(message) {
        Encoding::Binary => read_batch(message, source.as_bytes(), &mut on_reply)
            .ok_or_else(|| format!("a damaged message of {} bytes", message.len())),
        Encoding::Json => {
            let lines = message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| read_line(line, source)).try_for_each(|reply| {
                on_reply(reply?);
                Ok(())
            })
        }
    }
}

/// The fields of a division that are checked, without a copy.
#[derive(Deserialize)]
struct Division<'a> {
    r#type: &'a str,
    source: &'a str,
    seq: u64,
    quantity: u64,
    shares: SharesSum,
    #[serde(default)]
    duplicate: bool,
    #[serde(default)]
    late: bool,
}

/// What shares add up to.
struct SharesSum(u64);

impl<'de> Deserialize<'de> for SharesSum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Summing;
        impl<'de> Visitor<'de> for Summing {
            type Value = SharesSum;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("shares by account")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SharesSum, A::Error> {
                let mut sum = SharesSum(0);
                while let Some((_, shares)) = map.next_entry::<&str, u64>()? {
                    sum.0 = sum.0.saturating_add(shares);
                }
                Ok(sum)
            }
        }
        deserializer.deserialize_map(Summing)
    }
}

fn read_line(line: &[u8], source: &str) -> Result<FillReply, String> {
    if let Ok(division) = serde_json::from_slice::<Division<'_>>(line)
        && (division.r#type, division.source) == ("allocated", source)
        && !division.duplicate
        && !division.late
    {
        let Division { seq, quantity, shares: SharesSum(shares), .. } = division;
        return Ok(FillReply::Allocated { seq, quantity, shares });
    }
    let mut replies = Vec::new();
    decode_replies(line, &mut replies).map_err(|error| error.to_string())?;
    Ok(of_reply(&replies[0], source))
}

fn of_reply(reply: &Reply, source: &str) -> FillReply {
    match reply {
        Reply::Allocated { seq, quantity, shares, duplicate: false, late: false, .. }
            if reply.source() == source =>
        {
            let shares = shares.iter().map(|(_, share)| share).sum();
            FillReply::Allocated { seq: seq.get(), quantity: quantity.get(), shares }
        }
        Reply::Rejected { seq, code, .. }
            if AGAIN.contains(&code.as_bytes()) && reply.source() == source =>
        {
            FillReply::Busy { seq: seq.get() }
        }
        other => FillReply::Other(format!("{other:?}")),
    }
}

fn read_batch(message: &[u8], source: &[u8], on_reply: &mut impl FnMut(FillReply)) -> Option<()> {
    let mut rest = message;
    let header = take(&mut rest, HEADER_LEN)?;
    if !header.starts_with(b"ALOT\x02") || header[5] != KIND_REPLIES {
        return None;
    }
    let count = u32::from_le_bytes(header[8..12].try_into().ok()?);
    for _ in 0..count {
        let size = u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?);
        let record = take(&mut rest, usize::try_from(size).ok()?)?;
        on_reply(read_record(record, source)?);
    }
    rest.is_empty().then_some(())
}

fn read_record(mut record: &[u8], source: &[u8]) -> Option<FillReply> {
    let whole = record;
    let tag = take(&mut record, 1)?[0];
    let seq = take_u64(&mut record)?;
    let is_ours = take_text(&mut record)? == source;
    let _id = take_text(&mut record)?;
    let _time = take_u64(&mut record)?;
    let flags = take(&mut record, 1)?[0];
    match tag {
        TAG_ALLOCATED if is_ours && flags == 0 => {
            // Ticker, side and price, then what is asked for.
            take(&mut record, TICKER_LEN + 1 + 8)?;
            let quantity = take_u64(&mut record)?;
            let _split = take_u64(&mut record)?;
            let mut shares: u64 = 0;
            for _ in 0..take_u64(&mut record)? {
                take_text(&mut record)?;
                shares = shares.checked_add(take_u64(&mut record)?)?;
            }
            record.is_empty().then_some(FillReply::Allocated { seq, quantity, shares })
        }
        TAG_REJECTED if is_ours && AGAIN.contains(&take_text(&mut record)?) => {
            Some(FillReply::Busy { seq })
        }
        tag => {
            let text = String::from_utf8_lossy(whole).into_owned();
            Some(FillReply::Other(format!("tag {tag}, flags {flags}, seq {seq}: {text:?}")))
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = usize::try_from(take_u64(rest)?).ok()?;
    take(rest, count)
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::SplitNumber;
    use allot_allocation_service::encode_reply_message;
    use allot_domain::{AccountId, Price, Quantity, Seq, Side, Ticker};

    use super::*;

    fn allocated(source: &str, duplicate: bool) -> Reply {
        let account = |id: &[u8]| AccountId::new(id).unwrap();
        Reply::Allocated {
            source: source.to_owned(),
            seq: Seq::new(17),
            id: Seq::new(17).into(),
            time_ns: 0,
            duplicate,
            late: false,
            ticker: Ticker::new(b"AAPL").unwrap(),
            side: Side::Buy,
            price: Price::parse("187.23").unwrap(),
            quantity: Quantity::new(100).unwrap(),
            split: SplitNumber::new(1),
            shares: vec![(account(b"a"), 60), (account(b"b"), 39)],
        }
    }

    fn rejected(code: &str) -> Reply {
        Reply::Rejected {
            source: "f".to_owned(),
            seq: Seq::new(3),
            id: Seq::new(3).into(),
            time_ns: 0,
            duplicate: false,
            late: false,
            code: code.to_owned(),
            reason: "because".to_owned(),
        }
    }

    fn read_all(reply: &Reply, encoding: Encoding) -> Vec<FillReply> {
        let (mut message, mut replies) = (Vec::new(), Vec::new());
        encode_reply_message(encoding, reply, &mut message);
        read(&message, "f", |reply| replies.push(reply)).unwrap();
        replies
    }

    #[test]
    fn both_encodings_say_the_same() {
        for encoding in [Encoding::Binary, Encoding::Json] {
            let expected = FillReply::Allocated { seq: 17, quantity: 100, shares: 99 };
            assert_eq!(read_all(&allocated("f", false), encoding), [expected]);
            assert_eq!(read_all(&rejected("busy"), encoding), [FillReply::Busy { seq: 3 }]);
        }
    }

    #[test]
    fn a_reply_to_another_source_or_a_second_one_is_wrong() {
        for encoding in [Encoding::Binary, Encoding::Json] {
            for reply in [allocated("g", false), allocated("f", true), rejected("bad_ticker")] {
                let read = read_all(&reply, encoding);
                assert!(matches!(read[..], [FillReply::Other(_)]), "{read:?}");
            }
        }
    }

    #[test]
    fn a_message_that_is_cut_off_is_damaged() {
        let mut message = Vec::new();
        encode_reply_message(Encoding::Binary, &allocated("f", false), &mut message);
        for length in 1..message.len() {
            assert!(read(&message[..length], "f", |_| ()).is_err(), "{length}");
        }
    }
}
