//! Keys: public ones, secret ones, and the shared ones that two ends make of them.

use std::fmt;

use super::sodium::{self, KEY_LEN, NONCE_LEN};

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PublicKey(pub [u8; KEY_LEN]);

/// A secret that is overwritten when it is dropped: a secret key, or a shared one.
#[derive(Clone)]
pub(crate) struct Secret([u8; KEY_LEN]);

impl Drop for Secret {
    fn drop(&mut self) {
        sodium::wipe(&mut self.0);
    }
}

impl Secret {
    /// The key that this one makes together with the other end's public key; none for a public key
    /// that makes the same with every secret.
    pub(super) fn shared_with(&self, public: PublicKey) -> Option<Self> {
        let mut shared = Self([0; KEY_LEN]);
        sodium::share(&public.0, &self.0, &mut shared.0).then_some(shared)
    }

    /// Seals `plain` with a shared key, and appends the box.
    pub(super) fn seal(&self, plain: &[u8], nonce: &[u8; NONCE_LEN], out: &mut Vec<u8>) {
        sodium::seal(plain, nonce, &self.0, out);
    }

    /// Opens a box with a shared key, and appends what is in it; false, and nothing is appended, if
    /// it was not sealed with this key and nonce.
    pub(super) fn open(&self, sealed: &[u8], nonce: &[u8; NONCE_LEN], out: &mut Vec<u8>) -> bool {
        sodium::open(sealed, nonce, &self.0, out)
    }
}

/// A pair of keys. `Debug` does not show the secret one.
#[derive(Clone)]
pub struct KeyPair {
    pub(super) public: PublicKey,
    pub(super) secret: Secret,
}

impl KeyPair {
    /// A new pair.
    #[must_use]
    pub fn make() -> Self {
        let (mut public, mut secret) = ([0; KEY_LEN], Secret([0; KEY_LEN]));
        sodium::make_keys(&mut public, &mut secret.0);
        Self { public: PublicKey(public), secret }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_opened_by_the_other_end_alone() {
        let [a, b, c] = [(); 3].map(|()| KeyPair::make());
        let nonce = sodium::random();
        let mut sealed = Vec::new();
        a.secret.shared_with(b.public).unwrap().seal(b"fill", &nonce, &mut sealed);
        assert_eq!(sealed.len(), 4 + sodium::SEAL_LEN);
        let mut plain = b"before".to_vec();
        let of_b = b.secret.shared_with(a.public).unwrap();
        assert!(of_b.open(&sealed, &nonce, &mut plain));
        assert_eq!(plain, b"beforefill");
        assert!(!c.secret.shared_with(a.public).unwrap().open(&sealed, &nonce, &mut plain));
        assert!(!of_b.open(&sealed, &sodium::random(), &mut plain));
        assert!(!of_b.open(&sealed[..15], &nonce, &mut plain));
        assert_eq!(plain, b"beforefill");
    }

    #[test]
    fn a_key_that_gives_nothing_away_is_refused() {
        assert!(KeyPair::make().secret.shared_with(PublicKey([0; KEY_LEN])).is_none());
    }
}
