//! User: who trades, and the key by which commands find their shard.

use core::fmt;

use allot_domain::Ticker;
use allot_domain::snapshot::{Cursor, SnapshotError};

use crate::Reject;

/// A user: 1 to 32 printable characters of ASCII, without the space, `,`, `"` and `\`.
///
/// It is a [`Ticker`] within, because that is what the core routes and owes replies by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct User(Ticker);

impl User {
    /// A user from its text.
    ///
    /// # Errors
    /// [`Reject::BadUser`].
    #[inline]
    pub fn new(text: &[u8]) -> Result<Self, Reject> {
        let ticker = Ticker::new(text).ok();
        ticker.and_then(Self::of_key).ok_or_else(|| Reject::BadUser(Reject::quote_bytes(text)))
    }

    /// The user that is this key of the core; none where it is no user.
    #[inline]
    #[must_use]
    pub fn of_key(key: Ticker) -> Option<Self> {
        let is_user = !key.as_bytes().iter().any(|byte| matches!(byte, b' ' | b','));
        is_user.then_some(Self(key))
    }

    /// The key of the core.
    #[must_use]
    pub const fn key(&self) -> &Ticker {
        &self.0
    }

    /// The bytes, without padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A hash for tables in memory: never written down, never sent.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        self.0.hash()
    }

    pub(crate) fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        Self::of_key(cursor.ticker()?).ok_or(SnapshotError::Broken("a user that is none"))
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_printable_without_what_a_line_or_json_needs() {
        for text in ["u", "oY01WVirLr", "a!#$%&'()*+-./:;<=>?@[]^_`{|}~", &"x".repeat(32)] {
            assert_eq!(User::new(text.as_bytes()).unwrap().as_str(), text);
        }
        for text in ["", " ", "a b", "a,b", "a\"", "a\\", "é", "\t", &"x".repeat(33)] {
            assert_eq!(User::new(text.as_bytes()).unwrap_err().code(), "bad_user", "{text}");
        }
    }
}
