//! A snapshot: the state after some record, so that a start need not apply the records before it.
//!
//! ```text
//!   0          8         12      16      24      32       40     56       500    508    512
//!   ┌──────────┬─────────┬───────┬───────┬───────┬────────┬──────┬───────┬──────┬──────┬───── ─
//!   │ ALLOTIMG │ version │ stamp │ index │ chain │ length │ hash │ stamp │ kept │crc32c│ state
//!   └──────────┴─────────┴───────┴───────┴───────┴────────┴──────┴───────┴──────┴──────┴───── ─
//!                         length          after   of the   xxh3   zeros   from
//!                                                 state    _128
//! ```
//!
//! `kept from` is the first segment that is kept once the snapshot is stored: those before it are
//! removed on purpose, and any other that is missing is lost. Zero: an earlier version wrote it,
//! and nothing is known of that.
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
const KEPT_FROM_AT: usize = CRC_AT - 8;

const _: () = assert!(STAMP_AT + STAMP_BYTES_MAX <= KEPT_FROM_AT);

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
    /// The first segment that is kept once it is stored; zero: not known.
    pub(crate) kept_from: u64,
    pub(crate) stamp: String,
}

/// The result of reading a snapshot.
pub(crate) enum Found {
    /// The state is as it was written. It is empty if it was not asked for.
    Good(SnapshotHead, Vec<u8>),
    /// It is not; an earlier snapshot may be.
    Damaged {
        /// What is wrong and where, to be read after "is".
        damage: String,
        /// As in its head; zero if that cannot be read either.
        kept_from: u64,
    },
}

/// The hash that a snapshot keeps of its state: XXH3, 128 bits.
#[must_use]
pub fn state_hash(state: &[u8]) -> u128 {
    xxh3_128(state)
}

impl SnapshotHead {
    pub(crate) fn new(
        index: LogIndex,
        chain: u64,
        state: &[u8],
        kept_from: u64,
        stamp: &str,
    ) -> Self {
        assert!(stamp.len() <= STAMP_BYTES_MAX, "the stamp fits into the first sector");
        let hash = state_hash(state);
        let (bytes, stamp) = (wide(state.len()), stamp.to_owned());
        Self { index, chain, bytes, hash, kept_from, stamp }
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
        put(&mut sector, KEPT_FROM_AT, &self.kept_from.to_le_bytes());
        seal_sector(&mut sector);
        sector
    }

    /// The head in a first sector whose checksum is right.
    fn read(sector: &[u8]) -> Option<Self> {
        let (stamp_bytes, head) = Self::fields(sector).ok()?;
        let stamp = read_stamp(&sector[STAMP_AT..], stamp_bytes)?;
        let kept_from = Cursor::new(&sector[KEPT_FROM_AT..]).u64().ok()?;
        Some(Self { stamp, kept_from, ..head })
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
            kept_from: 0,
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
    let mut kept_from = 0;
    let damage = match look(media, index, stamp, wanted, &mut kept_from) {
        Ok(Ok((head, state))) => return Ok(Found::Good(head, state)),
        Ok(Err((offset, what))) => damaged_at(offset, what),
        Err(JournalError::Media { cause, .. }) => format!("unreadable: {cause}"),
        Err(other) => return Err(other),
    };
    Ok(Found::Damaged { damage, kept_from })
}

/// The first byte in doubt, and what is wrong there.
type Damage = (u64, &'static str);

/// What is wrong with a snapshot, and from which byte on; to be read after "is".
pub(crate) fn damaged_at(offset: u64, what: &str) -> String {
    format!("damaged at byte {offset}: {what}")
}

fn look(
    media: &dyn Media,
    index: LogIndex,
    stamp: Option<&str>,
    wanted: bool,
    kept_from: &mut u64,
) -> Result<Result<(SnapshotHead, Vec<u8>), Damage>, JournalError> {
    let file = file_name::snapshot(index);
    let mut read_ahead = ReadAhead::open(media, file.clone())?;
    if read_ahead.bytes() < SECTOR {
        return Ok(Err((0, "the file was cut short")));
    }
    let sector = read_ahead.get(0, SECTOR_BYTES)?;
    let head = match version(sector, MAGIC) {
        Some(VERSION) => SnapshotHead::read(sector),
        Some(version) => return Err(JournalError::Version { file, version }),
        None => return Ok(Err((0, "the head of the snapshot is not as it was written"))),
    };
    let Some(head) = head else {
        return Ok(Err((wide(STAMP_AT), "the stamp of the snapshot is not text")));
    };
    if let Some(stamp) = stamp.filter(|stamp| *stamp != head.stamp) {
        let configured = stamp.to_owned();
        return Err(JournalError::Stamp { file, stored: head.stamp, configured });
    }
    if head.index != index {
        return Ok(Err((wide(INDEX_AT), "the snapshot has the name of another")));
    }
    *kept_from = head.kept_from;
    if head.bytes.checked_add(SECTOR) != Some(read_ahead.bytes()) {
        return Ok(Err((SECTOR, "the file does not have the length it was made with")));
    }
    let (hash, state) = read_state(&mut read_ahead, wanted)?;
    if hash != head.hash {
        return Ok(Err((SECTOR, "the state is not as it was written")));
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
