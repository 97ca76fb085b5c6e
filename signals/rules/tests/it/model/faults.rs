//! Faults: what goes wrong and when, drawn from the seed; and how all of it ends.

use super::prng::Prng;
use super::process::{MS, PERIOD, START};

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    KillGenerator(usize),
    StartGenerator(usize),
    /// Its source fails, or works again.
    Source(usize, bool),
    KillStrategy(usize),
    /// It is told to stop, and deregisters.
    StopStrategy(usize),
    StartStrategy(usize),
    /// Somebody deregisters it by hand.
    Deregister(usize),
    KillTrader,
    StartTrader,
    /// Somebody who is not registered decides under this name, in the right period.
    Impostor(usize),
    SkewGenerator(usize, i64),
    SkewStrategy(usize, i64),
    SkewTrader(i64),
    /// Messages are lost, repeated and late; or no longer.
    Network(bool),
    /// Everything is well from here on.
    End,
}

/// Who there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cast {
    pub(super) generators: usize,
    /// Names of strategies.
    pub(super) strategies: usize,
    /// Strategy processes: those beyond the names are second instances.
    pub(super) processes: usize,
}

/// How many periods have faults.
pub(super) const FAULTY: u64 = 8;
/// How many periods follow.
pub(super) const SOUND: u64 = 4;

/// The faults of a run, in any order.
pub(super) fn draw(cast: Cast, prng: &mut Prng) -> Vec<(u64, Fault)> {
    let mut faults = Vec::new();
    let count = prng.below(14);
    for _ in 0..count {
        let time = START + prng.below(FAULTY * PERIOD);
        let lasts = (1 + prng.below(2_500)) * MS;
        let (begins, ends) = pair(cast, prng);
        if begins == Fault::KillTrader && prng.percent(60) {
            // While medians are made, and back before the period ends.
            let time = time - time % PERIOD + (10 + prng.below(200)) * MS;
            faults.extend([(time, begins), (time + (1 + prng.below(100)) * MS, ends)]);
            continue;
        }
        faults.push((time, begins));
        if prng.percent(70) {
            faults.push((time + lasts, ends));
        }
    }
    faults.retain(|(time, _)| *time < START + FAULTY * PERIOD);
    faults.push((START + FAULTY * PERIOD, Fault::End));
    faults
}

/// A fault, and what ends it.
fn pair(cast: Cast, prng: &mut Prng) -> (Fault, Fault) {
    let generator = prng.index(cast.generators);
    let strategy = prng.index(cast.processes);
    let skew =
        i64::try_from(prng.below(3 * PERIOD)).unwrap() - i64::try_from(PERIOD * 3 / 2).unwrap();
    match prng.below(11) {
        0 => (Fault::KillGenerator(generator), Fault::StartGenerator(generator)),
        1 => (Fault::Source(generator, false), Fault::Source(generator, true)),
        2 | 3 => (Fault::KillStrategy(strategy), Fault::StartStrategy(strategy)),
        4 => (Fault::StopStrategy(strategy), Fault::StartStrategy(strategy)),
        5 => (Fault::Deregister(strategy), Fault::StartStrategy(strategy)),
        6 => (Fault::KillTrader, Fault::StartTrader),
        7 => (Fault::SkewGenerator(generator, skew), Fault::SkewGenerator(generator, 0)),
        8 if prng.percent(70) => {
            (Fault::SkewStrategy(strategy, skew), Fault::SkewStrategy(strategy, 0))
        }
        8 => (Fault::SkewTrader(skew), Fault::SkewTrader(0)),
        9 => (Fault::Impostor(strategy), Fault::Impostor(strategy)),
        _ => (Fault::Network(true), Fault::Network(false)),
    }
}
