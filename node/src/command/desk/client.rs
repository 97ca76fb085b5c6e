//! Client: sends one command to a desk, and waits for what comes of it.

use std::process;
use std::time::Duration;

use allot_desk_service::{Reply, ReplyBody, decode_replies};
use allot_domain::Seq;
use allot_feeds::unique_source;
use allot_runtime::{Clock, Context, CurveKey, Link, LinkOptions, Nanos, PollSet};
use anyhow::{Result, anyhow, bail};

use super::numbered_line::NumberedLine;
use crate::front_probe;

/// After this long without a reply a command is sent again, under its name.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How soon it is sent again where there was no room for it.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause before it is sent again where the server's disk has no room for it.
pub(super) const FULL_PAUSE_MAX: Duration = Duration::from_secs(1);

/// The number of the one command of its source.
const SEQ: Seq = Seq::new(1);

/// The code of a command for which the server's disk has no room.
pub(super) const FULL: &str = "storage_full";

/// What came of a command.
pub(super) struct Answered {
    /// The reply, as it came.
    pub(super) line: String,
    /// Whether the command changed nothing.
    pub(super) is_refused: bool,
}

/// Whether a code says that the same command may succeed soon.
pub(super) fn is_postponed(code: &str) -> bool {
    matches!(code, "busy" | "shard_away" | FULL)
}

/// A command on its way.
struct Asking {
    clock: Clock,
    context: Context,
    link: Link,
    /// The command as JSON.
    request: Vec<u8>,
    send_at: Nanos,
    /// The pause after the next refusal for want of room on the server's disk.
    full_pause: Duration,
    heard: Heard,
}

/// What was heard of it so far.
enum Heard {
    Nothing,
    /// There was no room for it: the code, and the reason.
    Refused(String, String),
    /// It waits for a quote.
    Awaiting,
}

/// Sends a line of a workload, also one that the desk will refuse. The answer of one that waits for
/// a quote is awaited.
pub(super) fn ask(
    front: &str,
    door_key: Option<CurveKey>,
    command: &str,
    timeout: Duration,
) -> Result<Answered> {
    let mut asking = Asking::begin(front, door_key, command)?;
    let begin = asking.clock.now();
    let end = begin + timeout;
    // Why nothing is heard is looked for before the time is over, so that it is kept.
    let examine_at = begin + (timeout - front_probe::LONGEST.min(timeout / 2));
    let mut finding = None;
    loop {
        let now = asking.clock.now();
        if end <= now {
            bail!("no answer within {timeout:?}: {}", asking.why_none(finding));
        }
        let is_silent = matches!(asking.heard, Heard::Nothing) && finding.is_none();
        if is_silent && examine_at <= now {
            finding = Some(front_probe::examine(&asking.context, front, door_key, end - now)?);
            continue;
        }
        if let Some(answered) = asking.turn(now)? {
            return Ok(answered);
        }
        asking.sleep(now, if is_silent { examine_at } else { end });
    }
}

impl Asking {
    fn begin(front: &str, door_key: Option<CurveKey>, command: &str) -> Result<Self> {
        let (context, clock) = (Context::new()?, Clock::system());
        let options = LinkOptions { door_key, ..LinkOptions::default() };
        let link = Link::dealer(&context, front, None, options)?;
        let source = unique_source("desk", clock.now(), process::id().into());
        let source = source.map_err(|reject| anyhow!("{reject}"))?;
        let line = NumberedLine::read(source, SEQ, command)
            .map_err(|reject| anyhow!("{command:?} is no command: {reject}"))?;
        let mut request = Vec::new();
        line.encode(&mut request);
        let (send_at, full_pause, heard) = (Nanos::ZERO, NO_ROOM_PAUSE, Heard::Nothing);
        Ok(Self { clock, context, link, request, send_at, full_pause, heard })
    }

    /// Sends it if that is due, and takes what came; the answer, if it is there.
    fn turn(&mut self, now: Nanos) -> Result<Option<Answered>> {
        if self.send_at <= now {
            let is_sent = self.link.send(&mut self.request.clone()).is_ok();
            self.send_at = now + if is_sent { AGAIN_AFTER } else { NO_ROOM_PAUSE };
        }
        let mut received = Vec::new();
        while self.link.receive(&mut received) {
            match last_word(&received, SEQ)? {
                Some((_, ReplyBody::Rejected { code, reason })) if is_postponed(&code) => {
                    self.send_at = now + NO_ROOM_PAUSE;
                    if code == FULL {
                        self.send_at = now + self.full_pause;
                        self.full_pause = (2 * self.full_pause).min(FULL_PAUSE_MAX);
                    }
                    self.heard = Heard::Refused(code, reason);
                }
                Some((_, ReplyBody::Awaiting)) => self.heard = Heard::Awaiting,
                None => {}
                Some((line, body)) => {
                    let is_refused = matches!(body, ReplyBody::Rejected { .. });
                    return Ok(Some(Answered { line, is_refused }));
                }
            }
        }
        Ok(None)
    }

    fn sleep(&self, now: Nanos, until: Nanos) {
        let mut poll_set = PollSet::without_waker();
        self.link.wait_on(&mut poll_set);
        poll_set.sleep(Some(self.send_at.min(until) - now));
    }

    /// Why there is no answer, as far as that is known.
    fn why_none(&self, finding: Option<String>) -> String {
        match &self.heard {
            Heard::Refused(code, reason) => format!("the last refusal was {code}: {reason}"),
            Heard::Awaiting => "the desk has the command, which waits for a quote; what becomes \
                                of it is in the summary of the user"
                .to_owned(),
            Heard::Nothing => finding.unwrap_or_else(|| "nothing was heard".to_owned()),
        }
    }
}

/// The last reply to this message among those that came: as it came, and what it says.
fn last_word(message: &[u8], seq: Seq) -> Result<Option<(String, ReplyBody)>> {
    let mut last = None;
    for line in message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut replies = Vec::new();
        decode_replies(line, &mut replies).map_err(|error| {
            anyhow!("cannot decode a reply; does a desk of this version listen there? {error}")
        })?;
        // What became of a trigger is told later, if it is.
        let is_answer = |reply: &Reply| {
            let is_later = matches!(reply.body, ReplyBody::Fired | ReplyBody::Disarmed);
            (reply.seq == seq || reply.seq == Seq::ZERO) && !is_later
        };
        let of_it = replies.into_iter().find(is_answer);
        if let Some(reply) = of_it {
            last = Some((String::from_utf8_lossy(line).into_owned(), reply.body));
        }
    }
    Ok(last)
}
