//! A recorder: both times of every measured message, and the counts of all of them.
//!
//! ```text
//!   meant to leave ─── late ───► left ──────────────► answered
//!   └─────────────── response time ──────────────────┘
//!                                └─── service time ──┘
//! ```

use std::time::Duration;

use allot_runtime::Nanos;
use hdrhistogram::Histogram;

use crate::fills::Totals;
use crate::latency;
use crate::pending::Sent;
use crate::phases::Phases;
use crate::span::nanoseconds;
use crate::windows::Windows;

/// A send this much after its time is late.
const LATE: Duration = Duration::from_millis(1);

/// How many errors are kept as text.
const WRONGS_KEPT: usize = 5;

/// The results of one connection, or of all together.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) response: Histogram<u64>,
    pub(crate) service: Histogram<u64>,
    /// Response times by the second in which the reply came.
    pub(crate) seconds: Vec<Histogram<u64>>,
    /// Response times by the 10 ms in which the message was meant to leave.
    pub(crate) windows: Windows,
    /// Measured messages that left.
    pub(crate) sent: u64,
    /// Messages whose reply came in the measured time, whenever they left.
    pub(crate) answered: u64,
    /// Messages of which a fill was refused for lack of room, in all phases.
    pub(crate) refused: u64,
    /// Messages that left more than a millisecond late.
    pub(crate) late: u64,
    /// How late the latest of them was, in nanoseconds.
    pub(crate) late_ns_max: u64,
    /// Messages without a reply, in all phases.
    pub(crate) unanswered: u64,
    /// Messages of the schedule that never found room to leave.
    pub(crate) unsent: u64,
    /// How often each kind of fill was allocated, in all phases.
    pub(crate) counts: Vec<u64>,
    /// Their sum, once the run is over.
    pub(crate) totals: Totals,
    /// The first errors, and how many there were.
    pub(crate) wrongs: Vec<String>,
    pub(crate) wrong_count: u64,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            response: latency::histogram(),
            service: latency::histogram(),
            seconds: Vec::new(),
            windows: Windows::default(),
            sent: 0,
            answered: 0,
            refused: 0,
            late: 0,
            late_ns_max: 0,
            unanswered: 0,
            unsent: 0,
            counts: Vec::new(),
            totals: Totals::default(),
            wrongs: Vec::new(),
            wrong_count: 0,
        }
    }

    /// A message has left.
    pub(crate) fn note_sent(&mut self, phases: &Phases, intended: Nanos, sent: Nanos) {
        if !phases.counts(intended) {
            return;
        }
        self.sent += 1;
        let delay = sent - intended;
        if LATE < delay {
            self.late += 1;
        }
        self.late_ns_max = self.late_ns_max.max(nanoseconds(delay));
    }

    /// A message has all its replies.
    pub(crate) fn note_replied(&mut self, phases: &Phases, message: &Sent, at: Nanos) {
        if message.refused {
            self.refused += 1;
            return;
        }
        if phases.counts(at) {
            self.answered += 1;
        }
        if phases.counts(message.intended) {
            let response = nanoseconds(at - message.intended);
            self.response.saturating_record(response);
            self.service.saturating_record(nanoseconds(at - message.sent));
            self.second(at - phases.from).saturating_record(response);
            self.windows.record(message.intended - phases.from, response);
        }
    }

    /// Notes an error; the text of the first few is kept.
    pub(crate) fn note_wrong(&mut self, what: String) {
        self.wrong_count += 1;
        if self.wrongs.len() < WRONGS_KEPT {
            self.wrongs.push(what);
        }
    }

    fn second(&mut self, since: Duration) -> &mut Histogram<u64> {
        let place = usize::try_from(since.as_secs()).expect("a run lasts hours at most");
        while self.seconds.len() <= place {
            self.seconds.push(latency::rough_histogram());
        }
        &mut self.seconds[place]
    }

    /// Adds what another connection measured. Histograms add up; percentiles would not.
    pub(crate) fn merge(&mut self, other: Self) {
        self.response += &other.response;
        self.service += &other.service;
        for (place, second) in other.seconds.iter().enumerate() {
            let span = Duration::from_secs(u64::try_from(place).expect("few"));
            *self.second(span) += second;
        }
        self.windows.merge(&other.windows);
        self.sent += other.sent;
        self.answered += other.answered;
        self.refused += other.refused;
        self.late += other.late;
        self.late_ns_max = self.late_ns_max.max(other.late_ns_max);
        self.unanswered += other.unanswered;
        self.unsent += other.unsent;
        self.totals.merge(&other.totals);
        self.wrong_count += other.wrong_count;
        self.wrongs.extend(other.wrongs);
        self.wrongs.truncate(WRONGS_KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phases::Lengths;

    fn phases() -> Phases {
        let second = Duration::from_secs(1);
        let lengths =
            Lengths { warm_up: second, measure: 2 * second, cool_down: second, drain: second };
        lengths.from(Nanos::ZERO)
    }

    fn at(milliseconds: u64) -> Nanos {
        Nanos::ZERO + Duration::from_millis(milliseconds)
    }

    fn message(intended: u64, sent: u64) -> Sent {
        Sent { intended: at(intended), sent: at(sent), left: 0, refused: false }
    }

    #[test]
    fn a_late_send_is_part_of_the_response_and_not_of_the_service() {
        let (mut recorder, phases) = (Recorder::new(), phases());
        recorder.note_sent(&phases, at(1_500), at(1_800));
        recorder.note_replied(&phases, &message(1_500, 1_800), at(2_100));
        assert_eq!((recorder.late, recorder.late_ns_max), (1, 300_000_000));
        assert!(recorder.response.equivalent(recorder.response.max(), 600_000_000));
        assert!(recorder.service.equivalent(recorder.service.max(), 300_000_000));
        assert_eq!(recorder.seconds.len(), 2);
        assert!(recorder.seconds[0].is_empty() && recorder.seconds[1].len() == 1);
    }

    #[test]
    fn what_was_meant_for_the_warm_up_counts_as_an_answer_and_not_as_a_time() {
        let (mut recorder, phases) = (Recorder::new(), phases());
        for (intended, answered) in [(500, 900), (900, 1_100), (2_900, 3_200), (3_100, 3_300)] {
            recorder.note_sent(&phases, at(intended), at(intended));
            recorder.note_replied(&phases, &message(intended, intended), at(answered));
        }
        assert_eq!((recorder.sent, recorder.answered, recorder.response.len()), (1, 1, 1));
        assert_eq!(recorder.response.max(), recorder.service.max());
    }

    #[test]
    fn what_was_refused_has_no_time() {
        let (mut recorder, phases) = (Recorder::new(), phases());
        let refused = Sent { refused: true, ..message(1_500, 1_500) };
        recorder.note_replied(&phases, &refused, at(1_501));
        assert_eq!((recorder.refused, recorder.answered, recorder.response.len()), (1, 0, 0));
    }

    #[test]
    fn connections_add_up() {
        let (mut all, phases) = (Recorder::new(), phases());
        for connection in 0..3 {
            let mut one = Recorder::new();
            one.note_replied(&phases, &message(1_100, 1_100), at(1_200 + connection * 800));
            one.note_wrong("odd".to_owned());
            all.merge(one);
        }
        assert_eq!((all.response.len(), all.answered, all.wrong_count), (3, 3, 3));
        assert_eq!(all.seconds.iter().map(Histogram::len).sum::<u64>(), 3);
    }
}
