//! `allot feed aum`: the AUM server, which says how the firm's assets are divided.

use super::{Format, seed, source};
use crate::cli::Common;
use crate::duration;
use crate::feed_crew::FeedCrew;
use crate::flags::Flags;
use crate::setting::Key;
use allot_feeds::{AumConfig, Weights};
use anyhow::{Result, ensure};
use clap::{ArgGroup, Args};
use std::time::Duration;

/// Send splits: how the firm's assets are divided over its accounts, in percent
///
/// A split aims future fills; what was divided stays where it is.
#[derive(Args)]
#[command(
    group = ArgGroup::new("origin").required(true).args(["random", "weights", "drift", "file"]),
    after_help = "\
Examples:
  allot feed aum --random                          any percentages, every 30 seconds
  allot feed aum --weights a=40,b=60 --count 1     this split, once
  allot feed aum --drift --accounts 5 --every 10s  each time a little different
  allot feed aum --file split.json                 the file is read again every 30 seconds"
)]
pub(crate) struct Aum {
    /// Completely random percentages each time
    #[arg(long)]
    random: bool,
    /// These percentages, each time
    #[arg(long, value_name = "LIST")]
    weights: Option<String>,
    /// Equal percentages at first, which then move a little each time
    #[arg(long)]
    drift: bool,
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
    /// By how many percent of the whole a drifting percentage moves at most
    #[arg(long, value_name = "PERCENT", default_value = "0.5", requires = "drift")]
    step: String,
    /// The same seed gives the same splits [default: another one in each run]
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["weights", "file"])]
    seed: Option<u64>,
    /// The name under which they are sent [default: one that no other run has]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// How messages are written
    #[arg(long, value_enum, default_value_t = Format::Json)]
    encoding: Format,
    #[command(flatten)]
    flags: Flags<{ Key::Front.bit() }>,
}

/// The feed that the flags ask for.
pub(super) fn crew(aum: &Aum, common: &Common) -> Result<FeedCrew> {
    ensure!(!aum.every.is_zero(), "--every is a duration above zero");
    let mut crew = FeedCrew::new(&common.settings(&aum.flags.given)?.front)?;
    let config = AumConfig {
        every: aum.every,
        count: aum.count,
        encoding: aum.encoding.into(),
        ..AumConfig::new(source(aum.source.as_deref(), "aum")?)
    };
    crew.add_splits(config, weights(aum)?)?;
    Ok(crew)
}

fn weights(aum: &Aum) -> Result<Weights> {
    Ok(match (&aum.weights, &aum.file) {
        (Some(weights), _) => Weights::fixed(weights)?,
        (_, Some(path)) => Weights::file(path)?,
        _ if aum.drift => {
            Weights::drift(&Weights::accounts(aum.accounts)?, &aum.step, seed(aum.seed))?
        }
        _ => Weights::random(Weights::accounts(aum.accounts)?, seed(aum.seed))?,
    })
}
