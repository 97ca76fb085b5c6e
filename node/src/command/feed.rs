//! `allot feed`: the senders of fills and splits, as processes of their own.

mod aum;
mod fills;
mod format_flags;

use std::process::{self, ExitCode};
use std::time::Duration;

use allot_domain::SourceId;
use allot_feeds::{Patience, Summary, Tally, unique_source};
use allot_runtime::duration;
use allot_runtime::{Clock, Nanos};
use allot_wire::Encoding;
use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};

use crate::common_args::CommonArgs;
use crate::feed_group::{FeedGroup, Feeds};
use crate::monitor::Monitor;
use crate::progress_bar::{ProgressBar, TICK};
use crate::stdout::print;

/// After this time without a message sent, there may be no server.
const SILENCE: Duration = Duration::from_secs(3);

/// Leaves more numbers than any feed will ever need.
const FIRST_SEQ_MAX: u64 = 1 << 62;

/// How long a feed waits for the last replies after a signal.
const PATIENCE: Duration = Duration::from_secs(3);

/// Send fills or splits to a server
#[derive(Args)]
pub(crate) struct Feed {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    Fills(Box<fills::Fills>),
    Aum(Box<aum::Aum>),
}

/// Encoding of messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// JSON text
    Json,
    /// Binary: shorter, and faster to decode
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

/// The source of a feed, its numbers, and the file of its replies.
#[derive(Args)]
struct SourceFlags {
    /// Source name of the messages; a file of fills needs one [default: unique to this run]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Sequence number of the first message; to continue a source, give its next number
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "source",
          value_parser = clap::value_parser!(u64).range(1..=FIRST_SEQ_MAX))]
    first_seq: u64,
    /// Append every reply to this file, one JSON object per line
    #[arg(long = "answers", value_name = "FILE")]
    replies: Option<String>,
    /// How long to wait for the server: for any reply, and for the last ones at the end
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    patience: Duration,
}

impl SourceFlags {
    fn patience(&self) -> Patience {
        Patience { give_up: self.patience, drain: self.patience, ..Patience::default() }
    }
}

/// Sends until everything is sent, or until a signal.
pub(crate) fn run(feed: &Feed, common: &CommonArgs) -> Result<ExitCode> {
    match &feed.kind {
        Kind::Fills(fills) => match fills::survey(fills)? {
            Some(survey) => {
                print(survey.to_string().trim_end())?;
                survey.check()?;
                Ok(ExitCode::SUCCESS)
            }
            None => run_to_end(fills::group(fills, common)?),
        },
        Kind::Aum(aum) => run_to_end(aum::group(aum, common)?),
    }
}

/// Runs feeds to their end, shows their progress, and prints their summaries. Fails if anything is
/// not in the books.
fn run_to_end(group: FeedGroup) -> Result<ExitCode> {
    let mut feeds = group.start()?;
    let monitor = Monitor::new(feeds.stopper(), feeds.counters.clone(), None)?;
    print(&format!("ready feed front={} sources={}", feeds.front(), feeds.sources().join(",")))?;
    let mut bar = ProgressBar::new(feeds.expected());
    let mut watch = Watch::new();
    while !feeds.wait(TICK) && watch.has_patience(&feeds) {
        bar.show(&feeds);
    }
    bar.clear();
    let why = feeds.gave_up().map(|gave_up| match gave_up.refused {
        Some(reason) => format!("the server takes nothing: {reason}"),
        None => format!("no reply from the server: {}", feeds.examine_front()),
    });
    let summaries = feeds.stop()?;
    monitor.stop()?;
    summaries.iter().try_for_each(|summary| print(summary.to_string().trim_end()))?;
    if let Some(why) = why {
        bail!(why);
    }
    let is_ok = summaries.iter().all(Summary::is_ok);
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The deadlines of a run.
struct Watch {
    clock: Clock,
    /// When to warn that nothing was sent yet; `MAX` after the warning.
    silent_at: Nanos,
    /// When to stop waiting for the last replies; `MAX` before a signal.
    give_up_at: Nanos,
}

impl Watch {
    fn new() -> Self {
        let clock = Clock::system();
        Self { silent_at: clock.now() + SILENCE, give_up_at: Nanos::MAX, clock }
    }

    /// False when the deadline for the last replies has passed.
    fn has_patience(&mut self, feeds: &Feeds) -> bool {
        let now = self.clock.now();
        if self.silent_at <= now {
            self.silent_at = Nanos::MAX;
            if feeds.get(Tally::Sent) == 0 {
                let why = feeds.examine_front();
                tracing::warn!("nothing sent yet; is a server running at {}? {why}", feeds.front());
            }
        }
        if feeds.is_ending() {
            self.give_up_at = self.give_up_at.min(now + PATIENCE);
        }
        now < self.give_up_at
    }
}

/// The source name of a feed: the given one, or one that is unique to this run.
pub(crate) fn source(given: Option<&str>, prefix: &str) -> Result<SourceId> {
    let named = match given {
        Some(name) => SourceId::new(name.as_bytes()),
        None => unique_source(prefix, Clock::system().now(), process::id().into()),
    };
    named.map_err(|reject| anyhow!("{reject}"))
}

/// The random seed: the given one, or a different one in each run.
pub(crate) fn seed(given: Option<u64>) -> u64 {
    given.unwrap_or_else(|| Clock::system().now().as_unix())
}
