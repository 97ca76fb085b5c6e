//! Media: one folder of one shard, on a real disk or a simulated one.
//!
//! The journal relies on this and on nothing else:
//! * A sector of 512 bytes is written completely or not at all.
//! * What was synced stays. What was not may be there or not, sector by sector.
//! * A name that was created, changed or removed may be lost until the folder is synced.

use std::io;

/// One folder, flat. Names are plain file names.
pub trait Media: Send + Sync {
    /// The names of all files, in any order.
    ///
    /// # Errors
    /// What the operating system reports.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new, empty file.
    ///
    /// # Errors
    /// When the name exists, or what the operating system reports.
    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>>;

    /// An existing file, to read and write.
    ///
    /// # Errors
    /// When the name does not exist, or what the operating system reports.
    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>>;

    /// Gives a file another name, and replaces the file that had it.
    ///
    /// # Errors
    /// What the operating system reports.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system reports.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Whether the folder is still where it was when it was opened, and has a file of this name.
    ///
    /// # Errors
    /// What the operating system reports.
    fn holds(&self, name: &str) -> io::Result<bool>;

    /// Returns once all changes of names so far are on disk.
    ///
    /// # Errors
    /// What the operating system reports. Then nothing is known about the names.
    fn sync_folder(&self) -> io::Result<()>;
}

/// An open file.
#[expect(clippy::len_without_is_empty, reason = "no caller asks whether a file is empty")]
pub trait MediaFile: Send {
    /// Its length, in bytes.
    ///
    /// # Errors
    /// What the operating system reports.
    fn len(&self) -> io::Result<u64>;

    /// Reads from `offset` on; returns the number of bytes, zero at the end.
    ///
    /// # Errors
    /// What the operating system reports.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, and extends the file if necessary.
    ///
    /// # Errors
    /// What the operating system reports. Then any sectors of it may have been written, each
    /// completely.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns once everything written so far is on disk.
    ///
    /// # Errors
    /// What the operating system reports. Then the writes since the last sync are lost, even if
    /// they can still be read: a second sync would succeed and prove nothing.
    fn sync(&mut self) -> io::Result<()>;
}
