//! Listed: the reply that tells splits, in both encodings.

use std::borrow::Cow;

use allot_allocation_rules::{Listed, ListedSplit, SplitNumber, Weight};
use allot_domain::{AccountId, Seq, SourceId, decimal};
use allot_wire::json::{Entries, Object, required as need};
use allot_wire::reply::Echo;
use allot_wire::{DecodeError, Encoding, append_sized, codec, timestamp};
use serde::{Deserialize, Serialize};

use super::Reply;
use super::writer::echo;

/// The tag of a binary reply.
pub(super) const LISTED: u8 = 8;

/// Such a reply, from whatever it is written.
pub(super) struct ListedReply<'a> {
    echo: Echo<'a>,
    from: SplitNumber,
    last: SplitNumber,
    oldest: SplitNumber,
    splits: &'a [ListedSplit],
}

impl<'a> ListedReply<'a> {
    pub(super) fn of(listed: &'a Listed) -> Self {
        let Listed { ref origin, from, last, oldest, ref splits } = *listed;
        Self { echo: echo(origin, false), from, last, oldest, splits }
    }

    /// That of a reply; none where it is another one.
    pub(super) fn of_reply(reply: &'a Reply) -> Option<Self> {
        let Reply::Listed { source, seq, time_ns, from, last, oldest, splits } = reply else {
            return None;
        };
        let (source, seq, time_ns) = (source.as_bytes(), *seq, *time_ns);
        let echo = Echo { source, seq, id: None, time_ns, duplicate: false, late: false };
        Some(Self { echo, from: *from, last: *last, oldest: *oldest, splits })
    }

    /// Appends it: an object without a line's end, or a record with its size.
    pub(super) fn write(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => self.write_json(out),
            Encoding::Binary => self.write_binary(out),
        }
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        let mut object = self.echo.begin("listed", out);
        object.number("from", self.from.get());
        object.number("last", self.last.get());
        object.number("oldest", self.oldest.get());
        object.list("splits", self.splits, |split, out| {
            let mut object = Object::begin(out);
            object.number("split", split.number.get());
            object.plain("source", split.source.as_str());
            object.number("seq", split.seq.get());
            object.time("time", split.time_ns);
            let mut weights = object.object("weights");
            for (account, weight) in &split.weights {
                weights.decimal(account.as_str(), weight.nanos().into());
            }
            weights.end();
            object.end();
        });
        object.end();
    }

    fn write_binary(&self, out: &mut Vec<u8>) {
        let splits = self.splits.iter().map(|split| SplitRecord {
            number: split.number.get(),
            seq: split.seq.get(),
            source: split.source.as_str(),
            time_ns: split.time_ns,
            weights: split
                .weights
                .iter()
                .map(|(id, weight)| (id.as_str(), weight.nanos()))
                .collect(),
        });
        let record = ListedRecord {
            seq: self.echo.seq.get(),
            source: self.echo.source_text(),
            time_ns: self.echo.time_ns,
            from: self.from.get(),
            last: self.last.get(),
            oldest: self.oldest.get(),
            splits: splits.collect(),
        };
        append_sized(out, |out| codec::append((LISTED, record), out));
    }
}

#[derive(Serialize, Deserialize)]
struct ListedRecord<'a> {
    seq: u64,
    source: &'a str,
    time_ns: u64,
    from: u64,
    last: u64,
    oldest: u64,
    #[serde(borrow)]
    splits: Vec<SplitRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
struct SplitRecord<'a> {
    number: u64,
    seq: u64,
    source: &'a str,
    time_ns: u64,
    #[serde(borrow)]
    weights: Vec<(&'a str, u64)>,
}

/// Reads the fields of a binary reply.
pub(super) fn read_binary(fields: &[u8]) -> Result<Reply, DecodeError> {
    let record: ListedRecord<'_> = codec::decode(fields)?;
    let splits = record.splits.into_iter().map(|split| {
        let weights = split.weights.into_iter().map(|(id, nanos)| weight(id, nanos.into()));
        Ok(ListedSplit {
            number: SplitNumber::new(split.number),
            source: SourceId::new(split.source.as_bytes())?,
            seq: Seq::new(split.seq),
            time_ns: split.time_ns,
            weights: weights.collect::<Result<_, _>>()?,
        })
    });
    Ok(Reply::Listed {
        source: record.source.into(),
        seq: Seq::new(record.seq),
        time_ns: record.time_ns,
        from: SplitNumber::new(record.from),
        last: SplitNumber::new(record.last),
        oldest: SplitNumber::new(record.oldest),
        splits: splits.collect::<Result<_, DecodeError>>()?,
    })
}

/// A split within a JSON reply.
#[derive(Deserialize)]
pub(super) struct SplitObject<'a> {
    split: Option<u64>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    seq: Option<u64>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    weights: Option<Entries<'a, Cow<'a, str>>>,
}

impl SplitObject<'_> {
    pub(super) fn read(self) -> Result<ListedSplit, DecodeError> {
        let weights = need("weights", self.weights)?.0;
        let weights = weights.iter().map(|(id, percent)| {
            let nanos = decimal::parse_nanos(percent)
                .map_err(|_| DecodeError::new(format!("the weight of {id} is no decimal")))?;
            weight(id, nanos)
        });
        let time = timestamp::parse(&need("time", self.time)?);
        Ok(ListedSplit {
            number: SplitNumber::new(need("split", self.split)?),
            source: SourceId::new(need("source", self.source)?.as_bytes())?,
            seq: Seq::new(need("seq", self.seq)?),
            time_ns: time.ok_or_else(|| DecodeError::new("the time is not one of RFC 3339"))?,
            weights: weights.collect::<Result<_, _>>()?,
        })
    }
}

fn weight(id: &str, nanos: i128) -> Result<(AccountId, Weight), DecodeError> {
    let account = AccountId::new(id.as_bytes())?;
    let weight = Weight::from_nanos(id, nanos);
    Ok((account, weight.map_err(|reject| DecodeError::new(reject.to_string()))?))
}
