//! Journal positions: what every account held at a time, from the journals of a data directory.

use std::collections::VecDeque;
use std::path::Path;

use allot_allocation_rules::Part;
use allot_allocation_service::{Report, report_of};
use allot_domain::{LedgerId, Marker};
use anyhow::Result;
use indicatif::ProgressBar;

use crate::progress_bar::{RECORDS_PER_TICK, reading_bar};
use crate::replay_threads::{ReplayThreads, Replayed};
use crate::shard_dirs;
use crate::shard_replay::ShardReplay;

/// The positions as they were when this time began: of every record that was taken before. The
/// number of the report is that of the last marker before it.
///
/// # Errors
/// When a journal cannot be read.
pub(crate) fn report_at(data: &Path, time_ns: u64) -> Result<Report> {
    let bar = reading_bar();
    let directories = shard_dirs::find_to_sum_up(data)?;
    let mut threads = ReplayThreads::open(directories.iter().map(|path| {
        let (path, bar) = (path.clone(), bar.clone());
        move || ShardPositions::open(&path, time_ns, bar)
    }))?;
    let read = (0..directories.len()).map(|shard| {
        let mut found = VecDeque::new();
        threads.read(shard, &mut found)?;
        Ok(found)
    });
    let found = read.collect::<Result<Vec<_>>>();
    let ended = threads.end();
    bar.finish_and_clear();
    let found: Vec<_> = found?.into_iter().flatten().collect();
    ended?;
    let keyed: u64 = found.iter().map(|shard| shard.keyed).sum();
    let to_all = found.iter().map(|shard| shard.to_all).max().unwrap_or(0);
    let number = found.iter().map(|shard| shard.marker).max().unwrap_or(0);
    let ledger = found.last().and_then(|shard| shard.ledger);
    let marker = Marker { number, time_ns, report: true };
    let parts = found.into_iter().map(|shard| shard.part).collect();
    Ok(report_of(&marker, keyed + to_all, ledger, parts))
}

/// What a shard had at the time.
struct Found {
    keyed: u64,
    to_all: u64,
    marker: u64,
    ledger: Option<LedgerId>,
    part: Part,
}

/// The journal of a shard, read up to the time.
struct ShardPositions {
    replay: ShardReplay,
    time_ns: u64,
    bar: ProgressBar,
}

impl ShardPositions {
    fn open(path: &Path, time_ns: u64, bar: ProgressBar) -> Result<Self> {
        let replay = ShardReplay::open(path)?;
        bar.inc_length(replay.bytes_expected());
        Ok(Self { replay, time_ns, bar })
    }
}

impl Replayed for ShardPositions {
    type Item = Found;

    fn read(&mut self, found: &mut VecDeque<Found>) -> Result<bool> {
        let is_more = self.replay.advance(self.time_ns)?.is_some();
        if !is_more || self.replay.index().get().is_multiple_of(RECORDS_PER_TICK) {
            self.bar.inc(self.replay.take_bytes());
        }
        if !is_more {
            let state = self.replay.state();
            found.push_back(Found {
                keyed: state.keyed(),
                to_all: state.to_all(),
                marker: state.marker(),
                ledger: self.replay.start().stamp.as_ref().and_then(|stamp| stamp.ledger),
                part: state.machine().part(&Marker {
                    number: 0,
                    time_ns: self.time_ns,
                    report: true,
                }),
            });
        }
        Ok(is_more)
    }
}
