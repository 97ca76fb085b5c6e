//! P7: the state follows from the log alone, whatever its batches and snapshots.

use std::sync::Arc;

use allot_journal::{JournalConfig, JournalError, Recovery, SEGMENT_BYTES_MIN, SimDisk, Wakers};
use allot_runtime::{Agent, Nanos, Waker};
use allot_server::open_shard::recover_state;
use allot_shard::{ConfigOf, Service, State};

use crate::engine::log::{RecoveredLog, bytes};
use crate::engine::prng::Prng;
use crate::engine::violation::{Violation, ensure};

/// Writes the log again in other batches and segments, recovers from there, and compares with the
/// replayed state.
///
/// # Errors
/// The state is another.
pub fn check<S: Service>(
    log: &RecoveredLog,
    replayed: &State<S>,
    config: ConfigOf<S>,
    prng: &mut Prng,
) -> Result<(), Violation> {
    let failed = |error: String| Violation::new("P7", format!("written again: {error}"));
    let disk = SimDisk::new(prng.seed());
    write(&disk, log, prng).map_err(|error| failed(error.to_string()))?;
    let state = recover_state::<S>(Arc::new(disk), journal(SEGMENT_BYTES_MIN), config)
        .map_err(|error| failed(error.to_string()))?;
    ensure(bytes(&state) == bytes(replayed), "P7", || "other batches make another state".to_owned())
}

fn journal(segment_bytes: u64) -> JournalConfig {
    JournalConfig { segment_bytes, prune: false, ..JournalConfig::new("again", "again") }
}

fn write(disk: &SimDisk, log: &RecoveredLog, prng: &mut Prng) -> Result<(), JournalError> {
    let silent = Waker::silent();
    let wakers = Wakers { shard: &silent, committer: &silent, checkpointer: &silent };
    let config = journal(SEGMENT_BYTES_MIN * prng.between(1..=20));
    let mut recovery = Recovery::open(Arc::new(disk.clone()), config)?;
    while recovery.next()?.is_some() {}
    let (mut journal, mut committer, mut checkpointer) = recovery.finish(wakers)?;
    let now = Nanos::from_unix(1);
    let batch = prng.between(1..=200);
    for record in log.records() {
        journal.append(record.kind, record.tag, record.time_ns, &record.payload);
        if prng.one_in(batch) {
            journal.submit();
            committer.do_work(now);
            checkpointer.do_work(now);
        }
    }
    while journal.durable() < journal.appended() {
        journal.submit();
        committer.do_work(now);
        checkpointer.do_work(now);
        journal.poll()?;
    }
    Ok(())
}
