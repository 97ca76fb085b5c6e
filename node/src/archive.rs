//! The archive of a shard: its directory, what it recovers from there, and who writes to it.

use crate::settings::Settings;
use crate::stamp::Stamp;
use allot_allocation_rules::BookConfig;
use allot_journal::{Folder, Journal, JournalConfig, Recovery, Wakers};
use allot_runtime::{Crew, ThreadSlot};
use allot_shard::{State, recover};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a shard starts from.
pub(crate) struct Archive {
    /// What it knows.
    pub(crate) state: State,
    /// Where it writes down what it is told.
    pub(crate) journal: Journal,
}

impl Archive {
    /// Recovers a shard from its directory, and gives the crew the threads that write to it; a
    /// shard without a data directory starts from nothing.
    ///
    /// # Errors
    /// When the directory cannot be used, or holds anything but what a shard wrote there.
    pub(crate) fn open(
        settings: &Settings,
        shard: usize,
        crew: &mut Crew,
        slot: &ThreadSlot,
    ) -> Result<Self> {
        let Some(data) = &settings.data else {
            return Ok(Self::without_journal(settings));
        };
        let path = directory(data, shard);
        let place = || format!("shard {shard} cannot start from {}", path.display());
        let folder = Folder::open(&path).with_context(place)?;
        let config = journal_config(settings, shard);
        let mut recovery = Recovery::open(Arc::new(folder), config).with_context(place)?;
        for warning in recovery.warnings() {
            tracing::warn!(shard, "{warning}");
        }
        let state = recover(&mut recovery, book_config(settings)).with_context(place)?;
        let committer_slot = crew.blocking_thread(&format!("journal-{shard}"))?;
        let checkpointer_slot = crew.blocking_thread(&format!("checkpointer-{shard}"))?;
        let wakers = Wakers {
            shard: slot.waker(),
            committer: committer_slot.waker(),
            checkpointer: checkpointer_slot.waker(),
        };
        let (journal, committer, checkpointer) = recovery.finish(wakers).with_context(place)?;
        tracing::info!(
            shard,
            inputs = journal.appended().get(),
            "recovered from {}",
            path.display()
        );
        crew.add(&committer_slot, Box::new(committer));
        crew.add(&checkpointer_slot, Box::new(checkpointer));
        Ok(Self { state, journal })
    }

    /// A shard that lives in memory only.
    pub(crate) fn without_journal(settings: &Settings) -> Self {
        Self { state: State::new(book_config(settings)), journal: Journal::none() }
    }
}

/// Says so loudly where a restart loses everything.
pub(crate) fn warn_without_journal(settings: &Settings) {
    if settings.data.is_none() {
        tracing::warn!(
            "state lives in memory only: positions are lost when this process ends; keep them \
             with --data DIR"
        );
    }
}

/// Where a shard's journal is.
pub(crate) fn directory(data: &Path, shard: usize) -> PathBuf {
    data.join(format!("shard-{shard}"))
}

fn book_config(settings: &Settings) -> BookConfig {
    BookConfig { blend: settings.blend, history: settings.history }
}

fn journal_config(settings: &Settings, shard: usize) -> JournalConfig {
    let stamp = Stamp { shard, shards: settings.shards, book: book_config(settings) };
    JournalConfig {
        segment_bytes: settings.segment_bytes,
        snapshot_every_bytes: settings.image_every_bytes,
        ack: settings.ack,
        prune: settings.prune,
        ..JournalConfig::new(&shard.to_string(), &stamp.to_string())
    }
}
