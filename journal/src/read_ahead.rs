//! Read-ahead: a file is read from front to back, a large piece at a time.

use std::io;

use allot_domain::LogIndex;

use crate::length::{narrow, wide};
use crate::limits::READ_AHEAD_BYTES;
use crate::{JournalError, Media, MediaFile};

/// An open file, and the part of it that is in memory.
pub(crate) struct ReadAhead {
    name: String,
    file: Box<dyn MediaFile>,
    /// The length of the file.
    bytes: u64,
    /// Where `buffer` begins in the file.
    start: u64,
    buffer: Vec<u8>,
    /// How much of `buffer` was read.
    filled: usize,
}

impl ReadAhead {
    pub(crate) fn open(media: &dyn Media, name: String) -> Result<Self, JournalError> {
        let opened = media.open(&name).and_then(|file| Ok((file.len()?, file)));
        let (bytes, file) = opened.map_err(|cause| JournalError::media("open", &name, &cause))?;
        Ok(Self { name, file, bytes, start: 0, buffer: Vec::new(), filled: 0 })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The length of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Forgets what was read: it is read again, as it is then.
    pub(crate) fn forget(&mut self) {
        self.filled = 0;
    }

    /// `length` bytes from `offset` on.
    ///
    /// # Panics
    /// When the file is shorter.
    pub(crate) fn get(&mut self, offset: u64, length: usize) -> Result<&[u8], JournalError> {
        assert!(offset + wide(length) <= self.bytes, "{}: read past the end", self.name);
        let end = self.start + wide(self.filled);
        if offset < self.start || end < offset + wide(length) {
            self.fill(offset, length)
                .map_err(|cause| JournalError::media("read", &self.name, &cause))?;
        }
        let at = narrow(offset - self.start);
        Ok(&self.buffer[at..at + length])
    }

    /// An error that names this file: the bytes from `offset` on are in doubt, and the records from
    /// `index` on.
    pub(crate) fn corrupt<T>(
        &self,
        offset: u64,
        index: LogIndex,
        what: &'static str,
    ) -> Result<T, JournalError> {
        Err(JournalError::Corrupt { file: self.name.clone(), offset, index, what })
    }

    fn fill(&mut self, offset: u64, length: usize) -> io::Result<()> {
        let left = self.bytes - offset;
        let wanted = narrow(wide(length.max(READ_AHEAD_BYTES)).min(left));
        if self.buffer.len() < wanted {
            self.buffer = vec![0; wanted];
        }
        self.filled = 0;
        read_all(&*self.file, offset, &mut self.buffer[..wanted])?;
        (self.start, self.filled) = (offset, wanted);
        Ok(())
    }
}

fn read_all(file: &dyn MediaFile, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(offset + wide(read), &mut bytes[read..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
