//! Seeds: sound ones break no promise, and every planted bug is found; of allocation, of the
//! desk, and of the counters that show that the engine runs any system.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod counter;

use allot_sim::{AllocationWorkload, DeskWorkload, Workload, run_seed};

/// Seeds without a planted bug: a few here, any number with the binary.
const SEEDS: u64 = 8;

/// Each planted bug is found within this many seeds; a harmless one breaks nothing in as many.
const SEEDS_OF_A_PLANTED_BUG: u64 = 10;

fn break_no_promise<W: Workload>() {
    for seed in 1..=SEEDS {
        if let Err(failure) = run_seed::<W>(seed, None, false) {
            panic!("seed {seed}: {}\n{}", failure.violation, failure.options);
        }
    }
}

/// A checker that does not find these checks nothing.
fn finds_planted_bugs_unless_they_are_harmless<W: Workload>() {
    for bug in W::PLANTED_BUGS {
        let breaks = |seed: &u64| run_seed::<W>(*seed, Some(*bug), false).is_err();
        let found = (1..=SEEDS_OF_A_PLANTED_BUG).find(breaks);
        println!("{bug:?}: {found:?}");
        assert_eq!(found.is_none(), bug.is_harmless(), "{bug:?}: {found:?}");
    }
}

#[test]
fn seeds_of_allocation_break_no_promise() {
    break_no_promise::<AllocationWorkload>();
}

#[test]
fn seeds_of_the_desk_break_no_promise() {
    break_no_promise::<DeskWorkload>();
}

#[test]
fn bugs_planted_under_allocation_are_found_unless_they_are_harmless() {
    finds_planted_bugs_unless_they_are_harmless::<AllocationWorkload>();
}

#[test]
fn bugs_planted_under_the_desk_are_found_unless_they_are_harmless() {
    finds_planted_bugs_unless_they_are_harmless::<DeskWorkload>();
}
