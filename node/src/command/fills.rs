//! `allot fills`: every fill, as it is allocated.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

use allot_allocation_service::{Reply, Topic, TopicName, decode_replies};
use allot_domain::{AccountId, Side, Ticker};
use allot_wire::Encoding;
use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};

use crate::common_args::CommonArgs;
use crate::feed_reader::FeedReader;
use crate::flags::Flags;
use crate::setting::Key;
use crate::time_text;

/// Print every fill, as it is allocated to accounts
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot fills
  allot fills --ticker AAPL --ticker MSFT
  allot fills --format json | jq .shares")]
pub(crate) struct Fills {
    /// Print only this ticker; can be repeated
    #[arg(long, value_name = "TICKER", value_parser = ticker)]
    ticker: Vec<Ticker>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    flags: Flags<{ Key::Publish.bit() }>,
}

/// Output format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// Text for people
    Text,
    /// The feed as it is, one JSON object per line
    Json,
}

fn ticker(text: &str) -> Result<Ticker, String> {
    Ticker::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Prints fills until the reader of stdout goes away.
pub(crate) fn run(fills: &Fills, common: &CommonArgs) -> Result<ExitCode> {
    let endpoint = common.settings(&fills.flags.given)?.publish;
    let topics: Vec<_> = match fills.ticker.as_slice() {
        [] => vec![format!("{}{}:", Topic::FILLS, Encoding::Json)],
        tickers => tickers.iter().map(|ticker| topic(ticker).to_string()).collect(),
    };
    let topics: Vec<_> = topics.iter().map(String::as_str).collect();
    let mut reader = FeedReader::connect(&endpoint, &topics)?;
    let mut out = BufWriter::new(io::stdout().lock());
    loop {
        let publication = match reader.next(Duration::ZERO) {
            Some(publication) => publication,
            None => {
                // Flush before sleeping, so that the reader gets everything so far.
                out.flush()?;
                reader.next(Duration::MAX).context("the wait for a fill has no end")?
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
    decode_replies(body, &mut replies).map_err(|error| {
        anyhow!("cannot decode a fill; does the server run this version? {error}")
    })?;
    Ok(replies.iter().map(text).collect::<Vec<_>>().join("\n"))
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Allocated {
            source, seq, time_ns, ticker, side, price, quantity, shares, ..
        } => {
            let verb = if *side == Side::Sell { "sell" } else { "buy" };
            let quantity = quantity.get();
            let shares = list(shares);
            let time = time_text::exact(*time_ns);
            format!("{time} {source}/{seq} {verb} {quantity} {ticker} at {price}: {shares}")
        }
        Reply::Busted { source, seq, time_ns, ticker, of, shares, .. } => {
            let time = time_text::exact(*time_ns);
            format!("{time} {source}/{seq} busts {ticker} fill {of}: {}", list(shares))
        }
        other => format!("{}/{}: not a fill", other.source(), other.seq()),
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
        let fill = r#"{"type":"allocated","source":"fills-1","seq":17,
            "time":"2026-11-20T10:00:00.123456789Z","ticker":"AAPL","price":"187.23","quantity":100,"split":1,"shares":{"account1":40,"account2":60}}"#;
        let fill = fill.replace(['\n', ' '], "");
        let line_of = |body: &str| line(Format::Text, body.as_bytes()).unwrap();
        let time = "2026-11-20T10:00:00.123456789Z";
        let expected = "fills-1/17 buy 100 AAPL at 187.23: account1 40, account2 60";
        assert_eq!(line_of(&fill), format!("{time} {expected}"));
        let sale = fill.replace("\"price\"", "\"side\":\"sell\",\"price\"");
        assert!(line_of(&sale).contains(" fills-1/17 sell 100 AAPL"));
        assert_eq!(line(Format::Json, fill.as_bytes()).unwrap(), fill);
        assert!(line(Format::Text, b"{}").is_err());
    }
}
