//! A running server, or one box of it.

use allot_runtime::{Clock, Counters, Running, Stages};

/// A running server, or one box of it.
pub struct RunningServer {
    /// Its threads.
    pub running: Running,
    /// Where it is found.
    pub bound: Bound,
    /// What its boxes count, by their names.
    pub counters: Vec<(String, Counters)>,
}

/// Where a server is found, with real ports; each box has its own.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    /// Where clients connect.
    pub front: Option<String>,
    /// Where subscribers connect.
    pub publish: Option<String>,
    /// Where shards and publisher meet the router.
    pub backplane: Option<String>,
    /// Where shards meet the publisher.
    pub parts: Option<String>,
}

/// Gives each box that is timed a set of stages; [`Stages::off`] for none.
pub type Timing<'a> = &'a mut dyn FnMut(&Clock) -> Stages;
