//! View: the counters as subscribers see them, and the level, as shards do.
//!
//! ```text
//!   counters:json         counters:bin      all counters at one cut: a state
//!   events:json:<key>:                      every reply that a counter made: events
//! ```

use allot_domain::{Cursor, Marker, ReportNumber, Step};
use allot_publisher::{Budget, Cut, Made, Topics, Version, View};
use allot_wire::backplane::Feedback;
use allot_wire::{DecodeError, Encoding, write_topic};

use super::report::{self, Part};
use super::{Kind, Report, input};
use crate::Counter;
use crate::rules::{Key, Level};

/// The topic of reports.
const COUNTERS: &str = "counters:";

/// The last report, if there is one.
#[derive(Debug, Default)]
pub struct Last(Option<Report>);

impl View for Counter {
    type Part = Part;
    type State = Last;
    /// The encoding that is published next.
    type Job = Encoding;
    const EVENTS: &'static str = "events:";

    fn read_part(body: &[u8]) -> Result<Part, DecodeError> {
        report::decode_part(body)
    }

    fn compare(parts: &[Part]) -> Vec<Option<String>> {
        let newest = parts.iter().map(|part| part.raises).max().unwrap_or(0);
        let lacks = |part: &Part| {
            let seen = part.raises;
            (seen < newest).then(|| format!("has seen {seen} raises, others {newest}"))
        };
        parts.iter().map(lacks).collect()
    }

    fn on_cut(last: &mut Last, cut: Cut<Part>) -> Made<Self::Job> {
        let feedback = level(&cut.marker, &cut.parts);
        if cut.marker.report {
            last.0 = Some(Report::of(&cut));
        }
        let job = cut.marker.report.then_some(Encoding::Json);
        Made { feedback, job, warnings: Vec::new() }
    }

    fn last(last: &Last) -> Option<Self::Job> {
        last.0.as_ref().map(|_| Encoding::Json)
    }

    /// One encoding a step: the counters are few.
    fn resume(
        last: &mut Last,
        next: &mut Encoding,
        topics: &mut Topics,
        budget: &mut Budget,
    ) -> Step {
        let Some(report) = &last.0 else {
            return Step::Done;
        };
        let version = Version { report: ReportNumber::new(report.report), time_ns: report.time_ns };
        let topic = |out: &mut Vec<u8>| write_topic(COUNTERS, None, *next, out);
        topics.publish_state(version, budget, topic, |out| report.encode(*next, out));
        match std::mem::replace(next, Encoding::Binary) {
            Encoding::Json => Step::Pending,
            Encoding::Binary => Step::Done,
        }
    }

    fn last_report(last: &Last) -> ReportNumber {
        ReportNumber::new(last.0.as_ref().map_or(0, |report| report.report))
    }

    /// Publishes what [`allot_shard::Service::write_event`] wrote: a key, and JSON.
    fn on_event(_: &mut Last, event: &[u8], topics: &mut Topics) -> Result<(), DecodeError> {
        let mut cursor = Cursor::new(event);
        let key = Key::from_padded(&cursor.take_array()?);
        let key = key.ok_or_else(|| DecodeError::new("an event must begin with a key"))?;
        let topic =
            |out: &mut Vec<u8>| write_topic(Self::EVENTS, Some(key.as_str()), Encoding::Json, out);
        topics.publish_event(topic, |out| out.extend_from_slice(cursor.rest()));
        Ok(())
    }
}

/// The level for all shards, if one of them does not know it.
fn level(marker: &Marker, parts: &[Part]) -> Option<Feedback> {
    let total = report::total(parts);
    if parts.iter().all(|part| part.level == total) {
        return None;
    }
    let mut body = Vec::new();
    input::encode_level(&Level { marker: marker.number, total }, &mut body);
    Some(Feedback { kind: Kind::Level.input(), bodies: vec![body; parts.len()] })
}
