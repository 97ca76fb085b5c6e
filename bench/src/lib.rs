//! The latency harness: what an Allot gives on this machine, and what each layer of it costs.
//!
//! ```text
//!   schedule ─► loader ═► server (another process) ═► loader ─► recorder ─► output
//!                  └──── or an echo, the floor ──────────┘         └─► report, compare
//! ```
//!
//! Start with [`run`] and `load.rs`, which measures one point; `docs/BENCHMARKING.md` says how to
//! read what comes out. `peers.rs` sets others beside it. The benches of criterion stand in
//! `benches/`, runs that are kept in `runs/`, by date and machine.
//!
//! Invariants:
//! * What is measured end to end is a process of its own, reached as any client reaches it: only
//!   `pipeline.rs` knows router and shard.
//! * The time of a message begins when it was meant to leave.
//! * Every reply is checked; a run in which one is missing or wrong has failed.

mod span;
mod utc;
mod transport;
mod offer;
mod schedule;
mod phases;
mod fills;
mod batch_builder;
mod reply_reader;
mod pending;
mod latency;
mod recorder;
mod loader;
mod progress;
mod positions;
mod stage_counts;
mod stage_watch;
mod run;
mod load;
mod sweep;
mod process;
mod echo;
mod environment;
mod hgrm;
mod grid;
mod stage_table;
mod page;
mod output;
mod arguments;
mod end_to_end;
mod inproc;
mod floor;
mod ring;
pub mod kernel;
mod pipeline;
mod compare;
mod chart;
mod bars;
mod report;
mod experiment;
mod targets;
mod peers;
mod growth;
mod conditions;
mod cli;

use anyhow::Result;
use std::io::{self, Write};
use std::process::ExitCode;

/// Runs the verb of the command line. Zero: it was measured, and nothing was wrong.
pub fn run() -> ExitCode {
    cli::run().unwrap_or_else(|error| {
        eprintln!("allot bench: {error:#}");
        ExitCode::FAILURE
    })
}

/// Prints on stdout, at once and whole.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
