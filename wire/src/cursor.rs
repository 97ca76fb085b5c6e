//! Cursor: reads the parts of a message that are laid out by hand, from front to back.
//!
//! Integers are little-endian. A **sized body** is its length, 32 bits, then so many bytes.

use crate::DecodeError;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// A cursor at the beginning of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next so many bytes.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(too_short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next bytes, as many as the array has.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn take_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(too_short)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The next byte.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn take_u8(&mut self) -> Result<u8, DecodeError> {
        self.take_array().map(u8::from_le_bytes)
    }

    /// The next two bytes.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn take_u16(&mut self) -> Result<u16, DecodeError> {
        self.take_array().map(u16::from_le_bytes)
    }

    /// The next four bytes.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn take_u32(&mut self) -> Result<u32, DecodeError> {
        self.take_array().map(u32::from_le_bytes)
    }

    /// The next eight bytes.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn take_u64(&mut self) -> Result<u64, DecodeError> {
        self.take_array().map(u64::from_le_bytes)
    }

    /// A length, 32 bits, and so many bytes.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn take_sized(&mut self) -> Result<&'a [u8], DecodeError> {
        let size = self.take_u32()?;
        self.take(usize::try_from(size).map_err(|_| too_short())?)
    }
}

#[cold]
fn too_short() -> DecodeError {
    DecodeError::new("the message ends too early")
}

/// Appends what `write` appends, with its length before it.
///
/// # Panics
/// If that has 4 GiB or more.
#[inline]
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
