//! Sources: who ever said something, each with its window of sequence numbers.

use crate::ids::hash;
use crate::lookup::Lookup;
use crate::{Reject, Seen, SourceId, Window, holdings::index, limits};
use alloc::vec::Vec;

/// Sources in the order of their first message that was applied.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    list: Vec<(SourceId, Window)>,
    lookup: Lookup,
}

impl Default for Sources {
    fn default() -> Self {
        Self { list: Vec::new(), lookup: Lookup::new(limits::SOURCES_MAX) }
    }
}

impl Sources {
    /// What is known of a message; a source never heard of has sent nothing before.
    pub(super) fn seen(&self, source: &SourceId, seq: u64) -> Result<Seen, Reject> {
        match self.find(source) {
            Some(place) => Ok(self.list[index(place)].1.seen(seq)),
            None if self.list.len() < limits::SOURCES_MAX => Ok(Seen::New),
            None => Err(Reject::TooManySources),
        }
    }

    pub(super) fn find(&self, source: &SourceId) -> Option<u32> {
        self.lookup.find(hash(source.as_bytes()), |place| self.list[index(place)].0 == *source)
    }

    /// The place of a source, made if there is none; [`Sources::seen`] found room for it.
    pub(super) fn place(&mut self, source: &SourceId) -> u32 {
        if let Some(place) = self.find(source) {
            return place;
        }
        let place = u32::try_from(self.list.len()).expect("at most SOURCES_MAX");
        self.list.push((*source, Window::default()));
        self.lookup.insert(hash(source.as_bytes()), place);
        place
    }

    /// Remembers that a message was applied.
    pub(super) fn mark(&mut self, source: &SourceId, seq: u64) {
        let place = self.place(source);
        self.list[index(place)].1.mark(seq);
    }

    /// Forgets that a message was applied: it came to nothing.
    pub(super) fn unmark(&mut self, source: &SourceId, seq: u64) {
        let place = self.place(source);
        self.list[index(place)].1.unmark(seq);
    }
}
