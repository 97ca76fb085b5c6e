//! The calls of libsodium, each with its lengths checked by types.

use std::sync::OnceLock;

use libsodium_sys as ffi;

use super::keys::{KEY_LEN, PublicKey, Secret};

/// Bytes of a nonce.
pub(super) const NONCE_LEN: usize = 24;
/// What a box is longer than what is in it.
pub(super) const SEAL_LEN: usize = 16;

const _: () = {
    assert!(KEY_LEN == ffi::crypto_box_PUBLICKEYBYTES as usize);
    assert!(KEY_LEN == ffi::crypto_box_SECRETKEYBYTES as usize);
    assert!(KEY_LEN == ffi::crypto_box_BEFORENMBYTES as usize);
    assert!(NONCE_LEN == ffi::crypto_box_NONCEBYTES as usize);
    assert!(SEAL_LEN == ffi::crypto_box_MACBYTES as usize);
};

/// The library has to choose its code for this processor once, before anything else.
fn begin() {
    static BEGUN: OnceLock<()> = OnceLock::new();
    BEGUN.get_or_init(|| {
        #[expect(unsafe_code, reason = "libsodium is a library of C")]
        // SAFETY: it takes nothing, and may be called by any thread.
        let begun = unsafe { ffi::sodium_init() };
        assert!(0 <= begun, "libsodium has a source of random bytes");
    });
}

/// A new pair of keys.
pub(super) fn key_pair() -> (PublicKey, Secret) {
    begin();
    let (mut public, mut secret) = ([0; KEY_LEN], Secret([0; KEY_LEN]));
    #[expect(unsafe_code, reason = "libsodium is a library of C")]
    // SAFETY: both have as many bytes as the call writes.
    let made = unsafe { ffi::crypto_box_keypair(public.as_mut_ptr(), secret.0.as_mut_ptr()) };
    assert!(made == 0, "a pair of keys can always be made");
    (PublicKey(public), secret)
}

/// The key that one's secret and the other's public key make together; none for a public key that
/// makes the same with every secret.
pub(super) fn shared(public: PublicKey, secret: &Secret) -> Option<Secret> {
    begin();
    let mut shared = Secret([0; KEY_LEN]);
    #[expect(unsafe_code, reason = "libsodium is a library of C")]
    // SAFETY: all three have as many bytes as the call reads and writes.
    let made = unsafe {
        ffi::crypto_box_beforenm(shared.0.as_mut_ptr(), public.0.as_ptr(), secret.0.as_ptr())
    };
    (made == 0).then_some(shared)
}

/// Seals `plain`, and appends the box.
pub(super) fn seal(plain: &[u8], nonce: &[u8; NONCE_LEN], shared: &Secret, out: &mut Vec<u8>) {
    let begin = out.len();
    out.resize(begin + SEAL_LEN + plain.len(), 0);
    let sealed = &mut out[begin..];
    #[expect(unsafe_code, reason = "libsodium is a library of C")]
    // SAFETY: `sealed` is as long as `plain` and a seal; nonce and key have their lengths.
    let done = unsafe {
        ffi::crypto_box_easy_afternm(
            sealed.as_mut_ptr(),
            plain.as_ptr(),
            u64::try_from(plain.len()).expect("a slice has a length of 64 bits"),
            nonce.as_ptr(),
            shared.0.as_ptr(),
        )
    };
    assert!(done == 0, "what is in memory can be sealed");
}

/// Opens a box, and appends what is in it; false, and nothing is appended, if it was not sealed
/// with this key and nonce.
pub(super) fn open(
    sealed: &[u8],
    nonce: &[u8; NONCE_LEN],
    shared: &Secret,
    out: &mut Vec<u8>,
) -> bool {
    let Some(plain_len) = sealed.len().checked_sub(SEAL_LEN) else { return false };
    let begin = out.len();
    out.resize(begin + plain_len, 0);
    let plain = &mut out[begin..];
    #[expect(unsafe_code, reason = "libsodium is a library of C")]
    // SAFETY: `plain` is as long as `sealed` without its seal; nonce and key have their lengths.
    let opened = unsafe {
        ffi::crypto_box_open_easy_afternm(
            plain.as_mut_ptr(),
            sealed.as_ptr(),
            u64::try_from(sealed.len()).expect("a slice has a length of 64 bits"),
            nonce.as_ptr(),
            shared.0.as_ptr(),
        )
    };
    if opened != 0 {
        out.truncate(begin);
    }
    opened == 0
}

/// Random bytes that nobody can guess.
pub(super) fn random<const LEN: usize>() -> [u8; LEN] {
    begin();
    let mut bytes = [0; LEN];
    #[expect(unsafe_code, reason = "libsodium is a library of C")]
    // SAFETY: as many bytes are written as there are.
    unsafe {
        ffi::randombytes_buf(bytes.as_mut_ptr().cast(), LEN);
    }
    bytes
}

/// Overwrites a secret; the compiler cannot leave that out.
pub(super) fn wipe(secret: &mut [u8]) {
    #[expect(unsafe_code, reason = "libsodium is a library of C")]
    // SAFETY: as many bytes are written as there are.
    unsafe {
        ffi::sodium_memzero(secret.as_mut_ptr().cast(), secret.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_opened_by_the_other_end_alone() {
        let [(a, a_secret), (b, b_secret), (_, c_secret)] = [(); 3].map(|()| key_pair());
        let nonce = random();
        let mut sealed = Vec::new();
        seal(b"fill", &nonce, &shared(b, &a_secret).unwrap(), &mut sealed);
        assert_eq!(sealed.len(), 4 + SEAL_LEN);
        let mut plain = b"before".to_vec();
        assert!(open(&sealed, &nonce, &shared(a, &b_secret).unwrap(), &mut plain));
        assert_eq!(plain, b"beforefill");
        assert!(!open(&sealed, &nonce, &shared(a, &c_secret).unwrap(), &mut plain));
        assert!(!open(&sealed, &random(), &shared(a, &b_secret).unwrap(), &mut plain));
        assert!(!open(&sealed[..15], &nonce, &shared(a, &b_secret).unwrap(), &mut plain));
        assert_eq!(plain, b"beforefill");
    }

    #[test]
    fn a_key_that_gives_nothing_away_is_refused() {
        let (_, secret) = key_pair();
        assert!(shared(PublicKey([0; KEY_LEN]), &secret).is_none());
    }
}
