//! Cursor: reads a snapshot from its beginning to its end, and never past it.

use super::{COUNT_MAX, SnapshotError, ensure};
use crate::{AccountId, Price, Quantity, Side, SourceId, Ticker};

/// What is left to read of a snapshot.
#[derive(Debug)]
pub struct Cursor<'a> {
    left: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// A cursor at the beginning.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// The next bytes, as many as the array has.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (array, left) = self.left.split_first_chunk().ok_or(SnapshotError::Truncated)?;
        self.left = left;
        Ok(*array)
    }

    /// So many records of the same length.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn records<const N: usize>(
        &mut self,
        count: usize,
    ) -> Result<&'a [[u8; N]], SnapshotError> {
        let len = count.checked_mul(N).ok_or(SnapshotError::Truncated)?;
        let (records, left) = self.left.split_at_checked(len).ok_or(SnapshotError::Truncated)?;
        self.left = left;
        Ok(records.as_chunks().0)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn u8(&mut self) -> Result<u8, SnapshotError> {
        self.array().map(u8::from_le_bytes)
    }

    /// The next four bytes, little-endian.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn u32(&mut self) -> Result<u32, SnapshotError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes, little-endian.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn u64(&mut self) -> Result<u64, SnapshotError> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next eight bytes, little-endian.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn i64(&mut self) -> Result<i64, SnapshotError> {
        self.array().map(i64::from_le_bytes)
    }

    /// The next sixteen bytes, little-endian.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn i128(&mut self) -> Result<i128, SnapshotError> {
        self.array().map(i128::from_le_bytes)
    }

    /// A byte that is 0 or 1.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn flag(&mut self) -> Result<bool, SnapshotError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(SnapshotError::Broken("a flag that is neither 0 nor 1")),
        }
    }

    /// A number that something was counted to, so small that it can go on for ever.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn counter(&mut self) -> Result<u64, SnapshotError> {
        let counter = self.u64()?;
        ensure(counter <= COUNT_MAX, "a counter beyond all counting")?;
        Ok(counter)
    }

    /// The length of a list of at most `most` things that take `len_min` bytes each, or more; so
    /// long a list is there to be read.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn count(&mut self, most: usize, len_min: usize) -> Result<usize, SnapshotError> {
        let count = self.u32()?;
        let count = usize::try_from(count).expect("a usize has at least 32 bits");
        ensure(count <= most, "a list longer than its limit")?;
        let is_there = count.checked_mul(len_min).is_some_and(|len| len <= self.left.len());
        if is_there { Ok(count) } else { Err(SnapshotError::Truncated) }
    }

    /// A ticker.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn ticker(&mut self) -> Result<Ticker, SnapshotError> {
        Ticker::new(self.text()?).map_err(|_| SnapshotError::Broken("a ticker that is none"))
    }

    /// An account.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn account(&mut self) -> Result<AccountId, SnapshotError> {
        AccountId::new(self.text()?).map_err(|_| SnapshotError::Broken("an account that is none"))
    }

    /// A source.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn source(&mut self) -> Result<SourceId, SnapshotError> {
        SourceId::new(self.text()?).map_err(|_| SnapshotError::Broken("a source that is none"))
    }

    /// A side: 1 for a sale.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn side(&mut self) -> Result<Side, SnapshotError> {
        Ok(if self.flag()? { Side::Sell } else { Side::Buy })
    }

    /// A price within its limits.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn price(&mut self) -> Result<Price, SnapshotError> {
        let price = Price::from_nanos(self.i64()?.into());
        price.map_err(|_| SnapshotError::Broken("a price beyond its limits"))
    }

    /// A quantity within its limits.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`], or [`SnapshotError::Broken`] where that is none.
    pub fn quantity(&mut self) -> Result<Quantity, SnapshotError> {
        let quantity = Quantity::new(self.u64()?.into());
        quantity.map_err(|_| SnapshotError::Broken("a quantity beyond its limits"))
    }

    /// The snapshot is read whole.
    ///
    /// # Errors
    /// [`SnapshotError::TrailingBytes`].
    pub const fn end(&self) -> Result<(), SnapshotError> {
        match self.left.len() {
            0 => Ok(()),
            count => Err(SnapshotError::TrailingBytes(count)),
        }
    }

    fn text(&mut self) -> Result<&'a [u8], SnapshotError> {
        let len = usize::from(self.u8()?);
        let (text, left) = self.left.split_at_checked(len).ok_or(SnapshotError::Truncated)?;
        self.left = left;
        Ok(text)
    }
}
