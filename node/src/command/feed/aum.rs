//! `allot feed aum`: the AUM server, which says how the firm's assets are divided.

use super::{Format, Life, seed, source};
use crate::cli::Common;
use crate::feed_crew::FeedCrew;
use crate::flags::Flags;
use crate::setting::{Key, set};
use allot_feeds::{AumConfig, Weights};
use allot_runtime::duration;
use anyhow::{Result, ensure};
use clap::{ArgGroup, Args};
use std::time::Duration;

/// Send splits: how the firm's assets are divided over its accounts, in percent
///
/// A split aims future fills; what was divided stays where it is.
#[derive(Args)]
#[command(
    group = ArgGroup::new("origin").required(true).multiple(true)
        .args(["random", "weights", "drift", "file"]),
    group = ArgGroup::new("chance").multiple(true).args(["random", "drift"]),
    after_help = "\
Examples:
  allot feed aum --random                          any percentages, every 30 seconds
  allot feed aum --weights a=40,b=60 --count 1     this split, once
  allot feed aum --weights a=40,b=60 --drift 10    from there on, each time a little different
  allot feed aum --drift --accounts 5 --every 10s  equal at first
  allot feed aum --file split.json                 the file is read again every 30 seconds"
)]
pub(crate) struct Aum {
    /// Completely random percentages each time
    #[arg(long, conflicts_with_all = ["weights", "drift", "file"])]
    random: bool,
    /// These percentages, each time, or at first with --drift
    #[arg(long, value_name = "LIST", conflicts_with = "file")]
    weights: Option<String>,
    /// Percentages of which each moves at random, each time by at most so many percent of itself;
    /// from --weights, or equal at first [default: 2.5]
    #[arg(long, value_name = "PERCENT", num_args = 0..=1, default_missing_value = "2.5",
          conflicts_with = "file")]
    drift: Option<String>,
    /// Those of a file: a JSON object, CSV with the columns account and weight, or several objects
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// How often; the first time at once
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    every: Duration,
    /// How many splits [default: without end]
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    /// How many accounts, of random or drifting percentages
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          conflicts_with_all = ["weights", "file"])]
    accounts: usize,
    /// The same seed gives the same splits [default: another one in each run]
    #[arg(long, value_name = "NUMBER", requires = "chance")]
    seed: Option<u64>,
    #[command(flatten)]
    life: Life,
    /// How messages are written
    #[arg(long, value_enum, default_value_t = Format::Json)]
    encoding: Format,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey]) }>,
}

/// The feed that the flags ask for.
pub(super) fn crew(aum: &Aum, common: &Common) -> Result<FeedCrew> {
    ensure!(!aum.every.is_zero(), "--every is a duration above zero");
    let settings = common.settings(&aum.flags.given)?;
    let mut crew = FeedCrew::new(&settings.front, settings.front_key)?;
    crew.log_replies(aum.life.answers.as_deref());
    let config = AumConfig {
        every: aum.every,
        count: aum.count,
        encoding: aum.encoding.into(),
        first_seq: aum.life.first_seq,
        patience: aum.life.patience(),
        ..AumConfig::new(source(aum.life.source.as_deref(), "aum")?)
    };
    crew.add_splits(config, weights(aum)?)?;
    Ok(crew)
}

fn weights(aum: &Aum) -> Result<Weights> {
    let seed = seed(aum.seed);
    Ok(match (&aum.weights, &aum.drift, &aum.file) {
        (_, _, Some(path)) => Weights::file(path)?,
        (Some(weights), Some(percent), _) => Weights::drift_of(weights, percent, seed)?,
        (Some(weights), None, _) => Weights::fixed(weights)?,
        (None, Some(percent), _) => {
            Weights::drift(&Weights::accounts(aum.accounts)?, percent, seed)?
        }
        (None, None, _) => Weights::random(Weights::accounts(aum.accounts)?, seed)?,
    })
}
