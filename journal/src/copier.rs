//! A copier: copies a journal to another folder, record by record, while a server appends to it.
//!
//! ```text
//!   segments     what was read and checked, up to the end of a batch; behind it a hole
//!   snapshots    whole, those of records that are copied
//! ```
//!
//! The copy is a journal as a crash after its last record would have left it.

use std::io;
use std::sync::Arc;

use allot_domain::LogIndex;

use crate::file_name::{self, Listing};
use crate::length::{narrow, wide};
use crate::limits::{READ_AHEAD_BYTES, SECTOR, SECTOR_BYTES};
use crate::read_ahead::ReadAhead;
use crate::scan::Scan;
use crate::segment::is_blank;
use crate::summary;
use crate::{JournalError, Media, MediaFile, Record};

/// Reads a journal and then writes what was read to another folder.
pub struct Copier {
    from: Arc<dyn Media>,
    /// None while nothing was ever written.
    scan: Option<Scan>,
    /// The snapshots that were there at the start.
    snapshots: Vec<LogIndex>,
    /// The segments that were left behind, each with its length and where its last batch ends.
    full: Vec<Extent>,
}

/// How much of a segment is copied.
#[derive(Clone, Copy)]
struct Extent {
    number: u64,
    bytes: u64,
    end: u64,
}

/// What was copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Copied {
    /// The last record; zero where nothing was ever written.
    pub last: LogIndex,
    /// How many bytes were written; the holes between them take no room.
    pub bytes: u64,
}

impl Copier {
    /// Begins with the first segment that is there.
    ///
    /// # Errors
    /// [`JournalError`]: the folder cannot be read, or a segment is missing that was not pruned.
    pub fn open(from: Arc<dyn Media>) -> Result<Self, JournalError> {
        let listing = Listing::of(&*from)?;
        let scan = summary::start(&from, &listing)?.map(Scan::followed);
        let before = scan.as_ref().map_or(LogIndex::ZERO, Scan::before_first);
        let covers = |snapshot: &LogIndex| before <= *snapshot;
        if LogIndex::ZERO < before && !listing.snapshots.iter().any(covers) {
            let number = listing.run().first().map_or(1, |number| number.saturating_sub(1));
            let file = file_name::segment(number);
            return Err(JournalError::Missing { file, index: before });
        }
        // A snapshot of what is in no segment has nothing before it that could be checked.
        let snapshots = listing.snapshots.into_iter().filter(covers).collect();
        Ok(Self { from, scan, snapshots, full: Vec::new() })
    }

    /// The stamp of the journal; empty if nothing was ever written.
    #[must_use]
    pub fn stamp(&self) -> &str {
        self.scan.as_ref().map_or("", |scan| &scan.head().stamp)
    }

    /// Reads all that is there, and later what has come since. `each` gets every record.
    ///
    /// # Errors
    /// [`JournalError`]: damage, and where.
    pub fn read(&mut self, mut each: impl FnMut(Record<'_>)) -> Result<(), JournalError> {
        if self.scan.is_none() {
            let listing = Listing::of(&*self.from)?;
            self.scan = summary::start(&self.from, &listing)?.map(Scan::followed);
        }
        let Some(scan) = &mut self.scan else {
            return Ok(());
        };
        scan.go_on()?;
        loop {
            let before = extent_of(scan);
            let has_record = scan.advance()?;
            if scan.head().number != before.number {
                self.full.push(before);
            }
            if self.full.len() + 1 < scan.begun().len() {
                let what = "a segment has no batch, but another follows";
                let (file, index) = (scan.file().to_owned(), scan.index().next());
                return Err(JournalError::Corrupt { file, offset: SECTOR, index, what });
            }
            if !has_record {
                return Ok(());
            }
            each(scan.record());
        }
    }

    /// Writes what was read to a folder that is empty, and syncs it.
    ///
    /// # Errors
    /// [`JournalError`]: a file could not be read or written. One that is missing was pruned
    /// meanwhile: begin again.
    pub fn write(&self, to: &dyn Media) -> Result<Copied, JournalError> {
        let Some(scan) = &self.scan else {
            return Ok(Copied::default());
        };
        let last = scan.index();
        let mut copied = Copied { last, bytes: 0 };
        let own = [extent_of(scan)];
        for extent in self.full.iter().chain(&own) {
            let name = file_name::segment(extent.number);
            copied.bytes += self.copy(&name, extent.end, extent.bytes, to)?;
        }
        for index in self.snapshots.iter().filter(|index| **index <= last) {
            let name = file_name::snapshot(*index);
            let bytes = ReadAhead::open(&*self.from, name.clone())?.bytes();
            copied.bytes += self.copy(&name, bytes, bytes, to)?;
        }
        let synced = to.sync_folder();
        synced.map_err(|cause| JournalError::media("sync", "the folder", &cause))?;
        Ok(copied)
    }

    /// Copies the first `end` bytes of a file into one of `length` bytes; returns how many were
    /// written.
    fn copy(&self, name: &str, end: u64, length: u64, to: &dyn Media) -> Result<u64, JournalError> {
        let failed = |cause: io::Error| JournalError::media("write", name, &cause);
        let mut source = ReadAhead::open(&*self.from, name.to_owned())?;
        let mut target = to.create(name).map_err(failed)?;
        let (mut at, mut written) = (0, 0);
        while at < end {
            let piece = narrow((end - at).min(wide(READ_AHEAD_BYTES)));
            written += write_sparse(&mut *target, at, source.get(at, piece)?).map_err(failed)?;
            at += wide(piece);
        }
        if target.len().map_err(failed)? < length {
            // The last byte gives the file its length; what is before it is a hole.
            target.write_at(length - 1, &[0]).map_err(failed)?;
        }
        target.sync().map_err(failed)?;
        Ok(written)
    }
}

fn extent_of(scan: &Scan) -> Extent {
    let head = scan.head();
    Extent { number: head.number, bytes: head.bytes, end: scan.offset() }
}

/// Writes the sectors that are not zeros; returns how many bytes they have.
fn write_sparse(file: &mut dyn MediaFile, start: u64, bytes: &[u8]) -> io::Result<u64> {
    let (mut at, mut written) = (0, 0);
    while at < bytes.len() {
        let sector = |at: usize| &bytes[at..bytes.len().min(at + SECTOR_BYTES)];
        let begin = at;
        while at < bytes.len() && !is_blank(sector(at)) {
            at += SECTOR_BYTES;
        }
        let end = at.min(bytes.len());
        if begin < end {
            file.write_at(start + wide(begin), &bytes[begin..end])?;
            written += wide(end - begin);
        }
        while at < bytes.len() && is_blank(sector(at)) {
            at += SECTOR_BYTES;
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sectors_that_are_not_zeros_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let media = crate::Folder::open(folder.path()).unwrap();
        let mut file = media.create("file").unwrap();
        let mut bytes = vec![0; 5 * SECTOR_BYTES + 10];
        bytes[SECTOR_BYTES + 3] = 1;
        bytes[5 * SECTOR_BYTES + 9] = 2;
        let written = write_sparse(&mut *file, SECTOR, &bytes).unwrap();
        assert_eq!(written, SECTOR + 10);
        let mut read = vec![9; bytes.len()];
        assert_eq!(file.read_at(SECTOR, &mut read).unwrap(), bytes.len());
        assert_eq!(read, bytes);
    }
}
