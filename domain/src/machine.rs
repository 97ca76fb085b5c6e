//! Machine: what a shard runs. Sequenced inputs in, outcomes out, nothing else.

use core::fmt;
use core::str::FromStr;

use crate::{Marker, SnapshotError};

/// A pure function of its own input log: the same inputs give the same outcomes, for ever.
///
/// One input may bring more outcomes than memory should hold at once. They come in slices: while
/// the step is [`Step::Pending`], the caller takes the outcomes away and calls
/// [`Machine::resume`], before any other input.
pub trait Machine: Sized + Send + 'static {
    /// The rules by which a log becomes a state. Their text stands on every file of a journal:
    /// a log that is read by other rules makes another state.
    type Config: Copy + PartialEq + fmt::Debug + fmt::Display + FromStr;
    /// What it is told, in order. A marker is an input too.
    type Input: From<Marker>;
    /// Where it says what came of it; the caller clears and reuses it.
    type Outcomes: Outcomes;

    /// The machine before its first input.
    fn new(config: Self::Config) -> Self;

    /// Applies one input and appends what came of it, or the first slice of that.
    ///
    /// # Panics
    /// If the input before is still pending.
    fn apply(&mut self, input: &Self::Input, outcomes: &mut Self::Outcomes) -> Step;

    /// Appends the next slice of what comes of the input applied last.
    ///
    /// # Panics
    /// If that input is done.
    fn resume(&mut self, outcomes: &mut Self::Outcomes) -> Step;

    /// Applies one input and appends all that came of it, for callers that need no bound.
    fn apply_whole(&mut self, input: &Self::Input, outcomes: &mut Self::Outcomes) {
        let mut step = self.apply(input, outcomes);
        while step == Step::Pending {
            step = self.resume(outcomes);
        }
    }

    /// Appends the whole state. Equal states give equal bytes, however they were reached.
    ///
    /// # Panics
    /// If an input is pending.
    fn save(&self, snapshot: &mut alloc::vec::Vec<u8>);

    /// The machine that [`Machine::save`] wrote; it goes on as that one would have.
    ///
    /// # Errors
    /// What is wrong with the bytes. Damage may go unseen: keep a checksum beside them.
    fn load(config: Self::Config, snapshot: &[u8]) -> Result<Self, SnapshotError>;
}

/// What came of some inputs, in order.
pub trait Outcomes: Default + Send {
    /// What came of one input, or one of the things that did.
    type Outcome;

    /// All of it.
    fn list(&self) -> &[Self::Outcome];

    /// Makes room for the next inputs, keeping the memory.
    fn clear(&mut self);
}

/// How far an input is applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "while an input is pending, the machine takes no other"]
pub enum Step {
    /// All that came of it was appended.
    Done,
    /// There is more to come: [`Machine::resume`].
    Pending,
}
