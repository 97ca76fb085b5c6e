//! `allot demo`: everything in one process, with feeds that send random fills and splits.

mod screen;
mod signals;
mod show;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allot_feeds::{
    AumConfig, FillConfig, Pace, Random, RandomConfig, Rate, Tally, Weights, parse_tickers, seed_of,
};
use allot_runtime::duration;
use allot_wire::Encoding;
use anyhow::{Context, Result};
use clap::Args;

use crate::command::feed::{seed, source};
use crate::command::serve;
use crate::common_args::CommonArgs;
use crate::config::Origin;
use crate::console_inside::{self, ConsoleFlags, ConsoleInside};
use crate::feed_group::{FeedGroup, Feeds};
use crate::flags::Flags;
use crate::monitor::Monitor;
use crate::setting::Key;
use crate::settings::Settings;
use crate::signals::Request;
use crate::stdout::print;
use crate::wiring::{self, Server};
use show::Show;
use signals::Signals;

/// The demo's own defaults: free ports, so that it can run beside a server, and frequent reports.
/// Only flags override them; the file and the environment are for servers.
const DEFAULTS: &[(Key, &str)] = &[
    (Key::Front, "tcp://127.0.0.1:*"),
    (Key::Publish, "tcp://127.0.0.1:*"),
    (Key::ReportEvery, "2s"),
];

/// Run everything in one process, with random fills
///
/// Fill servers send random fills, an AUM server sends a drifting split, and a table shows every
/// account's positions. Press Ctrl-C to stop.
///
/// The demo has its own defaults for three settings, in place of those below: --front and --publish
/// are tcp://127.0.0.1:* (free ports, so that it can run beside a server), and --report-every is
/// 2s. Settings for these three from the file or the environment are ignored; flags are not.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot demo
  allot demo --sources 10 --rate 1000 --shards 2
  allot demo --for 5s                              stop after 5 seconds
  allot demo --console                             the same as pages for a browser
  allot demo --with-signals                        signals, decisions, fills, positions
  allot demo --seed 7 --count 1000 --tickers AAPL,MSFT")]
pub(crate) struct Demo {
    /// Number of fill servers
    #[arg(long, value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    sources: u32,
    /// Fills per second, for each fill server
    #[arg(long, value_name = "RATE", default_value = "200")]
    rate: Rate,
    /// Stop after each fill server has sent this many fills
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    /// Stop after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    time: Option<Duration>,
    /// Number of accounts in the split
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    accounts: usize,
    /// Tickers to trade, separated by commas: AAPL,MSFT [default: ten well-known stocks]
    #[arg(long, value_name = "LIST")]
    tickers: Option<String>,
    /// Random seed; the same seed gives the same fills and splits [default: different in each run]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Run signals too: generators, strategies, and a trader whose medians become fills
    #[arg(long)]
    with_signals: bool,
    /// Make a new ledger in the data directory first; refused where there is one
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    console: ConsoleFlags,
    #[command(flatten)]
    flags: Flags<{ serve::KEYS }>,
}

/// Runs the demo until its end or a signal.
pub(crate) fn run(demo: &Demo, common: &CommonArgs) -> Result<ExitCode> {
    let settings = settings(demo, common)?;
    let console = demo.console.of_demo();
    if let Some(console) = &console {
        console.check()?;
    }
    if demo.new {
        wiring::make_ledger(&settings)?;
    }
    let mut server = wiring::embedded(&settings)?;
    let metrics = server.serve_metrics()?;
    let measured = server.measured();
    let Server { running, endpoints, counters, timing, .. } = server;
    let find = |key| endpoints.of(key).context("an embedded server has both endpoints");
    let front = find(Key::Front)?;
    let publish = find(Key::Publish)?;
    let splits = splits(demo, front)?.start()?;
    let fills = fills(demo, front)?.start()?;

    let boxes = [counters, splits.counters.clone(), fills.counters.clone()].concat();
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let interrupt = interrupt(&splits, &fills, &is_interrupted);
    let monitor = Monitor::new(interrupt, boxes, timing.file)?;
    print(&format!("listening {endpoints}"))?;
    let console = console_inside::start(console, &endpoints, measured)?;

    let signals = demo.with_signals.then(|| Signals::start(front)).transpose()?;
    let hint = hint(publish, console.as_ref());
    let show = Show::new(fills, signals, publish, settings.report_every, is_interrupted, hint)?;
    // The feeds stop before the server: a feed without its server would wait in vain.
    let fills = show.run(demo.time, || running.is_alive())?;
    let is_ok = close(fills, splits)?;
    running.stop();
    running.join()?;
    drop(console);
    drop(metrics);
    monitor.stop()?;
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where else to look.
fn hint(publish: &str, console: Option<&ConsoleInside>) -> String {
    // A line that is longer than the terminal is cut, and an endpoint with it.
    let hint = format!("to follow it in another terminal:\n  allot positions --publish {publish}");
    console
        .map_or_else(|| hint.clone(), |console| format!("{hint}\nin a browser: {}", console.url()))
}

fn settings(demo: &Demo, common: &CommonArgs) -> Result<Settings> {
    let mut config = common.config(&[])?;
    for (key, text) in DEFAULTS {
        config.set(*key, text, Origin::Command("demo"));
    }
    config.read_flags(&demo.flags.given);
    Settings::of(&config)
}

fn splits(demo: &Demo, front: &str) -> Result<FeedGroup> {
    let mut group = FeedGroup::new(front, None)?;
    let accounts = Weights::accounts(demo.accounts)?;
    let weights = Weights::drift(&accounts, "2.5", seed(demo.seed))?;
    group.add_splits(AumConfig::new(source(None, "aum")?), weights)?;
    Ok(group)
}

fn fills(demo: &Demo, front: &str) -> Result<FeedGroup> {
    let mut group = FeedGroup::new(front, None)?;
    let tickers = demo.tickers.as_deref().map(parse_tickers).transpose()?;
    let base = seed(demo.seed);
    let prefix = source(None, "fills")?;
    for number in 1..=demo.sources {
        let mut random = RandomConfig::new(seed_of(base, number.into()));
        if let Some(tickers) = &tickers {
            random.tickers.clone_from(tickers);
        }
        let name = source(Some(&format!("{prefix}-{number}")), "")?;
        let config = FillConfig {
            pace: Pace::Rate(demo.rate),
            count: demo.count,
            encoding: Encoding::Binary,
            ..FillConfig::new(name)
        };
        group.add_fills(config, Box::new(Random::new(random)))?;
    }
    Ok(group)
}

/// What a signal does: the feeds send nothing new, and the show ends.
fn interrupt(splits: &Feeds, fills: &Feeds, flag: &Arc<AtomicBool>) -> Request {
    let mut stop_splits = splits.stopper();
    let mut stop_fills = fills.stopper();
    let flag = Arc::clone(flag);
    Box::new(move || {
        stop_splits();
        stop_fills();
        flag.store(true, Ordering::SeqCst);
    })
}

/// Stops the feeds and prints their totals; true if nothing was lost.
fn close(fills: Feeds, splits: Feeds) -> Result<bool> {
    let fills = fills.stop()?;
    let splits = splits.stop()?;
    let sum = |tally| fills.iter().map(|summary| summary.get(tally)).sum::<u64>();
    let sent = sum(Tally::Sent);
    let replied = sum(Tally::Replied);
    let rejected = sum(Tally::Rejected);
    let lost = sum(Tally::Lost);
    let splits = splits.iter().map(|summary| summary.get(Tally::Accepted)).sum::<u64>();
    print(&format!(
        "\nfills sent {sent}, answered {replied}, rejected {rejected}, lost {lost}; \
         splits in force {splits}"
    ))?;
    Ok(lost == 0)
}
