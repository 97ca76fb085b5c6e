//! A sealed reply: it cannot be read before everything that it says is durable.

use allot_domain::LogIndex;

/// A reply and the last record on which it depends.
///
/// Only the journal that sealed the reply returns it, and only when that record is on disk. So
/// code that replies before the sync cannot be written.
#[derive(Debug)]
pub struct Sealed {
    index: LogIndex,
    frame: Vec<u8>,
}

impl Sealed {
    pub(crate) fn new(index: LogIndex, frame: Vec<u8>) -> Self {
        Self { index, frame }
    }

    /// The last record that must be durable before the reply may be opened.
    #[must_use]
    pub fn index(&self) -> LogIndex {
        self.index
    }

    /// Opens the reply, now that everything through this record counts as durable.
    pub(crate) fn open(self, durable: LogIndex) -> Vec<u8> {
        assert!(self.index <= durable, "a reply leaves only after its record");
        self.frame
    }
}
