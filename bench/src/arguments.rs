//! Arguments that several commands take: the load, the server, and where results go.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use allot_runtime::{CurveKey, duration};
use allot_wire::Encoding;
use clap::Args;

use crate::client::ClientKind;
use crate::fills::Fills;
use crate::load::Load;
use crate::offer::{Offer, Pace};
use crate::phases::Lengths;
use crate::process::ServerSettings;

/// The most fills of a message: with five accounts its replies stay below the limit of a message.
const BATCH_MAX: i64 = 4_096;

/// What is sent, and when.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Open loop: messages per second, on a fixed schedule; a list is measured in order
    #[arg(long, value_delimiter = ',', value_name = "RATE,…",
          value_parser = rate, allow_negative_numbers = true)]
    rate: Vec<u64>,
    /// Open loop: double the rate until the server no longer keeps up
    #[arg(long, conflicts_with_all = ["rate", "window"])]
    pub(crate) sweep: bool,
    /// Closed loop: messages in flight per connection [default: 1, without --rate]
    #[arg(long, value_delimiter = ',', value_name = "COUNT,…",
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    window: Vec<u32>,
    /// Fills per message
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=BATCH_MAX))]
    batch: u32,
    /// Connections; up to 16 get a thread each, more share two threads
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=10_000))]
    connections: u64,
    /// Which client sends: a DEALER of libzmq, or allot-client
    #[arg(long, value_enum, default_value_t)]
    client: ClientKind,
    /// Number of tickers in the fills
    #[arg(long, value_name = "COUNT", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=60_000))]
    tickers: u32,
    /// Number of accounts that each fill is divided over
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) accounts: u32,
    /// Send JSON instead of binary messages
    #[arg(long)]
    json: bool,
    /// How a thread waits for its next send
    #[arg(long, value_enum, default_value_t)]
    pace: Pace,
    #[command(flatten)]
    pub(crate) lengths: LengthArgs,
    /// Random seed
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
}

/// How long each phase is.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LengthArgs {
    /// Load before the measurement; not recorded
    #[arg(long, default_value = "2s", value_parser = duration::parse, value_name = "DURATION")]
    warm_up: Duration,
    /// Load that is measured
    #[arg(long, default_value = "5s", value_parser = duration::parse, value_name = "DURATION")]
    measure: Duration,
    /// Load after the measurement, while the last measured replies arrive
    #[arg(long, default_value = "500ms", value_parser = duration::parse, value_name = "DURATION")]
    cool_down: Duration,
    /// Longest wait for the last replies
    #[arg(long, default_value = "30s", value_parser = duration::parse, value_name = "DURATION")]
    drain: Duration,
}

/// The server under measurement.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Measure this running server instead of starting one; it books every fill
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) front: Option<String>,
    /// Where the running server publishes positions; they are then checked
    #[arg(long, value_name = "ENDPOINT", requires = "front")]
    pub(crate) publish: Option<String>,
    /// The running server's --stages file; repeat for each of its processes
    #[arg(long, value_name = "FILE", requires = "front")]
    pub(crate) stages: Vec<PathBuf>,
    /// Start the server without --stages
    #[arg(long, conflicts_with = "front")]
    pub(crate) no_stages: bool,
    /// Server binary [default: `allot` beside this one]
    #[arg(long, value_name = "PATH")]
    pub(crate) allot: Option<PathBuf>,
    /// Encrypt the front door (CURVE) with keys made for this run
    #[arg(long, conflicts_with = "front")]
    pub(crate) curve: bool,
    /// Public key of the running server, if its front door is encrypted
    #[arg(long, value_name = "KEY", requires = "front", allow_hyphen_values = true)]
    pub(crate) front_key: Option<CurveKey>,
    /// Number of shards
    #[arg(long, value_name = "COUNT")]
    pub(crate) shards: Option<usize>,
    /// Thread layout: dedicated or shared
    #[arg(long, value_name = "MODE")]
    pub(crate) threads: Option<String>,
    /// Wait strategy: block, adaptive, adaptive:50us or spin
    #[arg(long, value_name = "STRATEGY")]
    pub(crate) wait: Option<String>,
    /// Keep a journal in a new directory under this one
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Whether replies wait for the disk: journal or memory
    #[arg(long, value_name = "WHEN", requires = "data")]
    pub(crate) ack: Option<String>,
    /// Extra argument for `allot serve`; may be repeated
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub(crate) serve: Vec<String>,
}

/// Where results go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutArgs {
    /// Directory for the .hgrm, .hlog, JSON and CSV files
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Short description of the run, for reports
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) label: String,
    /// Print service times, all percentiles, the stages of the server and the environment too
    #[arg(long)]
    pub(crate) details: bool,
}

/// The highest rate of an open loop.
const RATE_MAX: u64 = 10_000_000;

/// Messages a second: `10000`, `10k` or `1.5M`.
fn rate(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.strip_suffix(['k', 'K', 'M']) {
        Some(number) => (number, if text.ends_with('M') { 1_000_000 } else { 1_000 }),
        None => (text, 1),
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !whole.is_empty() && is_digits(whole) && is_digits(decimals);
    // A millionth of a million is a message; nine digits are more than any rate has.
    let decimals = (decimals.len() <= 6).then(|| format!("{decimals:0<6}"));
    let millionths = decimals.and_then(|decimals| format!("{whole}{decimals}").parse::<u64>().ok());
    let rate = millionths.and_then(|rate| rate.checked_mul(unit));
    match rate {
        Some(rate) if is_number && rate.is_multiple_of(1_000_000) => Some(rate / 1_000_000),
        _ => None,
    }
    .filter(|rate| (1..=RATE_MAX).contains(rate))
    .ok_or_else(|| "messages a second, from 1 to 10M, such as 10000, 10k or 1.5M".to_owned())
}

impl LoadArgs {
    /// The load.
    pub(crate) fn load(&self) -> Load {
        let count = |number: u32| usize::try_from(number).expect("32 bits fit");
        Load {
            batch: self.batch,
            connections: self.connections,
            client: self.client,
            encoding: if self.json { Encoding::Json } else { Encoding::Binary },
            pace: self.pace,
            lengths: self.lengths.lengths(),
            fills: Fills::new(self.seed, count(self.tickers)),
            accounts: count(self.accounts),
        }
    }

    /// What it is offered as, unless it is a sweep.
    pub(crate) fn offers(&self) -> Vec<Offer> {
        let rates = self.rate.iter().map(|rate| Offer::Rate(*rate));
        let window = |window: &u32| Offer::Window(usize::try_from(*window).expect("32 bits fit"));
        let offers: Vec<_> = rates.chain(self.window.iter().map(window)).collect();
        if offers.is_empty() { vec![Offer::Window(1)] } else { offers }
    }

    /// For the JSON of a run.
    pub(crate) fn described(&self) -> BTreeMap<String, String> {
        let encoding = if self.json { "json" } else { "binary" };
        let pace = format!("{:?}", self.pace).to_lowercase();
        BTreeMap::from([
            ("tickers".to_owned(), self.tickers.to_string()),
            ("accounts".to_owned(), self.accounts.to_string()),
            ("encoding".to_owned(), encoding.to_owned()),
            ("batch".to_owned(), self.batch.to_string()),
            ("connections".to_owned(), self.connections.to_string()),
            ("client".to_owned(), self.client.to_string()),
            ("pace".to_owned(), pace),
            ("warm-up".to_owned(), format!("{:?}", self.lengths.warm_up)),
            ("measure".to_owned(), format!("{:?}", self.lengths.measure)),
        ])
    }
}

impl LengthArgs {
    /// The lengths; what counts is at least a millisecond.
    pub(crate) fn lengths(self) -> Lengths {
        Lengths {
            warm_up: self.warm_up,
            measure: self.measure.max(Duration::from_millis(1)),
            cool_down: self.cool_down,
            drain: self.drain,
        }
    }
}

impl ServerArgs {
    /// What a server that is started is told.
    pub(crate) fn settings(&self) -> ServerSettings {
        ServerSettings {
            allot: self.allot.clone(),
            shards: self.shards,
            threads: self.threads.clone(),
            wait: self.wait.clone(),
            ack: self.ack.clone(),
            data: self.data.clone(),
            stages: !self.no_stages,
            curve: self.curve,
            more: self.serve.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_may_have_a_unit() {
        for (text, found) in [
            ("1", 1),
            ("10000", 10_000),
            ("10k", 10_000),
            ("10K", 10_000),
            ("1.5M", 1_500_000),
            ("0.5k", 500),
            ("10M", 10_000_000),
        ] {
            assert_eq!(rate(text), Ok(found), "{text}");
        }
        for text in ["", "0", "-5", "fast", "k", "1.5", ".5k", "11M", "1e3", "1.2.3k", "10 k"] {
            assert!(rate(text).unwrap_err().contains("such as 10000, 10k"), "{text}");
        }
    }
}
