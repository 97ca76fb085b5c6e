//! A switchboard: the socket that named peers call, and who holds each name now.
//!
//! A routing id is a name and the number of one socket: `shard-0#4f1a-…`. ZeroMQ itself would
//! take bare names, and do one of two wrong things with a peer that comes back before the hub
//! has noticed that it went: ignore it for ever (handover off), or give a name to whoever asked
//! last, so that two processes started by mistake under one name take each other's frames in
//! turns (handover on). Here every socket is accepted, and a name is decided on afterwards:
//!
//! ```text
//!            a frame of            holder still     remember it as the heir,
//!            another socket  ───►  reachable?  yes  drop the frame and count it
//!            of that name               │ no
//!                                       └─────────► it is the holder now
//! ```
//!
//! An heir takes over when a send finds the holder gone. A peer need not say anything to be
//! known: its socket sends an empty frame whenever it connects.

use std::mem;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use zmq::{Message, POLLIN};

use crate::limits::{LINK_FRAME_BYTES_MAX, LINK_HIGH_WATER, NAME_BYTES_MAX};
use crate::socket::{Bounds, Part, Socket};
use crate::{Context, Counter, Counters, PollSet, RuntimeError, SendError};

/// Stands between the name and the number in a routing id.
const SEPARATOR: u8 = b'#';

/// A ROUTER socket and its peers.
pub(super) struct Switchboard {
    socket: Socket,
    peers: Vec<Peer>,
    /// Reused for every receive: ZeroMQ owns its memory.
    message: Message,
    counters: Counters,
}

/// A name and the routing ids that go by it; empty for nobody.
struct Peer {
    name: String,
    holder: Vec<u8>,
    heir: Vec<u8>,
}

impl Switchboard {
    pub(super) fn bind(
        context: &Context,
        endpoint: &str,
        names: &[String],
    ) -> Result<Self, RuntimeError> {
        check(names)?;
        let bounds = Bounds { high_water: LINK_HIGH_WATER, frame_bytes_max: LINK_FRAME_BYTES_MAX };
        let socket = Socket::open(context, zmq::ROUTER, bounds, |socket| {
            // Without it a frame for a peer that is away is dropped and the send succeeds.
            socket.set_router_mandatory(true)?;
            // Routing ids are of one socket each: who takes one over has reconnected.
            socket.set_router_handover(true)
        })?
        .bind(endpoint)?;
        let peer =
            |name: &String| Peer { name: name.clone(), holder: Vec::new(), heir: Vec::new() };
        Ok(Self {
            socket,
            peers: names.iter().map(peer).collect(),
            message: Message::new(),
            counters: Counters::new(),
        })
    }

    pub(super) fn send(&mut self, peer: usize, frame: &mut Vec<u8>) -> Result<(), SendError> {
        let sent = match self.offer(peer, frame) {
            Err(SendError::Away) if self.succeed(peer) => self.offer(peer, frame),
            first => first,
        };
        if sent.is_ok() {
            frame.clear();
        }
        sent
    }

    /// The peer is checked on its routing id, the first frame: a refusal has sent nothing, and
    /// after it the body is always taken.
    fn offer(&self, peer: usize, frame: &[u8]) -> Result<(), SendError> {
        let holder = &self.peers[peer].holder;
        if holder.is_empty() {
            return Err(SendError::Away);
        }
        self.socket.send(holder, Part::More)?;
        self.socket.send(frame, Part::Last)
    }

    /// Hands a name on; false if there is nobody to take it.
    fn succeed(&mut self, peer: usize) -> bool {
        let Peer { holder, heir, .. } = &mut self.peers[peer];
        holder.clear();
        mem::swap(holder, heir);
        !holder.is_empty()
    }

    pub(super) fn receive(&mut self, frame: &mut Vec<u8>) -> Option<usize> {
        while self.socket.receive(&mut self.message) {
            let caller = self.caller();
            let has_body = self.socket.receive_more(&mut self.message);
            match caller {
                Ok(_) if has_body && self.message.is_empty() && !self.message.get_more() => {}
                Ok(peer) if has_body && !self.message.get_more() => {
                    frame.clear();
                    frame.extend_from_slice(&self.message);
                    return Some(peer);
                }
                Ok(_) => self.counters.add(Counter::PartsDropped, 1),
                Err(reason) => self.counters.add(reason, 1),
            }
            self.socket.discard_more(&mut self.message);
        }
        None
    }

    /// The peer whose routing id was just received, or why it is not heard.
    /// There are tens of peers, so a search along the list it is.
    fn caller(&mut self) -> Result<usize, Counter> {
        let id = &self.message[..];
        if let Some(peer) = self.peers.iter().position(|peer| peer.holder == id) {
            return Ok(peer);
        }
        let name = name_of(id);
        let peer = self.peers.iter().position(|peer| Some(peer.name.as_bytes()) == name);
        let peer = peer.ok_or(Counter::FramesUnknown)?;
        // An empty frame asks whether the holder is there; its socket passes over it.
        let taken = self.offer(peer, &[]) != Err(SendError::Away);
        let Peer { holder, heir, .. } = &mut self.peers[peer];
        let place = if taken { heir } else { holder };
        place.clear();
        place.extend_from_slice(&self.message);
        if taken { Err(Counter::NamesTaken) } else { Ok(peer) }
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.socket.wait_on(poll_set, POLLIN);
    }

    pub(super) fn peers(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn endpoint(&self) -> &str {
        self.socket.endpoint()
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        self.counters = counters.clone();
    }
}

/// A routing id for a new socket of that name, such as no other has or had.
pub(crate) fn routing_id(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let (process, socket) = (process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{name}#{process:x}-{started:x}-{socket:x}")
}

fn name_of(routing_id: &[u8]) -> Option<&[u8]> {
    let end = routing_id.iter().position(|&byte| byte == SEPARATOR)?;
    Some(&routing_id[..end])
}

/// Refuses names that could not be told from each other or from ZeroMQ's own.
fn check(names: &[String]) -> Result<(), RuntimeError> {
    for (place, name) in names.iter().enumerate() {
        let rule = match name.as_bytes() {
            [] => "a name has at least one byte",
            [0, ..] => "names that start with a zero byte are ZeroMQ's own",
            long if NAME_BYTES_MAX < long.len() => "a name has at most 128 bytes",
            _ if name.as_bytes().contains(&SEPARATOR) => "a name contains no #",
            _ if names[..place].contains(name) => "two peers cannot have one name",
            _ => continue,
        };
        return Err(RuntimeError::Name { name: name.clone(), rule });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cannot_be_an_address_is_refused() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        check(&names(&["shard-0", "shard-1"])).unwrap();
        let long = "x".repeat(129);
        for bad in [vec![""], vec!["\0a"], vec!["a#1"], vec!["a", "b", "a"], vec![&long]] {
            assert!(check(&names(&bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn routing_ids_differ_and_keep_their_name() {
        let name = "x".repeat(NAME_BYTES_MAX);
        let (first, second) = (routing_id(&name), routing_id(&name));
        assert_ne!(first, second);
        assert!(first.len() <= 255, "ZeroMQ keeps the length in a byte");
        assert_eq!(name_of(second.as_bytes()), Some(name.as_bytes()));
        assert_eq!(name_of(b"shard-0"), None);
    }
}
