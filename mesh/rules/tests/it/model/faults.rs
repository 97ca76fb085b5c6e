//! Faults: what goes wrong and when, drawn from the seed.

use super::prng::Prng;
use super::process::{BEAT, MS, START};

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// A process is killed. Its peers are told, unless the power fails.
    Kill {
        place: usize,
        is_power: bool,
    },
    /// Its disk is gone.
    LoseDisk(usize),
    /// Its disk is copied.
    CopyDisk(usize),
    /// It comes back with the copy of its disk, and connects to nobody.
    OldDisk(usize),
    /// Its disk is gone, and it comes back and connects to nobody.
    BeginAnew(usize),
    Start(usize),
    /// It connects to nobody.
    StartAlone(usize),
    /// It takes a snapshot of its view, for its next start.
    Remember(usize),
    /// Nothing passes between two.
    Cut(usize, usize),
    Join(usize, usize),
    /// Nothing passes from one to another, and what that one says arrives.
    Mute {
        from: usize,
        to: usize,
    },
    /// Nothing passes to it or from it.
    CutOff(usize),
    JoinAll,
    /// Messages are lost, repeated, late and out of order; or no longer.
    Network(bool),
    /// Its links are full and its disk is slow; or no longer.
    Slow(usize, bool),
    /// Its wall clock is set.
    SetClock(usize, i64),
    /// A connection breaks.
    Break(usize),
    /// It trades now.
    Trade(usize),
    /// It may adopt at its next start.
    Adopt(usize),
    /// Somebody says that a later process has the name of a strategy: to itself, or to another.
    Lie {
        about: usize,
        listener: usize,
    },
    /// Somebody says a row in the name of another that it never wrote.
    Forge {
        owner: usize,
        listener: usize,
    },
}

/// Who there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cast {
    /// Names of strategies.
    pub(super) names: usize,
    /// Places: those beyond the names are for second processes.
    pub(super) places: usize,
}

/// How long there are faults.
pub(super) const FAULTY: u64 = 12 * BEAT;
/// How long it may take until all views are equal.
pub(super) const HEALING: u64 = 24 * BEAT;
/// How long a strategy may take to come back from its peers.
pub(super) const EXAM: u64 = 12 * BEAT;

/// The faults of a run, in any order.
pub(super) fn draw(cast: Cast, prng: &mut Prng) -> Vec<(u64, Fault)> {
    let mut faults = Vec::new();
    for _ in 0..prng.below(10) {
        let time = START + prng.below(FAULTY);
        let lasts = (1 + prng.below(6_000)) * MS;
        let place = prng.index(cast.places);
        let other = (place + 1 + prng.index(cast.places - 1)) % cast.places;
        let (begins, ends) = match prng.below(13) {
            0..=2 => {
                if prng.percent(40) {
                    faults.push((time + 1, Fault::LoseDisk(place)));
                }
                if prng.percent(50) {
                    faults.push((time.saturating_sub(prng.below(BEAT)), Fault::Remember(place)));
                }
                let is_power = prng.percent(40);
                (Fault::Kill { place, is_power }, Fault::Start(place))
            }
            3 | 4 => (Fault::Cut(place, other), Fault::Join(place, other)),
            5 => (Fault::CutOff(place), Fault::JoinAll),
            6 => (Fault::Network(true), Fault::Network(false)),
            7 => (Fault::Slow(place, true), Fault::Slow(place, false)),
            8 => {
                let jump = i64::try_from(prng.below(20 * BEAT)).unwrap();
                (Fault::SetClock(place, jump - 10_000_000_000), Fault::SetClock(place, 0))
            }
            9 => (Fault::Break(place), Fault::Break(other)),
            10 => {
                let forge = Fault::Forge { owner: place, listener: other };
                (forge, forge)
            }
            _ => {
                // Somebody starts a process where another may run under the same name.
                (Fault::Start(cast.places - 1), Fault::Kill { place: other, is_power: false })
            }
        };
        faults.push((time, begins));
        if prng.percent(80) {
            faults.push((time + lasts, ends));
        }
    }
    if prng.percent(20) {
        faults.extend(another_life(cast, prng));
    }
    for _ in 0..prng.below(3) {
        let (about, other) = (prng.index(cast.places), prng.index(cast.places));
        let listener = if prng.percent(70) { about } else { other };
        faults.push((START + prng.below(FAULTY), Fault::Lie { about, listener }));
    }
    if 2 < cast.names && prng.percent(15) {
        faults.extend(lone_witness(cast, prng));
    }
    faults.retain(|(time, _)| START < *time && *time < START + FAULTY);
    faults
}

/// Processes of the first name start apart, and some of them again; then all meet.
pub(super) fn apart(cast: Cast, prng: &mut Prng) -> Vec<(u64, Fault)> {
    let meet = START + 2 * BEAT + prng.below(6 * BEAT);
    let spread = [MS, 500 * MS, 2 * BEAT][prng.index(3)];
    let mut twins: Vec<usize> = (cast.names..cast.places).collect();
    if prng.percent(60) {
        // Else the others are with the first one from the beginning.
        twins.push(0);
    }
    let mut faults = Vec::new();
    for twin in &twins {
        faults.push((START, Fault::CutOff(*twin)));
        if cast.names <= *twin {
            faults.push((START + 1 + prng.below(3 * BEAT), Fault::Start(*twin)));
        }
        for _ in 0..prng.below(3) {
            let time = START + 1 + prng.below(meet - START - MS);
            faults.push((time, Fault::Kill { place: *twin, is_power: false }));
            faults.push((time + 1, Fault::Start(*twin)));
        }
        for other in (0..cast.places).filter(|other| other != twin) {
            faults.push((meet + prng.below(spread), Fault::Join(*twin, other)));
        }
    }
    faults
}

/// Processes of the first name start about when the others do.
pub(super) fn chain(cast: Cast, prng: &mut Prng) -> Vec<(u64, Fault)> {
    let start = |place| (START + 1 + prng.below(2 * BEAT), Fault::Start(place));
    (cast.names..cast.places).map(start).collect()
}

/// Two processes of the first name are in two parts of the mesh. When the parts learn of each
/// other, the second one does not hear the first, and nobody else hears both; when it has gone,
/// those who hold its rows meet the second one.
pub(super) fn parts(cast: Cast, prng: &mut Prng) -> Vec<(u64, Fault)> {
    let twin = cast.names;
    let mut faults = vec![(START + 1 + prng.below(2 * BEAT), Fault::Start(twin))];
    let learn = START + 5 * BEAT + prng.below(BEAT);
    let meet = learn + 4 * BEAT + prng.below(BEAT);
    for one in [twin, 1] {
        for other in (0..cast.names).filter(|other| *other != 1) {
            faults.push((START, Fault::Cut(one, other)));
        }
    }
    for trader in [0, twin] {
        faults.push((START + 4 * BEAT, Fault::Trade(trader)));
    }
    faults.extend([
        (START, Fault::Mute { from: 0, to: twin }),
        (learn, Fault::Join(0, twin)),
        (learn, Fault::Join(1, 2)),
        (meet, Fault::JoinAll),
    ]);
    faults
}

/// A strategy trades in another life, of which it knows nothing, before it meets those who saw the
/// first one. It may have restarted meanwhile, or others may have told them of its second life.
fn another_life(cast: Cast, prng: &mut Prng) -> Vec<(u64, Fault)> {
    // All others know the first two.
    let (owner, time) = (prng.index(2), START + 3 * BEAT + prng.below(2 * BEAT));
    let others = (0..cast.places).filter(|other| *other != owner);
    let mut faults = vec![(time, Fault::CopyDisk(owner))];
    let last = time + (2_500 + prng.below(2_000)) * MS;
    for other in others {
        faults.push((time + 600 * MS, Fault::Cut(owner, other)));
        faults.push((last + prng.below(3_000) * MS, Fault::Join(owner, other)));
    }
    let begins = if prng.percent(50) { Fault::OldDisk(owner) } else { Fault::BeginAnew(owner) };
    let trades = prng.below(4);
    faults.extend([(time + 100 * MS, Fault::Trade(owner)), (time + 700 * MS, begins)]);
    faults.extend((0..trades).map(|trade| (time + (1_000 + trade) * MS, Fault::Trade(owner))));
    for _ in 0..prng.below(3) {
        let time = time + (1_500 + prng.below(800)) * MS;
        faults.push((time, Fault::Kill { place: owner, is_power: false }));
        faults.push((time + MS, Fault::StartAlone(owner)));
    }
    faults
}

/// One strategy alone sees the last trades of another, which then loses its disk and comes back
/// while that one is away.
fn lone_witness(cast: Cast, prng: &mut Prng) -> Vec<(u64, Fault)> {
    let (owner, time) = (prng.index(cast.names), START + 3 * BEAT + prng.below(2 * BEAT));
    let witness = (owner + 1) % cast.names;
    let others: Vec<usize> =
        (0..cast.places).filter(|other| ![owner, witness].contains(other)).collect();
    let mut faults = vec![(time, Fault::Trade(owner))];
    for other in others {
        faults.push((time + 500 * MS, Fault::Cut(owner, other)));
        faults.push((time + 500 * MS, Fault::Cut(witness, other)));
        faults.push((time + 2_100 * MS, Fault::Join(owner, other)));
    }
    faults.extend([
        (time + 600 * MS, Fault::Trade(owner)),
        (time + 2_000 * MS, Fault::LoseDisk(owner)),
        (time + 2_000 * MS, Fault::Cut(owner, witness)),
        (time + 2_200 * MS, Fault::Adopt(owner)),
        (time + 2_300 * MS, Fault::Start(owner)),
    ]);
    faults
}
