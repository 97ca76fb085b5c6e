//! The journal as the shard sees it: what is appended is copied, and becomes durable later.

use allot_domain::LogIndex;

use crate::commit_queue::{self, CommitQueue};
use crate::{Ack, JournalError, Record, Sealed};

/// The shard's end of its journal.
///
/// In every turn the shard [`poll`](Self::poll)s, appends its inputs, and
/// [`submit`](Self::submit)s once at the end. Then this end writes no file and never blocks: the
/// [`Committer`](crate::Committer) writes, on a thread of its own. With [`commit`](Self::commit)
/// the shard waits for the disk itself, which is sooner where it has nothing else to do.
pub struct Journal {
    appended: LogIndex,
    durable: LogIndex,
    /// `None` if nothing is kept.
    queue: Option<CommitQueue>,
}

impl Journal {
    /// No journal: everything counts as durable at once, and nothing survives.
    #[must_use]
    pub fn none() -> Self {
        Self { appended: LogIndex::ZERO, durable: LogIndex::ZERO, queue: None }
    }

    pub(crate) fn new(start: commit_queue::Start) -> Self {
        let durable = start.status.durable;
        Self { appended: durable, durable, queue: Some(CommitQueue::new(start)) }
    }

    /// Whether there is one. Without it, nothing survives the process.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.queue.is_some()
    }

    /// Whether a reply waits until its input is durable.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.ack() == Ack::Journal)
    }

    /// The index that the next record gets.
    #[must_use]
    pub fn next_index(&self) -> LogIndex {
        self.appended.next()
    }

    /// Without a journal: gives the next record this index.
    ///
    /// # Panics
    /// With a journal, which knows its own index, and when the log would go back.
    pub fn start_at(&mut self, index: LogIndex) {
        assert!(self.queue.is_none(), "a journal that is kept knows its own index");
        assert!(self.appended < index, "the log never goes back");
        self.appended = index.previous().expect("the first record has index 1");
        self.durable = self.appended;
    }

    /// Copies a record; returns its index.
    ///
    /// # Panics
    /// When the payload is larger than [`PAYLOAD_BYTES_MAX`](crate::PAYLOAD_BYTES_MAX), or does
    /// not fit into a segment of the size that was configured.
    pub fn append(&mut self, kind: u8, tag: u8, time_ns: u64, payload: &[u8]) -> LogIndex {
        let index = self.appended.next();
        let record = Record { index, time_ns, kind, tag, payload };
        self.appended = index;
        match &mut self.queue {
            Some(queue) => queue.append(&record),
            None => self.durable = index,
        }
        index
    }

    /// Hands what was appended to the committer, or keeps it for the next call if the link is
    /// full. The committer's thread is woken if it sleeps.
    ///
    /// # Panics
    /// Only on a bug: when more was submitted than was appended.
    pub fn submit(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.submit();
            assert!(queue.submitted() <= self.appended, "only appended records are submitted");
        }
    }

    /// Writes and syncs what was appended on this thread, if nothing else is under way; else the
    /// same as [`submit`](Self::submit). [`poll`](Self::poll) says what is durable.
    ///
    /// # Panics
    /// As [`submit`](Self::submit).
    pub fn commit(&mut self) {
        if !self.queue.as_mut().is_some_and(CommitQueue::commit) {
            self.submit();
        }
    }

    /// Whether the shard may append more. False while the committer is so far behind that records
    /// wait on this side of the link.
    pub fn has_room(&self) -> bool {
        self.queue.as_ref().is_none_or(CommitQueue::has_room)
    }

    /// Takes what the committer has sent; returns the number of messages.
    ///
    /// # Errors
    /// The journal has failed, and every later call returns the same: the shard must stop.
    ///
    /// # Panics
    /// Only on a bug: when the committer reports records that were never submitted.
    pub fn poll(&mut self) -> Result<usize, JournalError> {
        let Some(queue) = &mut self.queue else {
            return Ok(0);
        };
        let count = queue.receive();
        let durable = queue.status().durable;
        assert!(self.durable <= durable, "what is durable stays durable");
        assert!(durable <= queue.submitted(), "only submitted records become durable");
        self.durable = durable;
        queue.failure().map_or(Ok(count), |error| Err(error.clone()))
    }

    /// The last record that is on disk.
    #[must_use]
    pub fn durable(&self) -> LogIndex {
        self.durable
    }

    /// The last record that was appended.
    #[must_use]
    pub fn appended(&self) -> LogIndex {
        self.appended
    }

    /// Whether the disk has no room for another segment. One whole segment is left then: time to
    /// refuse what makes the journal longer, but not to go on as before.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.status().checkpoint.is_full)
    }

    /// Whether enough was appended since the last snapshot, and none is under way.
    pub fn snapshot_is_due(&self) -> bool {
        self.queue.as_ref().is_some_and(CommitQueue::snapshot_is_due)
    }

    /// Stores the state after everything that was appended. `write` puts it into an empty buffer.
    /// It reaches the disk after all records that it contains.
    ///
    /// Without a journal, `write` is not called.
    pub fn store_snapshot(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(queue) = &mut self.queue {
            queue.store_snapshot(self.appended, write);
        }
    }

    /// Seals a reply that must not leave before everything appended so far is durable.
    #[must_use]
    pub fn seal(&self, frame: Vec<u8>) -> Sealed {
        Sealed::new(self.appended, frame)
    }

    /// Opens a reply that may leave. With [`Ack::Memory`] and without a journal, any may.
    ///
    /// # Errors
    /// The sealed reply, if it must not leave yet.
    ///
    /// # Panics
    /// When another journal sealed it.
    pub fn unseal(&self, sealed: Sealed) -> Result<Vec<u8>, Sealed> {
        assert!(sealed.index() <= self.appended, "only the journal that sealed a reply opens it");
        let through = if self.waits() { self.durable } else { self.appended };
        if sealed.index() <= through { Ok(sealed.open(through)) } else { Err(sealed) }
    }
}
