//! The journal as the shard sees it: what is appended is copied, and some time later is durable.

use std::collections::VecDeque;
use std::mem;

use allot_runtime::{Link, SendError};

use crate::failure::Failure;
use crate::field::wide;
use crate::limits::{FRAME_BYTES, FREE_BUFFERS_MAX};
use crate::record::{push_open, record_bytes};
use crate::status::{CommitStatus, RECORDS, end_snapshot};
use crate::{Ack, JournalError, Record, Sealed};

/// The shard's end of its journal.
///
/// In every turn the shard [`poll`](Self::poll)s, appends its inputs, and
/// [`submit`](Self::submit)s once at the end. It writes no file and waits for nothing: the
/// [`Committer`](crate::Committer) does, on a thread of its own.
pub struct Journal {
    appended: u64,
    durable: u64,
    /// None if nothing is kept.
    lane: Option<Lane>,
}

/// What goes to the committer and comes back.
struct Lane {
    committer: Link,
    failure: Failure,
    ack: Ack,
    /// The largest record that fits into a segment.
    record_bytes_max: usize,
    /// What was appended and not handed over yet.
    open: Vec<u8>,
    /// Full frames that the committer had no room for, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// Buffers that came back, for `open`.
    spares: Vec<Vec<u8>>,
    news: Vec<u8>,
    status: CommitStatus,
    snapshot_every_bytes: u64,
    /// What was appended since the last snapshot.
    bytes_since_snapshot: u64,
    /// One more than the index of the snapshot under way.
    snapshot_under_way: u64,
}

/// What a journal starts from.
pub(crate) struct Start {
    pub(crate) committer: Link,
    pub(crate) failure: Failure,
    pub(crate) ack: Ack,
    pub(crate) record_bytes_max: usize,
    pub(crate) status: CommitStatus,
    pub(crate) snapshot_every_bytes: u64,
    pub(crate) bytes_since_snapshot: u64,
}

impl Journal {
    /// No journal: everything counts as durable at once, and nothing survives.
    pub fn none() -> Self {
        Self { appended: 0, durable: 0, lane: None }
    }

    pub(crate) fn new(start: Start) -> Self {
        let durable = start.status.durable;
        let lane = Lane {
            committer: start.committer,
            failure: start.failure,
            ack: start.ack,
            record_bytes_max: start.record_bytes_max,
            open: Vec::with_capacity(FRAME_BYTES),
            waiting: VecDeque::new(),
            spares: Vec::new(),
            news: Vec::new(),
            status: start.status,
            snapshot_every_bytes: start.snapshot_every_bytes,
            bytes_since_snapshot: start.bytes_since_snapshot,
            snapshot_under_way: 0,
        };
        Self { appended: durable, durable, lane: Some(lane) }
    }

    /// Whether there is one: without, nothing survives the process.
    pub fn is_kept(&self) -> bool {
        self.lane.is_some()
    }

    /// The number that the next record gets.
    pub fn next_index(&self) -> u64 {
        self.appended + 1
    }

    /// Without a journal: the next record gets this number.
    ///
    /// # Panics
    /// With a journal, which knows its own, and when the number is zero.
    pub fn start_at(&mut self, index: u64) {
        assert!(self.lane.is_none(), "a journal knows its own numbers");
        self.appended = index.checked_sub(1).expect("records are numbered from 1");
        self.durable = self.appended;
    }

    /// Copies a record; returns its number.
    ///
    /// # Panics
    /// When the payload is larger than [`PAYLOAD_BYTES_MAX`](crate::PAYLOAD_BYTES_MAX), or than a
    /// small segment.
    pub fn append(&mut self, kind: u8, tag: u8, payload: &[u8]) -> u64 {
        self.appended += 1;
        let record = Record { index: self.appended, kind, tag, payload };
        match &mut self.lane {
            Some(lane) => lane.append(&record),
            None => self.durable = self.appended,
        }
        self.appended
    }

    /// Hands what was appended to the committer if it has room, or else keeps it for the next
    /// time. The thread is woken when that is worthwhile.
    pub fn submit(&mut self) {
        if let Some(lane) = &mut self.lane {
            lane.submit();
        }
    }

    /// False while so much waits for the disk that the shard should take nothing more.
    pub fn has_room(&self) -> bool {
        self.lane.as_ref().is_none_or(|lane| lane.waiting.is_empty())
    }

    /// Takes what the committer said since; returns how many messages there were.
    ///
    /// # Errors
    /// The journal has failed, and says so from now on: the shard must stop.
    pub fn poll(&mut self) -> Result<usize, JournalError> {
        let Some(lane) = &mut self.lane else {
            return Ok(0);
        };
        let count = lane.hear();
        self.durable = lane.status.durable;
        lane.failure.get().map_or(Ok(count), |error| Err(error.clone()))
    }

    /// The last record that is on disk.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// The last record that was appended.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// The disk has no room for another segment. There is a whole one left: time enough to refuse
    /// what makes the journal longer, and too little to go on as before.
    pub fn is_full(&self) -> bool {
        self.lane.as_ref().is_some_and(|lane| lane.status.checkpoint.full)
    }

    /// Enough was appended since the last snapshot, and none is under way.
    pub fn snapshot_is_due(&self) -> bool {
        self.lane.as_ref().is_some_and(Lane::snapshot_is_due)
    }

    /// Keeps the state after everything that was appended, which `write` puts into an empty
    /// buffer. It reaches the disk after all that it contains.
    ///
    /// Without a journal nothing is written.
    pub fn store_snapshot(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let index = self.appended;
        if let Some(lane) = &mut self.lane {
            lane.store_snapshot(index, write);
        }
    }

    /// Closes an answer that may not leave before all that was appended is durable.
    pub fn seal(&self, frame: Vec<u8>) -> Sealed {
        Sealed::new(self.appended, frame)
    }

    /// Opens an answer that may leave: with [`Ack::Memory`] and without a journal, any.
    ///
    /// # Errors
    /// The answer as it was, if it may not leave yet.
    pub fn unseal(&self, sealed: Sealed) -> Result<Vec<u8>, Sealed> {
        let at_once = self.lane.as_ref().is_none_or(|lane| lane.ack == Ack::Memory);
        if at_once || sealed.through() <= self.durable { Ok(sealed.open()) } else { Err(sealed) }
    }
}

impl Lane {
    fn append(&mut self, record: &Record<'_>) {
        let bytes = record_bytes(record.payload.len());
        assert!(bytes <= self.record_bytes_max, "a record of {bytes} bytes fits into no segment");
        // The last byte of a frame says what it is.
        if !self.open.is_empty() && FRAME_BYTES < self.open.len() + bytes + 1 {
            self.close_frame();
        }
        let wanted = FRAME_BYTES.max(bytes + 1);
        if self.open.capacity() < wanted {
            self.open.reserve_exact(wanted - self.open.len());
        }
        push_open(&mut self.open, record);
        self.bytes_since_snapshot += wide(bytes);
    }

    /// Puts the open frame behind those that wait.
    fn close_frame(&mut self) {
        if !self.open.is_empty() {
            self.open.push(RECORDS);
            let next = self.spares.pop().unwrap_or_default();
            self.waiting.push_back(mem::replace(&mut self.open, next));
            self.flush();
        }
    }

    /// Hands over what waits, as far as there is room.
    fn flush(&mut self) {
        while let Some(frame) = self.waiting.front_mut() {
            if let Err(refusal) = self.committer.send(frame) {
                self.refused(refusal);
                return;
            }
            let empty = self.waiting.pop_front().expect("it was the first");
            if FRAME_BYTES <= empty.capacity() && self.spares.len() < FREE_BUFFERS_MAX {
                self.spares.push(empty);
            }
        }
    }

    fn submit(&mut self) {
        self.flush();
        if self.open.is_empty() || !self.waiting.is_empty() {
            return;
        }
        self.open.push(RECORDS);
        if let Err(refusal) = self.committer.send(&mut self.open) {
            self.open.pop();
            self.refused(refusal);
        }
    }

    fn refused(&self, refusal: SendError) {
        if refusal == SendError::Away {
            self.failure.set(JournalError::Gone);
        }
    }

    fn hear(&mut self) -> usize {
        let mut count = 0;
        while self.committer.receive(&mut self.news) {
            self.status = CommitStatus::read(&self.news);
            count += 1;
        }
        count
    }

    fn snapshot_is_due(&self) -> bool {
        self.snapshot_every_bytes <= self.bytes_since_snapshot
            && self.snapshot_under_way <= self.status.checkpoint.snapshotd
    }

    fn store_snapshot(&mut self, index: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.close_frame();
        let mut frame = Vec::new();
        write(&mut frame);
        end_snapshot(&mut frame, index);
        self.waiting.push_back(frame);
        self.bytes_since_snapshot = 0;
        self.snapshot_under_way = index + 1;
        self.flush();
    }
}
