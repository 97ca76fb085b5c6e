//! Cursor: reads an image from its beginning to its end, and never past it.

use super::{COUNT_MAX, ImageError, ensure};
use crate::{AccountId, Price, Quantity, Side, SourceId, Ticker};

/// What is left to read of an image.
pub(crate) struct Cursor<'a> {
    left: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// The next bytes, as many as the array has.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let (array, left) = self.left.split_first_chunk().ok_or(ImageError::Truncated)?;
        self.left = left;
        Ok(*array)
    }

    /// So many records of the same length.
    pub(crate) fn records<const N: usize>(
        &mut self,
        count: usize,
    ) -> Result<&'a [[u8; N]], ImageError> {
        let len = count.checked_mul(N).ok_or(ImageError::Truncated)?;
        let (records, left) = self.left.split_at_checked(len).ok_or(ImageError::Truncated)?;
        self.left = left;
        Ok(records.as_chunks().0)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ImageError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ImageError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, ImageError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, ImageError> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn i128(&mut self) -> Result<i128, ImageError> {
        self.array().map(i128::from_le_bytes)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, ImageError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ImageError::Broken("a flag that is neither 0 nor 1")),
        }
    }

    /// A number that something was counted to, so small that it can go on for ever.
    pub(crate) fn counter(&mut self) -> Result<u64, ImageError> {
        let counter = self.u64()?;
        ensure(counter <= COUNT_MAX, "a counter beyond all counting")?;
        Ok(counter)
    }

    /// The length of a list of at most `most` things that take `len_min` bytes each, or more; so
    /// long a list is there to be read.
    pub(crate) fn count(&mut self, most: usize, len_min: usize) -> Result<usize, ImageError> {
        let count = crate::holdings::index(self.u32()?);
        ensure(count <= most, "a list longer than its limit")?;
        let is_there = count.checked_mul(len_min).is_some_and(|len| len <= self.left.len());
        if is_there { Ok(count) } else { Err(ImageError::Truncated) }
    }

    pub(crate) fn ticker(&mut self) -> Result<Ticker, ImageError> {
        Ticker::new(self.text()?).map_err(|_| ImageError::Broken("a ticker that is none"))
    }

    pub(crate) fn account(&mut self) -> Result<AccountId, ImageError> {
        AccountId::new(self.text()?).map_err(|_| ImageError::Broken("an account that is none"))
    }

    pub(crate) fn source(&mut self) -> Result<SourceId, ImageError> {
        SourceId::new(self.text()?).map_err(|_| ImageError::Broken("a source that is none"))
    }

    pub(crate) fn side(&mut self) -> Result<Side, ImageError> {
        Ok(if self.flag()? { Side::Sell } else { Side::Buy })
    }

    pub(crate) fn price(&mut self) -> Result<Price, ImageError> {
        let price = Price::from_nanos(self.i64()?.into());
        price.map_err(|_| ImageError::Broken("a price beyond its limits"))
    }

    pub(crate) fn quantity(&mut self) -> Result<Quantity, ImageError> {
        let quantity = Quantity::new(self.u64()?.into());
        quantity.map_err(|_| ImageError::Broken("a quantity beyond its limits"))
    }

    /// The image is read whole.
    pub(crate) const fn end(&self) -> Result<(), ImageError> {
        match self.left.len() {
            0 => Ok(()),
            count => Err(ImageError::TrailingBytes(count)),
        }
    }

    fn text(&mut self) -> Result<&'a [u8], ImageError> {
        let len = usize::from(self.u8()?);
        let (text, left) = self.left.split_at_checked(len).ok_or(ImageError::Truncated)?;
        self.left = left;
        Ok(text)
    }
}
