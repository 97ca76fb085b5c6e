//! A client: requests with names, each sent until it has its reply.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use allot_domain::limits::MESSAGE_MAX;
use allot_domain::{Backoff, Seq, SourceId};
use allot_wire::Encoding;

use crate::config::unique_source;
use crate::in_flight::{Bounds, Effect, InFlight};
use crate::limits::{HANDSHAKE, MESSAGES_PER_TURN, WEIGHT};
use crate::reply::read_message;
use crate::stage::Stage;
use crate::{
    ClientError, Config, Connection, Endpoint, Lost, Outcome, Patience, Refusal, Reply, Request,
    Unanswered, clock,
};

/// A client of the front door.
pub struct Client {
    source: SourceId,
    encoding: Encoding,
    patience: Patience,
    connection: Connection,
    in_flight: InFlight,
    next_seq: Seq,
    /// Replies that were not taken, each with its bytes.
    replies: VecDeque<(Reply, usize)>,
    /// The bytes of these.
    unread: usize,
    bytes_max: usize,
    stage: Stage,
    /// What ended the last connection, or kept it from being made.
    lost: Lost,
    /// How often a connection was lost since something was heard.
    lost_count: u32,
    /// How often it was given up for its silence since something was heard.
    silence_count: u32,
    /// When something was heard last, or a reply came to be expected.
    heard_at: Instant,
    /// The message that is read.
    message: Vec<u8>,
}

impl Client {
    /// A client with [`Config::new`]. The server need not be there yet.
    ///
    /// # Errors
    /// [`ClientError::Setting`]: it is no endpoint.
    pub fn connect(endpoint: &str) -> Result<Self, ClientError> {
        Self::open(Config::new(endpoint)?)
    }

    /// A client with settings of its own. The server need not be there yet.
    ///
    /// # Errors
    /// [`ClientError::Setting`]: a setting is out of bounds.
    pub fn open(config: Config) -> Result<Self, ClientError> {
        config.check()?;
        let Config { endpoint, key, encoding, source, first_seq, in_flight_max, .. } = config;
        let Config { bytes_max, patience, .. } = config;
        let now = clock::now();
        let mut client = Self {
            source: source.unwrap_or_else(unique_source),
            encoding,
            patience,
            connection: Connection::new(endpoint, key),
            in_flight: InFlight::new(Bounds {
                count_max: in_flight_max,
                bytes_max,
                resend: Backoff { first: patience.resend, longest: patience.resend_longest },
                busy: Backoff { first: patience.busy, longest: patience.busy_longest },
            }),
            next_seq: first_seq,
            replies: VecDeque::new(),
            unread: 0,
            bytes_max,
            stage: Stage::Away { until: now },
            lost: Lost::NotYet,
            lost_count: 0,
            silence_count: 0,
            heard_at: now,
            message: Vec::new(),
        };
        client.keep_connected(now);
        Ok(client)
    }

    /// The source that its requests are sent under.
    #[must_use]
    pub const fn source(&self) -> &SourceId {
        &self.source
    }

    /// Where the front door is.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    /// The number of the next request.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        self.next_seq
    }

    pub(crate) const fn patience(&self) -> &Patience {
        &self.patience
    }

    /// How many requests have no reply yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.count()
    }

    /// How many fills wait for the first split: another reply to each of them follows.
    #[must_use]
    pub fn held(&self) -> usize {
        self.in_flight.held_count()
    }

    /// Whether requests can leave now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.is_open()
    }

    /// Gives a request its name and puts it in flight; never waits. It leaves at the next
    /// [`Client::poll`], or any call that waits.
    ///
    /// # Errors
    /// [`ClientError::Full`]: as much is in flight as may be; [`ClientError::Unread`]: replies were
    /// not taken; [`ClientError::TooLong`]. The request was not taken, and has no name.
    pub fn submit(&mut self, request: impl Into<Request>) -> Result<Seq, ClientError> {
        self.admit(&request.into())
    }

    fn admit(&mut self, request: &Request) -> Result<Seq, ClientError> {
        if self.bytes_max <= self.unread {
            return Err(ClientError::Unread);
        }
        let seq = self.next_seq;
        let mut bytes = self.in_flight.buffer();
        request.write(self.encoding, &self.source, seq, &mut bytes);
        let len = bytes.len();
        if MESSAGE_MAX < len || !self.in_flight.has_room(seq, len) {
            self.in_flight.spare(bytes);
            let too_long = ClientError::TooLong { bytes: len };
            return Err(if MESSAGE_MAX < len { too_long } else { ClientError::Full });
        }
        if self.in_flight.count() == 0 {
            self.heard_at = clock::now();
        }
        self.in_flight.admit(seq, bytes);
        self.next_seq = seq.next();
        Ok(seq)
    }

    /// Sends no more what has no reply; false if it has one. It may have been applied all the
    /// same: only a reply says. A reply that comes yet is passed over.
    pub fn forget(&mut self, seq: Seq) -> bool {
        self.in_flight.forget(seq)
    }

    /// Goes on with everything, and returns the next reply if there is one; never waits.
    ///
    /// # Errors
    /// [`ClientError::NotUnderstood`]: the server has sent what is no reply.
    pub fn poll(&mut self) -> Result<Option<Reply>, ClientError> {
        if self.replies.is_empty() {
            self.turn(clock::now())?;
        }
        Ok(self.take(0))
    }

    /// Waits for the next reply; none when the time is over, or as soon as none is expected.
    ///
    /// # Errors
    /// As [`Client::poll`].
    pub fn next_reply(&mut self, timeout: Duration) -> Result<Option<Reply>, ClientError> {
        let end = clock::now() + timeout;
        loop {
            if let Some(reply) = self.poll()? {
                return Ok(Some(reply));
            }
            let now = clock::now();
            let is_expected = 0 < self.in_flight.count() + self.in_flight.held_count();
            if end <= now || !is_expected {
                return Ok(None);
            }
            self.wait(now, end);
        }
    }

    /// Submits a request and waits for its reply. Replies to others can be taken afterwards.
    ///
    /// # Errors
    /// [`ClientError::Refused`]: it was refused for good, and nothing changed;
    /// [`ClientError::NoReply`]: not within [`Patience::reply`], and it stays in flight, so that
    /// [`Client::reply_to`] can wait for it again; and those of [`Client::submit`] and
    /// [`Client::poll`].
    pub fn ask(&mut self, request: impl Into<Request>) -> Result<Reply, ClientError> {
        let request = request.into();
        let end = clock::now() + self.patience.reply;
        let seq = loop {
            match self.admit(&request) {
                Err(ClientError::Full) => {
                    let before = self.in_flight.count();
                    self.turn(clock::now())?;
                    let now = clock::now();
                    if end <= now {
                        return Err(ClientError::Full);
                    }
                    if self.in_flight.count() == before {
                        self.wait(now, end);
                    }
                }
                submitted => break submitted?,
            }
        };
        self.reply_to(seq)
    }

    /// Waits for the reply to a request that was submitted.
    ///
    /// # Errors
    /// As [`Client::ask`]; [`ClientError::NotUnderstood`] too where no reply to it is expected.
    pub fn reply_to(&mut self, seq: Seq) -> Result<Reply, ClientError> {
        let begin = clock::now();
        let end = begin + self.patience.reply;
        let (mut looked, mut is_new) = (0, true);
        loop {
            if let Some(at) = self.replies.range(looked..).position(|(reply, _)| reply.seq == seq)
                && let Some(reply) = self.take(looked + at)
            {
                return match reply.outcome {
                    Outcome::Rejected(refusal) => Err(ClientError::Refused(refusal)),
                    _ => Ok(reply),
                };
            }
            looked = self.replies.len();
            if !self.in_flight.is_open(seq) {
                let what = format!("no reply to request {seq} is expected");
                return Err(ClientError::NotUnderstood(what));
            }
            if self.bytes_max <= self.unread {
                return Err(ClientError::Unread);
            }
            let now = clock::now();
            if std::mem::take(&mut is_new) {
                // To read now would find nothing.
                self.keep_connected(now);
                self.leave(now);
            } else {
                self.turn(now)?;
                if looked < self.replies.len() {
                    continue;
                }
                if end <= now {
                    let waited = now - begin;
                    return Err(ClientError::NoReply { seq, waited, why: self.why(seq) });
                }
            }
            self.wait(now, end);
        }
    }

    pub(crate) fn why(&self, seq: Seq) -> Unanswered {
        let refusal: Option<&Refusal> = self.in_flight.refusal(seq);
        match (self.stage, refusal) {
            (Stage::Away { .. }, _) => self.no_connection(),
            (Stage::Open, Some(refusal)) => Unanswered::NotNow(refusal.clone()),
            (Stage::Open, None) => Unanswered::Silent,
            (Stage::Begun { .. }, _) if matches!(self.lost, Lost::NotYet) => Unanswered::NotOpen,
            (Stage::Begun { .. }, _) => self.no_connection(),
        }
    }

    fn no_connection(&self) -> Unanswered {
        Unanswered::NoConnection { endpoint: self.endpoint().to_string(), lost: self.lost.clone() }
    }

    fn take(&mut self, at: usize) -> Option<Reply> {
        let (reply, bytes) = self.replies.remove(at)?;
        self.unread -= bytes;
        Some(reply)
    }

    /// Everything that can be done now.
    fn turn(&mut self, now: Instant) -> Result<(), ClientError> {
        self.keep_connected(now);
        let received = self.receive(now);
        self.leave(now);
        received
    }

    /// Sends what is to leave.
    fn leave(&mut self, now: Instant) {
        if self.connection.is_open() {
            self.in_flight.take_due(now);
            while let Some((seq, bytes)) = self.in_flight.next_pending() {
                if self.connection.send(bytes).is_err() {
                    break;
                }
                self.in_flight.note_sent(seq, now);
            }
        }
        if let Err(lost) = self.connection.flush() {
            self.note_lost(lost, now);
        }
    }

    /// Makes a connection where there is none, and gives one up that does not go on.
    fn keep_connected(&mut self, now: Instant) {
        match self.stage {
            Stage::Away { until } if until <= now => match self.connection.connect() {
                Ok(()) => self.stage = Stage::Begun { until: now + HANDSHAKE },
                Err(lost) => self.note_lost(lost, now),
            },
            Stage::Begun { until } if until <= now => self.note_lost(Lost::Handshake, now),
            Stage::Open if self.silence_ends_at().is_some_and(|end| end <= now) => {
                self.silence_count = self.silence_count.saturating_add(1);
                self.note_lost(Lost::Silence(now - self.heard_at), now);
            }
            Stage::Away { .. } | Stage::Begun { .. } | Stage::Open => {}
        }
    }

    /// When the connection is given up for its silence; never, while no reply is expected.
    fn silence_ends_at(&self) -> Option<Instant> {
        let Patience { silence, silence_longest, .. } = self.patience;
        let silence = Backoff { first: silence, longest: silence_longest };
        let end = self.heard_at + silence.after(self.silence_count.saturating_add(1));
        (0 < self.in_flight.count()).then_some(end)
    }

    fn note_lost(&mut self, lost: Lost, now: Instant) {
        self.connection.close();
        self.lost = lost;
        self.lost_count = self.lost_count.saturating_add(1);
        let Patience { reconnect, reconnect_longest, .. } = self.patience;
        let reconnect = Backoff { first: reconnect, longest: reconnect_longest };
        self.stage = Stage::Away { until: now + reconnect.after(self.lost_count) };
    }

    /// Takes what the server has sent.
    fn receive(&mut self, now: Instant) -> Result<(), ClientError> {
        let mut message = std::mem::take(&mut self.message);
        let mut done = Ok(());
        for _ in 0..MESSAGES_PER_TURN {
            if self.bytes_max <= self.unread || done.is_err() {
                break;
            }
            match self.connection.receive(&mut message) {
                Ok(true) => done = self.read(&message, now),
                Ok(false) => break,
                Err(lost) => {
                    self.note_lost(lost, now);
                    break;
                }
            }
        }
        self.message = message;
        if matches!(self.stage, Stage::Begun { .. }) && self.connection.is_open() {
            self.stage = Stage::Open;
            self.heard_at = now;
            self.in_flight.make_all_pending();
        }
        done
    }

    fn read(&mut self, message: &[u8], now: Instant) -> Result<(), ClientError> {
        (self.heard_at, self.lost_count, self.silence_count) = (now, 0, 0);
        let mut stray = None;
        let Self { source, in_flight, replies, unread, .. } = self;
        // What a reply keeps is about as long as its bytes; each of a message has its part.
        let before = replies.len();
        read_message(message, |to, reply| {
            if to != source.as_str() {
                stray = Some(match reply.outcome {
                    Outcome::Rejected(refusal) => refusal.to_string(),
                    _ => format!("a reply to the source {to:?}"),
                });
            } else if in_flight.acknowledge(&reply, now) == Effect::News {
                *unread += WEIGHT;
                replies.push_back((reply, WEIGHT));
            }
        })?;
        if before < replies.len() {
            let (_, bytes) = replies.back_mut().expect("one was added");
            *bytes += message.len();
            *unread += message.len();
        }
        stray.map_or(Ok(()), |what| Err(ClientError::NotUnderstood(what)))
    }

    /// When there is something to do without anything to read or to write; for a loop of the
    /// caller's own. None while there is not.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        match self.stage {
            Stage::Away { until } | Stage::Begun { until } => Some(until),
            Stage::Open => {
                let silence = self.silence_ends_at();
                silence.into_iter().chain(self.in_flight.next_due()).min()
            }
        }
    }

    /// The descriptor, for a loop of the caller's own: call [`Client::poll`] when it can be read,
    /// when it can be written where [`Client::wants_write`] says so, and at [`Client::wake_at`].
    /// It is another one after a connection was lost; none where there is no connection.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.connection.descriptor()
    }

    /// Whether something is to leave that there was no room for.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Waits until there is something to do, but not beyond `end`.
    pub(crate) fn wait(&self, now: Instant, end: Instant) {
        let wake_at = self.wake_at().map_or(end, |wake_at| wake_at.min(end));
        self.connection.wait(wake_at.saturating_duration_since(now));
    }
}
