//! Shard monitor: which shards are there, and what their silence or a new incarnation means for
//! readers.

use std::collections::BTreeMap;

use allot_domain::limits::SHARDS_MAX;
use allot_domain::{Incarnation, LedgerId, ShardId};
use allot_runtime::Nanos;
use allot_wire::backplane::AWAY_AFTER;

#[derive(Clone, Default)]
struct Shard {
    heard_at: Option<Nanos>,
    incarnation: Incarnation,
    ledger: Option<LedgerId>,
    lost_inputs: u64,
    is_full: bool,
    /// The last frame of the events: a greeting of a new incarnation does not change it.
    events: Option<Frame>,
    /// What it lacked at the last cut of what others had seen.
    lacks: Option<String>,
}

/// A frame of the events.
#[derive(Clone, Copy)]
struct Frame {
    incarnation: Incarnation,
    number: u64,
}

/// What is known of each shard.
pub(crate) struct ShardMonitor {
    shards: Vec<Shard>,
    /// Of how many shards those say they are one that are not of this firm, by their number.
    misled: BTreeMap<ShardId, u32>,
    started_at: Nanos,
}

impl ShardMonitor {
    pub(crate) fn new(shards: usize) -> Self {
        let shards = vec![Shard::default(); shards];
        Self { shards, misled: BTreeMap::new(), started_at: Nanos::ZERO }
    }

    pub(crate) fn start(&mut self, now: Nanos) {
        self.started_at = now;
    }

    /// A shard was heard in this incarnation.
    pub(crate) fn hear(&mut self, shard: ShardId, incarnation: Incarnation, now: Nanos) {
        if let Some(shard) = self.shard(shard) {
            if shard.incarnation != incarnation {
                *shard = Shard { incarnation, events: shard.events, ..Shard::default() };
            }
            shard.heard_at = Some(now);
        }
    }

    /// A shard says which ledger its journal is of.
    pub(crate) fn is_of_ledger(&mut self, shard: ShardId, ledger: Option<LedgerId>) {
        if let Some(shard) = self.shard(shard) {
            shard.ledger = ledger;
        }
    }

    /// The ledger of all shards that were heard; none if they have none, or disagree.
    pub(crate) fn ledger(&self) -> Option<LedgerId> {
        let mut heard = self.shards.iter().filter(|shard| shard.heard_at.is_some());
        let ledger = heard.next()?.ledger;
        heard.all(|shard| shard.ledger == ledger).then_some(ledger)?
    }

    /// A shard says of how many it is one; false, and remembered, if that is not this firm.
    pub(crate) fn is_of(&mut self, shard: ShardId, shards: u32) -> bool {
        let is_right = usize::try_from(shards) == Ok(self.shards.len());
        if is_right {
            self.misled.remove(&shard);
        } else if shard.index() < SHARDS_MAX {
            self.misled.insert(shard, shards);
        }
        is_right
    }

    /// Takes what the shards lack at a complete cut, in the words of the system; by shard.
    pub(crate) fn lack(&mut self, lacks: Vec<Option<String>>) {
        for (shard, lacks) in self.shards.iter_mut().zip(lacks) {
            shard.lacks = lacks;
        }
    }

    /// A shard says how much of the firm's past its state lacks.
    pub(crate) fn lost(&mut self, shard: ShardId, lost_inputs: u64) {
        if let Some(shard) = self.shard(shard) {
            shard.lost_inputs = lost_inputs;
        }
    }

    /// A shard says whether its disk has no room.
    pub(crate) fn is_full(&mut self, shard: ShardId, is_full: bool) {
        if let Some(shard) = self.shard(shard) {
            shard.is_full = is_full;
        }
    }

    /// Takes the number of a frame of the events; false if frames before it are missing.
    ///
    /// The first frame of an incarnation is number 1. Which frame of an incarnation was its last is
    /// not known, so a change of incarnation is a gap.
    pub(crate) fn follow(&mut self, shard: ShardId, incarnation: Incarnation, number: u64) -> bool {
        let Some(shard) = self.shard(shard) else {
            return true;
        };
        let before = shard.events.replace(Frame { incarnation, number });
        match before {
            None => number == 1,
            Some(before) => {
                before.incarnation == incarnation && Some(number) == before.number.checked_add(1)
            }
        }
    }

    /// What is wrong, in sentences for people; nothing if all is well.
    pub(crate) fn degraded(&self, now: Nanos) -> Vec<String> {
        let mut sentences = Vec::new();
        for (number, shard) in self.shards.iter().enumerate() {
            let heard_at = shard.heard_at.unwrap_or(self.started_at);
            if heard_at + AWAY_AFTER <= now {
                sentences
                    .push(format!("shard {number} is away: no report is made until it is back"));
            }
            if shard.is_full {
                sentences.push(format!(
                    "shard {number} has no room on the disk of its journal: fills are refused as \
                     storage_full until somebody makes some"
                ));
            }
            if 0 < shard.lost_inputs {
                sentences.push(format!(
                    "shard {number} restarted without its state: {} inputs are missing from its \
                     positions",
                    shard.lost_inputs
                ));
            }
            if let Some(lacks) = &shard.lacks {
                sentences.push(format!("shard {number} {lacks}"));
            }
        }
        sentences.extend(self.disagreement());
        let count = self.shards.len();
        sentences.extend(self.misled.iter().map(|(number, shards)| {
            format!(
                "shard {number} was told of {shards} shards, this publisher of {count}: start all \
                 boxes with the same number of shards"
            )
        }));
        sentences
    }

    /// That the shards are not of one ledger, if they are not.
    fn disagreement(&self) -> Option<String> {
        let heard = || self.shards.iter().enumerate().filter(|(_, one)| one.heard_at.is_some());
        let (first, of_first) = heard().next()?;
        let (other, of_other) = heard().find(|(_, shard)| shard.ledger != of_first.ledger)?;
        let name = |ledger: Option<LedgerId>| match ledger {
            Some(ledger) => format!("of ledger {ledger}"),
            None => "in memory only".to_owned(),
        };
        let (of_first, of_other) = (name(of_first.ledger), name(of_other.ledger));
        Some(format!(
            "shard {first} is {of_first}, shard {other} is {of_other}: stop all shards, and start \
             them with the data directory of one ledger"
        ))
    }

    fn shard(&mut self, id: ShardId) -> Option<&mut Shard> {
        self.shards.get_mut(id.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(number: u32) -> ShardId {
        ShardId::new(number)
    }

    fn incarnation(number: u64) -> Incarnation {
        Incarnation::new(number)
    }

    #[test]
    fn a_lost_first_frame_is_a_gap() {
        let mut monitor = ShardMonitor::new(2);
        assert!(
            monitor.follow(shard(0), incarnation(7), 1)
                && monitor.follow(shard(0), incarnation(7), 2)
        );
        assert!(!monitor.follow(shard(1), incarnation(7), 2), "the first is lost");
        assert!(monitor.follow(shard(1), incarnation(7), 3));
        assert!(!monitor.follow(shard(1), incarnation(7), 5), "one between is lost");
    }

    #[test]
    fn a_new_life_is_a_gap_though_its_greeting_comes_first() {
        let mut monitor = ShardMonitor::new(1);
        monitor.hear(shard(0), incarnation(7), Nanos::ZERO);
        assert!(monitor.follow(shard(0), incarnation(7), 1));
        monitor.hear(shard(0), incarnation(8), Nanos::ZERO);
        assert!(!monitor.follow(shard(0), incarnation(8), 1));
        assert!(monitor.follow(shard(0), incarnation(8), 2));
    }

    #[test]
    fn a_shard_of_another_firm_is_told_of_until_it_is_right() {
        let mut monitor = ShardMonitor::new(1);
        assert!(!monitor.is_of(shard(2), 4) && !monitor.is_of(shard(u32::MAX), 4));
        let sentence = "shard 2 was told of 4 shards, this publisher of 1: start all boxes with \
                        the same number of shards";
        assert_eq!(monitor.degraded(Nanos::ZERO), [sentence]);
        assert!(monitor.is_of(shard(2), 1));
        assert!(monitor.degraded(Nanos::ZERO).is_empty());
    }

    #[test]
    fn a_full_disk_is_told_of_until_there_is_room() {
        let mut monitor = ShardMonitor::new(1);
        monitor.is_full(shard(0), true);
        let [sentence] = &monitor.degraded(Nanos::ZERO)[..] else { panic!("one sentence") };
        assert!(sentence.starts_with("shard 0 has no room on the disk of its journal"));
        monitor.is_full(shard(0), false);
        assert!(monitor.degraded(Nanos::ZERO).is_empty());
    }

    #[test]
    fn shards_of_two_ledgers_are_told_of() {
        let mut monitor = ShardMonitor::new(2);
        let ledger = LedgerId::new(7);
        let hear = |monitor: &mut ShardMonitor, number, ledger| {
            monitor.hear(shard(number), incarnation(1), Nanos::ZERO);
            monitor.is_of_ledger(shard(number), ledger);
        };
        hear(&mut monitor, 0, ledger);
        assert_eq!(monitor.ledger(), ledger, "shard 1 was not heard yet");
        for other in [LedgerId::new(8), None] {
            hear(&mut monitor, 1, other);
            assert_eq!(monitor.ledger(), None);
            let [sentence] = &monitor.degraded(Nanos::ZERO)[..] else { panic!("one sentence") };
            assert!(sentence.starts_with("shard 0 is of ledger 0"), "{sentence}");
        }
        hear(&mut monitor, 1, ledger);
        assert!(monitor.ledger() == ledger && monitor.degraded(Nanos::ZERO).is_empty());
    }

    #[test]
    fn what_a_shard_lacks_is_told_of_until_the_next_cut() {
        let mut monitor = ShardMonitor::new(2);
        monitor.lack(vec![None, Some("lacks something".to_owned())]);
        assert_eq!(monitor.degraded(Nanos::ZERO), ["shard 1 lacks something"]);
        monitor.lack(vec![None, None]);
        assert!(monitor.degraded(Nanos::ZERO).is_empty());
    }
}
