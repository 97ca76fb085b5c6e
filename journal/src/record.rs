//! A record: one input, with what proves that it is whole and in its place.
//!
//! ```text
//!   0        4        8                16               24  25  26    28
//!   ┌────────┬────────┬────────────────┬────────────────┬───┬───┬─────┬─────────┬─────────┐
//!   │ length │ crc32c │ index          │ chain          │ k │ t │ 0 0 │ payload │ zeros   │
//!   └────────┴────────┴────────────────┴────────────────┴───┴───┴─────┴─────────┴─────────┘
//!    without  of the                     xxh3_64 of the  kind tag       to a multiple of 8 ┘
//!    the      length, and                record before
//!    zeros    all after it
//! ```
//!
//! The chain goes over records alone, whole ones, so that it does not depend on how they were
//! batched, and each hash covers all records before.

use crc32c::crc32c_append;
use xxhash_rust::xxh3::xxh3_64;

use crate::field::{get_u32, get_u64, narrow, put, short};
use crate::limits::PAYLOAD_BYTES_MAX;

/// What stands before the payload.
pub(crate) const RECORD_HEAD_BYTES: usize = 28;
/// Where records begin: their fields are read without straddling words.
const ALIGNMENT: usize = 8;

const CRC_AT: usize = 4;
const INDEX_AT: usize = 8;
const CHAIN_AT: usize = 16;
const KIND_AT: usize = 24;

const _: () = assert!(PAYLOAD_BYTES_MAX < 1 << 31);

/// One record of the journal, as it was appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// Its number: they count up from 1.
    pub index: u64,
    /// What the payload is; the journal does not look.
    pub kind: u8,
    /// What else belongs to the payload; the journal does not look.
    pub tag: u8,
    /// What was appended.
    pub payload: &'a [u8],
}

/// What follows from a record that was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Checked {
    /// How many bytes it takes, with its padding.
    pub(crate) bytes: usize,
    /// The chain of the record after it.
    pub(crate) chain: u64,
}

/// How many bytes a record with such a payload takes.
pub(crate) const fn record_bytes(payload_bytes: usize) -> usize {
    (RECORD_HEAD_BYTES + payload_bytes).next_multiple_of(ALIGNMENT)
}

/// Appends a record whose checksum and chain are still to come.
pub(crate) fn push_open(out: &mut Vec<u8>, record: &Record<'_>) {
    let start = out.len();
    let length = RECORD_HEAD_BYTES + record.payload.len();
    out.extend_from_slice(&short(length).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.index.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&[record.kind, record.tag, 0, 0]);
    out.extend_from_slice(record.payload);
    out.resize(start + length.next_multiple_of(ALIGNMENT), 0);
}

/// How many bytes the open record at the start of `bytes` takes.
pub(crate) fn open_bytes(bytes: &[u8]) -> usize {
    narrow(u64::from(get_u32(bytes, 0))).next_multiple_of(ALIGNMENT)
}

/// Puts chain and checksum into an open record; returns the chain of the next.
pub(crate) fn close(record: &mut [u8], chain: u64) -> u64 {
    put(record, CHAIN_AT, &chain.to_le_bytes());
    let checksum = checksum(record);
    put(record, CRC_AT, &checksum.to_le_bytes());
    xxh3_64(record)
}

/// The record in `bytes`, which was checked before.
pub(crate) fn view(bytes: &[u8]) -> Record<'_> {
    let length = narrow(u64::from(get_u32(bytes, 0)));
    Record {
        index: get_u64(bytes, INDEX_AT),
        kind: bytes[KIND_AT],
        tag: bytes[KIND_AT + 1],
        payload: &bytes[RECORD_HEAD_BYTES..length],
    }
}

/// Reads the record at the start of `bytes`, which must be the one of this index and chain.
pub(crate) fn check(bytes: &[u8], index: u64, chain: u64) -> Result<Checked, &'static str> {
    if bytes.len() < RECORD_HEAD_BYTES {
        return Err("a record is cut short");
    }
    let length = narrow(u64::from(get_u32(bytes, 0)));
    let padded = length.next_multiple_of(ALIGNMENT);
    if length < RECORD_HEAD_BYTES || bytes.len() < padded {
        return Err("a record has an impossible length");
    }
    let bytes = &bytes[..padded];
    if checksum(bytes) != get_u32(bytes, CRC_AT) {
        return Err("the checksum of a record is wrong");
    }
    if get_u64(bytes, INDEX_AT) != index {
        return Err("a record has the number of another");
    }
    if get_u64(bytes, CHAIN_AT) != chain {
        return Err("a record does not belong after the one before it");
    }
    Ok(Checked { bytes: padded, chain: xxh3_64(bytes) })
}

/// Over everything after it, from the length on, which is the seed.
fn checksum(record: &[u8]) -> u32 {
    crc32c_append(get_u32(record, 0), &record[INDEX_AT..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(chain: u64, payload: &[u8]) -> (Vec<u8>, u64) {
        let mut bytes = Vec::new();
        push_open(&mut bytes, &Record { index: 7, kind: 2, tag: 3, payload });
        assert_eq!(bytes.len(), record_bytes(payload.len()));
        assert_eq!(bytes.len(), open_bytes(&bytes));
        let next = close(&mut bytes, chain);
        (bytes, next)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for length in [0, 1, 3, 4, 5, 100, 70_000] {
            let payload = vec![0xA5; length];
            let (bytes, next) = closed(11, &payload);
            let checked = check(&bytes, 7, 11).unwrap_or_else(|what| panic!("{length}: {what}"));
            let record = Record { index: 7, kind: 2, tag: 3, payload: &payload };
            assert_eq!(checked, Checked { bytes: bytes.len(), chain: next });
            assert_eq!(view(&bytes), record);
        }
    }

    #[test]
    fn no_bit_of_a_record_changes_unseen() {
        let (bytes, _) = closed(11, b"a payload");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&flipped, 7, 11).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_record_out_of_its_place_is_refused() {
        let (bytes, _) = closed(11, b"");
        assert_eq!(check(&bytes, 8, 11).err(), Some("a record has the number of another"));
        let elsewhere = Some("a record does not belong after the one before it");
        assert_eq!(check(&bytes, 7, 12).err(), elsewhere);
        assert_eq!(check(&bytes[..20], 7, 11).err(), Some("a record is cut short"));
        let (long, _) = closed(11, &[1; 100]);
        assert_eq!(check(&long[..64], 7, 11).err(), Some("a record has an impossible length"));
    }

    #[test]
    fn the_bytes_of_a_record_are_these() {
        let (bytes, next) = closed(0x1122_3344_5566_7788, b"abc");
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex.join(" "),
            "1f 00 00 00 a3 6e 7c b9 07 00 00 00 00 00 00 00 \
             88 77 66 55 44 33 22 11 02 03 00 00 61 62 63 00"
        );
        assert_eq!(format!("{next:016x}"), "aaf429c7dd61792d");
    }
}
