//! Feed progress: what a feed has done so far, as other threads see it.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use allot_domain::SourceId;
use allot_runtime::Nanos;

use crate::limits::{CODES_MAX, REASONS_MAX};
use crate::notes::{GaveUp, Notes};
use crate::tally::Tallies;
use crate::{BadLine, FeedError, Latency, Skipped, Summary, Tally};

/// A handle on a feed that runs on another thread. The feed writes it; any thread reads it.
#[derive(Clone)]
pub struct FeedProgress {
    shared: Arc<Shared>,
}

/// The phase of a feed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// It sends what is new.
    Running,
    /// It sends nothing new, and waits for its last replies.
    Draining,
    /// It is done.
    Finished,
}

struct Shared {
    source: SourceId,
    tallies: Tallies,
    /// [`UNKNOWN`] if the source does not know.
    expected: AtomicU64,
    phase: AtomicU8,
    is_ending: AtomicBool,
    start_ns: AtomicU64,
    end_ns: AtomicU64,
    latency_ns_min: AtomicU64,
    latency_ns_max: AtomicU64,
    notes: Mutex<Notes>,
}

const UNKNOWN: u64 = u64::MAX;

impl FeedProgress {
    pub(crate) fn new(source: SourceId, expected: Option<u64>) -> Self {
        let shared = Shared {
            source,
            tallies: Tallies::default(),
            expected: AtomicU64::new(expected.unwrap_or(UNKNOWN)),
            phase: AtomicU8::new(0),
            is_ending: AtomicBool::new(false),
            start_ns: AtomicU64::new(0),
            end_ns: AtomicU64::new(0),
            latency_ns_min: AtomicU64::new(UNKNOWN),
            latency_ns_max: AtomicU64::new(0),
            notes: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The name of the feed.
    #[must_use]
    pub fn source(&self) -> &SourceId {
        &self.shared.source
    }

    /// The value of a tally.
    #[must_use]
    pub fn get(&self, tally: Tally) -> u64 {
        self.shared.tallies.get(tally)
    }

    /// How many messages there will be in all, if that is known.
    #[must_use]
    pub fn expected(&self) -> Option<u64> {
        let expected = self.shared.expected.load(Ordering::Relaxed);
        (expected != UNKNOWN).then_some(expected)
    }

    /// The phase of the feed.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.shared.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Draining,
            _ => Phase::Finished,
        }
    }

    /// Whether the feed is done.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.phase() == Phase::Finished
    }

    /// Asks the feed to send nothing new, and to end when every message has its reply. Call the
    /// waker of its thread afterwards: the thread may be asleep.
    pub fn end_early(&self) {
        self.shared.is_ending.store(true, Ordering::Release);
    }

    /// What it has done until now.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let shared = &self.shared;
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let elapsed_ns = load(&shared.end_ns).saturating_sub(load(&shared.start_ns));
        let latency_ns_min = load(&shared.latency_ns_min);
        let latency_ns_max = load(&shared.latency_ns_max);
        Summary {
            source: shared.source,
            counts: Tally::ALL.iter().map(|tally| (*tally, self.get(*tally))).collect(),
            notes: self.notes().clone(),
            elapsed: Duration::from_nanos(elapsed_ns),
            latency: (latency_ns_min != UNKNOWN).then(|| Latency {
                min: Duration::from_nanos(latency_ns_min),
                max: Duration::from_nanos(latency_ns_max),
            }),
            is_finished: self.is_finished(),
        }
    }

    pub(crate) fn add(&self, tally: Tally, count: u64) {
        self.shared.tallies.add(tally, count);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.shared.is_ending.load(Ordering::Acquire)
    }

    pub(crate) fn enter(&self, phase: Phase) {
        let phase = match phase {
            Phase::Running => 0,
            Phase::Draining => 1,
            Phase::Finished => 2,
        };
        self.shared.phase.store(phase, Ordering::Release);
    }

    /// Something was sent or received.
    pub(crate) fn touch(&self, now: Nanos) {
        let start = &self.shared.start_ns;
        if start.load(Ordering::Relaxed) == 0 {
            start.store(now.as_unix(), Ordering::Relaxed);
        }
        self.shared.end_ns.store(now.as_unix(), Ordering::Relaxed);
    }

    pub(crate) fn note_latency(&self, latency: Duration) {
        let latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX - 1);
        self.shared.latency_ns_min.fetch_min(latency_ns, Ordering::Relaxed);
        self.shared.latency_ns_max.fetch_max(latency_ns, Ordering::Relaxed);
    }

    /// Counts a rejection by its code, and keeps the first few of each.
    pub(crate) fn note_rejection(&self, place: &str, code: &str, reason: &str) {
        self.add(Tally::Rejected, 1);
        let mut notes = self.notes();
        let is_known = notes.rejections.contains_key(code);
        let code = if is_known || notes.rejections.len() < CODES_MAX { code } else { "others" };
        let rejections = notes.rejections.entry(code.to_owned()).or_default();
        rejections.count += 1;
        if rejections.first.len() < REASONS_MAX {
            rejections.first.push(format!("{place}: {reason}"));
        }
    }

    /// Keeps the places of what is not in the books at the end.
    pub(crate) fn note_open(&self, held: Vec<String>, unanswered: Vec<String>) {
        let mut notes = self.notes();
        (notes.held, notes.unanswered) = (held, unanswered);
    }

    /// The feed has ended because it heard nothing for so long.
    pub(crate) fn note_gave_up(&self, gave_up: GaveUp) {
        self.notes().gave_up = Some(gave_up);
    }

    /// Counts what was skipped; true if it is among the first few, which are kept.
    pub(crate) fn note_skipped(&self, skipped: &Skipped) -> bool {
        self.add(Tally::BadLines, 1);
        let mut notes = self.notes();
        let is_kept = notes.skipped.len() < REASONS_MAX;
        if is_kept {
            notes.skipped.push(skipped.clone());
        }
        is_kept
    }

    /// A bad line has ended the feed.
    pub(crate) fn note_stop(&self, line: BadLine) {
        self.add(Tally::BadLines, 1);
        self.notes().stopped_by = Some(line);
    }

    /// Replies can no longer be logged, which ends the feed.
    pub(crate) fn note_log_failure(&self, failure: FeedError) {
        self.notes().log_failure = Some(Arc::new(failure));
        self.end_early();
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.shared.notes.lock().expect("nothing panics while it holds the notes")
    }
}
