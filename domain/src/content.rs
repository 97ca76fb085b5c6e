//! Content: what a message says, as 64 bits.
//!
//! A name that comes again is a repeat only where the message says the same. What was said is not
//! kept for all names, but this is.

use crate::digest::{digest_64, digest_of_words};

/// What a message says; equal messages have equal contents, in every version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Content(u64);

impl Content {
    /// The content that these bytes say.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(digest_64(bytes))
    }

    /// The content that these words say: messages of one size, of which there are many.
    #[must_use]
    pub fn of_words<const N: usize>(words: [u64; N]) -> Self {
        Self(digest_of_words(words))
    }

    /// The content as a number, for bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The content that [`Content::get`] gave.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}
