//! A cursor: reads bytes from front to back, and never past their end.
//!
//! Integers are little-endian.

use core::error::Error;
use core::fmt;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

/// The bytes end before the value that was to be read. Nothing was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CutShort;

impl<'a> Cursor<'a> {
    /// A cursor at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes that are not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`CutShort`] if fewer are left.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], CutShort> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(CutShort)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`CutShort`] if fewer are left.
    #[inline]
    pub fn take_array<const N: usize>(&mut self) -> Result<[u8; N], CutShort> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(CutShort)?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl<'a> Cursor<'a> {
    /// A **sized body**: its length in 32 bits, then this many bytes.
    ///
    /// # Errors
    /// [`CutShort`] if fewer are left; the length is taken all the same.
    #[inline]
    pub fn sized(&mut self) -> Result<&'a [u8], CutShort> {
        let len = self.u32()?;
        self.take(usize::try_from(len).map_err(|_| CutShort)?)
    }
}

/// One method for each integer.
macro_rules! integers {
    ($($integer:ident)+) => {
        impl Cursor<'_> {
            $(
                /// The next integer of this type.
                ///
                /// # Errors
                /// [`CutShort`] if fewer bytes are left than it takes.
                #[inline]
                pub fn $integer(&mut self) -> Result<$integer, CutShort> {
                    self.take_array().map($integer::from_le_bytes)
                }
            )+
        }
    };
}

integers! { u8 u16 u32 u64 u128 i64 i128 }

impl fmt::Display for CutShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes end too early")
    }
}

impl Error for CutShort {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_order_and_integers_are_little_endian() {
        let mut bytes = vec![7, 1, 2];
        bytes.extend_from_slice(&(-5_i128).to_le_bytes());
        bytes.extend_from_slice(b"text");
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(cursor.u8(), Ok(7));
        assert_eq!(cursor.u16(), Ok(0x0201));
        assert_eq!(cursor.i128(), Ok(-5));
        assert_eq!(cursor.take(2), Ok(&b"te"[..]));
        assert_eq!(cursor.take_array(), Ok(*b"xt"));
        assert!(cursor.rest().is_empty());
    }

    #[test]
    fn a_value_that_is_cut_short_takes_nothing() {
        let mut cursor = Cursor::new(&[1, 2, 3]);
        assert_eq!(cursor.u32(), Err(CutShort));
        assert_eq!(cursor.take(4), Err(CutShort));
        assert_eq!(cursor.rest(), [1, 2, 3]);
        assert_eq!(cursor.u8(), Ok(1));
    }
}
