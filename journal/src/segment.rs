//! A segment: a file of fixed size into which batches are written, one after the other.
//!
//! ```text
//!   sector 0        1 …                                                        the end
//!   ┌──────────────┬──────────────────┬─────────┬──────────────────────────── ─ ┐
//!   │ head         │ batch            │ batch   │ zeros, written when it was made│
//!   └──────────────┴──────────────────┴─────────┴──────────────────────────── ─ ┘
//!
//!   the head
//!   0          8         12      16       24               32      40     48      56
//!   ┌──────────┬─────────┬───────┬────────┬────────────────┬───────┬──────┬───────┬────── ─
//!   │ ALLOTSEG │ version │ stamp │ number │ first index    │ chain │ salt │ bytes │ stamp
//!   └──────────┴─────────┴───────┴────────┴────────────────┴───────┴──────┴───────┴────── ─
//!                         length                            before         of the   … zeros,
//!                                                           the first      file     crc32c at 508
//! ```
//!
//! A spare segment is all zeros. The head is written and synced before the first batch.

use allot_domain::{Cursor, CutShort, LogIndex};
use crc32c::crc32c;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::field::put;
use crate::length::{narrow, short};
use crate::limits::{SECTOR, SECTOR_BYTES, STAMP_BYTES_MAX};

/// The version of the format.
pub(crate) const VERSION: u32 = 2;

const MAGIC: &[u8; 8] = b"ALLOTSEG";
const VERSION_AT: usize = 8;
const STAMP_BYTES_AT: usize = 12;
const NUMBER_AT: usize = 16;
const FIRST_INDEX_AT: usize = 24;
const CHAIN_AT: usize = 32;
const SALT_AT: usize = 40;
const BYTES_AT: usize = 48;
const STAMP_AT: usize = 56;
/// The checksum of everything before it. Snapshots have theirs at the same offset.
pub(crate) const CRC_AT: usize = SECTOR_BYTES - 4;

const _: () = assert!(STAMP_AT + STAMP_BYTES_MAX <= CRC_AT);

/// What a segment says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHead {
    pub(crate) number: u64,
    pub(crate) first_index: LogIndex,
    /// The chain that the first record must have.
    pub(crate) chain: u64,
    /// The start of the checksums of its batches.
    pub(crate) salt: u64,
    /// The length of the file.
    pub(crate) bytes: u64,
    pub(crate) stamp: String,
}

/// Which segment begins with which record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentStart {
    pub(crate) number: u64,
    pub(crate) first_index: LogIndex,
}

/// The content of the first sector of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum FirstSector {
    /// Zeros: the segment is a spare one.
    Blank,
    /// A head.
    Head(SegmentHead),
    /// A head of a version that this program does not know.
    Version(u32),
    /// Neither.
    Damaged,
}

/// The chain of the very first record. It differs for each stamp.
pub(crate) fn first_chain(stamp: &str) -> u64 {
    xxh3_64(stamp.as_bytes())
}

impl SegmentHead {
    /// The head of a segment that begins as `start` says, in a file of this length.
    pub(crate) fn new(start: SegmentStart, chain: u64, bytes: u64, stamp: &str) -> Self {
        let SegmentStart { number, first_index } = start;
        assert!(0 < number && LogIndex::ZERO < first_index, "segments and records count from 1");
        assert!(bytes.is_multiple_of(SECTOR), "a segment has whole sectors");
        assert!(stamp.len() <= STAMP_BYTES_MAX, "the stamp fits into the first sector");
        let salt = salt(number, chain, stamp);
        Self { number, first_index, chain, salt, bytes, stamp: stamp.to_owned() }
    }

    pub(crate) fn start(&self) -> SegmentStart {
        SegmentStart { number: self.number, first_index: self.first_index }
    }

    /// The first sector.
    pub(crate) fn sector(&self) -> [u8; SECTOR_BYTES] {
        let mut sector = [0; SECTOR_BYTES];
        put(&mut sector, 0, MAGIC);
        put(&mut sector, VERSION_AT, &VERSION.to_le_bytes());
        put(&mut sector, STAMP_BYTES_AT, &short(self.stamp.len()).to_le_bytes());
        put(&mut sector, NUMBER_AT, &self.number.to_le_bytes());
        put(&mut sector, FIRST_INDEX_AT, &self.first_index.get().to_le_bytes());
        put(&mut sector, CHAIN_AT, &self.chain.to_le_bytes());
        put(&mut sector, SALT_AT, &self.salt.to_le_bytes());
        put(&mut sector, BYTES_AT, &self.bytes.to_le_bytes());
        put(&mut sector, STAMP_AT, self.stamp.as_bytes());
        seal_sector(&mut sector);
        sector
    }

    /// The head in a first sector whose checksum is right.
    fn read(sector: &[u8]) -> Option<Self> {
        let (stamp_bytes, head) = Self::fields(sector).ok()?;
        let stamp = read_stamp(&sector[STAMP_AT..], stamp_bytes)?;
        let is_ours = head.salt == salt(head.number, head.chain, &stamp);
        is_ours.then_some(Self { stamp, ..head })
    }

    /// The length of the stamp, and the head without it.
    fn fields(sector: &[u8]) -> Result<(u32, Self), CutShort> {
        let mut fields = Cursor::new(&sector[STAMP_BYTES_AT..]);
        let stamp_bytes = fields.u32()?;
        let head = Self {
            number: fields.u64()?,
            first_index: LogIndex::new(fields.u64()?),
            chain: fields.u64()?,
            salt: fields.u64()?,
            bytes: fields.u64()?,
            stamp: String::new(),
        };
        Ok((stamp_bytes, head))
    }
}

impl FirstSector {
    /// # Panics
    /// When it is not exactly one sector.
    pub(crate) fn read(sector: &[u8]) -> Self {
        assert_eq!(sector.len(), SECTOR_BYTES);
        if is_blank(sector) {
            return Self::Blank;
        }
        match version(sector, MAGIC) {
            None => Self::Damaged,
            Some(VERSION) => SegmentHead::read(sector).map_or(Self::Damaged, Self::Head),
            Some(version) => Self::Version(version),
        }
    }
}

/// Adds the checksum to a first sector.
pub(crate) fn seal_sector(sector: &mut [u8; SECTOR_BYTES]) {
    let crc = crc32c(&sector[..CRC_AT]);
    put(sector, CRC_AT, &crc.to_le_bytes());
}

/// The version in a first sector with this magic; `None` unless its checksum is right.
pub(crate) fn version(sector: &[u8], magic: &[u8; 8]) -> Option<u32> {
    let crc = Cursor::new(&sector[CRC_AT..]).u32().ok()?;
    let is_sealed = sector.starts_with(magic) && crc32c(&sector[..CRC_AT]) == crc;
    let version = Cursor::new(&sector[VERSION_AT..]).u32().ok()?;
    is_sealed.then_some(version)
}

/// The stamp of this length at the start of `bytes`, from a sector whose checksum is right.
pub(crate) fn read_stamp(bytes: &[u8], stamp_bytes: u32) -> Option<String> {
    let length = narrow(u64::from(stamp_bytes));
    let stamp = bytes.get(..length).filter(|stamp| stamp.len() <= STAMP_BYTES_MAX)?;
    String::from_utf8(stamp.to_vec()).ok()
}

/// Whether all bytes are zeros.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    const ZEROS: [u8; SECTOR_BYTES] = [0; SECTOR_BYTES];
    bytes.chunks(SECTOR_BYTES).all(|sector| sector == &ZEROS[..sector.len()])
}

/// Needs no randomness: the chain differs for every history.
fn salt(number: u64, chain: u64, stamp: &str) -> u64 {
    xxh3_64_with_seed(stamp.as_bytes(), number ^ chain.rotate_left(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(stamp: &str) -> SegmentHead {
        let start = SegmentStart { number: 3, first_index: LogIndex::new(1_000) };
        SegmentHead::new(start, 77, 4_096, stamp)
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        for stamp in ["", "shard 0 of 2, blend 0/1, history 65536", &"x".repeat(256)] {
            let head = head(stamp);
            assert_eq!(FirstSector::read(&head.sector()), FirstSector::Head(head));
        }
    }

    #[test]
    fn every_flipped_bit_of_a_head_is_detected() {
        let sector = head("shard 0 of 2").sector();
        for bit in 0..sector.len() * 8 {
            let mut flipped = sector;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FirstSector::read(&flipped), FirstSector::Damaged, "bit {bit}");
        }
    }

    #[test]
    fn zeros_are_a_spare_segment_and_a_later_version_is_named() {
        assert_eq!(FirstSector::read(&[0; SECTOR_BYTES]), FirstSector::Blank);
        let mut sector = head("").sector();
        put(&mut sector, VERSION_AT, &3_u32.to_le_bytes());
        seal_sector(&mut sector);
        assert_eq!(FirstSector::read(&sector), FirstSector::Version(3));
    }
}
