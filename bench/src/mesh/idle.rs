//! Idle: what the processes of a mesh take in which nobody trades.

use std::time::Duration;

use allot_runtime::Clock;
use anyhow::Result;
use serde::Serialize;

use super::ask::pause;
use super::crash::start_all;
use super::strategy::{Site, Strategy};

/// Between the start and the first look.
pub(super) const SETTLE: Duration = Duration::from_secs(5);
/// Between the looks.
pub(super) const SPAN: Duration = Duration::from_secs(10);

/// What a turn measures.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Rest {
    /// Seconds of a processor in a second, of all processes together.
    pub(super) cpu: f64,
    /// Resident memory of a process, on the average.
    pub(super) resident_bytes: u64,
}

/// Peers that know each other, and do nothing.
pub(super) fn measure(peers: usize) -> Result<Rest> {
    let (site, clock) = (Site::new(peers, false)?, Clock::system());
    let (processes, _trades) = start_all(&site)?;
    let cpu = || processes.iter().map(Strategy::cpu).sum::<Result<Duration>>();
    pause(SETTLE);
    let (spent, from) = (cpu()?, clock.now());
    pause(SPAN);
    let (spent, over) = (cpu()?.saturating_sub(spent), clock.now() - from);
    let resident = processes.iter().map(Strategy::resident_bytes).sum::<Result<u64>>()?;
    Ok(Rest {
        cpu: spent.as_secs_f64() / over.as_secs_f64(),
        resident_bytes: resident / u64::try_from(peers)?,
    })
}
