//! P6: the recovered state is the one that the whole journal makes.

use allot_domain::{LogIndex, ShardId};
use allot_shard::{Service, State};

use crate::engine::log::{RecoveredLog, bytes};
use crate::engine::violation::{Violation, ensure};

/// Compares a state recovered after this input with the replay from nothing.
///
/// # Errors
/// They differ.
pub fn check<S: Service>(
    shard: ShardId,
    log: &RecoveredLog,
    last: LogIndex,
    recovered: &State<S>,
    replayed: &State<S>,
) -> Result<(), Violation> {
    let records = log.last();
    ensure(last == records, "P6", || {
        format!("shard {shard}: {last} inputs were recovered, and its journal has {records}")
    })?;
    ensure(bytes(recovered) == bytes(replayed), "P6", || {
        format!("shard {shard}: the state recovered after input {last} is not the replayed one")
    })
}
