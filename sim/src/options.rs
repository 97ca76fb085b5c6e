//! The options of a run: everything that is not thrown while it runs, drawn from its seed.

use std::fmt;
use std::time::Duration;

use allot_domain::limits::WEIGHT_TOTAL;
use allot_domain::{AccountId, Blend, BookConfig, SourceId, Ticker, Weight};
use allot_journal::{Ack, JournalConfig, SEGMENT_BYTES_MIN};
use allot_wire::Encoding;

use crate::disk::DiskFault;
use crate::planted_bug::PlantedBug;
use crate::prng::Prng;

/// Whether splits may say 0 % of an account.
const ZERO_WEIGHTS: bool = false;

/// What is traded, at most.
const TICKERS: [&str; 10] =
    ["AAPL", "AMZN", "BRK/B", "GOOG", "JPM", "META", "MSFT", "NVDA", "TSLA", "XOM"];

/// Which boxes share a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Router, shards and publisher in one, over rings: a crash takes all.
    One,
    /// Each in its own, over connections that break: each crashes alone.
    Separate,
}

/// How often things go wrong: one turn of an agent in so many; zero for never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A process ends.
    pub crash: u64,
    /// Of a hundred crashes, how many are of the machine and not of the process alone.
    pub power_percent: u64,
    /// Of a hundred crashes, how many take several processes.
    pub several_percent: u64,
    /// A connection breaks.
    pub break_link: u64,
    /// An agent gets no turn for a while.
    pub stall: u64,
    /// Of a hundred messages of clients, after how many an old one is sent again.
    pub copy_percent: u64,
    /// A disk fails in one of its next syncs.
    pub sync_failure: u64,
    /// A disk fails in one of its next writes.
    pub write_failure: u64,
    /// A disk is full for a while.
    pub full_disk: u64,
    /// How many bits are flipped, one after the other, in copies of the disk of a shard that is
    /// down.
    pub flips: u64,
    /// Of a hundred publications, how many a subscriber loses.
    pub lose_percent: u64,
}

/// Everything that is drawn before a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What all of it follows from.
    pub seed: u64,
    /// What is put in on purpose.
    pub planted_bug: Option<PlantedBug>,
    /// Which boxes share a process.
    pub shape: Shape,
    /// How many shards.
    pub shards: usize,
    /// The fills of each fill server, and how they are sent.
    pub feeds: Vec<FeedOptions>,
    /// How often the AUM server speaks.
    pub split_every: Duration,
    /// When it speaks for the first time.
    pub split_after: Duration,
    /// What it says, in order.
    pub splits: Vec<Vec<(AccountId, Weight)>>,
    /// What is traded.
    pub tickers: Vec<Ticker>,
    /// What a book remembers, and how it divides.
    pub book: BookConfig,
    /// Frames that may wait in each direction of a ring.
    pub ring_frames: usize,
    /// Frames that may wait in each direction of a connection.
    pub link_frames: usize,
    /// How long a frame is on its direction at most.
    pub delay_max: Duration,
    /// The most answers that a shard may owe.
    pub owed_max: u64,
    /// A marker after so many inputs.
    pub marker_every: u64,
    /// How often positions are reported.
    pub report_every: Duration,
    /// The size of a segment.
    pub segment_bytes: u64,
    /// How much is appended between two images.
    pub image_every_bytes: u64,
    /// Whether what nothing needs any more is removed.
    pub prune: bool,
    /// How long a sync takes at most.
    pub sync_max: Duration,
    /// How long things go wrong.
    pub faults_for: Duration,
    /// How often.
    pub faults: Faults,
    /// The mean time between two busts and other things that a person at a operator does.
    pub operator_every: Duration,
    /// The encoding of what a subscriber listens to.
    pub feed_encoding: Encoding,
    /// Of a hundred turns, how many an agent misses.
    pub idle_percent: u64,
}

/// One fill server.
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// Its name.
    pub source: SourceId,
    /// What its fills follow from.
    pub seed: u64,
    /// How many it sends.
    pub count: u64,
    /// How many a second.
    pub rate: u64,
    /// How many may be unanswered.
    pub window: usize,
    /// The most of one message.
    pub batch: usize,
    /// How they are written.
    pub encoding: Encoding,
    /// Of a hundred, how many are sales.
    pub sell_percent: u32,
}

impl Options {
    /// The options of a seed, with a planted bug if there is one.
    pub fn draw(seed: u64, planted_bug: Option<PlantedBug>) -> Self {
        let mut prng = Prng::new(seed);
        let separate = prng.percent(65) || planted_bug.is_some_and(PlantedBug::needs_processes);
        let faults_for = Duration::from_secs(prng.between(4..=25));
        let mut tickers = TICKERS.map(ticker).to_vec();
        prng.shuffle(&mut tickers);
        tickers.truncate(usize::try_from(prng.between(2..=10)).expect("a few"));
        let splits = splits(&mut prng);
        let split_every = faults_for / u32::try_from(splits.len()).expect("a few");
        let feeds = (1..=prng.between(1..=4)).map(|number| feed(&mut prng, number)).collect();
        Self {
            seed,
            planted_bug,
            shape: if separate { Shape::Separate } else { Shape::One },
            shards: usize::try_from(prng.between(1..=4)).expect("a few"),
            feeds,
            split_every,
            split_after: Duration::from_millis(*prng.pick(&[0, 0, 200, 3_000])),
            splits,
            tickers,
            book: book(&mut prng),
            ring_frames: *prng.pick(&[1, 2, 4, 16, 256]),
            link_frames: *prng.pick(&[1, 4, 64, 1_024]),
            delay_max: *prng.pick(&[Duration::from_micros(50), Duration::from_millis(20)]),
            owed_max: *prng.pick(&[2, 8, 32, 256, 8_192]),
            marker_every: *prng.pick(&[2, 8, 32, 256]),
            report_every: Duration::from_millis(*prng.pick(&[200, 500, 1_000, 2_500])),
            segment_bytes: SEGMENT_BYTES_MIN * prng.between(1..=12),
            image_every_bytes: *prng.pick(&[2 << 10, 8 << 10, 32 << 10, 1 << 20]),
            prune: prng.percent(50),
            sync_max: Duration::from_micros(*prng.pick(&[1, 5_000, 80_000, 400_000])),
            faults_for,
            faults: faults(&mut prng),
            operator_every: *prng.pick(&[Duration::from_millis(50), Duration::from_millis(400)]),
            feed_encoding: *prng.pick(&[Encoding::Json, Encoding::Binary]),
            idle_percent: *prng.pick(&[0, 10, 50]),
        }
    }

    /// What a journal of this run is configured with.
    pub fn journal(&self, shard: usize) -> JournalConfig {
        let early = self.planted_bug == Some(PlantedBug::EarlyReplies);
        let BookConfig { blend, history } = self.book;
        let stamp = format!("shard {shard} of {}, blend {blend}, history {history}", self.shards);
        JournalConfig {
            segment_bytes: self.segment_bytes,
            image_every_bytes: self.image_every_bytes,
            ack: if early { Ack::Memory } else { Ack::Journal },
            prune: self.prune,
            ..JournalConfig::new(&shard.to_string(), &stamp)
        }
    }

    /// How disks fault.
    pub fn fault(&self) -> DiskFault {
        match self.planted_bug {
            Some(PlantedBug::LyingDisk) => DiskFault::SyncsNothing,
            Some(PlantedBug::NamelessDisk) => DiskFault::ForgetsNames,
            _ => DiskFault::None,
        }
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}")
    }
}

fn faults(prng: &mut Prng) -> Faults {
    // Some runs have none of a kind, so that the others are seen alone.
    let mut often = |odds: &[u64]| *prng.pick(odds);
    Faults {
        crash: often(&[0, 400, 1_500, 1_500, 6_000]),
        power_percent: often(&[0, 50, 100]),
        several_percent: often(&[0, 20]),
        break_link: often(&[0, 500, 3_000]),
        stall: often(&[0, 100, 1_000]),
        copy_percent: often(&[0, 5, 25]),
        sync_failure: often(&[0, 0, 5_000]),
        write_failure: often(&[0, 0, 0, 8_000]),
        full_disk: often(&[0, 0, 4_000]),
        flips: often(&[0, 0, 4]),
        lose_percent: often(&[0, 2, 20]),
    }
}

fn book(prng: &mut Prng) -> BookConfig {
    let blends = [Blend::NONE, Blend::NONE, Blend::new(1, 4).expect("within the limits")];
    let history = *prng.pick(&[4, 64, 1_024]);
    BookConfig { blend: *prng.pick(&blends), history }
}

fn feed(prng: &mut Prng, number: u64) -> FeedOptions {
    FeedOptions {
        source: source(&format!("fills-{number}")),
        seed: prng.seed(),
        count: prng.between(20..=250),
        rate: *prng.pick(&[10, 40, 200, 2_000]),
        window: *prng.pick(&[1, 8, 64]),
        batch: *prng.pick(&[1, 4, 16]),
        encoding: *prng.pick(&[Encoding::Json, Encoding::Binary]),
        sell_percent: *prng.pick(&[0, 20, 45]),
    }
}

/// Splits as they change: weights that drift, or that are new; accounts that close and open.
fn splits(prng: &mut Prng) -> Vec<Vec<(AccountId, Weight)>> {
    let most = prng.between(1..=7);
    let drifts = prng.percent(60);
    let closes = *prng.pick(&[0, 0, 10, 40]);
    let mut named: Vec<u64> = (1..=most).collect();
    let mut splits = vec![weights(prng, &named, None)];
    for _ in 1..prng.between(1..=30) {
        let last = splits.last().filter(|_| drifts).cloned();
        if prng.percent(closes) {
            named = (1..=most).filter(|_| prng.percent(70)).collect();
            if named.is_empty() {
                named.push(1);
            }
            splits.push(weights(prng, &named, None));
        } else {
            splits.push(weights(prng, &named, last.as_deref()));
        }
    }
    splits
}

/// Weights of prng, or near those before; they add up to 100 exactly.
fn weights(
    prng: &mut Prng,
    named: &[u64],
    before: Option<&[(AccountId, Weight)]>,
) -> Vec<(AccountId, Weight)> {
    let least = u64::from(!ZERO_WEIGHTS);
    let mut parts: Vec<u64> = match before {
        Some(before) => before.iter().map(|(_, weight)| weight.nanos()).collect(),
        None => named.iter().map(|_| prng.between(least..=100) * 1_000_000).collect(),
    };
    if before.is_some() {
        for part in &mut parts {
            let step = *part / 10;
            *part = (*part - step + prng.between(0..=2 * step)).max(least);
        }
    }
    let sum: u64 = parts.iter().sum::<u64>().max(1);
    let scale = |part: u64| u128::from(part) * u128::from(WEIGHT_TOTAL) / u128::from(sum);
    let mut nanos: Vec<u128> = parts.iter().map(|part| scale(*part).max(least.into())).collect();
    let (most, _) = nanos.iter().enumerate().max_by_key(|(_, part)| **part).expect("an account");
    let others: u128 = nanos.iter().sum::<u128>() - nanos[most];
    nanos[most] = u128::from(WEIGHT_TOTAL) - others;
    let entry = |(number, nanos): (&u64, u128)| {
        let id = AccountId::new(format!("account{number}").as_bytes()).expect("a plain name");
        let nanos = i128::try_from(nanos).expect("at most the whole");
        (id, Weight::from_nanos(id.as_str(), nanos).expect("at most the whole"))
    };
    named.iter().zip(nanos).map(entry).collect()
}

fn ticker(text: &str) -> Ticker {
    Ticker::new(text.as_bytes()).expect("a plain name")
}

fn source(text: &str) -> SourceId {
    SourceId::new(text.as_bytes()).expect("a plain name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use allot_domain::Split;

    #[test]
    fn every_split_adds_up_and_has_nobody_at_zero() {
        for seed in 0..200 {
            let options = Options::draw(seed, None);
            for weights in options.splits {
                assert!(weights.iter().all(|(_, weight)| ZERO_WEIGHTS || 0 < weight.nanos()));
                let sum: u64 = weights.iter().map(|(_, weight)| weight.nanos()).sum();
                assert_eq!(sum, WEIGHT_TOTAL);
                Split::new(source("aum"), 1, weights).unwrap();
            }
        }
    }

    #[test]
    fn a_plant_changes_nothing_that_is_drawn() {
        let plain = Options { planted_bug: Some(PlantedBug::LyingDisk), ..Options::draw(7, None) };
        assert_eq!(plain.to_string(), Options::draw(7, Some(PlantedBug::LyingDisk)).to_string());
    }
}
