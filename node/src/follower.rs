//! A follower: hears the position feed, and says aloud what is missing in it.
//!
//! What it notices goes to the log: gaps in a topic's sequence, silence, a publisher that started
//! anew, and everything that a report or a heartbeat calls degraded, once each time it changes.

use allot_runtime::{Clock, Context, Nanos, Publication, Subscriber};
use allot_wire::{Heartbeat, Topic, TopicName};
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// After so long without a word, heartbeats included, something is wrong.
const SILENCE: Duration = Duration::from_secs(5);

/// A subscriber and what it has heard.
pub(crate) struct Follower {
    subscriber: Subscriber,
    endpoint: String,
    clock: Clock,
    /// When silence becomes worth a word; never, once it was said.
    silent_at: Nanos,
    notes: Notes,
}

/// What is known of the feed's state.
#[derive(Default)]
struct Notes {
    /// The last sequence of each topic.
    last: BTreeMap<Vec<u8>, u64>,
    incarnation: Option<u64>,
    degraded: Vec<String>,
}

impl Follower {
    /// Subscribes to some topics, and to heartbeats.
    pub(crate) fn connect(endpoint: &str, topics: &[&str]) -> Result<Self> {
        let heartbeat = Topic::Heartbeat.to_string();
        let topics = topics.iter().copied().chain([heartbeat.as_str()]);
        let topics: Vec<_> = topics.map(str::as_bytes).collect();
        let subscriber = Subscriber::connect(&Context::new()?, endpoint, &topics)?;
        let clock = Clock::system();
        let silent_at = clock.now() + SILENCE;
        let (endpoint, notes) = (endpoint.to_owned(), Notes::default());
        Ok(Self { subscriber, endpoint, clock, silent_at, notes })
    }

    /// The next publication that is new; none once the time is over.
    pub(crate) fn next(&mut self, timeout: Duration) -> Option<Publication> {
        let end = self.clock.now() + timeout;
        loop {
            let now = self.clock.now();
            match self.subscriber.receive(end.min(self.silent_at) - now) {
                Some(publication) => {
                    self.silent_at = now + SILENCE;
                    if self.notes.take(&publication) {
                        return Some(publication);
                    }
                }
                None => self.notice_silence(),
            }
            if self.clock.now() >= end {
                return None;
            }
        }
    }

    /// Notes what a report itself calls degraded.
    pub(crate) fn note_degraded(&mut self, degraded: &[String]) {
        self.notes.note_degraded(degraded);
    }

    fn notice_silence(&mut self) {
        if self.clock.now() >= self.silent_at {
            self.silent_at = Nanos::MAX;
            let seconds = SILENCE.as_secs();
            tracing::warn!(
                "nothing was heard from {} for {seconds} s; does a server publish there?",
                self.endpoint
            );
        }
    }
}

impl Notes {
    /// Takes note of a publication; true if it is no heartbeat and was not heard before.
    fn take(&mut self, publication: &Publication) -> bool {
        if TopicName::parse(&publication.topic) == Some(TopicName::Heartbeat) {
            self.take_heartbeat(&publication.body);
            return false;
        }
        let (topic, sequence) = (&publication.topic, publication.sequence);
        let last = self.last.insert(topic.clone(), sequence);
        let missed = last.map_or(0, |last| sequence.saturating_sub(last + 1));
        if missed > 0 {
            let topic = String::from_utf8_lossy(topic);
            tracing::warn!(missed, "publications on {topic} were missed: this reader is too slow");
        }
        // A new subscriber makes the publisher say the last value again, under its old number.
        last != Some(sequence)
    }

    fn take_heartbeat(&mut self, body: &[u8]) {
        let Ok(heartbeat) = Heartbeat::decode(body) else {
            tracing::warn!("a heartbeat was not understood; is the publisher of this version?");
            return;
        };
        let known = self.incarnation.replace(heartbeat.incarnation);
        if known.is_some_and(|known| known != heartbeat.incarnation) {
            tracing::warn!("the publisher has started anew");
            self.last.clear();
        }
        self.note_degraded(&heartbeat.degraded);
    }

    fn note_degraded(&mut self, degraded: &[String]) {
        for sentence in degraded.iter().filter(|sentence| !self.degraded.contains(sentence)) {
            tracing::warn!("degraded: {sentence}");
        }
        if degraded.is_empty() && !self.degraded.is_empty() {
            tracing::info!("no longer degraded");
        }
        self.degraded = degraded.to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(topic: &str, sequence: u64) -> Publication {
        Publication { topic: topic.as_bytes().to_vec(), sequence, body: Vec::new() }
    }

    #[test]
    fn what_is_said_again_is_not_new() {
        let mut notes = Notes::default();
        let news = [("positions:json", 3), ("positions:json", 3), ("positions:json", 4)]
            .map(|(topic, sequence)| notes.take(&publication(topic, sequence)));
        assert_eq!(news, [true, false, true]);
        assert!(notes.take(&publication("account:a:json", 4)), "each topic counts on its own");
        assert!(notes.take(&publication("positions:json", 1)), "a new life counts from one");
        assert!(!notes.take(&publication("heartbeat:", 9)));
    }

    #[test]
    fn a_new_life_of_the_publisher_counts_anew() {
        let mut notes = Notes::default();
        notes.take(&publication("positions:json", 7));
        let heartbeat = |incarnation| {
            let degraded = vec!["shard 0 is away".to_owned()];
            Heartbeat { time_ns: 1, incarnation, report: 0, shards: 1, degraded }
        };
        let mut body = Vec::new();
        for incarnation in [1, 2] {
            heartbeat(incarnation).encode(allot_wire::Encoding::Json, &mut body);
            notes.take_heartbeat(&body);
        }
        assert_eq!(notes.degraded, ["shard 0 is away"]);
        assert!(notes.take(&publication("positions:json", 7)));
    }
}
