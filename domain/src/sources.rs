//! Sources: all who ever sent a message that was applied, each with its window of sequence numbers.
//!
//! This is how a machine applies each message once: a message has a name for ever, `(source, seq)`.

use alloc::vec::Vec;

use crate::lookup::Lookup;
use crate::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};
use crate::{DedupWindow, Reject, Seen, Seq, SourceId, SourceIndex, limits};

/// Sources in the order of their first message that was applied.
#[derive(Clone, Debug)]
pub struct Sources {
    list: Vec<(SourceId, DedupWindow)>,
    lookup: Lookup,
}

impl Default for Sources {
    fn default() -> Self {
        Self { list: Vec::new(), lookup: Lookup::new(limits::SOURCES_MAX) }
    }
}

impl Sources {
    /// The index of a source, if anything it sent was ever applied.
    #[must_use]
    pub fn find(&self, source: &SourceId) -> Option<SourceIndex> {
        let is_it = |index| self.list[SourceIndex::new(index).index()].0 == *source;
        self.lookup.find(source.hash(), is_it).map(SourceIndex::new)
    }

    /// What is known of a message of the source that [`Sources::find`] found; a source that is not
    /// known has sent nothing before.
    ///
    /// # Errors
    /// [`Reject::TooManySources`]: it is not known, and there is no room for it.
    pub fn seen(&self, found: Option<SourceIndex>, seq: Seq) -> Result<Seen, Reject> {
        match found {
            Some(index) => Ok(self.list[index.index()].1.seen(seq)),
            None if self.list.len() < limits::SOURCES_MAX => Ok(Seen::New),
            None => Err(Reject::TooManySources),
        }
    }

    /// Makes the index of a source that has none; [`Sources::seen`] found room for it.
    ///
    /// # Panics
    /// If there is no room.
    pub fn add(&mut self, source: &SourceId) -> SourceIndex {
        assert!(self.list.len() < limits::SOURCES_MAX, "room was found before");
        let index = SourceIndex::at(self.list.len());
        self.list.push((*source, DedupWindow::default()));
        self.lookup.insert(source.hash(), index.get());
        index
    }

    /// Remembers that a message was applied.
    pub fn mark(&mut self, index: SourceIndex, seq: Seq) {
        self.list[index.index()].1.mark(seq);
    }

    /// Forgets that a message was applied: it came to nothing.
    pub fn unmark(&mut self, index: SourceIndex, seq: Seq) {
        self.list[index.index()].1.unmark(seq);
    }

    /// Writes a message that one of these sources sent: the index of the source, and its sequence.
    ///
    /// # Panics
    /// If nothing of that source was ever applied.
    pub fn save_message(&self, source: &SourceId, seq: Seq, out: &mut Vec<u8>) {
        let index = self.find(source).expect("what was applied has marked its source");
        out.extend_from_slice(&index.get().to_le_bytes());
        out.extend_from_slice(&seq.get().to_le_bytes());
    }

    /// Reads what [`Sources::save_message`] wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn message(&self, cursor: &mut Cursor<'_>) -> Result<(SourceIndex, Seq), SnapshotError> {
        let index = SourceIndex::new(cursor.u32()?);
        let seq = Seq::new(cursor.u64()?);
        self.check(index, seq)?;
        Ok((index, seq))
    }

    /// Checks that a message was applied, and is of a source that is known.
    ///
    /// # Errors
    /// [`SnapshotError::Broken`] if not.
    pub fn check(&self, index: SourceIndex, seq: Seq) -> Result<(), SnapshotError> {
        let source =
            self.list.get(index.index()).ok_or(SnapshotError::Broken("an unknown source"))?;
        ensure(source.1.seen(seq) != Seen::New, "a message that was never applied")
    }

    /// The name of a source.
    #[must_use]
    pub fn id(&self, index: SourceIndex) -> SourceId {
        self.list[index.index()].0
    }

    /// Writes all sources.
    pub fn save(&self, out: &mut Vec<u8>) {
        put_count(out, self.list.len());
        for (source, window) in &self.list {
            put_name(out, source.as_bytes());
            window.save(out);
        }
    }

    /// Reads what [`Sources::save`] wrote, while there are none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        // The shortest: a name of one byte, the highest number, one word.
        for _ in 0..cursor.count(limits::SOURCES_MAX, 2 + 8 + 8)? {
            let source = cursor.source()?;
            ensure(self.find(&source).is_none(), "a source twice")?;
            let index = self.add(&source);
            self.list[index.index()].1 = DedupWindow::load(cursor)?;
        }
        Ok(())
    }
}
