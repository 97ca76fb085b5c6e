//! Cursor: reads the values of a snapshot, and believes none of them.

use super::{COUNT_MAX, SnapshotError, ensure};
use crate::{AccountId, CutShort, MessageId, Price, Quantity, Side, SourceId, Ticker};

/// What is left to read of a snapshot.
///
/// Every method fails with [`SnapshotError::Truncated`] where too few bytes are left, and with
/// [`SnapshotError::Broken`] where the bytes are no such value.
#[derive(Debug)]
pub struct Cursor<'a>(crate::Cursor<'a>);

impl From<CutShort> for SnapshotError {
    fn from(_: CutShort) -> Self {
        Self::Truncated
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
                /// [`SnapshotError::Truncated`].
                #[inline]
                pub fn $integer(&mut self) -> Result<$integer, SnapshotError> {
                    Ok(self.0.$integer()?)
                }
            )+
        }
    };
}

integers! { u8 u32 u64 i64 i128 }

/// One method for each value: how it is read, and the error where the bytes are not valid.
macro_rules! values {
    ($($(#[$doc:meta])* $name:ident: $value:ty = $read:expr, $broken:literal;)+) => {
        impl Cursor<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// [`SnapshotError`]: see [`Cursor`].
                pub fn $name(&mut self) -> Result<$value, SnapshotError> {
                    let read: fn(&mut Self) -> Result<Option<$value>, SnapshotError> = $read;
                    read(self)?.ok_or(SnapshotError::Broken($broken))
                }
            )+
        }
    };
}

values! {
    /// A ticker.
    ticker: Ticker = |cursor| Ok(Ticker::new(cursor.text()?).ok()), "a ticker that is none";
    /// An account.
    account: AccountId = |cursor| Ok(AccountId::new(cursor.text()?).ok()),
        "an account that is none";
    /// A source.
    source: SourceId = |cursor| Ok(SourceId::new(cursor.text()?).ok()), "a source that is none";
    /// A price within its limits.
    price: Price = |cursor| Ok(Price::from_nanos(cursor.i64()?.into()).ok()),
        "a price beyond its limits";
    /// A quantity within its limits.
    quantity: Quantity = |cursor| Ok(Quantity::new(cursor.u64()?.into()).ok()),
        "a quantity beyond its limits";
    /// A byte that is 0 or 1.
    flag: bool = |cursor| Ok(match cursor.u8()? { 0 => Some(false), 1 => Some(true), _ => None }),
        "a flag that is neither 0 nor 1";
    /// A number that something was counted to, small enough to be counted on from.
    counter: u64 = |cursor| Ok(Some(cursor.u64()?).filter(|count| *count <= COUNT_MAX)),
        "a counter beyond all counting";
}

impl<'a> Cursor<'a> {
    /// A cursor at the beginning.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(crate::Cursor::new(bytes))
    }

    /// The next bytes, as many as the array has.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        Ok(self.0.take_array()?)
    }

    /// This many records of the same length.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`].
    pub fn records<const N: usize>(
        &mut self,
        count: usize,
    ) -> Result<&'a [[u8; N]], SnapshotError> {
        let len = count.checked_mul(N).ok_or(SnapshotError::Truncated)?;
        Ok(self.0.take(len)?.as_chunks().0)
    }

    /// The length of a list of at most `most` things that take at least `len_min` bytes each; that
    /// many bytes are there to be read.
    ///
    /// # Errors
    /// [`SnapshotError`]: see [`Cursor`].
    ///
    /// # Panics
    /// Never: a `usize` has at least 32 bits wherever this runs.
    pub fn count(&mut self, most: usize, len_min: usize) -> Result<usize, SnapshotError> {
        let count = usize::try_from(self.u32()?).expect("a usize has at least 32 bits");
        ensure(count <= most, "a list longer than its limit")?;
        let left = self.0.rest().len();
        let is_there = count.checked_mul(len_min).is_some_and(|len| len <= left);
        if is_there { Ok(count) } else { Err(SnapshotError::Truncated) }
    }

    /// A side: 1 for a sale.
    ///
    /// # Errors
    /// [`SnapshotError`]: see [`Cursor`].
    pub fn side(&mut self) -> Result<Side, SnapshotError> {
        Ok(if self.flag()? { Side::Sell } else { Side::Buy })
    }

    /// The id of a message; one without a text is `usual`, and none is written as a text that is.
    ///
    /// # Errors
    /// [`SnapshotError`]: see [`Cursor`].
    pub fn id(&mut self, usual: MessageId) -> Result<MessageId, SnapshotError> {
        let text = self.text()?;
        if text.is_empty() {
            return Ok(usual);
        }
        let id = MessageId::new(text).map_err(|_| SnapshotError::Broken("an id that is none"))?;
        ensure(id != usual, "an id that goes without saying")?;
        Ok(id)
    }

    /// The bytes that are not read yet: a snapshot of what is within.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.0.rest()
    }

    /// Checks that the snapshot is read whole.
    ///
    /// # Errors
    /// [`SnapshotError::TrailingBytes`].
    pub const fn end(&self) -> Result<(), SnapshotError> {
        match self.0.rest().len() {
            0 => Ok(()),
            count => Err(SnapshotError::TrailingBytes(count)),
        }
    }

    fn text(&mut self) -> Result<&'a [u8], SnapshotError> {
        let len = self.u8()?;
        Ok(self.0.take(len.into())?)
    }
}
