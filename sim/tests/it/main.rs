//! Seeds: sound ones break no promise, and every planted bug is found.

use allot_sim::{PlantedBug, run_seed};
use clap::ValueEnum;

/// Seeds without a planted bug: a few here, and as many as you like with the binary.
const SEEDS: u64 = 8;

/// A planted bug is found within this many seeds; a harmless one breaks nothing in as many.
const SEEDS_OF_A_BUG: u64 = 6;

#[test]
fn seeds_break_no_promise() {
    for seed in 1..=SEEDS {
        if let Err(failure) = run_seed(seed, None, false) {
            let (options, violation) = (failure.options, failure.violation);
            panic!("seed {seed}: {violation}\n{options}");
        }
    }
}

/// A checker that finds nothing wrong with these checks nothing.
#[test]
fn planted bugs_are_found_and_harmless_plants_are_not() {
    for planted bug in PlantedBug::value_variants() {
        let breaks = |seed: &u64| run_seed(*seed, Some(*planted bug), false).is_err();
        let found = (1..=SEEDS_OF_A_BUG).find(breaks);
        println!("{planted bug:?}: {found:?}");
        assert_eq!(found.is_none(), planted bug.is_harmless(), "{planted bug:?}: {found:?}");
    }
}
