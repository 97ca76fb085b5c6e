//! Errors of a journal: a closed list, each saying what is wrong and what to do.

use std::fmt;
use std::io;

use allot_domain::LogIndex;

/// Why a journal cannot be opened or read, or no longer be written.
///
/// It can be kept and shown again: a journal that has failed returns the same error for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JournalError {
    /// A setting is out of its bounds.
    Setting {
        /// Which one, and its bounds.
        what: String,
    },
    /// Another process writes this journal.
    Locked {
        /// The folder.
        folder: String,
    },
    /// The operating system reported an error.
    Media {
        /// What was tried: "write", "sync", "open".
        operation: &'static str,
        /// The file, or the folder.
        file: String,
        /// What the operating system reported.
        cause: String,
    },
    /// The user of this process may not do it.
    Denied {
        /// What was tried, as in [`JournalError::Media`].
        operation: &'static str,
        /// The file, or the folder.
        file: String,
    },
    /// The disk has no room.
    DiskFull {
        /// The file that needs room.
        file: String,
    },
    /// The journal was written with other settings, or by another shard.
    Stamp {
        /// The file.
        file: String,
        /// Its stamp.
        stored: String,
        /// The stamp that was configured.
        configured: String,
    },
    /// A version of the format that this program does not know.
    Version {
        /// The file.
        file: String,
        /// Its version.
        version: u32,
    },
    /// The bytes on disk are not those that were written.
    Corrupt {
        /// The file.
        file: String,
        /// The first byte in doubt, counted from the start of the file.
        offset: u64,
        /// The first record in doubt.
        index: LogIndex,
        /// What is wrong there.
        what: &'static str,
    },
    /// A file that is needed does not exist.
    Missing {
        /// The file.
        file: String,
        /// The first record that cannot be read.
        index: LogIndex,
    },
    /// Every snapshot is damaged, and the segments before it were removed.
    NoSnapshot {
        /// The latest snapshot.
        file: String,
    },
    /// The folder was removed, moved or replaced while the journal was written, or the current
    /// segment in it.
    Removed {
        /// The current segment.
        file: String,
    },
    /// The committer was dropped while the shard still worked.
    Gone,
}

impl JournalError {
    /// Whether what was written before is damaged or gone.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Missing { .. } | Self::NoSnapshot { .. })
    }

    /// An error of the operating system. Told apart are a lack of room, which waiting can cure, and
    /// a lack of rights, which says nothing of the disk.
    pub(crate) fn media(operation: &'static str, file: &str, cause: &io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { file: file.to_owned() }
            }
            io::ErrorKind::PermissionDenied => Self::Denied { operation, file: file.to_owned() },
            _ => Self::final_media(operation, file, cause),
        }
    }

    /// An error of the operating system, where waiting cannot cure even a lack of room.
    pub(crate) fn final_media(operation: &'static str, file: &str, cause: &io::Error) -> Self {
        Self::Media { operation, file: file.to_owned(), cause: cause.to_string() }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { what } => write!(out, "invalid journal setting: {what}"),
            Self::Locked { folder } => write!(
                out,
                "another process writes the journal in {folder}; stop it, or choose another folder"
            ),
            Self::Media { operation, file, cause } => write!(
                out,
                "cannot {operation} {file}: {cause}; inputs after the last reply may be lost: \
                 check the disk, then start again"
            ),
            Self::Denied { operation, file } => write!(
                out,
                "cannot {operation} {file}: permission denied; run this as the user that the \
                 folder belongs to"
            ),
            Self::DiskFull { file } => {
                write!(out, "no room on the disk for {file}; make room, then start again")
            }
            Self::Stamp { file, stored, configured } => {
                let (stored, configured) = differing(stored, configured);
                write!(
                    out,
                    "{file} was written with the settings \"{stored}\", but the settings are now \
                     \"{configured}\"; start the program that wrote it with the settings that it \
                     had, or choose another folder"
                )
            }
            Self::Version { file, version } => write!(
                out,
                "{file} has format version {version}, but this program knows only version 2; \
                 start the program that wrote it, or a later one"
            ),
            Self::Corrupt { file, offset, index, what } => write!(
                out,
                "{file} is damaged at byte {offset}, from record {index} on: {what}; \
                 keep a copy of the folder, then restore it from a backup"
            ),
            Self::Missing { file, index } => write!(
                out,
                "{file} is missing, and record {index} with it; restore the file from a backup"
            ),
            Self::NoSnapshot { file } => write!(
                out,
                "{file} is damaged, as is every other snapshot, and the segments before it were \
                 removed; restore the folder from a backup"
            ),
            Self::Removed { file } => write!(
                out,
                "{file}, or the folder that holds it, was removed, moved or replaced while it was \
                 written; what was written in the last second may be lost: put the folder back, or \
                 restore it from a backup, then start again"
            ),
            Self::Gone => out.write_str("the committer has stopped; start again"),
        }
    }
}

impl std::error::Error for JournalError {}

/// The parts of two lists in which they differ; both whole, where one has all of the other.
fn differing(one: &str, other: &str) -> (String, String) {
    let parts = |text: &str| text.split(", ").map(str::to_owned).collect::<Vec<_>>();
    let (of_one, of_other) = (parts(one), parts(other));
    let lacking = |parts: &[String], from: &[String]| {
        parts.iter().filter(|part| !from.contains(part)).cloned().collect::<Vec<_>>().join(", ")
    };
    match (lacking(&of_one, &of_other), lacking(&of_other, &of_one)) {
        (mine, theirs) if mine.is_empty() || theirs.is_empty() => {
            (one.to_owned(), other.to_owned())
        }
        differing => differing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_settings_those_that_differ_are_named() {
        let parts = |one, other| differing(one, other);
        let text = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(
            parts("shard 0 of 2, history 1, names 5", "shard 0 of 2, history 2, names 5"),
            text("history 1", "history 2")
        );
        assert_eq!(parts("a, b", "a"), text("a, b", "a"));
    }
}
