//! The front desk: requests of pages on their way to the front door, and their replies.
//!
//! A request keeps its name while it is sent again, so that it counts once.

use allot_allocation_service::{Reply, Request, decode_replies, encode_line};
use allot_domain::{Seq, SourceId};
use allot_runtime::{Link, Nanos, Waker};
use tokio::sync::{mpsc, oneshot};

use crate::limits::{REQUEST_PATIENCE, REQUESTS_MAX, RESEND};

/// What came of a request.
pub(crate) type Answer = Result<Reply, NoAnswer>;

/// Why there is no reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NoAnswer {
    /// Too many requests wait.
    Full,
    /// The front door did not reply; what it said last, if it asked to try again.
    Late(Option<String>),
}

/// The end of the pages.
#[derive(Clone)]
pub(crate) struct FrontClient {
    requests: mpsc::Sender<Wanted>,
    waker: Waker,
}

struct Wanted {
    request: Request,
    answer: oneshot::Sender<Answer>,
}

/// The end of the follower, with the link to the front door.
pub(crate) struct FrontDesk {
    link: Link,
    requests: mpsc::Receiver<Wanted>,
    pending: Vec<Pending>,
}

struct Pending {
    source: SourceId,
    seq: Seq,
    line: Vec<u8>,
    answer: oneshot::Sender<Answer>,
    due: Nanos,
    end: Nanos,
    /// The last reply, where it asked to try again.
    postponed: Option<String>,
}

/// Both ends; `waker` wakes the thread of the desk.
pub(crate) fn front_desk(link: Link, waker: Waker) -> (FrontClient, FrontDesk) {
    let (sender, requests) = mpsc::channel(REQUESTS_MAX);
    let client = FrontClient { requests: sender, waker };
    (client, FrontDesk { link, requests, pending: Vec::new() })
}

impl FrontClient {
    /// Sends a request, and gives its reply.
    pub(crate) async fn ask(&self, request: Request) -> Answer {
        let (answer, reply) = oneshot::channel();
        if self.requests.try_send(Wanted { request, answer }).is_err() {
            return Err(NoAnswer::Full);
        }
        self.waker.wake();
        reply.await.unwrap_or(Err(NoAnswer::Late(None)))
    }
}

impl FrontDesk {
    /// Sends what is due and takes what came; returns how much.
    pub(crate) fn do_work(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        while self.pending.len() < REQUESTS_MAX
            && let Ok(Wanted { request, answer }) = self.requests.try_recv()
        {
            let mut line = Vec::new();
            encode_line(&request, &mut line);
            let (source, seq) = (*request.source(), request.seq());
            let end = now + REQUEST_PATIENCE;
            self.pending.push(Pending {
                source,
                seq,
                line,
                answer,
                due: now,
                end,
                postponed: None,
            });
            count += 1;
        }
        count += self.receive(now);
        self.send(now);
        count
    }

    fn send(&mut self, now: Nanos) {
        let late = |pending: &mut Pending| pending.end <= now || pending.answer.is_closed();
        for pending in self.pending.extract_if(.., late) {
            // A page that has gone wants no answer.
            let _ = pending.answer.send(Err(NoAnswer::Late(pending.postponed)));
        }
        for pending in self.pending.iter_mut().filter(|pending| pending.due <= now) {
            // Where there is no connection, the next try is as good.
            let _ = self.link.send(&mut pending.line.clone());
            pending.due = now + RESEND;
        }
    }

    fn receive(&mut self, now: Nanos) -> usize {
        let (mut message, mut count) = (Vec::new(), 0);
        while self.link.receive(&mut message) {
            count += 1;
            let mut replies = Vec::new();
            if decode_replies(&message, &mut replies).is_err() {
                tracing::warn!("cannot decode a reply; does the server run this version?");
            }
            replies.into_iter().for_each(|reply| self.give(reply, now));
        }
        count
    }

    fn give(&mut self, reply: Reply, now: Nanos) {
        let is_meant = |pending: &Pending| {
            pending.seq == reply.seq() && pending.source.as_str() == reply.source()
        };
        let Some(place) = self.pending.iter().position(is_meant) else { return };
        if let Reply::Rejected { code, reason, .. } = &reply
            && matches!(code.as_str(), "busy" | "storage_full" | "shard_away")
        {
            let pending = &mut self.pending[place];
            pending.postponed = Some(reason.clone());
            pending.due = now + RESEND / 4;
            return;
        }
        let pending = self.pending.swap_remove(place);
        let _ = pending.answer.send(Ok(reply));
    }

    /// When something is due.
    pub(crate) fn wake_at(&self) -> Nanos {
        let dues = self.pending.iter().map(|pending| pending.due.min(pending.end));
        dues.min().unwrap_or(Nanos::MAX)
    }

    /// The link, to wait on.
    pub(crate) const fn link(&self) -> &Link {
        &self.link
    }
}
