//! Snapshot: the whole state of a machine as bytes, from which another machine continues
//! identically.
//!
//! ```text
//!   magic 8 │ version 4 │ config │ whatever the machine writes, each type beside its definition
//! ```
//!
//! Integers are little-endian, a list begins with its length (`u32`), a text with its own (`u8`).
//!
//! Equal states give equal bytes, and no two snapshots mean the same: nothing is written twice
//! unless the two are compared, nothing that the rest implies, nothing of spare room or stale
//! slots. So snapshots of one state can be compared by their hashes, whichever machine made them.
//! On disk a snapshot is a file called `image-…`, its older name.

mod cursor;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use cursor::Cursor;

/// The highest number that anything counts to: a billion a second reach it in a century.
pub const COUNT_MAX: u64 = 1 << 62;

/// Why bytes are no snapshot of a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SnapshotError {
    /// They do not begin as a snapshot of this machine does.
    NotASnapshot,
    /// The format is of another version; holds that and the one that is read.
    UnknownVersion(u32, u32),
    /// The state was saved under another config; holds it, as text.
    OtherConfig(String),
    /// They end before the state is whole.
    Truncated,
    /// They go on after the state; holds for how many bytes.
    TrailingBytes(usize),
    /// They say what no state is; holds that.
    Broken(&'static str),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASnapshot => f.write_str("this is not a snapshot of such a state"),
            Self::UnknownVersion(version, known) => {
                write!(f, "the snapshot is of version {version}; this program reads {known}")
            }
            Self::OtherConfig(config) => {
                write!(f, "the state was saved with {config}; start with the same")
            }
            Self::Truncated => f.write_str("the snapshot ends too early"),
            Self::TrailingBytes(count) => write!(f, "{count} bytes follow the snapshot"),
            Self::Broken(what) => write!(f, "the snapshot is damaged: {what}"),
        }
    }
}

impl core::error::Error for SnapshotError {}

/// Refuses a snapshot unless something holds; `what` says what is there if it does not.
///
/// # Errors
/// [`SnapshotError::Broken`].
pub fn ensure(holds: bool, what: &'static str) -> Result<(), SnapshotError> {
    if holds { Ok(()) } else { Err(SnapshotError::Broken(what)) }
}

/// Writes the length of a list.
///
/// # Panics
/// If the list has 2^32 items or more.
pub fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("no list of a state is that long");
    out.extend_from_slice(&count.to_le_bytes());
}

/// Writes a name: a ticker, an account, a source.
///
/// # Panics
/// If it has more than 255 bytes: no name has.
pub fn put_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(u8::try_from(name.len()).expect("names are short"));
    out.extend_from_slice(name);
}
