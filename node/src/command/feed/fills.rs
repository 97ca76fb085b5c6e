//! `allot feed fills`: fill servers.

use super::{Format, Life, seed, source};
use crate::cli::Common;
use crate::feed_crew::FeedCrew;
use crate::flags::Flags;
use crate::setting::{Key, set};
use allot_domain::SourceId;
use allot_feeds::{
    FillConfig, OnBadLine, Pace, Prices, Random, RandomConfig, Rate, Replay, ReplayConfig, Source,
    Speed, parse_tickers, seed_of,
};
use allot_runtime::duration;
use anyhow::{Result, bail};
use clap::{ArgGroup, Args};
use std::time::Duration;

/// Send fills: random ones, or those of a file
///
/// Every fill is sent again until it is answered, and is never counted twice: a fill is known by
/// its source's name and its number. That is why a run that is given the name of an earlier run
/// sends repeats, and changes nothing, until it comes to a number that is new; --first-seq begins
/// there. A fill of a seed or of a file has its number wherever a run begins; the first line of
/// standard input has the first number.
#[derive(Args)]
#[command(
    group = ArgGroup::new("origin").required(true).args(["random", "file"]),
    after_help = "\
Examples:
  allot feed fills --random --rate 100                     until Ctrl-C
  allot feed fills --random --sources 3 --rate max --count 100000 --batch 64 --encoding bin
  allot feed fills --file fills.csv                        columns ticker,price,quantity[,side]
  allot feed fills --file fills.csv --source monday        again under this name: nothing changes
  allot feed fills --file - < fills.ndjson
  allot feed fills --random --answers answers.ndjson       what the server says, line by line
  allot feed fills --random --source s --seed 7 --first-seq 501
                                                           goes on after 500 fills of that seed
  allot feed fills --file day.csv --recorded-pace --speed 10"
)]
pub(crate) struct Fills {
    /// Random fills
    #[arg(long)]
    random: bool,
    /// The fills of a file, CSV or NDJSON; - is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    #[command(flatten)]
    life: Life,
    /// How many fill servers; several are called NAME-1, NAME-2, …
    #[arg(long, value_name = "COUNT", default_value_t = 1, conflicts_with = "file",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    sources: u32,
    /// How many fills each sends [default: without end, or the whole file]
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    #[command(flatten)]
    pace: PaceFlags,
    #[command(flatten)]
    chance: ChanceFlags,
    #[command(flatten)]
    carriage: CarriageFlags,
    /// What a line does that is not understood: stop (nothing of the file is sent) or skip
    #[arg(long, value_name = "HOW", default_value = "stop", conflicts_with = "random")]
    on_bad_line: OnBadLine,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey]) }>,
}

/// When fills are sent.
#[derive(Args)]
struct PaceFlags {
    /// Fills a second of each source, or max [default: random pauses; max for a file]
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// The longest of the random pauses
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse,
          conflicts_with_all = ["rate", "file"])]
    pause_max: Duration,
    /// As far apart as the file's column time_ns says
    #[arg(long, conflicts_with_all = ["rate", "random"])]
    recorded_pace: bool,
    /// So many times faster than recorded
    #[arg(long, value_name = "FACTOR", requires = "recorded_pace", default_value = "1")]
    speed: Speed,
}

/// What random fills are like.
#[derive(Args)]
struct ChanceFlags {
    /// What is traded, as in AAPL,MSFT [default: ten well-known stocks]
    #[arg(long, value_name = "LIST", conflicts_with = "file", value_parser = tickers)]
    tickers: Option<Tickers>,
    /// The same seed gives the same fills [default: another one in each run]
    #[arg(long, value_name = "NUMBER", conflicts_with = "file")]
    seed: Option<u64>,
    /// Of a hundred fills, how many are sales
    #[arg(long, value_name = "PERCENT", default_value_t = 0, conflicts_with = "file",
          value_parser = clap::value_parser!(u32).range(0..=100))]
    sells: u32,
    /// Prices that move by at most half a percent, rather than any
    #[arg(long, conflicts_with = "file")]
    walk: bool,
}

/// How fills travel.
#[derive(Args)]
struct CarriageFlags {
    /// How messages are written
    #[arg(long, value_enum, default_value_t = Format::Json)]
    encoding: Format,
    /// The most fills of one message
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    batch: usize,
    /// The most fills without an answer
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    window: usize,
    /// At the end, wait for the shares of fills that were held for the first split
    #[arg(long)]
    wait_for_held: bool,
}

/// A list that clap takes for one value.
#[derive(Clone, Debug)]
struct Tickers(Vec<allot_domain::Ticker>);

fn tickers(list: &str) -> Result<Tickers, String> {
    parse_tickers(list).map(Tickers).map_err(|error| error.to_string())
}

/// The feeds that the flags ask for.
pub(super) fn crew(fills: &Fills, common: &Common) -> Result<FeedCrew> {
    let settings = common.settings(&fills.flags.given)?;
    let mut crew = FeedCrew::new(&settings.front, settings.front_key)?;
    crew.log_replies(fills.life.answers.as_deref());
    let (name, pace) = (source(fills.life.source.as_deref(), "fills")?, pace(fills)?);
    if let Some(path) = &fills.file {
        let needs_time = fills.pace.recorded_pace;
        let config = ReplayConfig {
            on_bad_line: fills.on_bad_line,
            needs_time,
            first_seq: fills.life.first_seq,
            ..Default::default()
        };
        crew.add_fills(config_of(fills, name, pace), Box::new(Replay::open(path, config)?))?;
        return Ok(crew);
    }
    let base = seed(fills.chance.seed);
    for number in 1..=fills.sources {
        let name = match fills.sources {
            1 => name,
            _ => source(Some(&format!("{name}-{number}")), "")?,
        };
        let random = random(fills, seed_of(base, number.into()));
        crew.add_fills(config_of(fills, name, pace), random)?;
    }
    Ok(crew)
}

fn config_of(fills: &Fills, source: SourceId, pace: Pace) -> FillConfig {
    FillConfig {
        pace,
        count: fills.count,
        in_flight_max: fills.carriage.window,
        batch: fills.carriage.batch,
        encoding: fills.carriage.encoding.into(),
        waits_for_held: fills.carriage.wait_for_held,
        patience: fills.life.patience(),
        ..FillConfig::new(source)
    }
}

fn pace(fills: &Fills) -> Result<Pace> {
    let PaceFlags { rate, recorded_pace, speed, .. } = &fills.pace;
    Ok(match rate.as_deref() {
        Some("max") => Pace::Unlimited,
        Some(rate) => match rate.parse::<Rate>() {
            Ok(rate) => Pace::Rate(rate),
            Err(error) => bail!("{error}, or max"),
        },
        None if *recorded_pace => Pace::Recorded(*speed),
        None if fills.random => Pace::Recorded(Speed::REAL),
        None => Pace::Unlimited,
    })
}

fn random(fills: &Fills, seed: u64) -> Box<dyn Source> {
    let mut config = RandomConfig::new(seed);
    if let Some(Tickers(tickers)) = &fills.chance.tickers {
        config.tickers.clone_from(tickers);
    }
    config.first_seq = fills.life.first_seq;
    config.sell_percent = fills.chance.sells;
    config.gap_max = fills.pace.pause_max;
    config.prices = if fills.chance.walk { Prices::Walk } else { Prices::Uniform };
    Box::new(Random::new(config))
}
