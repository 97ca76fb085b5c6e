//! Marker: a cut through all shards.

/// A cut: the router sends it to all shards at once, between the same inputs.
///
/// The parts that shards hand out at one marker contain exactly the inputs before it (a consistent
/// cut, as in Chandy and Lamport's snapshots).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marker {
    /// Counts up from 1 over the journals of all shards.
    pub number: u64,
    /// When the router made it: nanoseconds of Unix time.
    pub time_ns: u64,
    /// Whether a report is made at this cut.
    pub report: bool,
}
