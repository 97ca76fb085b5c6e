//! Keys: public ones, secret ones, and the shared ones that two ends make of them.

use std::fmt;

use super::sodium;

/// Bytes of each key.
pub(crate) const KEY_LEN: usize = 32;

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PublicKey(pub [u8; KEY_LEN]);

/// A secret that is overwritten when it is dropped: a secret key, or a shared one.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) [u8; KEY_LEN]);

impl Drop for Secret {
    fn drop(&mut self) {
        sodium::wipe(&mut self.0);
    }
}

/// A pair of keys. `Debug` does not show the secret one.
#[derive(Clone)]
pub struct KeyPair {
    public: PublicKey,
    pub(crate) secret: Secret,
}

impl KeyPair {
    /// A new pair.
    #[must_use]
    pub fn make() -> Self {
        let (public, secret) = sodium::key_pair();
        Self { public, secret }
    }

    /// A pair that was made before. Nothing checks that they belong together.
    #[must_use]
    pub const fn of(public: PublicKey, secret: [u8; KEY_LEN]) -> Self {
        Self { public, secret: Secret(secret) }
    }

    /// The key that may be known.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyPair({:?})", self.public)
    }
}
