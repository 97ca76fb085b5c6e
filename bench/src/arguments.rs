//! Arguments that several modes take: the load, the server, and where results go.

use crate::fills::Fills;
use crate::load::Load;
use crate::offer::{Offer, Pace};
use crate::phases::Lengths;
use crate::process::ServerSettings;
use allot_runtime::{CurveKey, duration};
use allot_wire::Encoding;
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The most fills of a message: with five accounts its answers stay below the limit of a message.
const BATCH_MAX: i64 = 4_096;

/// What is sent, and when.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Open loop: messages a second, by schedule; several one after the other with commas
    #[arg(long, value_delimiter = ',', value_name = "N,…",
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rate: Vec<u64>,
    /// Open loop from a sparse rate upwards to the knee
    #[arg(long, conflicts_with_all = ["rate", "window"])]
    pub(crate) sweep: bool,
    /// Closed loop: unanswered messages of each connection [default: 1, without --rate]
    #[arg(long, value_delimiter = ',', value_name = "N,…",
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    window: Vec<u32>,
    /// Fills in a message
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=BATCH_MAX))]
    batch: u32,
    /// Connections; up to 16 have a thread each, more share two
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    connections: u64,
    /// Tickers that fills are of
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    tickers: u32,
    /// Accounts that fills are divided over
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) accounts: u32,
    /// Write JSON instead of binary batches
    #[arg(long)]
    json: bool,
    /// How the wait for the next send is spent
    #[arg(long, value_enum, default_value_t)]
    pace: Pace,
    #[command(flatten)]
    pub(crate) lengths: LengthArgs,
    /// From what the fills follow
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// How long each phase is.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LengthArgs {
    /// Sent before anything counts
    #[arg(long, default_value = "2s", value_parser = duration::parse, value_name = "TIME")]
    warm_up: Duration,
    /// What counts
    #[arg(long, default_value = "5s", value_parser = duration::parse, value_name = "TIME")]
    measure: Duration,
    /// Sent after it, while the last that count are answered
    #[arg(long, default_value = "500ms", value_parser = duration::parse, value_name = "TIME")]
    cool_down: Duration,
    /// How long the last answers are waited for at most
    #[arg(long, default_value = "30s", value_parser = duration::parse, value_name = "TIME")]
    drain: Duration,
}

/// The server under measurement.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// A server that runs already; without it one is started. Its books will have the fills
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) front: Option<String>,
    /// Where that server publishes positions, which are checked then
    #[arg(long, value_name = "ENDPOINT", requires = "front")]
    pub(crate) publish: Option<String>,
    /// Where that server writes the times of its stages (its --stages); again for each process
    #[arg(long, value_name = "FILE", requires = "front")]
    pub(crate) stages: Vec<PathBuf>,
    /// Do not have the stages timed in the server that is started
    #[arg(long, conflicts_with = "front")]
    pub(crate) no_stages: bool,
    /// The binary of the server [default: `allot` beside this one]
    #[arg(long, value_name = "PATH")]
    pub(crate) allot: Option<PathBuf>,
    /// Encrypt the front door (CURVE), under keys made for this run
    #[arg(long, conflicts_with = "front")]
    pub(crate) curve: bool,
    /// The public key of a server that runs already, if its front door encrypts
    #[arg(long, value_name = "KEY", requires = "front", allow_hyphen_values = true)]
    pub(crate) front_key: Option<CurveKey>,
    /// Shards of the server
    #[arg(long)]
    pub(crate) shards: Option<usize>,
    /// dedicated or shared
    #[arg(long)]
    pub(crate) threads: Option<String>,
    /// block, adaptive, adaptive:50us or spin
    #[arg(long)]
    pub(crate) wait: Option<String>,
    /// Keep a journal, in a new folder in this one
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// journal or memory: whether answers wait for the disk
    #[arg(long, requires = "data")]
    pub(crate) ack: Option<String>,
    /// More words for `allot serve`
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub(crate) serve: Vec<String>,
}

/// Where results go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutArgs {
    /// Write .hgrm, .hlog, JSON and CSV files there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// A word or two about this run, for reports
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) label: String,
}

impl LoadArgs {
    /// The load.
    pub(crate) fn load(&self) -> Load {
        let count = |number: u32| usize::try_from(number).expect("32 bits fit");
        Load {
            batch: self.batch,
            connections: self.connections,
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
