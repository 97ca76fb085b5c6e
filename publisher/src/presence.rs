//! Presence: which shards are there, and what their silence or new life means for readers.

use allot_domain::Part;
use allot_domain::limits::SHARDS_MAX;
use allot_runtime::Nanos;
use std::collections::BTreeMap;
use std::time::Duration;

/// A shard that was not heard of for so long is away.
const AWAY_AFTER: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Default)]
struct Shard {
    heard_at: Option<Nanos>,
    incarnation: u64,
    lost_inputs: u64,
    is_full: bool,
    /// The last frame of the stream of fills: what greetings say of a new life is not for it.
    stream: Option<Frame>,
    behind: Option<Behind>,
}

/// A frame of the stream of fills.
#[derive(Clone, Copy)]
struct Frame {
    incarnation: u64,
    number: u64,
}

/// At the last cut the shard had seen fewer splits than another.
#[derive(Clone, Copy)]
struct Behind {
    seen: u64,
    newest: u64,
    meanwhile: &'static str,
}

/// What is known of each shard.
pub(crate) struct Presence {
    shards: Vec<Shard>,
    /// Of how many shards those say they are one that are not of this firm, by their number.
    misled: BTreeMap<u32, u32>,
    started_at: Nanos,
}

impl Presence {
    pub(crate) fn new(shards: usize) -> Self {
        let shards = vec![Shard::default(); shards];
        Self { shards, misled: BTreeMap::new(), started_at: Nanos::ZERO }
    }

    pub(crate) fn start(&mut self, now: Nanos) {
        self.started_at = now;
    }

    /// A shard was heard in this life of it.
    pub(crate) fn hear(&mut self, shard: u32, incarnation: u64, now: Nanos) {
        if let Some(shard) = self.shard(shard) {
            if shard.incarnation != incarnation {
                *shard = Shard { incarnation, stream: shard.stream, ..Shard::default() };
            }
            shard.heard_at = Some(now);
        }
    }

    /// A shard says of how many it is one; false, and remembered, if that is not this firm.
    pub(crate) fn is_of(&mut self, shard: u32, shards: u32) -> bool {
        let is_right = usize::try_from(shards) == Ok(self.shards.len());
        if is_right {
            self.misled.remove(&shard);
        } else if usize::try_from(shard).is_ok_and(|shard| shard < SHARDS_MAX) {
            self.misled.insert(shard, shards);
        }
        is_right
    }

    /// Compares what the shards have seen at a complete cut; the parts are by shard.
    pub(crate) fn compare(&mut self, parts: &[Part]) {
        let Some(newest) = parts.iter().max_by_key(|part| part.split_number) else {
            return;
        };
        for (shard, part) in self.shards.iter_mut().zip(parts) {
            let meanwhile = match part.split {
                None => "it holds its fills until the next one",
                split if split == newest.split => "it has the latest, but lacks those before",
                Some(_) => "it divides its fills by an older one until the next one",
            };
            let (seen, newest) = (part.split_number, newest.split_number);
            shard.behind = (seen < newest).then_some(Behind { seen, newest, meanwhile });
        }
    }

    /// A shard says how much of the firm's past its state lacks.
    pub(crate) fn lacks(&mut self, shard: u32, lost_inputs: u64) {
        if let Some(shard) = self.shard(shard) {
            shard.lost_inputs = lost_inputs;
        }
    }

    /// A shard says whether its disk has no room.
    pub(crate) fn is_full(&mut self, shard: u32, is_full: bool) {
        if let Some(shard) = self.shard(shard) {
            shard.is_full = is_full;
        }
    }

    /// Takes the number of a frame of the stream of fills; false if frames before it are missing.
    ///
    /// A life's first frame is number 1. What a life said last before the next one is not known:
    /// a change of life is a gap.
    pub(crate) fn follow(&mut self, shard: u32, incarnation: u64, number: u64) -> bool {
        let Some(shard) = self.shard(shard) else {
            return true;
        };
        let before = shard.stream.replace(Frame { incarnation, number });
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
            if now >= heard_at + AWAY_AFTER {
                sentences
                    .push(format!("shard {number} is away: no report is made until it is back"));
            }
            if shard.is_full {
                sentences.push(format!(
                    "shard {number} has no room on the disk of its journal: fills are refused as \
                     storage_full until somebody makes some"
                ));
            }
            if shard.lost_inputs > 0 {
                sentences.push(format!(
                    "shard {number} restarted without its state: {} inputs are missing from its \
                     positions",
                    shard.lost_inputs
                ));
            }
            if let Some(Behind { seen, newest, meanwhile }) = shard.behind {
                sentences.push(format!(
                    "shard {number} has seen {seen} splits, others {newest}: {meanwhile}"
                ));
            }
        }
        let count = self.shards.len();
        sentences.extend(self.misled.iter().map(|(number, shards)| {
            format!(
                "shard {number} was told of {shards} shards, this publisher of {count}: start all \
                 boxes with the same number of shards"
            )
        }));
        sentences
    }

    fn shard(&mut self, number: u32) -> Option<&mut Shard> {
        self.shards.get_mut(usize::try_from(number).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allot_domain::{Book, BookConfig, Marker, SourceId, SplitKey};

    fn part(split_number: u64, split: Option<u64>) -> Part {
        let marker = Marker { number: 1, time_ns: 0, report: false };
        let source = SourceId::new(b"aum").unwrap();
        let book = Book::new(BookConfig { history: 1, ..BookConfig::default() });
        let split = split.map(|seq| SplitKey { source, seq });
        Part { split_number, split, ..book.part(&marker) }
    }

    #[test]
    fn a_lost_first_frame_is_a_gap() {
        let mut presence = Presence::new(2);
        assert!(presence.follow(0, 7, 1) && presence.follow(0, 7, 2));
        assert!(!presence.follow(1, 7, 2), "the first is lost");
        assert!(presence.follow(1, 7, 3));
        assert!(!presence.follow(1, 7, 5), "one between is lost");
    }

    #[test]
    fn a_new_life_is_a_gap_though_its_greeting_comes_first() {
        let mut presence = Presence::new(1);
        presence.hear(0, 7, Nanos::ZERO);
        assert!(presence.follow(0, 7, 1));
        presence.hear(0, 8, Nanos::ZERO);
        assert!(!presence.follow(0, 8, 1));
        assert!(presence.follow(0, 8, 2));
    }

    #[test]
    fn a_shard_of_another_firm_is_told_of_until_it_is_right() {
        let mut presence = Presence::new(1);
        assert!(!presence.is_of(2, 4) && !presence.is_of(u32::MAX, 4));
        let sentence = "shard 2 was told of 4 shards, this publisher of 1: start all boxes with \
                        the same number of shards";
        assert_eq!(presence.degraded(Nanos::ZERO), [sentence]);
        assert!(presence.is_of(2, 1));
        assert!(presence.degraded(Nanos::ZERO).is_empty());
    }

    #[test]
    fn a_full_disk_is_told_of_until_there_is_room() {
        let mut presence = Presence::new(1);
        presence.is_full(0, true);
        let [sentence] = &presence.degraded(Nanos::ZERO)[..] else { panic!("one sentence") };
        assert!(sentence.starts_with("shard 0 has no room on the disk of its journal"));
        presence.is_full(0, false);
        assert!(presence.degraded(Nanos::ZERO).is_empty());
    }

    #[test]
    fn splits_that_a_shard_has_not_seen_are_told_of() {
        let mut presence = Presence::new(4);
        presence.compare(&[part(3, Some(9)), part(0, None), part(2, Some(8)), part(1, Some(9))]);
        let sentences = [
            "shard 1 has seen 0 splits, others 3: it holds its fills until the next one",
            "shard 2 has seen 2 splits, others 3: it divides its fills by an older one until the \
             next one",
            "shard 3 has seen 1 splits, others 3: it has the latest, but lacks those before",
        ];
        assert_eq!(presence.degraded(Nanos::ZERO), sentences);
        presence.compare(&[part(4, Some(10)), part(4, Some(10)), part(4, Some(10))]);
        assert_eq!(presence.degraded(Nanos::ZERO).len(), 1);
    }
}
