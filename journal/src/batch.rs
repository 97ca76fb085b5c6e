//! A batch: the records that were put on disk by one write and one sync.
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
//! It begins at a sector and takes whole sectors; what is left of the last is zeros before the
//! mask. The checksum of the head starts from the salt of its segment, so that the head of another
//! segment, or bytes that a client sent to look like one, are none here.
//!
//! The mask is for one thing. A sector of zeros inside a batch must mean that it was never
//! written: that is how a torn batch is told from a damaged one. Records may contain long runs of
//! zeros, so where a sector would have fewer than two bits set, all of the batch is masked until
//! none has. Not one but two, as one flipped bit must not make a written sector look unwritten.
//! A usual batch has mask zero and can be read in a dump.

use crc32c::{crc32c, crc32c_append};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::field::{get_u32, get_u64, narrow, put, short};
use crate::limits::{BATCH_BYTES_MAX, SECTOR_BYTES};
use crate::record;

/// What stands before the records.
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
    /// Head and records, without the padding.
    pub(crate) bytes: usize,
    pub(crate) count: u32,
    pub(crate) first_index: u64,
    mask: u64,
    content_crc: u32,
}

impl BatchHead {
    /// The head at the start of a sector, if one stands there.
    pub(crate) fn read(sector: &[u8], salt: u64) -> Option<Self> {
        let head = sector.get(..BATCH_HEAD_BYTES)?;
        if &head[..CRC_AT] != MAGIC || get_u32(head, CRC_AT) != head_crc(head, salt) {
            return None;
        }
        let bytes = narrow(u64::from(get_u32(head, BYTES_AT)));
        let possible = BATCH_HEAD_BYTES < bytes && bytes <= BATCH_BYTES_MAX;
        possible.then_some(Self {
            bytes,
            count: get_u32(head, COUNT_AT),
            first_index: get_u64(head, FIRST_INDEX_AT),
            mask: get_u64(head, MASK_AT),
            content_crc: get_u32(head, CONTENT_CRC_AT),
        })
    }

    /// How much of the segment it takes.
    pub(crate) fn extent(&self) -> usize {
        self.bytes.next_multiple_of(SECTOR_BYTES)
    }

    /// Whether all after the head, whole sectors, is as it was written.
    pub(crate) fn fits(&self, extent: &[u8]) -> bool {
        crc32c(&extent[BATCH_HEAD_BYTES..]) == self.content_crc
    }

    /// Puts the records into `out`, as they were before the mask.
    pub(crate) fn records(&self, extent: &[u8], out: &mut Vec<u8>) {
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
    first_index: u64,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; BATCH_HEAD_BYTES], count: 0, first_index: 0 }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Whether a record of so many bytes fits, where the batch may take so much of the segment.
    pub(crate) fn has_room(&self, record_bytes: usize, room: usize) -> bool {
        (self.bytes.len() + record_bytes).next_multiple_of(SECTOR_BYTES)
            <= room.min(BATCH_BYTES_MAX)
    }

    /// Adds an open record and closes it; returns the chain of the next.
    pub(crate) fn push(&mut self, open: &[u8], index: u64, chain: u64) -> u64 {
        if self.count == 0 {
            self.first_index = index;
        }
        self.count += 1;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(open);
        record::close(&mut self.bytes[start..], chain)
    }

    /// Fills in the head; returns what is to be written.
    pub(crate) fn seal(&mut self, salt: u64) -> &[u8] {
        let bytes = self.bytes.len();
        self.bytes.resize(bytes.next_multiple_of(SECTOR_BYTES), 0);
        let mask = self.choose_mask(salt);
        apply_mask(&mut self.bytes[BATCH_HEAD_BYTES..], mask);
        let content_crc = crc32c(&self.bytes[BATCH_HEAD_BYTES..]);
        let head = &mut self.bytes[..BATCH_HEAD_BYTES];
        put(head, 0, MAGIC);
        put(head, BYTES_AT, &short(bytes).to_le_bytes());
        put(head, COUNT_AT, &short(self.count).to_le_bytes());
        put(head, FIRST_INDEX_AT, &self.first_index.to_le_bytes());
        put(head, MASK_AT, &mask.to_le_bytes());
        put(head, CONTENT_CRC_AT, &content_crc.to_le_bytes());
        let crc = head_crc(head, salt);
        put(head, CRC_AT, &crc.to_le_bytes());
        &self.bytes
    }

    /// Starts the next one.
    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(BATCH_HEAD_BYTES);
        self.count = 0;
    }

    /// Zero if that does, or the first of many that leaves no sector sparse.
    fn choose_mask(&self, salt: u64) -> u64 {
        let mut masks = (0_u64..).map(|attempt| match attempt {
            0 => 0,
            _ => xxh3_64_with_seed(&attempt.to_le_bytes(), salt ^ self.first_index),
        });
        // The first sector has the head, whose magic alone has more than two bits set.
        let sectors = &self.bytes[SECTOR_BYTES..];
        let leaves_none_sparse =
            |mask: &u64| sectors.chunks_exact(SECTOR_BYTES).all(|sector| !is_sparse(sector, *mask));
        masks.find(leaves_none_sparse).expect("of 2^64 masks some suits 8,192 sectors")
    }
}

fn head_crc(head: &[u8], salt: u64) -> u32 {
    crc32c_append(crc32c(&salt.to_le_bytes()), &head[BYTES_AT..BATCH_HEAD_BYTES])
}

/// Whether fewer than two bits of a sector would be set under a mask.
fn is_sparse(sector: &[u8], mask: u64) -> bool {
    let mut bits = 0;
    for word in sector.chunks_exact(8) {
        bits += (get_u64(word, 0) ^ mask).count_ones();
        if 2 <= bits {
            return false;
        }
    }
    true
}

/// Xors every word; records and padding are whole words.
fn apply_mask(bytes: &mut [u8], mask: u64) {
    if mask != 0 {
        for word in bytes.chunks_exact_mut(8) {
            let masked = get_u64(word, 0) ^ mask;
            put(word, 0, &masked.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record;

    fn sealed(payloads: &[&[u8]], salt: u64) -> (Vec<u8>, u64) {
        let (mut batch, mut chain) = (Batch::new(), 5);
        for (&payload, index) in payloads.iter().zip(10..) {
            let mut open = Vec::new();
            record::push_open(&mut open, &Record { index, kind: 0, tag: 0, payload });
            chain = batch.push(&open, index, chain);
        }
        (batch.seal(salt).to_vec(), chain)
    }

    #[test]
    fn a_batch_is_read_as_it_was_written() {
        let zeros = [0; 5_000];
        let payloads: [&[u8]; 3] = [b"one", &zeros, b"three"];
        let (bytes, chain) = sealed(&payloads, 99);
        let head = BatchHead::read(&bytes, 99).unwrap();
        assert_eq!((head.first_index, head.count, head.extent()), (10, 3, bytes.len()));
        assert!(head.fits(&bytes));
        let (mut records, mut at, mut expected) = (Vec::new(), 0, 5);
        head.records(&bytes, &mut records);
        for (&payload, index) in payloads.iter().zip(10..) {
            let checked = record::check(&records[at..], index, expected).unwrap();
            assert_eq!(record::view(&records[at..]).payload, payload);
            (at, expected) = (at + checked.bytes, checked.chain);
        }
        assert_eq!((at, expected), (records.len(), chain));
    }

    #[test]
    fn a_head_counts_in_its_own_segment_only() {
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
