//! A front client: asks the front door one thing at a time, and waits for the reply.
//!
//! A request is sent again, as the same bytes, until it has its reply: its source and its number
//! name it, so it is applied once. What the server has no room for is sent again more and more
//! slowly.

use std::fmt;
use std::time::Duration;

use allot_allocation_service::{Reply, Request, decode_line, decode_replies};
use allot_domain::Seq;
use allot_runtime::{Clock, Context, CurveKey, Link, LinkOptions, Nanos, PollSet, RuntimeError};
use anyhow::{Result, anyhow};

use crate::front_probe;

/// When a request without a reply is sent again.
const RESEND: Duration = Duration::from_secs(1);

/// How long it waits before it sends again what there was no room for, the first time and at most:
/// twice as long each time.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(20);
const NO_ROOM_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How often it looks whether there is a connection.
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

/// When a command asks why it still has no connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A connection to the front door.
pub(crate) struct FrontClient {
    context: Context,
    link: Link,
    front: String,
    door_key: Option<CurveKey>,
    clock: Clock,
    /// Whether it waits for a server that is not there yet.
    waits_for_server: bool,
    /// How long it looks for why there was no reply.
    explains_within: Duration,
}

/// What came of a request.
pub(crate) struct Answer {
    /// The reply as it came: one JSON object, without a line's end.
    pub(crate) text: String,
    /// The same, read.
    pub(crate) reply: Reply,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The server refused it for all that time, as for now it had no room.
    Refused(Duration, String),
    /// No reply came in that time; a sentence says why.
    Silent(Duration, String),
    /// The same of a request that changes something and was sent: it may have been applied.
    Unknown(Duration, String, Name),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(waited, reason) => {
                write!(f, "the front door refused it for {} s: {reason}", waited.as_secs())
            }
            Self::Silent(waited, why) => {
                write!(f, "no reply from the front door within {} s: {why}", waited.as_secs())
            }
            Self::Unknown(waited, why, Name { source, seq }) => write!(
                f,
                "no reply from the front door within {} s: {why}; it may be applied all the same: \
                 send it again under its name, source={source} seq={seq}, so that it counts once",
                waited.as_secs()
            ),
        }
    }
}

impl std::error::Error for NoAnswer {}

impl FrontClient {
    /// A client of this front door for one command: it gives up soon where there is none.
    pub(crate) fn connect(front: &str, door_key: Option<CurveKey>) -> Result<Self> {
        Ok(Self { waits_for_server: false, ..Self::connect_patiently(front, door_key)? })
    }

    /// A client of this front door, which need not be there yet.
    pub(crate) fn connect_patiently(front: &str, door_key: Option<CurveKey>) -> Result<Self> {
        let context = Context::new()?;
        let options = LinkOptions { door_key, ..LinkOptions::default() };
        let link = Link::dealer(&context, front, None, options)?;
        let (front, clock) = (front.to_owned(), Clock::system());
        let (waits_for_server, explains_within) = (true, front_probe::LONGEST);
        Ok(Self { context, link, front, door_key, clock, waits_for_server, explains_within })
    }

    /// The same, which says soon why there was no reply, as far as it has found out.
    pub(crate) fn brief(self) -> Self {
        Self { explains_within: front_probe::SHORT, ..self }
    }

    /// A number that no earlier process has used, as far as the clock goes on.
    pub(crate) fn first_seq(&self) -> Seq {
        Seq::new(self.clock.now().as_unix())
    }

    /// Sends a request whose reply nobody waits for; false while there is no connection.
    pub(crate) fn send(&mut self, line: &[u8]) -> bool {
        self.link.send(&mut line.to_vec()).is_ok()
    }

    /// Sends one JSON object and waits for its reply, a rejection for good included.
    ///
    /// # Errors
    /// [`NoAnswer`]; and when what comes is no reply.
    pub(crate) fn ask(&mut self, line: &[u8], patience: Duration) -> Result<Answer> {
        let (name, mut was_sent) = (Name::of(line), false);
        let start = self.clock.now();
        let end = start + patience;
        let (mut ask_why, mut is_connected) = (start + CONNECT_WITHIN, false);
        let (mut due, mut pause) = (Nanos::ZERO, NO_ROOM_PAUSE);
        // The last reply, as long as it is the reply to what was sent last.
        let (mut refused, mut is_replied) = (None, true);
        loop {
            let now = self.clock.now();
            if end <= now {
                return Err(match self.no_answer(patience, refused)? {
                    NoAnswer::Silent(waited, why) if was_sent && is_change(line) => {
                        NoAnswer::Unknown(waited, why, name)
                    }
                    other => other,
                }
                .into());
            }
            if due <= now {
                if !is_replied {
                    refused = None;
                }
                is_replied = false;
                is_connected = self.send(line);
                was_sent |= is_connected;
                due = now + if is_connected { RESEND } else { CONNECT_PAUSE };
            }
            if !self.waits_for_server && !is_connected && ask_why <= now {
                self.expect_door(now - start)?;
                ask_why = self.clock.now() + CONNECT_WITHIN;
            }
            match self.receive(&name, end)? {
                Some(Answer { reply: Reply::Rejected { code, reason, .. }, .. })
                    if is_for_now(&code) =>
                {
                    due = now + pause;
                    pause = NO_ROOM_PAUSE_MAX.min(2 * pause);
                    (refused, is_replied) = (Some(reason), true);
                }
                Some(answer) => return Ok(answer),
                None => {}
            }
            let mut poll_set = PollSet::without_waker();
            self.link.wait_on(&mut poll_set);
            poll_set.sleep(Some(due.min(end) - now));
        }
    }

    /// The reply to this request, if it is there before the end; replies to anything before are
    /// dropped.
    fn receive(&mut self, name: &Name, end: Nanos) -> Result<Option<Answer>> {
        let (mut message, mut replies) = (Vec::new(), Vec::new());
        let mut found = None;
        while found.is_none() && self.clock.now() < end && self.link.receive(&mut message) {
            for line in message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                replies.clear();
                decode_replies(line, &mut replies).map_err(|error| {
                    anyhow!("cannot decode a reply; does the server run this version? {error}")
                })?;
                if let Some(reply) = replies.pop().filter(|reply| name.is_of(reply)) {
                    found = Some(Answer { text: String::from_utf8_lossy(line).into(), reply });
                }
            }
        }
        Ok(found)
    }

    /// Fails if no waiting helps: nothing listens, or not what was expected.
    fn expect_door(&self, waited: Duration) -> Result<()> {
        self.why_no_door()?.map_or(Ok(()), |why| Err(NoAnswer::Silent(waited, why).into()))
    }

    /// Why there is no front door; none where one can be reached, or may be soon.
    pub(crate) fn why_no_door(&self) -> Result<Option<String>, RuntimeError> {
        // That a key is another one shows in that nothing comes of it.
        let within = self.door_key.map_or(front_probe::SHORT, |_| front_probe::LONGEST);
        front_probe::no_door(&self.context, &self.front, self.door_key, within)
    }

    fn no_answer(
        &self,
        waited: Duration,
        refused: Option<String>,
    ) -> Result<NoAnswer, RuntimeError> {
        Ok(match refused {
            Some(reason) => NoAnswer::Refused(waited, reason),
            None => {
                let (key, within) = (self.door_key, self.explains_within);
                let why = front_probe::examine(&self.context, &self.front, key, within)?;
                NoAnswer::Silent(waited, why)
            }
        })
    }
}

/// Whether a code says that the same request may succeed soon.
fn is_for_now(code: &str) -> bool {
    matches!(code, "busy" | "storage_full" | "shard_away")
}

/// Whether a request changes something.
fn is_change(line: &[u8]) -> bool {
    matches!(decode_line(line), Ok(Request::Fill(_) | Request::Bust(_) | Request::Split(_)))
}

/// The source and the number that a reply echoes, as far as the server can read them.
#[derive(Debug)]
pub(crate) struct Name {
    source: String,
    seq: Seq,
}

impl Name {
    fn of(line: &[u8]) -> Self {
        match decode_line(line) {
            Ok(request) => Self { source: request.source().to_string(), seq: request.seq() },
            Err(rejection) => Self { source: rejection.source.clone(), seq: rejection.seq },
        }
    }

    fn is_of(&self, reply: &Reply) -> bool {
        reply.seq() == self.seq && reply.source() == self.source
    }
}
