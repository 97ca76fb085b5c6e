//! A rig: a journal with both of its agents, stepped by hand.

use std::sync::Arc;
use std::time::Duration;

use allot_domain::LogIndex;
use allot_journal::{
    Checkpointer, Committer, Journal, JournalConfig, JournalError, Media, Recovery,
    SEGMENT_BYTES_MIN, SimDisk, Snapshot, Wakers,
};
use allot_runtime::{Agent, Nanos, Waker};

/// The three ends, and the time.
pub(crate) struct Rig {
    pub(crate) journal: Journal,
    pub(crate) committer: Committer,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) now: Nanos,
}

/// What a start found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Found {
    pub(crate) snapshot: Option<Snapshot>,
    /// Index, kind, tag and payload of each record after it.
    pub(crate) records: Vec<(LogIndex, u8, u8, Vec<u8>)>,
    pub(crate) warnings: Vec<String>,
}

/// Small segments, so that there are many.
pub(crate) fn config() -> JournalConfig {
    let mut config = JournalConfig::new("0", "shard 0 of 1");
    config.segment_bytes = SEGMENT_BYTES_MIN;
    config
}

/// A simulated disk, as a start takes it.
pub(crate) fn media(disk: &SimDisk) -> Arc<dyn Media> {
    Arc::new(disk.clone())
}

/// Reads everything that a start would read, and changes nothing.
pub(crate) fn read(
    media: Arc<dyn Media>,
    config: JournalConfig,
) -> Result<(Recovery, Found), JournalError> {
    let mut recovery = Recovery::open(media, config)?;
    let mut found = Found {
        snapshot: recovery.snapshot(),
        records: Vec::new(),
        warnings: recovery.warnings().to_vec(),
    };
    while let Some(record) = recovery.next()? {
        found.records.push((record.index, record.kind, record.tag, record.payload.to_vec()));
    }
    Ok((recovery, found))
}

/// The state that all tests store in snapshots: the payloads so far, one after the other.
///
/// ```text
///   length (4) │ payload │ length (4) │ payload │ …
/// ```
pub(crate) fn state_of(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut state = Vec::new();
    for payload in payloads {
        state.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        state.extend_from_slice(payload);
    }
    state
}

impl Found {
    /// All payloads from the first record on, those in the snapshot too.
    ///
    /// # Panics
    /// When the indexes have gaps.
    pub(crate) fn payloads(&self) -> Vec<Vec<u8>> {
        let (mut payloads, mut rest) = (Vec::new(), &[][..]);
        if let Some(snapshot) = &self.snapshot {
            rest = &snapshot.state;
        }
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap();
            payloads.push(after[..length].to_vec());
            rest = &after[length..];
        }
        let snapshot = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.index.get());
        assert_eq!(u64::try_from(payloads.len()).unwrap(), snapshot);
        for ((index, _, _, payload), expected) in self.records.iter().zip(snapshot + 1..) {
            assert_eq!(index.get(), expected);
            payloads.push(payload.clone());
        }
        payloads
    }
}

impl Rig {
    /// Starts a journal; returns also what the start found.
    pub(crate) fn start(
        media: Arc<dyn Media>,
        config: JournalConfig,
    ) -> Result<(Self, Found), JournalError> {
        let (recovery, found) = read(media, config)?;
        let silent = Waker::silent();
        let wakers = Wakers { shard: &silent, committer: &silent, checkpointer: &silent };
        let (journal, committer, checkpointer) = recovery.finish(wakers)?;
        Ok((Self { journal, committer, checkpointer, now: Nanos::from_unix(1) }, found))
    }

    /// One turn of each end; returns how much was done.
    pub(crate) fn step(&mut self) -> Result<usize, JournalError> {
        self.journal.submit();
        let stepped = self.committer.do_work(self.now) + self.checkpointer.do_work(self.now);
        Ok(self.journal.poll()? + stepped)
    }

    /// Steps all ends until nothing is left to do at this moment.
    pub(crate) fn run_until_idle(&mut self) -> Result<(), JournalError> {
        while 0 < self.step()? {}
        Ok(())
    }

    /// Lets time pass, then runs until idle.
    pub(crate) fn advance(&mut self, span: Duration) -> Result<(), JournalError> {
        self.now += span;
        self.run_until_idle()
    }

    /// Appends payloads and waits until they are durable, all in one batch if they fit.
    pub(crate) fn commit(&mut self, payloads: &[&[u8]]) {
        for payload in payloads {
            self.journal.append(1, 2, 0, payload);
        }
        self.run_until_idle().unwrap();
        assert_eq!(self.journal.durable(), self.journal.appended());
    }
}
