//! Media: one folder of one shard, on a real disk or a simulated one.
//!
//! What the journal relies on, and nothing more:
//! * A sector of 512 bytes is written whole or not at all.
//! * What was synced stays; what was not may be there or not, sector by sector.
//! * A name that was made, changed or removed may be forgotten until the folder is synced.

use std::io;

/// One folder, flat. Names are plain file names.
pub trait Media: Send + Sync {
    /// The names of all files, in any order.
    ///
    /// # Errors
    /// Whatever the system says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new file, empty.
    ///
    /// # Errors
    /// When there is one of that name, or whatever the system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>>;

    /// A file that is there, to read and write.
    ///
    /// # Errors
    /// When there is none of that name, or whatever the system says.
    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>>;

    /// Gives a file another name, in the place of the file that had it.
    ///
    /// # Errors
    /// Whatever the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Whatever the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns when all names so far are on disk.
    ///
    /// # Errors
    /// Whatever the system says; nothing is known about the names then.
    fn sync_folder(&self) -> io::Result<()>;
}

/// An open file.
#[expect(clippy::len_without_is_empty, reason = "nobody asks whether a file is empty")]
pub trait MediaFile: Send {
    /// Its length, in bytes.
    ///
    /// # Errors
    /// Whatever the system says.
    fn len(&self) -> io::Result<u64>;

    /// Reads what stands at `offset`; returns how much, nothing at the end.
    ///
    /// # Errors
    /// Whatever the system says.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Writes all of it at `offset`, and makes the file longer if need be.
    ///
    /// # Errors
    /// Whatever the system says; any sectors of it may have been written then, each whole.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything written so far is on disk.
    ///
    /// # Errors
    /// Whatever the system says. The writes since the last sync are lost then, even if they can
    /// still be read: a second try would succeed and mean nothing.
    fn sync(&mut self) -> io::Result<()>;
}
