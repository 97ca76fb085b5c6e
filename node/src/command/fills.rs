//! `allot fills`: every fill as it is divided.

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::follower::Follower;
use crate::setting::Key;
use allot_domain::{AccountId, Side, Ticker};
use allot_wire::{Encoding, Reply, Topic, TopicName, decode_replies};
use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Every fill as it is divided over the accounts
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot fills
  allot fills --ticker AAPL --ticker MSFT
  allot fills --format json | jq .shares")]
pub(crate) struct Fills {
    /// Only this ticker; may be given several times
    #[arg(long, value_name = "TICKER", value_parser = ticker)]
    ticker: Vec<Ticker>,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    flags: Flags<{ Key::Publish.bit() }>,
}

/// How fills are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// What the feed says, one JSON object in each line
    Json,
}

fn ticker(text: &str) -> Result<Ticker, String> {
    Ticker::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Prints fills for as long as somebody reads them.
pub(crate) fn run(fills: &Fills, common: &CommonArgs) -> Result<ExitCode> {
    let endpoint = common.settings(&fills.flags.given)?.publish;
    let topics: Vec<_> = match fills.ticker.as_slice() {
        // All tickers come in both encodings: a prefix cannot choose what stands behind it.
        [] => vec![Topic::FILLS.to_owned()],
        tickers => tickers.iter().map(|ticker| topic(ticker).to_string()).collect(),
    };
    let topics: Vec<_> = topics.iter().map(String::as_str).collect();
    let mut follower = Follower::connect(&endpoint, &topics)?;
    let mut out = BufWriter::new(io::stdout().lock());
    loop {
        let publication = match follower.next(Duration::ZERO) {
            Some(publication) => publication,
            None => {
                // Nothing more has come: whoever reads gets what there is before we sleep.
                out.flush()?;
                follower.next(Duration::MAX).context("nobody waits for ever")?
            }
        };
        if let Some(TopicName::Fills(_, Encoding::Json)) = TopicName::parse(&publication.topic) {
            writeln!(out, "{}", line(fills.format, &publication.body)?)?;
        }
    }
}

const fn topic(ticker: &Ticker) -> Topic<'_> {
    Topic::Fills(ticker, Encoding::Json)
}

fn line(format: Format, body: &[u8]) -> Result<String> {
    if format == Format::Json {
        return Ok(String::from_utf8_lossy(body).into_owned());
    }
    let mut replies = Vec::new();
    decode_replies(body, &mut replies)
        .map_err(|error| anyhow!("what came is no fill of this version: {error}"))?;
    Ok(replies.iter().map(text).collect::<Vec<_>>().join("\n"))
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Allocated { source, seq, ticker, side, price, quantity, shares, .. } => {
            let verb = if *side == Side::Sell { "sell" } else { "buy" };
            let (quantity, shares) = (quantity.get(), list(shares));
            format!("{source}/{seq} {verb} {quantity} {ticker} at {price}: {shares}")
        }
        Reply::Busted { source, seq, ticker, of, shares, .. } => {
            format!("{source}/{seq} busts {ticker} fill {of}: {}", list(shares))
        }
        other => format!("{}/{} is no fill", other.source(), other.seq()),
    }
}

fn list(shares: &[(AccountId, u64)]) -> String {
    let share = |(account, shares): &(AccountId, u64)| format!("{account} {shares}");
    shares.iter().map(share).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_is_one_line() {
        let fill = r#"{"type":"allocated","source":"fills-1","seq":17,"ticker":"AAPL",
            "price":"187.23","quantity":100,"split":1,"shares":{"account1":40,"account2":60}}"#;
        let fill = fill.replace(['\n', ' '], "");
        let line_of = |body: &str| line(Format::Text, body.as_bytes()).unwrap();
        assert_eq!(line_of(&fill), "fills-1/17 buy 100 AAPL at 187.23: account1 40, account2 60");
        let sale = fill.replace("\"price\"", "\"side\":\"sell\",\"price\"");
        assert!(line_of(&sale).starts_with("fills-1/17 sell 100 AAPL"));
        assert_eq!(line(Format::Json, fill.as_bytes()).unwrap(), fill);
        assert!(line(Format::Text, b"{}").is_err());
    }
}
