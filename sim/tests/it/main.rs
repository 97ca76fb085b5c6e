//! Seeds: sound ones break no promise, and every planted bug is found; of allocation, and of the
//! counters that show that the engine runs any system.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod counter;

use allot_sim::{AllocationWorkload, PlantedBug, run_seed};
use clap::ValueEnum;

/// Seeds without a planted bug: a few here, any number with the binary.
const SEEDS: u64 = 8;

/// Each planted bug is found within this many seeds; a harmless one breaks nothing in as many.
const SEEDS_OF_A_PLANTED_BUG: u64 = 10;

#[test]
fn seeds_break_no_promise() {
    for seed in 1..=SEEDS {
        if let Err(failure) = run_seed::<AllocationWorkload>(seed, None, false) {
            panic!("seed {seed}: {}\n{}", failure.violation, failure.options);
        }
    }
}

/// A checker that does not find these checks nothing.
#[test]
fn planted_bugs_are_found_unless_they_are_harmless() {
    for bug in PlantedBug::value_variants() {
        let breaks = |seed: &u64| run_seed::<AllocationWorkload>(*seed, Some(*bug), false).is_err();
        let found = (1..=SEEDS_OF_A_PLANTED_BUG).find(breaks);
        println!("{bug:?}: {found:?}");
        assert_eq!(found.is_none(), bug.is_harmless(), "{bug:?}: {found:?}");
    }
}
