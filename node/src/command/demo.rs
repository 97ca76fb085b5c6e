//! `allot demo`: everything in one process, with feeds that make up fills and splits.

mod screen;
mod show;

use crate::command::feed::{seed, source};
use crate::command::serve;
use crate::common_args::CommonArgs;
use crate::config::Origin;
use crate::duration;
use crate::feed_crew::{FeedCrew, Feeds};
use crate::flags::Flags;
use crate::lookout::Lookout;
use crate::setting::Key;
use crate::settings::Settings;
use crate::signals::Request;
use crate::stdout::print;
use crate::wiring::{self, Server};
use allot_feeds::{
    AumConfig, FillConfig, Pace, Random, RandomConfig, Rate, Tally, Weights, parse_tickers, seed_of,
};
use allot_wire::Encoding;
use anyhow::{Context, Result};
use clap::Args;
use show::Show;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a demo has instead of the defaults: free ports, so that it runs beside a server, and
/// reports before anyone gets bored. Only flags change these: file and environment are for servers.
const DEFAULTS: &[(Key, &str)] = &[
    (Key::Front, "tcp://127.0.0.1:*"),
    (Key::Publish, "tcp://127.0.0.1:*"),
    (Key::ReportEvery, "2s"),
];

/// Everything in one process, with made-up fills: watch it work
///
/// Fill servers send random fills, an AUM server sends a split that drifts, and a table shows what
/// each account holds. Ctrl-C ends it. Unless flags say otherwise it listens on free ports, so that
/// it runs beside a server, and reports every two seconds.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot demo
  allot demo --sources 10 --rate 1000 --shards 2
  allot demo --for 5s                              ends by itself
  allot demo --seed 7 --count 1000 --tickers AAPL,MSFT")]
pub(crate) struct Demo {
    /// How many fill servers
    #[arg(long, value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    sources: u32,
    /// Fills a second of each
    #[arg(long, value_name = "RATE", default_value = "200")]
    rate: Rate,
    /// End when each has sent so many fills
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    /// End after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    time: Option<Duration>,
    /// How many accounts the split has
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    accounts: usize,
    /// What is traded, as in AAPL,MSFT [default: ten well-known stocks]
    #[arg(long, value_name = "LIST")]
    tickers: Option<String>,
    /// The same seed gives the same fills and splits [default: another one in each run]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    #[command(flatten)]
    flags: Flags<{ serve::KEYS }>,
}

/// Shows it until it ends, or until somebody ends it.
pub(crate) fn run(demo: &Demo, common: &CommonArgs) -> Result<ExitCode> {
    let settings = settings(demo, common)?;
    let Server { running, endpoints, counters, stage_file } = wiring::embedded(&settings)?;
    let find = |key| endpoints.of(key).context("a server has endpoints");
    let (front, publish) = (find(Key::Front)?, find(Key::Publish)?);
    let splits = splits(demo, front)?.start()?;
    let fills = fills(demo, front)?.start()?;

    let boxes = [counters, splits.counters.clone(), fills.counters.clone()].concat();
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let interrupt = interrupt(&splits, &fills, &is_interrupted);
    let lookout = Lookout::new(interrupt, boxes, stage_file)?;
    print(&format!("listening {endpoints}"))?;

    let show = Show::new(fills, publish, settings.report_every, is_interrupted)?;
    // From the outside in: whoever is left behind by its server waits in vain for it.
    let fills = show.run(demo.time, || running.is_alive())?;
    let is_ok = close(fills, splits)?;
    running.stop();
    running.join()?;
    lookout.dismiss()?;
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn settings(demo: &Demo, common: &CommonArgs) -> Result<Settings> {
    let mut config = common.config(&[])?;
    for (key, text) in DEFAULTS {
        config.set(*key, text, Origin::Command("demo"));
    }
    config.read_flags(&demo.flags.given);
    Settings::of(&config)
}

fn splits(demo: &Demo, front: &str) -> Result<FeedCrew> {
    let mut crew = FeedCrew::new(front, None)?;
    let accounts = Weights::accounts(demo.accounts)?;
    let weights = Weights::drift(&accounts, "2.5", seed(demo.seed))?;
    crew.add_splits(AumConfig::new(source(None, "aum")?), weights)?;
    Ok(crew)
}

fn fills(demo: &Demo, front: &str) -> Result<FeedCrew> {
    let mut crew = FeedCrew::new(front, None)?;
    let tickers = demo.tickers.as_deref().map(parse_tickers).transpose()?;
    let (base, prefix) = (seed(demo.seed), source(None, "fills")?);
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
        crew.add_fills(config, Box::new(Random::new(random)))?;
    }
    Ok(crew)
}

/// What a signal does: nothing new is sent, and the show ends.
fn interrupt(splits: &Feeds, fills: &Feeds, flag: &Arc<AtomicBool>) -> Request {
    let (mut end_splits, mut end_fills) = (splits.ender(), fills.ender());
    let flag = Arc::clone(flag);
    Box::new(move || {
        end_splits();
        end_fills();
        flag.store(true, Ordering::SeqCst);
    })
}

/// Ends the feeds and says what came of them; true if nothing was lost.
fn close(fills: Feeds, splits: Feeds) -> Result<bool> {
    let (fills, splits) = (fills.stop()?, splits.stop()?);
    let sum = |tally| fills.iter().map(|summary| summary.get(tally)).sum::<u64>();
    let (sent, answered, rejected) = (sum(Tally::Sent), sum(Tally::Answered), sum(Tally::Rejected));
    let lost = sum(Tally::Lost);
    let splits = splits.iter().map(|summary| summary.get(Tally::Accepted)).sum::<u64>();
    print(&format!(
        "\nfills sent {sent}, answered {answered}, rejected {rejected}, lost {lost}; \
         splits in force {splits}"
    ))?;
    Ok(lost == 0)
}
