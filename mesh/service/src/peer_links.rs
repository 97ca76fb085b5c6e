//! Peer links: the door of a peer, its connections to others, and what waits for each.
//!
//! ```text
//!   others ──► Door ──┐                         a frame that cannot be sent waits here, in order;
//!                     ├─ a way for each LinkId   then no delta comes before the link has room
//!   Link ──► others ──┘
//! ```
//!
//! A way is numbered when it is there: an accepted one with the first frame of a peer, the other
//! with its handshake. ZeroMQ connects again by itself, and that is a new way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use allot_mesh_rules::{Address, LinkId, Message};
use allot_runtime::{
    Context, Counters, CurveKeys, Door, DoorOptions, Envelope, Link, LinkOptions, LinkPoller,
    Nanos, PollSet, RuntimeError, SendError, Transport,
};

use crate::Frame;
use crate::counters::ServiceCounters;
use crate::frame::encode_message;
use crate::limits::{FRAME_BYTES_MAX, FRAMES_PER_TURN, HIGH_WATER, TURNS_UNTIL_ASKED, WAITING_MAX};

/// What has come.
pub(crate) enum Arrival {
    /// There is a way to this address, or from somebody.
    Up(LinkId, Option<Address>),
    /// A way is gone.
    Down(LinkId),
    /// What a peer says.
    Message(LinkId, Message),
    /// What a client asks.
    Client(Client, Frame),
}

/// Who asks.
pub(crate) struct Client {
    identity: Vec<u8>,
    delimiter: bool,
}

/// The door, the links, and what waits.
pub(crate) struct PeerLinks {
    context: Context,
    keys: Option<CurveKeys>,
    door: Door,
    counted: Counters,
    envelope: Envelope,
    /// Peers that have connected, by their identity at the door.
    accepted: BTreeMap<Vec<u8>, LinkId>,
    /// Connections that this peer makes, by the number that the poller calls them.
    dialled: BTreeMap<u64, Dialled>,
    numbers: BTreeMap<Address, u64>,
    /// What all of these sleep on.
    poller: LinkPoller,
    /// Which of them are looked at in this turn: in a mesh of 64 the others are not touched.
    active: BTreeSet<u64>,
    ways: BTreeMap<LinkId, Way>,
    /// Ways on which something waits, or that must be told that they have room.
    busy: BTreeSet<LinkId>,
    /// Ways that are gone, until it was said.
    gone: Vec<LinkId>,
    last: LinkId,
    turns: u64,
    /// How many connections were begun.
    dials: u64,
    frame: Vec<u8>,
}

/// A connection that this peer makes, and makes again.
struct Dialled {
    address: Address,
    link: Link,
    /// None while there is none.
    way: Option<LinkId>,
    /// How many connections there were when that was noted.
    connection: u64,
}

impl Dialled {
    /// Whether the connection came or went since that was noted.
    fn has_changed(&self) -> bool {
        let (is_up, connection) = self.link.connection();
        is_up != self.way.is_some() || connection != self.connection
    }
}

struct Way {
    to: To,
    waiting: VecDeque<Vec<u8>>,
    /// A delta was sent, and its sender waits for room.
    owes_room: bool,
}

#[derive(Clone)]
enum To {
    Accepted(Vec<u8>),
    Dialled(u64),
}

impl PeerLinks {
    /// Opens the door.
    pub(crate) fn bind(
        context: &Context,
        listen: &str,
        keys: Option<CurveKeys>,
    ) -> Result<Self, RuntimeError> {
        // A little more than the largest frame: what is above it is garbage, and is counted.
        let message_bytes_max = FRAME_BYTES_MAX + 1;
        let transport = Transport::Native;
        let options = DoorOptions { message_bytes_max, high_water: HIGH_WATER, keys, transport };
        let (mut door, counted) = (Door::bind(context, listen, options)?, Counters::new());
        door.count_into(&counted);
        Ok(Self {
            context: context.clone(),
            keys,
            door,
            counted,
            envelope: Envelope::new(),
            accepted: BTreeMap::new(),
            dialled: BTreeMap::new(),
            numbers: BTreeMap::new(),
            poller: LinkPoller::new()?,
            active: BTreeSet::new(),
            ways: BTreeMap::new(),
            busy: BTreeSet::new(),
            gone: Vec::new(),
            last: LinkId::ZERO,
            turns: 0,
            dials: 0,
            frame: Vec::new(),
        })
    }

    /// What the door has counted.
    pub(crate) const fn counted(&self) -> &Counters {
        &self.counted
    }

    /// Where others connect.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.door.endpoint()
    }

    /// Takes what has come, in a batch of bounded size; returns how much it was.
    pub(crate) fn take(
        &mut self,
        counters: &mut ServiceCounters,
        arrivals: &mut Vec<Arrival>,
    ) -> usize {
        let before = arrivals.len();
        let garbage = counters.garbage;
        self.take_from_door(counters, arrivals);
        self.drop_gone();
        self.take_from_links(counters, arrivals);
        self.say_gone(arrivals);
        let garbage = usize::try_from(counters.garbage - garbage).unwrap_or(usize::MAX);
        arrivals.len() - before + garbage
    }

    fn take_from_door(&mut self, counters: &mut ServiceCounters, arrivals: &mut Vec<Arrival>) {
        for _ in 0..FRAMES_PER_TURN {
            if !self.door.receive(&mut self.envelope) {
                return;
            }
            let delimiter = self.envelope.delimiter();
            let identity = self.envelope.identity();
            match Frame::decode(self.envelope.body()) {
                Ok(Frame::Peer(message)) if !delimiter => {
                    counters.frames_received += 1;
                    let way = match self.accepted.get(identity) {
                        Some(way) => *way,
                        None => {
                            let identity = identity.to_vec();
                            let way = self.add(To::Accepted(identity.clone()));
                            self.accepted.insert(identity, way);
                            arrivals.push(Arrival::Up(way, None));
                            way
                        }
                    };
                    arrivals.push(Arrival::Message(way, message));
                }
                Ok(frame @ (Frame::AskStatus(..) | Frame::AskView(..))) => {
                    let client = Client { identity: identity.to_vec(), delimiter };
                    arrivals.push(Arrival::Client(client, frame));
                }
                Ok(_) | Err(_) => counters.garbage += 1,
            }
        }
    }

    /// Notes who has closed a connection to the door: what it said before was taken.
    fn drop_gone(&mut self) {
        for identity in self.door.take_gone() {
            if let Some(way) = self.accepted.get(&identity) {
                self.drop_way(*way);
            }
        }
    }

    /// Takes what links have, and notes which of them came up or went down. What one that came up
    /// has is taken in the next turn, after that was said.
    fn take_from_links(&mut self, counters: &mut ServiceCounters, arrivals: &mut Vec<Arrival>) {
        let mut changed: Vec<u64> = Vec::new();
        self.turns = self.turns.wrapping_add(1);
        let asks_all = self.turns.is_multiple_of(TURNS_UNTIL_ASKED);
        for number in &self.active {
            let dialled = self.dialled.get_mut(number).expect("who is active is there");
            if dialled.link.is_quiet() && !asks_all {
                continue;
            }
            let is_new = dialled.has_changed() && dialled.link.is_connected();
            // What the other end said before it went is still to be heard.
            let is_read = match dialled.way.filter(|_| !is_new) {
                Some(way) => {
                    take_frames(&mut dialled.link, way, &mut self.frame, counters, arrivals)
                }
                None => true,
            };
            if is_read && dialled.has_changed() {
                changed.push(*number);
            }
        }
        for number in changed {
            let Some(dialled) = self.dialled.get_mut(&number) else { continue };
            let (is_up, connection) = dialled.link.connection();
            dialled.connection = connection;
            let address = dialled.address.clone();
            let before = dialled.way.take();
            if let Some(before) = before {
                self.drop_way(before);
            }
            if !is_up {
                continue;
            }
            // Before the next one is up, the one of before is down.
            self.say_gone(arrivals);
            let way = self.add(To::Dialled(number));
            if let Some(dialled) = self.dialled.get_mut(&number) {
                dialled.way = Some(way);
            }
            arrivals.push(Arrival::Up(way, Some(address)));
        }
    }

    fn say_gone(&mut self, arrivals: &mut Vec<Arrival>) {
        arrivals.extend(self.gone.drain(..).map(Arrival::Down));
    }

    fn add(&mut self, to: To) -> LinkId {
        self.last = self.last.next();
        self.ways.insert(self.last, Way { to, waiting: VecDeque::new(), owes_room: false });
        self.last
    }

    fn drop_way(&mut self, way: LinkId) {
        self.busy.remove(&way);
        let Some(Way { to, .. }) = self.ways.remove(&way) else { return };
        if let To::Accepted(identity) = to {
            self.accepted.remove(&identity);
        }
        self.gone.push(way);
    }

    /// Connects to an address, and goes on to connect whenever the connection is lost.
    pub(crate) fn connect(&mut self, address: &Address) -> Result<(), RuntimeError> {
        if self.numbers.contains_key(address) {
            return Ok(());
        }
        let options = LinkOptions {
            high_water: HIGH_WATER,
            frame_bytes_max: FRAME_BYTES_MAX,
            door_key: self.keys.as_ref().map(CurveKeys::public),
            transport: Transport::Native,
        };
        let mut link = Link::dealer(&self.context, address.as_str(), None, options)?;
        link.count_into(&self.counted);
        self.dials += 1;
        self.poller.add(&mut link, self.dials);
        self.numbers.insert(address.clone(), self.dials);
        let address = address.clone();
        self.dialled.insert(self.dials, Dialled { address, link, way: None, connection: 0 });
        self.active.insert(self.dials);
        Ok(())
    }

    /// Ends a way; one that this peer made is not made again.
    pub(crate) fn close(&mut self, way: LinkId) {
        self.busy.remove(&way);
        match self.ways.remove(&way).map(|way| way.to) {
            Some(To::Accepted(identity)) => {
                self.accepted.remove(&identity);
                self.door.cut_off(&identity);
            }
            Some(To::Dialled(number)) => drop(self.hang_up(number)),
            None => {}
        }
    }

    /// Connects to an address no more.
    pub(crate) fn forget(&mut self, address: &Address) {
        let dialled = self.numbers.get(address).copied().and_then(|number| self.hang_up(number));
        if let Some(Dialled { way: Some(way), .. }) = dialled {
            self.drop_way(way);
        }
    }

    fn hang_up(&mut self, number: u64) -> Option<Dialled> {
        let dialled = self.dialled.remove(&number)?;
        self.numbers.remove(&dialled.address);
        self.active.remove(&number);
        Some(dialled)
    }

    /// Sends a message, or keeps it until there is room. Of those that may be lost, what is beyond
    /// the bound is dropped; deltas are few, because they wait for room.
    pub(crate) fn send(&mut self, id: LinkId, message: &Message, counters: &mut ServiceCounters) {
        let Some(way) = self.ways.get_mut(&id) else { return };
        let is_delta = matches!(message, Message::Delta(_));
        if !is_delta && WAITING_MAX <= way.waiting.len() {
            counters.frames_dropped += 1;
            return;
        }
        if is_delta {
            way.owes_room = true;
            self.busy.insert(id);
        }
        encode_message(message, &mut self.frame);
        counters.frames_sent += 1;
        if !way.waiting.is_empty() {
            way.waiting.push_back(self.frame.clone());
            return;
        }
        if let To::Dialled(number) = way.to {
            self.active.insert(number);
        }
        match transmit(&mut self.door, &mut self.dialled, &way.to, &mut self.frame) {
            Ok(()) => {}
            Err(SendError::Full) => {
                way.waiting.push_back(self.frame.clone());
                self.busy.insert(id);
            }
            Err(SendError::Away) => self.lose(id),
        }
    }

    /// A way is found to be gone as something is sent.
    fn lose(&mut self, id: LinkId) {
        if let Some(Way { to: To::Dialled(number), .. }) = self.ways.get(&id)
            && let Some(dialled) = self.dialled.get_mut(number)
        {
            dialled.way = None;
        }
        self.drop_way(id);
    }

    /// Sends what waits; says which ways have room again.
    pub(crate) fn flush(&mut self, have_room: &mut Vec<LinkId>) {
        for id in self.busy.clone() {
            let Some(way) = self.ways.get_mut(&id) else { continue };
            if let To::Dialled(number) = way.to {
                self.active.insert(number);
            }
            let mut sent = Ok(());
            while let Some(frame) = way.waiting.front_mut() {
                sent = transmit(&mut self.door, &mut self.dialled, &way.to, frame);
                if sent.is_err() {
                    break;
                }
                way.waiting.pop_front();
            }
            match sent {
                Ok(()) => {
                    if std::mem::take(&mut way.owes_room) {
                        have_room.push(id);
                    }
                    self.busy.remove(&id);
                }
                Err(SendError::Full) => {}
                Err(SendError::Away) => self.lose(id),
            }
        }
    }

    /// Lets everything that was sent leave, and forgets the connections of which the poller will
    /// tell.
    pub(crate) fn end_turn(&mut self) {
        self.door.flush();
        self.active.retain(|number| {
            let dialled = self.dialled.get_mut(number).expect("who is active is there");
            dialled.link.flush();
            !dialled.link.is_settled()
        });
    }

    /// What the time is in this turn.
    pub(crate) fn tick(&mut self, now: Nanos) {
        self.door.tick(now);
        self.poller.look();
        while let Some(number) = self.poller.take() {
            if let Some(dialled) = self.dialled.get(&number) {
                dialled.link.wake();
                self.active.insert(number);
            }
        }
        for number in &self.active {
            let dialled = self.dialled.get_mut(number).expect("who is active is there");
            dialled.link.tick(now);
        }
    }

    /// When a connection is to be given up.
    pub(crate) fn wake_at(&self) -> Nanos {
        let active = self.active.iter().filter_map(|number| self.dialled.get(number));
        active
            .map(|dialled| dialled.link.wake_at())
            .min()
            .unwrap_or(Nanos::MAX)
            .min(self.door.wake_at())
    }

    /// Whether something waits for a peer whose room nobody tells of.
    pub(crate) fn must_ask_again(&self) -> bool {
        let waits = |way: &Way| matches!(way.to, To::Accepted(_)) && !way.waiting.is_empty();
        self.busy.iter().filter_map(|id| self.ways.get(id)).any(waits)
    }

    /// Replies to a client. One that does not read gets none, and may ask again.
    pub(crate) fn reply(&mut self, client: &Client, frame: &Frame) {
        frame.encode(&mut self.frame);
        let _ = self.door.send(&client.identity, client.delimiter, &self.frame);
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.door.wait_on(poll_set);
        self.poller.wait_on(poll_set);
        let active = self.active.iter().filter_map(|number| self.dialled.get(number));
        active.for_each(|dialled| dialled.link.wait_on(poll_set));
    }
}

/// Takes what a link has, in a batch of bounded size; whether that was all.
fn take_frames(
    link: &mut Link,
    way: LinkId,
    frame: &mut Vec<u8>,
    counters: &mut ServiceCounters,
    arrivals: &mut Vec<Arrival>,
) -> bool {
    for _ in 0..FRAMES_PER_TURN {
        if !link.receive(frame) {
            return true;
        }
        match Frame::decode(frame) {
            Ok(Frame::Peer(message)) => {
                counters.frames_received += 1;
                arrivals.push(Arrival::Message(way, message));
            }
            Ok(_) | Err(_) => counters.garbage += 1,
        }
    }
    false
}

fn transmit(
    door: &mut Door,
    dialled: &mut BTreeMap<u64, Dialled>,
    to: &To,
    frame: &mut Vec<u8>,
) -> Result<(), SendError> {
    match to {
        To::Accepted(identity) => door.send(identity, false, frame),
        To::Dialled(number) => match dialled.get_mut(number) {
            Some(dialled) => dialled.link.send(frame),
            None => Err(SendError::Away),
        },
    }
}
