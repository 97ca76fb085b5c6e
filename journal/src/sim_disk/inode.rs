//! The content of a simulated file: what is shown, and what a crash would keep.

use std::collections::BTreeSet;

use super::random::Random;
use crate::length::{narrow, wide};
use crate::limits::{SECTOR, SECTOR_BYTES};

#[derive(Clone, Default)]
pub(super) struct Inode {
    pub(super) shown: Vec<u8>,
    kept: Vec<u8>,
    /// Sectors that a sync would write.
    unsynced: BTreeSet<u64>,
}

impl Inode {
    /// Writes, and extends the file if necessary.
    pub(super) fn put(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let start = narrow(offset);
        let end = start + bytes.len();
        if self.shown.len() < end {
            self.shown.resize(end, 0);
        }
        self.shown[start..end].copy_from_slice(bytes);
        self.unsynced.extend(offset / SECTOR..=(offset + wide(bytes.len()) - 1) / SECTOR);
    }

    /// Makes a sector survive a crash, as far as the file has it.
    fn keep(&mut self, sector: u64) {
        let start = narrow(sector * SECTOR);
        let end = (start + SECTOR_BYTES).min(self.shown.len()).min(self.kept.len());
        if start < end {
            self.kept[start..end].copy_from_slice(&self.shown[start..end]);
        }
    }

    /// Flips one bit on the medium itself; `bit` counts from the lowest.
    pub(super) fn flip(&mut self, offset: u64, bit: u32) {
        let at = narrow(offset);
        self.shown[at] ^= 1 << bit;
        if let Some(byte) = self.kept.get_mut(at) {
            *byte ^= 1 << bit;
        }
    }
    /// Loses some of what was not synced: each sector by itself, and of the growth any part.
    pub(super) fn crash(&mut self, chance: u64, random: &mut Random) {
        let shown_sectors = wide(self.shown.len()).div_ceil(SECTOR);
        let kept_sectors = wide(self.kept.len()).div_ceil(SECTOR);
        let grown = shown_sectors.saturating_sub(kept_sectors);
        let sectors = match random.quarters(chance) {
            true => shown_sectors,
            false => kept_sectors + random.below(grown + 1),
        };
        let bytes = narrow(sectors * SECTOR).min(self.shown.len().max(self.kept.len()));
        self.kept.resize(bytes.max(self.kept.len()), 0);
        for sector in std::mem::take(&mut self.unsynced) {
            if random.quarters(chance) {
                self.keep(sector);
            }
        }
        self.shown = self.kept.clone();
    }

    /// Writes everything to the medium; returns how many sectors that were.
    pub(super) fn sync(&mut self) -> usize {
        let unsynced = std::mem::take(&mut self.unsynced);
        self.kept.resize(self.shown.len(), 0);
        for sector in &unsynced {
            self.keep(*sector);
        }
        unsynced.len()
    }

    /// Forgets what was not synced, and still shows it; returns how many sectors that were.
    pub(super) fn drop_unsynced(&mut self) -> usize {
        std::mem::take(&mut self.unsynced).len()
    }
}
