//! A feed: what the publisher publishes, as a subscriber gets it.
//!
//! ```text
//!   subscriptions ═══► publisher ═══► Connection ─► poll, next ─► publications, each once
//!        ▲                                  │
//!        └────── a new connection ◄─────────┘ lost, or no heartbeat for 5 s
//! ```
//!
//! What was lost on the way shows in [`Publication::missed`]. With a front door, outcomes that were
//! lost are asked for there, and are publications where they belong; what comes behind them waits.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use allot_domain::Backoff;
use allot_wire::{DecodeError, Encoding, HEARTBEAT, Heartbeat};

use crate::history::History;
use crate::limits::{
    FEED_SILENCE, HANDSHAKE, SUBSCRIPTION_BYTES_MAX, SUBSCRIPTIONS_MAX, TOPIC_LEN_MAX, TOPICS_MAX,
};
use crate::publication::{Body, Publication};
use crate::repairs::{Repairs, ticker};
use crate::reply::Event;
use crate::report::{Report, Statement};
use crate::stage::Stage;
use crate::{Client, ClientError, Connection, Gap, Lost, Patience, ServerKey, clock};

/// A subscriber of the position feed.
pub struct Feed {
    connection: Connection,
    topics: Vec<String>,
    has_heartbeats: bool,
    stage: Stage,
    lost: Lost,
    /// How often a connection was lost since something was heard.
    lost_count: u32,
    /// How often one was made.
    connect_count: u64,
    heard_at: Instant,
    /// The number of the last publication of each topic.
    last: BTreeMap<String, u64>,
    /// Topic, number and body of what is read.
    frames: [Vec<u8>; 3],
    repairs: Option<Repairs>,
}

impl Feed {
    /// Subscribes to all topics that begin with one of these. The publisher need not be there yet.
    ///
    /// # Errors
    /// [`ClientError::Setting`]: it is no endpoint, or there are no topics, or too many, or too
    /// long ones.
    pub fn connect<T: AsRef<str>>(
        endpoint: &str,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Self, ClientError> {
        Self::open(endpoint, None, topics)
    }

    /// The same for a feed that encrypts, with the key that the server prints as `publish-key=`.
    ///
    /// # Errors
    /// As [`Feed::connect`]; or it is no key.
    pub fn connect_with_key<T: AsRef<str>>(
        endpoint: &str,
        key: &str,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Self, ClientError> {
        Self::open(endpoint, Some(key.parse()?), topics)
    }

    fn open<T: AsRef<str>>(
        endpoint: &str,
        key: Option<ServerKey>,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Self, ClientError> {
        let topics: Vec<_> = topics.into_iter().map(|topic| topic.as_ref().to_owned()).collect();
        check_topics(&topics)?;
        let now = clock::now();
        let mut feed = Self {
            connection: Connection::subscriber(endpoint.parse()?, key),
            has_heartbeats: topics.iter().any(|topic| HEARTBEAT.starts_with(topic.as_str())),
            topics,
            stage: Stage::Away { until: now },
            lost: Lost::NotYet,
            lost_count: 0,
            connect_count: 0,
            heard_at: now,
            last: BTreeMap::new(),
            frames: Default::default(),
            repairs: None,
        };
        feed.keep_connected(now);
        Ok(feed)
    }

    /// The same feed, which asks the front door of this client for outcomes that it loses: those
    /// between two of a ticker, those that a report in binary has and the feed has not, and those
    /// of before the connection was there again. They are publications of their own
    /// ([`Publication::replayed`]), in the order of their numbers; until they are there, nothing
    /// else is given. The client is the feed's alone: replies to what was submitted with it before
    /// are passed over. It waits for [`Patience::reply`]; what is not had by then was lost.
    #[must_use]
    pub fn repaired_by(mut self, client: Client) -> Self {
        self.repairs = Some(Repairs::new(client));
        self
    }

    /// The next gap that was repaired, or that could not be; none without a front door. The latest
    /// 4,096 are kept.
    pub fn next_gap(&mut self) -> Option<Gap> {
        self.repairs.as_mut()?.next_gap()
    }

    /// The next publication if there is one; never waits.
    ///
    /// # Errors
    /// [`ClientError::NotUnderstood`]: the publisher has sent what is no publication.
    pub fn poll(&mut self) -> Result<Option<Publication>, ClientError> {
        let now = clock::now();
        if !self.is_repairing() {
            self.keep_connected(now);
        }
        loop {
            if let Some(repairs) = &mut self.repairs {
                if let Some(publication) = repairs.next(&mut self.last)? {
                    return Ok(Some(publication));
                }
                if repairs.history.is_busy() {
                    // What comes meanwhile waits where it is, and is no silence.
                    self.heard_at = now;
                    return Ok(None);
                }
            }
            match self.connection.receive_frames(&mut self.frames) {
                Ok(true) => {
                    (self.heard_at, self.lost_count) = (now, 0);
                    let Some(publication) = self.read()? else { continue };
                    let Some(repairs) = &mut self.repairs else { return Ok(Some(publication)) };
                    repairs.add(publication, &self.topics, &mut self.last);
                }
                Ok(false) => break,
                Err(lost) => {
                    self.note_lost(lost, now);
                    break;
                }
            }
        }
        if matches!(self.stage, Stage::Begun { .. }) && self.connection.is_open() {
            self.subscribe(now);
            if self.is_repairing() {
                // What is wanted has to be asked for, before anybody waits for it.
                return self.poll();
            }
        }
        Ok(None)
    }

    fn is_repairing(&self) -> bool {
        self.asking().is_some()
    }

    /// The client that is waited for.
    fn asking(&self) -> Option<&History> {
        self.repairs.as_ref().map(|repairs| &repairs.history).filter(|history| history.is_busy())
    }

    /// Waits for the next publication; none when the time is over.
    ///
    /// # Errors
    /// As [`Feed::poll`]; [`ClientError::NoFeed`] where there is no connection when the time is
    /// over. The feed goes on to connect at the next call.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Publication>, ClientError> {
        let begin = clock::now();
        let end = begin + timeout;
        loop {
            if let Some(publication) = self.poll()? {
                return Ok(Some(publication));
            }
            let now = clock::now();
            if end <= now {
                if self.stage == Stage::Open {
                    return Ok(None);
                }
                let (waited, lost) = (now - begin, self.lost.clone());
                let endpoint = self.connection.endpoint().to_string();
                return Err(ClientError::NoFeed { endpoint, waited, lost });
            }
            match self.asking() {
                Some(history) => history.wait(now, end),
                None => {
                    let wake_at = self.wake_at().min(end);
                    self.connection.wait(wake_at.saturating_duration_since(now));
                }
            }
        }
    }

    /// How many connections were open so far. After each but the first something may be lost that
    /// no later publication shows, until the next one of its topic, or the next report.
    #[must_use]
    pub const fn connect_count(&self) -> u64 {
        self.connect_count
    }

    /// When there is something to do without anything to read or to write; for a loop of the
    /// caller's own.
    #[must_use]
    pub fn wake_at(&self) -> Instant {
        match (self.stage, self.asking().and_then(History::wake_at)) {
            (_, Some(wake_at)) => wake_at,
            (Stage::Away { until } | Stage::Begun { until }, None) => until,
            (Stage::Open, None) => self.heard_at + FEED_SILENCE,
        }
    }

    /// The descriptor, for a loop of the caller's own: call [`Feed::poll`] until it gives nothing
    /// when it can be read, when it can be written where [`Feed::wants_write`] says so, and at
    /// [`Feed::wake_at`]. It is another one after a connection was lost, and while something is
    /// repaired; none where there is none.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self.asking() {
            Some(history) => history.client().descriptor(),
            None => self.connection.descriptor(),
        }
    }

    /// Whether something is to leave that there was no room for.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        match self.asking() {
            Some(history) => history.client().wants_write(),
            None => self.connection.wants_write(),
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
            Stage::Open if self.heard_at + FEED_SILENCE <= now && !self.connection.has_read() => {
                self.note_lost(Lost::Silence(now - self.heard_at), now);
            }
            Stage::Away { .. } | Stage::Begun { .. } | Stage::Open => {}
        }
    }

    fn note_lost(&mut self, lost: Lost, now: Instant) {
        self.connection.close();
        self.lost = lost;
        self.lost_count = self.lost_count.saturating_add(1);
        let Patience { reconnect, reconnect_longest, .. } = Patience::default();
        let reconnect = Backoff { first: reconnect, longest: reconnect_longest };
        self.stage = Stage::Away { until: now + reconnect.after(self.lost_count) };
    }

    /// The connection is open: says what is wanted. A subscription is a message that begins with 1.
    fn subscribe(&mut self, now: Instant) {
        self.stage = Stage::Open;
        self.heard_at = now;
        self.connect_count += 1;
        for topic in self.topics.iter().map(String::as_str).chain([HEARTBEAT]) {
            let message = [&[1], topic.as_bytes()].concat();
            // There is room for all of them; a connection that is lost is told of by the flush.
            let _ = self.connection.send(&message);
        }
        if let Err(lost) = self.connection.flush() {
            self.note_lost(lost, now);
        }
        if let Some(repairs) = self.repairs.as_mut().filter(|_| 1 < self.connect_count) {
            repairs.catch_up(&self.last);
        }
    }

    /// What was received, unless it is known or was not asked for.
    fn read(&mut self) -> Result<Option<Publication>, DecodeError> {
        let [topic, sequence, body] = &self.frames;
        let topic = str::from_utf8(topic).map_err(|_| DecodeError::new("a topic is no text"))?;
        let sequence = <[u8; 8]>::try_from(&sequence[..])
            .map_err(|_| DecodeError::new("the number of a publication has not eight bytes"))?;
        let sequence = u64::from_be_bytes(sequence);
        if topic == HEARTBEAT && !self.has_heartbeats {
            return Ok(None);
        }
        let before = self.last.get(topic).copied();
        // A value that is sent again because somebody has just subscribed.
        let was_replayed = |repairs: &Repairs| repairs.were_replayed(topic, sequence);
        if before == Some(sequence) || self.repairs.as_ref().is_some_and(was_replayed) {
            return Ok(None);
        }
        if before.is_some() || self.last.len() < TOPICS_MAX {
            self.last.insert(topic.to_owned(), sequence);
        }
        // A lower number is that of a publisher, or of a shard, that began anew.
        let missed = before.map_or(0, |before| sequence.saturating_sub(before.saturating_add(1)));
        let body = read_body(topic, body)?;
        Ok(Some(Publication { topic: topic.to_owned(), sequence, missed, replayed: false, body }))
    }
}

fn read_body(topic: &str, body: &[u8]) -> Result<Body, DecodeError> {
    Ok(if ticker(topic).is_some() {
        Body::Event(Event::read(body)?)
    } else if topic == HEARTBEAT {
        Body::Heartbeat(Heartbeat::decode(body)?)
    } else if Encoding::of(body) == Encoding::Json {
        let text = str::from_utf8(body).map_err(|_| DecodeError::new("a body is no text"))?;
        Body::Json(text.to_owned())
    } else if topic.starts_with("account:") {
        Body::Statement(Statement::read(body)?)
    } else if topic.starts_with("positions:") {
        Body::Report(Report::read(body)?)
    } else {
        Body::Binary(body.to_vec())
    })
}

fn check_topics(topics: &[String]) -> Result<(), ClientError> {
    let refuse =
        |setting, given: String, expected| Err(ClientError::Setting { setting, given, expected });
    if topics.is_empty() {
        return refuse("topics", "none".to_owned(), "at least one, as positions:bin");
    }
    if SUBSCRIPTIONS_MAX < topics.len() {
        return refuse("topics", topics.len().to_string(), "at most 16383");
    }
    if let Some(topic) = topics.iter().find(|topic| TOPIC_LEN_MAX < topic.len()) {
        return refuse("topic", topic.clone(), "at most 256 bytes");
    }
    let bytes: usize = topics.iter().map(String::len).sum();
    if SUBSCRIPTION_BYTES_MAX < bytes {
        return refuse("topics", format!("{bytes} bytes"), "at most 128 KiB together");
    }
    Ok(())
}
