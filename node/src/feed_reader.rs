//! A feed reader: a subscriber of the position feed that logs what is wrong with it.
//!
//! It warns of gaps in a topic's sequence, of silence, and of a publisher that restarted. It logs
//! what reports and heartbeats call degraded, once each time that changes.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_allocation_service::{Topic, TopicName};
use allot_domain::{Incarnation, Ticker, TopicSeq};
use allot_runtime::{Clock, Context, CurveKey, Nanos, Publication, Subscriber};
use allot_wire::Heartbeat;
use anyhow::Result;

/// After this time without a message, not even a heartbeat, something is wrong.
const SILENCE: Duration = Duration::from_secs(5);

/// A subscriber and what it has received.
pub(crate) struct FeedReader {
    subscriber: Subscriber,
    endpoint: String,
    clock: Clock,
    /// When to warn of silence; `MAX` after the warning.
    silent_at: Nanos,
    notes: Notes,
}

/// What is known of the feed.
#[derive(Default)]
struct Notes {
    /// The last sequence of each topic.
    incarnation: Option<Incarnation>,
    last: BTreeMap<Vec<u8>, TopicSeq>,
    degraded: Vec<String>,
    /// Whether a gap in fills is somebody else's to mend.
    is_mended: bool,
}

impl FeedReader {
    /// Subscribes to these topics, and to heartbeats, with the key of a feed that encrypts.
    pub(crate) fn connect(endpoint: &str, key: Option<CurveKey>, topics: &[&str]) -> Result<Self> {
        let heartbeat = Topic::Heartbeat.to_string();
        let topics = topics.iter().copied().chain([heartbeat.as_str()]);
        let topics: Vec<_> = topics.map(str::as_bytes).collect();
        let subscriber = Subscriber::connect_to(&Context::new()?, endpoint, key, &topics)?;
        let clock = Clock::system();
        let silent_at = clock.now() + SILENCE;
        let endpoint = endpoint.to_owned();
        let notes = Notes::default();
        Ok(Self { subscriber, endpoint, clock, silent_at, notes })
    }

    /// The same, for somebody who mends gaps in fills, and tells of those that cannot be.
    pub(crate) fn mended(mut self) -> Self {
        self.notes.is_mended = true;
        self
    }

    /// The next new publication, or `None` after the timeout.
    pub(crate) fn next(&mut self, timeout: Duration) -> Option<Publication> {
        let end = self.clock.now() + timeout;
        loop {
            let now = self.clock.now();
            match self.subscriber.receive(end.min(self.silent_at) - now) {
                Some(publication) => {
                    self.silent_at = now + SILENCE;
                    if self.notes.receive(&publication) {
                        return Some(publication);
                    }
                }
                None => self.check_silence(),
            }
            if end <= self.clock.now() {
                return None;
            }
        }
    }

    /// Logs what a report calls degraded, if that has changed.
    pub(crate) fn note_degraded(&mut self, degraded: &[String]) {
        self.notes.note_degraded(degraded);
    }

    fn check_silence(&mut self) {
        if self.silent_at <= self.clock.now() {
            self.silent_at = Nanos::MAX;
            let seconds = SILENCE.as_secs();
            tracing::warn!(
                "nothing received from {} for {seconds} s; is a server publishing there?",
                self.endpoint
            );
        }
    }
}

impl Notes {
    /// Records a publication; true if it is new and not a heartbeat.
    fn receive(&mut self, publication: &Publication) -> bool {
        if TopicName::parse(&publication.topic) == Some(TopicName::Heartbeat) {
            self.receive_heartbeat(&publication.body);
            return false;
        }
        let topic = &publication.topic;
        let sequence = TopicSeq::new(publication.sequence);
        let last = self.last.insert(topic.clone(), sequence);
        match TopicName::parse(topic) {
            Some(TopicName::Fills(ticker, _)) => self.note_fill(&ticker, last, sequence),
            _ => note_missed(topic, last, sequence),
        }
        // For every new subscriber the publisher repeats the last value, under its old number.
        last != Some(sequence)
    }

    /// The number of an outcome is the ticker's own count: a gap is a gap, whatever has restarted.
    fn note_fill(&self, ticker: &Ticker, last: Option<TopicSeq>, sequence: TopicSeq) {
        let Some(last) = last.filter(|_| !self.is_mended) else { return };
        let (from, to) = (last.get() + 1, sequence.get() - 1);
        if from <= to {
            tracing::warn!(
                "missed outcomes {from} to {to} of {ticker}: this reader was too slow, or not \
                 connected; allot fills --ticker '{ticker}' --from {from} prints them"
            );
        } else if sequence < last {
            tracing::warn!(
                "outcome {sequence} of {ticker} follows {last}: its shard has lost its state"
            );
        }
    }

    fn receive_heartbeat(&mut self, body: &[u8]) {
        let Ok(heartbeat) = Heartbeat::decode(body) else {
            tracing::warn!("cannot decode a heartbeat; does the publisher run this version?");
            return;
        };
        let known = self.incarnation.replace(heartbeat.incarnation);
        if known.is_some_and(|known| known != heartbeat.incarnation) {
            tracing::warn!("the publisher has restarted");
            let is_counted_on = |topic: &[u8]| topic.starts_with(Topic::FILLS.as_bytes());
            self.last.retain(|topic, _| is_counted_on(topic));
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

fn note_missed(topic: &[u8], last: Option<TopicSeq>, sequence: TopicSeq) {
    let missed = last.map_or(0, |last| sequence.get().saturating_sub(last.get() + 1));
    if 0 < missed {
        let topic = String::from_utf8_lossy(topic);
        tracing::warn!(missed, "missed publications on {topic}: this reader is too slow");
    }
}

#[cfg(test)]
mod tests {
    use allot_domain::ReportNumber;

    use super::*;

    fn publication(topic: &str, sequence: u64) -> Publication {
        Publication { topic: topic.as_bytes().to_vec(), sequence, body: Vec::new() }
    }

    #[test]
    fn a_repeated_publication_is_not_new() {
        let mut notes = Notes::default();
        let news = [("positions:json", 3), ("positions:json", 3), ("positions:json", 4)]
            .map(|(topic, sequence)| notes.receive(&publication(topic, sequence)));
        assert_eq!(news, [true, false, true]);
        assert!(notes.receive(&publication("account:json:a:", 4)), "each topic counts on its own");
        assert!(
            notes.receive(&publication("positions:json", 1)),
            "a new incarnation counts from one"
        );
        assert!(!notes.receive(&publication("heartbeat:", 9)));
    }

    #[test]
    fn a_new_incarnation_of_the_publisher_counts_from_the_start() {
        let mut notes = Notes::default();
        notes.receive(&publication("positions:json", 7));
        let heartbeat = |incarnation| {
            let degraded = vec!["shard 0 is away".to_owned()];
            Heartbeat {
                time_ns: 1,
                incarnation,
                ledger: None,
                report: ReportNumber::new(0),
                shards: 1,
                degraded,
            }
        };
        let mut body = Vec::new();
        for incarnation in [1, 2] {
            heartbeat(Incarnation::new(incarnation)).encode(allot_wire::Encoding::Json, &mut body);
            notes.receive_heartbeat(&body);
        }
        assert_eq!(notes.degraded, ["shard 0 is away"]);
        assert!(notes.receive(&publication("positions:json", 7)));
    }

    #[test]
    fn fills_count_on_when_the_publisher_restarts() {
        let mut notes = Notes::default();
        notes.receive(&publication("positions:json", 7));
        notes.receive(&publication("fills:json:AAPL:", 7));
        let mut body = Vec::new();
        for incarnation in [1, 2] {
            let heartbeat = Heartbeat {
                time_ns: 1,
                incarnation: Incarnation::new(incarnation),
                ledger: None,
                report: ReportNumber::new(0),
                shards: 1,
                degraded: vec![],
            };
            heartbeat.encode(allot_wire::Encoding::Json, &mut body);
            notes.receive_heartbeat(&body);
        }
        let known: Vec<_> = notes.last.into_keys().collect();
        assert_eq!(known, [b"fills:json:AAPL:"]);
    }
}
