//! View: positions, and nettings, from the parts of a cut.

mod netting_planner;
mod report_builder;
mod report_in_progress;
mod publication;
mod turnover_watch;

use std::sync::Arc;

use allot_allocation_rules::Part;
use allot_domain::{Cursor, LedgerId, Marker, ReportNumber, Step, TopicSeq};
use allot_publisher::{Budget, Cut, Made, Topics, View};
use allot_wire::DecodeError;
use allot_wire::backplane::Feedback;

use crate::reply::read_record;
use crate::{
    Allocation, InputName, Report, Topic, decode_part, encode_netting, encode_reply_message,
};
use netting_planner::NettingPlanner;
use publication::{Body, ENCODINGS, Publication};
use report_in_progress::ReportInProgress;
use turnover_watch::TurnoverWatch;

/// What is remembered between cuts.
#[derive(Default)]
pub struct Positions {
    planner: NettingPlanner,
    turnover: TurnoverWatch,
    last: Option<Arc<Report>>,
}

/// The report of parts that no publisher has collected, those of replayed shards: `marker` has its
/// number and its time, and each part has its positions.
///
/// # Panics
/// If there is no part.
#[must_use]
pub fn report_of(
    marker: &Marker,
    inputs: u64,
    ledger: Option<LedgerId>,
    parts: Vec<Part>,
) -> Report {
    let mut report = report_builder::begin(marker, inputs, ledger, parts, Vec::new());
    report.resume(&mut Budget::of(usize::MAX)).expect("the budget is larger than any report")
}

/// A report on its way.
pub struct ReportJob(Stage);

/// How far it is.
enum Stage {
    /// It is made of its parts.
    Making(Box<ReportInProgress>),
    /// It is published.
    Publishing(Publication, Body),
}

impl ReportJob {
    fn publish(report: &Arc<Report>) -> Self {
        Self(Stage::Publishing(Publication::new(Arc::clone(report)), Body::default()))
    }
}

impl View for Allocation {
    type Part = Part;
    type State = Positions;
    type Job = ReportJob;
    const EVENTS: &'static str = Topic::FILLS;

    fn read_part(body: &[u8]) -> Result<Part, DecodeError> {
        decode_part(body)
    }

    /// What a shard lacks that has seen fewer splits than another.
    fn compare(parts: &[Part]) -> Vec<Option<String>> {
        let Some(newest) = parts.iter().max_by_key(|part| part.split_number) else {
            return Vec::new();
        };
        let lacks = |part: &Part| {
            let meanwhile = match part.split {
                None => "it holds its fills until the next one",
                split if split == newest.split => "it has the latest, but lacks those before",
                Some(_) => "it divides its fills by an older one until the next one",
            };
            let (seen, newest) = (part.split_number, newest.split_number);
            (seen < newest).then(|| format!("has seen {seen} splits, others {newest}: {meanwhile}"))
        };
        parts.iter().map(lacks).collect()
    }

    fn on_cut(state: &mut Positions, cut: Cut<Part>) -> Made<ReportJob> {
        let Cut { marker, inputs, ledger, parts, degraded } = cut;
        let warnings = state.turnover.look(&parts);
        let nettings = state.planner.plan(&marker, &parts);
        let body = |netting| {
            let mut body = Vec::new();
            encode_netting(&netting, &mut body);
            body
        };
        let feedback = nettings.map(|nettings| {
            let bodies = nettings.into_iter().map(body).collect();
            Feedback { kind: InputName::Netting.kind(), bodies }
        });
        let job = marker.report.then(|| {
            let report = report_builder::begin(&marker, inputs, ledger, parts, degraded);
            ReportJob(Stage::Making(Box::new(report)))
        });
        Made { feedback, job, warnings }
    }

    fn last(state: &Positions) -> Option<ReportJob> {
        state.last.as_ref().map(ReportJob::publish)
    }

    fn resume(
        state: &mut Positions,
        job: &mut ReportJob,
        topics: &mut Topics,
        budget: &mut Budget,
    ) -> Step {
        if let Stage::Making(report) = &mut job.0 {
            let Some(report) = report.resume(budget) else {
                return Step::Pending;
            };
            let report = Arc::new(report);
            *job = ReportJob::publish(&report);
            state.last = Some(report);
        }
        match &mut job.0 {
            Stage::Publishing(publication, body) => publication.resume(body, topics, budget),
            Stage::Making(_) => Step::Pending,
        }
    }

    fn last_report(state: &Positions) -> ReportNumber {
        state.last.as_ref().map(|report| report.report).unwrap_or_default()
    }

    /// Publishes a fill that was allocated or busted.
    fn on_event(_: &mut Positions, event: &[u8], topics: &mut Topics) -> Result<(), DecodeError> {
        let mut cursor = Cursor::new(event);
        let number = TopicSeq::new(cursor.u64()?);
        let fill = read_record(cursor.sized()?)?;
        let Some(ticker) = fill.ticker().filter(|_| TopicSeq::ZERO < number) else {
            return Err(DecodeError::new("an event that is no outcome of a ticker"));
        };
        for encoding in ENCODINGS {
            let topic = |out: &mut Vec<u8>| Topic::Fills(ticker, encoding).write(out);
            topics.publish_numbered(number, topic, |out| {
                encode_reply_message(encoding, &fill, out);
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::{Book, BookConfig, SplitKey, SplitNumber};
    use allot_domain::{Seq, SourceId};

    use super::*;

    fn part(split_number: u64, split: Option<u64>) -> Part {
        let split_number = SplitNumber::new(split_number);
        let marker = Marker { number: 1, time_ns: 0, report: false };
        let source = SourceId::new(b"aum").unwrap();
        let book = Book::new(BookConfig { history: 1, ..BookConfig::default() });
        let split = split.map(|seq| SplitKey { source, seq: Seq::new(seq) });
        Part { split_number, split, ..book.part(&marker) }
    }

    #[test]
    fn splits_that_a_shard_has_not_seen_are_told_of() {
        let parts = [part(3, Some(9)), part(0, None), part(2, Some(8)), part(1, Some(9))];
        let lacks = Allocation::compare(&parts);
        let sentences = [
            None,
            Some("has seen 0 splits, others 3: it holds its fills until the next one"),
            Some(
                "has seen 2 splits, others 3: it divides its fills by an older one until the \
                 next one",
            ),
            Some("has seen 1 splits, others 3: it has the latest, but lacks those before"),
        ];
        assert_eq!(lacks.iter().map(Option::as_deref).collect::<Vec<_>>(), sentences);
        let same = Allocation::compare(&[part(4, Some(10)), part(4, Some(10))]);
        assert_eq!(same, [None, None]);
    }
}
