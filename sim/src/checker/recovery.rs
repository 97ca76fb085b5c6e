//! P6: the state that was recovered is the one that the whole journal makes.

use allot_shard::State;

use crate::chronicle::Chronicle;
use crate::violation::{Verdict, ensure};

/// Compares a recovered state with the replay from nothing.
///
/// # Errors
/// They differ.
pub fn check(shard: usize, chronicle: &Chronicle, inputs: u64, recovered: &State) -> Verdict {
    let replayed = u64::try_from(chronicle.log().len()).expect("a few");
    ensure(inputs == replayed, "P6", || {
        format!("shard {shard}: {inputs} inputs were recovered, and {replayed} are in its journal")
    })?;
    let mut bytes = Vec::new();
    recovered.save(&mut bytes);
    ensure(bytes == chronicle.bytes(), "P6", || {
        format!("shard {shard}: the state recovered after input {inputs} is not the replayed one")
    })
}
