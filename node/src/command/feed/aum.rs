//! `allot feed aum`: the AUM server, which sends splits.

use std::time::Duration;

use allot_domain::AccountId;
use allot_feeds::{AumConfig, Weights};
use allot_runtime::duration;
use anyhow::{Result, ensure};
use clap::{ArgGroup, Args};

use super::{Format, SourceFlags, seed, source};
use crate::common_args::CommonArgs;
use crate::feed_group::FeedGroup;
use crate::flags::Flags;
use crate::setting::{Key, set};

/// Send splits, as the AUM server: the target percentage of each account
///
/// A new split applies to later fills only. Shares that were allocated stay where they are.
#[derive(Args)]
#[command(
    group = ArgGroup::new("origin").required(true).multiple(true)
        .args(["random", "weights", "drift", "file"]),
    group = ArgGroup::new("randomness").multiple(true).args(["random", "drift"]),
    after_help = "\
Examples:
  allot feed aum --random                          random percentages, every 30 seconds
  allot feed aum --weights a=40,b=60 --count 1     this split, once
  allot feed aum --weights a=40,b=60 --drift 10    this split first, then small random changes
  allot feed aum --drift --accounts 5 --every 10s  equal percentages first
  allot feed aum --weights a=100 --closes b        this split closes b, with what it holds
  allot feed aum --file split.json                 read the file again every 30 seconds"
)]
pub(crate) struct Aum {
    /// Send random percentages each time
    #[arg(long, conflicts_with_all = ["weights", "drift", "file"])]
    random: bool,
    /// Send these percentages: each time, or first with --drift
    #[arg(long, value_name = "LIST", conflicts_with = "file")]
    weights: Option<String>,
    /// Change each percentage at random, by at most PERCENT of itself each time; start from
    /// --weights, or from equal percentages [default: 2.5]
    #[arg(long, value_name = "PERCENT", num_args = 0..=1, default_missing_value = "2.5",
          conflicts_with = "file")]
    drift: Option<String>,
    /// Send the percentages in this file: one or more JSON objects, or CSV with the columns account
    /// and weight
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Accounts that the splits may close although they hold shares, such as c,d; without it a
    /// split that leaves out a holder is refused
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = account)]
    closes: Vec<AccountId>,
    /// Interval between splits; the first is sent at once
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    every: Duration,
    /// Number of splits to send [default: no limit]
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    /// Number of accounts, for random or drifting percentages
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          conflicts_with_all = ["weights", "file"])]
    accounts: usize,
    /// Random seed; the same seed gives the same splits [default: different in each run]
    #[arg(long, value_name = "NUMBER", requires = "randomness")]
    seed: Option<u64>,
    #[command(flatten)]
    source_flags: SourceFlags,
    /// Encoding of messages
    #[arg(long, value_enum, default_value_t = Format::Json)]
    encoding: Format,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey]) }>,
}

/// The feed that the flags ask for.
pub(super) fn group(aum: &Aum, common: &CommonArgs) -> Result<FeedGroup> {
    ensure!(!aum.every.is_zero(), "--every must be more than zero");
    let settings = common.settings(&aum.flags.given)?;
    let mut group = FeedGroup::new(&settings.front, settings.front_key)?;
    group.store_replies(aum.source_flags.replies.as_deref());
    let config = AumConfig {
        every: aum.every,
        count: aum.count,
        encoding: aum.encoding.into(),
        first_seq: aum.source_flags.first_seq,
        patience: aum.source_flags.patience(),
        ..AumConfig::new(source(aum.source_flags.source.as_deref(), "aum")?)
    };
    group.add_splits(config, weights(aum)?)?;
    Ok(group)
}

fn weights(aum: &Aum) -> Result<Weights> {
    let seed = seed(aum.seed);
    let weights = match (&aum.weights, &aum.drift, &aum.file) {
        (_, _, Some(path)) => Weights::file(path)?,
        (Some(weights), Some(percent), _) => Weights::drift_of(weights, percent, seed)?,
        (Some(weights), None, _) => Weights::fixed(weights)?,
        (None, Some(percent), _) => {
            Weights::drift(&Weights::accounts(aum.accounts)?, percent, seed)?
        }
        (None, None, _) => Weights::random(Weights::accounts(aum.accounts)?, seed)?,
    };
    Ok(weights.closing(aum.closes.clone()))
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::new(text.trim().as_bytes()).map_err(|reject| reject.to_string())
}
