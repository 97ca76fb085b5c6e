//! The follower: an agent that hears the position feed and talks to the front door, for the board.

use allot_allocation_service::{Report, Topic, TopicName, decode_replies};
use allot_domain::Ticker;
use allot_runtime::{
    Agent, Context, CurveKey, Nanos, PollSet, Publication, RuntimeError, Subscriber,
};
use allot_wire::{Encoding, Heartbeat};

use crate::board::Board;
use crate::caller::CallAgent;
use crate::fill_log::FillLine;
use crate::front_door::FrontDoor;
use crate::limits::{REPORT_BYTES_MAX, SILENCE, TURN_BYTES_MAX, TURN_PUBLICATIONS_MAX};
use crate::picture::Picture;

/// The agent.
pub(crate) struct Follower {
    subscriber: Subscriber,
    front: CallAgent<FrontDoor>,
    board: Board,
    /// The number of the last report on its topic; none where the next may have any.
    report_seq: Option<u64>,
    /// When to look whether the feed is silent; `MAX` while it is.
    silent_at: Nanos,
}

/// What a follower subscribes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hears {
    /// Reports, heartbeats, and every fill.
    All,
    /// Reports and heartbeats: shards send no event for it.
    Reports,
}

impl Follower {
    /// Subscribes to reports, heartbeats and, if they are to be heard, fills.
    ///
    /// # Errors
    /// When the endpoint is malformed or there are no more file descriptors.
    pub(crate) fn connect(
        context: &Context,
        (publish, key): (&str, Option<CurveKey>),
        hears: Hears,
        front: CallAgent<FrontDoor>,
        board: Board,
    ) -> Result<Self, RuntimeError> {
        let positions = Topic::Positions(Encoding::Binary).to_string();
        let fills = format!("{}{}:", Topic::FILLS, Encoding::Binary);
        let heartbeat = Topic::Heartbeat.to_string();
        let topics = [positions.as_bytes(), heartbeat.as_bytes(), fills.as_bytes()];
        let topics = if hears == Hears::All { &topics[..] } else { &topics[..2] };
        let subscriber = Subscriber::connect_to(context, publish, key, topics)?;
        let silent_at = board.clock.now() + SILENCE;
        Ok(Self { subscriber, front, board, report_seq: None, silent_at })
    }

    /// Takes what came, up to the bounds of a turn.
    fn hear(&mut self, now: Nanos) -> usize {
        let (mut count, mut bytes) = (0, 0);
        let mut fills = Vec::new();
        let mut report = None;
        while count < TURN_PUBLICATIONS_MAX
            && bytes < TURN_BYTES_MAX
            && let Some(publication) = self.subscriber.receive(std::time::Duration::ZERO)
        {
            count += 1;
            bytes += publication.body.len();
            match TopicName::parse(&publication.topic) {
                Some(TopicName::Heartbeat) => self.take_heartbeat(&publication.body, now),
                // Of several reports that wait only the newest is of use.
                Some(TopicName::Positions(_)) => report = self.newer(publication).or(report),
                Some(TopicName::Fills(ticker, _)) => fills.push((ticker, publication)),
                _ => {}
            }
        }
        if 0 < count {
            self.silent_at = now + SILENCE;
            self.board.known().feed.heard_at = Some(now);
        }
        if !fills.is_empty() {
            self.take_fills(fills);
        }
        if let Some(report) = report {
            self.take_report(&report, now);
        }
        count
    }

    fn take_heartbeat(&mut self, body: &[u8], now: Nanos) {
        let Ok(heartbeat) = Heartbeat::decode(body) else {
            self.board.known().feed.unreadable += 1;
            return;
        };
        let mut known = self.board.known();
        let restarts = known.feed.publisher_restarts;
        let is_new = known.take_heartbeat(heartbeat, now);
        if restarts < known.feed.publisher_restarts {
            // Topics of a new incarnation count from 1 again.
            self.report_seq = None;
        }
        drop(known);
        if is_new {
            self.board.tell(|changes| changes.health += 1);
        }
    }

    /// The report, if it was not seen before.
    fn newer(&mut self, publication: Publication) -> Option<Publication> {
        let last = self.report_seq.replace(publication.sequence);
        if last == Some(publication.sequence) {
            return None;
        }
        let missed = last.map_or(0, |last| publication.sequence.saturating_sub(last + 1));
        self.board.known().feed.reports_missed += missed;
        Some(publication)
    }

    fn take_report(&mut self, publication: &Publication, now: Nanos) {
        let problem = if REPORT_BYTES_MAX < publication.body.len() {
            let mib = publication.body.len() >> 20;
            Some(format!("The last report has {mib} MiB, which is more than the console takes."))
        } else {
            match Report::decode(&publication.body) {
                Ok(report) => {
                    let picture = Picture::of(report);
                    self.board.known().take_picture(picture, now);
                    None
                }
                Err(error) => Some(format!(
                    "The last report cannot be read ({error}): run the same version on both sides."
                )),
            }
        };
        if problem.is_some() {
            self.board.known().feed.report_problem = problem;
        }
        self.board.tell(|changes| {
            changes.reports += 1;
            changes.health += 1;
        });
    }

    fn take_fills(&mut self, fills: Vec<(Ticker, Publication)>) {
        let mut replies = Vec::new();
        let mut known = self.board.known();
        for (ticker, publication) in fills {
            let number = publication.sequence;
            if let Some((from, to)) = known.fills.hear(ticker, number) {
                known.miss(&ticker, from, to);
            }
            replies.clear();
            if decode_replies(&publication.body, &mut replies).is_err() {
                known.feed.unreadable += 1;
            }
            let lines = replies.drain(..).filter_map(|reply| FillLine::of(number, reply));
            lines.for_each(|line| known.fills.push(line));
        }
        drop(known);
        self.board.tell_fills();
    }

    /// Tells the pages when silence begins, and now and then that it lasts: they say for how long.
    fn check_silence(&mut self, now: Nanos) {
        if self.silent_at <= now {
            self.silent_at = now + SILENCE;
            self.board.tell(|changes| changes.health += 1);
        }
    }
}

impl Agent for Follower {
    fn role(&self) -> &str {
        "console-follower"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let asked = self.front.do_work(now);
        let heard = self.hear(now);
        self.check_silence(now);
        let is_connected = self.front.link().is_connected();
        let mut known = self.board.known();
        let was_connected = std::mem::replace(&mut known.feed.is_front_connected, is_connected);
        drop(known);
        if was_connected != is_connected {
            self.board.tell(|changes| changes.health += 1);
        }
        asked + heard
    }

    fn wake_at(&self) -> Nanos {
        self.front.wake_at().min(self.silent_at)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.subscriber.wait_on(poll_set);
        self.front.link().wait_on(poll_set);
    }
}
