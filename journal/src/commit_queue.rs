//! A commit queue: records and snapshots on their way from the shard to the committer.
//!
//! ```text
//!   append ─► open frame ── full ──► waiting, oldest first ── link has room ──► committer
//!                 └─ submit, nothing waits ──────────────────────▲
//! ```

use std::collections::VecDeque;
use std::mem;
use std::sync::{Mutex, Weak};

use allot_domain::LogIndex;
use allot_runtime::{Link, SendError};

use crate::failure::Failure;
use crate::length::wide;
use crate::limits::{FRAME_BYTES, FREE_BUFFERS_MAX};
use crate::record::{push_open, record_bytes};
use crate::status::{CommitStatus, RECORDS, SnapshotFrame};
use crate::writer::Writer;
use crate::{Ack, JournalError, Record};

/// The shard's side of the link to the committer.
pub(crate) struct CommitQueue {
    committer: Link,
    /// Gone with the committer.
    writer: Weak<Mutex<Writer>>,
    failure: Failure,
    ack: Ack,
    /// The largest record that fits into a segment.
    record_bytes_max: usize,
    /// Records that were appended and not handed over yet.
    open: Vec<u8>,
    /// The last record in `open` or before it.
    last: LogIndex,
    /// The last record that was handed over.
    submitted: LogIndex,
    /// Frames for which the link had no room, oldest first.
    waiting: VecDeque<Waiting>,
    /// Empty buffers, to be used for `open`.
    free_buffers: Vec<Vec<u8>>,
    /// The latest status, as it was received.
    received: Vec<u8>,
    status: CommitStatus,
    snapshot_every_bytes: u64,
    /// What was appended since the last snapshot.
    bytes_since_snapshot: u64,
    /// The last snapshot that was handed over or waits.
    snapshot: Option<LogIndex>,
}

/// A frame for which the link had no room.
struct Waiting {
    frame: Vec<u8>,
    /// The last record in it or before it.
    last: LogIndex,
}

/// What a commit queue starts from.
pub(crate) struct Start {
    pub(crate) committer: Link,
    pub(crate) writer: Weak<Mutex<Writer>>,
    pub(crate) failure: Failure,
    pub(crate) ack: Ack,
    pub(crate) record_bytes_max: usize,
    pub(crate) status: CommitStatus,
    pub(crate) snapshot_every_bytes: u64,
    pub(crate) bytes_since_snapshot: u64,
}

impl CommitQueue {
    pub(crate) fn new(start: Start) -> Self {
        Self {
            committer: start.committer,
            writer: start.writer,
            failure: start.failure,
            ack: start.ack,
            record_bytes_max: start.record_bytes_max,
            open: Vec::with_capacity(FRAME_BYTES),
            last: start.status.durable,
            submitted: start.status.durable,
            waiting: VecDeque::new(),
            free_buffers: Vec::new(),
            received: Vec::new(),
            status: start.status,
            snapshot_every_bytes: start.snapshot_every_bytes,
            bytes_since_snapshot: start.bytes_since_snapshot,
            snapshot: None,
        }
    }

    pub(crate) fn ack(&self) -> Ack {
        self.ack
    }

    /// What the committer said last.
    pub(crate) fn status(&self) -> &CommitStatus {
        &self.status
    }

    /// What ended the journal, if it has ended.
    pub(crate) fn failure(&self) -> Option<&JournalError> {
        self.failure.get()
    }

    /// The last record that was handed over.
    pub(crate) fn submitted(&self) -> LogIndex {
        self.submitted
    }

    /// Whether nothing waits on this side of the link.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn append(&mut self, record: &Record<'_>) {
        let bytes = record_bytes(record.payload.len());
        assert!(bytes <= self.record_bytes_max, "a record of {bytes} bytes fits into no segment");
        assert_eq!(record.index, self.last.next(), "records are queued in order, without a gap");
        // The last byte of a frame says what it is.
        if !self.open.is_empty() && FRAME_BYTES < self.open.len() + bytes + 1 {
            self.close_frame();
        }
        let wanted = FRAME_BYTES.max(bytes + 1);
        if self.open.capacity() < wanted {
            self.open.reserve_exact(wanted - self.open.len());
        }
        push_open(&mut self.open, record);
        self.last = record.index;
        self.bytes_since_snapshot += wide(bytes);
    }

    /// Puts the open frame behind those that wait.
    fn close_frame(&mut self) {
        if !self.open.is_empty() {
            self.open.push(RECORDS);
            let next = self.free_buffers.pop().unwrap_or_default();
            let frame = mem::replace(&mut self.open, next);
            self.waiting.push_back(Waiting { frame, last: self.last });
            self.flush();
        }
    }

    /// Hands over the frames that wait, while the link has room.
    fn flush(&mut self) {
        while let Some(Waiting { frame, last }) = self.waiting.front_mut() {
            if let Err(error) = self.committer.send(frame) {
                self.send_failed(error);
                return;
            }
            assert!(self.submitted <= *last && *last <= self.last, "frames leave in order");
            self.submitted = *last;
            let sent = self.waiting.pop_front().expect("it was the first");
            if FRAME_BYTES <= sent.frame.capacity() && self.free_buffers.len() < FREE_BUFFERS_MAX {
                self.free_buffers.push(sent.frame);
            }
        }
    }

    pub(crate) fn submit(&mut self) {
        self.flush();
        if self.open.is_empty() || !self.waiting.is_empty() {
            return;
        }
        self.open.push(RECORDS);
        match self.committer.send(&mut self.open) {
            Ok(()) => self.submitted = self.last,
            Err(error) => {
                self.open.pop();
                self.send_failed(error);
            }
        }
    }

    /// Commits on this thread what was appended, if nothing else is under way; false if it was left
    /// as it is.
    pub(crate) fn commit(&mut self) -> bool {
        let is_alone = self.waiting.is_empty() && self.submitted == self.status.durable;
        if self.open.is_empty() || !is_alone {
            return false;
        }
        let Some(writer) = self.writer.upgrade() else {
            return false;
        };
        let Ok(mut writer) = writer.try_lock() else {
            return false;
        };
        // What is on the link is older than what the writer will say.
        self.receive();
        self.open.push(RECORDS);
        let Some(status) = writer.commit_frame(&mut self.open) else {
            self.open.pop();
            return false;
        };
        (self.submitted, self.status) = (self.last, status);
        true
    }

    fn send_failed(&self, error: SendError) {
        if error == SendError::Away {
            self.failure.set(JournalError::Gone);
        }
    }

    /// Takes what the committer has sent; returns the number of messages.
    pub(crate) fn receive(&mut self) -> usize {
        let mut count = 0;
        while self.committer.receive(&mut self.received) {
            self.status = CommitStatus::read(&self.received);
            count += 1;
        }
        assert!(self.status.checkpoint.snapshot <= self.snapshot, "stored only what was sent");
        count
    }

    /// Whether enough was appended since the last snapshot, and none is under way.
    pub(crate) fn snapshot_is_due(&self) -> bool {
        self.snapshot_every_bytes <= self.bytes_since_snapshot
            && self.snapshot <= self.status.checkpoint.snapshot
    }

    /// Queues the state after record `index`, behind that record.
    pub(crate) fn store_snapshot(&mut self, index: LogIndex, write: impl FnOnce(&mut Vec<u8>)) {
        assert_eq!(index, self.last, "a snapshot holds every record that was appended");
        self.close_frame();
        let mut frame = Vec::new();
        write(&mut frame);
        SnapshotFrame::end(&mut frame, index);
        self.waiting.push_back(Waiting { frame, last: index });
        self.bytes_since_snapshot = 0;
        self.snapshot = Some(index);
        self.flush();
    }
}
