//! A simulated disk: everything that a disk and its power supply may do, from one seed.
//!
//! ```text
//!   write ─► shown ──────────── sync ─────────────► kept
//!              │                                      ▲
//!              └─ crash: each unsynced sector, each ──┘
//!                 unsynced name: kept or lost
//! ```
//!
//! Like Linux, it forgets what a failed sync should have written and goes on showing it: a second
//! sync succeeds and means nothing.

mod disk;
mod sim_file;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::{Media, MediaFile};
use disk::Disk;
use sim_file::Handle;

/// One simulated folder. Clones are the same one.
#[derive(Clone)]
pub struct SimDisk {
    disk: Arc<Mutex<Disk>>,
}

impl SimDisk {
    /// An empty folder. What it does in a crash follows from the seed.
    pub fn new(seed: u64) -> Self {
        Self { disk: Arc::new(Mutex::new(Disk::new(seed))) }
    }

    /// The power fails: of what was not synced any part is lost, and files that are open can be
    /// used no more.
    pub fn crash(&self) {
        self.lock().crash();
    }

    /// The process ends: files that are open can be used no more, and nothing is lost.
    pub fn restart(&self) {
        self.lock().restart();
    }

    /// The `n`-th write from now on fails, after some of it was written; 1 is the next.
    pub fn fail_write(&self, n: u64) {
        self.lock().fail_write(n);
    }

    /// The `n`-th sync from now on fails, of a file or of the folder; 1 is the next.
    pub fn fail_sync(&self, n: u64) {
        self.lock().fail_sync(n);
    }

    /// How many bytes all files together may have. None: as many as they like.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().set_capacity(bytes);
    }

    /// How many bytes all files together have.
    pub fn used_bytes(&self) -> u64 {
        self.lock().used_bytes()
    }

    /// The length of a file; none if it is not there.
    pub fn file_bytes(&self, name: &str) -> Option<u64> {
        self.lock().file_bytes(name)
    }

    /// Turns one bit of a file round, on the medium itself; `bit` counts from the lowest.
    ///
    /// # Panics
    /// When the file has no such bit.
    pub fn flip(&self, file: &str, offset: u64, bit: u32) {
        self.lock().flip(file, offset, bit);
    }

    /// A copy of this moment, with a incarnation and a log of its own.
    pub fn fork(&self) -> Self {
        Self { disk: Arc::new(Mutex::new(self.lock().fork())) }
    }

    /// The last things it did, one line each, oldest first.
    pub fn log(&self) -> Vec<String> {
        self.lock().log()
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        // A test that panicked in here has failed already.
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

    fn sync_folder(&self) -> io::Result<()> {
        self.lock().sync_folder()
    }
}
