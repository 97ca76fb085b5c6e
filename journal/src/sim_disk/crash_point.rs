//! A crash point: the disk operation in which the machine, or the process, ends.

use std::io;

use crate::length::wide;
use crate::limits::SECTOR;

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The machine fails: what was not synced may be lost.
    Power,
    /// The process is killed: what was written stays.
    Kill,
    /// The process is asked to stop, and closes its agents.
    Stop,
}

/// The disk operation in which the machine, or the process, ends.
///
/// Creating, renaming and removing a file, writing it, and syncing it or the folder are counted;
/// what only reads is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CrashPoint {
    /// Operations from now on; 1 is the next.
    pub operation: u64,
    /// How it ends.
    pub end: End,
    /// How much of a write is done: whole sectors, taken modulo the sectors of that write.
    pub sector: u64,
}

/// The crash that is planned, and the one that has happened.
#[derive(Default)]
pub(super) struct Crash {
    planned: Option<CrashPoint>,
    happened: Option<End>,
}

impl CrashPoint {
    /// How many bytes of a write of this length are done.
    pub(super) fn written(&self, bytes: usize) -> u64 {
        let sectors = wide(bytes) / SECTOR;
        self.sector % (sectors + 1) * SECTOR
    }
}

impl Crash {
    pub(super) fn plan(&mut self, crash_point: Option<CrashPoint>) {
        self.planned = crash_point;
    }

    pub(super) fn take_end(&mut self) -> Option<End> {
        self.happened.take()
    }

    /// Counts one operation; returns the crash point if this is the one. After it every operation
    /// fails, until the end is taken.
    pub(super) fn count_operation(&mut self) -> io::Result<Option<CrashPoint>> {
        if self.happened.is_some() {
            return Err(gone());
        }
        let Some(planned) = &mut self.planned else { return Ok(None) };
        planned.operation = planned.operation.saturating_sub(1);
        if 0 < planned.operation {
            return Ok(None);
        }
        let reached = self.planned.take();
        self.happened = reached.map(|crash_point| crash_point.end);
        Ok(reached)
    }
}

/// What every operation returns at the crash point and after it.
pub(super) fn gone() -> io::Error {
    io::Error::other("the machine has failed (simulated)")
}
