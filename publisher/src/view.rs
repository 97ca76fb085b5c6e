//! View: what a system makes of the parts of a cut and of events, and what goes back as an input.

use allot_domain::{LedgerId, Marker, ReportNumber, Step};
use allot_wire::DecodeError;
use allot_wire::backplane::Feedback;

use crate::{Budget, Topics};

/// How a system is seen from outside.
///
/// Implemented by a marker type of the system; what has to be remembered between cuts is its
/// [`View::State`].
pub trait View: 'static {
    /// What one shard hands out at a marker.
    type Part: Send;
    /// What is remembered between cuts.
    type State: Default + Send;
    /// A report on its way: what of it is made and published.
    type Job: Send;
    /// What the topics of events begin with: `family:`.
    const EVENTS: &'static str;

    /// Reads a part.
    ///
    /// # Errors
    /// Says what is wrong with it: the frame is dropped and counted.
    fn read_part(body: &[u8]) -> Result<Self::Part, DecodeError>;

    /// Says of each shard, by id, what it lacks of what others have seen; none where it lacks
    /// nothing.
    fn compare(parts: &[Self::Part]) -> Vec<Option<String>>;

    /// Takes the parts of a complete cut: says what they call for, and, where the marker asks for a
    /// report, what makes it.
    fn on_cut(state: &mut Self::State, cut: Cut<Self::Part>) -> Made<Self::Job>;

    /// What publishes the last value of every topic that has one; none before the first report.
    /// [`Topics`] sends it to those who asked, and to no others.
    fn last(state: &Self::State) -> Option<Self::Job>;

    /// Goes on with a job until the budget is spent.
    fn resume(
        state: &mut Self::State,
        job: &mut Self::Job,
        topics: &mut Topics,
        budget: &mut Budget,
    ) -> Step;

    /// The number of the last report; zero before the first.
    fn last_report(state: &Self::State) -> ReportNumber;

    /// Publishes an event of a shard.
    ///
    /// # Errors
    /// Says what is wrong with it: the rest of its frame is dropped, and counted.
    fn on_event(
        state: &mut Self::State,
        event: &[u8],
        topics: &mut Topics,
    ) -> Result<(), DecodeError>;
}

/// A complete cut.
#[derive(Debug)]
pub struct Cut<P> {
    /// Its marker.
    pub marker: Marker,
    /// How many inputs of clients it contains.
    pub inputs: u64,
    /// The ledger of the shards; none where nothing is kept, or where they disagree.
    pub ledger: Option<LedgerId>,
    /// The part of each shard, by id.
    pub parts: Vec<P>,
    /// What is missing or doubtful, in sentences; empty when all is well.
    pub degraded: Vec<String>,
}

/// What comes of a cut.
#[derive(Debug)]
pub struct Made<J> {
    /// What the parts call for.
    pub feedback: Option<Feedback>,
    /// What makes the report and publishes it, where the marker asks for one.
    pub job: Option<J>,
    /// What an operator should know, in sentences for the log; each of them once.
    pub warnings: Vec<String>,
}
