//! The disk of one shard: a [`SimDisk`] that keeps pruned segments readable and can fail at a
//! crash point.
//!
//! ```text
//!   shard ─► Disk ─► SimDisk
//!             ├────► pruned: removed segments, so that the whole journal can still be read
//!             └────► crash point: the operation in which the machine, or the process, ends
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use allot_journal::{Media, MediaFile, SimDisk};

/// A sector, in bytes: what a crash leaves whole.
const SECTOR_BYTES: u64 = 512;

/// What a disk claims to do and does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DiskFault {
    /// It is sound.
    #[default]
    None,
    /// A sync reports success and writes nothing.
    SyncsNothing,
    /// A sync writes the content of files but not their names.
    ForgetsNames,
}

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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CrashPoint {
    /// Operations from now on; 1 is the next.
    pub operation: u64,
    /// How it ends.
    pub end: End,
    /// How much of a write is done: whole sectors, taken modulo the sectors of that write.
    pub sector: u64,
}

/// A simulated disk that can be read after pruning. Clones share one disk.
#[derive(Clone)]
pub struct Disk {
    sim: SimDisk,
    fault: DiskFault,
    pruned: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    crash: Arc<Mutex<Crash>>,
}

/// The crash that is planned, and the one that has happened.
#[derive(Default)]
struct Crash {
    planned: Option<CrashPoint>,
    happened: Option<End>,
}

/// An open file of a [`Disk`]: its operations count towards the crash point.
struct File {
    file: Box<dyn MediaFile>,
    disk: Disk,
}

impl Disk {
    /// An empty disk. The seed decides what a crash leaves.
    pub fn new(seed: u64, fault: DiskFault) -> Self {
        Self { sim: SimDisk::new(seed), fault, pruned: Arc::default(), crash: Arc::default() }
    }

    /// The simulated disk itself.
    pub const fn sim(&self) -> &SimDisk {
        &self.sim
    }

    /// An independent copy, with no crash planned.
    pub fn fork(&self) -> Self {
        let pruned = Arc::new(Mutex::new(self.pruned().clone()));
        Self { sim: self.sim.fork(), fault: self.fault, pruned, crash: Arc::default() }
    }

    /// Every segment, the pruned ones included, on a disk of its own; no snapshots.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn full_journal(&self) -> io::Result<SimDisk> {
        let full = SimDisk::new(0);
        let mut segments = self.pruned().clone();
        for name in self.sim.list()?.into_iter().filter(|name| is_segment(name)) {
            let bytes = read(&*self.sim.open(&name)?)?;
            segments.insert(name, bytes);
        }
        for (name, bytes) in &segments {
            full.create(name)?.write_at(0, bytes)?;
        }
        Ok(full)
    }

    /// The names of the journal's files, in order.
    pub fn files(&self) -> Vec<String> {
        let mut files = self.sim.list().unwrap_or_default();
        files.sort_unstable();
        files
    }

    /// Plans a crash, or cancels the planned one.
    pub fn plan_crash(&self, crash_point: Option<CrashPoint>) {
        self.crash().planned = crash_point;
    }

    /// How it has crashed since the last call, if it has.
    pub fn take_end(&self) -> Option<End> {
        self.crash().happened.take()
    }

    /// Counts one operation; returns the crash point if this is the one.
    fn count_operation(&self) -> io::Result<Option<CrashPoint>> {
        let mut crash = self.crash();
        if crash.happened.is_some() {
            return Err(gone());
        }
        let Some(planned) = &mut crash.planned else { return Ok(None) };
        planned.operation -= 1;
        if 0 < planned.operation {
            return Ok(None);
        }
        let reached = crash.planned.take();
        crash.happened = reached.map(|crash_point| crash_point.end);
        Ok(reached)
    }

    /// Runs an operation, or crashes instead if the crash point is here.
    fn operate<T>(&self, operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.count_operation()? {
            None => operation(),
            Some(crash_point) => Err(self.crash_at(crash_point)),
        }
    }

    fn crash_at(&self, crash_point: CrashPoint) -> io::Error {
        match crash_point.end {
            End::Power => self.sim.crash(),
            End::Kill | End::Stop => self.sim.restart(),
        }
        gone()
    }

    fn crash(&self) -> MutexGuard<'_, Crash> {
        self.crash.lock().expect("no holder of this lock panics")
    }

    fn pruned(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.pruned.lock().expect("no holder of this lock panics")
    }

    fn wrap(&self, file: Box<dyn MediaFile>) -> Box<dyn MediaFile> {
        Box::new(File { file, disk: self.clone() })
    }
}

impl Media for Disk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.sim.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        self.operate(|| Ok(self.wrap(self.sim.create(name)?)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(self.wrap(self.sim.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operate(|| self.sim.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if is_segment(name) {
            let bytes = read(&*self.sim.open(name)?)?;
            // A preallocated segment that was never written is not part of the journal.
            if bytes.iter().take(8).any(|byte| *byte != 0) {
                self.pruned().insert(name.to_owned(), bytes);
            }
        }
        self.operate(|| self.sim.remove(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.operate(|| match self.fault {
            DiskFault::None => self.sim.sync_folder(),
            DiskFault::SyncsNothing | DiskFault::ForgetsNames => Ok(()),
        })
    }
}

impl MediaFile for File {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(crash_point) = self.disk.count_operation()? else {
            return self.file.write_at(offset, bytes);
        };
        let sectors = u64::try_from(bytes.len()).unwrap_or(u64::MAX) / SECTOR_BYTES;
        let written = crash_point.sector % (sectors + 1) * SECTOR_BYTES;
        let written = usize::try_from(written).unwrap_or(0);
        if 0 < written {
            self.file.write_at(offset, &bytes[..written])?;
        }
        Err(self.disk.crash_at(crash_point))
    }

    fn sync(&mut self) -> io::Result<()> {
        let Self { file, disk } = self;
        disk.operate(|| match disk.fault {
            DiskFault::SyncsNothing => Ok(()),
            DiskFault::None | DiskFault::ForgetsNames => file.sync(),
        })
    }
}

/// What every operation returns after the crash.
fn gone() -> io::Error {
    io::Error::other("the machine has failed (simulated)")
}

fn is_segment(name: &str) -> bool {
    name.starts_with("segment-") && name.bytes().skip(8).all(|byte| byte.is_ascii_digit())
}

fn read(file: &dyn MediaFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX)];
    let mut at = 0;
    while at < bytes.len() {
        let offset = u64::try_from(at).unwrap_or(u64::MAX);
        match file.read_at(offset, &mut bytes[at..])? {
            0 => break,
            count => at += count,
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_segment_is_still_in_the_full_journal() {
        let disk = Disk::new(1, DiskFault::None);
        for (name, content) in [("segment-0000000001", [7_u8; 9]), ("segment-0000000002", [0; 9])] {
            disk.create(name).unwrap().write_at(0, &content).unwrap();
            disk.remove(name).unwrap();
        }
        assert!(disk.files().is_empty());
        let full = disk.full_journal().unwrap();
        assert_eq!(full.list().unwrap(), ["segment-0000000001"]);
        assert_eq!(read(&*full.open("segment-0000000001").unwrap()).unwrap(), [7; 9]);
    }

    #[test]
    fn a_crash_may_lose_what_a_faulty_disk_claims_to_have_synced() {
        let survives = |fault| {
            (0..64_u64).all(|seed| {
                let disk = Disk::new(seed, fault);
                let mut file = disk.create("a").unwrap();
                file.write_at(0, b"synced").unwrap();
                file.sync().unwrap();
                disk.sync_folder().unwrap();
                disk.sim().crash();
                disk.open("a").is_ok_and(|file| read(&*file).unwrap() == b"synced")
            })
        };
        assert!(survives(DiskFault::None));
        assert!(!survives(DiskFault::SyncsNothing) && !survives(DiskFault::ForgetsNames));
    }
}
