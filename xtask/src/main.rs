//! xtask: the repository's own checks, written in the language of the repository.
//!
//! `cargo xtask tidy` reads every file and says what breaks the house style.
//! `cargo xtask ci` runs everything a change must pass, in the order in which it fails cheapest.
//!
//! Start reading in [`tidy`] or [`ci`]; the modules before them are the material both work on.

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
