//! Model: generators, strategies and a trader on virtual time, with everything going wrong.
//!
//! A seed draws who there is and what happens: stops and kills, restarts, clocks that are set
//! wrong, sources that fail, second instances of a name, impostors, losses, repeats and delays of
//! messages, and crashes of the trader that lose what was not durable. Then all faults end. The
//! [`oracle`] knows what each signal and each decision has to be, and holds every median against
//! that.
//!
//! `ALLOT_MODEL_SEEDS=100000 cargo test --release -p allot-signals-rules model` runs more.

mod faults;
mod oracle;
mod planted_bug;
mod prng;
mod process;
mod trader_process;
mod world;

use planted_bug::PlantedBug;
use world::World;

/// Seeds of a run, unless the environment says how many.
const SEEDS: u64 = 4_000;

/// A planted bug is found within so many seeds.
const SEEDS_OF_A_PLANTED_BUG: u64 = 300;

fn seeds() -> u64 {
    std::env::var("ALLOT_MODEL_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS)
}

#[test]
fn no_schedule_breaks_a_promise() {
    let mut medians = 0;
    for seed in 1..=seeds() {
        match World::run(seed, None) {
            Ok(published) => medians += published,
            Err(violation) => panic!("seed {seed}: {violation}"),
        }
    }
    assert!(seeds() * 5 < medians, "faults left {medians} medians; the model tests little");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 1..5 {
        assert_eq!(World::run(seed, None), World::run(seed, None));
    }
}

/// A checker that does not find these checks nothing.
#[test]
fn every_planted_bug_is_found() {
    for bug in PlantedBug::ALL {
        let found = (1..=SEEDS_OF_A_PLANTED_BUG).find_map(|seed| {
            let violation = World::run(seed, Some(bug)).err()?;
            Some(format!("seed {seed}: {violation}"))
        });
        println!("{bug:?}: {found:?}");
        assert!(found.is_some(), "{bug:?} was not found");
    }
}
