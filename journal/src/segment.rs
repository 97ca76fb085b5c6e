//! A segment: a file of fixed size that batches are written into, one after the other.
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
//! A spare one is all zeros. The head is written and synced before the first batch is written.

use crc32c::crc32c;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::field::{get_u32, get_u64, narrow, put, short};
use crate::limits::{SECTOR_BYTES, STAMP_BYTES_MAX};

/// The version of the format.
pub(crate) const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"ALLOTSEG";
const VERSION_AT: usize = 8;
const STAMP_BYTES_AT: usize = 12;
const NUMBER_AT: usize = 16;
const FIRST_INDEX_AT: usize = 24;
const CHAIN_AT: usize = 32;
const SALT_AT: usize = 40;
const BYTES_AT: usize = 48;
const STAMP_AT: usize = 56;
/// The checksum of everything before it; snapshots have it at the same place.
pub(crate) const CRC_AT: usize = SECTOR_BYTES - 4;

const _: () = assert!(STAMP_AT + STAMP_BYTES_MAX <= CRC_AT);

/// What a segment says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHead {
    pub(crate) number: u64,
    pub(crate) first_index: u64,
    /// What the first record must have as its chain.
    pub(crate) chain: u64,
    /// Where the checksums of its batches start.
    pub(crate) salt: u64,
    /// The length of the file.
    pub(crate) bytes: u64,
    pub(crate) stamp: String,
}

/// What the first sector of a segment is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum FirstSector {
    /// Zeros: the segment is a spare one.
    Blank,
    /// A head.
    Head(SegmentHead),
    /// A head of a version that we do not know.
    Version(u32),
    /// Neither.
    Damaged,
}

/// The chain of the first record of all: another one for each stamp.
pub(crate) fn first_chain(stamp: &str) -> u64 {
    xxh3_64(stamp.as_bytes())
}

impl SegmentHead {
    pub(crate) fn new(number: u64, first_index: u64, chain: u64, bytes: u64, stamp: &str) -> Self {
        let salt = salt(number, chain, stamp);
        Self { number, first_index, chain, salt, bytes, stamp: stamp.to_owned() }
    }

    /// The first sector.
    pub(crate) fn sector(&self) -> [u8; SECTOR_BYTES] {
        let mut sector = [0; SECTOR_BYTES];
        put(&mut sector, 0, MAGIC);
        put(&mut sector, VERSION_AT, &VERSION.to_le_bytes());
        put(&mut sector, STAMP_BYTES_AT, &short(self.stamp.len()).to_le_bytes());
        put(&mut sector, NUMBER_AT, &self.number.to_le_bytes());
        put(&mut sector, FIRST_INDEX_AT, &self.first_index.to_le_bytes());
        put(&mut sector, CHAIN_AT, &self.chain.to_le_bytes());
        put(&mut sector, SALT_AT, &self.salt.to_le_bytes());
        put(&mut sector, BYTES_AT, &self.bytes.to_le_bytes());
        put(&mut sector, STAMP_AT, self.stamp.as_bytes());
        let crc = crc32c(&sector[..CRC_AT]);
        put(&mut sector, CRC_AT, &crc.to_le_bytes());
        sector
    }

    fn read(sector: &[u8]) -> Option<Self> {
        let head = Self {
            number: get_u64(sector, NUMBER_AT),
            first_index: get_u64(sector, FIRST_INDEX_AT),
            chain: get_u64(sector, CHAIN_AT),
            salt: get_u64(sector, SALT_AT),
            bytes: get_u64(sector, BYTES_AT),
            stamp: read_stamp(sector, STAMP_BYTES_AT, STAMP_AT)?,
        };
        (head.salt == salt(head.number, head.chain, &head.stamp)).then_some(head)
    }
}

impl FirstSector {
    /// # Panics
    /// When it is no whole sector.
    pub(crate) fn read(sector: &[u8]) -> Self {
        assert_eq!(sector.len(), SECTOR_BYTES);
        if is_blank(sector) {
            return Self::Blank;
        }
        let whole = &sector[..8] == MAGIC && crc32c(&sector[..CRC_AT]) == get_u32(sector, CRC_AT);
        match get_u32(sector, VERSION_AT) {
            VERSION if whole => SegmentHead::read(sector).map_or(Self::Damaged, Self::Head),
            version if whole => Self::Version(version),
            _ => Self::Damaged,
        }
    }
}

/// The stamp in a first sector, whose checksum is good.
pub(crate) fn read_stamp(sector: &[u8], length_at: usize, stamp_at: usize) -> Option<String> {
    let length = narrow(u64::from(get_u32(sector, length_at)));
    let stamp = (length <= STAMP_BYTES_MAX).then(|| &sector[stamp_at..stamp_at + length])?;
    String::from_utf8(stamp.to_vec()).ok()
}

/// Whether bytes are all zeros.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    const ZEROS: [u8; SECTOR_BYTES] = [0; SECTOR_BYTES];
    bytes.chunks(SECTOR_BYTES).all(|sector| sector == &ZEROS[..sector.len()])
}

/// No dice are needed: the chain differs for every history.
fn salt(number: u64, chain: u64, stamp: &str) -> u64 {
    xxh3_64_with_seed(stamp.as_bytes(), number ^ chain.rotate_left(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        for stamp in ["", "shard 0 of 2, blend 0/1, history 65536", &"x".repeat(256)] {
            let head = SegmentHead::new(3, 1_000, 77, 4_096, stamp);
            assert_eq!(FirstSector::read(&head.sector()), FirstSector::Head(head));
        }
    }

    #[test]
    fn no_bit_of_a_head_changes_unseen() {
        let sector = SegmentHead::new(3, 1_000, 77, 4_096, "shard 0 of 2").sector();
        for bit in 0..sector.len() * 8 {
            let mut flipped = sector;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FirstSector::read(&flipped), FirstSector::Damaged, "bit {bit}");
        }
    }

    #[test]
    fn zeros_are_a_spare_segment_and_a_later_version_is_named() {
        assert_eq!(FirstSector::read(&[0; SECTOR_BYTES]), FirstSector::Blank);
        let mut sector = SegmentHead::new(3, 1_000, 77, 4_096, "").sector();
        put(&mut sector, VERSION_AT, &2_u32.to_le_bytes());
        let crc = crc32c(&sector[..CRC_AT]);
        put(&mut sector, CRC_AT, &crc.to_le_bytes());
        assert_eq!(FirstSector::read(&sector), FirstSector::Version(2));
    }
}
