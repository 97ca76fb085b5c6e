//! `allot fills`: every fill, as it is allocated; with `--from`, those before too.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

use allot_allocation_rules::TickerSeq;
use allot_allocation_service::{Reply, Topic, TopicName, decode_replies, encode_reply_message};
use allot_domain::Ticker;
use allot_runtime::Publication;
use allot_wire::Encoding;
use anyhow::{Context, Result, anyhow, bail};
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use crate::common_args::CommonArgs;
use crate::feed_reader::FeedReader;
use crate::flags::Flags;
use crate::history_reader::{HistoryReader, Page};
use crate::reply_text::{list, verb};
use crate::setting::{Key, set};
use crate::time_text;

/// Print every fill, as it is allocated to accounts
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot fills
  allot fills --ticker AAPL --ticker MSFT
  allot fills --ticker AAPL --from 1
  allot fills --format json | jq .shares")]
pub(crate) struct Fills {
    /// Print only this ticker; can be repeated
    #[arg(long, value_name = "TICKER", value_parser = ticker)]
    ticker: Vec<Ticker>,
    /// Begin with this number of the one --ticker, from the history behind the front door, and go
    /// on with the feed; every number is printed once, in order. It is an error if one is no
    /// longer kept
    #[arg(long, value_name = "NUMBER", requires = "ticker", value_parser = number())]
    from: Option<u64>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Publish, Key::Front, Key::FrontKey, Key::PublishKey]) }>,
}

/// Output format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// Text for people
    Text,
    /// The feed as it is, one JSON object per line, with the number of the outcome as "sequence"
    Json,
}

fn number() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..)
}

fn ticker(text: &str) -> Result<Ticker, String> {
    Ticker::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Prints fills until the reader of stdout goes away.
pub(crate) fn run(fills: &Fills, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&fills.flags.given)?;
    if let Some(from) = fills.from {
        let [ticker] = fills.ticker[..] else {
            bail!("--from is the number of one ticker: give one --ticker, not several");
        };
        let history = HistoryReader::connect(&settings.front, settings.front_key)?;
        let topic = topic(&ticker).to_string();
        let reader =
            FeedReader::connect(&settings.publish, settings.publish_key, &[&topic])?.mended();
        let out = BufWriter::new(io::stdout().lock());
        let (format, next) = (fills.format, TickerSeq::new(from));
        return Follower { ticker, format, next, is_begun: false, history, reader, out }.run();
    }
    let endpoint = settings.publish;
    let topics: Vec<_> = match fills.ticker.as_slice() {
        [] => vec![format!("{}{}:", Topic::FILLS, Encoding::Json)],
        tickers => tickers.iter().map(|ticker| topic(ticker).to_string()).collect(),
    };
    let topics: Vec<_> = topics.iter().map(String::as_str).collect();
    let mut reader = FeedReader::connect(&endpoint, settings.publish_key, &topics)?;
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
            writeln!(out, "{}", line(fills.format, publication.sequence, &publication.body)?)?;
        }
    }
}

/// How long the feed is quiet until the history is asked whether anything is new: a publication may
/// be lost that no other follows.
const QUIET: Duration = Duration::from_secs(1);

/// Prints the outcomes of one ticker, each once and in order, whatever the feed loses.
struct Follower<W: Write> {
    ticker: Ticker,
    format: Format,
    /// The number that is printed next.
    next: TickerSeq,
    /// Whether anything was printed.
    is_begun: bool,
    history: HistoryReader,
    reader: FeedReader,
    out: W,
}

impl<W: Write> Follower<W> {
    fn run(mut self) -> Result<ExitCode> {
        // The feed queues meanwhile: the topic was subscribed to first.
        let last = self.catch_up()?;
        if last == TickerSeq::ZERO {
            tracing::info!("{} has had no outcome yet; waiting for the first", self.ticker);
        } else if last < self.next && !self.is_begun {
            let (ticker, next) = (self.ticker, self.next);
            tracing::info!("the newest outcome of {ticker} is {last}; waiting for {next}");
        }
        loop {
            self.out.flush()?;
            match self.reader.next(QUIET) {
                Some(publication) => self.take(&publication)?,
                None => self.look_for_more()?,
            }
        }
    }

    /// Asks whether anything is new. That nobody replies is no reason to end: a gap will show.
    fn look_for_more(&mut self) -> Result<()> {
        match self.history.ask(&self.ticker, self.next) {
            Ok(page) => {
                self.print_page(&page)?;
                if self.next <= page.last {
                    self.catch_up()?;
                }
            }
            Err(error) => tracing::warn!("cannot ask whether anything is new: {error:#}"),
        }
        Ok(())
    }

    fn take(&mut self, publication: &Publication) -> Result<()> {
        let number = TickerSeq::new(publication.sequence);
        if self.next < number {
            self.catch_up()?;
        } else if number == self.next {
            self.print(&publication.body)?;
        }
        Ok(())
    }

    /// Prints what the history has from the next number on; returns the newest number.
    fn catch_up(&mut self) -> Result<TickerSeq> {
        loop {
            let page = self.history.ask(&self.ticker, self.next)?;
            let last = page.last;
            self.print_page(&page)?;
            if last < self.next {
                return Ok(last);
            }
        }
    }

    fn print_page(&mut self, page: &Page) -> Result<()> {
        let (ticker, next) = (self.ticker, self.next);
        if next < page.from {
            let (oldest, gone) = (page.from, page.from.get() - 1);
            bail!(
                "outcomes {next} to {gone} of {ticker} are no longer kept; --from {oldest} prints \
                 the rest"
            );
        }
        if self.is_begun && page.last.next() < next {
            bail!(
                "{ticker} had {next} outcomes and has {} now: its shard has lost its state",
                page.last
            );
        }
        let mut body = Vec::new();
        for fill in &page.fills {
            encode_reply_message(Encoding::Json, fill, &mut body);
            self.print(&body)?;
        }
        Ok(())
    }

    fn print(&mut self, body: &[u8]) -> Result<()> {
        writeln!(self.out, "{}", line(self.format, self.next.get(), body)?)?;
        self.next = self.next.next();
        self.is_begun = true;
        Ok(())
    }
}

const fn topic(ticker: &Ticker) -> Topic<'_> {
    Topic::Fills(ticker, Encoding::Json)
}

/// One line of output: what the feed has of an outcome, and its number, which the feed has in a
/// frame of its own.
fn line(format: Format, number: u64, body: &[u8]) -> Result<String> {
    if format == Format::Json {
        let fields = str::from_utf8(body).ok().and_then(|body| body.strip_prefix('{'));
        let fields = fields.context("cannot read a fill; does the server run this version?")?;
        return Ok(format!("{{\"sequence\":{number},{fields}"));
    }
    let mut replies = Vec::new();
    decode_replies(body, &mut replies).map_err(|error| {
        anyhow!("cannot decode a fill; does the server run this version? {error}")
    })?;
    Ok(replies.iter().map(|reply| text(number, reply)).collect::<Vec<_>>().join("\n"))
}

fn text(number: u64, reply: &Reply) -> String {
    match reply {
        Reply::Allocated { source, id, time_ns, ticker, side, price, quantity, shares, .. } => {
            let verb = verb(*side);
            let quantity = quantity.get();
            let shares = list(shares);
            let time = time_text::exact(*time_ns);
            format!("{time} {ticker}#{number} {source}/{id} {verb} {quantity} at {price}: {shares}")
        }
        Reply::Busted { source, id, time_ns, ticker, of, shares, .. } => {
            let time = time_text::exact(*time_ns);
            format!("{time} {ticker}#{number} {source}/{id} busts fill {of}: {}", list(shares))
        }
        other => format!("{}/{}: not a fill", other.source(), other.seq()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_is_one_line() {
        let fill = r#"{"type":"allocated","source":"fills-1","seq":17,
            "time":"2026-11-20T10:00:00.123456789Z","ticker":"AAPL","price":"187.23","quantity":100,"split":1,"shares":{"account1":40,"account2":60}}"#;
        let fill = fill.replace(['\n', ' '], "");
        let line_of = |body: &str| line(Format::Text, 5, body.as_bytes()).unwrap();
        let time = "2026-11-20T10:00:00.123456789Z";
        let expected = "AAPL#5 fills-1/17 buy 100 at 187.23: account1 40, account2 60";
        assert_eq!(line_of(&fill), format!("{time} {expected}"));
        let sale = fill.replace("\"price\"", "\"side\":\"sell\",\"price\"");
        assert!(line_of(&sale).contains(" fills-1/17 sell 100 at"));
        let numbered = fill.replace("{\"type\"", "{\"sequence\":5,\"type\"");
        assert_eq!(line(Format::Json, 5, fill.as_bytes()).unwrap(), numbered);
        assert!(line(Format::Json, 5, b"x").is_err());
        assert!(line(Format::Text, 5, b"{}").is_err());
    }
}
