//! A request: what a client may ask of the front door, and its bytes.
//!
//! ```text
//!   fill   │ ticker 32 │ seq 8 │ source 8 + n │ id 8 + n │ price 8 │ quantity 8 │ side 1 │
//!   bust   │ ticker 32 │ seq 8 │ source 8 + n │ id 8 + n │ of 8 + n │
//!   split  │ seq 8 │ source 8 + n │ accounts 8 │ account 8 + n │ weight 8 │ …
//!          │ closes 8 │ account 8 + n │ …
//!   report │ seq 8 │ source 8 + n │
//!   replay │ ticker 32 │ seq 8 │ source 8 + n │ from 8 │ 0, or 1 and to 8 │
//!   splits │ seq 8 │ source 8 + n │ from 8 │
//! ```
//!
//! In JSON it is one object, as `docs/WIRE.md` and `docs/WIRE-HISTORY.md` have it.

mod json;

use allot_domain::{
    AccountId, MessageId, Price, Quantity, Reject, Seq, Side, SourceId, Ticker, decimal,
};
use allot_wire::{Encoding, append_sized, begin_batch, end_batch};

const FILL: u8 = 1;
const BUST: u8 = 2;
const SPLIT: u8 = 3;
const REPORT: u8 = 4;
const REPLAY: u8 = 5;
const SPLITS: u8 = 6;

/// What a client asks. The client gives it its name when it is submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// A block to divide.
    Fill(Fill),
    /// A fill to take back.
    Bust(Bust),
    /// New weights.
    Split(Split),
    /// Positions wanted now, not only at the next tick.
    Report,
    /// Outcomes that the feed gave before.
    Replay(Replay),
    /// The splits so far.
    Splits(Splits),
}

/// A block of shares, bought or sold, to be divided among the accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// What was bought or sold.
    pub ticker: Ticker,
    /// Bought or sold.
    pub side: Side,
    /// What one share cost.
    pub price: Price,
    /// How many shares.
    pub quantity: Quantity,
    /// The venue's id of it; without one its number names it.
    pub id: Option<MessageId>,
}

/// A fill to take back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bust {
    /// The ticker of the fill.
    pub ticker: Ticker,
    /// What names the fill: its id, or its number.
    pub of: MessageId,
}

/// The share of the assets that each account is to hold from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    /// The accounts, each with its percentage in 1e-9 of a percent.
    weights: Vec<(AccountId, i64)>,
    closes: Vec<AccountId>,
}

/// Outcomes of a ticker again, by their numbers on the feed. One reply has up to 256 of them: ask
/// for the rest from where it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replay {
    /// The ticker.
    pub ticker: Ticker,
    /// The first of them, from 1.
    pub(crate) from: u64,
    /// The last of them; the newest where there is none.
    pub(crate) to: Option<u64>,
}

/// The splits so far, by their numbers. One reply has up to 256 of them: ask for the rest from
/// where it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Splits {
    /// The first of them, from 1.
    pub(crate) from: u64,
}

impl Fill {
    /// Shares that were bought; the price is decimal text.
    ///
    /// # Errors
    /// Where no fill may have such a ticker, price or quantity.
    pub fn buy(ticker: &str, price: &str, quantity: u64) -> Result<Self, Reject> {
        Self::of(Side::Buy, ticker, price, quantity)
    }

    /// Shares that were sold; the price is decimal text.
    ///
    /// # Errors
    /// As [`Fill::buy`].
    pub fn sell(ticker: &str, price: &str, quantity: u64) -> Result<Self, Reject> {
        Self::of(Side::Sell, ticker, price, quantity)
    }

    fn of(side: Side, ticker: &str, price: &str, quantity: u64) -> Result<Self, Reject> {
        Ok(Self {
            ticker: Ticker::new(ticker.as_bytes())?,
            side,
            price: Price::parse(price)?,
            quantity: Quantity::new(quantity.into())?,
            id: None,
        })
    }

    /// The same fill, named by the venue's id of it.
    ///
    /// # Errors
    /// [`Reject::BadId`].
    pub fn named(mut self, id: &str) -> Result<Self, Reject> {
        self.id = Some(MessageId::new(id.as_bytes())?);
        Ok(self)
    }
}

impl Bust {
    /// Takes the fill with this id, or number, back.
    ///
    /// # Errors
    /// [`Reject::BadTicker`] and [`Reject::BadId`].
    pub fn new(ticker: &str, of: &str) -> Result<Self, Reject> {
        let ticker = Ticker::new(ticker.as_bytes())?;
        Ok(Self { ticker, of: MessageId::new(of.as_bytes())? })
    }
}

impl Split {
    /// Accounts and their percentages, as decimal text. Whether they add up to 100, the server
    /// says.
    ///
    /// # Errors
    /// [`Reject::BadAccount`] and [`Reject::MalformedField`].
    pub fn new<A: AsRef<str>, W: AsRef<str>>(
        weights: impl IntoIterator<Item = (A, W)>,
    ) -> Result<Self, Reject> {
        let weighed = weights.into_iter().map(|(account, weight)| {
            let account = AccountId::new(account.as_ref().as_bytes())?;
            Ok((account, percentage(account, weight.as_ref())?))
        });
        Ok(Self { weights: weighed.collect::<Result<_, Reject>>()?, closes: Vec::new() })
    }

    /// The same split, which may close these accounts although they hold shares.
    ///
    /// # Errors
    /// [`Reject::BadAccount`].
    pub fn closing<A: AsRef<str>>(
        mut self,
        accounts: impl IntoIterator<Item = A>,
    ) -> Result<Self, Reject> {
        let named = accounts.into_iter().map(|account| AccountId::new(account.as_ref().as_bytes()));
        self.closes = named.collect::<Result<_, _>>()?;
        Ok(self)
    }
}

impl Replay {
    /// From this number, which counts from 1, to the newest.
    ///
    /// # Errors
    /// [`Reject::BadTicker`], and [`Reject::MalformedField`] for a number of 0.
    pub fn new(ticker: &str, from: u64) -> Result<Self, Reject> {
        if from == 0 {
            return Err(Reject::MalformedField("outcomes count from 1; \"from\" was 0".to_owned()));
        }
        Ok(Self { ticker: Ticker::new(ticker.as_bytes())?, from, to: None })
    }

    /// The same, and not beyond this number.
    ///
    /// # Errors
    /// [`Reject::MalformedField`] where that is before the first.
    pub fn up_to(mut self, to: u64) -> Result<Self, Reject> {
        if to < self.from {
            let from = self.from;
            let text = format!("\"to\" was {to}, before \"from\", which was {from}");
            return Err(Reject::MalformedField(text));
        }
        self.to = Some(to);
        Ok(self)
    }
}

impl Splits {
    /// From this number, which counts from 1, to the one in force.
    ///
    /// # Errors
    /// [`Reject::MalformedField`] for a number of 0.
    pub fn from(from: u64) -> Result<Self, Reject> {
        if from == 0 {
            return Err(Reject::MalformedField("splits count from 1; \"from\" was 0".to_owned()));
        }
        Ok(Self { from })
    }
}

/// A percentage in 1e-9 of a percent.
fn percentage(account: AccountId, text: &str) -> Result<i64, Reject> {
    let nanos = decimal::parse_nanos(text).ok().and_then(|nanos| i64::try_from(nanos).ok());
    nanos.ok_or_else(|| {
        let given = Reject::quote(text);
        Reject::MalformedField(format!(
            "the weight of {account} must be a percentage, as 33.3; it was {given}"
        ))
    })
}

impl From<Fill> for Request {
    fn from(fill: Fill) -> Self {
        Self::Fill(fill)
    }
}

impl From<Bust> for Request {
    fn from(bust: Bust) -> Self {
        Self::Bust(bust)
    }
}

impl From<Split> for Request {
    fn from(split: Split) -> Self {
        Self::Split(split)
    }
}

impl From<Replay> for Request {
    fn from(replay: Replay) -> Self {
        Self::Replay(replay)
    }
}

impl From<Splits> for Request {
    fn from(splits: Splits) -> Self {
        Self::Splits(splits)
    }
}

impl Request {
    /// Writes the message of this one request; `out` then holds nothing else.
    pub(crate) fn write(&self, encoding: Encoding, source: &SourceId, seq: Seq, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => json::write(self, source, seq, out),
            Encoding::Binary => self.write_binary(source, seq, out),
        }
    }

    fn write_binary(&self, source: &SourceId, seq: Seq, out: &mut Vec<u8>) {
        let kind = match self {
            Self::Fill(_) => FILL,
            Self::Bust(_) => BUST,
            Self::Split(_) => SPLIT,
            Self::Report => REPORT,
            Self::Replay(_) => REPLAY,
            Self::Splits(_) => SPLITS,
        };
        begin_batch(out, kind);
        append_sized(out, |out| match self {
            Self::Fill(fill) => {
                write_routed(&fill.ticker, seq, source, out);
                write_id(fill.id.as_ref(), out);
                out.extend_from_slice(&fill.price.nanos().to_le_bytes());
                out.extend_from_slice(&fill.quantity.get().to_le_bytes());
                out.push(match fill.side {
                    Side::Buy => 0,
                    Side::Sell => 1,
                });
            }
            Self::Bust(bust) => {
                write_routed(&bust.ticker, seq, source, out);
                write_id(None, out);
                write_id(Some(&bust.of), out);
            }
            Self::Split(split) => {
                write_origin(seq, source, out);
                write_count(split.weights.len(), out);
                for (account, weight) in &split.weights {
                    write_text(account.as_bytes(), out);
                    out.extend_from_slice(&weight.to_le_bytes());
                }
                write_count(split.closes.len(), out);
                split.closes.iter().for_each(|account| write_text(account.as_bytes(), out));
            }
            Self::Report => write_origin(seq, source, out),
            Self::Replay(replay) => {
                write_routed(&replay.ticker, seq, source, out);
                out.extend_from_slice(&replay.from.to_le_bytes());
                out.push(u8::from(replay.to.is_some()));
                replay.to.iter().for_each(|to| out.extend_from_slice(&to.to_le_bytes()));
            }
            Self::Splits(splits) => {
                write_origin(seq, source, out);
                out.extend_from_slice(&splits.from.to_le_bytes());
            }
        });
        end_batch(out, 1);
    }
}

fn write_routed(ticker: &Ticker, seq: Seq, source: &SourceId, out: &mut Vec<u8>) {
    out.extend_from_slice(ticker.padded());
    write_origin(seq, source, out);
}

fn write_origin(seq: Seq, source: &SourceId, out: &mut Vec<u8>) {
    out.extend_from_slice(&seq.get().to_le_bytes());
    write_text(source.as_bytes(), out);
}

/// An id; an empty one where the number of the message names it.
fn write_id(id: Option<&MessageId>, out: &mut Vec<u8>) {
    match id {
        None => write_count(0, out),
        Some(MessageId::Text(text)) => write_text(text.as_bytes(), out),
        Some(number) => write_text(number.to_string().as_bytes(), out),
    }
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    write_count(text.len(), out);
    out.extend_from_slice(text);
}

fn write_count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u64::try_from(count).expect("a usize fits").to_le_bytes());
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules as rules;
    use allot_allocation_service::{ReportRequest, Request as Known, decode_line, decode_request};
    use allot_wire::Batch;

    use super::*;

    /// What the server reads of a request.
    fn read(request: &Request) -> Known {
        let (source, mut message) = (SourceId::new(b"rust-1").unwrap(), Vec::new());
        request.write(Encoding::Binary, &source, Seq::new(7), &mut message);
        let batch = Batch::parse(&message).unwrap();
        let records: Vec<_> = batch.records().map(Result::unwrap).collect();
        let kind = batch.kind.try_into().unwrap();
        assert_eq!((batch.count, records.len()), (1, 1));
        decode_request(kind, records[0]).unwrap()
    }

    #[test]
    fn the_server_reads_what_was_meant() {
        let (source, seq, time_ns) = (SourceId::new(b"rust-1").unwrap(), Seq::new(7), 0);
        let ticker = Ticker::new(b"BRK.B").unwrap();
        for (fill, side, id) in [
            (Fill::buy("BRK.B", "187.23", 100).unwrap(), Side::Buy, seq.into()),
            (
                Fill::sell("BRK.B", "187.23", 100).unwrap().named("X-1").unwrap(),
                Side::Sell,
                MessageId::new(b"X-1").unwrap(),
            ),
        ] {
            let price = Price::parse("187.23").unwrap();
            let quantity = Quantity::new(100).unwrap();
            let known = rules::Fill { source, seq, id, time_ns, ticker, side, price, quantity };
            assert_eq!(read(&fill.into()), Known::Fill(known));
        }
        let of = MessageId::new(b"17").unwrap();
        let bust = rules::Bust { source, seq, id: seq.into(), time_ns, of, ticker };
        assert_eq!(read(&Bust::new("BRK.B", "17").unwrap().into()), Known::Bust(bust));
        assert_eq!(read(&Request::Report), Known::Report(ReportRequest { source, seq }));
        for (replay, to) in [
            (Replay::new("BRK.B", 3).unwrap(), None),
            (Replay::new("BRK.B", 3).unwrap().up_to(7).unwrap(), Some(rules::TickerSeq::new(7))),
        ] {
            let from = rules::TickerSeq::new(3);
            let known = rules::Replay { source, seq, time_ns, ticker, from, to };
            assert_eq!(read(&replay.into()), Known::Replay(known));
        }
        let from = rules::SplitNumber::new(3);
        let listing = rules::Listing { source, seq, time_ns, from };
        assert_eq!(read(&Splits::from(3).unwrap().into()), Known::Splits(listing));
        let split = Split::new([("a", "60"), ("b", "40")]).unwrap().closing(["c"]).unwrap();
        let Known::Split(known) = read(&split.into()) else { panic!("it is a split") };
        let weights = known.weights().iter();
        let weights: Vec<_> =
            weights.map(|(account, weight)| (account.to_string(), weight.nanos())).collect();
        let percent = 1_000_000_000;
        assert_eq!(weights, [("a".to_owned(), 60 * percent), ("b".to_owned(), 40 * percent)]);
        assert_eq!(known.closes().iter().map(AccountId::as_str).collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn the_server_reads_json_as_it_reads_binary() {
        let source = SourceId::new(b"rust-1").unwrap();
        let requests: [Request; 8] = [
            Fill::buy("BRK B", "187.230000001", 100).unwrap().into(),
            Fill::sell("AAPL", "1", 1).unwrap().named("X-1").unwrap().into(),
            Bust::new("AAPL", "X-1").unwrap().into(),
            Bust::new("AAPL", "17").unwrap().into(),
            Split::new([("a", "60"), ("b", "40")]).unwrap().closing(["c"]).unwrap().into(),
            Request::Report,
            Replay::new("AAPL", 3).unwrap().up_to(7).unwrap().into(),
            Splits::from(2).unwrap().into(),
        ];
        for request in requests {
            let mut line = Vec::new();
            request.write(Encoding::Json, &source, Seq::new(7), &mut line);
            assert_eq!(decode_line(&line).unwrap(), read(&request));
        }
    }

    #[test]
    fn what_no_request_may_have_is_refused_before_it_leaves() {
        let code = |refused: Result<Fill, Reject>| refused.unwrap_err().code();
        assert_eq!(code(Fill::buy("A B\n", "1", 1)), "bad_ticker");
        assert_eq!(code(Fill::buy("A", "-1", 1)), "price_must_be_positive");
        assert_eq!(code(Fill::buy("A", "1", 0)), "quantity_must_be_positive");
        assert_eq!(code(Fill::buy("A", "1", 1).unwrap().named("")), "bad_id");
        assert_eq!(Replay::new("A", 0).unwrap_err().code(), "malformed_field");
        assert_eq!(Splits::from(0).unwrap_err().code(), "malformed_field");
        let backwards = Replay::new("A", 5).unwrap().up_to(4).unwrap_err();
        assert!(backwards.to_string().contains("before \"from\", which was 5"), "{backwards}");
        let split = |account, weight| Split::new([(account, weight)]).unwrap_err();
        assert_eq!(split("a:b", "100").code(), "bad_account");
        let malformed = split("a", "a third");
        assert!(malformed.to_string().contains("must be a percentage"), "{malformed}");
    }
}
