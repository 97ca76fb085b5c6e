//! An unnamed file: what a feed opens by its path, and nothing is left of it.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

/// One file for all executions of a target.
pub struct UnnamedFile(File);

impl UnnamedFile {
    /// An empty one, in memory where the system has such a folder: a disk allows a hundredth of the
    /// executions.
    ///
    /// # Panics
    /// If there is no folder for it.
    #[must_use]
    pub fn new() -> Self {
        let file = tempfile::tempfile_in("/dev/shm").or_else(|_| tempfile::tempfile());
        Self(file.expect("a folder for temporary files"))
    }

    /// Replaces what is in it; returns the path under which it can be opened.
    ///
    /// # Panics
    /// If there is no room for it.
    #[must_use]
    pub fn fill(&self, bytes: &[u8]) -> String {
        let write = || -> io::Result<()> {
            self.0.set_len(0)?;
            self.0.write_all_at(bytes, 0)
        };
        write().expect("room for a small file");
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }
}

impl Default for UnnamedFile {
    fn default() -> Self {
        Self::new()
    }
}
