//! A record: one input, with the proof that it is complete and in its position.
//!
//! ```text
//!   0        4        8        16               24     32  33  34    36
//!   ┌────────┬────────┬────────┬────────────────┬──────┬───┬───┬─────┬─────────┬─────────┐
//!   │ length │ crc32c │ index  │ chain          │ time │ k │ t │ 0 0 │ payload │ zeros   │
//!   └────────┴────────┴────────┴────────────────┴──────┴───┴───┴─────┴─────────┴─────────┘
//!    without  of the             xxh3_64 of the         kind tag       to a multiple of 8 ┘
//!    the      length, and        record before
//!    zeros    all after it
//! ```
//!
//! The chain covers complete records and nothing else. So it does not depend on how they were
//! batched, and each hash covers all records before it.

use allot_domain::{Cursor, CutShort, LogIndex};
use crc32c::crc32c_append;
use xxhash_rust::xxh3::xxh3_64;

use crate::field::put;
use crate::length::{narrow, short};
use crate::limits::PAYLOAD_BYTES_MAX;

/// The length of everything before the payload.
pub(crate) const RECORD_HEAD_BYTES: usize = 36;
/// Records begin at multiples of this, so that no field straddles two words.
const ALIGNMENT: usize = 8;

const CRC_AT: usize = 4;
const INDEX_AT: usize = 8;
const CHAIN_AT: usize = 16;

const _: () = assert!(RECORD_HEAD_BYTES + PAYLOAD_BYTES_MAX < 1 << 31);

/// One record of the journal, as it was appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// Its position; the first record has index 1.
    pub index: LogIndex,
    /// When it was taken, in nanoseconds of Unix time. The journal does not interpret it.
    pub time_ns: u64,
    /// What the payload is. The journal does not interpret it.
    pub kind: u8,
    /// A second byte for the caller. The journal does not interpret it.
    pub tag: u8,
    /// What was appended.
    pub payload: &'a [u8],
}

/// What follows from a record that was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Checked {
    /// Its length, with the padding.
    pub(crate) bytes: usize,
    /// The chain of the record after it.
    pub(crate) chain: u64,
}

/// The fields before the payload.
struct RecordHead {
    /// Of head and payload, without the padding.
    length: usize,
    crc: u32,
    index: LogIndex,
    chain: u64,
    time_ns: u64,
    kind: u8,
    tag: u8,
}

impl RecordHead {
    fn read(bytes: &[u8]) -> Result<Self, CutShort> {
        let mut fields = Cursor::new(bytes);
        Ok(Self {
            length: narrow(u64::from(fields.u32()?)),
            crc: fields.u32()?,
            index: LogIndex::new(fields.u64()?),
            chain: fields.u64()?,
            time_ns: fields.u64()?,
            kind: fields.u8()?,
            tag: fields.u8()?,
        })
    }
}

/// The length of a record with a payload of this length.
pub(crate) const fn record_bytes(payload_bytes: usize) -> usize {
    (RECORD_HEAD_BYTES + payload_bytes).next_multiple_of(ALIGNMENT)
}

/// Appends an open record: checksum and chain are added by [`close`].
pub(crate) fn push_open(out: &mut Vec<u8>, record: &Record<'_>) {
    let start = out.len();
    let length = RECORD_HEAD_BYTES + record.payload.len();
    out.extend_from_slice(&short(length).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.index.get().to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&record.time_ns.to_le_bytes());
    out.extend_from_slice(&[record.kind, record.tag, 0, 0]);
    out.extend_from_slice(record.payload);
    out.resize(start + length.next_multiple_of(ALIGNMENT), 0);
}

/// The length of the open record at the start of `bytes`, with its padding.
pub(crate) fn open_bytes(bytes: &[u8]) -> usize {
    let length = Cursor::new(bytes).u32().expect("a frame of records holds complete records");
    narrow(u64::from(length)).next_multiple_of(ALIGNMENT)
}

/// Adds chain and checksum to the open record with this index; returns the chain of the next.
pub(crate) fn close(record: &mut [u8], index: LogIndex, chain: u64) -> u64 {
    let head = RecordHead::read(record).expect("an open record has a head");
    assert_eq!(head.index, index, "records are closed in the order in which they were appended");
    assert_eq!(record.len(), head.length.next_multiple_of(ALIGNMENT), "one record, and all of it");
    put(record, CHAIN_AT, &chain.to_le_bytes());
    let checksum = checksum(record, head.length);
    put(record, CRC_AT, &checksum.to_le_bytes());
    xxh3_64(record)
}

/// The record in `bytes`, which [`check`] has accepted.
pub(crate) fn view(bytes: &[u8]) -> Record<'_> {
    let RecordHead { length, index, time_ns, kind, tag, .. } =
        RecordHead::read(bytes).expect("the record was checked");
    assert_eq!(bytes.len(), length.next_multiple_of(ALIGNMENT), "one record, and all of it");
    Record { index, time_ns, kind, tag, payload: &bytes[RECORD_HEAD_BYTES..length] }
}

/// Checks the record at the start of `bytes`: it must have this index and this chain.
pub(crate) fn check(bytes: &[u8], index: LogIndex, chain: u64) -> Result<Checked, &'static str> {
    let head = RecordHead::read(bytes).map_err(|CutShort| "a record is cut short")?;
    let padded = head.length.next_multiple_of(ALIGNMENT);
    if head.length < RECORD_HEAD_BYTES || bytes.len() < padded {
        return Err("a record has an impossible length");
    }
    let bytes = &bytes[..padded];
    if checksum(bytes, head.length) != head.crc {
        return Err("the checksum of a record is wrong");
    }
    if head.index != index {
        return Err("a record has the index of another");
    }
    if head.chain != chain {
        return Err("a record does not follow the one before it");
    }
    Ok(Checked { bytes: padded, chain: xxh3_64(bytes) })
}

/// Covers everything after the checksum; the length is the seed.
fn checksum(record: &[u8], length: usize) -> u32 {
    crc32c_append(short(length), &record[INDEX_AT..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(chain: u64, payload: &[u8]) -> (Vec<u8>, u64) {
        let mut bytes = Vec::new();
        push_open(
            &mut bytes,
            &Record { index: LogIndex::new(7), time_ns: 5, kind: 2, tag: 3, payload },
        );
        assert_eq!(bytes.len(), record_bytes(payload.len()));
        assert_eq!(bytes.len(), open_bytes(&bytes));
        let next = close(&mut bytes, LogIndex::new(7), chain);
        (bytes, next)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for length in [0, 1, 3, 4, 5, 100, 70_000] {
            let payload = vec![0xA5; length];
            let (bytes, next) = closed(11, &payload);
            let checked = check(&bytes, LogIndex::new(7), 11)
                .unwrap_or_else(|what| panic!("{length}: {what}"));
            let record =
                Record { index: LogIndex::new(7), time_ns: 5, kind: 2, tag: 3, payload: &payload };
            assert_eq!(checked, Checked { bytes: bytes.len(), chain: next });
            assert_eq!(view(&bytes), record);
        }
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_detected() {
        let (bytes, _) = closed(11, b"a payload");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&flipped, LogIndex::new(7), 11).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_record_out_of_order_is_damage() {
        let (bytes, _) = closed(11, b"");
        assert_eq!(
            check(&bytes, LogIndex::new(8), 11).err(),
            Some("a record has the index of another")
        );
        let elsewhere = Some("a record does not follow the one before it");
        assert_eq!(check(&bytes, LogIndex::new(7), 12).err(), elsewhere);
        assert_eq!(check(&bytes[..20], LogIndex::new(7), 11).err(), Some("a record is cut short"));
        let (long, _) = closed(11, &[1; 100]);
        assert_eq!(
            check(&long[..64], LogIndex::new(7), 11).err(),
            Some("a record has an impossible length")
        );
    }

    #[test]
    fn the_bytes_of_a_record_are_these() {
        let (bytes, next) = closed(0x1122_3344_5566_7788, b"abc");
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex.join(" "),
            "27 00 00 00 ce da bd c9 07 00 00 00 00 00 00 00 \
             88 77 66 55 44 33 22 11 05 00 00 00 00 00 00 00 \
             02 03 00 00 61 62 63 00"
        );
        assert_eq!(format!("{next:016x}"), "8a88ff8ae259e6e3");
    }
}
