//! Text: an input as one line, and back: for scripts of tests, and for faults.
//!
//! ```text
//!   buy fills-1 17 AAPL 100 @ 187.23        or sell; a source, its number, ticker, quantity, price
//!   bust fills-1 20 AAPL of 17
//!   sell fills-1 18#x-9 AAPL 5 @ 188        with an id of its own
//!   split aum 1 a=60 b=40                   percentages
//!   split aum 2 a=100 closes b              with the accounts that it may close
//!   check split aum 2 a=100 closes b        what shards are asked before that split
//!   marker 7 at 1795168800000000000 report  nanoseconds of Unix time; `report` where one is made
//!   netting 3 under aum 1: 5 -5             value moved, in order of rank
//!   replay ops 5 AAPL from 3 to 9           or without `to 9`
//!   splits ops 6 from 2                     the splits so far, from this number on
//! ```

use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use allot_domain::decimal::{nanos_text, parse_nanos};
use allot_domain::{
    AccountId, Marker, MessageId, Money, Price, Quantity, Reject as Core, Seq, Side, SourceId,
    Ticker,
};

use super::{Input, Netting, SplitKey};
use crate::{Bust, Fill, Listing, Reject, Replay, Split, SplitNumber, TickerSeq, Weight};

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fill(Fill { source, seq, id, ticker, side, price, quantity, .. }) => {
                let named = Named { seq: *seq, id };
                write!(f, "{side} {source} {named} {ticker} {quantity} @ {price}")
            }
            Self::Bust(Bust { source, seq, id, ticker, of, .. }) => {
                let named = Named { seq: *seq, id };
                write!(f, "bust {source} {named} {ticker} of {of}")
            }
            Self::Split(split) => write_split(split, f),
            Self::Check(split) => {
                f.write_str("check ")?;
                write_split(split, f)
            }
            Self::Marker(Marker { number, time_ns, report }) => {
                let report = if *report { " report" } else { "" };
                write!(f, "marker {number} at {time_ns}{report}")
            }
            Self::Netting(Netting { number, split, transfers }) => {
                write!(f, "netting {number} under {} {}:", split.source, split.seq)?;
                transfers.iter().try_for_each(|transfer| write!(f, " {transfer}"))
            }
            Self::Replay(Replay { source, seq, ticker, from, to, .. }) => {
                write!(f, "replay {source} {seq} {ticker} from {from}")?;
                to.map_or(Ok(()), |to| write!(f, " to {to}"))
            }
            Self::Listing(Listing { source, seq, from, .. }) => {
                write!(f, "splits {source} {seq} from {from}")
            }
        }
    }
}

fn write_split(split: &Split, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "split {} {}", split.source, split.seq)?;
    split.weights().iter().try_for_each(|(account, weight)| {
        write!(f, " {account}={}", nanos_text(weight.nanos().into()))
    })?;
    if !split.closes().is_empty() {
        f.write_str(" closes")?;
    }
    split.closes().iter().try_for_each(|account| write!(f, " {account}"))
}

/// The number of a message, and its id where it has one of its own.
struct Named<'a> {
    seq: Seq,
    id: &'a MessageId,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seq.fmt(f)?;
        if *self.id == MessageId::Number(self.seq) { Ok(()) } else { write!(f, "#{}", self.id) }
    }
}

impl FromStr for Input {
    type Err = Reject;

    fn from_str(line: &str) -> Result<Self, Reject> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [side @ ("buy" | "sell"), source, seq, ticker, quantity, "@", price] => {
                let (seq, id) = named(seq)?;
                Ok(Self::Fill(Fill {
                    source: SourceId::new(source.as_bytes())?,
                    seq,
                    id,
                    time_ns: 0,
                    ticker: Ticker::new(ticker.as_bytes())?,
                    side: if side == "buy" { Side::Buy } else { Side::Sell },
                    price: Price::parse(price)?,
                    quantity: Quantity::parse(quantity)?,
                }))
            }
            ["bust", source, seq, ticker, "of", of] => {
                let (seq, id) = named(seq)?;
                Ok(Self::Bust(Bust {
                    source: SourceId::new(source.as_bytes())?,
                    seq,
                    id,
                    time_ns: 0,
                    ticker: Ticker::new(ticker.as_bytes())?,
                    of: MessageId::new(of.as_bytes())?,
                }))
            }
            ["split", source, seq, ref rest @ ..] => split(source, seq, rest).map(Self::Split),
            ["check", "split", source, seq, ref rest @ ..] => {
                split(source, seq, rest).map(Self::Check)
            }
            ["marker", marker, "at", time, ref rest @ ..]
                if rest.is_empty() || rest == ["report"] =>
            {
                Ok(Self::Marker(Marker {
                    number: number(marker)?,
                    time_ns: number(time)?,
                    report: !rest.is_empty(),
                }))
            }
            ["netting", netting, "under", source, seq, ref transfers @ ..] => {
                let source = SourceId::new(source.as_bytes())?;
                let seq = seq.strip_suffix(':').ok_or_else(|| not_an_input(line))?;
                let split = SplitKey { source, seq: Seq::new(number(seq)?) };
                let transfers =
                    transfers.iter().map(|text| money(text)).collect::<Result<_, _>>()?;
                Ok(Self::Netting(Netting { number: number(netting)?, split, transfers }))
            }
            ["replay", source, seq, ticker, "from", from, ref rest @ ..] => {
                let to = match rest {
                    [] => None,
                    ["to", to] => Some(TickerSeq::new(number(to)?)),
                    _ => return Err(not_an_input(line)),
                };
                Ok(Self::Replay(Replay {
                    source: SourceId::new(source.as_bytes())?,
                    seq: Seq::new(number(seq)?),
                    time_ns: 0,
                    ticker: Ticker::new(ticker.as_bytes())?,
                    from: TickerSeq::new(number(from)?),
                    to,
                }))
            }
            ["splits", source, seq, "from", from] => Ok(Self::Listing(Listing {
                source: SourceId::new(source.as_bytes())?,
                seq: Seq::new(number(seq)?),
                time_ns: 0,
                from: SplitNumber::new(number(from)?),
            })),
            _ => Err(not_an_input(line)),
        }
    }
}

fn not_an_input(text: &str) -> Reject {
    Core::MalformedMessage(format!("{} is not an input", Core::quote(text))).into()
}

fn named(text: &str) -> Result<(Seq, MessageId), Reject> {
    let (seq, id) = text.split_once('#').map_or((text, None), |(seq, id)| (seq, Some(id)));
    let seq = Seq::new(number(seq)?);
    let id = id.map(|id| MessageId::new(id.as_bytes())).transpose()?;
    Ok((seq, id.unwrap_or(seq.into())))
}

fn number(text: &str) -> Result<u64, Reject> {
    text.parse().map_err(|_| {
        Core::MalformedMessage(format!("{} is not a number", Core::quote(text))).into()
    })
}

fn split(source: &str, seq: &str, rest: &[&str]) -> Result<Split, Reject> {
    let source = SourceId::new(source.as_bytes())?;
    let (weights, closes) = match rest.iter().position(|word| *word == "closes") {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, &[][..]),
    };
    let weights = weights.iter().map(|text| weight(text)).collect::<Result<_, _>>()?;
    let closes = closes.iter().map(|text| AccountId::new(text.as_bytes()));
    let closes = closes.collect::<Result<_, _>>()?;
    Split::new(source, Seq::new(number(seq)?), weights)?.closing(closes)
}

fn weight(text: &str) -> Result<(AccountId, Weight), Reject> {
    let (account, percent) = text.split_once('=').ok_or_else(|| not_an_input(text))?;
    Ok((AccountId::new(account.as_bytes())?, Weight::parse(account, percent)?))
}

fn money(text: &str) -> Result<Money, Reject> {
    let nanos = parse_nanos(text).map_err(|_| not_an_input(text))?;
    Ok(Money::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn an_input_is_written_as_it_is_read() {
        let lines = [
            "buy fills-1 17 AAPL 100 @ 187.23",
            "sell f 1 BRK/B 1 @ 0.000000001",
            "sell f 1#x-9 AAPL 1 @ 1",
            "bust fills-1 20 AAPL of 17",
            "bust fills-1 20#17 AAPL of x-9",
            "split aum 1 a=60 b=39.995",
            "split aum 2 a=100 closes b c",
            "check split aum 2 a=100 closes b c",
            "check split aum 3 a=100",
            "marker 7 at 1795168800000000000 report",
            "marker 8 at 0",
            "netting 3 under aum 1: 5 -5.25",
            "netting 4 under 5 6:",
            "replay ops 5 AAPL from 3",
            "replay ops 6 AAPL from 3 to 9",
            "splits ops 7 from 2",
        ];
        for line in lines {
            assert_eq!(line.parse::<Input>().map(|input| input.to_string()), Ok(line.to_string()));
        }
    }

    #[test]
    fn what_is_no_input_is_refused() {
        let lines = [
            ("", "malformed_message"),
            ("buy f 1 AAPL 100 187.23", "malformed_message"),
            ("buy f x AAPL 100 @ 187.23", "malformed_message"),
            ("buy f:g 1 AAPL 100 @ 187.23", "bad_source"),
            ("buy f 1 AAPL 100 @ 0", "price_must_be_positive"),
            ("split aum 1 a", "malformed_message"),
            ("split aum 1 a=99", "weights_must_add_to_100"),
            ("marker 7 at 1 reports", "malformed_message"),
            ("replay ops 5 AAPL from 3 until 9", "malformed_message"),
            ("netting 3 under aum 1 5 -5", "malformed_message"),
            ("netting 3 under aum 1: x", "malformed_message"),
        ];
        for (line, code) in lines {
            assert_eq!(line.parse::<Input>().map_err(|reject| reject.code()), Err(code), "{line}");
        }
    }
}
