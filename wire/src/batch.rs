//! Batch: the frame of a binary message, a header and records of one kind.
//!
//! ```text
//!   0       4         5      6          8       12       16
//!   ┌───────┬─────────┬──────┬──────────┬───────┬────────┬──────┬────────┬──────┬────────┬──
//!   │ ALOT  │ version │ kind │ reserved │ count │ length │ size │ record │ size │ record │ …
//!   │       │ 2       │      │ 0        │       │        │      │        │      │        │
//!   └───────┴─────────┴──────┴──────────┴───────┴────────┴──────┴────────┴──────┴────────┴──
//!     4       1         1      2          4       4        4      size
//! ```
//!
//! Integers are little-endian. `length` counts all that follows the header, to the last byte.

use allot_domain::Cursor;
use allot_domain::{Reject, limits};
use serde::Serialize;

use crate::DecodeError;
use crate::codec;
use crate::sized::{append_sized, length, patch};

/// What a binary message begins with.
pub(crate) const MAGIC: &[u8; 4] = b"ALOT";
const VERSION: u8 = 2;
const COUNT_AT: usize = 8;
const LENGTH_AT: usize = 12;
const HEADER_LEN: usize = 16;

/// The kind of a batch of replies.
pub const KIND_REPLIES: u8 = 128;
/// The kind of a batch that is a [`crate::Heartbeat`].
pub const KIND_HEARTBEAT: u8 = 131;

/// A binary message whose header is sound; its records are read one by one.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// What the records are: below 128 a request of a system, from [`KIND_REPLIES`] on what is sent
    /// back or published.
    pub kind: u8,
    /// How many records there are.
    pub count: u32,
    body: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Reads the header of a message of the front door.
    ///
    /// # Errors
    /// [`Reject::OversizedMessage`] and [`Reject::MalformedMessage`]; whether its kind is known is
    /// for the caller to ask.
    pub fn parse(message: &'a [u8]) -> Result<Self, Reject> {
        if limits::MESSAGE_MAX < message.len() {
            return Err(Reject::OversizedMessage(message.len()));
        }
        Ok(Self::read(message)?)
    }

    /// Reads the header of a message of any length.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn read(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(message);
        if cursor.take(MAGIC.len())? != MAGIC {
            return Err(DecodeError::new("a binary message must begin with ALOT"));
        }
        let version = cursor.u8()?;
        if version != VERSION {
            return Err(DecodeError::new(format!(
                "the version must be {VERSION}; it was {version}"
            )));
        }
        let kind = cursor.u8()?;
        if cursor.u16()? != 0 {
            return Err(DecodeError::new("the reserved bytes of the header must be zero"));
        }
        let (count, length) = (cursor.u32()?, cursor.u32()?);
        let body = cursor.rest();
        if usize::try_from(length) != Ok(body.len()) {
            let len = body.len();
            return Err(DecodeError::new(format!(
                "the header announces {length} bytes; {len} follow it"
            )));
        }
        Ok(Self { kind, count, body })
    }

    /// The records, without their sizes; ends after the first that is damaged.
    pub fn records(&self) -> impl Iterator<Item = Result<&'a [u8], Reject>> + use<'a> {
        Records { cursor: Cursor::new(self.body), left: self.count }
            .map(|record| record.map_err(Reject::from))
    }

    /// The only record of a published message.
    ///
    /// # Errors
    /// It is of another kind, or not the only one.
    pub fn only(message: &'a [u8], kind: u8) -> Result<&'a [u8], DecodeError> {
        let batch = Self::read(message)?;
        if batch.kind != kind || batch.count != 1 {
            return Err(DecodeError::new(format!("one record of kind {kind} is expected")));
        }
        let mut records = Records { cursor: Cursor::new(batch.body), left: 1 };
        let record = records.next().unwrap_or_else(|| Err(DecodeError::new("no record")))?;
        records.next().map_or(Ok(record), |extra| extra)
    }
}

/// Sized records, one by one; what is left over after the last is an error.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a> {
    cursor: Cursor<'a>,
    left: u32,
}

impl<'a> Records<'a> {
    pub(crate) const fn new(cursor: Cursor<'a>, count: u32) -> Self {
        Self { cursor, left: count }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<&'a [u8], DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let over = core::mem::replace(&mut self.cursor, Cursor::new(&[]));
            let clean = over.rest().is_empty();
            return (!clean).then(|| Err(DecodeError::new("bytes follow the last record")));
        }
        let record = self.cursor.sized().map_err(DecodeError::from);
        self.left -= 1;
        if record.is_err() {
            *self = Self::new(Cursor::new(&[]), 0);
        }
        Some(record)
    }
}

/// Starts a batch of this kind; `out` then holds its header alone.
pub fn begin_batch(out: &mut Vec<u8>, kind: u8) {
    out.clear();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[VERSION, kind]);
    out.resize(HEADER_LEN, 0);
}

/// Adds a record, with its size before it.
///
/// # Panics
/// If the record has 4 GiB or more.
pub fn push_record(out: &mut Vec<u8>, body: &[u8]) {
    append_sized(out, |out| out.extend_from_slice(body));
}

/// Closes a batch of `count` records.
///
/// # Panics
/// If the batch was not begun, or has 4 GiB or more.
pub fn end_batch(out: &mut [u8], count: u32) {
    let len = out.len().checked_sub(HEADER_LEN).expect("a batch is begun before it is ended");
    patch(out, COUNT_AT, count.to_le_bytes());
    patch(out, LENGTH_AT, length(len).to_le_bytes());
}

/// Writes a batch of one record of this kind; `out` then holds nothing else.
///
/// # Panics
/// If the record has 4 GiB or more.
pub fn write_only_record(out: &mut Vec<u8>, kind: u8, record: impl Serialize) {
    begin_batch(out, kind);
    append_sized(out, |out| codec::append(record, out));
    end_batch(out, 1);
}
