//! Log writer: an agent that writes the file of each DUMPLOG, beside the server and behind it.
//!
//! It reads the journals, and nothing of the server waits for it. It rests as long as a pass took,
//! so that it never has more than half of a core, and its thread yields to all others.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use allot_desk_service::{decode_input, is_dump};
use allot_domain::{LedgerId, LogIndex};
use allot_journal::{Folder, Follower, JournalError};
use allot_runtime::{Agent, Counter, Counters, Nanos};
use allot_wire::backplane::InputKind;

use super::dump_queue::{DumpQueue, Request, Subject};
use super::log_folder::{LogFolder, is_worth_another_try};
use super::pass::{Pass, Step};
use super::progress;

/// How often it looks for what was appended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long it waits after something failed: a disk that is full, a journal that cannot be read.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How soon it tries again where a shard was not as far as the others.
const TOO_EARLY_RETRY: Duration = Duration::from_millis(200);

/// Records that it looks at, or replays, in a turn: few, so that it can be stopped soon also where
/// its thread hardly ever runs.
const RECORDS_PER_TURN: usize = 512;

/// Files of a pass: each is an open one, and has a buffer.
const FILES_MAX: usize = 64;

/// After how many records it notes how far it is, though no file was written.
const NOTE_EVERY: u64 = 1 << 20;

/// How much its thread yields to others, as `nice` has it.
const NICENESS: i32 = 19;

/// Follows the journals of a desk, and writes files.
pub(crate) struct LogWriter {
    folder: LogFolder,
    ledger: Option<LedgerId>,
    shards: Vec<Followed>,
    queue: DumpQueue,
    pass: Option<(Pass, Nanos)>,
    /// The sum of positions when progress was noted last.
    noted: u64,
    is_failing: bool,
    look_at: Nanos,
    pass_at: Nanos,
    counters: Counters,
}

/// The journal of a shard, as far as it was searched for DUMPLOGs.
struct Followed {
    directory: PathBuf,
    follower: Option<Follower>,
    position: LogIndex,
}

impl LogWriter {
    /// Opens the directory of logs, for a desk with these journals, by shard number.
    pub(crate) fn new(
        logs: &Path,
        journals: Vec<PathBuf>,
        ledger: Option<LedgerId>,
        counters: Counters,
    ) -> io::Result<Self> {
        let folder = LogFolder::open(logs)?;
        let noted = folder.read_progress()?;
        let done = noted.and_then(|text| progress::read(&text, ledger, journals.len()));
        let done = done.unwrap_or_else(|| vec![LogIndex::ZERO; journals.len()]);
        let followed = |(directory, position)| Followed { directory, follower: None, position };
        let shards: Vec<_> = journals.into_iter().zip(done).map(followed).collect();
        let noted = sum(&shards);
        Ok(Self {
            folder,
            ledger,
            shards,
            queue: DumpQueue::default(),
            pass: None,
            noted,
            is_failing: false,
            look_at: Nanos::ZERO,
            pass_at: Nanos::ZERO,
            counters,
        })
    }

    /// Searches what was appended for DUMPLOGs; returns how many records there were.
    fn look(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        for number in 0..self.shards.len() {
            match self.shards[number].look(number, &mut self.queue) {
                Ok(records) => count += records,
                Err(error) => {
                    let directory = self.shards[number].directory.display().to_string();
                    self.fail(now, &format!("{directory} cannot be followed: {error}"));
                    self.look_at = now + RETRY_AFTER;
                    return 0;
                }
            }
        }
        self.look_at = if count == 0 { now + LOOK_EVERY } else { now };
        if count == 0 && self.noted + NOTE_EVERY < sum(&self.shards) {
            self.note_progress(now);
        }
        count
    }

    fn begin_pass(&mut self, now: Nanos) {
        if let Err(error) = self.folder.renew() {
            let path = self.folder.path().display().to_string();
            return self.fail(now, &format!("{path}: {error}"));
        }
        let requests = self.queue.take(FILES_MAX);
        let directories: Vec<_> = self.shards.iter().map(|shard| shard.directory.clone()).collect();
        match Pass::begin(requests.clone(), &directories, &self.folder) {
            Ok(pass) => self.pass = Some((pass, now)),
            Err(error) => {
                self.put_back(requests);
                self.fail(now, &format!("{error:#}"));
            }
        }
    }

    fn go_on(&mut self, mut pass: Pass, begun: Nanos, now: Nanos) {
        match pass.step(RECORDS_PER_TURN) {
            Ok(Step::Pending) => self.pass = Some((pass, begun)),
            Ok(Step::Done) => {
                // As long as it took, nothing is written.
                self.pass_at = now + (now - begun);
                self.finish(pass, now);
            }
            Ok(Step::TooEarly) => {
                let requests = pass.abort(&self.folder);
                self.put_back(requests);
                self.pass_at = now + TOO_EARLY_RETRY;
            }
            Err(error) => {
                let requests = pass.abort(&self.folder);
                self.put_back(requests);
                self.fail(now, &format!("{error:#}"));
            }
        }
    }

    fn finish(&mut self, pass: Pass, now: Nanos) {
        let (mut failure, mut written) = (None, Vec::new());
        for (subject, request, result) in pass.finish(&self.folder) {
            let file = self.folder.path().join(&subject.file);
            match result {
                Ok(Some(count)) => {
                    self.counters.add(Counter::LogsWritten, 1);
                    written.push((file, count));
                    self.queue.forget_before(&subject.file, request.time_ns);
                }
                // It was refused, and its sender knows.
                Ok(None) => {}
                Err(error) if is_worth_another_try(&error) => {
                    failure = Some(format!("{}: {error}", file.display()));
                    self.queue.add(subject, request);
                }
                Err(error) => {
                    self.counters.add(Counter::LogsFailed, 1);
                    let file = file.display();
                    tracing::warn!("DUMPLOG: {file} cannot be written, and is given up: {error}");
                }
            }
        }
        match failure {
            Some(failure) => self.fail(now, &failure),
            None if self.is_failing => {
                self.is_failing = false;
                tracing::info!("DUMPLOG: logs are written again");
            }
            None => {}
        }
        self.note_progress(now);
        for (file, entries) in written {
            tracing::info!(file = %file.display(), entries, "DUMPLOG: log written");
        }
    }

    fn put_back(&mut self, requests: Vec<(Subject, Request)>) {
        requests.into_iter().for_each(|(subject, request)| self.queue.add(subject, request));
    }

    /// Says once that something fails; it is tried again, and the server goes on.
    fn fail(&mut self, now: Nanos, what: &str) {
        self.pass_at = now + RETRY_AFTER;
        self.counters.add(Counter::LogsFailed, 1);
        if !self.is_failing {
            self.is_failing = true;
            let waiting = self.queue.len();
            tracing::warn!(
                "DUMPLOG: {what}; {waiting} logs wait, and are tried again every {} seconds",
                RETRY_AFTER.as_secs()
            );
        }
    }

    /// Notes up to where every DUMPLOG has its file. The journals are synced first: after a loss of
    /// power they must not end before that.
    fn note_progress(&mut self, now: Nanos) {
        let done = self.shards.iter().enumerate().map(|(number, shard)| {
            let first = self.queue.first_of(number).and_then(LogIndex::previous);
            first.map_or(shard.position, |before| before.min(shard.position))
        });
        let text = progress::write(self.ledger, &done.collect::<Vec<_>>());
        let synced = self.shards.iter().try_for_each(Followed::sync);
        match synced.and_then(|()| self.folder.write_progress(&text)) {
            Ok(()) => self.noted = sum(&self.shards),
            Err(error) => {
                let path = self.folder.path().display().to_string();
                self.fail(now, &format!("{path}: {error}"));
            }
        }
    }
}

fn sum(shards: &[Followed]) -> u64 {
    shards.iter().map(|shard| shard.position.get()).sum()
}

impl Followed {
    /// Searches some records, unless too many requests wait; returns how many there were.
    fn look(&mut self, number: usize, queue: &mut DumpQueue) -> Result<usize, JournalError> {
        let result = self.search(number, queue);
        if result.is_err() {
            // A batch that was being written may have looked broken: it is read anew.
            self.follower = None;
        }
        result
    }

    fn search(&mut self, number: usize, queue: &mut DumpQueue) -> Result<usize, JournalError> {
        let mut follower = match self.follower.take() {
            Some(follower) => follower,
            None => {
                let folder = Folder::read_only(&self.directory)?;
                Follower::open(Arc::new(folder), self.position.next())?
            }
        };
        let mut count = 0;
        while count < RECORDS_PER_TURN && !queue.is_full() {
            let Some(record) = follower.next()? else { break };
            count += 1;
            if record.index <= self.position {
                continue;
            }
            self.position = record.index;
            let kind = InputKind::new(record.kind);
            if is_dump(kind, record.payload)
                && let Ok(input) = decode_input(kind, record.time_ns, record.payload)
            {
                queue.add_input(number, record.index, &input);
            }
        }
        self.follower = Some(follower);
        Ok(count)
    }

    fn sync(&self) -> io::Result<()> {
        let file = self.follower.as_ref().and_then(Follower::file);
        file.map_or(Ok(()), |file| File::open(self.directory.join(file))?.sync_data())
    }
}

impl Agent for LogWriter {
    fn role(&self) -> &'static str {
        "logs"
    }

    fn start(&mut self, _: Nanos) {
        // Of Linux, a thread has its own. Where it is not to be had, logs are still written.
        let _ = rustix::process::nice(NICENESS);
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        if let Some((pass, begun)) = self.pass.take() {
            self.go_on(pass, begun, now);
            return 1;
        }
        if self.look_at <= now && !self.queue.is_full() {
            let count = self.look(now);
            if 0 < count {
                return count;
            }
        }
        if self.queue.is_empty() || now < self.pass_at {
            return 0;
        }
        self.begin_pass(now);
        1
    }

    fn wake_at(&self) -> Nanos {
        match &self.pass {
            Some(_) => Nanos::ZERO,
            None if self.queue.is_empty() => self.look_at,
            None if self.queue.is_full() => self.pass_at,
            None => self.look_at.min(self.pass_at),
        }
    }
}
