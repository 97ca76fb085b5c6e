//! In flight: the requests that have no reply.
//!
//! ```text
//!   admit ─► pending ─ leaves ─► waiting ─┬─ no reply ─► pending, after 1, 2, 4 … 30 s
//!              ▲                          ├─ not now ──► pending, after 10, 20 … 1,000 ms
//!              └── a new connection ──────┤
//!                                         ├─ held ─────► held: has its reply; shares follow
//!                                         └─ final ────► forgotten
//! ```
//!
//! A request is always sent as the bytes that were sent first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use allot_domain::{Backoff, Seq};

use crate::limits::{HELD_MAX, SPAN_MAX, WEIGHT};
use crate::{Outcome, Refusal, Reply};

/// The codes of refusals that only say that nothing takes the request now.
const NOT_NOW: [&str; 3] = ["busy", "storage_full", "shard_away"];

/// What can be chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) count_max: usize,
    pub(crate) bytes_max: usize,
    /// When a request without a reply is sent again.
    pub(crate) resend: Backoff,
    /// When one is sent again that nothing took.
    pub(crate) busy: Backoff,
}

/// A request without a reply.
struct Message {
    bytes: Vec<u8>,
    /// When it is sent again; none while it is pending.
    due: Option<Instant>,
    tries: u32,
    busy_count: u32,
    /// Why it was not taken, the last time.
    refusal: Option<Refusal>,
}

/// The requests of a client that have no reply.
pub(crate) struct InFlight {
    bounds: Bounds,
    open: BTreeMap<Seq, Message>,
    /// Fills that were held: their divisions follow.
    held: BTreeSet<Seq>,
    /// Those that are to leave, in order. One may have gone meanwhile.
    pending: VecDeque<Seq>,
    bytes: usize,
    /// Nothing is due before; none while nothing waits.
    next_due: Option<Instant>,
    spares: Vec<Vec<u8>>,
}

/// What a reply is to the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// It is a first reply, or the one that follows `held`.
    News,
    /// The request will be sent again.
    Postponed,
    /// Nothing is waited for under this number.
    Again,
}

impl InFlight {
    pub(crate) const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            open: BTreeMap::new(),
            held: BTreeSet::new(),
            pending: VecDeque::new(),
            bytes: 0,
            next_due: None,
            spares: Vec::new(),
        }
    }

    /// How many have no reply.
    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    /// How many have the reply `held`, and another follows.
    pub(crate) fn held_count(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn is_open(&self, seq: Seq) -> bool {
        self.open.contains_key(&seq)
    }

    /// Why a request was not taken, the last time.
    pub(crate) fn refusal(&self, seq: Seq) -> Option<&Refusal> {
        self.open.get(&seq)?.refusal.as_ref()
    }

    /// Whether a request with this number, of so many bytes, may be admitted.
    pub(crate) fn has_room(&self, seq: Seq, bytes: usize) -> bool {
        let oldest = self.open.first_key_value().map_or(seq, |(oldest, _)| *oldest);
        self.open.len() < self.bounds.count_max
            && seq.get().saturating_sub(oldest.get()) < SPAN_MAX
            && self.held.len() < HELD_MAX
            && self.bytes + bytes + WEIGHT <= self.bounds.bytes_max
    }

    /// An empty buffer for the bytes of a request.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.spares.pop().unwrap_or_default()
    }

    /// Gives a buffer back.
    pub(crate) fn spare(&mut self, mut bytes: Vec<u8>) {
        // Few and short ones: a burst of long requests must not make the client large for ever.
        if self.spares.len() < 64 && bytes.capacity() <= 4 << 10 {
            bytes.clear();
            self.spares.push(bytes);
        }
    }

    /// Takes a request, which is to leave.
    pub(crate) fn admit(&mut self, seq: Seq, bytes: Vec<u8>) {
        self.bytes += bytes.len() + WEIGHT;
        let message = Message { bytes, due: None, tries: 0, busy_count: 0, refusal: None };
        let twice = self.open.insert(seq, message);
        assert!(twice.is_none(), "a number is given once");
        self.pending.push_back(seq);
    }

    /// The request that is to leave next, and its bytes.
    pub(crate) fn next_pending(&mut self) -> Option<(Seq, &[u8])> {
        while let Some(seq) = self.pending.front().copied() {
            // The order of the two looks is that of the borrow checker.
            if self.open.get(&seq).is_some_and(|message| message.due.is_none()) {
                return self.open.get(&seq).map(|message| (seq, &message.bytes[..]));
            }
            self.pending.pop_front();
        }
        None
    }

    /// The request that was to leave next has left.
    pub(crate) fn note_sent(&mut self, seq: Seq, now: Instant) {
        let popped = self.pending.pop_front();
        assert!(popped == Some(seq), "it was the next");
        let message = self.open.get_mut(&seq).expect("it was pending");
        message.tries = message.tries.saturating_add(1);
        let due = now + self.bounds.resend.after(message.tries);
        message.due = Some(due);
        self.wake_at(due);
    }

    fn wake_at(&mut self, due: Instant) {
        self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
    }

    /// When something is due; now, where something is to leave.
    pub(crate) const fn next_due(&self) -> Option<Instant> {
        self.next_due
    }

    /// Makes pending what is due.
    pub(crate) fn take_due(&mut self, now: Instant) {
        if self.next_due.is_none_or(|due| now < due) {
            return;
        }
        self.next_due = None;
        for (seq, message) in &mut self.open {
            match message.due {
                Some(due) if due <= now => {
                    message.due = None;
                    self.pending.push_back(*seq);
                }
                Some(due) => {
                    self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
                }
                None => {}
            }
        }
    }

    /// Makes everything pending: the connection is a new one.
    pub(crate) fn make_all_pending(&mut self) {
        self.pending.clear();
        self.next_due = None;
        for (seq, message) in &mut self.open {
            message.due = None;
            self.pending.push_back(*seq);
        }
    }

    /// Takes a reply.
    pub(crate) fn acknowledge(&mut self, reply: &Reply, now: Instant) -> Effect {
        let seq = reply.seq;
        if !self.open.contains_key(&seq) {
            let is_held = reply.outcome == Outcome::Held;
            let follows = !is_held && self.held.remove(&seq);
            return if follows { Effect::News } else { Effect::Again };
        }
        if let Outcome::Rejected(refusal) = &reply.outcome
            && NOT_NOW.contains(&refusal.code.as_str())
        {
            self.postpone(seq, refusal.clone(), now);
            return Effect::Postponed;
        }
        self.forget(seq);
        if reply.outcome == Outcome::Held {
            self.held.insert(seq);
        }
        Effect::News
    }

    fn postpone(&mut self, seq: Seq, refusal: Refusal, now: Instant) {
        let message = self.open.get_mut(&seq).expect("it is open");
        message.busy_count = message.busy_count.saturating_add(1);
        message.refusal = Some(refusal);
        let due = now + self.bounds.busy.after(message.busy_count);
        message.due = Some(due);
        self.wake_at(due);
    }

    /// Sends a request no more; false if it has its reply.
    pub(crate) fn forget(&mut self, seq: Seq) -> bool {
        let Some(message) = self.open.remove(&seq) else { return false };
        self.bytes -= message.bytes.len() + WEIGHT;
        self.spare(message.bytes);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    const MILLI: Duration = Duration::from_millis(1);

    fn in_flight() -> InFlight {
        let backoff = |first| Backoff { first, longest: 30_000 * MILLI };
        let (resend, busy) = (backoff(1_000 * MILLI), backoff(10 * MILLI));
        InFlight::new(Bounds { count_max: 4, bytes_max: 1_000, resend, busy })
    }

    fn reply(seq: u64, outcome: Outcome) -> Reply {
        let seq = Seq::new(seq);
        Reply { seq, id: seq.into(), time_ns: 0, duplicate: false, late: false, outcome }
    }

    fn refused(code: &str) -> Outcome {
        Outcome::Rejected(Refusal { code: code.to_owned(), reason: String::new() })
    }

    /// Sends everything that is pending; returns what left.
    fn send_all(in_flight: &mut InFlight, now: Instant) -> Vec<(u64, Vec<u8>)> {
        let mut left = Vec::new();
        while let Some((seq, bytes)) = in_flight.next_pending() {
            left.push((seq.get(), bytes.to_vec()));
            in_flight.note_sent(seq, now);
        }
        left
    }

    #[test]
    fn a_request_is_sent_again_as_the_same_bytes_until_it_has_its_reply() {
        let (mut in_flight, now) = (in_flight(), clock::now());
        in_flight.admit(Seq::new(1), b"one".to_vec());
        in_flight.admit(Seq::new(2), b"two".to_vec());
        assert_eq!(send_all(&mut in_flight, now), [(1, b"one".to_vec()), (2, b"two".to_vec())]);
        in_flight.take_due(now + 999 * MILLI);
        assert!(send_all(&mut in_flight, now).is_empty());
        assert_eq!(in_flight.acknowledge(&reply(2, refused("bad_ticker")), now), Effect::News);
        let later = now + 1_000 * MILLI;
        in_flight.take_due(later);
        assert_eq!(send_all(&mut in_flight, later), [(1, b"one".to_vec())]);
        assert_eq!(in_flight.next_due(), Some(later + 2_000 * MILLI));
        in_flight.make_all_pending();
        assert_eq!(send_all(&mut in_flight, later), [(1, b"one".to_vec())]);
        let accepted = reply(1, Outcome::Accepted { split: 1 });
        assert_eq!(in_flight.acknowledge(&accepted, later), Effect::News);
        assert_eq!(in_flight.acknowledge(&accepted, later), Effect::Again);
        assert_eq!((in_flight.count(), in_flight.bytes), (0, 0));
    }

    #[test]
    fn what_nothing_took_is_sent_again_and_says_why() {
        let (mut in_flight, now) = (in_flight(), clock::now());
        in_flight.admit(Seq::new(1), b"one".to_vec());
        for code in NOT_NOW {
            assert_eq!(send_all(&mut in_flight, now).len(), 1);
            let effect = in_flight.acknowledge(&reply(1, refused(code)), now);
            assert_eq!(effect, Effect::Postponed);
            assert_eq!(in_flight.refusal(Seq::new(1)).unwrap().code, code);
            assert!(in_flight.next_pending().is_none());
            in_flight.take_due(now + 40 * MILLI);
        }
        assert_eq!(in_flight.acknowledge(&reply(1, Outcome::Held), now), Effect::News);
        assert_eq!((in_flight.count(), in_flight.held_count()), (0, 1));
        assert_eq!(in_flight.acknowledge(&reply(1, Outcome::Held), now), Effect::Again);
        let late = reply(1, refused("exceeds_holdings"));
        assert_eq!(in_flight.acknowledge(&late, now), Effect::News);
        assert_eq!(in_flight.acknowledge(&late, now), Effect::Again);
    }

    #[test]
    fn what_is_kept_is_bounded_by_number_by_bytes_and_by_span() {
        let mut in_flight = in_flight();
        in_flight.admit(Seq::new(1), vec![0; 500]);
        assert!(in_flight.has_room(Seq::new(2), 1_000 - 500 - 2 * WEIGHT));
        assert!(!in_flight.has_room(Seq::new(2), 1_001 - 500 - 2 * WEIGHT));
        assert!(in_flight.has_room(Seq::new(SPAN_MAX), 1));
        assert!(!in_flight.has_room(Seq::new(SPAN_MAX + 1), 1));
        assert!(in_flight.forget(Seq::new(1)) && !in_flight.forget(Seq::new(1)));
        for seq in 2..6 {
            assert!(in_flight.has_room(Seq::new(seq), 1));
            in_flight.admit(Seq::new(seq), vec![0]);
        }
        assert!(!in_flight.has_room(Seq::new(6), 1), "four of them");
    }
}
