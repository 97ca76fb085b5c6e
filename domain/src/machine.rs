//! Machine: what a shard runs. Sequenced inputs in, outcomes out, nothing else.

/// A pure function of its own input log: the same inputs give the same outcomes, for ever.
pub trait Machine {
    /// What it is told, in order.
    type Input;
    /// Where it says what came of it; the caller clears and reuses it.
    type Outcomes;

    /// Applies one input and appends what came of it.
    fn apply(&mut self, input: &Self::Input, outcomes: &mut Self::Outcomes);
}
