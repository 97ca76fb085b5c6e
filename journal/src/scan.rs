//! A scan: all records from some segment on, in order, each checked; and where the journal ends.
//!
//! The one rule behind it: a batch is written only after the one before it was synced. So what a
//! crash left unfinished is one batch at the very end, with sectors that are still zeros; all else
//! that is not as it was written is damage, and the scan stops there.
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

use std::sync::Arc;

use crate::batch::{BATCH_HEAD_BYTES, BatchHead};
use crate::field::{narrow, wide};
use crate::file_name::{self, NUMBER_MAX};
use crate::limits::{BATCH_MAX, READ_AHEAD_BYTES, SECTOR, SECTOR_BYTES};
use crate::read_ahead::ReadAhead;
use crate::record::{self, Record};
use crate::segment::{FirstSector, SegmentHead, first_chain, is_blank};
use crate::{JournalError, Media};

/// Where a journal ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tail {
    /// The segment.
    pub file: String,
    /// The first byte after the last whole batch.
    pub offset: u64,
    /// How many bytes from there on a batch takes that was never finished, and so never answered.
    /// A start cuts them.
    pub torn_bytes: u64,
}

/// A segment that was looked into.
pub(crate) enum Opened {
    /// It is all zeros as far as the first sector says.
    Spare(ReadAhead),
    /// It was begun.
    Begun(SegmentHead, ReadAhead),
}

/// A walk over records.
pub(crate) struct Scan {
    media: Arc<dyn Media>,
    /// The segments from the first one on, without a gap.
    numbers: Vec<u64>,
    /// How many of them were opened.
    opened: usize,
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
    record: (usize, usize),
    index: u64,
    chain: u64,
    /// The first indexes of the segments so far.
    begun: Vec<(u64, u64)>,
    spare: Option<(u64, u64)>,
    tail: Option<Tail>,
}

/// Looks into a segment. `index` is the record that is looked for, and named if it is not to
/// be had; the stamp must be this one, if there is one.
pub(crate) fn open_segment(
    media: &dyn Media,
    number: u64,
    index: u64,
    stamp: Option<&str>,
) -> Result<Opened, JournalError> {
    let mut read_ahead = ReadAhead::open(media, file_name::segment(number))?;
    let file = read_ahead.name().to_owned();
    let corrupt = |what| Err(JournalError::Corrupt { file: file.clone(), offset: 0, index, what });
    if read_ahead.bytes() < SECTOR {
        return corrupt("the file was cut off");
    }
    let head = match FirstSector::read(read_ahead.get(0, SECTOR_BYTES)?) {
        FirstSector::Blank => return Ok(Opened::Spare(read_ahead)),
        FirstSector::Version(version) => return Err(JournalError::Version { file, version }),
        FirstSector::Damaged => return corrupt("the head of the segment is not as it was written"),
        FirstSector::Head(head) => head,
    };
    if let Some(stamp) = stamp.filter(|stamp| *stamp != head.stamp) {
        let (stored, configured) = (head.stamp, stamp.to_owned());
        return Err(JournalError::Stamp { file, stored, configured });
    }
    if !(1..=NUMBER_MAX).contains(&head.first_index) {
        return corrupt("the segment begins with an impossible record");
    }
    let first = (1, first_chain(&head.stamp));
    if head.number != number || (number == 1 && (head.first_index, head.chain) != first) {
        return corrupt("the segment has the name of another");
    }
    if head.bytes != read_ahead.bytes() || !head.bytes.is_multiple_of(SECTOR) {
        return corrupt("the file does not have the length it was made with");
    }
    Ok(Opened::Begun(head, read_ahead))
}

impl Scan {
    /// Starts before the first record of a segment; `numbers` are those of the segments after it.
    pub(crate) fn start(
        media: Arc<dyn Media>,
        head: SegmentHead,
        read_ahead: ReadAhead,
        numbers: Vec<u64>,
    ) -> Self {
        Self {
            media,
            numbers,
            opened: 0,
            read_ahead,
            offset: SECTOR,
            last_batch: None,
            batch: Vec::new(),
            records_left: 0,
            record: (0, 0),
            index: head.first_index - 1,
            chain: head.chain,
            begun: vec![(head.number, head.first_index)],
            spare: None,
            tail: None,
            head,
        }
    }

    /// Goes to the next record; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, JournalError> {
        if self.record.1 == self.batch.len() {
            if self.records_left != 0 {
                return self
                    .corrupt(self.record_offset(), "a batch has fewer records than it says");
            }
            if !self.next_batch()? {
                return Ok(false);
            }
        }
        let start = self.record.1;
        match record::check(&self.batch[start..], self.index + 1, self.chain) {
            Err(what) => self.corrupt(self.record_offset(), what),
            Ok(_) if self.records_left == 0 => {
                self.corrupt(self.record_offset(), "a batch has more records than it says")
            }
            Ok(checked) => {
                self.record = (start, start + checked.bytes);
                self.index += 1;
                self.chain = checked.chain;
                self.records_left -= 1;
                Ok(true)
            }
        }
    }

    /// The record that the last [`advance`](Self::advance) went to.
    pub(crate) fn record(&self) -> Record<'_> {
        record::view(&self.batch[self.record.0..self.record.1])
    }

    /// Where that record is in its segment; in a masked batch, where it would be.
    pub(crate) fn record_at(&self) -> u64 {
        self.offset - self.batch_extent() + wide(BATCH_HEAD_BYTES + self.record.0)
    }

    /// How much of the segment that record takes.
    pub(crate) fn record_bytes(&self) -> u64 {
        wide(self.record.1 - self.record.0)
    }

    /// The last index so far.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// What the next record must have as its chain.
    pub(crate) fn chain(&self) -> u64 {
        self.chain
    }

    /// The segment it stands in.
    pub(crate) fn head(&self) -> &SegmentHead {
        &self.head
    }

    /// The name of that segment.
    pub(crate) fn file(&self) -> &str {
        self.read_ahead.name()
    }

    /// Where the next batch of that segment begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Number and first index of each segment so far.
    pub(crate) fn begun(&self) -> &[(u64, u64)] {
        &self.begun
    }

    /// Number and length of the spare segment, once the end was reached.
    pub(crate) fn spare(&self) -> Option<(u64, u64)> {
        self.spare
    }

    /// Where the journal ends, once the end was reached.
    pub(crate) fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// The last batch of this segment as it is on disk, or its head if it has none.
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
                Some((head, read_ahead)) => self.enter(head, read_ahead)?,
                None => self.tail = Some(self.find_tail()?),
            }
        }
        Ok(false)
    }

    fn take_batch(&mut self) -> Result<bool, JournalError> {
        let offset = self.offset;
        let Some(head) =
            BatchHead::read(self.read_ahead.get(offset, SECTOR_BYTES)?, self.head.salt)
        else {
            return self.corrupt(offset, "neither zeros nor the head of a batch stand here");
        };
        let extent = head.extent();
        if self.read_ahead.bytes() - offset < wide(extent) {
            return self.corrupt(offset, "a batch is longer than its segment");
        }
        if head.first_index != self.index + 1 {
            return self.corrupt(offset, "a batch is missing before this one");
        }
        let bytes = self.read_ahead.get(offset, extent)?;
        if !head.fits(bytes) {
            let was_torn = bytes.chunks_exact(SECTOR_BYTES).any(is_blank);
            self.tail = Some(self.torn_batch(was_torn, extent)?);
            return Ok(false);
        }
        head.records(bytes, &mut self.batch);
        (self.records_left, self.record) = (head.count, (0, 0));
        self.last_batch = Some(offset);
        self.offset += wide(extent);
        Ok(true)
    }

    /// The next segment, if it was begun. A spare one must be whole, and the last.
    fn following(&mut self) -> Result<Option<(SegmentHead, ReadAhead)>, JournalError> {
        let Some(&number) = self.numbers.get(self.opened) else {
            return Ok(None);
        };
        let (media, next) = (Arc::clone(&self.media), self.index + 1);
        match open_segment(&*media, number, next, Some(&self.head.stamp))? {
            Opened::Begun(head, read_ahead) => Ok(Some((head, read_ahead))),
            Opened::Spare(mut spare) => {
                if let Some(offset) = first_written(&mut spare, 0)? {
                    let what = "something stands in a segment that was never begun";
                    return corrupt(&spare, offset, next, what);
                }
                if self.opened + 1 < self.numbers.len() {
                    return corrupt(
                        &spare,
                        0,
                        next,
                        "a segment was never begun, and another follows",
                    );
                }
                self.spare = Some((number, spare.bytes()));
                Ok(None)
            }
        }
    }

    /// Goes on in the next segment.
    fn enter(&mut self, head: SegmentHead, read_ahead: ReadAhead) -> Result<(), JournalError> {
        if let Some(offset) = first_written(&mut self.read_ahead, self.offset)? {
            return self.corrupt(offset, "something stands behind the end of a segment");
        }
        if (head.first_index, head.chain) != (self.index + 1, self.chain) {
            let what = "the segment does not belong after the one before it";
            return corrupt(&read_ahead, 0, self.index + 1, what);
        }
        self.begun.push((head.number, head.first_index));
        (self.head, self.read_ahead) = (head, read_ahead);
        (self.offset, self.last_batch) = (SECTOR, None);
        self.opened += 1;
        Ok(())
    }

    /// The end is here, and what follows may be the rest of a batch whose head was never written.
    fn find_tail(&mut self) -> Result<Tail, JournalError> {
        let limit = (self.offset + BATCH_MAX).min(self.read_ahead.bytes());
        let mut end = self.offset;
        while let Some(at) = first_written(&mut self.read_ahead, end)? {
            if limit <= at {
                return self.corrupt(at, "something stands far behind the end");
            }
            if BatchHead::read(self.read_ahead.get(at, SECTOR_BYTES)?, self.head.salt).is_some() {
                return self.corrupt(at, "a batch stands behind the end");
            }
            end = at + SECTOR;
        }
        Ok(self.tail_of(end - self.offset))
    }

    /// The head is here, and the records are not as they were written.
    fn torn_batch(&mut self, was_torn: bool, extent: usize) -> Result<Tail, JournalError> {
        if !was_torn {
            return self.corrupt(self.offset, "the checksum of a batch is wrong");
        }
        let end = self.offset + wide(extent);
        let is_last =
            first_written(&mut self.read_ahead, end)?.is_none() && self.following()?.is_none();
        if !is_last {
            return self.corrupt(self.offset, "a batch is not whole, and something follows it");
        }
        Ok(self.tail_of(wide(extent)))
    }

    fn tail_of(&self, torn_bytes: u64) -> Tail {
        Tail { file: self.file().to_owned(), offset: self.offset, torn_bytes }
    }

    fn batch_extent(&self) -> u64 {
        self.offset - self.last_batch.unwrap_or(self.offset)
    }

    /// Where the record after the current one is.
    fn record_offset(&self) -> u64 {
        self.offset - self.batch_extent() + wide(BATCH_HEAD_BYTES + self.record.1)
    }

    fn corrupt<T>(&self, offset: u64, what: &'static str) -> Result<T, JournalError> {
        corrupt(&self.read_ahead, offset, self.index + 1, what)
    }
}

pub(crate) fn corrupt<T>(
    read_ahead: &ReadAhead,
    offset: u64,
    index: u64,
    what: &'static str,
) -> Result<T, JournalError> {
    Err(JournalError::Corrupt { file: read_ahead.name().to_owned(), offset, index, what })
}

/// The first sector from `offset` on that is not zeros.
pub(crate) fn first_written(
    read_ahead: &mut ReadAhead,
    offset: u64,
) -> Result<Option<u64>, JournalError> {
    let mut at = offset;
    while at < read_ahead.bytes() {
        let length = narrow((read_ahead.bytes() - at).min(wide(READ_AHEAD_BYTES)));
        let bytes = read_ahead.get(at, length)?;
        let sectors = bytes.chunks(SECTOR_BYTES);
        if let Some((_, found)) =
            sectors.zip((at..).step_by(SECTOR_BYTES)).find(|(s, _)| !is_blank(s))
        {
            return Ok(Some(found));
        }
        at += wide(length);
    }
    Ok(None)
}
