//! Machine: what a shard runs. Sequenced inputs in, outcomes out, nothing else.

/// A pure function of its own input log: the same inputs give the same outcomes, for ever.
///
/// One input may bring more outcomes than memory should hold at once (the first split divides all
/// fills that were held). They come in slices: while there is [`Step::Pending`], the caller takes
/// the outcomes away and calls [`Machine::resume`], before any other input.
pub trait Machine {
    /// What it is told, in order.
    type Input;
    /// Where it says what came of it; the caller clears and reuses it.
    type Outcomes;

    /// Applies one input and appends what came of it, or the first slice of that.
    ///
    /// # Panics
    /// If there is more to come of the input before: the caller has not gone on until it was done.
    fn apply(&mut self, input: &Self::Input, outcomes: &mut Self::Outcomes) -> Step;

    /// Appends the next slice of what comes of the input applied last.
    ///
    /// # Panics
    /// If that input is done.
    fn resume(&mut self, outcomes: &mut Self::Outcomes) -> Step;

    /// Applies one input and appends all that came of it, for callers that need no bound.
    fn apply_whole(&mut self, input: &Self::Input, outcomes: &mut Self::Outcomes) {
        let mut progress = self.apply(input, outcomes);
        while progress == Step::Pending {
            progress = self.resume(outcomes);
        }
    }
}

/// How far an input is applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "while there is more, the machine takes no other input"]
pub enum Step {
    /// All that came of it was said.
    Done,
    /// There is more to say: [`Machine::resume`].
    Pending,
}
