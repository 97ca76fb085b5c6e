//! A simulated disk: everything that a disk and its power supply can do, from one seed.
//!
//! ```text
//!   write ─► shown ──────────── sync ─────────────► kept
//!              │                                      ▲
//!              └─ crash: each unsynced sector, each ──┘
//!                 unsynced name: kept or lost
//! ```
//!
//! Like Linux, it drops what a failed sync should have written but still shows it: a second sync
//! succeeds and proves nothing.
//!
//! It keeps removed segments, so that the whole journal can still be read.

mod random;
mod crash_point;
mod planned_failure;
mod inode;
mod names;
mod disk;
mod sim_file;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::{Media, MediaFile};
pub use crash_point::{CrashPoint, End};
use disk::Disk;
use sim_file::Handle;

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

/// One simulated folder. Clones share it.
#[derive(Clone)]
pub struct SimDisk {
    disk: Arc<Mutex<Disk>>,
}

impl SimDisk {
    /// An empty folder. The seed decides what is lost in a crash.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_fault(seed, DiskFault::None)
    }

    /// An empty folder on a disk that may not do what it claims.
    #[must_use]
    pub fn with_fault(seed: u64, fault: DiskFault) -> Self {
        Self { disk: Arc::new(Mutex::new(Disk::new(seed, fault))) }
    }

    /// The power fails: any part of what was not synced is lost, and open files can no longer be
    /// used.
    pub fn crash(&self) {
        self.lock().crash();
    }

    /// The process ends: open files can no longer be used, and nothing is lost.
    pub fn restart(&self) {
        self.lock().restart();
    }

    /// Makes the `n`-th write from now on fail, after part of it was written; 1 is the next.
    pub fn fail_write(&self, n: u64) {
        self.lock().fail_write(n);
    }

    /// Makes the `n`-th sync from now on fail, of a file or of the folder; 1 is the next.
    pub fn fail_sync(&self, n: u64) {
        self.lock().fail_sync(n);
    }

    /// Whether such a failure has happened since the last crash or restart.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.lock().has_failed()
    }

    /// Plans a crash within an operation, or cancels the planned one.
    pub fn plan_crash(&self, crash_point: Option<CrashPoint>) {
        self.lock().plan_crash(crash_point);
    }

    /// How it has crashed at the crash point since the last call, if it has. Until then every
    /// operation fails that a crash point counts.
    #[must_use]
    pub fn take_end(&self) -> Option<End> {
        self.lock().take_end()
    }

    /// Limits the length of all files together, in bytes. `None`: no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().set_capacity(bytes);
    }

    /// The length of all files together, in bytes.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.lock().used_bytes()
    }

    /// The length of a file; `None` if it does not exist.
    #[must_use]
    pub fn file_bytes(&self, name: &str) -> Option<u64> {
        self.lock().file_bytes(name)
    }

    /// Flips one bit of a file, on the medium itself; `bit` counts from the lowest.
    ///
    /// # Panics
    /// When the file has no such bit.
    pub fn flip(&self, file: &str, offset: u64, bit: u32) {
        self.lock().flip(file, offset, bit);
    }

    /// The names of all files, in order.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.lock().names()
    }

    /// Every segment, the removed ones included, on a disk of its own; no snapshots.
    #[must_use]
    pub fn full_journal(&self) -> Self {
        Self { disk: Arc::new(Mutex::new(self.lock().full_journal())) }
    }

    /// A copy of the current state, with an incarnation and a log of its own, and no crash planned.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { disk: Arc::new(Mutex::new(self.lock().fork())) }
    }

    /// The latest operations, one line each, oldest first.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.lock().log()
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("no operation panics half-way through a change")
    }
}

impl Media for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        let (inode, incarnation) = self.lock().create(name)?;
        Ok(Box::new(Handle::new(Arc::clone(&self.disk), inode, incarnation)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        let (inode, incarnation) = self.lock().open(name)?;
        Ok(Box::new(Handle::new(Arc::clone(&self.disk), inode, incarnation)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.lock().rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.lock().remove(name)
    }

    fn holds(&self, name: &str) -> io::Result<bool> {
        Ok(self.lock().file_bytes(name).is_some())
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.lock().sync_folder()
    }
}
