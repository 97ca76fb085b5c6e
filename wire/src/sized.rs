//! Sized bodies: what is laid out by hand, with its length before it.

use allot_domain::CutShort;

use crate::DecodeError;

impl From<CutShort> for DecodeError {
    #[cold]
    fn from(_: CutShort) -> Self {
        Self::new("the message ends too early")
    }
}

/// Appends what `write` appends, with its length before it. Inlined, so that what `write` captures
/// is not stored and read again.
///
/// # Panics
/// If that has 4 GiB or more.
#[inline(always)]
pub fn append_sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let size = length(out.len() - start - 4);
    patch(out, start, size.to_le_bytes());
}

/// Writes over bytes that stand there already.
pub(crate) fn patch<const N: usize>(out: &mut [u8], at: usize, bytes: [u8; N]) {
    out[at..at + N].copy_from_slice(&bytes);
}

/// A length as messages write it.
pub(crate) fn length(len: usize) -> u32 {
    u32::try_from(len).expect("no message reaches 4 GiB")
}
