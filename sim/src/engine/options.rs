//! The options of a run: everything that is drawn from its seed before it begins.
//!
//! A workload draws them with the functions here and its own, in one fixed order: see
//! [`crate::engine::workload::Workload::draw`].

use std::fmt;
use std::time::Duration;

use allot_domain::ShardId;
use allot_journal::{Ack, DiskFault, JournalConfig, SEGMENT_BYTES_MIN};
use allot_server::CoreConfig;

use super::planted_bug::PlantedBug;
use super::prng::Prng;

/// Which boxes share a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Router, shards and publisher in one, over rings: a crash takes all.
    One,
    /// Each in its own, over connections that break: each crashes alone.
    Separate,
}

/// Limits and intervals of the boxes, their journals and the connections between them.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Capacity of a ring, in frames per direction.
    pub ring_frames: usize,
    /// Capacity of a connection, in frames per direction.
    pub link_frames: usize,
    /// The longest time a frame travels.
    pub delay_max: Duration,
    /// The most inputs without a reply, per shard.
    pub inputs_owed_max: u64,
    /// Inputs between two markers.
    pub marker_every: u64,
    /// The interval between reports.
    pub report_every: Duration,
    /// The size of a segment.
    pub segment_bytes: u64,
    /// Bytes appended between two snapshots.
    pub snapshot_every_bytes: u64,
    /// Whether segments that are no longer needed are removed.
    pub prune: bool,
    /// The longest time a sync takes.
    pub sync_max: Duration,
}

/// How often things fail: one in this many turns of an agent, zero for never; or a percentage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A process ends.
    pub crash: u64,
    /// Percentage of crashes that take the machine, not the process alone.
    pub power_percent: u64,
    /// Percentage of crashes that take several processes.
    pub several_percent: u64,
    /// A connection breaks.
    pub break_link: u64,
    /// An agent gets no turn for a while.
    pub stall: u64,
    /// Percentage of client messages after which an old message is sent again.
    pub copy_percent: u64,
    /// One of the next syncs of a disk fails.
    pub sync_failure: u64,
    /// One of the next writes of a disk fails.
    pub write_failure: u64,
    /// A disk is full for a while.
    pub full_disk: u64,
    /// Bits that are flipped at each start of a shard, each in a fresh copy of its disk.
    pub flips: u64,
    /// Percentage of publications that the subscriber loses.
    pub lose_percent: u64,
}

/// Everything that is drawn before a run. `O` is what the workload draws.
#[derive(Clone, Debug)]
pub struct Options<O> {
    /// What everything is drawn from.
    pub seed: u64,
    /// The bug that is planted, if any.
    pub planted_bug: Option<PlantedBug>,
    /// Which boxes share a process.
    pub shape: Shape,
    /// The number of shards.
    pub shards: usize,
    /// Limits and intervals.
    pub setup: Setup,
    /// How long things fail.
    pub faults_for: Duration,
    /// How often.
    pub faults: Faults,
    /// Percentage of turns that an agent misses.
    pub idle_percent: u64,
    /// What the workload has drawn.
    pub workload: O,
}

impl Shape {
    /// Separate processes in two of three runs, and where the planted bug needs them.
    pub fn draw(prng: &mut Prng, planted_bug: Option<PlantedBug>) -> Self {
        let separate = prng.percent(65) || planted_bug.is_some_and(PlantedBug::needs_processes);
        if separate { Self::Separate } else { Self::One }
    }
}

impl Setup {
    /// Small values are drawn as well as large ones, so that every limit is met in some run.
    pub fn draw(prng: &mut Prng) -> Self {
        Self {
            ring_frames: *prng.pick(&[1, 2, 4, 16, 256]),
            link_frames: *prng.pick(&[1, 4, 64, 1_024]),
            delay_max: *prng.pick(&[Duration::from_micros(50), Duration::from_millis(20)]),
            inputs_owed_max: *prng.pick(&[2, 8, 32, 256, 8_192]),
            marker_every: *prng.pick(&[2, 8, 32, 256]),
            report_every: Duration::from_millis(*prng.pick(&[200, 500, 1_000, 2_500])),
            segment_bytes: SEGMENT_BYTES_MIN * prng.between(1..=12),
            snapshot_every_bytes: *prng.pick(&[2 << 10, 8 << 10, 32 << 10, 1 << 20]),
            prune: prng.percent(50),
            sync_max: Duration::from_micros(*prng.pick(&[1, 5_000, 80_000, 400_000])),
        }
    }
}

impl Faults {
    /// In some runs a kind of fault never happens, so that the others are seen alone.
    pub fn draw(prng: &mut Prng) -> Self {
        let mut pick = |odds: &[u64]| *prng.pick(odds);
        Self {
            crash: pick(&[0, 400, 1_500, 1_500, 6_000]),
            power_percent: pick(&[0, 50, 100]),
            several_percent: pick(&[0, 20]),
            break_link: pick(&[0, 500, 3_000]),
            stall: pick(&[0, 100, 1_000]),
            copy_percent: pick(&[0, 5, 25]),
            sync_failure: pick(&[0, 0, 5_000]),
            write_failure: pick(&[0, 0, 0, 8_000]),
            full_disk: pick(&[0, 0, 4_000]),
            flips: pick(&[0, 0, 4]),
            lose_percent: pick(&[0, 2, 20]),
        }
    }
}

impl<O> Options<O> {
    /// What the boxes share.
    pub const fn core(&self) -> CoreConfig {
        let Setup { report_every, marker_every, inputs_owed_max, .. } = self.setup;
        CoreConfig { shards: self.shards, report_every, marker_every, inputs_owed_max }
    }

    /// The configuration of a shard's journal, under this stamp.
    pub fn journal(&self, shard: ShardId, stamp: &str) -> JournalConfig {
        let early = self.planted_bug == Some(PlantedBug::EarlyReplies);
        JournalConfig {
            segment_bytes: self.setup.segment_bytes,
            snapshot_every_bytes: self.setup.snapshot_every_bytes,
            ack: if early { Ack::Memory } else { Ack::Journal },
            prune: self.setup.prune,
            ..JournalConfig::new(&shard.to_string(), stamp)
        }
    }

    /// What every disk of the run fails to do.
    pub fn disk_fault(&self) -> DiskFault {
        match self.planted_bug {
            Some(PlantedBug::LyingDisk) => DiskFault::SyncsNothing,
            Some(PlantedBug::NamelessDisk) => DiskFault::ForgetsNames,
            _ => DiskFault::None,
        }
    }
}

impl<O: fmt::Debug> fmt::Display for Options<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}")
    }
}
