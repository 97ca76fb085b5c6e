//! What a shard starts from: its directory, or nothing.

use std::path::Path;
use std::sync::Arc;

use allot_domain::{LedgerId, ShardId};
use allot_journal::{
    Checkpointer, Committer, Folder, Journal, JournalConfig, Media, Recovery, Tail, Wakers,
};
use allot_runtime::{ThreadGroup, ThreadSlot};
use allot_shard::{ConfigOf, RecoverError, Service, State, recover};

use crate::config::ConfigFor;
pub use crate::ledger::directory;
use crate::{JournalOptions, JournalStamp, Ledger, ServerError, begun};

/// What a shard starts from.
pub struct Opened<S: Service> {
    /// What it knows.
    pub state: State<S>,
    /// Where it appends its inputs.
    pub journal: Journal,
    /// Which ledger it is of; none if nothing is kept.
    pub ledger: Option<LedgerId>,
    /// Whether its directory held no journal, or there is none.
    pub is_new: bool,
}

/// A shard that was recovered, and the agents that write its journal.
pub struct Recovered<S: Service> {
    /// What the shard starts from.
    pub opened: Opened<S>,
    /// Writes and syncs.
    pub committer: Committer,
    /// Makes segments and snapshots.
    pub checkpointer: Checkpointer,
}

/// A shard that lives in memory only.
#[must_use]
pub fn in_memory<S: Service>(machine: ConfigOf<S>) -> Opened<S> {
    Opened { state: State::new(machine), journal: Journal::none(), ledger: None, is_new: true }
}

/// The stamp on the files of a shard's journal.
#[must_use]
pub fn stamp<S: Service>(
    machine: ConfigOf<S>,
    shard: ShardId,
    shards: usize,
    ledger: Option<LedgerId>,
) -> String {
    JournalStamp::<S> { shard, shards, ledger, machine }.to_string()
}

/// Recovers the state alone, and leaves the media as they are.
///
/// # Errors
/// [`RecoverError`]: nothing was changed.
pub fn recover_state<S: Service>(
    media: Arc<dyn Media>,
    journal: JournalConfig,
    machine: ConfigOf<S>,
) -> Result<State<S>, RecoverError> {
    let mut recovery = Recovery::open(media, journal)?;
    recover(&mut recovery, machine)
}

/// Recovers a shard from its media.
///
/// # Errors
/// [`RecoverError`].
pub fn recover_from<S: Service>(
    media: Arc<dyn Media>,
    journal: JournalConfig,
    machine: ConfigOf<S>,
    wakers: Wakers<'_>,
) -> Result<Recovered<S>, RecoverError> {
    let mut recovery = Recovery::open(media, journal)?;
    finish(recover(&mut recovery, machine)?, recovery, wakers)
}

fn finish<S: Service>(
    state: State<S>,
    recovery: Recovery,
    wakers: Wakers<'_>,
) -> Result<Recovered<S>, RecoverError> {
    let is_new = recovery.is_new();
    let (journal, committer, checkpointer) = recovery.finish(wakers)?;
    let opened = Opened { state, journal, ledger: None, is_new };
    Ok(Recovered { opened, committer, checkpointer })
}

/// Recovers a shard from its directory, and adds the threads that write to it; a shard without
/// journal options starts from nothing.
pub(crate) fn open<S: Service>(
    config: &ConfigFor<S>,
    shard: ShardId,
    group: &mut ThreadGroup,
    slot: &ThreadSlot,
) -> Result<Opened<S>, ServerError> {
    match &config.journal {
        None => Ok(in_memory(config.machine)),
        Some(options) => open_directory(config, options, shard, group, slot),
    }
}

fn open_directory<S: Service>(
    config: &ConfigFor<S>,
    options: &JournalOptions,
    shard: ShardId,
    group: &mut ThreadGroup,
    slot: &ThreadSlot,
) -> Result<Opened<S>, ServerError> {
    let path = directory(&options.data, shard);
    let place = |error: RecoverError| ServerError::Shard { shard, directory: path.clone(), error };
    // Before anything is made: the next start must find what this one found.
    if begun::is_lost(&options.data, shard).unwrap_or(false) {
        return Err(ServerError::ShardLost { shard, directory: path });
    }
    let folder = Folder::open(&path).map_err(|error| place(error.into()))?;
    let Ledger { id, is_adopted, .. } = options.ledger;
    let named = (!is_adopted).then_some(id);
    let stamp = stamp::<S>(config.machine, shard, config.core.shards, named);
    let journal = options.of_shard(&shard.to_string(), &stamp);
    let opened = Recovery::open(Arc::new(folder), journal);
    let mut recovery = opened.map_err(|error| ServerError::of_shard(shard, path.clone(), error))?;
    for warning in recovery.warnings() {
        tracing::warn!(shard = shard.get(), "{warning}");
    }
    let state = recover(&mut recovery, config.machine).map_err(place)?;
    log_recovery(&recovery, shard);
    let committer_slot = group.blocking_thread(&format!("journal-{shard}"))?;
    let checkpointer_slot = group.blocking_thread(&format!("checkpointer-{shard}"))?;
    let wakers = Wakers {
        shard: slot.waker(),
        committer: committer_slot.waker(),
        checkpointer: checkpointer_slot.waker(),
    };
    let Recovered { mut opened, committer, checkpointer } =
        finish(state, recovery, wakers).map_err(place)?;
    opened.ledger = Some(id);
    log_start(&opened, shard, &path);
    group.add(&committer_slot, Box::new(committer));
    group.add(&checkpointer_slot, Box::new(checkpointer));
    Ok(opened)
}

/// Notes that a shard has begun its journal, so that it is missed when it is gone.
pub(crate) fn note_begun<S: Service>(config: &ConfigFor<S>, shard: ShardId) {
    if let Some(options) = &config.journal
        && let Err(error) = begun::note(&options.data, shard)
    {
        let (shard, data) = (shard.get(), options.data.display());
        tracing::warn!(shard, "cannot note in {data} that this shard has a journal: {error}");
    }
}

/// What an operator should know of what was read, and what was not.
fn log_recovery(recovery: &Recovery, shard: ShardId) {
    let shard = shard.get();
    if let Some((first, last)) = recovery.unread() {
        tracing::info!(
            shard,
            "not read, because a snapshot holds what is in them: {first} to {last}; `allot verify` \
             reads every segment"
        );
    }
    if let Some(Tail { file, offset, torn_bytes }) = recovery.tail()
        && 0 < *torn_bytes
    {
        tracing::warn!(
            shard,
            bytes = torn_bytes,
            "cut an unfinished write at the end of {file}, from byte {offset} on: no input in it \
             was acknowledged as durable"
        );
    }
}

/// What an operator should know of a start that went well.
fn log_start<S: Service>(opened: &Opened<S>, shard: ShardId, path: &Path) {
    let (shard, path) = (shard.get(), path.display());
    if opened.is_new {
        tracing::info!(shard, "began a new journal in {path}");
    } else {
        let inputs = opened.journal.appended().get();
        tracing::info!(shard, inputs, "recovered from {path}");
    }
    if opened.journal.is_full() {
        tracing::warn!(
            shard,
            "no room on the disk of {path} for another segment: fills are refused as storage_full \
             until space is freed"
        );
    }
}
