//! A recorder: counts what a session sends and receives, and logs its replies.

use std::time::Duration;

use allot_allocation_service::Reply;
use allot_domain::{Seq, SourceId};
use allot_runtime::{Counter, Counters, Nanos};

use crate::in_flight::{Effect, Lost};
use crate::limits::{HELD_MAX, UNEXPECTED_LOGGED_MAX};
use crate::notes::GaveUp;
use crate::open_lines::OpenLines;
use crate::{FeedProgress, ReplyLog, Tally};

/// The record of one session.
pub(crate) struct Recorder {
    source: SourceId,
    progress: FeedProgress,
    counters: Counters,
    reply_log: Option<ReplyLog>,
    open_lines: OpenLines,
    /// The code that was warned of last, of those that mean that there is no room.
    no_room_code: String,
}

impl Recorder {
    pub(crate) fn new(progress: FeedProgress, counters: Counters) -> Self {
        let source = *progress.source();
        Self {
            source,
            progress,
            counters,
            reply_log: None,
            open_lines: OpenLines::default(),
            no_room_code: String::new(),
        }
    }

    /// Appends every reply to `reply_log` from now on.
    pub(crate) fn log_replies(&mut self, reply_log: ReplyLog) {
        self.reply_log = Some(reply_log);
    }

    /// Names fills by the lines of this file from now on.
    pub(crate) fn name_lines_of(&mut self, file: &str) {
        self.open_lines = OpenLines::of(Some(file));
    }

    /// A fill of this line is about to be sent.
    pub(crate) fn open_line(&mut self, seq: Seq, line: Option<u64>) {
        self.open_lines.open(seq, line);
    }

    /// Where a fill stands, as an operator looks for it.
    pub(crate) fn place(&self, seq: Seq) -> String {
        self.open_lines.place(seq)
    }

    /// Keeps the places of the first fills that are held, and of the first without a reply.
    pub(crate) fn note_open(&self, held: &[Seq], unanswered: &[Seq]) {
        let places = |seqs: &[Seq]| seqs.iter().map(|seq| self.place(*seq)).collect();
        self.progress.note_open(places(held), places(unanswered));
    }

    /// The feed ends because it heard nothing for so long.
    pub(crate) fn note_gave_up(&self, gave_up: GaveUp) {
        self.progress.note_gave_up(gave_up);
    }

    /// Counts a message that has left, for the first time or again.
    pub(crate) fn count_sent(&self, is_first: bool) {
        let (tally, counter) = if is_first {
            (Tally::Sent, Counter::FeedSent)
        } else {
            (Tally::Resent, Counter::FeedResent)
        };
        self.progress.add(tally, 1);
        self.counters.add(counter, 1);
    }

    /// Notes that something was sent or received.
    pub(crate) fn touch(&self, now: Nanos) {
        self.progress.touch(now);
    }

    /// Counts a reconnect after a silence.
    pub(crate) fn count_reconnect(&self, silent_for: Duration) {
        tracing::warn!(source = %self.source, ?silent_for, "the server is silent; reconnecting");
        self.progress.add(Tally::Reconnects, 1);
    }

    /// Counts the messages that will never have a reply.
    pub(crate) fn count_lost(&self, lost: Lost) {
        for (tally, count) in [(Tally::Lost, lost.sent), (Tally::Unsent, lost.unsent)] {
            self.progress.add(tally, u64::try_from(count).expect("few messages are in flight"));
        }
    }

    /// Logs a reply. A feed that cannot log its replies sends nothing new: it was asked to log all.
    pub(crate) fn log(&mut self, reply: &Reply) {
        let Some(reply_log) = &mut self.reply_log else { return };
        if let Err(failure) = reply_log.append(reply) {
            tracing::error!(source = %self.source, %failure, "cannot log a reply; ending");
            self.reply_log = None;
            self.progress.note_log_failure(failure);
        }
    }

    /// Counts a reply by what it changed.
    pub(crate) fn count(&mut self, reply: &Reply, effect: Effect, now: Nanos) {
        match effect {
            Effect::First(latency) => {
                self.progress.add(Tally::Replied, 1);
                self.counters.add(Counter::FeedReplied, 1);
                self.progress.note_latency(latency);
                self.count_type(reply);
            }
            Effect::Followed => {
                self.progress.add(Tally::Followed, 1);
                self.count_type(reply);
            }
            Effect::Again => self.progress.add(Tally::Again, 1),
            Effect::Postponed => {
                self.count_no_room(reply);
            }
            Effect::Unknown => {
                self.count_unexpected(&format!("{reply:?} replies to nothing that this feed sent"));
            }
        }
        self.touch(now);
    }

    fn count_type(&mut self, reply: &Reply) {
        if reply.is_duplicate() {
            self.progress.add(Tally::Duplicates, 1);
        }
        match reply {
            Reply::Allocated { .. } => self.progress.add(Tally::Allocated, 1),
            Reply::Accepted { .. } => self.progress.add(Tally::Accepted, 1),
            Reply::Held { .. } => self.progress.add(Tally::Held, 1),
            Reply::Rejected { seq, code, reason, .. } => {
                self.progress.note_rejection(&self.place(*seq), code, reason);
            }
            Reply::Busted { .. }
            | Reply::Reported { .. }
            | Reply::Replayed { .. }
            | Reply::Listed { .. } => {}
        }
        if !matches!(reply, Reply::Held { .. }) {
            self.open_lines.close(reply.seq());
        }
    }

    /// Counts by code, and warns once in a row of each: the condition may last, and an operator may
    /// have to act.
    fn count_no_room(&mut self, reply: &Reply) {
        let Reply::Rejected { code, reason, .. } = reply else { return };
        self.progress.add(Tally::of_no_room(code), 1);
        if *code != self.no_room_code {
            tracing::warn!(source = %self.source, code, reason, "not taken now; resending later");
            self.no_room_code.clone_from(code);
        }
    }

    /// Warns that so many fills wait for the first split that no more are sent.
    pub(crate) fn warn_held_full(&self) {
        let (source, held) = (&self.source, HELD_MAX);
        tracing::warn!(%source, held, "nothing more is sent until a split divides what is held");
    }

    /// Warns of the first few: a server of another kind would fill the log.
    pub(crate) fn count_unexpected(&self, what: &str) {
        self.progress.add(Tally::Strange, 1);
        if self.progress.get(Tally::Strange) <= UNEXPECTED_LOGGED_MAX {
            tracing::warn!(source = %self.source, what, "unexpected message from the server");
        }
    }
}
