//! What can be wrong with a journal: a closed list of sentences that say what to do.

use std::fmt;
use std::io;

/// Why a journal cannot be opened, read, or written any more.
///
/// It is a value that can be kept and said again: a journal that has failed fails for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JournalError {
    /// A setting that cannot be.
    Setting {
        /// Which, and its bounds.
        what: String,
    },
    /// Another process writes this journal.
    Locked {
        /// The folder.
        folder: String,
    },
    /// The operating system refused.
    Media {
        /// What was tried: "write", "sync", "open".
        operation: &'static str,
        /// The file, or the folder.
        file: String,
        /// What the system said.
        cause: String,
    },
    /// The disk has no room.
    DiskFull {
        /// What there was no room for.
        file: String,
    },
    /// The journal was written under other settings, or by another shard.
    Stamp {
        /// The file that says so.
        file: String,
        /// What it says.
        stored: String,
        /// What was asked for.
        configured: String,
    },
    /// A later version of the format.
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
        index: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// Files that are needed are not there.
    Missing {
        /// The file.
        file: String,
        /// The first record that is not to be had.
        index: u64,
    },
    /// The committer was dropped while the shard still worked.
    Gone,
}

impl JournalError {
    /// What the system said, told apart by whether waiting can help.
    pub(crate) fn media(operation: &'static str, file: &str, cause: &io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { file: file.to_owned() }
            }
            _ => Self::final_media(operation, file, cause),
        }
    }

    /// What the system said, where waiting cannot help whatever it was.
    pub(crate) fn final_media(operation: &'static str, file: &str, cause: &io::Error) -> Self {
        Self::Media { operation, file: file.to_owned(), cause: cause.to_string() }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { what } => write!(out, "the journal cannot be set up so: {what}"),
            Self::Locked { folder } => write!(
                out,
                "another process writes the journal in {folder}; stop it, or choose another folder"
            ),
            Self::Media { operation, file, cause } => write!(
                out,
                "cannot {operation} {file}: {cause}; nothing after the last answer is promised: \
                 check the disk, then start again"
            ),
            Self::DiskFull { file } => {
                write!(out, "there is no room for {file}; make room on the disk, then start again")
            }
            Self::Stamp { file, stored, configured } => write!(
                out,
                "{file} was written as \"{stored}\", and this is \"{configured}\"; start with \
                 the settings it was written with, or choose another folder"
            ),
            Self::Version { file, version } => write!(
                out,
                "{file} has version {version} of the format, and this program knows version 1; \
                 start the program that wrote it, or a later one"
            ),
            Self::Corrupt { file, offset, index, what } => write!(
                out,
                "{file} is damaged at byte {offset}, from record {index} on: {what}; \
                 keep the folder as it is, and restore it from a copy"
            ),
            Self::Missing { file, index } => {
                write!(out, "{file} is missing, and with it record {index}; restore it from a copy")
            }
            Self::Gone => out.write_str("the committer has stopped; start again"),
        }
    }
}

impl std::error::Error for JournalError {}
