//! Part: what one shard hands the publisher at a marker.
//!
//! ```text
//!   │ 6 │ head │ body of the system, to the end of the frame │
//! ```

use allot_domain::{Incarnation, LedgerId, Marker, ShardId};
use serde::{Deserialize, Serialize};

use super::marker::MarkerRecord;
use super::{FrameKind, count_from, open};
use crate::DecodeError;
use crate::codec;

/// Whose part it is, and of which cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartHead {
    /// Which shard.
    pub shard: ShardId,
    /// Of how many.
    pub shards: u32,
    /// Which incarnation of it.
    pub incarnation: Incarnation,
    /// Which ledger its journal is of; none without a journal.
    pub ledger: Option<LedgerId>,
    /// How many inputs are not in its state: they were lost with an earlier incarnation.
    pub lost_inputs: u64,
    /// How many keyed inputs its state has seen, refused ones included.
    pub keyed: u64,
    /// How many inputs that go to all shards its state has seen, refused ones included.
    pub to_all: u64,
    /// The cut.
    pub marker: Marker,
}

/// A part, and what the system says in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartFrame<'a> {
    /// Whose it is.
    pub head: PartHead,
    /// What the system says.
    pub body: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct HeadRecord {
    shard: u32,
    shards: u32,
    incarnation: u64,
    ledger: u128,
    lost_inputs: u64,
    keyed: u64,
    to_all: u64,
    marker: MarkerRecord,
}

/// Bytes of a head: its fields have fixed lengths.
const HEAD_LEN: usize = 4 + 4 + 8 + 16 + 8 + 8 + 8 + (8 + 8 + 8 + 1);

/// Writes a whole frame, whose body `write` appends.
pub fn encode_part(head: &PartHead, frame: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let record = HeadRecord {
        shard: head.shard.get(),
        shards: head.shards,
        incarnation: head.incarnation.get(),
        ledger: LedgerId::number(head.ledger),
        lost_inputs: head.lost_inputs,
        keyed: head.keyed,
        to_all: head.to_all,
        marker: (&head.marker).into(),
    };
    super::encode(FrameKind::Part, record, frame);
    debug_assert!(frame.len() == 1 + HEAD_LEN);
    write(frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_part(frame: &[u8]) -> Result<PartFrame<'_>, DecodeError> {
    let mut cursor = open(frame, FrameKind::Part)?;
    let record: HeadRecord = codec::decode(cursor.take(HEAD_LEN)?)?;
    let marker = Marker::from(record.marker);
    for number in [record.keyed, record.to_all, record.lost_inputs, marker.number] {
        count_from(number)?;
    }
    let head = PartHead {
        shard: ShardId::new(record.shard),
        shards: record.shards,
        incarnation: Incarnation::new(record.incarnation),
        ledger: LedgerId::new(record.ledger),
        lost_inputs: record.lost_inputs,
        keyed: record.keyed,
        to_all: record.to_all,
        marker,
    };
    Ok(PartFrame { head, body: cursor.rest() })
}
