//! P6: the recovered state is the one that the whole journal makes.

use crate::engine::boxes::State;
use crate::engine::log::{RecoveredLog, bytes};
use crate::engine::violation::{Violation, ensure};

/// Compares a state recovered after this many inputs with the replay from nothing.
///
/// # Errors
/// They differ.
pub fn check(
    shard: usize,
    log: &RecoveredLog,
    inputs: u64,
    recovered: &State,
    replayed: &State,
) -> Result<(), Violation> {
    let records = log.len();
    ensure(inputs == records, "P6", || {
        format!("shard {shard}: {inputs} inputs were recovered, and its journal has {records}")
    })?;
    ensure(bytes(recovered) == bytes(replayed), "P6", || {
        format!("shard {shard}: the state recovered after input {inputs} is not the replayed one")
    })
}
