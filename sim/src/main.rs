//! `allot-sim`: runs seeds and says what happened.

use std::process::ExitCode;

use allot_sim::{Failure, PlantedBug, Tally, run_seed};
use anyhow::Result;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

/// The whole of Allot on virtual time and simulated disks: crashes, broken connections, failing
/// disks, and a checker for every promise
#[derive(Parser)]
#[command(name = "allot-sim", version)]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// One seed alone
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Print each event as it happens
    #[arg(long)]
    verbose: bool,
    /// Put a bug in, which the checkers must find
    #[arg(long)]
    planted_bug: Option<PlantedBug>,
    /// Go on after a violation, and count them
    #[arg(long)]
    keep_going: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let (first, count) = match arguments.seed {
        Some(seed) => (seed, 1),
        None => (arguments.first, arguments.seeds),
    };
    let bar = ProgressBar::new(count).with_style(ProgressStyle::with_template(
        "{bar:40} {pos} of {len} seeds, {per_sec}, {eta} left",
    )?);
    let (mut total, mut violations) = (Tally::default(), 0_u64);
    for seed in first..first + count {
        match run_seed(seed, arguments.planted_bug, arguments.verbose) {
            Ok(tally) => total += tally,
            Err(failure) => {
                violations += 1;
                total += failure.tally;
                bar.suspend(|| tell(seed, &failure, arguments.keep_going));
                if !arguments.keep_going {
                    break;
                }
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (sentence, count) in total.rows() {
        println!("{count:>14}  {sentence}");
    }
    println!("{violations:>14}  Violations.");
    Ok(if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says what was broken; in full, unless it is one of many.
fn tell(seed: u64, failure: &Failure, is_brief: bool) {
    if !is_brief {
        println!("{}\n", failure.options);
        for event in &failure.events {
            println!("{event}");
        }
    }
    let planted_bug = failure.options.planted_bug.map_or(String::new(), |planted_bug| {
        let name =
            clap::ValueEnum::to_possible_value(&planted_bug).expect("no planted_bug is hidden");
        format!(" --planted_bug {}", name.get_name())
    });
    println!("\nseed {seed}: {}", failure.violation);
    println!("again: cargo run --release -p allot-sim -- --seed {seed}{planted_bug}\n");
}
