//! Stages: how long an input spends in each part of its path, measured on a sample of the inputs.
//!
//! ```text
//!   ─► receive ─► route ─► queue ─► allocate ─► encode ─► journal ─► return ─► send ─►
//!      └──── router ────┘ └link┘    └───────── shard ───────────┘    └ link ┘ router
//! ```
//!
//! Each box has a set of its own, which only it writes and any thread may read. The times go into
//! the counts, and for [`Stage::Queue`] and [`Stage::Return`] into the header of a frame; no
//! decision depends on them.
//!
//! The buckets are those of an HDR histogram: sixteen for each doubling, so that a time is exact to
//! one part in sixteen.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Clock, Nanos};

/// The bits of a time that are kept below its highest.
const SUB_BITS: u32 = 4;
const SUB_BUCKETS: usize = 1 << SUB_BITS;

/// Times of 2^36 ns (69 s) and more count in the last bucket.
const TIME_BITS: u32 = 36;
const BUCKETS: usize = (1 + (TIME_BITS - SUB_BITS) as usize) * SUB_BUCKETS;

/// Declares the list once: the sentence is both the documentation and what is printed.
macro_rules! stages {
    ($($name:ident $label:literal $each:literal $sentence:literal)+) => {
        /// A part of the path of an input.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Stage {
            $(#[doc = $sentence] $name,)+
        }

        impl Stage {
            /// All of them, in the order in which an input passes them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name in files and tables.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }

            /// The unit that passes it: a message, a frame of the backplane, or a keyed input; the
            /// label of a keyed input is `fill`, in every system.
            pub const fn each(self) -> &'static str {
                match self { $(Self::$name => $each,)+ }
            }

            /// What it contains, in one sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)+ }
            }
        }
    };
}

stages! {
    Receive "receive" "message" "Taking a message from the front door's socket."
    Route "route" "message" "Reading a message and putting its inputs on their shard streams."
    Queue "queue" "frame" "From the first input of a frame on its stream until the shard takes it."
    Apply "allocate" "fill" "Applying a keyed input: in allocation, dividing a fill."
    Encode "encode" "fill" "Writing the reply to a keyed input."
    Journal "journal" "frame" "From the closing of a frame of replies until its inputs are on disk."
    Return "return" "frame" "From there until the router takes the frame of replies."
    Send "send" "message" "Handing a message of replies to the front door's socket."
}

/// The stages of one box. Clones count into the same values.
#[derive(Clone)]
pub struct Stages(Option<Arc<Set>>);

/// The values of one box. It has a single writer, so relaxed loads and stores are enough: a reader
/// may miss the latest time, but nothing else.
struct Set {
    clock: Clock,
    /// One in this many is timed, beginning with the first.
    every: u64,
    histograms: Vec<Histogram>,
}

struct Histogram {
    /// The number that passed, timed or not.
    passed: AtomicU64,
    /// How many will have passed before the next that is timed: a comparison costs less than a
    /// division.
    timed_at: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// The times of a stage: for each bucket that is not empty, in ascending order, its longest time
/// in nanoseconds and its count.
pub type StageTimes = Vec<(u64, u64)>;

impl Stages {
    /// Nothing is timed.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Times the first unit that passes a stage, and then one in `every`.
    ///
    /// # Panics
    /// If `every` is zero.
    #[must_use]
    pub fn every(every: u64, clock: Clock) -> Self {
        assert!(0 < every, "one in zero cannot be timed; use `off`");
        let histograms = Stage::ALL.iter().map(|_| Histogram::new()).collect();
        Self(Some(Arc::new(Set { clock, every, histograms })))
    }

    /// The time at which the next unit begins a stage, or zero if it is not to be timed.
    #[must_use]
    #[inline]
    pub fn begin(&self, stage: Stage) -> Nanos {
        match &self.0 {
            Some(set) => set.begin(stage),
            None => Nanos::ZERO,
        }
    }

    /// A unit has passed a stage that it began at this time.
    #[inline]
    pub fn end(&self, stage: Stage, began: Nanos) {
        if let Some(set) = &self.0 {
            set.count(stage);
            set.record(stage, began);
        }
    }

    /// The next unit begins a stage that ends in another box. Returns the time for
    /// [`Stages::arrive`] there, or zero if it is not to be timed.
    #[must_use]
    pub fn leave(&self, stage: Stage) -> Nanos {
        let Some(set) = &self.0 else {
            return Nanos::ZERO;
        };
        let left = set.begin(stage);
        set.count(stage);
        left
    }

    /// A unit has passed a stage that it began in another box.
    ///
    /// If that box is another process, the difference is that of two clocks: each process reads the
    /// machine's wall clock once, at its start. A negative time counts as zero.
    pub fn arrive(&self, stage: Stage, left: Nanos) {
        if let Some(set) = &self.0 {
            set.record(stage, left);
        }
    }

    /// The times so far; empty if timing is off. Values are read one after the other.
    pub fn times(&self, stage: Stage) -> StageTimes {
        self.0.as_ref().map_or_else(Vec::new, |set| set.histogram(stage).times())
    }
}

impl Set {
    fn histogram(&self, stage: Stage) -> &Histogram {
        &self.histograms[stage as usize]
    }

    fn begin(&self, stage: Stage) -> Nanos {
        let Histogram { passed, timed_at, .. } = self.histogram(stage);
        let is_timed = passed.load(Ordering::Relaxed) == timed_at.load(Ordering::Relaxed);
        if is_timed { self.clock.now() } else { Nanos::ZERO }
    }

    fn count(&self, stage: Stage) {
        let Histogram { passed, timed_at, .. } = self.histogram(stage);
        let number = passed.load(Ordering::Relaxed);
        if number == timed_at.load(Ordering::Relaxed) {
            timed_at.store(number.saturating_add(self.every), Ordering::Relaxed);
        }
        passed.store(number + 1, Ordering::Relaxed);
    }

    fn record(&self, stage: Stage, began: Nanos) {
        if began != Nanos::ZERO {
            let time = self.clock.now() - began;
            let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            add_one(&self.histogram(stage).buckets[bucket(nanoseconds)]);
        }
    }
}

impl Histogram {
    fn new() -> Self {
        let (passed, timed_at) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { passed, timed_at, buckets: [const { AtomicU64::new(0) }; BUCKETS] }
    }

    fn times(&self) -> StageTimes {
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        let counts = counts.enumerate().filter(|(_, count)| 0 < *count);
        counts.map(|(bucket, count)| (longest(bucket), count)).collect()
    }
}

/// There is one writer, so nothing comes between the load and the store.
fn add_one(value: &AtomicU64) {
    value.store(value.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// The bucket of a time. The first sixteen are one nanosecond wide. For longer times, the four bits
/// below the highest select one of the sixteen buckets of the doubling.
fn bucket(nanoseconds: u64) -> usize {
    let nanoseconds = nanoseconds.min((1 << TIME_BITS) - 1);
    let Some(halvings) = nanoseconds.checked_ilog2().and_then(|bits| bits.checked_sub(SUB_BITS))
    else {
        return nanoseconds as usize;
    };
    halvings as usize * SUB_BUCKETS + (nanoseconds >> halvings) as usize
}

/// The longest time of a bucket, in nanoseconds.
fn longest(bucket: usize) -> u64 {
    let Some(halvings) = (bucket / SUB_BUCKETS).checked_sub(1) else {
        return bucket as u64;
    };
    let leading = (bucket - halvings * SUB_BUCKETS) as u64;
    ((leading + 1) << halvings) - 1
}

impl Default for Stages {
    /// Off.
    fn default() -> Self {
        Self::off()
    }
}

impl fmt::Debug for Stages {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(set) => write!(out, "Stages(every {})", set.every),
            None => out.write_str("Stages(off)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Pseudo-random numbers, the same in every run (Marsaglia's xorshift).
    fn numbers() -> impl Iterator<Item = u64> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        })
    }

    #[test]
    fn a_bucket_is_at_most_one_sixteenth_wide() {
        let edges = (0..TIME_BITS).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        for time in edges.chain(numbers().zip(0..10_000).map(|(n, i)| n >> (28 + i % 36))) {
            let index = bucket(time);
            assert!(time <= longest(index), "{time}");
            assert!(index == 0 || longest(index - 1) < time, "{time}");
            assert!(longest(index) - time <= time / 16, "{time}");
        }
    }

    #[test]
    fn times_beyond_the_limit_count_in_the_last_bucket() {
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(bucket(1 << TIME_BITS), BUCKETS - 1);
        assert_eq!(longest(BUCKETS - 1), (1 << TIME_BITS) - 1);
    }

    #[test]
    fn percentiles_of_the_buckets_are_those_of_the_sorted_samples() {
        let clock = Clock::virtual_at(Nanos::from_unix(1));
        let stages = Stages::every(1, clock.clone());
        let mut samples: Vec<u64> =
            numbers().zip(0..2_000).map(|(n, i)| n >> (34 + i % 30)).collect();
        for sample in &samples {
            let began = stages.begin(Stage::Encode);
            clock.advance(Duration::from_nanos(*sample));
            stages.end(Stage::Encode, began);
        }
        samples.sort_unstable();
        let (mut times, mut counted) = (stages.times(Stage::Encode).into_iter(), 0);
        let mut longest = 0;
        for (index, sample) in (1..).zip(&samples) {
            while counted < index {
                let (time, count) = times.next().unwrap();
                (longest, counted) = (time, counted + count);
            }
            assert!(*sample <= longest && longest - sample <= sample / 16, "{index}");
        }
        assert_eq!(times.next(), None);
    }

    #[test]
    fn the_first_and_then_one_in_four_are_timed() {
        let clock = Clock::virtual_at(Nanos::from_unix(1));
        let stages = Stages::every(4, clock.clone());
        let timed: Vec<_> = (0..9)
            .map(|_| {
                let began = stages.begin(Stage::Send);
                clock.advance(Duration::from_nanos(5));
                stages.end(Stage::Send, began);
                began != Nanos::ZERO
            })
            .collect();
        assert_eq!(timed.iter().filter(|timed| **timed).count(), 3);
        assert!(timed[0] && timed[4] && timed[8]);
        assert_eq!(stages.times(Stage::Send), [(5, 3)]);
        assert_eq!(stages.times(Stage::Receive), []);
    }

    #[test]
    fn a_stage_that_was_begun_and_not_ended_is_begun_again() {
        let stages = Stages::every(4, Clock::virtual_at(Nanos::from_unix(1)));
        stages.end(Stage::Receive, stages.begin(Stage::Receive));
        for _ in 0..10 {
            assert_eq!(stages.begin(Stage::Receive), Nanos::ZERO, "no message came");
        }
    }

    #[test]
    fn a_stage_between_two_boxes_is_counted_by_the_first_and_timed_by_the_second() {
        let clock = Clock::virtual_at(Nanos::from_unix(1));
        let (router, shard) = (Stages::every(2, clock.clone()), Stages::every(2, clock.clone()));
        for _ in 0..4 {
            let left = router.leave(Stage::Queue);
            clock.advance(Duration::from_nanos(7));
            shard.arrive(Stage::Queue, left);
        }
        assert_eq!(router.times(Stage::Queue), []);
        assert_eq!(shard.times(Stage::Queue), [(7, 2)]);
    }

    #[test]
    fn nothing_is_timed_if_it_is_off() {
        let stages = Stages::off();
        assert_eq!(stages.begin(Stage::Route), Nanos::ZERO);
        assert_eq!(stages.leave(Stage::Queue), Nanos::ZERO);
        stages.arrive(Stage::Queue, Nanos::from_unix(1));
        assert!(Stage::ALL.iter().all(|stage| stages.times(*stage).is_empty()));
    }

    #[test]
    fn a_stage_is_its_own_index_in_the_list() {
        for (index, &stage) in Stage::ALL.iter().enumerate() {
            assert_eq!(stage as usize, index);
            assert!(stage.sentence().ends_with('.'), "{stage:?}");
        }
    }
}
