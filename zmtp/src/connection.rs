//! A connection: one end of it, from the greeting on.

use std::ops::Range;

use crate::command::{self, Command};
use crate::curve::{self, Curve, MESSAGE, Progress};
use crate::frame::{self, Kind};
use crate::greeting::{self, MechanismName};
use crate::incoming::{Body, Incoming};
use crate::limits::{FRAME_WEIGHT, GREETING_LEN, HANDSHAKE_FRAME_LEN_MAX, KEPT_CAPACITY};
use crate::{Fault, Message, Options, PublicKey, Security, metadata};

/// What a box of CURVE is longer than its frame: name, number, flags and seal.
const BOX_LEN: usize = MESSAGE.len() + 8 + 1 + 16;

/// One end of a connection.
pub struct Connection {
    options: Options,
    stage: Stage,
    curve: Option<Curve>,
    incoming: Incoming,
    /// What was in the last box.
    opened: Vec<u8>,
    parts: Parts,
    output: Vec<u8>,
    /// How many bytes of the output were taken.
    taken: usize,
    peer_identity: Vec<u8>,
    /// After how many tenths of a second of silence the peer wants to be forgotten; zero for never.
    peer_ttl: u16,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Handshake,
    Open,
}

/// The frames of a message of several, one behind the other.
#[derive(Default)]
struct Parts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Whether they were given out, and go at the next read.
    are_spent: bool,
}

/// What came from the peer.
#[derive(Debug)]
pub enum Event<'a> {
    /// The handshake is over: messages may be sent.
    Ready,
    /// A message.
    Message(Message<'a>),
    /// A subscriber wants what begins so.
    Subscribe(&'a [u8]),
    /// A subscriber wants it no longer.
    Cancel(&'a [u8]),
}

/// An event before its bytes are looked up.
enum Found<'b> {
    Ready,
    Message(Place<'b>),
    Parts,
    Subscribe(Place<'b>),
    Cancel(Place<'b>),
}

/// Where the bytes of a frame stand.
enum Place<'b> {
    Given(&'b [u8]),
    Kept(Range<usize>),
    Opened(Range<usize>),
}

impl Place<'_> {
    /// The same without what stands before its last `len` bytes.
    fn last(self, len: usize) -> Self {
        match self {
            Self::Given(bytes) => Self::Given(&bytes[bytes.len() - len..]),
            Self::Kept(range) => Self::Kept(range.end - len..range.end),
            Self::Opened(range) => Self::Opened(range.end - len..range.end),
        }
    }
}

impl Connection {
    /// An end that has said its greeting.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut output = Vec::new();
        let (mechanism, as_server) = mechanism(&options.security);
        greeting::write(mechanism, as_server, &mut output);
        Self {
            curve: Curve::begin(&options.security),
            options,
            stage: Stage::Greeting,
            incoming: Incoming::default(),
            opened: Vec::new(),
            parts: Parts::default(),
            output,
            taken: 0,
            peer_identity: Vec::new(),
            peer_ttl: 0,
            fault: None,
        }
    }

    /// The next event in bytes from the peer; they move on behind it. None once all are taken.
    ///
    /// # Errors
    /// When the connection has to end. What is left of its output may say why.
    #[inline]
    pub fn read<'a, 'b: 'a>(
        &'a mut self,
        bytes: &mut &'b [u8],
    ) -> Result<Option<Event<'a>>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match self.step(bytes) {
            Ok(found) => Ok(found.map(|found| self.event(found))),
            Err(fault) => {
                self.end(fault);
                Err(fault)
            }
        }
    }

    #[inline]
    fn event<'a>(&'a self, found: Found<'a>) -> Event<'a> {
        match found {
            Found::Ready => Event::Ready,
            Found::Message(place) => Event::Message(Message::one(self.at(place))),
            Found::Parts => Event::Message(Message::many(&self.parts.bytes, &self.parts.ends)),
            Found::Subscribe(place) => Event::Subscribe(self.at(place)),
            Found::Cancel(place) => Event::Cancel(self.at(place)),
        }
    }

    #[inline]
    fn at<'a>(&'a self, place: Place<'a>) -> &'a [u8] {
        match place {
            Place::Given(bytes) => bytes,
            Place::Kept(range) => &self.incoming.kept()[range],
            Place::Opened(range) => &self.opened[range],
        }
    }

    fn end(&mut self, fault: Fault) {
        self.fault = Some(fault);
        // With CURVE, nobody would believe what is not sealed.
        if let Some(reason) = fault.reason().filter(|_| self.curve.is_none()) {
            command::write_error(reason, &mut self.output);
        }
    }

    #[inline]
    fn step<'b>(&mut self, bytes: &mut &'b [u8]) -> Result<Option<Found<'b>>, Fault> {
        self.parts.forget();
        loop {
            let found = match self.stage {
                Stage::Open => {
                    let len_max = self.frame_len_max();
                    let Some((kind, body)) = self.incoming.next(bytes, len_max)? else {
                        return Ok(None);
                    };
                    self.take(kind, body)?
                }
                Stage::Handshake => {
                    let next = self.incoming.next(bytes, HANDSHAKE_FRAME_LEN_MAX)?;
                    let Some((kind, body)) = next else { return Ok(None) };
                    self.handshake(kind, &body)?
                }
                Stage::Greeting => {
                    if !self.greet(bytes)? {
                        return Ok(None);
                    }
                    None
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn frame_len_max(&self) -> usize {
        let box_len = if self.curve.is_some() { BOX_LEN } else { 0 };
        // A command may be longer than the longest message where messages are very short.
        self.options.message_bytes_max.max(u8::MAX.into()).saturating_add(box_len)
    }

    /// Takes what there is of the greeting; returns whether it is whole.
    fn greet(&mut self, bytes: &mut &[u8]) -> Result<bool, Fault> {
        let is_whole = self.incoming.take(bytes, GREETING_LEN);
        let (mechanism, as_server) = mechanism(&self.options.security);
        greeting::check(self.incoming.kept(), mechanism, as_server)?;
        if is_whole {
            self.incoming.clear();
            self.stage = Stage::Handshake;
            match &mut self.curve {
                Some(curve) => curve.greeted(&mut self.output)?,
                None => {
                    let own = curve::metadata(&self.options);
                    command::write(b"READY", &[&own], &mut self.output);
                }
            }
        }
        Ok(is_whole)
    }

    fn handshake<'b>(&mut self, kind: Kind, body: &Body<'_>) -> Result<Option<Found<'b>>, Fault> {
        let body = match body {
            Body::Given(body) => body,
            Body::Kept(range) => &self.incoming.kept()[range.clone()],
        };
        if kind != Kind::Command {
            return Err(Fault::BadCommand);
        }
        let progress = match &mut self.curve {
            Some(curve) => {
                curve.handshake(body, &curve::metadata(&self.options), &mut self.output)?
            }
            None => Progress::Done(command::expect(body, b"READY")?.to_vec()),
        };
        let Progress::Done(properties) = progress else { return Ok(None) };
        self.peer_identity = metadata::read(&properties, self.options.socket)?;
        self.stage = Stage::Open;
        Ok(Some(Found::Ready))
    }

    /// Takes a frame after the handshake.
    #[inline]
    fn take<'b>(&mut self, kind: Kind, body: Body<'b>) -> Result<Option<Found<'b>>, Fault> {
        let (kind, place) = match self.curve.as_mut().and_then(Curve::session) {
            None => {
                let place = match body {
                    Body::Given(bytes) => Place::Given(bytes),
                    Body::Kept(range) => Place::Kept(range),
                };
                (kind, place)
            }
            // What stands outside of the box is not sealed, so it says nothing.
            Some(session) => {
                let sealed = match &body {
                    Body::Given(bytes) => bytes,
                    Body::Kept(range) => &self.incoming.kept()[range.clone()],
                };
                let kind = session.open(sealed, &mut self.opened)?;
                (kind, Place::Opened(1..self.opened.len()))
            }
        };
        match kind {
            Kind::Command => self.command(place),
            Kind::Last if self.parts.ends.is_empty() => self.message(place).map(Some),
            Kind::Last | Kind::More => self.part(kind, place),
        }
    }

    /// A message of one frame. To a publisher it is a subscription, in the form before ZMTP 3.1.
    #[inline]
    fn message<'b>(&self, place: Place<'b>) -> Result<Found<'b>, Fault> {
        let bytes = self.bytes(&place);
        if self.options.message_bytes_max < bytes.len() {
            return Err(Fault::TooLong);
        }
        if !self.options.socket.is_publisher() {
            return Ok(Found::Message(place));
        }
        let topic_len = bytes.len().saturating_sub(1);
        Ok(match bytes.first() {
            Some(1) => Found::Subscribe(place.last(topic_len)),
            Some(0) => Found::Cancel(place.last(topic_len)),
            _ => Found::Message(place),
        })
    }

    fn bytes<'c>(&'c self, place: &Place<'c>) -> &'c [u8] {
        match place {
            Place::Given(bytes) => bytes,
            Place::Kept(range) => &self.incoming.kept()[range.clone()],
            Place::Opened(range) => &self.opened[range.clone()],
        }
    }

    /// A frame of a message of several.
    fn part<'b>(&mut self, kind: Kind, place: Place<'b>) -> Result<Option<Found<'b>>, Fault> {
        let bytes = match &place {
            Place::Given(bytes) => bytes,
            Place::Kept(range) => &self.incoming.kept()[range.clone()],
            Place::Opened(range) => &self.opened[range.clone()],
        };
        if self.options.message_bytes_max < self.parts.bytes.len() + bytes.len() {
            return Err(Fault::TooLong);
        }
        if self.options.frames_max <= self.parts.ends.len() {
            return Err(Fault::TooManyFrames);
        }
        self.parts.bytes.extend_from_slice(bytes);
        self.parts.ends.push(self.parts.bytes.len());
        self.parts.are_spent = kind == Kind::Last;
        Ok(self.parts.are_spent.then_some(Found::Parts))
    }

    fn command<'b>(&mut self, place: Place<'b>) -> Result<Option<Found<'b>>, Fault> {
        // The answer is written while the command is read: its context is short.
        let mut pong = ([0; 16], 0);
        let found = match command::read(self.bytes(&place))? {
            Command::Ping { ttl, context } => {
                pong.0[..context.len()].copy_from_slice(context);
                pong.1 = context.len();
                self.peer_ttl = ttl;
                None
            }
            Command::Error => return Err(Fault::Refused),
            Command::Subscribe(topic) if self.options.socket.is_publisher() => {
                let topic_len = topic.len();
                return Ok(Some(Found::Subscribe(place.last(topic_len))));
            }
            Command::Cancel(topic) if self.options.socket.is_publisher() => {
                let topic_len = topic.len();
                return Ok(Some(Found::Cancel(place.last(topic_len))));
            }
            Command::Subscribe(_) | Command::Cancel(_) | Command::Other => return Ok(None),
        };
        self.write_command(b"PONG", &[&pong.0[..pong.1]]);
        Ok(found)
    }

    fn write_command(&mut self, name: &[u8], data: &[&[u8]]) {
        match self.curve.as_mut().and_then(Curve::session) {
            None => command::write(name, data, &mut self.output),
            Some(session) => {
                let mut body = Vec::new();
                command::write_body(name, data, &mut body);
                session.write(Kind::Command, &[&body], &mut self.output);
            }
        }
    }

    /// Asks the peer for a sign of life.
    ///
    /// # Panics
    /// Before the handshake is over.
    pub fn ping(&mut self) {
        assert!(self.stage == Stage::Open, "the handshake is over");
        self.write_command(b"PING", &[&[0, 0]]);
    }

    /// Adds a message to the output.
    ///
    /// # Panics
    /// Before the handshake is over, and if there is no frame.
    #[inline]
    pub fn send(&mut self, frames: &[&[u8]]) {
        assert!(self.stage == Stage::Open, "the handshake is over");
        let (last, more) = frames.split_last().expect("a message has a frame");
        more.iter().for_each(|frame| self.send_frame(Kind::More, frame));
        self.send_frame(Kind::Last, last);
    }

    #[inline]
    fn send_frame(&mut self, kind: Kind, frame: &[u8]) {
        match self.curve.as_mut().and_then(Curve::session) {
            None => {
                frame::write_header(kind, frame.len(), &mut self.output);
                self.output.extend_from_slice(frame);
            }
            Some(session) => session.write(kind, &[frame], &mut self.output),
        }
    }

    /// Bytes for the peer.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.output[self.taken..]
    }

    /// So many bytes of the output are on their way.
    ///
    /// # Panics
    /// If there were not so many.
    pub fn take_output(&mut self, len: usize) {
        assert!(len <= self.output().len(), "what is taken was there");
        self.taken += len;
        if self.taken == self.output.len() {
            self.output.clear();
            self.taken = 0;
        } else if self.output.len() / 2 < self.taken {
            self.output.drain(..self.taken);
            self.taken = 0;
        }
        self.output.shrink_to(self.output.len().max(KEPT_CAPACITY));
    }

    /// Whether frames are sealed, so that each peer's are others.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.curve.is_some()
    }

    /// Whether the handshake is over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// The identity that the peer chose; empty if it chose none.
    #[must_use]
    pub fn peer_identity(&self) -> &[u8] {
        &self.peer_identity
    }

    /// The peer's permanent key, with CURVE, once the handshake is over.
    #[must_use]
    pub fn peer_key(&self) -> Option<PublicKey> {
        self.curve.as_ref().and_then(Curve::peer_key)
    }

    /// After how many tenths of a second of silence the peer wants to be forgotten; zero for never.
    #[must_use]
    pub fn peer_ttl(&self) -> u16 {
        self.peer_ttl
    }

    /// Gives back the memory of everything that is empty.
    pub fn trim(&mut self) {
        self.parts.forget();
        self.incoming.trim();
        self.opened = Vec::new();
        if self.parts.ends.is_empty() {
            self.parts = Parts::default();
        }
        if self.output().is_empty() {
            self.output = Vec::new();
            self.taken = 0;
        }
    }

    /// What an unfinished message takes.
    #[must_use]
    pub fn unfinished_bytes(&self) -> usize {
        let parts = if self.parts.are_spent { 0 } else { self.parts.weight() };
        self.incoming.unfinished() + parts
    }
}

impl Parts {
    fn forget(&mut self) {
        if std::mem::take(&mut self.are_spent) {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT_CAPACITY);
            self.ends.clear();
            self.ends.shrink_to(KEPT_CAPACITY / size_of::<usize>());
        }
    }

    fn weight(&self) -> usize {
        self.bytes.len() + FRAME_WEIGHT * self.ends.len()
    }
}

/// The mechanism's name, and whether this end is its server.
fn mechanism(security: &Security) -> (&'static MechanismName, bool) {
    match security {
        Security::Null => (&greeting::NULL, false),
        Security::CurveServer(_) => (&greeting::CURVE, true),
        Security::CurveClient { .. } => (&greeting::CURVE, false),
    }
}
