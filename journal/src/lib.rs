//! The journal of a shard: its inputs, on disk before their replies leave.
//!
//! ```text
//!            append            one write, one sync
//!   shard ═► Journal ═► Committer ═► segment-0000000001  segment-0000000002 …
//!     ▲         ▲           ║ ▲
//!     ╚═════════╩═══════════╝ ║      a spare segment, snapshots
//!      durable up to …        Checkpointer ═► segment-0000000003  image-00000000000000004711 …
//! ```
//!
//! Read [`Recovery`] first: every start goes through it, also in a new folder, and it returns the
//! three ends. [`Journal`] is the shard's; [`Committer`] and [`Checkpointer`] are agents. The
//! format, and what is assumed about disks, is in `docs/internals/journal.md`.
//!
//! Invariants:
//! * It carries bytes and decides nothing: it knows no input, no reply and no clock.
//! * A sealed reply is opened only when everything before it is on disk.
//! * A synced sector is never overwritten with other bytes.
//! * A write or a sync that fails ends the journal, and is never retried. The one exception is a
//!   lack of room for files that no reply waits for.
//! * No bytes on disk cause a panic. A start returns every record whose reply may have left, or
//!   says what is wrong, and where.

mod limits;
mod field;
mod length;
mod error;
mod media;
mod folder;
mod sim_disk;
mod config;
mod record;
mod batch;
mod segment;
mod snapshot;
mod file_name;
mod read_ahead;
mod opened_segment;
mod scan;
mod status;
mod failure;
mod sealed;
mod writer;
mod committer;
mod commit_queue;
mod journal;
mod checkpointer;
mod recovery;
mod reader;
mod follower;
mod copier;
mod summary;

pub use checkpointer::Checkpointer;
pub use committer::Committer;
pub use config::{Ack, JournalConfig};
pub use copier::{Copied, Copier};
pub use error::JournalError;
pub use folder::Folder;
pub use follower::Follower;
pub use journal::Journal;
pub use limits::{
    PAYLOAD_BYTES_MAX, SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN,
    SEGMENT_BYTES_REAL_MIN, SNAPSHOT_EVERY_BYTES_DEFAULT, STAMP_BYTES_MAX,
};
pub use media::{Media, MediaFile};
pub use reader::{Entry, Reader, SegmentState, SegmentSummary, SnapshotSummary};
pub use record::Record;
pub use recovery::{Recovery, Wakers};
pub use scan::Tail;
pub use sealed::Sealed;
pub use sim_disk::{CrashPoint, DiskFault, End, SimDisk};
pub use snapshot::{Snapshot, state_hash};
