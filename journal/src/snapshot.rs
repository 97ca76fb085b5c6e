//! A snapshot: the state after some record, so that a start need not apply the records before it.
//!
//! ```text
//!   0          8         12      16       24      32       40     56              508    512
//!   ┌──────────┬─────────┬───────┬────────┬───────┬────────┬──────┬──────────────┬──────┬─── ─
//!   │ ALLOTIMG │ version │ stamp │ index  │ chain │ length │ hash │ stamp, zeros │crc32c│ state
//!   └──────────┴─────────┴───────┴────────┴───────┴────────┴──────┴──────────────┴──────┴─── ─
//!                         length           after   of the   xxh3_128
//!                                                  state    of the state
//! ```
//!
//! It is written under another name, synced, renamed, its folder synced, and then read back.
//!
//! On disk, and in the setting `image-mib`, a snapshot has its older name, image.

use allot_domain::{Cursor, CutShort, LogIndex};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::field::put;
use crate::file_name;
use crate::length::{narrow, short, wide};
use crate::limits::{READ_AHEAD_BYTES, SECTOR, SECTOR_BYTES, STAMP_BYTES_MAX};
use crate::read_ahead::ReadAhead;
use crate::segment::{CRC_AT, VERSION, read_stamp, seal_sector, version};
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

/// A state of the machine, as it was given to the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The last record that is in it.
    pub index: LogIndex,
    /// The bytes.
    pub state: Vec<u8>,
}

/// What a snapshot says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SnapshotHead {
    pub(crate) index: LogIndex,
    /// The chain that the record after it must have.
    pub(crate) chain: u64,
    /// The length of the state.
    pub(crate) bytes: u64,
    pub(crate) hash: u128,
    pub(crate) stamp: String,
}

/// The result of reading a snapshot.
pub(crate) enum Found {
    /// The state is as it was written. It is empty if it was not asked for.
    Good(SnapshotHead, Vec<u8>),
    /// It is not; an earlier snapshot may be.
    Damaged(String),
}

/// The hash that a snapshot keeps of its state: XXH3, 128 bits.
#[must_use]
pub fn state_hash(state: &[u8]) -> u128 {
    xxh3_128(state)
}

impl SnapshotHead {
    pub(crate) fn new(index: LogIndex, chain: u64, state: &[u8], stamp: &str) -> Self {
        assert!(stamp.len() <= STAMP_BYTES_MAX, "the stamp fits into the first sector");
        let hash = state_hash(state);
        Self { index, chain, bytes: wide(state.len()), hash, stamp: stamp.to_owned() }
    }

    /// The first sector.
    pub(crate) fn sector(&self) -> [u8; SECTOR_BYTES] {
        let mut sector = [0; SECTOR_BYTES];
        put(&mut sector, 0, MAGIC);
        put(&mut sector, VERSION_AT, &VERSION.to_le_bytes());
        put(&mut sector, STAMP_BYTES_AT, &short(self.stamp.len()).to_le_bytes());
        put(&mut sector, INDEX_AT, &self.index.get().to_le_bytes());
        put(&mut sector, CHAIN_AT, &self.chain.to_le_bytes());
        put(&mut sector, LENGTH_AT, &self.bytes.to_le_bytes());
        put(&mut sector, HASH_AT, &self.hash.to_le_bytes());
        put(&mut sector, STAMP_AT, self.stamp.as_bytes());
        seal_sector(&mut sector);
        sector
    }

    /// The head in a first sector whose checksum is right.
    fn read(sector: &[u8]) -> Option<Self> {
        let (stamp_bytes, head) = Self::fields(sector).ok()?;
        let stamp = read_stamp(&sector[STAMP_AT..], stamp_bytes)?;
        Some(Self { stamp, ..head })
    }

    /// The length of the stamp, and the head without it.
    fn fields(sector: &[u8]) -> Result<(u32, Self), CutShort> {
        let mut fields = Cursor::new(&sector[STAMP_BYTES_AT..]);
        let stamp_bytes = fields.u32()?;
        let head = Self {
            index: LogIndex::new(fields.u64()?),
            chain: fields.u64()?,
            bytes: fields.u64()?,
            hash: fields.u128()?,
            stamp: String::new(),
        };
        Ok((stamp_bytes, head))
    }
}

/// Reads the snapshot with this index. The state is checked piece by piece, and returned if it is
/// `wanted`. If a stamp is given, the snapshot must have it. A file that cannot be read counts as
/// damaged.
pub(crate) fn open_snapshot(
    media: &dyn Media,
    index: LogIndex,
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
    index: LogIndex,
    stamp: Option<&str>,
    wanted: bool,
) -> Result<Result<(SnapshotHead, Vec<u8>), &'static str>, JournalError> {
    let file = file_name::snapshot(index);
    let mut read_ahead = ReadAhead::open(media, file.clone())?;
    if read_ahead.bytes() < SECTOR {
        return Ok(Err("the file was cut short"));
    }
    let sector = read_ahead.get(0, SECTOR_BYTES)?;
    let head = match version(sector, MAGIC) {
        Some(VERSION) => SnapshotHead::read(sector),
        Some(version) => return Err(JournalError::Version { file, version }),
        None => return Ok(Err("the head of the snapshot is not as it was written")),
    };
    let Some(head) = head else {
        return Ok(Err("the stamp of the snapshot is not text"));
    };
    if let Some(stamp) = stamp.filter(|stamp| *stamp != head.stamp) {
        let configured = stamp.to_owned();
        return Err(JournalError::Stamp { file, stored: head.stamp, configured });
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
    let mut hasher = Xxh3::new();
    let mut state = Vec::new();
    let mut at = SECTOR;
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
