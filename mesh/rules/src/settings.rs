//! Settings: what a replica is told at its start.

use core::time::Duration;

use crate::{Address, Instance, StrategyName};

/// What a replica is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name.
    pub name: StrategyName,
    /// Where others reach it.
    pub address: Address,
    /// Drawn at random for this start, never zero. It also seeds the jitter of pauses.
    pub instance: Instance,
    /// Whom it connects to at first.
    pub connect: Vec<Address>,
    /// How often it says that it lives.
    pub heartbeat: Duration,
    /// How long it waits for answers while it joins, if it connects to anybody.
    pub join_wait: Duration,
    /// It may take its rows from its peers where they are newer than its journal.
    pub adopt: bool,
    /// How many peers an owner sends its changes to itself; beyond that, relays spread them.
    pub direct: usize,
    /// Rows of one delta: at most, and usually, [`DELTA_ROWS_MAX`](crate::limits::DELTA_ROWS_MAX).
    pub delta_rows: usize,
}
