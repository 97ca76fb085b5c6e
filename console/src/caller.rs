//! The caller: requests of pages on their way to another process, and the replies to them.
//!
//! ```text
//!   pages ── Caller ──► queue ──► CallAgent ──► link ──► front door, trader or peer
//!     ▲                               │   Codec: bytes, and which reply is whose
//!     └───────── one reply ◄──────────┘
//! ```
//!
//! A request keeps its name while it is sent again, so that it counts once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use allot_runtime::{Agent, Link, Nanos, PollSet, Waker};
use tokio::sync::{mpsc, oneshot};

use crate::limits::{REPLY_BYTES_MAX, REQUEST_PATIENCE, REQUESTS_MAX, RESEND};

/// What the process at the other end reads and writes.
pub(crate) trait Codec: Send + 'static {
    type Request: Send;
    type Reply: Send;
    /// What a reply has of its request.
    type Name: PartialEq + Send;

    /// Writes a request, and names it. It is called once for each.
    fn encode(&mut self, request: Self::Request, out: &mut Vec<u8>) -> Self::Name;

    /// Reads a message of replies.
    ///
    /// # Errors
    /// Says what is wrong with it; the replies before the fault have been appended.
    fn decode(
        &mut self,
        message: &[u8],
        replies: &mut Vec<(Self::Name, Said<Self::Reply>)>,
    ) -> Result<(), String>;

    /// Takes what no page waits for: a reply that is late, or a notice.
    fn unclaimed(&mut self, _name: Self::Name, _reply: Self::Reply) {}
}

/// What a reply says of its request.
pub(crate) enum Said<R> {
    /// This is what came of it.
    Done(R),
    /// It goes on there, and another reply follows; a sentence says what it waits for.
    Awaiting(String),
    /// There was no room; a sentence says for what. The same may succeed soon.
    Postponed(String),
    /// Something else that has the name of the request.
    Notice(R),
}

/// What came of a request.
pub(crate) type Answer<R> = Result<R, NoAnswer>;

/// Why there is no reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NoAnswer {
    /// Too many requests wait.
    Full,
    /// The other side did not reply in time; what it said last, if it asked to try again.
    Late(Option<String>),
    /// It has the request, which waits there for something; a sentence says for what.
    Awaiting(String),
}

/// The end of the pages.
pub(crate) struct Caller<C: Codec> {
    requests: mpsc::Sender<Wanted<C>>,
    waker: Waker,
    is_connected: Arc<AtomicBool>,
}

struct Wanted<C: Codec> {
    request: C::Request,
    answer: oneshot::Sender<Answer<C::Reply>>,
}

/// The end of a thread, with the link to the other process.
pub(crate) struct CallAgent<C: Codec> {
    link: Link,
    codec: C,
    requests: mpsc::Receiver<Wanted<C>>,
    pending: Vec<Pending<C>>,
    is_connected: Arc<AtomicBool>,
}

struct Pending<C: Codec> {
    name: C::Name,
    line: Vec<u8>,
    answer: oneshot::Sender<Answer<C::Reply>>,
    due: Nanos,
    end: Nanos,
    /// What there is to say if nothing else comes.
    last: NoAnswer,
}

/// Both ends; `waker` wakes the thread of the agent.
pub(crate) fn caller<C: Codec>(link: Link, waker: Waker, codec: C) -> (Caller<C>, CallAgent<C>) {
    let (sender, requests) = mpsc::channel(REQUESTS_MAX);
    let is_connected = Arc::new(AtomicBool::new(false));
    let caller = Caller { requests: sender, waker, is_connected: Arc::clone(&is_connected) };
    (caller, CallAgent { link, codec, requests, pending: Vec::new(), is_connected })
}

impl<C: Codec> Caller<C> {
    /// Sends a request, and gives its reply.
    pub(crate) async fn ask(&self, request: C::Request) -> Answer<C::Reply> {
        let (answer, reply) = oneshot::channel();
        if self.requests.try_send(Wanted { request, answer }).is_err() {
            return Err(NoAnswer::Full);
        }
        self.waker.wake();
        reply.await.unwrap_or(Err(NoAnswer::Late(None)))
    }

    /// Whether there was a connection when the agent looked last.
    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }
}

impl<C: Codec> CallAgent<C> {
    /// Sends what is due and takes what came; returns how much.
    pub(crate) fn do_work(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        while self.pending.len() < REQUESTS_MAX
            && let Ok(Wanted { request, answer }) = self.requests.try_recv()
        {
            let mut line = Vec::new();
            let name = self.codec.encode(request, &mut line);
            let (end, last) = (now + REQUEST_PATIENCE, NoAnswer::Late(None));
            self.pending.push(Pending { name, line, answer, due: now, end, last });
            count += 1;
        }
        count += self.receive(now);
        self.send(now);
        self.is_connected.store(self.link.is_connected(), Ordering::Relaxed);
        count
    }

    fn send(&mut self, now: Nanos) {
        let late = |pending: &mut Pending<C>| pending.end <= now || pending.answer.is_closed();
        for pending in self.pending.extract_if(.., late) {
            // A page that has gone wants no answer.
            let _ = pending.answer.send(Err(pending.last));
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
            if REPLY_BYTES_MAX < message.len() {
                tracing::warn!("a reply of {} bytes is not read", message.len());
                message = Vec::new();
                continue;
            }
            let mut replies = Vec::new();
            if let Err(error) = self.codec.decode(&message, &mut replies) {
                tracing::warn!("cannot decode a reply ({error}); does the same version run there?");
            }
            replies.into_iter().for_each(|(name, said)| self.give(name, said, now));
        }
        count
    }

    fn give(&mut self, name: C::Name, said: Said<C::Reply>, now: Nanos) {
        let place = self.pending.iter().position(|pending| pending.name == name);
        match (said, place) {
            (Said::Done(reply), Some(place)) => {
                let pending = self.pending.swap_remove(place);
                let _ = pending.answer.send(Ok(reply));
            }
            (Said::Awaiting(what), Some(place)) => {
                self.pending[place].last = NoAnswer::Awaiting(what);
            }
            (Said::Postponed(why), Some(place)) => {
                let pending = &mut self.pending[place];
                pending.last = NoAnswer::Late(Some(why));
                pending.due = now + RESEND / 4;
            }
            (Said::Done(reply), None) | (Said::Notice(reply), _) => {
                self.codec.unclaimed(name, reply);
            }
            (Said::Awaiting(_) | Said::Postponed(_), None) => {}
        }
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

impl<C: Codec> Agent for CallAgent<C> {
    fn role(&self) -> &str {
        "console-caller"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        Self::do_work(self, now)
    }

    fn wake_at(&self) -> Nanos {
        Self::wake_at(self)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.link.wait_on(poll_set);
    }
}
