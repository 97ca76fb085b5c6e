//! A scan: reads and checks all records from some segment on, in order, and finds where the journal
//! ends.
//!
//! It rests on one rule: a batch is written only after the one before it was synced. So a crash
//! leaves at most one unfinished batch, at the very end, with sectors that are still zeros.
//! Anything else that is not as it was written is damage, and the scan stops there.
//!
//! ```text
//!   at a sector                                    it is
//!   zeros, or the segment is full                  the end, or the next segment has a head
//!   zeros, then something within a largest batch   the end; a torn batch without its head
//!   zeros, then a head, or something further on    damage
//!   a head, its records as they were written       a batch
//!   a head, some sector of it zeros, nothing after the end; a torn batch
//!   a head otherwise                               damage
//!   something else                                 damage
//! ```

use std::ops::Range;
use std::sync::Arc;

use allot_domain::LogIndex;

use crate::batch::{BATCH_HEAD_BYTES, BatchHead};
use crate::file_name::Listing;
use crate::length::{narrow, wide};
use crate::limits::{BATCH_MAX, SECTOR, SECTOR_BYTES};
use crate::opened_segment::{OpenedSegment, first_written, open_segment};
use crate::read_ahead::ReadAhead;
use crate::record::{self, Record};
use crate::segment::{SegmentHead, SegmentStart, is_blank};
use crate::{JournalError, Media};

/// Where a journal ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tail {
    /// The segment.
    pub file: String,
    /// The first byte after the last complete batch.
    pub offset: u64,
    /// The length of the batch from there on that was never finished; no reply to it has left. A
    /// start cuts it.
    pub torn_bytes: u64,
}

/// A reader of records and batches.
pub(crate) struct Scan {
    media: Arc<dyn Media>,
    /// The segments after the first one, without a gap.
    numbers: Vec<u64>,
    /// How many of them were entered.
    entered: usize,
    head: SegmentHead,
    read_ahead: ReadAhead,
    /// Where the next batch begins.
    offset: u64,
    /// Where the last batch of this segment begins.
    last_batch: Option<u64>,
    /// The records of the last batch.
    batch: Vec<u8>,
    records_left: u32,
    /// Where the current record is in `batch`.
    record: Range<usize>,
    /// The current record.
    index: LogIndex,
    /// The chain that the next record must have.
    chain: u64,
    /// The segments so far.
    begun: Vec<SegmentStart>,
    spare: Option<SpareSegment>,
    tail: Option<Tail>,
    /// The end is the end for now: what follows it is not judged.
    is_followed: bool,
}

/// The segment after the last one that was begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpareSegment {
    pub(crate) number: u64,
    /// Its length.
    pub(crate) bytes: u64,
}

impl Scan {
    /// Starts before the first record of a segment; `numbers` are the segments after it.
    pub(crate) fn start(
        media: Arc<dyn Media>,
        head: SegmentHead,
        read_ahead: ReadAhead,
        numbers: Vec<u64>,
    ) -> Self {
        Self {
            media,
            numbers,
            entered: 0,
            read_ahead,
            offset: SECTOR,
            last_batch: None,
            batch: Vec::new(),
            records_left: 0,
            record: 0..0,
            index: head.first_index.previous().expect("no segment begins with record 0"),
            chain: head.chain,
            begun: vec![head.start()],
            spare: None,
            tail: None,
            is_followed: false,
            head,
        }
    }

    /// The same, of a journal to which a server appends: see [`go_on`](Self::go_on).
    pub(crate) fn followed(mut self) -> Self {
        self.is_followed = true;
        self
    }

    /// After the end was reached: looks again, as far as the journal is then.
    pub(crate) fn go_on(&mut self) -> Result<(), JournalError> {
        if self.tail.take().is_none() {
            return Ok(());
        }
        self.read_ahead.forget();
        let listing = Listing::of(&*self.media)?;
        let is_later = |number: &u64| self.head.number < *number;
        self.numbers = listing.run().iter().copied().filter(is_later).collect();
        self.entered = 0;
        Ok(())
    }

    /// Reads the next record; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, JournalError> {
        if self.record.end == self.batch.len() {
            if self.records_left != 0 {
                return self
                    .corrupt(self.record_offset(), "a batch has fewer records than it says");
            }
            if !self.next_batch()? {
                return Ok(false);
            }
        }
        let start = self.record.end;
        match record::check(&self.batch[start..], self.index.next(), self.chain) {
            Err(what) => self.corrupt(self.record_offset(), what),
            Ok(_) if self.records_left == 0 => {
                self.corrupt(self.record_offset(), "a batch has more records than it says")
            }
            Ok(checked) => {
                self.record = start..start + checked.bytes;
                self.index = self.index.next();
                self.chain = checked.chain;
                self.records_left -= 1;
                Ok(true)
            }
        }
    }

    /// The current record: the one that the last [`advance`](Self::advance) has read.
    pub(crate) fn record(&self) -> Record<'_> {
        let record = record::view(&self.batch[self.record.clone()]);
        assert_eq!(record.index, self.index, "the record was checked");
        record
    }

    /// Where the current record is in its segment.
    pub(crate) fn record_at(&self) -> u64 {
        self.offset - self.batch_extent() + wide(BATCH_HEAD_BYTES + self.record.start)
    }

    /// The length of the current record, with its padding.
    pub(crate) fn record_bytes(&self) -> u64 {
        wide(self.record.len())
    }

    /// The current record; before the first, the one before it.
    pub(crate) fn index(&self) -> LogIndex {
        self.index
    }

    /// The chain that the next record must have.
    pub(crate) fn chain(&self) -> u64 {
        self.chain
    }

    /// The head of the current segment.
    pub(crate) fn head(&self) -> &SegmentHead {
        &self.head
    }

    /// The name of the current segment.
    pub(crate) fn file(&self) -> &str {
        self.read_ahead.name()
    }

    /// Where the next batch of the current segment begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The segments so far.
    pub(crate) fn begun(&self) -> &[SegmentStart] {
        &self.begun
    }

    /// The record before the first record of the current segment.
    pub(crate) fn before_first(&self) -> LogIndex {
        self.head.first_index.previous().expect("no segment begins with record 0")
    }

    /// The spare segment, once the end was reached.
    pub(crate) fn spare(&self) -> Option<SpareSegment> {
        self.spare
    }

    /// Where the journal ends, once the end was reached.
    pub(crate) fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// Offset and bytes of the last batch of the current segment, or of its head if it has none.
    pub(crate) fn last_written(&mut self) -> Result<(u64, Vec<u8>), JournalError> {
        let start = self.last_batch.unwrap_or(0);
        let bytes = self.read_ahead.get(start, narrow(self.offset - start))?;
        Ok((start, bytes.to_vec()))
    }

    fn next_batch(&mut self) -> Result<bool, JournalError> {
        while self.tail.is_none() {
            let is_full = self.offset == self.read_ahead.bytes();
            if !is_full && !is_blank(self.read_ahead.get(self.offset, SECTOR_BYTES)?) {
                return self.take_batch();
            }
            match self.following()? {
                // A batch may have come between the look at this segment and that at the next.
                Some(_) if self.is_followed && !is_full && self.has_grown()? => {}
                Some((head, read_ahead)) => self.enter(head, read_ahead)?,
                None if self.is_followed => self.tail = Some(self.tail_of(0)),
                None => match self.find_tail() {
                    Err(_) if self.has_grown()? => {}
                    tail => self.tail = Some(tail?),
                },
            }
        }
        Ok(false)
    }

    /// Whether a batch is now where the journal seemed to end: a server appends while this reads.
    fn has_grown(&mut self) -> Result<bool, JournalError> {
        self.read_ahead.forget();
        Ok(!is_blank(self.read_ahead.get(self.offset, SECTOR_BYTES)?))
    }

    fn take_batch(&mut self) -> Result<bool, JournalError> {
        assert_eq!(self.records_left, 0, "the batch before it was read to its end");
        assert!(self.offset.is_multiple_of(SECTOR), "a batch begins at a sector");
        let offset = self.offset;
        let Some(head) =
            BatchHead::read(self.read_ahead.get(offset, SECTOR_BYTES)?, self.head.salt)
        else {
            return self.corrupt(offset, "here is neither a batch nor zeros");
        };
        let extent = head.extent();
        if self.read_ahead.bytes() - offset < wide(extent) {
            return self.corrupt(offset, "a batch is longer than its segment");
        }
        if head.first_index != self.index.next() {
            return self.corrupt(offset, "a batch is missing before this one");
        }
        if !head.fits(self.read_ahead.get(offset, extent)?) {
            // It may have been on its way to the file while it was read.
            self.read_ahead.forget();
        }
        let bytes = self.read_ahead.get(offset, extent)?;
        if !head.fits(bytes) {
            if self.is_followed {
                self.tail = Some(self.tail_of(0));
                return Ok(false);
            }
            let was_torn = bytes.chunks_exact(SECTOR_BYTES).any(is_blank);
            self.tail = Some(self.torn_batch(was_torn, extent)?);
            return Ok(false);
        }
        head.records(bytes, &mut self.batch);
        self.records_left = head.count;
        self.record = 0..0;
        self.last_batch = Some(offset);
        self.offset += wide(extent);
        Ok(true)
    }

    /// The next segment, if it was begun. A spare segment must be all zeros, and the last one.
    fn following(&mut self) -> Result<Option<(SegmentHead, ReadAhead)>, JournalError> {
        let Some(&number) = self.numbers.get(self.entered) else {
            return Ok(None);
        };
        let media = Arc::clone(&self.media);
        let next = self.index.next();
        match open_segment(&*media, number, next, Some(&self.head.stamp))? {
            OpenedSegment::Begun(head, read_ahead) => Ok(Some((head, read_ahead))),
            OpenedSegment::Spare(_) if self.is_followed => Ok(None),
            OpenedSegment::Spare(mut spare) => {
                if let Some(offset) = first_written(&mut spare, 0)? {
                    let what = "a segment that was never begun is not all zeros";
                    return spare.corrupt(offset, next, what);
                }
                if self.entered + 1 < self.numbers.len() {
                    return spare.corrupt(
                        0,
                        next,
                        "a segment was never begun, but another follows",
                    );
                }
                self.spare = Some(SpareSegment { number, bytes: spare.bytes() });
                Ok(None)
            }
        }
    }

    /// Continues in the next segment.
    fn enter(&mut self, head: SegmentHead, read_ahead: ReadAhead) -> Result<(), JournalError> {
        if let Some(offset) = first_written(&mut self.read_ahead, self.offset)? {
            return self.corrupt(offset, "bytes behind the last batch of a segment are not zeros");
        }
        if head.first_index != self.index.next() || head.chain != self.chain {
            let what = "the segment does not follow the one before it";
            return read_ahead.corrupt(0, self.index.next(), what);
        }
        assert_eq!(head.number, self.head.number + 1, "segments have no gap");
        self.begun.push(head.start());
        self.head = head;
        self.read_ahead = read_ahead;
        self.offset = SECTOR;
        self.last_batch = None;
        self.entered += 1;
        Ok(())
    }

    /// The journal ends here. What follows may be the rest of a batch whose head was never written.
    fn find_tail(&mut self) -> Result<Tail, JournalError> {
        let limit = (self.offset + BATCH_MAX).min(self.read_ahead.bytes());
        let mut end = self.offset;
        while let Some(at) = first_written(&mut self.read_ahead, end)? {
            if limit <= at {
                return self.corrupt(at, "bytes far behind the end are not zeros");
            }
            if BatchHead::read(self.read_ahead.get(at, SECTOR_BYTES)?, self.head.salt).is_some() {
                return self.corrupt(at, "a batch is behind the end");
            }
            end = at + SECTOR;
        }
        Ok(self.tail_of(end - self.offset))
    }

    /// Here is the head of a batch whose records are not as they were written.
    fn torn_batch(&mut self, was_torn: bool, extent: usize) -> Result<Tail, JournalError> {
        if !was_torn {
            return self.corrupt(self.offset, "the checksum of a batch is wrong");
        }
        let end = self.offset + wide(extent);
        let is_last =
            first_written(&mut self.read_ahead, end)?.is_none() && self.following()?.is_none();
        if !is_last {
            return self.corrupt(self.offset, "a batch is not complete, but something follows it");
        }
        Ok(self.tail_of(wide(extent)))
    }

    fn tail_of(&self, torn_bytes: u64) -> Tail {
        assert!(self.offset + torn_bytes <= self.read_ahead.bytes(), "the tail is in the segment");
        assert!(torn_bytes <= BATCH_MAX, "at most one batch is unfinished");
        Tail { file: self.file().to_owned(), offset: self.offset, torn_bytes }
    }

    fn batch_extent(&self) -> u64 {
        self.offset - self.last_batch.unwrap_or(self.offset)
    }

    /// Where the record after the current one begins.
    fn record_offset(&self) -> u64 {
        self.offset - self.batch_extent() + wide(BATCH_HEAD_BYTES + self.record.end)
    }

    fn corrupt<T>(&self, offset: u64, what: &'static str) -> Result<T, JournalError> {
        self.read_ahead.corrupt(offset, self.index.next(), what)
    }
}
