//! Plan: a netting for all shards at once, from the publisher to the router.

use super::input::{NettingRecord, NettingRecordRead, netting_record};
use super::{FrameKind, decode, encode};
use crate::DecodeError;
use crate::codec::Each;
use allot_domain::Netting;
use serde::{Deserialize, Serialize};

/// One netting for each shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The number of the netting.
    pub number: u64,
    /// Each shard's column, by shard.
    pub columns: Vec<Netting>,
}

#[derive(Serialize, Deserialize)]
struct PlanRecord<C> {
    number: u64,
    columns: C,
}

/// Writes a whole frame.
pub fn encode_plan(plan: &Plan, frame: &mut Vec<u8>) {
    let columns = Each(plan.columns.iter().map(netting_record));
    let record = PlanRecord { number: plan.number, columns };
    encode(FrameKind::Plan, record, frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_plan(frame: &[u8]) -> Result<Plan, DecodeError> {
    let record: PlanRecord<Vec<NettingRecordRead<'_>>> = decode(FrameKind::Plan, frame)?;
    let columns = record.columns.into_iter().map(NettingRecord::read);
    Ok(Plan { number: record.number, columns: columns.collect::<Result<_, _>>()? })
}
