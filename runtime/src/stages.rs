//! Stages: how long each part of a fill's way through a box takes, by a sample of the fills.
//!
//! ```text
//!   ─► receive ─► route ─► queue ─► allocate ─► encode ─► journal ─► return ─► send ─►
//!      └──── router ────┘ └link┘    └───────── shard ───────────┘    └ link ┘ router
//! ```
//!
//! Each box has a set of its own, which it alone writes and anyone may read.
//! What is read off the clock here goes into the counts, and for [`Stage::Queue`] and
//! [`Stage::Return`] into the header of a frame: nothing is ever decided by it.
//!
//! The buckets are those of an HDR histogram: sixteen for each doubling, so that a time is known to
//! one part in sixteen.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Clock, Nanos};

/// So many bits of a time are kept below its highest.
const SUB_BITS: u32 = 4;
const SUB_BUCKETS: usize = 1 << SUB_BITS;

/// Times of 2^36 ns (69 s) and more count in the last bucket.
const TIME_BITS: u32 = 36;
const BUCKETS: usize = (1 + (TIME_BITS - SUB_BITS) as usize) * SUB_BUCKETS;

/// Declares the list once: the sentence is both the documentation and what is printed.
macro_rules! stages {
    ($($name:ident $label:literal $each:literal $sentence:literal)+) => {
        /// A part of a fill's way.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Stage {
            $(#[doc = $sentence] $name,)+
        }

        impl Stage {
            /// All of them, in the order in which a fill passes them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name in files and tables.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }

            /// What passes it as one: a message, a frame of the backplane, or a fill.
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
    Route "route" "message" "Reading a message and putting its inputs on their lanes."
    Queue "queue" "frame" "From the first input of a frame on its lane to the shard's taking it."
    Apply "allocate" "fill" "Dividing a fill, in the book."
    Encode "encode" "fill" "Writing the answer to a fill."
    Journal "journal" "frame" "From the closing of a frame of answers until its inputs are on disk."
    Return "return" "frame" "From there to the router's taking the frame of answers."
    Send "send" "message" "Handing a message of answers to the front door's socket."
}

/// The stages of one box. Clones count into the same values.
#[derive(Clone)]
pub struct Stages(Option<Arc<Set>>);

/// One box's values. Relaxed loads and stores do for a single writer: a reader may see one time
/// more or less, and no more than that.
struct Set {
    clock: Clock,
    /// Every how many are timed, the first included.
    every: u64,
    histograms: Vec<Histogram>,
}

struct Histogram {
    /// How many passed, timed or not.
    passed: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// The times of a stage: the longest time of a bucket in nanoseconds, and how many it has. Buckets
/// come in their order, without those that have none.
pub type StageTimes = Vec<(u64, u64)>;

impl Stages {
    /// Nothing is timed.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Times the first that passes a stage, and every so many after it.
    ///
    /// # Panics
    /// If `every` is zero.
    pub fn every(every: u64, clock: Clock) -> Self {
        assert!(0 < every, "every zeroth is none: that is `off`");
        let histograms = Stage::ALL.iter().map(|_| Histogram::new()).collect();
        Self(Some(Arc::new(Set { clock, every, histograms })))
    }

    /// The time at which the next one begins a stage, if it is to be timed; else zero.
    pub fn begin(&self, stage: Stage) -> Nanos {
        match &self.0 {
            Some(set) => set.begin(stage),
            None => Nanos::ZERO,
        }
    }

    /// One has passed a stage that it began then.
    pub fn end(&self, stage: Stage, began: Nanos) {
        if let Some(set) = &self.0 {
            set.count(stage);
            set.record(stage, began);
        }
    }

    /// The next one begins a stage that ends in another box, where [`Stages::arrive`] is told the
    /// time that this says: zero if it is not to be timed.
    pub fn leave(&self, stage: Stage) -> Nanos {
        let Some(set) = &self.0 else {
            return Nanos::ZERO;
        };
        let left = set.begin(stage);
        set.count(stage);
        left
    }

    /// One has passed a stage that it began in another box.
    ///
    /// Where that is a process of its own, the difference is that of two clocks: each process asks
    /// the machine's wall clock once, at its start. A time that would be negative counts as zero.
    pub fn arrive(&self, stage: Stage, left: Nanos) {
        if let Some(set) = &self.0 {
            set.record(stage, left);
        }
    }

    /// What was timed so far; nothing where it is off. Values are read one after the other.
    pub fn times(&self, stage: Stage) -> StageTimes {
        self.0.as_ref().map_or_else(Vec::new, |set| set.histogram(stage).times())
    }
}

impl Set {
    fn histogram(&self, stage: Stage) -> &Histogram {
        &self.histograms[stage as usize]
    }

    fn begin(&self, stage: Stage) -> Nanos {
        let passed = self.histogram(stage).passed.load(Ordering::Relaxed);
        if passed.is_multiple_of(self.every) { self.clock.now() } else { Nanos::ZERO }
    }

    fn count(&self, stage: Stage) {
        add_one(&self.histogram(stage).passed);
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
        Self { passed: AtomicU64::new(0), buckets: [const { AtomicU64::new(0) }; BUCKETS] }
    }

    fn times(&self) -> StageTimes {
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        let counts = counts.enumerate().filter(|(_, count)| 0 < *count);
        counts.map(|(bucket, count)| (longest(bucket), count)).collect()
    }
}

/// There is one writer, so that nothing comes between the two.
fn add_one(value: &AtomicU64) {
    value.store(value.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// The bucket of a time. The first sixteen are a nanosecond each; from there on the leading four
/// bits below the highest say which of the sixteen of its doubling.
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
    use super::*;
    use std::time::Duration;

    /// Numbers that look random, the same in every run (Marsaglia's xorshift).
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
    fn every_time_is_in_a_bucket_that_is_wide_by_a_sixteenth_at_most() {
        let edges = (0..TIME_BITS).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        for time in edges.chain(numbers().zip(0..10_000).map(|(n, i)| n >> (28 + i % 36))) {
            let place = bucket(time);
            assert!(time <= longest(place), "{time}");
            assert!(place == 0 || longest(place - 1) < time, "{time}");
            assert!(longest(place) - time <= time / 16, "{time}");
        }
    }

    #[test]
    fn times_that_are_too_long_to_tell_apart_count_in_the_last_bucket() {
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
        for (place, sample) in (1..).zip(&samples) {
            while counted < place {
                let (time, count) = times.next().unwrap();
                (longest, counted) = (time, counted + count);
            }
            assert!(*sample <= longest && longest - sample <= sample / 16, "{place}");
        }
        assert_eq!(times.next(), None);
    }

    #[test]
    fn the_first_and_every_so_many_are_timed() {
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
    fn what_did_not_happen_is_asked_for_again() {
        let stages = Stages::every(4, Clock::virtual_at(Nanos::from_unix(1)));
        stages.end(Stage::Receive, stages.begin(Stage::Receive));
        for _ in 0..10 {
            assert_eq!(stages.begin(Stage::Receive), Nanos::ZERO, "no message came");
        }
    }

    #[test]
    fn a_stage_between_two_boxes_is_counted_by_the_one_and_timed_by_the_other() {
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
    fn nothing_is_timed_where_it_is_off() {
        let stages = Stages::off();
        assert_eq!(stages.begin(Stage::Route), Nanos::ZERO);
        assert_eq!(stages.leave(Stage::Queue), Nanos::ZERO);
        stages.arrive(Stage::Queue, Nanos::from_unix(1));
        assert!(Stage::ALL.iter().all(|stage| stages.times(*stage).is_empty()));
    }

    #[test]
    fn a_stage_is_its_own_place_in_the_list() {
        for (place, &stage) in Stage::ALL.iter().enumerate() {
            assert_eq!(stage as usize, place);
            assert!(stage.sentence().ends_with('.'), "{stage:?}");
        }
    }
}
