//! `allot-sim`: runs seeds and reports what happened.

use std::process::ExitCode;

use allot_sim::{
    AllocationWorkload, DeskWorkload, Failure, PlantedBug, Totals, Workload, run_seed,
};
use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

const EXAMPLES: &str = "\
Examples:
  allot-sim --seeds 100
  allot-sim --system desk --seeds 100
  allot-sim --seed 7 --verbose               one seed, with each event
  allot-sim --plant lying-disk --keep-going  how often the checkers find a planted bug";

/// Run the whole of Allot on virtual time and simulated disks, with a checker for every promise
///
/// Each seed draws crashes, broken connections and failing disks. Exits non-zero on a violation.
#[derive(Parser)]
#[command(name = "allot-sim", version, max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    /// What runs
    #[arg(long, value_name = "SYSTEM", value_enum, default_value_t = System::Allocation)]
    system: System,
    /// Number of seeds
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    seeds: u64,
    /// First seed
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    first: u64,
    /// Run this seed only
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Print each event as it happens
    #[arg(long)]
    verbose: bool,
    /// Plant a bug that the checkers must find
    #[arg(long, value_name = "BUG")]
    plant: Option<PlantedBug>,
    /// Continue after a violation, and count violations
    #[arg(long)]
    keep_going: bool,
}

/// A system that has a workload.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum System {
    /// Fills, divided among accounts
    Allocation,
    /// Commands of users who trade
    Desk,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.system {
        System::Allocation => run::<AllocationWorkload>(&arguments),
        System::Desk => run::<DeskWorkload>(&arguments),
    }
}

fn run<W: Workload>(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(bug) = arguments.plant {
        let bugs: Vec<_> = W::PLANTED_BUGS.iter().map(name).collect();
        let is_known = W::PLANTED_BUGS.contains(&bug);
        ensure!(is_known, "--plant: this system has {}, not {}", bugs.join(", "), name(&bug));
    }
    let (first, count) = match arguments.seed {
        Some(seed) => (seed, 1),
        None => (arguments.first, arguments.seeds),
    };
    let bar = ProgressBar::new(count).with_style(ProgressStyle::with_template(
        "{bar:40} {pos} of {len} seeds, {per_sec}, {eta} left",
    )?);
    let mut total = Totals::default();
    let mut violations = 0_u64;
    for seed in first..first + count {
        match run_seed::<W>(seed, arguments.plant, arguments.verbose) {
            Ok(totals) => total += totals,
            Err(failure) => {
                violations += 1;
                bar.suspend(|| print(seed, &failure, arguments));
                total += failure.totals;
                if !arguments.keep_going {
                    break;
                }
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (sentence, count) in total.counts() {
        println!("{count:>14}  {sentence}");
    }
    println!("{violations:>14}  Violations.");
    Ok(if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints a violation and how to repeat it; with options and trace unless many are expected.
fn print(seed: u64, failure: &Failure, arguments: &Arguments) {
    if !arguments.keep_going {
        println!("{}\n", failure.options);
        for event in &failure.events {
            println!("{event}");
        }
    }
    let system = match arguments.system {
        System::Allocation => "",
        System::Desk => " --system desk",
    };
    let plant = arguments.plant.map_or(String::new(), |bug| format!(" --plant {}", name(&bug)));
    println!("\nseed {seed}: {}", failure.violation);
    println!("repeat: cargo run --release -p allot-sim --{system} --seed {seed}{plant}\n");
}

/// The name of a planted bug on the command line.
fn name(bug: &PlantedBug) -> String {
    let value = bug.to_possible_value().expect("no planted bug is hidden");
    value.get_name().to_owned()
}
