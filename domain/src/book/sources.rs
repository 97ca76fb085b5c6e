//! Sources: who ever said something, each with its window of sequence numbers.

use crate::image::{Cursor, ImageError, ensure, put_count, put_name};
use crate::lookup::Lookup;
use crate::{DedupWindow, Reject, Seen, SourceId, holdings::index, limits};
use alloc::vec::Vec;

/// Sources in the order of their first message that was applied.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    list: Vec<(SourceId, DedupWindow)>,
    lookup: Lookup,
}

impl Default for Sources {
    fn default() -> Self {
        Self { list: Vec::new(), lookup: Lookup::new(limits::SOURCES_MAX) }
    }
}

impl Sources {
    /// The place of a source, if anything it sent was ever applied.
    pub(super) fn find(&self, source: &SourceId) -> Option<u32> {
        self.lookup.find(source.hash(), |place| self.list[index(place)].0 == *source)
    }

    /// What is known of a message of the source that [`Sources::find`] found; one never heard of
    /// has sent nothing before.
    pub(super) fn seen(&self, found: Option<u32>, seq: u64) -> Result<Seen, Reject> {
        match found {
            Some(place) => Ok(self.list[index(place)].1.seen(seq)),
            None if self.list.len() < limits::SOURCES_MAX => Ok(Seen::New),
            None => Err(Reject::TooManySources),
        }
    }

    /// Makes the place of a source that has none; [`Sources::seen`] found room for it.
    pub(super) fn add(&mut self, source: &SourceId) -> u32 {
        let place = u32::try_from(self.list.len()).expect("at most SOURCES_MAX");
        self.list.push((*source, DedupWindow::default()));
        self.lookup.insert(source.hash(), place);
        place
    }

    /// Remembers that a message was applied.
    pub(super) fn mark(&mut self, place: u32, seq: u64) {
        self.list[index(place)].1.mark(seq);
    }

    /// Forgets that a message was applied: it came to nothing.
    pub(super) fn unmark(&mut self, place: u32, seq: u64) {
        self.list[index(place)].1.unmark(seq);
    }

    /// How a message is written that one of these sources sent.
    pub(super) fn put_message(&self, source: &SourceId, seq: u64, out: &mut Vec<u8>) {
        let place = self.find(source).expect("what was applied has marked its source");
        out.extend_from_slice(&place.to_le_bytes());
        out.extend_from_slice(&seq.to_le_bytes());
    }

    /// A message as [`Sources::put_message`] writes it: the place of its source, and its sequence.
    pub(super) fn message(&self, cursor: &mut Cursor<'_>) -> Result<(u32, u64), ImageError> {
        let (place, seq) = (cursor.u32()?, cursor.u64()?);
        self.check(place, seq)?;
        Ok((place, seq))
    }

    /// What is remembered of a message was applied, by a source that is known.
    pub(super) fn check(&self, place: u32, seq: u64) -> Result<(), ImageError> {
        let source = self.list.get(index(place)).ok_or(ImageError::Broken("an unknown source"))?;
        ensure(source.1.seen(seq) != Seen::New, "a message that was never applied")
    }

    pub(super) fn id(&self, place: u32) -> SourceId {
        self.list[index(place)].0
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        put_count(out, self.list.len());
        for (source, window) in &self.list {
            put_name(out, source.as_bytes());
            window.save(out);
        }
    }

    /// Reads what [`Sources::save`] wrote, while there are none.
    pub(super) fn load(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ImageError> {
        // The shortest: a name of one byte, the highest number, one word.
        for _ in 0..cursor.count(limits::SOURCES_MAX, 2 + 8 + 8)? {
            let source = cursor.source()?;
            ensure(self.find(&source).is_none(), "a source twice")?;
            let place = self.add(&source);
            self.list[index(place)].1 = DedupWindow::load(cursor)?;
        }
        Ok(())
    }
}
