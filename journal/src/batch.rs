//! A batch: the records that one write and one sync put on disk.
//!
//! ```text
//!   0       4       8       12      16               24               32      36      64
//!   ┌───────┬───────┬───────┬───────┬────────────────┬────────────────┬───────┬───────┬──── ─
//!   │ ABAT  │ crc32c│ bytes │ count │ first index    │ mask           │ crc32c│ zeros │ records
//!   └───────┴───────┴───────┴───────┴────────────────┴────────────────┴───────┴───────┴──── ─
//!            of 8–63 head and                         every word after of all after the head,
//!                    records                          the head is xored with it    as it is
//! ```
//!
//! A batch begins at a sector and takes whole sectors; zeros fill the last one before the mask is
//! applied. The checksum of the head starts from the salt of its segment, so that the head of a
//! batch of another segment, or bytes from a client that look like one, are not accepted.
//!
//! The mask has one purpose. A sector of zeros inside a batch must mean that it was never written:
//! that is how a torn batch is told from a damaged one. Records may contain long runs of zeros, so
//! if any sector would have fewer than two bits set, the whole batch is masked until none has.
//! Two bits and not one, because one flipped bit must not make a written sector look unwritten.
//! Most batches have mask zero and can be read in a dump.

use allot_domain::{Cursor, CutShort, LogIndex};
use crc32c::{crc32c, crc32c_append};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::field::put;
use crate::length::{narrow, short, wide};
use crate::limits::{BATCH_BYTES_MAX, SECTOR_BYTES};
use crate::record;

/// The length of everything before the records.
pub(crate) const BATCH_HEAD_BYTES: usize = 64;

const MAGIC: &[u8; 4] = b"ABAT";
const CRC_AT: usize = 4;
const BYTES_AT: usize = 8;
const COUNT_AT: usize = 12;
const FIRST_INDEX_AT: usize = 16;
const MASK_AT: usize = 24;
const CONTENT_CRC_AT: usize = 32;

/// The head of a batch on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BatchHead {
    /// Of head and records, without the padding.
    pub(crate) bytes: usize,
    pub(crate) count: u32,
    pub(crate) first_index: LogIndex,
    mask: u64,
    content_crc: u32,
}

impl BatchHead {
    /// The head at the start of a sector, if there is one.
    pub(crate) fn read(sector: &[u8], salt: u64) -> Option<Self> {
        let head = sector.get(..BATCH_HEAD_BYTES)?;
        let (crc, fields) = Self::fields(head).ok()?;
        let is_head = head.starts_with(MAGIC) && crc == head_crc(head, salt);
        let is_possible = BATCH_HEAD_BYTES < fields.bytes && fields.bytes <= BATCH_BYTES_MAX;
        (is_head && is_possible).then_some(fields)
    }

    /// The checksum of the head, and the other fields.
    fn fields(head: &[u8]) -> Result<(u32, Self), CutShort> {
        let mut fields = Cursor::new(head);
        fields.take(MAGIC.len())?;
        let crc = fields.u32()?;
        let head = Self {
            bytes: narrow(u64::from(fields.u32()?)),
            count: fields.u32()?,
            first_index: LogIndex::new(fields.u64()?),
            mask: fields.u64()?,
            content_crc: fields.u32()?,
        };
        Ok((crc, head))
    }

    /// How much of the segment the batch takes.
    pub(crate) fn extent(&self) -> usize {
        self.bytes.next_multiple_of(SECTOR_BYTES)
    }

    /// Whether everything after the head, in whole sectors, is as it was written.
    pub(crate) fn fits(&self, extent: &[u8]) -> bool {
        assert_eq!(extent.len(), self.extent(), "all sectors of the batch");
        crc32c(&extent[BATCH_HEAD_BYTES..]) == self.content_crc
    }

    /// Copies the records into `out` and removes the mask.
    pub(crate) fn records(&self, extent: &[u8], out: &mut Vec<u8>) {
        assert_eq!(extent.len(), self.extent(), "all sectors of the batch");
        out.clear();
        out.extend_from_slice(&extent[BATCH_HEAD_BYTES..self.bytes]);
        apply_mask(out, self.mask);
    }
}

/// The batch that is being gathered.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    count: usize,
    first_index: LogIndex,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; BATCH_HEAD_BYTES], count: 0, first_index: LogIndex::ZERO }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The index after its last record, if it has any.
    fn end(&self) -> Option<LogIndex> {
        (0 < self.count).then(|| LogIndex::new(self.first_index.get() + wide(self.count)))
    }

    /// Whether a record of this length fits into a batch for which the segment has this much room.
    pub(crate) fn has_room(&self, record_bytes: usize, room: usize) -> bool {
        (self.bytes.len() + record_bytes).next_multiple_of(SECTOR_BYTES)
            <= room.min(BATCH_BYTES_MAX)
    }

    /// Adds an open record and closes it; returns the chain of the next.
    pub(crate) fn push(&mut self, open: &[u8], index: LogIndex, chain: u64) -> u64 {
        assert!(self.end().is_none_or(|end| end == index), "a batch has no gap");
        if self.count == 0 {
            self.first_index = index;
        }
        self.count += 1;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(open);
        record::close(&mut self.bytes[start..], index, chain)
    }

    /// Fills in the head of a batch that ends with record `last`; returns what is to be written.
    pub(crate) fn seal(&mut self, last: LogIndex, salt: u64) -> &[u8] {
        assert_eq!(self.end(), Some(last.next()), "a batch has no gap, and is not empty");
        let bytes = self.bytes.len();
        self.bytes.resize(bytes.next_multiple_of(SECTOR_BYTES), 0);
        assert!(self.bytes.len() <= BATCH_BYTES_MAX, "the reader accepts no longer batch");
        let mask = self.choose_mask(salt);
        apply_mask(&mut self.bytes[BATCH_HEAD_BYTES..], mask);
        let content_crc = crc32c(&self.bytes[BATCH_HEAD_BYTES..]);
        let head = &mut self.bytes[..BATCH_HEAD_BYTES];
        put(head, 0, MAGIC);
        put(head, BYTES_AT, &short(bytes).to_le_bytes());
        put(head, COUNT_AT, &short(self.count).to_le_bytes());
        put(head, FIRST_INDEX_AT, &self.first_index.get().to_le_bytes());
        put(head, MASK_AT, &mask.to_le_bytes());
        put(head, CONTENT_CRC_AT, &content_crc.to_le_bytes());
        let crc = head_crc(head, salt);
        put(head, CRC_AT, &crc.to_le_bytes());
        &self.bytes
    }

    /// Empties it for the next batch.
    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(BATCH_HEAD_BYTES);
        self.count = 0;
    }

    /// The first mask that leaves no sector sparse, beginning with zero.
    fn choose_mask(&self, salt: u64) -> u64 {
        let mut masks = (0_u64..).map(|attempt| match attempt {
            0 => 0,
            _ => xxh3_64_with_seed(&attempt.to_le_bytes(), salt ^ self.first_index.get()),
        });
        // The first sector holds the head, whose magic alone has more than two bits set.
        let sectors = &self.bytes[SECTOR_BYTES..];
        let leaves_none_sparse =
            |mask: &u64| sectors.chunks_exact(SECTOR_BYTES).all(|sector| !is_sparse(sector, *mask));
        masks.find(leaves_none_sparse).expect("one of 2^64 masks suits 8,192 sectors")
    }
}

fn head_crc(head: &[u8], salt: u64) -> u32 {
    crc32c_append(crc32c(&salt.to_le_bytes()), &head[BYTES_AT..BATCH_HEAD_BYTES])
}

/// Whether a sector would have fewer than two bits set under a mask.
fn is_sparse(sector: &[u8], mask: u64) -> bool {
    let mut bits = 0;
    for word in sector.as_chunks().0 {
        bits += (u64::from_le_bytes(*word) ^ mask).count_ones();
        if 2 <= bits {
            return false;
        }
    }
    true
}

/// Xors every word; records and padding are whole words.
fn apply_mask(bytes: &mut [u8], mask: u64) {
    if mask != 0 {
        for word in bytes.as_chunks_mut().0 {
            *word = (u64::from_le_bytes(*word) ^ mask).to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record;

    fn sealed(payloads: &[&[u8]], salt: u64) -> (Vec<u8>, u64) {
        let (mut batch, mut chain) = (Batch::new(), 5);
        let mut last = LogIndex::ZERO;
        for (&payload, index) in payloads.iter().zip(10..) {
            let (mut open, index) = (Vec::new(), LogIndex::new(index));
            record::push_open(&mut open, &Record { index, time_ns: 0, kind: 0, tag: 0, payload });
            chain = batch.push(&open, index, chain);
            last = index;
        }
        (batch.seal(last, salt).to_vec(), chain)
    }

    #[test]
    fn a_batch_is_read_as_it_was_written() {
        let zeros = [0; 5_000];
        let payloads: [&[u8]; 3] = [b"one", &zeros, b"three"];
        let (bytes, chain) = sealed(&payloads, 99);
        let head = BatchHead::read(&bytes, 99).unwrap();
        assert_eq!((head.first_index.get(), head.count, head.extent()), (10, 3, bytes.len()));
        assert!(head.fits(&bytes));
        let (mut records, mut at, mut expected) = (Vec::new(), 0, 5);
        head.records(&bytes, &mut records);
        for (&payload, index) in payloads.iter().zip(10..) {
            let checked = record::check(&records[at..], LogIndex::new(index), expected).unwrap();
            let record = &records[at..at + checked.bytes];
            assert_eq!(record::view(record).payload, payload);
            (at, expected) = (at + checked.bytes, checked.chain);
        }
        assert_eq!((at, expected), (records.len(), chain));
    }

    #[test]
    fn a_head_is_accepted_in_its_own_segment_only() {
        let (bytes, _) = sealed(&[b"one"], 99);
        assert_eq!(BatchHead::read(&bytes, 98), None);
        assert_eq!(BatchHead::read(&bytes[..63], 99), None);
        for bit in 0..BATCH_HEAD_BYTES * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(BatchHead::read(&flipped, 99), None, "bit {bit}");
        }
    }

    #[test]
    fn no_written_sector_has_fewer_than_two_bits_set() {
        let (zeros, mut one_bit) = ([0; 4_000], [0; 4_000]);
        one_bit[2_000] = 16;
        for payload in [&zeros, &one_bit] {
            let (bytes, _) = sealed(&[payload], 99);
            for sector in bytes.chunks_exact(SECTOR_BYTES) {
                assert!(2 <= sector.iter().map(|byte| byte.count_ones()).sum::<u32>());
            }
        }
    }

    #[test]
    fn only_what_needs_a_mask_has_one() {
        let text = b"plain words".repeat(200);
        let (bytes, _) = sealed(&[&text], 99);
        assert_eq!(BatchHead::read(&bytes, 99).unwrap().mask, 0);
        assert!(bytes.windows(text.len()).any(|run| run == text));
        let (bytes, _) = sealed(&[&[0; 2_000]], 99);
        assert_ne!(BatchHead::read(&bytes, 99).unwrap().mask, 0);
    }
}
