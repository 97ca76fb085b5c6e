//! The writer: one write and one sync for whatever arrived since the last.
//!
//! ```text
//!   take frames off the link ─► close the records ─► write the batch ─► sync ─► send the status
//!        ▲                        (checksum, chain)                                │
//!        └─────────────── what arrived meanwhile is the next batch ◄───────────────┘
//! ```
//!
//! It never waits to make a batch larger: on a slow disk batches grow by themselves.
//!
//! One thread at a time has it: the committer's, which takes what the shard has handed over, or the
//! shard's, which brings a frame of its own when nothing else is under way. Then the link, and the
//! two changes of threads that it costs, are left out.

use std::mem;
use std::sync::Arc;

use allot_domain::LogIndex;
use allot_runtime::Link;

use crate::batch::Batch;
use crate::failure::Failure;
use crate::file_name;
use crate::length::{narrow, wide};
use crate::limits::SECTOR;
use crate::record::open_bytes;
use crate::segment::{SegmentHead, SegmentStart};
use crate::status::{self, CheckpointStatus, CommitStatus, SNAPSHOT, SnapshotFrame};
use crate::{JournalError, Media, MediaFile};

/// Writes the journal of one shard. It blocks in the sync of its file, and nowhere else.
pub(crate) struct Writer {
    media: Arc<dyn Media>,
    journal: Link,
    checkpointer: Link,
    failure: Failure,
    segment: Current,
    segment_bytes: u64,
    checks_each_batch: bool,
    batch: Batch,
    /// The frame from which records are taken.
    frame: Vec<u8>,
    /// How much of it was taken.
    frame_at: usize,
    /// The last record in a batch.
    batched: LogIndex,
    chain: u64,
    /// A snapshot that must not leave before the batch is on disk.
    snapshot: Option<Vec<u8>>,
    /// A segment that was begun and of which the checkpointer does not know yet.
    begun: Option<SegmentStart>,
    status: CommitStatus,
    /// The status that the shard has.
    sent: CommitStatus,
    /// A status as it is sent or received.
    buffer: Vec<u8>,
}

/// The segment that is being written.
pub(crate) struct Current {
    pub(crate) head: SegmentHead,
    pub(crate) file: Box<dyn MediaFile>,
    /// Where the next batch begins.
    pub(crate) offset: u64,
}

/// What a writer starts from.
pub(crate) struct Start {
    pub(crate) media: Arc<dyn Media>,
    pub(crate) journal: Link,
    pub(crate) checkpointer: Link,
    pub(crate) failure: Failure,
    pub(crate) segment: Current,
    pub(crate) segment_bytes: u64,
    pub(crate) checks_each_batch: bool,
    pub(crate) chain: u64,
    pub(crate) status: CommitStatus,
}

impl Writer {
    pub(crate) fn new(start: Start) -> Self {
        Self {
            media: start.media,
            journal: start.journal,
            checkpointer: start.checkpointer,
            failure: start.failure,
            segment: start.segment,
            segment_bytes: start.segment_bytes,
            checks_each_batch: start.checks_each_batch,
            batch: Batch::new(),
            frame: Vec::new(),
            frame_at: 0,
            batched: start.status.durable,
            chain: start.chain,
            snapshot: None,
            begun: None,
            status: start.status,
            sent: start.status,
            buffer: Vec::new(),
        }
    }

    /// One turn: takes what has arrived, commits a batch, and says so; returns how much was done.
    pub(crate) fn work(&mut self) -> usize {
        let received = self.receive_status();
        let committed = self.commit_unless_failed();
        received + committed + self.send_status()
    }

    /// Commits what the shard has handed over.
    pub(crate) fn drain(&mut self) {
        while 0 < self.commit_unless_failed() {
            self.send_status();
        }
    }

    /// Commits a frame that did not come over the link, and returns the status after it, which is
    /// then not sent; none, and the frame as it was, if something else is under way. An empty
    /// buffer takes the place of the frame.
    pub(crate) fn commit_frame(&mut self, frame: &mut Vec<u8>) -> Option<CommitStatus> {
        self.receive_status();
        if self.failure.is_set() || !self.is_idle() {
            return None;
        }
        mem::swap(&mut self.frame, frame);
        frame.clear();
        self.open_frame();
        // Without a segment that has room, the committer goes on when there is one.
        while 0 < self.commit_unless_failed() {}
        self.send_checkpoint();
        self.status.is_failed = self.failure.is_set();
        self.sent = self.status;
        Some(self.status)
    }

    /// Whether nothing is left to be committed or sent on, and nothing is on the link.
    fn is_idle(&mut self) -> bool {
        let is_idle = !self.has_records() && self.batch.count() == 0 && self.snapshot.is_none();
        if is_idle && self.journal.receive(&mut self.frame) {
            self.open_frame();
            return false;
        }
        is_idle
    }

    /// Commits one batch; returns how much was done.
    fn commit(&mut self) -> Result<usize, JournalError> {
        let frames = self.gather();
        let records = self.batch.count();
        if 0 < records {
            self.write()?;
        }
        let begins = records == 0 && self.has_records() && self.begin_next_segment()?;
        Ok(frames + records + usize::from(begins))
    }

    /// Puts what has arrived into the batch, as far as it fits; returns the number of frames.
    fn gather(&mut self) -> usize {
        let mut count = 0;
        while self.take_records() && self.snapshot.is_none() {
            if !self.journal.receive(&mut self.frame) {
                break;
            }
            self.open_frame();
            count += 1;
        }
        count
    }

    /// Whether records are left in the frame.
    fn has_records(&self) -> bool {
        // The last byte says what the frame is.
        self.frame_at + 1 < self.frame.len()
    }

    fn open_frame(&mut self) {
        self.frame_at = 0;
        if self.frame.last() == Some(&SNAPSHOT) {
            let mut snapshot = mem::take(&mut self.frame);
            let index = SnapshotFrame::read(&snapshot).index;
            assert_eq!(index, self.batched, "a snapshot comes right after its last record");
            SnapshotFrame::put_chain(&mut snapshot, self.chain);
            self.snapshot = Some(snapshot);
        }
    }

    /// Takes all records of the frame that fit; false if one did not.
    fn take_records(&mut self) -> bool {
        let room = narrow(self.segment.head.bytes - self.segment.offset);
        while self.has_records() {
            let bytes = open_bytes(&self.frame[self.frame_at..]);
            if !self.batch.has_room(bytes, room) {
                return false;
            }
            let index = self.batched.next();
            let record = &self.frame[self.frame_at..self.frame_at + bytes];
            self.chain = self.batch.push(record, index, self.chain);
            self.batched = index;
            self.frame_at += bytes;
        }
        true
    }

    /// Writes and syncs the batch. From here on its records are durable.
    fn write(&mut self) -> Result<(), JournalError> {
        let Current { head, file, offset } = &mut self.segment;
        let media = |operation| {
            let name = file_name::segment(head.number);
            move |cause| JournalError::media(operation, &name, &cause)
        };
        let bytes = self.batch.seal(self.batched, head.salt);
        assert!(*offset + wide(bytes.len()) <= head.bytes, "the batch fits into the segment");
        assert!(offset.is_multiple_of(SECTOR), "no synced sector is written again");
        file.write_at(*offset, bytes).map_err(media("write"))?;
        file.sync().map_err(media("sync"))?;
        if self.checks_each_batch {
            let file = file_name::segment(head.number);
            let is_there = self.media.holds(&file).map_err(media("find"))?;
            // What was written to a file that has no name any more is lost with the process.
            is_there.then_some(()).ok_or(JournalError::Removed { file })?;
        }
        *offset += wide(bytes.len());
        self.batch.clear();
        assert!(self.status.durable < self.batched, "a batch makes records durable");
        self.status.durable = self.batched;
        Ok(())
    }

    /// Begins the spare segment; false if it is not ready yet.
    fn begin_next_segment(&mut self) -> Result<bool, JournalError> {
        assert_eq!(self.status.durable, self.batched, "a segment ends with a durable record");
        let number = self.segment.head.number + 1;
        let name = file_name::segment(number);
        if self.status.checkpoint.ready_segment < number {
            let is_full = self.status.checkpoint.is_full;
            return if is_full { Err(JournalError::DiskFull { file: name }) } else { Ok(false) };
        }
        let media = |operation| {
            let name = name.clone();
            move |cause| JournalError::media(operation, &name, &cause)
        };
        let mut file = self.media.open(&name).map_err(media("open"))?;
        let start = SegmentStart { number, first_index: self.batched.next() };
        let stamp = &self.segment.head.stamp;
        let head = SegmentHead::new(start, self.chain, self.segment_bytes, stamp);
        file.write_at(0, &head.sector()).map_err(media("write"))?;
        file.sync().map_err(media("sync"))?;
        self.segment = Current { head, file, offset: SECTOR };
        assert_eq!(self.begun, None, "the checkpointer knows of the segment before");
        self.begun = Some(start);
        Ok(true)
    }

    /// Takes what the checkpointer has sent; returns the number of messages.
    fn receive_status(&mut self) -> usize {
        let mut count = 0;
        while self.checkpointer.receive(&mut self.buffer) {
            self.status.checkpoint = CheckpointStatus::read(&self.buffer);
            count += 1;
        }
        let CheckpointStatus { ready_segment, snapshot, .. } = self.status.checkpoint;
        assert!(self.segment.head.number <= ready_segment, "the current segment was ready");
        assert!(snapshot <= Some(self.status.durable), "a snapshot holds only durable records");
        count
    }

    /// Sends the checkpointer and the shard what they do not know yet, as far as the links have
    /// room; returns the number of messages.
    fn send_status(&mut self) -> usize {
        let to_checkpointer = self.send_checkpoint();
        self.status.is_failed = self.failure.is_set();
        if self.status == self.sent {
            return to_checkpointer;
        }
        assert!(self.sent.durable <= self.status.durable, "what is durable stays durable");
        self.status.write(&mut self.buffer);
        if self.journal.send(&mut self.buffer).is_err() {
            return to_checkpointer;
        }
        self.sent = self.status;
        to_checkpointer + 1
    }

    fn send_checkpoint(&mut self) -> usize {
        self.send_segment() + self.send_snapshot()
    }

    fn send_segment(&mut self) -> usize {
        let Some(start) = self.begun else {
            return 0;
        };
        status::write_segment_begun(&mut self.buffer, start);
        if self.checkpointer.send(&mut self.buffer).is_err() {
            return 0;
        }
        self.begun = None;
        1
    }

    /// A snapshot leaves after all records that it contains.
    fn send_snapshot(&mut self) -> usize {
        let Some(snapshot) = self.snapshot.as_mut().filter(|_| self.batch.count() == 0) else {
            return 0;
        };
        let index = SnapshotFrame::read(snapshot).index;
        assert!(index <= self.status.durable, "a snapshot holds only durable records");
        if self.checkpointer.send(snapshot).is_err() {
            return 0;
        }
        self.snapshot = None;
        1
    }

    /// A journal that has failed writes nothing more.
    fn commit_unless_failed(&mut self) -> usize {
        if self.failure.is_set() {
            return 0;
        }
        self.commit().unwrap_or_else(|error| {
            self.failure.set(error);
            0
        })
    }
}
