//! xtask: the checks of the repository, written in Rust.
//!
//! `cargo xtask tidy` reads every file and reports what breaks the house style.
//! `cargo xtask ci` runs every check that a change must pass, the cheapest first.
//!
//! Start reading in [`tidy`] or [`ci`]; both use the modules before them.

use std::env;
use std::process::ExitCode;

mod words;
mod finding;
mod markdown;
mod readme;
mod steps;
mod repository;
mod workspace;
mod layers;
mod tidy;
mod ci;

const USAGE: &str = "\
cargo xtask tidy                  check the repository against the house style
cargo xtask tidy --fix-imports    put the imports of every Rust file in order
cargo xtask ci                    run every step of CI; stop at the first failure
cargo xtask ci STEP ...           run these steps only";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["tidy"] => tidy::run(),
        ["tidy", "--fix-imports"] => tidy::fix_imports(),
        ["ci", steps @ ..] => ci::run(steps),
        _ => {
            eprintln!("{USAGE}\n\nSteps: {}", ci::step_names());
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
