//! Rate: how many trades a second one owner makes until its peer sees fewer versions of its rows.

use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::pace::{EndWatcher, Pace};
use super::place::{PATIENCE, Place, group, name};

/// The first rate; each of the others is twice the one before.
const FIRST_PER_S: u64 = 250;
/// Where it ends at the latest.
const LAST_PER_S: u64 = 1_024_000;

/// A rate, and what became of its trades.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Step {
    pub(super) per_s: u64,
    /// Trades that the owner made.
    pub(super) made: u64,
    /// Versions that the peer has shown.
    pub(super) seen: u64,
}

/// What a turn measures.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Rates {
    span_ns: u64,
    pub(super) steps: Vec<Step>,
}

impl Step {
    fn lost(&self) -> u64 {
        self.made.saturating_sub(self.seen)
    }
}

impl Rates {
    /// The last rate before the first one at which more than one version in so many was passed
    /// over; none if there was no such rate.
    pub(super) fn last(&self, one_in: u64) -> u64 {
        let holds = |step: &&Step| step.lost().saturating_mul(one_in) <= step.made;
        self.steps.iter().take_while(holds).last().map_or(0, |step| step.per_s)
    }

    /// The last rate at which every version was seen.
    pub(super) fn last_whole(&self) -> u64 {
        self.last(u64::MAX)
    }
}

/// How long a rate is held.
const fn span(is_quick: bool) -> Duration {
    Duration::from_millis(if is_quick { 50 } else { 500 })
}

/// How long all rates take at most.
pub(super) fn estimate(is_quick: bool) -> Duration {
    span(is_quick) * ((LAST_PER_S / FIRST_PER_S).ilog2() + 1)
}

/// Two peers, of which one trades: each rate for a while, until half of the versions are gone.
pub(super) fn measure(is_quick: bool) -> Result<Rates> {
    let span = span(is_quick);
    let mut group = group();
    let owner_slot = group.thread("s0")?;
    let pace = Pace::new(owner_slot.waker());
    let owner = Place::open(0, Vec::new())?;
    let address = owner.address()?;
    let known = vec![address.clone()];
    let (_board, _owner_stopped) =
        owner.settle(&mut group, &owner_slot, address, Box::new(pace.clone()))?;
    group.add(&owner_slot, Box::new(pace.clone()));
    let slot = group.thread("s1")?;
    let peer = Place::open(1, known)?;
    let address = peer.address()?;
    let silent = Box::new(allot_mesh_service::NoTrades);
    let (board, _stopped) = peer.settle(&mut group, &slot, address, silent)?;
    let (sender, ended) = channel();
    group.add(&slot, Box::new(EndWatcher::new(board, name(0)?, sender)));
    let running = group.start()?;
    let step = |per_s, span| -> Result<Step> {
        pace.begin(per_s, span);
        let seen = ended.recv_timeout(PATIENCE).context("the last trade did not arrive")?;
        Ok(Step { per_s, made: pace.made(), seen })
    };
    // Ends when the peers have found each other.
    step(FIRST_PER_S, Duration::from_millis(50))?;
    let mut steps: Vec<Step> = Vec::new();
    let mut per_s = FIRST_PER_S;
    while per_s <= LAST_PER_S {
        let taken = step(per_s, span)?;
        steps.push(taken);
        if taken.seen < taken.made / 2 {
            break;
        }
        per_s *= 2;
    }
    running.stop();
    running.join()?;
    Ok(Rates { span_ns: u64::try_from(span.as_nanos())?, steps })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rate_is_the_one_before_the_first_that_conflates() {
        let step = |per_s, made, seen| Step { per_s, made, seen };
        let steps = vec![
            step(1, 1_000, 1_000),
            step(2, 2_000, 1_990),
            step(4, 4_000, 2_000),
            step(8, 8_000, 8_000),
        ];
        let rates = Rates { span_ns: 1, steps };
        assert_eq!((rates.last_whole(), rates.last(100), rates.last(2)), (1, 2, 8));
        assert_eq!(Rates { span_ns: 1, steps: Vec::new() }.last_whole(), 0);
    }
}
