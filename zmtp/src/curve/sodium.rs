//! The calls of libsodium, each with its lengths checked by types.

use std::sync::OnceLock;

use libsodium_sys as ffi;

/// Bytes of each key.
pub(super) const KEY_LEN: usize = 32;
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

/// Makes a new pair of keys.
pub(super) fn make_keys(public: &mut [u8; KEY_LEN], secret: &mut [u8; KEY_LEN]) {
    begin();
    #[expect(unsafe_code, reason = "libsodium is a library of C")]
    // SAFETY: both have as many bytes as the call writes.
    let made = unsafe { ffi::crypto_box_keypair(public.as_mut_ptr(), secret.as_mut_ptr()) };
    assert!(made == 0, "a pair of keys can always be made");
}

/// Makes the key that one's secret and the other's public key make together; false for a public key
/// that makes the same with every secret.
pub(super) fn share(
    public: &[u8; KEY_LEN],
    secret: &[u8; KEY_LEN],
    shared: &mut [u8; KEY_LEN],
) -> bool {
    begin();
    #[expect(unsafe_code, reason = "libsodium is a library of C")]
    // SAFETY: all three have as many bytes as the call reads and writes.
    let made =
        unsafe { ffi::crypto_box_beforenm(shared.as_mut_ptr(), public.as_ptr(), secret.as_ptr()) };
    made == 0
}

/// Seals `plain`, and appends the box.
pub(super) fn seal(
    plain: &[u8],
    nonce: &[u8; NONCE_LEN],
    shared: &[u8; KEY_LEN],
    out: &mut Vec<u8>,
) {
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
            shared.as_ptr(),
        )
    };
    assert!(done == 0, "what is in memory can be sealed");
}

/// Opens a box, and appends what is in it; false, and nothing is appended, if it was not sealed
/// with this key and nonce.
pub(super) fn open(
    sealed: &[u8],
    nonce: &[u8; NONCE_LEN],
    shared: &[u8; KEY_LEN],
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
            shared.as_ptr(),
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
