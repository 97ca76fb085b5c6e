//! P6: the state that was recovered is the one that the whole journal makes.

use allot_shard::State;

use crate::replica::Replica;
use crate::violation::{Violation, ensure};

/// Compares a recovered state with the replay from nothing.
///
/// # Errors
/// They differ.
pub fn check(
    shard: usize,
    replica: &Replica,
    inputs: u64,
    recovered: &State,
) -> Result<(), Violation> {
    let replayed = u64::try_from(replica.log().len()).expect("a few");
    ensure(inputs == replayed, "P6", || {
        format!("shard {shard}: {inputs} inputs were recovered, and {replayed} are in its journal")
    })?;
    let mut bytes = Vec::new();
    recovered.save(&mut bytes);
    ensure(bytes == replica.bytes(), "P6", || {
        format!("shard {shard}: the state recovered after input {inputs} is not the replayed one")
    })
}
