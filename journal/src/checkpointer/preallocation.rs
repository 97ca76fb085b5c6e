//! Preallocation: the segment after the current one is made of zeros before it is needed.
//!
//! The zeros are written; setting the length would not do. A write into a hole would have to find
//! room on the disk and update the file system during the sync that replies wait for.

use super::unfinished_file::UnfinishedFile;
use crate::file_name;
use crate::limits::STEP_BYTES;
use crate::{JournalError, Media};

/// Makes spare segments, one at a time.
pub(crate) struct Preallocation {
    segment_bytes: u64,
    /// The last segment that exists, begun or not.
    ready: u64,
    /// The last segment that is to exist.
    wanted: u64,
    file: Option<UnfinishedFile>,
    zeros: Vec<u8>,
}

impl Preallocation {
    /// Starts where `ready` is the last segment that exists, begun or not.
    pub(crate) fn new(segment_bytes: u64, ready: u64) -> Self {
        Self { segment_bytes, ready, wanted: ready, file: None, zeros: vec![0; STEP_BYTES] }
    }

    /// Asks for this segment.
    pub(crate) fn want(&mut self, number: u64) {
        assert!(self.wanted <= number, "segments are wanted in order");
        assert!(number <= self.ready + 1, "the segment before it exists");
        self.wanted = number;
    }

    /// Whether the segment that is wanted exists.
    pub(crate) fn is_ready(&self) -> bool {
        self.wanted <= self.ready
    }

    /// The last segment that exists.
    pub(crate) fn ready(&self) -> u64 {
        self.ready
    }

    /// Writes the next piece of the segment that is wanted.
    pub(crate) fn step(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        assert_eq!(self.wanted, self.ready + 1, "segments are made one after the other");
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                let name = file_name::segment(self.wanted);
                UnfinishedFile::create(media, name, self.segment_bytes)?
            }
        };
        let bytes = file.next_bytes();
        if bytes == 0 {
            file.publish(media)?;
            self.ready = self.wanted;
            return Ok(());
        }
        let written = file.write(&self.zeros[..bytes]);
        self.file = Some(file);
        written
    }

    /// Removes an unfinished segment, to free its room.
    pub(crate) fn abandon(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        self.file.take().map_or(Ok(()), |file| file.abandon(media))
    }
}
