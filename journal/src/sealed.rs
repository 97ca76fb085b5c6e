//! A sealed answer: one that nobody can read before everything it says is durable.

/// An answer and the last record it depends on.
///
/// Only the journal that sealed it gives the answer back, and only when that record is on disk:
/// "answered before it was synced" cannot be written down.
#[derive(Debug)]
pub struct Sealed {
    through: u64,
    frame: Vec<u8>,
}

impl Sealed {
    pub(crate) fn new(through: u64, frame: Vec<u8>) -> Self {
        Self { through, frame }
    }

    /// The last record that must be durable before it may be opened.
    pub fn through(&self) -> u64 {
        self.through
    }

    pub(crate) fn open(self) -> Vec<u8> {
        self.frame
    }
}
