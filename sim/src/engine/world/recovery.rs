//! How a shard recovers from its disk, and what is checked each time.

use std::sync::Arc;

use allot_domain::ShardId;
use allot_journal::{JournalError, Reader, SegmentState, SegmentSummary, SimDisk, Wakers};
use allot_runtime::Waker;
use allot_server::open_shard::{self, Opened, Recovered};
use allot_shard::RecoverError;

use super::World;
use crate::engine::checker;
use crate::engine::checker::flips::Flipped;
use crate::engine::violation::Violation;
use crate::engine::workload::Workload;

impl<W: Workload> World<W> {
    /// Recovers a shard and checks what it finds against all that is known; `None` if the disk
    /// fails.
    pub(super) fn recover(
        &mut self,
        shard: ShardId,
    ) -> Result<Option<Recovered<W::System>>, Violation> {
        let disk = self.disks[shard.index()].clone();
        let config = self.workload.config();
        let shards = self.options.shards;
        let stamp = open_shard::stamp::<W::System>(config, shard, shards, None);
        let journal = self.options.journal(shard, &stamp);
        let flips = if self.injects_faults { self.options.faults.flips } else { 0 };
        let flipped = Flipped::<W::System> { disk: &disk, journal: &journal, config };
        checker::flips::check(&flipped, flips, &mut self.prng, &mut self.tally)?;
        let is_torn = is_torn(&disk);
        let has_snapshot = has_snapshot(&disk);
        self.inject_start_faults(shard);
        let silent = Waker::silent();
        let wakers = Wakers { shard: &silent, committer: &silent, checkpointer: &silent };
        match open_shard::recover_from(Arc::new(disk.clone()), journal, config, wakers) {
            Ok(recovered) => {
                disk.plan_crash(None);
                self.check_recovered(shard, &recovered)?;
                self.tally.torn += u64::from(is_torn);
                self.tally.with_snapshot += u64::from(has_snapshot);
                Ok(Some(recovered))
            }
            Err(error) => self.on_refused_start(shard, &error).map(|()| None),
        }
    }

    /// Starts fail as often as anything else.
    fn inject_start_faults(&mut self, shard: ShardId) {
        let faults = self.options.faults;
        if !self.injects_faults {
            return;
        }
        if 0 < faults.crash && self.prng.one_in(6) {
            self.plan_crash(shard);
        }
        if 0 < faults.sync_failure && self.prng.one_in(6) {
            self.disks[shard.index()].fail_sync(self.prng.between(1..=4));
            self.tally.syncs_failed += 1;
        }
    }

    fn check_recovered(
        &mut self,
        shard: ShardId,
        recovered: &Recovered<W::System>,
    ) -> Result<(), Violation> {
        self.tally.recoveries += 1;
        let Opened { state, journal, .. } = &recovered.opened;
        let last = journal.appended();
        self.trace.note(self.now, format!("shard {shard} recovers {last} inputs"));
        let log = &mut self.logs[shard.index()];
        log.read(&self.disks[shard.index()], &mut self.workload)?;
        let replayed = self.workload.state(shard);
        checker::recovery::check(shard, log, last, state, replayed)?;
        self.workload.check_recovered(shard)
    }

    /// A start may fail because the disk fails or is full, and for no other reason.
    fn on_refused_start(&mut self, shard: ShardId, error: &RecoverError) -> Result<(), Violation> {
        if self.disks[shard.index()].take_end().is_some() {
            self.tally.broken_starts += 1;
            self.trace.note(self.now, format!("the machine fails while shard {shard} starts"));
            return Ok(());
        }
        self.disks[shard.index()].plan_crash(None);
        let is_expected = match error {
            RecoverError::Journal(JournalError::Media { .. }) => {
                self.disks[shard.index()].has_failed()
            }
            RecoverError::Journal(JournalError::DiskFull { .. }) => {
                0 < self.options.faults.full_disk
            }
            _ => false,
        };
        self.trace.note(self.now, format!("shard {shard} cannot start: {error}"));
        if !is_expected {
            let what = format!("shard {shard} cannot start, and nothing had failed: {error}");
            return Err(Violation::new("P8", what));
        }
        self.tally.refused_starts += 1;
        // An operator repairs the disk before the next start.
        self.disks[shard.index()].restart();
        Ok(())
    }
}

/// Whether the last batch was never finished.
fn is_torn(disk: &SimDisk) -> bool {
    let is_torn = |summary: &SegmentSummary| matches!(summary.state, SegmentState::Torn(_));
    let reader = Reader::open(Arc::new(disk.full_journal()));
    reader.is_ok_and(|reader| reader.segments().iter().any(is_torn))
}

/// Whether there is a snapshot; the name on disk is older than the word.
fn has_snapshot(disk: &SimDisk) -> bool {
    disk.files().iter().any(|file| file.starts_with("image-"))
}
