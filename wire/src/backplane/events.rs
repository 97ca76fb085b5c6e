//! Events: what a shard has applied, in order, for those who subscribe to events.
//!
//! ```text
//!   │ 7 │ count 4 │ shard 4 │ incarnation 8 │ number 8 ║ size 4 │ event ║ …
//! ```
//!
//! `number` counts a shard's frames in one incarnation, so that a dropped one is seen. An event is
//! a binary record of the system.

use allot_domain::{Incarnation, ShardId};

use super::{FrameKind, begin as begin_frame, count_up, open};
use crate::DecodeError;
use crate::batch::Records;

/// Starts a frame.
pub fn begin(frame: &mut Vec<u8>, shard: ShardId, incarnation: Incarnation, number: u64) {
    begin_frame(frame, FrameKind::Events);
    frame.extend_from_slice(&shard.get().to_le_bytes());
    frame.extend_from_slice(&incarnation.get().to_le_bytes());
    frame.extend_from_slice(&number.to_le_bytes());
}

/// Adds an event: `write` appends one record, with its size.
///
/// # Panics
/// If the frame was not begun.
pub fn push_with(frame: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    write(frame);
    count_up(frame);
}

/// A frame, and the iterator over its events, without their sizes; it ends after the first that is
/// damaged.
#[derive(Clone, Debug)]
pub struct Events<'a> {
    /// Which shard.
    pub shard: ShardId,
    /// Which incarnation of it.
    pub incarnation: Incarnation,
    /// The number of the frame in that incarnation.
    pub number: u64,
    /// How many events there were in the frame.
    pub count: u32,
    records: Records<'a>,
}

/// Opens a frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn read(frame: &[u8]) -> Result<Events<'_>, DecodeError> {
    let mut cursor = open(frame, FrameKind::Events)?;
    let count = cursor.u32()?;
    let shard = ShardId::new(cursor.u32()?);
    let incarnation = Incarnation::new(cursor.u64()?);
    let number = cursor.u64()?;
    Ok(Events { shard, incarnation, number, count, records: Records::new(cursor, count) })
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<&'a [u8], DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.records.next()
    }
}
