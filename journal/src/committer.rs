//! The committer: one write and one sync for whatever has arrived meanwhile.
//!
//! ```text
//!   take frames off the link ─► close the records ─► write the batch ─► sync ─► say how far
//!        ▲                        (checksum, chain)                                │
//!        └─────────────── what arrived meanwhile is the next batch ◄───────────────┘
//! ```
//!
//! Nothing is waited for to make a batch larger: a slow disk makes it so by itself.

use std::mem;
use std::sync::Arc;

use allot_runtime::{Agent, Link, Nanos};

use crate::batch::Batch;
use crate::failure::Failure;
use crate::field::{narrow, wide};
use crate::file_name;
use crate::limits::SECTOR;
use crate::record::open_bytes;
use crate::segment::SegmentHead;
use crate::status::{self, CheckpointStatus, CommitStatus, SNAPSHOT};
use crate::{JournalError, Media, MediaFile};

/// Writes the journal of one shard, as an agent. It blocks in the sync of its file, and nowhere
/// else.
pub struct Committer {
    role: String,
    media: Arc<dyn Media>,
    journal: Link,
    checkpointer: Link,
    failure: Failure,
    segment: Current,
    segment_bytes: u64,
    batch: Batch,
    /// The frame that is being taken apart, and how far.
    frame: Vec<u8>,
    frame_at: usize,
    /// The last record in a batch.
    index: u64,
    chain: u64,
    /// A snapshot that must not leave before the batch is on disk.
    snapshot: Option<Vec<u8>>,
    /// What the checkpointer has yet to be told.
    begun: Option<(u64, u64)>,
    status: CommitStatus,
    said: CommitStatus,
    news: Vec<u8>,
}

/// The segment that is written.
pub(crate) struct Current {
    pub(crate) head: SegmentHead,
    pub(crate) file: Box<dyn MediaFile>,
    /// Where the next batch begins.
    pub(crate) offset: u64,
}

/// What a committer starts from.
pub(crate) struct Start {
    pub(crate) name: String,
    pub(crate) media: Arc<dyn Media>,
    pub(crate) journal: Link,
    pub(crate) checkpointer: Link,
    pub(crate) failure: Failure,
    pub(crate) segment: Current,
    pub(crate) segment_bytes: u64,
    pub(crate) chain: u64,
    pub(crate) status: CommitStatus,
}

impl Committer {
    pub(crate) fn new(start: Start) -> Self {
        Self {
            role: format!("journal-{}", start.name),
            media: start.media,
            journal: start.journal,
            checkpointer: start.checkpointer,
            failure: start.failure,
            segment: start.segment,
            segment_bytes: start.segment_bytes,
            batch: Batch::new(),
            frame: Vec::new(),
            frame_at: 0,
            index: start.status.durable,
            chain: start.chain,
            snapshot: None,
            begun: None,
            status: start.status,
            said: start.status,
            news: Vec::new(),
        }
    }

    /// Commits one batch; returns how much was done.
    fn commit(&mut self) -> Result<usize, JournalError> {
        let frames = self.gather();
        let records = self.batch.count();
        if 0 < records {
            self.write()?;
        }
        let begins = records == 0 && self.has_records() && self.next_segment()?;
        Ok(frames + records + usize::from(begins))
    }

    /// Puts what has arrived into the batch, as far as it fits; returns how many frames came.
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

    /// Whether there are records in the frame.
    fn has_records(&self) -> bool {
        // The last byte says what the frame is.
        self.frame_at + 1 < self.frame.len()
    }

    fn open_frame(&mut self) {
        self.frame_at = 0;
        if self.frame.last() == Some(&SNAPSHOT) {
            let mut snapshot = mem::take(&mut self.frame);
            status::put_snapshot_chain(&mut snapshot, self.chain);
            self.snapshot = Some(snapshot);
        }
    }

    /// All records of the frame that fit; false if one did not.
    fn take_records(&mut self) -> bool {
        let room = narrow(self.segment.head.bytes - self.segment.offset);
        while self.has_records() {
            let bytes = open_bytes(&self.frame[self.frame_at..]);
            if !self.batch.has_room(bytes, room) {
                return false;
            }
            let record = &self.frame[self.frame_at..self.frame_at + bytes];
            self.chain = self.batch.push(record, self.index + 1, self.chain);
            self.index += 1;
            self.frame_at += bytes;
        }
        true
    }

    fn write(&mut self) -> Result<(), JournalError> {
        let Current { head, file, offset } = &mut self.segment;
        let media = |operation| {
            let name = file_name::segment(head.number);
            move |cause| JournalError::media(operation, &name, &cause)
        };
        let bytes = self.batch.seal(head.salt);
        file.write_at(*offset, bytes).map_err(media("write"))?;
        file.sync().map_err(media("sync"))?;
        *offset += wide(bytes.len());
        self.batch.clear();
        self.status.durable = self.index;
        Ok(())
    }

    /// Begins the spare segment; false if it is not ready yet.
    fn next_segment(&mut self) -> Result<bool, JournalError> {
        let number = self.segment.head.number + 1;
        let name = file_name::segment(number);
        if self.status.checkpoint.spare < number {
            let full = self.status.checkpoint.full;
            return if full { Err(JournalError::DiskFull { file: name }) } else { Ok(false) };
        }
        let media = |operation| {
            let name = name.clone();
            move |cause| JournalError::media(operation, &name, &cause)
        };
        let mut file = self.media.open(&name).map_err(media("open"))?;
        let (first, stamp) = (self.index + 1, &self.segment.head.stamp);
        let head = SegmentHead::new(number, first, self.chain, self.segment_bytes, stamp);
        file.write_at(0, &head.sector()).map_err(media("write"))?;
        file.sync().map_err(media("sync"))?;
        self.segment = Current { head, file, offset: SECTOR };
        self.begun = Some((number, first));
        Ok(true)
    }

    /// Takes what the checkpointer said.
    fn hear(&mut self) -> usize {
        let mut count = 0;
        while self.checkpointer.receive(&mut self.news) {
            self.status.checkpoint = CheckpointStatus::read(&self.news);
            count += 1;
        }
        count
    }

    /// Tells the checkpointer and the shard what they do not know yet, as far as they have room.
    fn tell(&mut self) -> usize {
        let mut count = 0;
        if let Some((number, first_index)) = self.begun {
            status::write_begun(&mut self.news, number, first_index);
            if self.checkpointer.send(&mut self.news).is_ok() {
                self.begun = None;
                count += 1;
            }
        }
        // A snapshot never goes before what it contains.
        if let Some(snapshot) = self.snapshot.as_mut().filter(|_| self.batch.count() == 0)
            && self.checkpointer.send(snapshot).is_ok()
        {
            self.snapshot = None;
            count += 1;
        }
        self.status.failed = self.failure.is_set();
        if self.status != self.said {
            self.status.write(&mut self.news);
            if self.journal.send(&mut self.news).is_ok() {
                self.said = self.status;
                count += 1;
            }
        }
        count
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

impl Agent for Committer {
    fn role(&self) -> &str {
        &self.role
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let heard = self.hear();
        let committed = self.commit_unless_failed();
        heard + committed + self.tell()
    }

    /// Commits what the shard has handed over.
    fn close(&mut self, _now: Nanos) {
        while 0 < self.commit_unless_failed() {
            self.tell();
        }
    }
}
