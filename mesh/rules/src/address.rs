//! Address: where a peer listens.

use core::fmt;

use crate::limits::ADDRESS_LEN_MAX;

/// An endpoint as others connect to it, such as `tcp://127.0.0.1:12345`: 1 to 128 printable
/// characters of ASCII without a space.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Address(Box<str>);

impl Address {
    /// An address from its text; none where it is empty, too long, or has another character.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_good = (1..=ADDRESS_LEN_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_good.then(|| Self(text.into()))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
