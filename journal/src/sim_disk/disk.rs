//! The state of a simulated disk: what it shows, and what it would keep in a crash.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};

use super::DiskFault;
use super::crash_point::{Crash, CrashPoint, End, gone};
use super::inode::Inode;
use super::names::Names;
use super::planned_failure::{PlannedFailures, failed};
use super::random::Random;
use crate::file_name;
use crate::length::{narrow, wide};
use crate::limits::{LOG_LINES_MAX, SECTOR, SECTOR_BYTES};

/// A segment begins with its magic in these bytes; a preallocated one that was never written, with
/// zeros.
const MAGIC_BYTES: usize = 8;

/// Files, names, and planned faults.
pub(super) struct Disk {
    seed: u64,
    fault: DiskFault,
    random: Random,
    incarnation: u64,
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    names: Names,
    failures: PlannedFailures,
    crash: Crash,
    /// Removed segments, so that the whole journal can still be read.
    pruned: BTreeMap<String, Vec<u8>>,
    capacity: Option<u64>,
    log: VecDeque<String>,
}

impl Disk {
    pub(super) fn new(seed: u64, fault: DiskFault) -> Self {
        Self {
            seed,
            fault,
            random: Random::new(seed),
            incarnation: 0,
            inodes: BTreeMap::new(),
            next_inode: 0,
            names: Names::default(),
            failures: PlannedFailures::default(),
            crash: Crash::default(),
            pruned: BTreeMap::new(),
            capacity: None,
            log: VecDeque::new(),
        }
    }

    pub(super) fn fork(&self) -> Self {
        Self {
            inodes: self.inodes.clone(),
            names: self.names.clone(),
            crash: Crash::default(),
            pruned: self.pruned.clone(),
            log: VecDeque::new(),
            ..*self
        }
    }

    /// Every segment, the pruned ones included, on a disk of its own; no snapshots.
    pub(super) fn full_journal(&self) -> Self {
        let mut segments = self.pruned.clone();
        let shown = self.names.shown().iter();
        for (name, inode) in shown.filter(|(name, _)| file_name::is_segment(name)) {
            segments.insert(name.clone(), self.inodes[inode].shown.clone());
        }
        let mut full = Self::new(0, DiskFault::None);
        for (name, bytes) in segments {
            let inode = full.add(&name);
            full.put(inode, 0, &bytes);
        }
        full
    }

    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.names.shown().keys().cloned().collect()
    }

    pub(super) fn create(&mut self, name: &str) -> io::Result<(u64, u64)> {
        self.count_operation()?;
        if self.names.shown().contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        Ok((self.add(name), self.incarnation))
    }

    fn add(&mut self, name: &str) -> u64 {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Inode::default());
        self.names.create(name, inode);
        self.note(format!("create {name}"));
        inode
    }

    pub(super) fn open(&self, name: &str) -> io::Result<(u64, u64)> {
        Ok((self.inode(name)?, self.incarnation))
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.count_operation()?;
        let inode = self.inode(from)?;
        self.names.rename(from, to, inode);
        self.note(format!("rename {from} to {to}"));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        if file_name::is_segment(name) {
            self.keep_pruned(name)?;
        }
        self.count_operation()?;
        self.inode(name)?;
        self.names.remove(name);
        self.note(format!("remove {name}"));
        Ok(())
    }

    fn keep_pruned(&mut self, name: &str) -> io::Result<()> {
        let bytes = &self.inodes[&self.inode(name)?].shown;
        if bytes.iter().take(MAGIC_BYTES).any(|byte| *byte != 0) {
            self.pruned.insert(name.to_owned(), bytes.clone());
        }
        Ok(())
    }

    pub(super) fn sync_folder(&mut self) -> io::Result<()> {
        self.count_operation()?;
        match self.fault {
            DiskFault::None => {}
            DiskFault::SyncsNothing | DiskFault::ForgetsNames => return Ok(()),
        }
        if self.failures.is_sync_due() {
            self.names.drop_unsynced();
            self.note("sync of the folder FAILS".to_owned());
            return Err(failed());
        }
        self.names.sync();
        self.note("sync of the folder".to_owned());
        Ok(())
    }

    pub(super) fn len(&self, inode: u64) -> io::Result<u64> {
        Ok(wide(self.inodes[&inode].shown.len()))
    }

    pub(super) fn read_at(&self, inode: u64, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let shown = &self.inodes[&inode].shown;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(shown.len());
        let count = bytes.len().min(shown.len() - start);
        bytes[..count].copy_from_slice(&shown[start..start + count]);
        Ok(count)
    }

    pub(super) fn write_at(&mut self, inode: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(crash_point) = self.crash.count_operation()? else {
            return self.write(inode, offset, bytes);
        };
        let written = narrow(crash_point.written(bytes.len()));
        if 0 < written {
            self.write(inode, offset, &bytes[..written])?;
        }
        Err(self.crash_at(crash_point))
    }

    fn write(&mut self, inode: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let name = self.name_of(inode);
        if self.failures.is_write_due() {
            let some = self.put_some(inode, offset, bytes);
            self.note(format!("write of {name} at {offset} FAILS, {some} sectors written"));
            return Err(failed());
        }
        let old_bytes = wide(self.inodes[&inode].shown.len());
        let growth = (offset + wide(bytes.len())).saturating_sub(old_bytes);
        let room = self.capacity.map_or(u64::MAX, |most| most.saturating_sub(self.used_bytes()));
        if room < growth {
            let fits = wide(bytes.len()).saturating_sub(growth - room) / SECTOR * SECTOR;
            self.put(inode, offset, &bytes[..narrow(fits)]);
            self.note(format!("write of {name} at {offset}: no room after {fits} bytes"));
            return Err(ErrorKind::StorageFull.into());
        }
        self.put(inode, offset, bytes);
        self.note(format!("write of {name} at {offset}, {} bytes", bytes.len()));
        Ok(())
    }

    pub(super) fn sync(&mut self, inode: u64) -> io::Result<()> {
        self.count_operation()?;
        match self.fault {
            DiskFault::None | DiskFault::ForgetsNames => {}
            DiskFault::SyncsNothing => return Ok(()),
        }
        let name = self.name_of(inode);
        let fails = self.failures.is_sync_due();
        let file = self.inodes.get_mut(&inode).expect("an open file has content");
        if fails {
            let dropped = file.drop_unsynced();
            self.note(format!("sync of {name} FAILS, {dropped} sectors dropped"));
            return Err(failed());
        }
        let synced = file.sync();
        self.note(format!("sync of {name}, {synced} sectors"));
        Ok(())
    }

    pub(super) fn fail_write(&mut self, n: u64) {
        self.failures.plan_write(n);
    }

    pub(super) fn fail_sync(&mut self, n: u64) {
        self.failures.plan_sync(n);
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failures.has_failed()
    }

    pub(super) fn plan_crash(&mut self, crash_point: Option<CrashPoint>) {
        self.crash.plan(crash_point);
    }

    pub(super) fn take_end(&mut self) -> Option<End> {
        self.crash.take_end()
    }

    /// Counts one operation, and crashes instead of it if the crash point is here.
    fn count_operation(&mut self) -> io::Result<()> {
        match self.crash.count_operation()? {
            None => Ok(()),
            Some(crash_point) => Err(self.crash_at(crash_point)),
        }
    }

    fn crash_at(&mut self, crash_point: CrashPoint) -> io::Error {
        match crash_point.end {
            End::Power => self.crash(),
            End::Kill | End::Stop => self.restart(),
        }
        gone()
    }

    pub(super) fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity = bytes;
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.names.shown().values().map(|inode| wide(self.inodes[inode].shown.len())).sum()
    }

    pub(super) fn file_bytes(&self, name: &str) -> Option<u64> {
        Some(wide(self.inodes[self.names.shown().get(name)?].shown.len()))
    }

    pub(super) fn flip(&mut self, name: &str, offset: u64, bit: u32) {
        let inode = self.inode(name).expect("a file to flip a bit of");
        self.inodes.get_mut(&inode).expect("a name has content").flip(offset, bit);
        self.note(format!("flip of {name} at {offset}, bit {bit}"));
    }

    pub(super) fn restart(&mut self) {
        self.incarnation += 1;
        self.failures.restart();
        self.note("restart".to_owned());
    }

    /// Keeps or loses each unsynced sector and each change of a name, independently of the others.
    /// No real file system loses more, so this covers all of them.
    pub(super) fn crash(&mut self) {
        self.incarnation += 1;
        // Half of the crashes lose some; those that lose all or nothing must be common, too.
        let chance = [0, 4, 2, 1][narrow(self.random.below(4))];
        for change in self.names.crash(chance, &mut self.random) {
            self.note(format!("crash keeps {change:?}"));
        }
        let mut inodes = std::mem::take(&mut self.inodes);
        inodes.retain(|inode, _| self.names.shown().values().any(|named| named == inode));
        for file in inodes.values_mut() {
            file.crash(chance, &mut self.random);
        }
        self.inodes = inodes;
        self.failures.crash();
        self.note(format!("crash of seed {}: {chance}/4 kept of what was not synced", self.seed));
    }

    /// Writes a random part of the sectors; returns how many.
    fn put_some(&mut self, inode: u64, offset: u64, bytes: &[u8]) -> usize {
        let mut count = 0;
        for (sector, at) in bytes.chunks(SECTOR_BYTES).zip((offset..).step_by(SECTOR_BYTES)) {
            if self.random.below(2) == 0 {
                self.put(inode, at, sector);
                count += 1;
            }
        }
        count
    }

    fn put(&mut self, inode: u64, offset: u64, bytes: &[u8]) {
        self.inodes.get_mut(&inode).expect("an open file has content").put(offset, bytes);
    }

    fn inode(&self, name: &str) -> io::Result<u64> {
        self.names.shown().get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn name_of(&self, inode: u64) -> String {
        let named = self.names.shown().iter().find(|(_, named)| **named == inode);
        named.map_or("a removed file".to_owned(), |(name, _)| name.clone())
    }

    fn note(&mut self, line: String) {
        if self.log.len() == LOG_LINES_MAX {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_whole_sectors() {
        for seed in 0..64 {
            let mut disk = Disk::new(seed, DiskFault::None);
            let (inode, _) = disk.create("a").unwrap();
            disk.write_at(inode, 0, &[0; 4 * SECTOR_BYTES]).unwrap();
            disk.fail_write(1);
            disk.write_at(inode, SECTOR, &[7; 2 * SECTOR_BYTES]).unwrap_err();
            let mut bytes = [0; 4 * SECTOR_BYTES];
            disk.read_at(inode, 0, &mut bytes).unwrap();
            let written = bytes.iter().filter(|byte| **byte == 7).count();
            assert!(written.is_multiple_of(SECTOR_BYTES), "{written}");
        }
    }
}
