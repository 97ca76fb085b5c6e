//! View: the desk as subscribers see it.
//!
//! ```text
//!   desk:json               desk:bin      counts and sums at one cut: a state
//!   wanted:json:<symbol>:                 a quote is wanted: events
//!   wanted:json                           an input is wanted when something is due: events
//! ```
//!
//! A wish is said when it comes, and again with each report as long as it lasts, so that an event
//! that was lost is made good.

use std::collections::btree_map::IntoValues;

use allot_desk_rules::{Symbol, Wanted};
use allot_domain::{ReportNumber, Step};
use allot_publisher::{Budget, Cut, Made, Topics, Version, View};
use allot_wire::{DecodeError, Encoding, write_topic};

use crate::report::{self, Part};
use crate::wanted::{self, WANTED};
use crate::{Desk, Report, WantedEvent, Wish};

/// The topic of reports.
const DESK: &str = "desk:";

/// What one message of a wish counts for in a turn.
const WISH_LEN: usize = 256;

/// The last report, if there is one.
#[derive(Debug, Default)]
pub struct DeskState(Option<Report>);

/// What is published next.
pub struct DeskJob {
    encoding: Option<Encoding>,
    wanted: IntoValues<Symbol, Wanted>,
    due_ns: Option<u64>,
}

impl View for Desk {
    type Part = Part;
    type State = DeskState;
    type Job = DeskJob;
    const EVENTS: &'static str = WANTED;

    fn read_part(body: &[u8]) -> Result<Part, DecodeError> {
        report::read_part(body)
    }

    /// Shards of the desk share nothing that one could lack.
    fn compare(_: &[Part]) -> Vec<Option<String>> {
        Vec::new()
    }

    fn on_cut(state: &mut DeskState, cut: Cut<Part>) -> Made<DeskJob> {
        let job = cut.marker.report.then(|| {
            let (report, wanted, due_ns) = Report::of(cut);
            state.0 = Some(report);
            DeskJob { encoding: Some(Encoding::Json), wanted: wanted.into_values(), due_ns }
        });
        Made { feedback: None, job, warnings: Vec::new() }
    }

    fn last(state: &DeskState) -> Option<DeskJob> {
        let wanted = std::collections::BTreeMap::new().into_values();
        let encoding = Some(Encoding::Json);
        state.0.as_ref().map(|_| DeskJob { encoding, wanted, due_ns: None })
    }

    fn resume(
        state: &mut DeskState,
        job: &mut DeskJob,
        topics: &mut Topics,
        budget: &mut Budget,
    ) -> Step {
        let Some(report) = &state.0 else {
            return Step::Done;
        };
        while let Some(encoding) = job.encoding {
            let number = ReportNumber::new(report.report);
            let version = Version { report: number, time_ns: report.time_ns };
            let topic = |out: &mut Vec<u8>| write_topic(DESK, None, encoding, out);
            topics.publish_state(version, budget, topic, |out| report.encode(encoding, out));
            job.encoding = match encoding {
                Encoding::Json => Some(Encoding::Binary),
                Encoding::Binary => None,
            };
        }
        if let Some(due_ns) = job.due_ns.take() {
            budget.spend(WISH_LEN);
            publish(&Wish::Tick(due_ns), topics);
        }
        while !budget.is_spent() {
            let Some(wanted) = job.wanted.next() else {
                return Step::Done;
            };
            budget.spend(WISH_LEN);
            let event = WantedEvent { wanted, time_ns: report.time_ns };
            publish(&Wish::Quote(event), topics);
        }
        Step::Pending
    }

    fn last_report(state: &DeskState) -> ReportNumber {
        ReportNumber::new(state.0.as_ref().map_or(0, |report| report.report))
    }

    fn on_event(_: &mut DeskState, event: &[u8], topics: &mut Topics) -> Result<(), DecodeError> {
        publish(&wanted::read(event)?, topics);
        Ok(())
    }
}

fn publish(wish: &Wish, topics: &mut Topics) {
    let name = match wish {
        Wish::Quote(event) => Some(event.wanted.symbol.as_str()),
        Wish::Tick(_) => None,
    };
    let topic = |out: &mut Vec<u8>| write_topic(WANTED, name, Encoding::Json, out);
    topics.publish_event(topic, |out| wish.encode(out));
}
