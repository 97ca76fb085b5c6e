//! A good journal, to be damaged: batches in several segments, and two snapshots.

use std::sync::Arc;

use allot_domain::LogIndex;
use allot_journal::{
    JournalConfig, JournalError, Media, Reader, Recovery, SEGMENT_BYTES_MIN, SimDisk, Wakers,
};
use allot_runtime::{Agent, Nanos, Waker};

/// The journal of one shard on a simulated disk, and what was written to it.
pub struct GoodJournal {
    disk: SimDisk,
    payloads: Vec<Vec<u8>>,
}

impl GoodJournal {
    /// Writes it. Segments are small, so that there are several; none is removed.
    ///
    /// # Panics
    /// If it cannot be written: a bug.
    #[must_use]
    pub fn write() -> Self {
        let disk = SimDisk::new(1);
        let mut payloads = Vec::new();
        for batch in 0..9_u8 {
            let lengths = [usize::from(batch) * 40, 3, 0];
            let added: Vec<_> = lengths.map(|length| vec![batch + 1; length]).into();
            payloads.extend(added.iter().cloned());
            let snapshot = batch == 3 || batch == 6;
            append(&disk, &added, snapshot.then(|| payloads.concat())).expect("a sound disk");
        }
        disk.restart();
        Self { disk, payloads }
    }

    /// A copy to be damaged.
    #[must_use]
    pub fn disk(&self) -> SimDisk {
        self.disk.fork()
    }

    /// Starts on a damaged disk: what is found is a prefix of what was written, and a record can be
    /// appended to it and is found again; or the start stops.
    ///
    /// # Panics
    /// If it is not so.
    pub fn check(&self, damaged: &SimDisk) {
        let Ok(found) = records(damaged) else { return };
        self.assert_is_prefix(&found);
        let added = [b"one more".to_vec()];
        // The disk may be without room for names that the damage took.
        if append(damaged, &added, None).is_ok() {
            damaged.restart();
            let again = records(damaged).expect("what was just written");
            assert_eq!(again.last, found.last.next());
            assert_eq!(again.payloads.last(), Some(&added[0]));
        }
    }

    fn assert_is_prefix(&self, found: &Found) {
        let count = usize::try_from(found.last.get()).expect("few");
        let written = self.payloads.get(..count).expect("no more than was written");
        let (state, rest) = written.split_at(count - found.payloads.len());
        assert_eq!(rest, found.payloads);
        assert_eq!(state.concat(), found.state);
    }
}

/// Reads a disk as a start and as the tools do, whatever is on it.
pub fn read_anything(disk: &SimDisk) {
    let _ = records(disk);
    if let Ok(mut reader) = Reader::open(media(disk)) {
        let snapshots: Vec<_> = reader.snapshots().iter().map(|one| one.index).collect();
        for index in snapshots {
            let _ = reader.snapshot(index);
        }
        while let Ok(Some(_)) = reader.next() {}
        let _ = reader.tail();
    }
}

/// What a start finds.
struct Found {
    /// The state of the snapshot it begins with.
    state: Vec<u8>,
    /// The records after that.
    payloads: Vec<Vec<u8>>,
    last: LogIndex,
}

fn records(disk: &SimDisk) -> Result<Found, JournalError> {
    Ok(start(disk)?.1)
}

fn start(disk: &SimDisk) -> Result<(Recovery, Found), JournalError> {
    let mut recovery = Recovery::open(media(disk), config())?;
    let (last, state) =
        recovery.snapshot().map_or_else(Default::default, |one| (one.index, one.state));
    let mut found = Found { state, payloads: Vec::new(), last };
    while let Some(record) = recovery.next()? {
        assert_eq!(record.index, found.last.next(), "records have no gap");
        found.last = record.index;
        found.payloads.push(record.payload.to_vec());
    }
    Ok((recovery, found))
}

/// Starts, appends payloads as one batch, and stores a snapshot if there is one.
fn append(
    disk: &SimDisk,
    payloads: &[Vec<u8>],
    snapshot: Option<Vec<u8>>,
) -> Result<(), JournalError> {
    let (recovery, _) = start(disk)?;
    let silent = Waker::silent();
    let wakers = Wakers { shard: &silent, committer: &silent, checkpointer: &silent };
    let (mut journal, mut committer, mut checkpointer) = recovery.finish(wakers)?;
    for payload in payloads {
        journal.append(1, 2, 7, payload);
    }
    if let Some(state) = snapshot {
        journal.store_snapshot(|out| out.extend_from_slice(&state));
    }
    let now = Nanos::from_unix(1);
    loop {
        journal.submit();
        let stepped = committer.do_work(now) + checkpointer.do_work(now);
        if journal.poll()? + stepped == 0 {
            assert_eq!(journal.durable(), journal.appended());
            return Ok(());
        }
    }
}

fn media(disk: &SimDisk) -> Arc<dyn Media> {
    Arc::new(disk.clone())
}

fn config() -> JournalConfig {
    let mut config = JournalConfig::new("0", "shard 0 of 1");
    config.segment_bytes = SEGMENT_BYTES_MIN;
    config.prune = false;
    config
}
