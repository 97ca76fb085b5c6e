//! An open file of a simulated disk. It cannot be used after a crash or a restart.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::disk::Disk;
use crate::MediaFile;

pub(super) struct Handle {
    disk: Arc<Mutex<Disk>>,
    inode: u64,
    /// The incarnation of the disk in which it was opened.
    incarnation: u64,
}

impl Handle {
    pub(super) fn new(disk: Arc<Mutex<Disk>>, inode: u64, incarnation: u64) -> Self {
        Self { disk, inode, incarnation }
    }

    fn lock(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.lock().expect("no operation panics half-way through a change");
        if disk.incarnation() == self.incarnation {
            Ok(disk)
        } else {
            Err(io::Error::other("it was opened before a crash or a restart"))
        }
    }
}

impl MediaFile for Handle {
    fn len(&self) -> io::Result<u64> {
        self.lock()?.len(self.inode)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.lock()?.read_at(self.inode, offset, bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.lock()?.write_at(self.inode, offset, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.lock()?.sync(self.inode)
    }
}
