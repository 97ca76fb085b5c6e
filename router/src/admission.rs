//! Admission: the way of one message from the door to the shards, or back with a rejection.
//!
//! It borrows from the router what it needs, for one message.

use allot_domain::{Reject, ReportNumber, Seq, ShardId, limits, shard_of};
use allot_runtime::{Counter, Counters, Envelope, Nanos};
use allot_wire::backplane::{InputFrame, InputKind, ReplyTo};
use allot_wire::reply::{Echo, write_reported};
use allot_wire::{Batch, Encoding, Rejection};

use crate::Protocol;
use crate::limits::REFUSED_MAX;
use crate::markers::Markers;
use crate::pending_to_all::PendingToAll;
use crate::replies::Replies;
use crate::report_requests::{ReportRequest, ReportRequests};
use crate::shard_streams::ShardStreams;

/// One request on its way to a shard.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// What the record is.
    pub kind: InputKind,
    /// What the shard reads.
    pub record: &'a [u8],
    /// Who sends it.
    pub source: &'a [u8],
    /// The source's number of it.
    pub seq: Seq,
}

/// What the router does for one message.
pub struct Admission<'a> {
    pub(crate) replies: &'a mut Replies,
    pub(crate) streams: &'a mut ShardStreams,
    pub(crate) markers: &'a mut Markers,
    pub(crate) pending_to_all: &'a mut Option<PendingToAll>,
    pub(crate) report_requests: &'a mut ReportRequests,
    pub(crate) scratch: &'a mut Vec<u8>,
    pub(crate) counters: &'a Counters,
    pub(crate) reply_to: ReplyTo,
    pub(crate) now: Nanos,
}

impl Admission<'_> {
    /// Takes one message: every part of it is handed to a shard, or refused here.
    pub(crate) fn admit<P: Protocol>(&mut self, envelope: &Envelope) {
        let body = envelope.body();
        if envelope.malformed() {
            let what = "a message must be one frame, or an empty frame and one more";
            self.refuse(&malformed(what));
        } else if limits::MESSAGE_MAX < body.len() {
            self.refuse(&Rejection::unread(&Reject::OversizedMessage(body.len())));
        } else if self.reply_to.encoding == Encoding::Json {
            self.admit_lines::<P>(body);
        } else {
            self.admit_batch::<P>(body);
        }
    }

    fn admit_lines<P: Protocol>(&mut self, body: &[u8]) {
        let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let mut lines = lines.filter(|line| !line.is_empty()).peekable();
        if lines.peek().is_none() {
            // Whoever waits for a reply gets one.
            return self.refuse(&malformed("the message is empty"));
        }
        let mut refused = 0;
        for line in lines {
            if let Err(rejection) = P::admit_line(line, self) {
                refused += 1;
                self.refuse(&rejection);
            }
            if refused == REFUSED_MAX {
                let what = format!("{refused} lines were refused; the rest was not read");
                return self.refuse(&malformed(&what));
            }
        }
    }

    fn admit_batch<P: Protocol>(&mut self, body: &[u8]) {
        let batch = match Batch::parse(body) {
            Ok(batch) => batch,
            Err(reject) => return self.refuse(&Rejection::unread(&reject)),
        };
        if let Err(rejection) = P::check_kind(batch.kind) {
            return self.refuse(&rejection);
        }
        if batch.count == 0 {
            return self.refuse(&malformed("a batch must have at least one record"));
        }
        // All or nothing: of a batch that is damaged anywhere, no record is admitted.
        if let Some(Err(reject)) = batch.records().find(Result::is_err) {
            return self.refuse(&Rejection::unread(&reject));
        }
        let mut refused = 0;
        for record in batch.records().flatten() {
            if let Err(rejection) = P::admit_record(batch.kind, record, self) {
                refused += 1;
                self.refuse(&rejection);
            }
            if refused == REFUSED_MAX {
                let what = format!("{refused} records were refused; the rest was not read");
                return self.refuse(&malformed(&what));
            }
        }
    }

    /// An empty buffer for a record; give it back with [`Admission::return_scratch`].
    #[must_use]
    pub fn take_scratch(&mut self) -> Vec<u8> {
        let mut scratch = std::mem::take(self.scratch);
        scratch.clear();
        scratch
    }

    /// Takes the buffer back, to be used again.
    pub fn return_scratch(&mut self, scratch: Vec<u8>) {
        *self.scratch = scratch;
    }

    /// Hands a request to the shard that owns this key.
    #[inline]
    pub fn by_key(&mut self, key: &[u8], submission: Submission<'_>) {
        let shard = shard_of(key, self.streams.count());
        if let Some(reject) = self.streams.rejection(shard) {
            return self.refuse_for_now(submission.source, submission.seq, &reject);
        }
        if self.replies.owes_enough(self.reply_to.client) {
            return self.refuse_for_now(submission.source, submission.seq, &Reject::Busy);
        }
        self.owe(submission.source);
        let input = self.input(self.reply_to, &submission);
        self.streams.push(shard, input);
        if self.markers.count() && 1 < self.streams.count() {
            self.mark(false);
        }
    }

    /// A request as a shard takes it: with the time at which the router did.
    #[inline]
    fn input<'a>(&self, reply_to: ReplyTo, submission: &Submission<'a>) -> InputFrame<'a> {
        let (kind, body) = (submission.kind, submission.record);
        InputFrame { reply_to, kind, time_ns: self.now.as_unix(), body }
    }

    /// Hands a request to every shard, or to none; the first of them replies for all, once all
    /// have. The next one waits for that: such requests may be large, and do not pile up.
    ///
    /// # Panics
    /// If one is on its way although every shard has replied: a bug of the router.
    pub fn to_all(&mut self, submission: Submission<'_>) {
        let pending = (!self.streams.broadcast_is_replied()).then_some(Reject::Busy);
        if let Some(reject) = self.streams.rejection_of_all().or(pending) {
            return self.refuse_for_now(submission.source, submission.seq, &reject);
        }
        assert!(self.pending_to_all.is_none(), "one request to all is on its way at a time");
        self.owe(submission.source);
        let client = self.reply_to.client;
        *self.pending_to_all = Some(PendingToAll { client, reply: None });
        let first = ShardId::default();
        for shard in self.streams.ids() {
            let reply_to = if shard == first { self.reply_to } else { ReplyTo::NOBODY };
            let input = self.input(reply_to, &submission);
            self.streams.push_broadcast(shard, input);
        }
        self.markers.count();
        self.mark(false);
    }

    /// Makes a cut with a report, here and now; two requests with nothing between them share one.
    ///
    /// While a report is under way, the request waits, and shares the next one with all others.
    pub fn report(&mut self, source: &[u8], seq: Seq) {
        // A cut needs no room on a disk.
        let rejection = self.streams.rejection_of_all();
        if let Some(reject) = rejection.filter(|reject| *reject != Reject::StorageFull) {
            return self.refuse_for_now(source, seq, &reject);
        }
        let number = match self.markers.report_here() {
            Some(number) => number,
            None if self.report_requests.is_under_way() => {
                return self.wait_for_report(source, seq);
            }
            None => {
                let number = ReportNumber::new(self.mark(true));
                self.report_requests.begin(number, self.now);
                number
            }
        };
        let ReplyTo { client, encoding } = self.reply_to;
        let (id, time_ns) = (None, self.now.as_unix());
        let echo = Echo { source, seq, id, time_ns, duplicate: false, late: false };
        self.replies.append(client, encoding, |out| write_reported(encoding, echo, number, out));
    }

    fn wait_for_report(&mut self, source: &[u8], seq: Seq) {
        let request = ReportRequest { reply_to: self.reply_to, source: source.into(), seq };
        if !self.report_requests.wait(request) {
            return self.refuse_for_now(source, seq, &Reject::Busy);
        }
        self.owe_reply();
    }

    /// Sends a marker to all shards; returns its number.
    fn mark(&mut self, report: bool) -> u64 {
        self.streams.push_marker(self.markers, self.now, report)
    }

    fn owe(&mut self, source: &[u8]) {
        self.replies.clients.note_source(source, self.reply_to.client);
        self.owe_reply();
    }

    fn owe_reply(&mut self) {
        if let Some(client) = self.replies.clients.get(self.reply_to.client) {
            client.owed += 1;
        }
    }

    /// Refuses a request that may be sent again later.
    fn refuse_for_now(&mut self, source: &[u8], seq: Seq, reject: &Reject) {
        let counter = match reject {
            Reject::StorageFull => Counter::StorageFull,
            Reject::ShardAway(_) => Counter::RefusedAway,
            _ => Counter::Busy,
        };
        self.counters.add(counter, 1);
        self.send(&Rejection::new(source, seq, reject));
    }

    /// Refuses a request.
    fn refuse(&mut self, rejection: &Rejection) {
        self.counters.add(Counter::RejectedAtDoor, 1);
        self.send(rejection);
    }

    fn send(&mut self, rejection: &Rejection) {
        let ReplyTo { client, encoding } = self.reply_to;
        self.replies.append(client, encoding, |out| rejection.encode(encoding, out));
    }
}

fn malformed(what: &str) -> Rejection {
    Rejection::unread(&Reject::MalformedMessage(what.to_owned()))
}
