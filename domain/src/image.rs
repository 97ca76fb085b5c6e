//! Image: the whole state of a book as bytes, from which another book goes on bit by bit alike.
//!
//! ```text
//!   ALOTBOOK │ version │ config │ counters │ accounts │ sources of fills │ sources of splits │
//!            │ splits kept │ holdings │ held fills │ history
//! ```
//!
//! Integers are little-endian, a list begins with its length (`u32`), a text with its own (`u8`).
//! Each type writes itself, beside its definition; [`crate::Book::save`] is the order of them.
//!
//! Equal states give equal bytes, and no two images mean the same: nothing is written twice unless
//! the two are compared, nothing that the rest implies, nothing of spare room or stale slots. So
//! images of one state can be compared by their hashes, whichever machine made them.

mod cursor;

pub(crate) use cursor::Cursor;

use alloc::vec::Vec;
use core::fmt;

/// What an image begins with.
pub(crate) const MARK: [u8; 8] = *b"ALOTBOOK";

/// The version of the format; another is refused, never guessed at.
pub(crate) const VERSION: u32 = 1;

/// The highest number that anything counts to: a billion a second reach it in a century.
pub(crate) const COUNT_MAX: u64 = 1 << 62;

/// Why bytes are no image of a book.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImageError {
    /// They do not begin as an image does.
    NotAnImage,
    /// The format is of another version; holds it.
    UnknownVersion(u32),
    /// The book was saved under another config.
    OtherConfig {
        /// Its blend: the numerator and the denominator of μ.
        blend: [u32; 2],
        /// How many answers it kept.
        history: u64,
    },
    /// They end before the book is whole.
    Truncated,
    /// They go on after the book; holds for how many bytes.
    TrailingBytes(usize),
    /// They say what no book is; holds that.
    Broken(&'static str),
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnImage => f.write_str("this is not the image of a book"),
            Self::UnknownVersion(version) => {
                write!(f, "the image is of version {version}; this program reads {VERSION}")
            }
            Self::OtherConfig { blend: [mix, total], history } => write!(
                f,
                "the book was saved with a blend of {mix}/{total} and a history of {history}; \
                 start with the same"
            ),
            Self::Truncated => f.write_str("the image ends too early"),
            Self::TrailingBytes(count) => write!(f, "{count} bytes follow the image"),
            Self::Broken(what) => write!(f, "the image is damaged: {what}"),
        }
    }
}

impl core::error::Error for ImageError {}

/// Refuses an image unless something holds; `what` says what is there if it does not.
pub(crate) fn ensure(holds: bool, what: &'static str) -> Result<(), ImageError> {
    if holds { Ok(()) } else { Err(ImageError::Broken(what)) }
}

/// Writes the length of a list.
pub(crate) fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("no list of a book is that long");
    out.extend_from_slice(&count.to_le_bytes());
}

/// Writes a name: a ticker, an account, a source.
pub(crate) fn put_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(u8::try_from(name.len()).expect("names are short"));
    out.extend_from_slice(name);
}
