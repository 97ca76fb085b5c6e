//! The latency harness: how fast Allot is on this machine, and what each of its layers costs.
//!
//! ```text
//!   schedule ─► loader ═► server (another process) ═► loader ─► recorder ─► output
//!                  └──── or an echo, the floor ──────────┘         └─► report, compare
//! ```
//!
//! Start with [`run`] and `load.rs`, which measures one point; `docs/BENCHMARKING.md` says how to
//! read the output. `peers.rs` measures other systems beside it. The criterion benches are in
//! `benches/`, kept runs in `runs/`, by date and machine.
//!
//! Invariants:
//! * A server is measured end to end as a separate process, reached as any client reaches it; only
//!   `pipeline.rs` knows router and shard.
//! * The time of a message begins when it was due to leave.
//! * Every reply is checked; a run in which one is missing or wrong has failed.

mod span;
mod estimate;
mod interrupt;
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
mod windows;
mod recorder;
mod client;
mod loader;
mod progress;
mod positions;
mod stage_counts;
mod stage_watch;
mod schema;
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
pub mod lines;
mod pipeline;
mod compare;
mod report;
mod words;
mod experiment;
mod targets;
mod peers;
mod growth;
mod conditions;
mod signals;
mod mesh;
mod desk;
mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;

/// Runs the subcommand of the command line. The code is zero if it was measured and nothing failed.
#[must_use]
pub fn run() -> ExitCode {
    cli::run().unwrap_or_else(|error| {
        eprintln!("allot bench: {error:#}");
        if interrupt::is_cause(&error) { interrupt::exit_code() } else { ExitCode::FAILURE }
    })
}

/// Prints on stdout, at once and whole.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
