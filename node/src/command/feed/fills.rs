//! `allot feed fills`: fill servers.

use std::time::Duration;

use allot_domain::SourceId;
use allot_feeds::{
    FileConfig, FillConfig, FillFile, OnBadLine, Pace, Prices, Random, RandomConfig, Rate, Source,
    Speed, Survey, parse_tickers, seed_of,
};
use allot_runtime::duration;
use anyhow::{Result, bail, ensure};
use clap::{ArgGroup, Args};

use super::format_flags::FormatFlags;
use super::{Format, SourceFlags, seed, source};
use crate::common_args::CommonArgs;
use crate::feed_group::FeedGroup;
use crate::flags::Flags;
use crate::setting::{Key, set};

/// Send fills, as a fill server: random ones, or those in a file
///
/// The feed resends a fill until it gets a reply. It ends with exit status 0 only if every fill is
/// in the books: allocated now, or known before. Rejected, held and unanswered fills are counted by
/// code, and the first are named.
///
/// A file needs --source: with the ticker and the id of a line, it is the name of a fill for ever.
/// Every column of a file is used by its format, or named in --ignore, or the file is refused.
///
/// If you reuse a source name, start with --first-seq at the next unused number; lower numbers are
/// sent as duplicates and change nothing. With --seed or --file, --first-seq skips the fills before
/// that number. With standard input, the first line gets that number, unless the lines carry their
/// own numbers.
#[derive(Args)]
#[command(
    group = ArgGroup::new("origin").required(true).args(["random", "file"]),
    after_help = "\
Examples:
  allot feed fills --random --rate 100                     until Ctrl-C
  allot feed fills --random --sources 3 --rate max --count 100000 --batch 64 --encoding bin
  allot feed fills --file fills.csv --source desk          columns ticker,side,price,quantity[,id]
  allot feed fills --file fills.csv --source desk          a second run changes nothing
  allot feed fills --file fills.csv --dry-run              show what it says, and send nothing
  allot feed fills --file trades.csv --source ib --format interactive-brokers
  allot feed fills --file export.csv --source bank --format european --column ticker=ISIN \
      --column side=Art --column price=Kurs --column quantity=Menge --ignore Datum --skip-after 1
  allot feed fills --file buys.csv --source desk --side buy --ignore Account,Fee
  allot feed fills --file - --source live < fills.ndjson
  allot feed fills --random --answers replies.ndjson       keep the server's replies
  allot feed fills --random --source s --seed 7 --first-seq 501
                                                           continue after 500 fills of that seed
  allot feed fills --file day.csv --source tape --recorded-pace --speed 10"
)]
pub(crate) struct Fills {
    /// Send random fills
    #[arg(long)]
    random: bool,
    /// Send the fills in this file, CSV or NDJSON; - reads standard input
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    #[command(flatten)]
    source_flags: SourceFlags,
    /// Number of fill servers; with more than one, their sources are NAME-1, NAME-2, …
    #[arg(long, value_name = "COUNT", default_value_t = 1, conflicts_with = "file",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    sources: u32,
    /// Number of fills from each fill server [default: no limit, or the whole file]
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    #[command(flatten)]
    pace: PaceFlags,
    #[command(flatten)]
    random_flags: RandomFlags,
    #[command(flatten)]
    transport: TransportFlags,
    /// What to do about an invalid line: stop (and send nothing from the file), or skip it
    #[arg(long, value_name = "HOW", default_value = "stop", conflicts_with = "random")]
    on_bad_line: OnBadLine,
    #[command(flatten)]
    format_flags: FormatFlags,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey]) }>,
}

/// When fills are sent.
#[derive(Args)]
struct PaceFlags {
    /// Fills per second for each source, or max [default: random pauses; max for a file]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    rate: Option<String>,
    /// Longest random pause between fills
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse,
          conflicts_with_all = ["rate", "file"])]
    pause_max: Duration,
    /// Send at the pace recorded in the file's time_ns column
    #[arg(long, conflicts_with_all = ["rate", "random"])]
    recorded_pace: bool,
    /// Send this many times faster than recorded
    #[arg(long, value_name = "FACTOR", requires = "recorded_pace", default_value = "1")]
    speed: Speed,
}

/// What random fills are like.
#[derive(Args)]
struct RandomFlags {
    /// Tickers to trade, separated by commas: AAPL,MSFT [default: ten well-known stocks]
    #[arg(long, value_name = "LIST", conflicts_with = "file", value_parser = tickers)]
    tickers: Option<Tickers>,
    /// Random seed; the same seed gives the same fills [default: different in each run]
    #[arg(long, value_name = "NUMBER", conflicts_with = "file")]
    seed: Option<u64>,
    /// Percentage of fills that are sells
    #[arg(long, value_name = "PERCENT", default_value_t = 0, conflicts_with = "file",
          value_parser = clap::value_parser!(u32).range(0..=100))]
    sells: u32,
    /// Move each price by at most half a percent per fill, instead of drawing it at random
    #[arg(long, conflicts_with = "file")]
    walk: bool,
}

/// How fills are encoded and sent.
#[derive(Args)]
struct TransportFlags {
    /// Encoding of messages
    #[arg(long, value_enum, default_value_t = Format::Json)]
    encoding: Format,
    /// Most fills per message
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    batch: usize,
    /// Most fills that may wait for a reply at once
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    window: usize,
    /// At the end, wait until held fills are allocated; fills are held until the first split
    #[arg(long)]
    wait_for_held: bool,
}

/// A list that clap treats as one value.
#[derive(Clone, Debug)]
struct Tickers(Vec<allot_domain::Ticker>);

fn tickers(list: &str) -> Result<Tickers, String> {
    parse_tickers(list).map(Tickers).map_err(|error| error.to_string())
}

/// What the file says, if that is all that the flags ask for.
pub(super) fn survey(fills: &Fills) -> Result<Option<Survey>> {
    match &fills.file {
        Some(path) if fills.format_flags.dry_run => {
            ensure!(fills.count.is_none(), "--dry-run shows the whole file; leave out --count");
            let named = fills.source_flags.source.as_deref();
            let name = named.map(|name| source(Some(name), "")).transpose()?;
            Ok(Some(FillFile::survey_of(path, file_config(fills, name)?, |_| {})?))
        }
        _ => Ok(None),
    }
}

fn file_config(fills: &Fills, source: Option<SourceId>) -> Result<FileConfig> {
    Ok(FileConfig {
        format: fills.format_flags.format()?,
        on_bad_line: fills.on_bad_line,
        needs_time: fills.pace.recorded_pace,
        first_seq: fills.source_flags.first_seq,
        source,
        ..FileConfig::default()
    })
}

/// The feeds that the flags ask for.
pub(super) fn group(fills: &Fills, common: &CommonArgs) -> Result<FeedGroup> {
    let settings = common.settings(&fills.flags.given)?;
    let mut group = FeedGroup::new(&settings.front, settings.front_key)?;
    group.store_replies(fills.source_flags.replies.as_deref());
    let given = fills.source_flags.source.as_deref();
    ensure!(
        fills.file.is_none() || given.is_some(),
        "a file needs --source NAME: its fills are known by that name, so that the same file sent \
         again is not counted again"
    );
    let name = source(given, "fills")?;
    let pace = pace(fills)?;
    if let Some(path) = &fills.file {
        let config = file_config(fills, Some(name))?;
        group.add_fills(config_of(fills, name, pace), Box::new(FillFile::open(path, config)?))?;
        return Ok(group);
    }
    let base = seed(fills.random_flags.seed);
    for number in 1..=fills.sources {
        let name = match fills.sources {
            1 => name,
            _ => source(Some(&format!("{name}-{number}")), "")?,
        };
        let random = random(fills, seed_of(base, number.into()));
        group.add_fills(config_of(fills, name, pace), random)?;
    }
    Ok(group)
}

fn config_of(fills: &Fills, source: SourceId, pace: Pace) -> FillConfig {
    FillConfig {
        pace,
        count: fills.count,
        in_flight_max: fills.transport.window,
        batch: fills.transport.batch,
        encoding: fills.transport.encoding.into(),
        waits_for_held: fills.transport.wait_for_held,
        patience: fills.source_flags.patience(),
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
    if let Some(Tickers(tickers)) = &fills.random_flags.tickers {
        config.tickers.clone_from(tickers);
    }
    config.first_seq = fills.source_flags.first_seq;
    config.sell_percent = fills.random_flags.sells;
    config.gap_max = fills.pace.pause_max;
    config.prices = if fills.random_flags.walk { Prices::Walk } else { Prices::Uniform };
    Box::new(Random::new(config))
}
