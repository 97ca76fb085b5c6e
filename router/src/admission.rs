//! Admission: the way of one message from the door to the shards, or back with a rejection.
//!
//! It borrows from the router what it needs, for one message.

use allot_domain::{Reject, ReportNumber, Seq, ShardId, limits, shard_of};
use allot_runtime::{Counter, Counters, Envelope, Nanos};
use allot_wire::backplane::{InputFrame, InputKind, ReplyTo};
use allot_wire::reply::{Echo, write_reported};
use allot_wire::{Batch, Encoding, Rejection};

use crate::Protocol;
use crate::limits::{RECORD_LEN_LEAST, REFUSED_MAX, SLICE_LEN_FULL, TOO_MUCH_REFUSED_MAX};
use crate::markers::Markers;
use crate::pending_check::{CheckNumbers, PendingCheck};
use crate::pending_to_all::PendingToAll;
use crate::progress::Progress;
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
    pub(crate) pending_check: &'a mut Option<PendingCheck>,
    pub(crate) check_numbers: &'a mut CheckNumbers,
    pub(crate) report_requests: &'a mut ReportRequests,
    pub(crate) scratch: &'a mut Vec<u8>,
    pub(crate) counters: &'a Counters,
    pub(crate) reply_to: ReplyTo,
    pub(crate) now: Nanos,
    pub(crate) progress: Progress,
    /// How much of the message was taken in this turn.
    pub(crate) taken_len: usize,
}

impl Admission<'_> {
    /// Takes one message, or what is left of it: every part of it is handed to a shard, or refused
    /// here. Returns how far it came, where the rest has to wait: for a check, for messages of
    /// others, or until the client is owed less.
    pub(crate) fn admit<P: Protocol>(&mut self, envelope: &Envelope) -> Option<Progress> {
        let body = envelope.body();
        let is_whole = if envelope.malformed() {
            let what = "a message must be one frame, or an empty frame and one more";
            self.refuse(&malformed(what));
            true
        } else if limits::MESSAGE_MAX < body.len() {
            self.refuse(&Rejection::unread(&Reject::OversizedMessage(body.len())));
            true
        } else if self.reply_to.encoding == Encoding::Json {
            self.admit_lines::<P>(body)
        } else {
            self.admit_batch::<P>(body)
        };
        (!is_whole).then_some(self.progress)
    }

    /// Admits lines; returns whether all of them are.
    fn admit_lines<P: Protocol>(&mut self, body: &[u8]) -> bool {
        if body.trim_ascii().is_empty() {
            // Whoever waits for a reply gets one.
            self.refuse(&malformed("the message is empty"));
            return true;
        }
        while let Some(rest) = body.get(self.progress.done..).filter(|rest| !rest.is_empty()) {
            let len = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let (line, after) = (rest[..len].trim_ascii(), &rest[len..]);
            if !line.is_empty() && self.is_to_wait() {
                return false;
            }
            if !line.is_empty() && self.is_read_enough("lines") {
                return true;
            }
            self.taken_len += len + RECORD_LEN_LEAST;
            self.progress.done += len + 1;
            self.progress.count += 1;
            if line.is_empty() {
                continue;
            }
            if let Err(rejection) = P::admit_line(line, self) {
                self.progress.refused += 1;
                let is_one_of_several =
                    1 < self.progress.count || !after.trim_ascii_start().is_empty();
                self.refuse_part("line", is_one_of_several, rejection);
            }
            if self.is_given_up("lines") {
                return true;
            }
        }
        true
    }

    /// Whether the rest of the message waits: for a check, for messages of others, or until the
    /// client is owed less.
    #[inline]
    fn is_to_wait(&mut self) -> bool {
        let is_enough =
            SLICE_LEN_FULL <= self.taken_len || self.replies.owes_enough(self.reply_to.client);
        (is_enough && !self.progress.is_too_much) || self.pending_check.is_some()
    }

    /// Whether the rest of the message is not read, as so much of it was refused; says so if it is.
    fn is_given_up(&mut self, parts: &str) -> bool {
        let max = if self.progress.is_too_much { TOO_MUCH_REFUSED_MAX } else { REFUSED_MAX };
        let is_over = max <= self.progress.refused;
        if is_over {
            self.give_up(parts);
        }
        is_over
    }

    /// Whether so much of a message is read that is taken at one go that its rest is not, as a line
    /// of it may take milliseconds; says so if it is.
    #[inline]
    fn is_read_enough(&mut self, parts: &str) -> bool {
        let is_enough = self.progress.is_too_much && SLICE_LEN_FULL <= self.taken_len;
        if is_enough {
            self.give_up(parts);
        }
        is_enough
    }

    fn give_up(&mut self, parts: &str) {
        let refused = match self.progress.refused {
            1 => format!("1 {} was", parts.trim_end_matches('s')),
            refused => format!("{refused} {parts} were"),
        };
        self.refuse(&malformed(&format!("{refused} refused; the rest was not read")));
    }

    /// A batch whose records can be told apart, all of them: of one that is damaged anywhere, no
    /// record is admitted.
    fn read_batch<P: Protocol>(body: &[u8]) -> Result<Batch<'_>, Rejection> {
        let batch = Batch::parse(body).map_err(|reject| Rejection::unread(&reject))?;
        P::check_kind(batch.kind)?;
        if batch.count == 0 {
            return Err(malformed("a batch must have at least one record"));
        }
        match (1..).zip(batch.records()).find(|(_, record)| record.is_err()) {
            Some((number, Err(reject))) => {
                let is_one_of_several = 1 < batch.count && number <= u64::from(batch.count);
                let rejection = Rejection::unread(&reject);
                Err(if is_one_of_several {
                    at_place("record", number, rejection)
                } else {
                    rejection
                })
            }
            _ => Ok(batch),
        }
    }

    /// Admits records; returns whether all of them are.
    fn admit_batch<P: Protocol>(&mut self, body: &[u8]) -> bool {
        let batch = match Self::read_batch::<P>(body) {
            Ok(batch) => batch,
            Err(rejection) => {
                self.refuse(&rejection);
                return true;
            }
        };
        for record in batch.records().flatten().skip(self.progress.done) {
            if self.is_to_wait() {
                return false;
            }
            if self.is_read_enough("records") {
                return true;
            }
            self.taken_len += record.len() + RECORD_LEN_LEAST;
            self.progress.done += 1;
            self.progress.count += 1;
            if let Err(rejection) = P::admit_record(batch.kind, record, self) {
                self.progress.refused += 1;
                self.refuse_part("record", 1 < batch.count, rejection);
            }
            if self.is_given_up("records") {
                return true;
            }
        }
        true
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
        if self.progress.is_too_much {
            return self.refuse_too_much(submission.source, submission.seq);
        }
        self.owe(submission.source);
        let input = self.input(self.reply_to, &submission);
        self.streams.push(shard, input);
        if self.markers.count() && 1 < self.streams.count() {
            self.mark(false);
        }
    }

    /// Hands a question to the shard that owns this key. It changes nothing there, so it is not
    /// counted towards markers; and as its reply may be long, a shard has one on its way at a time,
    /// and further ones are refused as `busy`.
    pub fn query(&mut self, key: &[u8], submission: Submission<'_>) {
        let shard = shard_of(key, self.streams.count());
        if self.progress.is_too_much {
            return self.refuse_too_much(submission.source, submission.seq);
        }
        if let Some(reject) = self.streams.rejection(shard) {
            return self.refuse_for_now(submission.source, submission.seq, &reject);
        }
        // No sign of a shard that is behind: whoever asks for much asks again.
        if self.streams.query_is_under_way(shard) {
            self.counters.add(Counter::QuestionsRefused, 1);
            return self.send(&Rejection::new(submission.source, submission.seq, &Reject::Busy));
        }
        self.owe_reply();
        let input = self.input(self.reply_to, &submission);
        self.streams.push_query(shard, input);
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
        if let Some(reject) = self.rejection_to_all() {
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

    /// Why no request goes to all now, if none does.
    fn rejection_to_all(&self) -> Option<Reject> {
        let pending = (!self.streams.broadcast_is_replied()).then_some(Reject::Busy);
        self.streams.rejection_of_all().or(pending)
    }

    /// Asks every shard, by an input of the kind `check`, what it finds of a request before that
    /// goes to all; then [`Protocol::judge`] decides. Meanwhile the rest of the message waits, and
    /// so does the door: no other request comes between what was found and what was asked.
    ///
    /// One request of a message is checked, and any other is `busy`: so one message keeps the door
    /// shut once.
    ///
    /// # Panics
    /// If a check is on its way already: a bug of the router.
    pub fn check(&mut self, check: InputKind, submission: Submission<'_>) {
        let again = self.progress.has_checked.then_some(Reject::Busy);
        if let Some(reject) = self.rejection_to_all().or(again) {
            return self.refuse_for_now(submission.source, submission.seq, &reject);
        }
        assert!(self.pending_check.is_none(), "the door is not read while a check is on its way");
        self.progress.has_checked = true;
        self.owe(submission.source);
        let number = self.check_numbers.next();
        let shards = self.streams.count();
        *self.pending_check = Some(PendingCheck::new(number, self.reply_to, &submission, shards));
        let asked = Submission { kind: check, ..submission };
        for shard in self.streams.ids() {
            let input = self.input(ReplyTo::router(number), &asked);
            self.streams.push_broadcast(shard, input);
        }
    }

    /// Goes on with a request that was checked: it goes to all, or is refused.
    pub(crate) fn end_check(
        &mut self,
        check: &PendingCheck,
        judged: Option<Result<(), Rejection>>,
    ) {
        self.replies.mark_replied(self.reply_to.client);
        let submission = check.submission();
        match judged {
            Some(Ok(())) => self.to_all(submission),
            Some(Err(rejection)) => self.refuse(&rejection),
            None => {
                let reject = self.streams.rejection_of_all().unwrap_or(Reject::Busy);
                self.refuse_for_now(submission.source, submission.seq, &reject);
            }
        }
    }

    /// Makes a cut with a report, here and now; two requests with nothing between them share one.
    ///
    /// While a report is under way, the request waits, and shares the next one with all others;
    /// when as many wait as may, it is refused as `busy`.
    pub fn report(&mut self, source: &[u8], seq: Seq) {
        if self.progress.is_too_much {
            return self.refuse_too_much(source, seq);
        }
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
        self.replies.clients.owe(self.reply_to.client);
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

    /// Refuses a request of a client that has as much waiting as it may. Such a message is taken at
    /// one go, so few of it are refused one by one.
    fn refuse_too_much(&mut self, source: &[u8], seq: Seq) {
        self.progress.refused += 1;
        self.refuse_for_now(source, seq, &Reject::Busy);
    }

    /// Refuses a line or a record. One of several that cannot be told by its number in the reply is
    /// told by its place in the message.
    fn refuse_part(&mut self, part: &str, is_one_of_several: bool, rejection: Rejection) {
        if is_one_of_several && rejection.seq == Seq::default() {
            return self.refuse(&at_place(part, self.progress.count, rejection));
        }
        self.refuse(&rejection);
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

/// A rejection that says which line or record of the message it is of.
fn at_place(part: &str, number: u64, rejection: Rejection) -> Rejection {
    let reason = format!("{part} {number}: {}", rejection.reason);
    Rejection { reason, ..rejection }
}
