//! P7: the state follows from the log alone, however it was batched and whenever it was kept.

use std::sync::Arc;

use allot_domain::BookConfig;
use allot_journal::{JournalConfig, JournalError, Recovery, SEGMENT_BYTES_MIN, SimDisk, Wakers};
use allot_runtime::{Agent, Nanos, Waker};
use allot_shard::recover;

use crate::prng::Prng;
use crate::replica::Replica;
use crate::violation::{Violation, ensure};

/// Writes the log anew, in other batches and segments, and recovers from there.
///
/// # Errors
/// The state is another.
pub fn check(replica: &Replica, config: BookConfig, prng: &mut Prng) -> Result<(), Violation> {
    let failed = |error: String| Violation::new("P7", format!("written anew: {error}"));
    let disk = SimDisk::new(prng.seed());
    write(&disk, replica, prng).map_err(|error| failed(error.to_string()))?;
    let mut recovery = Recovery::open(Arc::new(disk), journal(SEGMENT_BYTES_MIN))
        .map_err(|error| failed(error.to_string()))?;
    let state = recover(&mut recovery, config).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    state.save(&mut bytes);
    ensure(bytes == replica.bytes(), "P7", || "other batches make another state".to_owned())
}

fn journal(segment_bytes: u64) -> JournalConfig {
    JournalConfig { segment_bytes, prune: false, ..JournalConfig::new("anew", "anew") }
}

fn write(disk: &SimDisk, replica: &Replica, prng: &mut Prng) -> Result<(), JournalError> {
    let silent = Waker::silent();
    let wakers = Wakers { shard: &silent, committer: &silent, checkpointer: &silent };
    let config = journal(SEGMENT_BYTES_MIN * prng.between(1..=20));
    let mut recovery = Recovery::open(Arc::new(disk.clone()), config)?;
    while recovery.next()?.is_some() {}
    let (mut journal, mut committer, mut checkpointer) = recovery.finish(wakers)?;
    let now = Nanos::from_unix(1);
    let batch = prng.between(1..=200);
    for logged in replica.log() {
        journal.append(logged.kind, logged.tag, &logged.payload);
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
