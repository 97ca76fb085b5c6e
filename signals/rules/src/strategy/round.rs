//! Round: what a strategy has of one period.

use core::time::Duration;

use allot_domain::Seq;

use super::SignalReply;
use crate::{Attempts, ComponentReport, Now, Period, Problem, ProblemKind, Steady, Unix, Value};

/// One period of a strategy.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) period: Period,
    /// The strategy has started in it.
    pub(super) is_first: bool,
    /// When the work begins.
    pub(super) begin: Unix,
    /// Nobody is missing before.
    pub(super) patient_until: Unix,
    /// One for each generator.
    pub(super) slots: Vec<Slot>,
    pub(super) decided: Decided,
    pub(super) submission: Attempts,
    /// The requests with which the decision was submitted.
    pub(super) submitted_as: Vec<Seq>,
    /// The trader has the decision, or will not have it.
    pub(super) is_submitted: bool,
    /// Whoever is missing was named.
    pub(super) deadline_done: bool,
}

/// How far the decision is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decided {
    Not,
    /// Somebody else was asked to.
    Asked,
    Value(Value),
    Failed,
}

/// What a strategy has of one generator in one period.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    pub(super) value: Option<Value>,
    pub(super) attempts: Attempts,
    /// Each request, and when it was sent.
    pub(super) sent: Vec<(Seq, Unix)>,
    /// The generator has the request, and has no signal yet.
    pub(super) held: bool,
    /// It has said that there is none in this period.
    pub(super) refused: bool,
    /// Because it has started in it, and how it says so: named at the deadline, if then.
    pub(super) just_started: Option<String>,
    /// It has replied in this period what cannot be taken: it is not missing.
    pub(super) is_faulty: bool,
}

impl Round {
    pub(super) fn new(period: Period, begin: Unix, patient_until: Unix, generators: usize) -> Self {
        Self {
            period,
            is_first: false,
            begin,
            patient_until,
            slots: vec![Slot::default(); generators],
            decided: Decided::Not,
            submission: Attempts::new(),
            submitted_as: Vec::new(),
            is_submitted: false,
            deadline_done: false,
        }
    }

    /// The signals of all generators, once all are there.
    pub(super) fn signals(&self) -> Option<Vec<Value>> {
        self.slots.iter().map(|slot| slot.value).collect()
    }

    pub(super) fn unsent(&mut self, now: Now, seq: Seq, pause: Duration) {
        let is_it = |slot: &&mut Slot| slot.sent.last().is_some_and(|(sent, _)| *sent == seq);
        if let Some(slot) = self.slots.iter_mut().find(is_it) {
            slot.sent.pop();
            slot.attempts.unsent(now.steady, pause);
        }
        if self.submitted_as.last() == Some(&seq) {
            self.submitted_as.pop();
            self.submission.unsent(now.steady, pause);
        }
    }

    /// When a request is due again.
    pub(super) fn next_attempt(&self, retries: u32, registered: bool) -> Steady {
        let open = self.slots.iter().filter(|slot| {
            slot.value.is_none() && !slot.refused && slot.attempts.made() <= retries
        });
        let asks = open.map(|slot| slot.attempts.next()).min().unwrap_or(Steady::MAX);
        let submits = matches!(self.decided, Decided::Value(_))
            && !self.is_submitted
            && registered
            && self.submission.made() <= retries;
        if submits { asks.min(self.submission.next()) } else { asks }
    }
}

impl Slot {
    /// Takes a reply of a generator whose clock is right.
    pub(super) fn take(
        &mut self,
        now: Now,
        current: Period,
        reply: SignalReply,
        report: &mut ComponentReport,
        length: Duration,
    ) {
        match reply {
            SignalReply::Signal(period, value) if period == current => {
                // The first one counts: a decision is made of it once.
                self.value.get_or_insert(value);
                (self.refused, self.is_faulty) = (false, false);
                report.last = Some((period, value));
                report.problem = None;
            }
            SignalReply::Signal(period, _) => {
                self.is_faulty = true;
                let reason = format!("it sent a signal of period {period} for period {current}");
                Problem::set(&mut report.problem, ProblemKind::Refused, now.unix, reason);
            }
            SignalReply::Held(_) => {
                // It will reply by itself; asked again in case the reply is lost.
                self.held = true;
                let again = now.steady + length / 8;
                self.attempts.wait_until(self.attempts.next().max(again));
            }
            SignalReply::Refused(refusal)
                if matches!(refusal.code.as_str(), "busy" | "too_early") => {}
            SignalReply::Refused(refusal) if refusal.code == "just_started" => {
                self.refused = self.value.is_none();
                self.just_started = Some(refusal.reason);
            }
            SignalReply::Refused(refusal) => {
                self.refused = self.value.is_none();
                let kind = match refusal.code.as_str() {
                    "no_signal" => ProblemKind::NoData,
                    _ => ProblemKind::Refused,
                };
                if self.refused {
                    Problem::set(&mut report.problem, kind, now.unix, refusal.reason);
                }
            }
        }
    }
}
