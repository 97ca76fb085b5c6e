//! Applied: a frame of what a shard has divided and taken back, in order, for the topics of fills.
//!
//! ```text
//!   │ 7 │ count 4 │ shard 4 │ incarnation 8 │ number 8 ║ size 4 │ reply ║ …
//! ```
//!
//! `number` counts a shard's frames in one life, so that a dropped one is seen. The replies are the
//! binary records of the front door.

use super::{FrameKind, begin as begin_frame, count_up, open};
use crate::batch::Records;
use crate::reply::read_record;
use crate::{DecodeError, Encoding, Reply, encode_outcome};
use allot_domain::{AccountId, Outcome, Share};

/// Starts a frame.
pub fn begin(frame: &mut Vec<u8>, shard: u32, incarnation: u64, number: u64) {
    begin_frame(frame, FrameKind::Applied);
    frame.extend_from_slice(&shard.to_le_bytes());
    frame.extend_from_slice(&incarnation.to_le_bytes());
    frame.extend_from_slice(&number.to_le_bytes());
}

/// Adds an outcome; `shares` are all of [`allot_domain::Outcomes::shares`].
///
/// # Panics
/// If the frame was not begun, or the outcome's shares are not in `shares`.
pub fn push<'a>(
    frame: &mut Vec<u8>,
    outcome: &Outcome,
    shares: &[Share],
    account: impl Fn(u32) -> &'a AccountId,
) {
    encode_outcome(Encoding::Binary, outcome, shares, account, frame);
    count_up(frame);
}

/// A frame, and the iterator over its replies; it ends after the first that is damaged.
#[derive(Clone, Debug)]
pub struct Applied<'a> {
    /// Which shard.
    pub shard: u32,
    /// Which life of it.
    pub incarnation: u64,
    /// The number of the frame in that life.
    pub number: u64,
    /// How many outcomes there were in the frame.
    pub count: u32,
    records: Records<'a>,
}

/// Opens a frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn read(frame: &[u8]) -> Result<Applied<'_>, DecodeError> {
    let mut cursor = open(frame, FrameKind::Applied)?;
    let (count, shard) = (cursor.take_u32()?, cursor.take_u32()?);
    let (incarnation, number) = (cursor.take_u64()?, cursor.take_u64()?);
    Ok(Applied { shard, incarnation, number, count, records: Records::new(cursor, count) })
}

impl Iterator for Applied<'_> {
    type Item = Result<Reply, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.records.next()?.and_then(read_record))
    }
}
