//! A reply: what the front door says of a request, read from its bytes.

mod json;

use std::borrow::Cow;

use allot_domain::{AccountId, Cursor, MessageId, Price, Quantity, Seq, Side, SourceId, Ticker};
use allot_wire::reply::{Head, REJECTED, REPORTED, RejectedRecord, ReportedRecord};
use allot_wire::{Batch, DecodeError, Encoding, KIND_REPLIES, PaddedTicker, codec};
use serde::Deserialize;

use crate::Refusal;

const ALLOCATED: u8 = 1;
const HELD: u8 = 2;
const BUSTED: u8 = 3;
const ACCEPTED: u8 = 4;
const REPLAYED: u8 = 7;
const LISTED: u8 = 8;

/// What the front door says of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The number of the request.
    pub seq: Seq,
    /// What names it: its id, or its number.
    pub id: MessageId,
    /// When the server took it, in nanoseconds of Unix time; zero where it was not taken.
    pub time_ns: u64,
    /// Whether it was replied to before, and this is the first reply again.
    pub duplicate: bool,
    /// Whether it follows a [`Outcome::Held`].
    pub late: bool,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// A fill was divided.
    Allocated {
        /// The fill's ticker.
        ticker: Ticker,
        /// Bought or sold.
        side: Side,
        /// What one share cost.
        price: Price,
        /// How many shares in all.
        quantity: Quantity,
        /// The number of the split by which it was divided; zero where no longer known.
        split: u64,
        /// Who got how many, in byte order; empty where no longer known.
        shares: Vec<(AccountId, u64)>,
    },
    /// A fill waits for the first split; its division follows, as a reply that is late.
    Held,
    /// A fill was taken back.
    Busted {
        /// The fill's ticker.
        ticker: Ticker,
        /// What names the fill.
        of: MessageId,
        /// Who gave back how many, in byte order.
        shares: Vec<(AccountId, u64)>,
    },
    /// A split is in force.
    Accepted {
        /// The number of the split, from 1; zero where no longer known.
        split: u64,
    },
    /// A report is on its way to the subscribers.
    Reported {
        /// The number of the report.
        report: u64,
    },
    /// It was refused for good, and nothing changed.
    Rejected(Refusal),
    /// Outcomes of a ticker again.
    Replayed(Replayed),
    /// The splits so far.
    Listed(Listed),
}

/// Outcomes of a ticker again, in order and without a gap between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// The ticker.
    pub ticker: Ticker,
    /// The number of the first one in `events`: what was asked for, or the oldest that is kept.
    pub from: u64,
    /// The number of the newest outcome of the ticker; zero where it never had one.
    pub last: u64,
    /// The number of the oldest that is kept.
    pub oldest: u64,
    /// What was asked for, or its beginning; empty where none of it is there.
    pub events: Vec<Event>,
}

/// Splits as they came into force, in order and without a gap between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The number of the first one in `splits`: what was asked for, or the oldest that is kept.
    pub from: u64,
    /// The number of the split in force; zero where there is none.
    pub last: u64,
    /// The number of the oldest that is kept.
    pub oldest: u64,
    /// What was asked for, or its beginning; empty where none of it is there.
    pub splits: Vec<ListedSplit>,
}

/// A split as it came into force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedSplit {
    /// Its number.
    pub split: u64,
    /// Who sent it.
    pub source: SourceId,
    /// The source's number of it.
    pub seq: Seq,
    /// When the server took it, in nanoseconds of Unix time.
    pub time_ns: u64,
    /// The accounts in byte order, each with its weight in 1e-9 of a percent.
    pub weights: Vec<(AccountId, u64)>,
}

/// A fill that was divided or taken back, of whatever source, as the feed tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Who sent the fill.
    pub source: SourceId,
    /// What it became: [`Outcome::Allocated`] or [`Outcome::Busted`].
    pub reply: Reply,
}

impl Event {
    /// Takes what a record says, which must be the outcome of a ticker.
    fn new(source: &str, reply: Reply) -> Result<Self, DecodeError> {
        match reply.outcome {
            Outcome::Allocated { .. } | Outcome::Busted { .. } => {
                Ok(Self { source: SourceId::new(source.as_bytes())?, reply })
            }
            _ => Err(DecodeError::new("it is no outcome of a ticker")),
        }
    }

    /// Reads the body of `fills:` in either encoding.
    pub(crate) fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut event = None;
        read_message(body, |source, reply| event = Some(Self::new(source, reply)))?;
        event.unwrap_or_else(|| Err(DecodeError::new("there is no outcome in it")))
    }
}

#[derive(Deserialize)]
struct AllocatedRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    ticker: PaddedTicker,
    side: u8,
    price: i64,
    quantity: u64,
    split: u64,
    shares: Vec<(&'a str, u64)>,
}

#[derive(Deserialize)]
struct BustedRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    ticker: PaddedTicker,
    #[serde(borrow)]
    of: Cow<'a, str>,
    shares: Vec<(&'a str, u64)>,
}

/// A reply to a replay, but for the outcomes, which follow as records with their sizes.
#[derive(Deserialize)]
struct ReplayedRecord<'a> {
    seq: u64,
    source: &'a str,
    time_ns: u64,
    ticker: PaddedTicker,
    from: u64,
    last: u64,
    oldest: u64,
    count: u64,
}

#[derive(Deserialize)]
struct ListedRecord<'a> {
    seq: u64,
    source: &'a str,
    time_ns: u64,
    from: u64,
    last: u64,
    oldest: u64,
    #[serde(borrow)]
    splits: Vec<ListedSplitRecord<'a>>,
}

#[derive(Deserialize)]
struct ListedSplitRecord<'a> {
    number: u64,
    seq: u64,
    source: &'a str,
    time_ns: u64,
    #[serde(borrow)]
    weights: Vec<(&'a str, u64)>,
}

#[derive(Deserialize)]
struct AcceptedRecord<'a> {
    #[serde(borrow)]
    head: Head<'a>,
    split: u64,
}

impl Reply {
    /// The shares of a fill that was divided or taken back; none of anything else.
    #[must_use]
    pub fn shares(&self) -> &[(AccountId, u64)] {
        match &self.outcome {
            Outcome::Allocated { shares, .. } | Outcome::Busted { shares, .. } => shares,
            _ => &[],
        }
    }

    /// One without an id and without flags.
    fn plain(seq: Seq, time_ns: u64, outcome: Outcome) -> Self {
        Self { seq, id: seq.into(), time_ns, duplicate: false, late: false, outcome }
    }

    fn of(head: &Head<'_>, outcome: Outcome) -> Result<Self, DecodeError> {
        Ok(Self {
            seq: Seq::new(head.seq),
            id: head.id()?,
            time_ns: head.time_ns,
            duplicate: head.duplicate(),
            late: head.late(),
            outcome,
        })
    }
}

/// Hands over every reply of a message, with the source of its request.
pub(crate) fn read_message(
    message: &[u8],
    mut take: impl FnMut(&str, Reply),
) -> Result<(), DecodeError> {
    if Encoding::of(message) == Encoding::Json {
        return json::read_message(message, take);
    }
    let batch = Batch::read(message)?;
    if batch.kind != KIND_REPLIES {
        return Err(DecodeError::new(format!("kind {} is no reply", batch.kind)));
    }
    for record in batch.records() {
        let (source, reply) = read(record?)?;
        take(source, reply);
    }
    Ok(())
}

/// Reads a record, without its size.
fn read(record: &[u8]) -> Result<(&str, Reply), DecodeError> {
    let mut cursor = Cursor::new(record);
    let tag = cursor.u8()?;
    let rest = cursor.rest();
    let (head, outcome) = match tag {
        ALLOCATED => {
            let record: AllocatedRecord<'_> = codec::decode(rest)?;
            let outcome = Outcome::Allocated {
                ticker: record.ticker.read()?,
                side: match record.side {
                    0 => Side::Buy,
                    1 => Side::Sell,
                    side => return Err(DecodeError::new(format!("the side {side} is none"))),
                },
                price: Price::from_nanos(record.price.into())?,
                quantity: Quantity::new(record.quantity.into())?,
                split: record.split,
                shares: read_shares(&record.shares)?,
            };
            (record.head, outcome)
        }
        HELD => (codec::decode(rest)?, Outcome::Held),
        BUSTED => {
            let record: BustedRecord<'_> = codec::decode(rest)?;
            let outcome = Outcome::Busted {
                ticker: record.ticker.read()?,
                of: MessageId::new(record.of.as_bytes())?,
                shares: read_shares(&record.shares)?,
            };
            (record.head, outcome)
        }
        ACCEPTED => {
            let AcceptedRecord { head, split } = codec::decode(rest)?;
            (head, Outcome::Accepted { split })
        }
        REPORTED => {
            let ReportedRecord { seq, source, time_ns, report } = codec::decode(rest)?;
            let outcome = Outcome::Reported { report };
            return Ok((source, Reply::plain(Seq::new(seq), time_ns, outcome)));
        }
        REJECTED => {
            let RejectedRecord { head, code, reason } = codec::decode(rest)?;
            let refusal = Refusal { code: code.to_owned(), reason: reason.to_owned() };
            (head, Outcome::Rejected(refusal))
        }
        REPLAYED => return read_replayed(rest),
        LISTED => return read_listed(rest),
        _ => return Err(DecodeError::new(format!("the tag {tag} is no reply"))),
    };
    Ok((head.source, Reply::of(&head, outcome)?))
}

fn read_replayed(rest: &[u8]) -> Result<(&str, Reply), DecodeError> {
    let (record, rest): (ReplayedRecord<'_>, _) = codec::split_prefix(rest)?;
    let mut cursor = Cursor::new(rest);
    let mut events = Vec::new();
    for _ in 0..record.count {
        let within = cursor.sized()?;
        // A reply within a reply, but not a third within that.
        if within.first() == Some(&REPLAYED) {
            return Err(DecodeError::new("a replay within a replay"));
        }
        let (source, reply) = read(within)?;
        events.push(Event::new(source, reply)?);
    }
    if !cursor.rest().is_empty() {
        return Err(DecodeError::new("there is more than the outcomes that were counted"));
    }
    let ReplayedRecord { source, time_ns, from, last, oldest, .. } = record;
    let ticker = record.ticker.read()?;
    let outcome = Outcome::Replayed(Replayed { ticker, from, last, oldest, events });
    Ok((source, Reply::plain(Seq::new(record.seq), time_ns, outcome)))
}

fn read_listed(rest: &[u8]) -> Result<(&str, Reply), DecodeError> {
    let record: ListedRecord<'_> = codec::decode(rest)?;
    let mut splits = Vec::with_capacity(record.splits.len());
    for split in record.splits {
        splits.push(ListedSplit {
            split: split.number,
            source: SourceId::new(split.source.as_bytes())?,
            seq: Seq::new(split.seq),
            time_ns: split.time_ns,
            weights: read_shares(&split.weights)?,
        });
    }
    let ListedRecord { seq, source, time_ns, from, last, oldest, .. } = record;
    let outcome = Outcome::Listed(Listed { from, last, oldest, splits });
    Ok((source, Reply::plain(Seq::new(seq), time_ns, outcome)))
}

fn read_shares(shares: &[(&str, u64)]) -> Result<Vec<(AccountId, u64)>, DecodeError> {
    let named =
        |(account, quantity): &(&str, u64)| Ok((AccountId::new(account.as_bytes())?, *quantity));
    shares.iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::{ListedSplit as KnownSplit, SplitNumber, TickerSeq, Weight};
    use allot_allocation_service::{Reply as Known, encode_reply_message};
    use allot_domain::ReportNumber;
    use allot_wire::Encoding;
    use proptest::prelude::*;

    use super::*;

    const ENCODINGS: [Encoding; 2] = [Encoding::Binary, Encoding::Json];

    fn message(encoding: Encoding, reply: &Known) -> Vec<u8> {
        let mut message = Vec::new();
        encode_reply_message(encoding, reply, &mut message);
        message
    }

    fn read_one(encoding: Encoding, reply: &Known) -> (String, Reply) {
        let mut found = Vec::new();
        let message = message(encoding, reply);
        read_message(&message, |source, reply| found.push((source.to_owned(), reply))).unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    fn known_listed() -> Known {
        let weight = |id: &str, text| {
            (AccountId::new(id.as_bytes()).unwrap(), Weight::parse(id, text).unwrap())
        };
        Known::Listed {
            source: "f".to_owned(),
            seq: Seq::new(17),
            time_ns: 5,
            from: SplitNumber::new(2),
            last: SplitNumber::new(3),
            oldest: SplitNumber::new(1),
            splits: vec![KnownSplit {
                number: SplitNumber::new(2),
                source: SourceId::new(b"aum").unwrap(),
                seq: Seq::new(4),
                time_ns: 4,
                weights: vec![weight("a", "33.3"), weight("b", "66.7")],
            }],
        }
    }

    /// One of every kind that this client asks for.
    fn known() -> Vec<Known> {
        let (source, seq, id) = ("f".to_owned(), Seq::new(17), MessageId::new(b"X").unwrap());
        let (time_ns, duplicate, late) = (5, true, true);
        let (ticker, side) = (Ticker::new(b"AAPL").unwrap(), Side::Sell);
        let (price, quantity) = (Price::parse("1.5").unwrap(), Quantity::new(100).unwrap());
        let shares = vec![(AccountId::new(b"a").unwrap(), 60), (AccountId::new(b"b").unwrap(), 40)];
        let split = SplitNumber::new(3);
        let of = MessageId::new(b"9").unwrap();
        let (report, code) = (ReportNumber::new(8), "bad_ticker".to_owned());
        let (own, reason) = (seq.into(), "because".to_owned());
        let given = Known::Busted {
            source: "other".to_owned(),
            seq,
            id: own,
            time_ns,
            duplicate: false,
            ticker,
            of,
            shares: shares.clone(),
        };
        vec![
            known_listed(),
            Known::Replayed {
                source: source.clone(),
                seq,
                time_ns,
                ticker,
                from: TickerSeq::new(4),
                last: TickerSeq::new(9),
                oldest: TickerSeq::new(2),
                fills: vec![given.clone(), given],
            },
            Known::Allocated {
                source: source.clone(),
                seq,
                id,
                time_ns,
                duplicate,
                late,
                ticker,
                side,
                price,
                quantity,
                split,
                shares: shares.clone(),
            },
            Known::Held { source: source.clone(), seq, id, time_ns, duplicate },
            Known::Busted {
                source: source.clone(),
                seq,
                id: own,
                time_ns,
                duplicate,
                ticker,
                of,
                shares,
            },
            Known::Accepted { source: source.clone(), seq, id: own, time_ns, duplicate, split },
            Known::Reported { source: source.clone(), seq, time_ns, report },
            Known::Rejected { source, seq, id: own, time_ns, duplicate, late, code, reason },
        ]
    }

    #[test]
    fn a_reply_is_read_as_the_server_wrote_it() {
        for (encoding, known) in ENCODINGS
            .into_iter()
            .flat_map(|encoding| known().into_iter().map(move |known| (encoding, known)))
        {
            let (source, reply) = read_one(encoding, &known);
            assert_eq!(source, known.source());
            assert_eq!((reply.seq, reply.id), (known.seq(), known.id()));
            assert_eq!(reply.time_ns, known.time_ns());
            assert_eq!((reply.duplicate, reply.late), (known.is_duplicate(), known.is_late()));
            match (reply.outcome, known) {
                (
                    Outcome::Allocated { ticker, side, price, quantity, split, shares },
                    Known::Allocated {
                        ticker: ticker_known,
                        side: side_known,
                        price: price_known,
                        quantity: quantity_known,
                        split: split_known,
                        shares: shares_known,
                        ..
                    },
                ) => {
                    assert_eq!((ticker, side), (ticker_known, side_known));
                    assert_eq!((price, quantity), (price_known, quantity_known));
                    assert_eq!((split, shares), (split_known.get(), shares_known));
                }
                (Outcome::Held, Known::Held { .. }) => {}
                (
                    Outcome::Busted { ticker, of, shares },
                    Known::Busted { ticker: ticker_known, of: of_known, shares: known, .. },
                ) => assert_eq!((ticker, of, shares), (ticker_known, of_known, known)),
                (Outcome::Accepted { split }, Known::Accepted { split: known, .. }) => {
                    assert_eq!(split, known.get());
                }
                (Outcome::Reported { report }, Known::Reported { report: known, .. }) => {
                    assert_eq!(report, known.get());
                }
                (Outcome::Rejected(refusal), Known::Rejected { code, reason, .. }) => {
                    assert_eq!(refusal, Refusal { code, reason });
                }
                (
                    Outcome::Replayed(replayed),
                    Known::Replayed { from, last, oldest, fills, .. },
                ) => {
                    assert_eq!((replayed.from, replayed.last), (from.get(), last.get()));
                    assert_eq!((replayed.oldest, replayed.events.len()), (oldest.get(), 2));
                    for (event, known) in replayed.events.iter().zip(&fills) {
                        assert_eq!(event.source.as_str(), known.source());
                        assert_eq!(event.reply, read_one(encoding, known).1);
                    }
                }
                (Outcome::Listed(listed), Known::Listed { from, last, oldest, splits, .. }) => {
                    assert_eq!((listed.from, listed.last), (from.get(), last.get()));
                    assert_eq!((listed.oldest, listed.splits.len()), (oldest.get(), 1));
                    let (split, known) = (&listed.splits[0], &splits[0]);
                    assert_eq!((split.split, split.source), (known.number.get(), known.source));
                    assert_eq!((split.seq, split.time_ns), (known.seq, known.time_ns));
                    let weights = known.weights.iter().map(|(id, weight)| (*id, weight.nanos()));
                    assert_eq!(split.weights, weights.collect::<Vec<_>>());
                }
                (outcome, known) => panic!("{outcome:?} of {known:?}"),
            }
        }
    }

    #[test]
    fn a_message_that_is_cut_off_is_damaged() {
        for known in known() {
            let binary = message(Encoding::Binary, &known);
            for len in 0..binary.len() {
                assert!(read_message(&binary[..len], |_, _| {}).is_err(), "{len}");
            }
            let json = message(Encoding::Json, &known);
            let end = json.trim_ascii_end().len();
            for len in 1..end {
                assert!(read_message(&json[..len], |_, _| {}).is_err(), "{len}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            at in 0..8_usize,
            in_json in any::<bool>(),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        ) {
            let mut message = message(ENCODINGS[usize::from(in_json)], &known()[at]);
            for (place, byte) in damage {
                let place = place.index(message.len());
                message[place] = byte;
            }
            let _ = read_message(&message, |_, _| {});
        }
    }
}
