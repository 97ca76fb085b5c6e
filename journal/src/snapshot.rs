//! A snapshot: the state after some record, so that a start need not apply all before it again.
//!
//! ```text
//!   0          8         12      16         24      32       40     56              508    512
//!   ┌──────────┬─────────┬───────┬──────────┬───────┬────────┬──────┬──────────────┬──────┬─── ─
//!   │ ALLOTIMG │ version │ stamp │ index    │ chain │ length │ hash │ stamp, zeros │crc32c│ state
//!   └──────────┴─────────┴───────┴──────────┴───────┴────────┴──────┴──────────────┴──────┴─── ─
//!                         length             after   of the   xxh3_128
//!                                                    state    of the state
//! ```
//!
//! It is written under another name, synced, renamed, its folder synced, and then read back.

use crc32c::crc32c;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::field::{get_u32, get_u64, get_u128, narrow, put, short, wide};
use crate::file_name;
use crate::limits::{READ_AHEAD_BYTES, SECTOR, SECTOR_BYTES, STAMP_BYTES_MAX};
use crate::read_ahead::ReadAhead;
use crate::segment::{CRC_AT, VERSION, read_stamp};
use crate::{JournalError, Media};

const MAGIC: &[u8; 8] = b"ALLOTIMG";
const VERSION_AT: usize = 8;
const STAMP_BYTES_AT: usize = 12;
const INDEX_AT: usize = 16;
const CHAIN_AT: usize = 24;
const LENGTH_AT: usize = 32;
const HASH_AT: usize = 40;
const STAMP_AT: usize = 56;

const _: () = assert!(STAMP_AT + STAMP_BYTES_MAX <= CRC_AT);

/// A state of the machine, as it was handed over to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The last record that is in it.
    pub index: u64,
    /// The bytes.
    pub state: Vec<u8>,
}

/// What a snapshot says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SnapshotHead {
    pub(crate) index: u64,
    /// What the record after it must have as its chain.
    pub(crate) chain: u64,
    /// The length of the state.
    pub(crate) bytes: u64,
    pub(crate) hash: u128,
    pub(crate) stamp: String,
}

/// A snapshot that was looked into.
pub(crate) enum Found {
    /// The state is as it was written; it is empty if nobody wanted it.
    Good(SnapshotHead, Vec<u8>),
    /// It is not, and an earlier one may do.
    Damaged(String),
}

/// The hash that a snapshot keeps of a state: XXH3, of 128 bits.
pub fn state_hash(state: &[u8]) -> u128 {
    xxh3_128(state)
}

impl SnapshotHead {
    pub(crate) fn new(index: u64, chain: u64, state: &[u8], stamp: &str) -> Self {
        let (bytes, hash) = (wide(state.len()), xxh3_128(state));
        Self { index, chain, bytes, hash, stamp: stamp.to_owned() }
    }

    /// The first sector.
    pub(crate) fn sector(&self) -> [u8; SECTOR_BYTES] {
        let mut sector = [0; SECTOR_BYTES];
        put(&mut sector, 0, MAGIC);
        put(&mut sector, VERSION_AT, &VERSION.to_le_bytes());
        put(&mut sector, STAMP_BYTES_AT, &short(self.stamp.len()).to_le_bytes());
        put(&mut sector, INDEX_AT, &self.index.to_le_bytes());
        put(&mut sector, CHAIN_AT, &self.chain.to_le_bytes());
        put(&mut sector, LENGTH_AT, &self.bytes.to_le_bytes());
        put(&mut sector, HASH_AT, &self.hash.to_le_bytes());
        put(&mut sector, STAMP_AT, self.stamp.as_bytes());
        let crc = crc32c(&sector[..CRC_AT]);
        put(&mut sector, CRC_AT, &crc.to_le_bytes());
        sector
    }

    fn read(sector: &[u8]) -> Option<Self> {
        Some(Self {
            index: get_u64(sector, INDEX_AT),
            chain: get_u64(sector, CHAIN_AT),
            bytes: get_u64(sector, LENGTH_AT),
            hash: get_u128(sector, HASH_AT),
            stamp: read_stamp(sector, STAMP_BYTES_AT, STAMP_AT)?,
        })
    }
}

/// Looks into the snapshot of a index. The state is checked piece by piece, and kept if wanted.
/// The stamp must be this one, if there is one. What cannot be read is damaged.
pub(crate) fn open_snapshot(
    media: &dyn Media,
    index: u64,
    stamp: Option<&str>,
    wanted: bool,
) -> Result<Found, JournalError> {
    match look(media, index, stamp, wanted) {
        Err(JournalError::Media { cause, .. }) => Ok(Found::Damaged(cause)),
        Ok(Err(what)) => Ok(Found::Damaged(what.to_owned())),
        Ok(Ok((head, state))) => Ok(Found::Good(head, state)),
        Err(other) => Err(other),
    }
}

fn look(
    media: &dyn Media,
    index: u64,
    stamp: Option<&str>,
    wanted: bool,
) -> Result<Result<(SnapshotHead, Vec<u8>), &'static str>, JournalError> {
    let mut read_ahead = ReadAhead::open(media, file_name::snapshot(index))?;
    if read_ahead.bytes() < SECTOR {
        return Ok(Err("the file was cut off"));
    }
    let sector = read_ahead.get(0, SECTOR_BYTES)?;
    if &sector[..8] != MAGIC || crc32c(&sector[..CRC_AT]) != get_u32(sector, CRC_AT) {
        return Ok(Err("the head of the snapshot is not as it was written"));
    }
    let version = get_u32(sector, VERSION_AT);
    if version != VERSION {
        return Err(JournalError::Version { file: file_name::snapshot(index), version });
    }
    let Some(head) = SnapshotHead::read(sector) else {
        return Ok(Err("the stamp of the snapshot is no text"));
    };
    if let Some(stamp) = stamp.filter(|stamp| *stamp != head.stamp) {
        let (stored, configured) = (head.stamp, stamp.to_owned());
        return Err(JournalError::Stamp { file: file_name::snapshot(index), stored, configured });
    }
    if head.index != index {
        return Ok(Err("the snapshot has the name of another"));
    }
    if head.bytes.checked_add(SECTOR) != Some(read_ahead.bytes()) {
        return Ok(Err("the file does not have the length it was made with"));
    }
    let (hash, state) = read_state(&mut read_ahead, wanted)?;
    if hash != head.hash {
        return Ok(Err("the state is not as it was written"));
    }
    Ok(Ok((head, state)))
}

fn read_state(read_ahead: &mut ReadAhead, wanted: bool) -> Result<(u128, Vec<u8>), JournalError> {
    let (mut hasher, mut state, mut at) = (Xxh3::new(), Vec::new(), SECTOR);
    while at < read_ahead.bytes() {
        let length = narrow((read_ahead.bytes() - at).min(wide(READ_AHEAD_BYTES)));
        let piece = read_ahead.get(at, length)?;
        hasher.update(piece);
        if wanted {
            state.extend_from_slice(piece);
        }
        at += wide(length);
    }
    Ok((hasher.digest128(), state))
}
