//! Presence: which shards are there, and what their silence or new life means for readers.

use allot_runtime::Nanos;
use std::time::Duration;

/// A shard that was not heard of for so long is away.
const AWAY_AFTER: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Default)]
struct Shard {
    heard_at: Option<Nanos>,
    incarnation: u64,
    stream: u64,
    lost_inputs: u64,
}

/// What is known of each shard.
pub(crate) struct Presence {
    shards: Vec<Shard>,
    started_at: Nanos,
}

impl Presence {
    pub(crate) fn new(shards: usize) -> Self {
        Self { shards: vec![Shard::default(); shards], started_at: Nanos::ZERO }
    }

    pub(crate) fn start(&mut self, now: Nanos) {
        self.started_at = now;
    }

    /// A shard was heard in this life of it.
    pub(crate) fn hear(&mut self, shard: u32, incarnation: u64, now: Nanos) {
        if let Some(shard) = self.shard(shard) {
            shard.heard_at = Some(now);
            if shard.incarnation != incarnation {
                *shard = Shard { heard_at: Some(now), incarnation, ..Shard::default() };
            }
        }
    }

    /// A shard says how much of the firm's past its state lacks.
    pub(crate) fn lacks(&mut self, shard: u32, lost_inputs: u64) {
        if let Some(shard) = self.shard(shard) {
            shard.lost_inputs = lost_inputs;
        }
    }

    /// Takes the number of a frame of the stream of fills; false if frames before it are missing.
    pub(crate) fn follow(&mut self, shard: u32, incarnation: u64, number: u64) -> bool {
        let Some(shard) = self.shard(shard) else {
            return true;
        };
        let other_life = shard.incarnation != 0 && shard.incarnation != incarnation;
        let gap = other_life || (shard.stream != 0 && number != shard.stream + 1);
        shard.incarnation = incarnation;
        shard.stream = number;
        !gap
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
            if shard.lost_inputs > 0 {
                sentences.push(format!(
                    "shard {number} restarted without its state: {} inputs are missing from its \
                     positions",
                    shard.lost_inputs
                ));
            }
        }
        sentences
    }

    fn shard(&mut self, number: u32) -> Option<&mut Shard> {
        self.shards.get_mut(usize::try_from(number).ok()?)
    }
}
