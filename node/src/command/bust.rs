//! `allot bust`: takes a fill back.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use allot_allocation_rules::Bust as Message;
use allot_allocation_service::{Request, encode_line};
use allot_domain::{MessageId, SourceId, Ticker};
use allot_runtime::duration;
use anyhow::{Result, bail};
use clap::Args;

use super::history::{source, ticker};
use super::report::tell;
use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::front_client::FrontClient;
use crate::front_history;
use crate::history_event::{Filter, What};
use crate::setting::{Key, set};
use crate::settings::Settings;

/// Take a fill back: its accounts give back exactly what they got
///
/// The fill is named by its source and its id; the id of a fill without one is its number. Without
/// --ticker it is looked up among the fills that the server still knows. A fill is taken back once:
/// the same command again changes nothing, and prints the first answer.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot bust desk 17
  allot bust nyse X-4711 --ticker AAPL")]
pub(crate) struct Bust {
    /// Who sent the fill
    #[arg(value_name = "SOURCE", value_parser = source)]
    source: SourceId,
    /// The fill's id, or its number if it has none
    #[arg(value_name = "ID", value_parser = id)]
    of: MessageId,
    /// The fill's ticker [default: look the fill up]
    #[arg(long, value_name = "TICKER", value_parser = ticker)]
    ticker: Option<Ticker>,
    /// Print the reply as JSON
    #[arg(long)]
    json: bool,
    /// How long to wait for each reply
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey, Key::Publish, Key::PublishKey]) }>,
}

pub(super) fn id(text: &str) -> Result<MessageId, String> {
    MessageId::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Sends the bust.
pub(crate) fn run(bust: &Bust, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&bust.flags.given)?;
    let ticker = match bust.ticker {
        Some(ticker) => ticker,
        None => find(bust, &settings)?,
    };
    let mut client = FrontClient::connect(&settings.front, settings.front_key)?;
    let Bust { source, of, timeout, .. } = *bust;
    let (id, seq, time_ns) = (bust_id(&of), client.first_seq(), 0);
    let mut line = Vec::new();
    encode_line(&Request::Bust(Message { source, seq, id, time_ns, ticker, of }), &mut line);
    tell(&client.ask(&line, timeout)?, bust.json)
}

/// The name of the bust of a fill: always the same, so that it is applied once.
fn bust_id(of: &MessageId) -> MessageId {
    let named = MessageId::new(format!("bust-{of}").as_bytes());
    named.unwrap_or_else(|_| {
        let digest = format!("bust-{:032x}", of.digest());
        MessageId::new(digest.as_bytes()).expect("it is short and plain")
    })
}

/// The ticker of the fill.
fn find(bust: &Bust, settings: &Settings) -> Result<Ticker> {
    let (source, of) = (bust.source, bust.of);
    let filter = Filter { sources: vec![source], to: u64::MAX, ..Filter::default() };
    let mut found = BTreeSet::new();
    front_history::read(settings, filter, bust.timeout, |event| {
        if matches!(event.what, What::Divided(_)) && event.id == of {
            found.insert(event.ticker);
        }
        Ok(())
    })?;
    match (found.first(), found.len()) {
        (Some(ticker), 1) => Ok(*ticker),
        (None, _) => bail!(
            "the server knows no divided fill {of} of source {source}; allot history --source \
             {source} lists those that it knows, and --ticker TICKER busts one that is held"
        ),
        _ => {
            let tickers: Vec<_> = found.iter().map(Ticker::to_string).collect();
            bail!(
                "{source} has a fill {of} in each of {}; say which with --ticker",
                tickers.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bust_is_named_after_its_fill() {
        let of = |text: &str| bust_id(&id(text).unwrap()).to_string();
        assert_eq!(of("17"), "bust-17");
        assert_eq!(of("X-4711"), "bust-X-4711");
        let (long, other) = ("x".repeat(64), format!("{}y", "x".repeat(63)));
        assert_eq!(of(&long), of(&long));
        assert_ne!(of(&long), of(&other));
    }
}
