//! A rig: a journal with both of its agents, stepped by hand.

use std::sync::Arc;

use allot_journal::{
    Bells, Committer, Image, Journal, JournalConfig, JournalError, Keeper, Media, Recovery,
    SEGMENT_BYTES_MIN,
};
use allot_runtime::{Agent, Bell, Nanos};

/// The three ends, and the time.
pub(crate) struct Rig {
    pub(crate) journal: Journal,
    pub(crate) committer: Committer,
    pub(crate) keeper: Keeper,
    pub(crate) now: Nanos,
}

/// What a start found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Found {
    pub(crate) image: Option<Image>,
    /// Sequence, kind, tag and payload of each record after it.
    pub(crate) records: Vec<(u64, u8, u8, Vec<u8>)>,
    pub(crate) warnings: Vec<String>,
}

/// Small segments, so that there are many.
pub(crate) fn config() -> JournalConfig {
    let mut config = JournalConfig::new("0", "shard 0 of 1");
    config.segment_bytes = SEGMENT_BYTES_MIN;
    config
}

/// Reads everything a start would, and changes nothing.
pub(crate) fn read(
    media: Arc<dyn Media>,
    config: JournalConfig,
) -> Result<(Recovery, Found), JournalError> {
    let mut recovery = Recovery::open(media, config)?;
    let mut found = Found {
        image: recovery.image(),
        records: Vec::new(),
        warnings: recovery.warnings().to_vec(),
    };
    while let Some(record) = recovery.next()? {
        found.records.push((record.sequence, record.kind, record.tag, record.payload.to_vec()));
    }
    Ok((recovery, found))
}

impl Rig {
    /// A start, with what it found.
    pub(crate) fn start(
        media: Arc<dyn Media>,
        config: JournalConfig,
    ) -> Result<(Self, Found), JournalError> {
        let (recovery, found) = read(media, config)?;
        let silent = Bell::silent();
        let bells = Bells { shard: &silent, committer: &silent, keeper: &silent };
        let (journal, committer, keeper) = recovery.finish(bells)?;
        Ok((Self { journal, committer, keeper, now: Nanos::from_unix(1) }, found))
    }

    /// Steps everything until nothing is left to do at this moment.
    pub(crate) fn settle(&mut self) -> Result<(), JournalError> {
        loop {
            self.journal.submit();
            let stepped = self.committer.do_work(self.now) + self.keeper.do_work(self.now);
            if self.journal.poll()? + stepped == 0 {
                return Ok(());
            }
        }
    }
}
