//! `allot feed`: the outside world, as processes of its own: fill servers and the AUM server.

mod aum;
mod fills;

use crate::common_args::CommonArgs;
use crate::duration;
use crate::feed_crew::{FeedCrew, Feeds};
use crate::gauge::{Gauge, TICK};
use crate::lookout::Lookout;
use crate::stdout::print;
use allot_domain::SourceId;
use allot_feeds::{Patience, Summary, Tally, unique_source};
use allot_runtime::{Clock, Nanos};
use allot_wire::Encoding;
use anyhow::{Result, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use std::process::{self, ExitCode};
use std::time::Duration;

/// After so long without a message taken, there may be no server.
const SILENCE: Duration = Duration::from_secs(3);

/// Leaves room for more numbers than any feed will ever need.
const FIRST_SEQ_MAX: u64 = 1 << 62;

/// How long the last answers are waited for after a signal.
const PATIENCE: Duration = Duration::from_secs(3);

/// Send fills or splits to a server
#[derive(Args)]
pub(crate) struct Feed {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    Fills(fills::Fills),
    Aum(aum::Aum),
}

/// How messages are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// Text that people can read
    Json,
    /// Shorter, and quicker to read
    Bin,
}

impl From<Format> for Encoding {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Bin => Self::Binary,
        }
    }
}

/// What a feed goes on with, and what it leaves behind.
#[derive(Args)]
struct Life {
    /// The name under which messages are sent [default: one that no other run has]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The number of the first message: a feed that goes on under a name goes on with its numbers
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "source",
          value_parser = clap::value_parser!(u64).range(1..=FIRST_SEQ_MAX))]
    first_seq: u64,
    /// Append every answer to this file as it arrives, one JSON object in each line
    #[arg(long, value_name = "FILE")]
    answers: Option<String>,
    /// At the end, wait so long for the last answers
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    patience: Duration,
}

impl Life {
    fn patience(&self) -> Patience {
        Patience { drain: self.patience, ..Patience::default() }
    }
}

/// Sends until there is nothing more to send, or until it is told to end.
pub(crate) fn run(feed: &Feed, common: &CommonArgs) -> Result<ExitCode> {
    match &feed.kind {
        Kind::Fills(fills) => follow(fills::crew(fills, common)?),
        Kind::Aum(aum) => follow(aum::crew(aum, common)?),
    }
}

/// Runs feeds to their end, shows how far they are, and says what came of them. Fails if anything
/// was lost, or if a bad line has ended one.
fn follow(crew: FeedCrew) -> Result<ExitCode> {
    let mut feeds = crew.start()?;
    let lookout = Lookout::new(feeds.ender(), feeds.counters.clone(), None)?;
    print(&format!("ready feed front={} sources={}", feeds.front(), feeds.sources().join(",")))?;
    let mut gauge = Gauge::new(feeds.expected());
    let mut watch = Watch::new();
    while !feeds.wait(TICK) && watch.has_patience(&feeds) {
        gauge.show(&feeds);
    }
    gauge.clear();
    let summaries = feeds.stop()?;
    lookout.dismiss()?;
    summaries.iter().try_for_each(|summary| print(summary.to_string().trim_end()))?;
    let is_ok = summaries.iter().all(Summary::is_ok);
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What feeds are given time for.
struct Watch {
    clock: Clock,
    /// When it is worth a word that nothing has left yet; never, once it was said.
    silent_at: Nanos,
    /// When last answers are no longer waited for; never, while nobody has asked for the end.
    give_up_at: Nanos,
}

impl Watch {
    fn new() -> Self {
        let clock = Clock::system();
        Self { silent_at: clock.now() + SILENCE, give_up_at: Nanos::MAX, clock }
    }

    /// False once the last answers have been waited for long enough.
    fn has_patience(&mut self, feeds: &Feeds) -> bool {
        let now = self.clock.now();
        if self.silent_at <= now {
            self.silent_at = Nanos::MAX;
            if feeds.get(Tally::Sent) == 0 {
                tracing::warn!("nothing has left yet; is a server running at {}?", feeds.front());
            }
        }
        if feeds.is_ending() {
            self.give_up_at = self.give_up_at.min(now + PATIENCE);
        }
        now < self.give_up_at
    }
}

/// The name of a feed: as it was given, or one that no other run has.
pub(crate) fn source(given: Option<&str>, prefix: &str) -> Result<SourceId> {
    let named = match given {
        Some(name) => SourceId::new(name.as_bytes()),
        None => unique_source(prefix, Clock::system().now(), process::id().into()),
    };
    named.map_err(|reject| anyhow!("{reject}"))
}

/// The seed of all chance: as it was given, or another one in each run.
pub(crate) fn seed(given: Option<u64>) -> u64 {
    given.unwrap_or_else(|| Clock::system().now().as_unix())
}
