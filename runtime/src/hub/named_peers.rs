//! Named peers: the socket to which peers connect under a name, and the holder of each name.
//!
//! A routing id is a name and the number of one socket: `shard-0#4f1a-…`. With bare names, ZeroMQ
//! would do one of two wrong things with a peer that comes back before the hub has noticed that it
//! went. It ignores the peer for ever (handover off), or it gives the name to the last peer that
//! asked, so that two processes started by mistake under one name take each other's frames
//! (handover on). Here every socket is accepted, and the holder of a name is decided afterwards:
//!
//! ```text
//!            a frame of            holder still     remember it as successor,
//!            another socket  ───►  reachable?  yes  drop the frame and count it
//!            of that name               │ no
//!                                       └─────────► it is the holder now
//! ```
//!
//! The successor takes over when a send finds the holder gone. A peer need not send a frame to be
//! known: its socket sends an empty one whenever it connects.

use std::mem;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::ends::Ends;
use crate::limits::NAME_BYTES_MAX;
use crate::{Context, Counter, Counters, Nanos, PollSet, RuntimeError, SendError, Transport};

/// Separates the name from the number in a routing id.
const SEPARATOR: u8 = b'#';

/// A ROUTER socket and its peers.
pub(super) struct NamedPeers {
    ends: Ends,
    peers: Vec<Peer>,
    counters: Counters,
}

/// A name and the routing ids that use it; empty if there is none.
struct Peer {
    name: String,
    holder: Vec<u8>,
    successor: Vec<u8>,
}

impl NamedPeers {
    pub(super) fn bind(
        context: &Context,
        endpoint: &str,
        names: &[String],
        transport: Transport,
    ) -> Result<Self, RuntimeError> {
        check(names)?;
        let ends = Ends::bind(context, endpoint, transport)?;
        let peer =
            |name: &String| Peer { name: name.clone(), holder: Vec::new(), successor: Vec::new() };
        let peers = names.iter().map(peer).collect();
        Ok(Self { ends, peers, counters: Counters::new() })
    }

    pub(super) fn send(&mut self, peer: usize, frame: &mut Vec<u8>) -> Result<(), SendError> {
        let sent = match self.offer(peer, frame) {
            Err(SendError::Away) if self.promote_successor(peer) => self.offer(peer, frame),
            first => first,
        };
        if sent.is_ok() {
            frame.clear();
        }
        sent
    }

    fn offer(&mut self, peer: usize, frame: &[u8]) -> Result<(), SendError> {
        let holder = &self.peers[peer].holder;
        if holder.is_empty() { Err(SendError::Away) } else { self.ends.send(holder, frame) }
    }

    /// Gives the name to the successor; false if there is none.
    fn promote_successor(&mut self, peer: usize) -> bool {
        let Peer { holder, successor, .. } = &mut self.peers[peer];
        holder.clear();
        mem::swap(holder, successor);
        !holder.is_empty()
    }

    pub(super) fn receive(&mut self, frame: &mut Vec<u8>) -> Option<usize> {
        while self.ends.receive() {
            match self.sender() {
                // Its probe, which says that it is there.
                Ok(_) if self.ends.body().is_some_and(<[u8]>::is_empty) => {}
                Ok(peer) => match self.ends.body() {
                    Some(body) => {
                        frame.clear();
                        frame.extend_from_slice(body);
                        return Some(peer);
                    }
                    None => self.counters.add(Counter::PartsDropped, 1),
                },
                Err(reason) => self.counters.add(reason, 1),
            }
        }
        None
    }

    /// The peer whose message was just received, or the counter of the reason to drop it. There are
    /// only tens of peers, so a linear search is fast enough.
    fn sender(&mut self) -> Result<usize, Counter> {
        let id = self.ends.sender();
        if let Some(peer) = self.peers.iter().position(|peer| peer.holder == id) {
            return Ok(peer);
        }
        let name = name_of(id);
        let peer = self.peers.iter().position(|peer| Some(peer.name.as_bytes()) == name);
        let peer = peer.ok_or(Counter::FramesUnknown)?;
        let holder = &self.peers[peer].holder;
        let is_taken = !holder.is_empty() && self.ends.reaches(holder);
        let Peer { holder, successor, .. } = &mut self.peers[peer];
        let claim = if is_taken { successor } else { holder };
        claim.clear();
        claim.extend_from_slice(self.ends.sender());
        if is_taken { Err(Counter::NamesTaken) } else { Ok(peer) }
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.ends.wait_on(poll_set);
    }

    pub(super) fn peers(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn endpoint(&self) -> &str {
        self.ends.endpoint()
    }

    pub(super) fn tick(&mut self, now: Nanos) {
        self.ends.tick(now);
    }

    pub(super) fn flush(&mut self) {
        self.ends.flush();
    }

    pub(super) fn wake_at(&self) -> Nanos {
        self.ends.wake_at()
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        self.counters = counters.clone();
        self.ends.count_into(counters);
    }
}

/// A routing id for a new socket of that name. No other socket has it or had it.
pub(crate) fn routing_id(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let process = process::id();
    let socket = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{name}#{process:x}-{started:x}-{socket:x}")
}

fn name_of(routing_id: &[u8]) -> Option<&[u8]> {
    let end = routing_id.iter().position(|&byte| byte == SEPARATOR)?;
    Some(&routing_id[..end])
}

/// Refuses names that are ambiguous, or that ZeroMQ reserves.
fn check(names: &[String]) -> Result<(), RuntimeError> {
    for (index, name) in names.iter().enumerate() {
        let rule = match name.as_bytes() {
            [] => "a name has at least one byte",
            [0, ..] => "ZeroMQ reserves names that start with a zero byte",
            long if NAME_BYTES_MAX < long.len() => "a name has at most 128 bytes",
            _ if name.as_bytes().contains(&SEPARATOR) => "a name must not contain a #",
            _ if names[..index].contains(name) => "two peers cannot have the same name",
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
    fn an_invalid_name_is_refused() {
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
