//! The state of a simulated disk: what it shows, and what it would keep in a crash.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind};

use crate::length::{narrow, wide};
use crate::limits::{LOG_LINES_MAX, SECTOR, SECTOR_BYTES};

/// Files, names, and planned faults.
pub(super) struct Disk {
    seed: u64,
    /// The state of the random numbers.
    random: u64,
    incarnation: u64,
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    /// The names that are shown.
    shown: BTreeMap<String, u64>,
    /// The names that a crash would keep.
    kept: BTreeMap<String, u64>,
    /// Changes of names since the folder was synced.
    pending: Vec<NameChange>,
    writes_until_failure: Option<u64>,
    syncs_until_failure: Option<u64>,
    capacity: Option<u64>,
    log: VecDeque<String>,
}

/// The content of a file.
#[derive(Clone, Default)]
struct Inode {
    shown: Vec<u8>,
    kept: Vec<u8>,
    /// Sectors that a sync would write.
    unsynced: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Create(String, u64),
    Rename(String, String, u64),
    Remove(String),
}

impl Disk {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            random: seed,
            incarnation: 0,
            inodes: BTreeMap::new(),
            next_inode: 0,
            shown: BTreeMap::new(),
            kept: BTreeMap::new(),
            pending: Vec::new(),
            writes_until_failure: None,
            syncs_until_failure: None,
            capacity: None,
            log: VecDeque::new(),
        }
    }

    pub(super) fn fork(&self) -> Self {
        Self {
            inodes: self.inodes.clone(),
            shown: self.shown.clone(),
            kept: self.kept.clone(),
            pending: self.pending.clone(),
            log: VecDeque::new(),
            ..*self
        }
    }

    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.shown.keys().cloned().collect()
    }

    pub(super) fn create(&mut self, name: &str) -> io::Result<(u64, u64)> {
        if self.shown.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Inode::default());
        self.shown.insert(name.to_owned(), inode);
        self.pending.push(NameChange::Create(name.to_owned(), inode));
        self.note(format!("create {name}"));
        Ok((inode, self.incarnation))
    }

    pub(super) fn open(&self, name: &str) -> io::Result<(u64, u64)> {
        Ok((self.inode(name)?, self.incarnation))
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let inode = self.inode(from)?;
        self.shown.remove(from);
        self.shown.insert(to.to_owned(), inode);
        self.pending.push(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
        self.note(format!("rename {from} to {to}"));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.inode(name)?;
        self.shown.remove(name);
        self.pending.push(NameChange::Remove(name.to_owned()));
        self.note(format!("remove {name}"));
        Ok(())
    }

    pub(super) fn sync_folder(&mut self) -> io::Result<()> {
        if is_due(&mut self.syncs_until_failure) {
            self.pending.clear();
            self.note("sync of the folder FAILS".to_owned());
            return Err(io::Error::other("the disk cannot be written (simulated)"));
        }
        self.pending.clear();
        self.kept = self.shown.clone();
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
        let name = self.name_of(inode);
        if is_due(&mut self.writes_until_failure) {
            let some = self.put_some(inode, offset, bytes);
            self.note(format!("write of {name} at {offset} FAILS, {some} sectors written"));
            return Err(io::Error::other("the disk cannot be written (simulated)"));
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
        let name = self.name_of(inode);
        let fails = is_due(&mut self.syncs_until_failure);
        let file = self.inodes.get_mut(&inode).expect("an open file has content");
        let unsynced = std::mem::take(&mut file.unsynced);
        if fails {
            self.note(format!("sync of {name} FAILS, {} sectors dropped", unsynced.len()));
            return Err(io::Error::other("the disk cannot be written (simulated)"));
        }
        file.kept.resize(file.shown.len(), 0);
        for sector in &unsynced {
            file.keep(*sector);
        }
        self.note(format!("sync of {name}, {} sectors", unsynced.len()));
        Ok(())
    }

    pub(super) fn fail_write(&mut self, n: u64) {
        self.writes_until_failure = Some(n);
    }

    pub(super) fn fail_sync(&mut self, n: u64) {
        self.syncs_until_failure = Some(n);
    }

    pub(super) fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity = bytes;
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.shown.values().map(|inode| wide(self.inodes[inode].shown.len())).sum()
    }

    pub(super) fn file_bytes(&self, name: &str) -> Option<u64> {
        Some(wide(self.inodes[self.shown.get(name)?].shown.len()))
    }

    pub(super) fn flip(&mut self, name: &str, offset: u64, bit: u32) {
        let inode = self.inode(name).expect("a file to flip a bit of");
        let file = self.inodes.get_mut(&inode).expect("a name has content");
        let at = narrow(offset);
        file.shown[at] ^= 1 << bit;
        if let Some(byte) = file.kept.get_mut(at) {
            *byte ^= 1 << bit;
        }
        self.note(format!("flip of {name} at {offset}, bit {bit}"));
    }

    pub(super) fn restart(&mut self) {
        self.incarnation += 1;
        self.note("restart".to_owned());
    }

    /// Keeps or loses each unsynced sector and each change of a name, independently of the others.
    /// No real file system loses more, so this covers all of them.
    pub(super) fn crash(&mut self) {
        self.incarnation += 1;
        // Half of the crashes lose some; those that lose all or nothing must be common, too.
        let chance = [0, 4, 2, 1][narrow(self.random_below(4))];
        for change in std::mem::take(&mut self.pending) {
            if self.random_below(4) < chance {
                self.note(format!("crash keeps {change:?}"));
                self.keep_name(change);
            }
        }
        self.shown = self.kept.clone();
        let mut inodes = std::mem::take(&mut self.inodes);
        inodes.retain(|inode, _| self.shown.values().any(|named| named == inode));
        for file in inodes.values_mut() {
            self.crash_file(file, chance);
        }
        self.inodes = inodes;
        self.writes_until_failure = None;
        self.syncs_until_failure = None;
        self.note(format!("crash of seed {}: {chance}/4 kept of what was not synced", self.seed));
    }

    fn crash_file(&mut self, file: &mut Inode, chance: u64) {
        let shown_sectors = wide(file.shown.len()).div_ceil(SECTOR);
        let kept_sectors = wide(file.kept.len()).div_ceil(SECTOR);
        let grown = shown_sectors.saturating_sub(kept_sectors);
        let sectors = match self.random_below(4) < chance {
            true => shown_sectors,
            false => kept_sectors + self.random_below(grown + 1),
        };
        let bytes = narrow(sectors * SECTOR).min(file.shown.len().max(file.kept.len()));
        file.kept.resize(bytes.max(file.kept.len()), 0);
        for sector in std::mem::take(&mut file.unsynced) {
            if self.random_below(4) < chance {
                file.keep(sector);
            }
        }
        file.shown = file.kept.clone();
    }

    fn keep_name(&mut self, change: NameChange) {
        match change {
            NameChange::Create(name, inode) => {
                self.kept.insert(name, inode);
            }
            NameChange::Rename(from, to, inode) => {
                self.kept.remove(&from);
                self.kept.insert(to, inode);
            }
            NameChange::Remove(name) => {
                self.kept.remove(&name);
            }
        }
    }

    /// Writes a random part of the sectors; returns how many.
    fn put_some(&mut self, inode: u64, offset: u64, bytes: &[u8]) -> usize {
        let mut count = 0;
        for (sector, at) in bytes.chunks(SECTOR_BYTES).zip((offset..).step_by(SECTOR_BYTES)) {
            if self.random_below(2) == 0 {
                self.put(inode, at, sector);
                count += 1;
            }
        }
        count
    }

    fn put(&mut self, inode: u64, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let file = self.inodes.get_mut(&inode).expect("an open file has content");
        let start = narrow(offset);
        let end = start + bytes.len();
        if file.shown.len() < end {
            file.shown.resize(end, 0);
        }
        file.shown[start..end].copy_from_slice(bytes);
        file.unsynced.extend(offset / SECTOR..=(offset + wide(bytes.len()) - 1) / SECTOR);
    }

    fn inode(&self, name: &str) -> io::Result<u64> {
        self.shown.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn name_of(&self, inode: u64) -> String {
        let named = self.shown.iter().find(|(_, named)| **named == inode);
        named.map_or("a removed file".to_owned(), |(name, _)| name.clone())
    }

    /// A random number below `end`, by SplitMix64 (Steele, Lea, Flood 2014).
    fn random_below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
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

impl Inode {
    /// Makes a sector survive a crash, as far as the file has it.
    fn keep(&mut self, sector: u64) {
        let start = narrow(sector * SECTOR);
        let end = (start + SECTOR_BYTES).min(self.shown.len()).min(self.kept.len());
        if start < end {
            self.kept[start..end].copy_from_slice(&self.shown[start..end]);
        }
    }
}

/// Counts down to the failure that was planned.
fn is_due(countdown: &mut Option<u64>) -> bool {
    match countdown {
        None => false,
        Some(left) if *left <= 1 => {
            *countdown = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_whole_sectors() {
        for seed in 0..64 {
            let mut disk = Disk::new(seed);
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
