//! Schedule flags: the period, and when in it a component acts.

use std::time::Duration;

use allot_runtime::duration;
use allot_signals_rules::Schedule;
use anyhow::Result;
use clap::Args;

use crate::misuse::{Misuse, demand};

/// The flags that every component takes.
#[derive(Args)]
#[command(next_help_heading = "Time")]
pub(super) struct ScheduleFlags {
    /// Length of a period, from 100ms to 7 days; the same for all components
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    period: Duration,
    /// When in a period what is missing counts as missing [default: half of the period]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    deadline: Option<Duration>,
    /// Spread the start of work over this time [default: a twentieth of the period, at most 1s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    jitter: Option<Duration>,
    /// By how much a clock may differ, less than half of the period
    /// [default: 1s, at most a quarter of the period]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    tolerance: Option<Duration>,
}

impl ScheduleFlags {
    pub(super) fn schedule(&self) -> Result<Schedule> {
        demand(
            self.tolerance != Some(Duration::ZERO),
            "the tolerance must be more than zero: no two clocks agree to the nanosecond",
        )?;
        let schedule = Schedule::new(self.period).map_err(Misuse::error)?;
        schedule.with(self.deadline, self.jitter, self.tolerance).map_err(Misuse::error)
    }
}
