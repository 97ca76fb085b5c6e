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

/// Sends a line of a workload, also one that the desk will refuse.
/// The answer of one that waits for a quote is awaited.
pub(super) fn ask(
    front: &str,
    door_key: Option<CurveKey>,
    command: &str,
    timeout: Duration,
) -> Result<Answered> {
    let (context, clock) = (Context::new()?, Clock::system());
    let options = LinkOptions { door_key, ..LinkOptions::default() };
    let mut link = Link::dealer(&context, front, None, options)?;
    let source = unique_source("desk", clock.now(), process::id().into());
    let source = source.map_err(|reject| anyhow!("{reject}"))?;
    let seq = Seq::new(1);
    let line = NumberedLine::read(source, seq, command)
        .map_err(|reject| anyhow!("{command:?} is no command: {reject}"))?;
    let end = clock.now() + timeout;
    let mut refused = None;
    let (mut send_at, mut frame, mut received) = (Nanos::ZERO, Vec::new(), Vec::new());
    loop {
        let now = clock.now();
        if end <= now {
            if let Some((code, reason)) = refused {
                bail!("no answer within {timeout:?}; the last refusal was {code}: {reason}");
            }
            bail!(
                "no answer within {timeout:?}: {}",
                front_probe::examine(&context, front, door_key)?
            );
        }
        if send_at <= now {
            frame.clear();
            line.encode(&mut frame);
            let is_sent = link.send(&mut frame).is_ok();
            send_at = now + if is_sent { AGAIN_AFTER } else { NO_ROOM_PAUSE };
        }
        while link.receive(&mut received) {
            match last_word(&received, seq)? {
                Some((_, ReplyBody::Rejected { code, reason })) if is_postponed(&code) => {
                    refused = Some((code, reason));
                    send_at = now + NO_ROOM_PAUSE;
                }
                Some((_, ReplyBody::Awaiting)) | None => {}
                Some((line, body)) => {
                    let is_refused = matches!(body, ReplyBody::Rejected { .. });
                    return Ok(Answered { line, is_refused });
                }
            }
        }
        let mut poll_set = PollSet::without_waker();
        link.wait_on(&mut poll_set);
        poll_set.sleep(Some(send_at.min(end) - now));
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
