//! Gate: what stands before the door of a peer, and can keep out what comes from the other half.
//!
//! ```text
//!   a peer of either half ══► gate ══► door       a passage for each connection
//!                              │
//!                              ├─ holds: what crosses from one half to the other waits, both ways
//!                              └─ refuses: connections from one half to the other are broken off
//! ```
//!
//! Peers tell each other the address of the gate. Who has connected is in the hello that passes, so
//! that of a new connection the handshake still comes through while the gate is not open.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use allot_mesh_rules::Address;
use allot_runtime::{Agent, Nanos, PollSet};
use anyhow::{Context, Result};
use serde::Serialize;

/// Bytes that are read at once.
const CHUNK: usize = 16 << 10;
/// Nothing is looked for in what a connection says after so much.
const HEAD: usize = 4 << 10;
/// After this long a connection that took nothing is tried again.
const AGAIN: Duration = Duration::from_millis(1);

/// What gates do with what crosses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub(super) enum Passing {
    Open,
    Held,
    Refused,
}

/// What all gates do. Clones are one.
#[derive(Clone, Default)]
pub(super) struct Cut(Arc<AtomicU8>);

impl Cut {
    pub(super) fn set(&self, passing: Passing) {
        self.0.store(passing as u8, Ordering::SeqCst);
    }

    fn get(&self) -> Passing {
        match self.0.load(Ordering::SeqCst) {
            0 => Passing::Open,
            1 => Passing::Held,
            _ => Passing::Refused,
        }
    }
}

/// The gate of one peer.
pub(super) struct Gate {
    listener: TcpListener,
    /// The door behind it.
    door: String,
    /// Peers below it are the one half.
    half: usize,
    is_lower: bool,
    cut: Cut,
    passages: Vec<Passage>,
}

/// A connection through the gate.
struct Passage {
    near: TcpStream,
    far: TcpStream,
    to_far: Vec<u8>,
    to_near: Vec<u8>,
    /// What it said until it was known who says it.
    head: Vec<u8>,
    /// Whether whoever connected is in the other half; none until it has said who it is.
    crosses: Option<bool>,
    has_ended: bool,
}

impl Gate {
    /// A gate before the door of this peer, and its address.
    pub(super) fn open(
        door: &Address,
        number: usize,
        half: usize,
        cut: Cut,
    ) -> Result<(Self, Address)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = format!("tcp://{}", listener.local_addr()?);
        let address = Address::new(&address).context("an endpoint is an address")?;
        let door = door.as_str().strip_prefix("tcp://").context("the door is on TCP")?.to_owned();
        let is_lower = number < half;
        Ok((Self { listener, door, half, is_lower, cut, passages: Vec::new() }, address))
    }

    fn accept(&mut self) -> usize {
        let mut accepted = 0;
        while let Ok((near, _)) = self.listener.accept() {
            accepted += 1;
            // A peer that is gone refuses, and so does its gate.
            self.passages.extend(
                TcpStream::connect(&self.door).ok().and_then(|far| Passage::new(near, far).ok()),
            );
        }
        accepted
    }
}

impl Passage {
    fn new(near: TcpStream, far: TcpStream) -> std::io::Result<Self> {
        for stream in [&near, &far] {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
        }
        let (to_far, to_near, head) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { near, far, to_far, to_near, head, crosses: None, has_ended: false })
    }

    fn is_held(&self, passing: Passing) -> bool {
        passing != Passing::Open && self.crosses == Some(true)
    }

    /// Breaks it off if it may not be: what waits is lost.
    fn refuse(&mut self, passing: Passing) -> bool {
        let is_refused = passing == Passing::Refused && self.is_held(passing);
        if is_refused {
            self.has_ended = true;
            self.to_far.clear();
            self.to_near.clear();
        }
        is_refused
    }

    /// Whether something waits that a connection did not take.
    fn is_full(&self) -> bool {
        !self.to_far.is_empty() || !self.to_near.is_empty()
    }

    /// Moves what there is, both ways; returns how often there was something.
    fn pump(&mut self, passing: Passing, half: usize, is_lower: bool) -> usize {
        if self.refuse(passing) || self.is_held(passing) {
            return 0;
        }
        let mut moved = read(&mut self.near, &mut self.to_far, &mut self.has_ended);
        if self.crosses.is_none() && 0 < moved {
            self.head.extend_from_slice(&self.to_far);
            self.crosses = speaker(&self.head).map(|number| (number < half) != is_lower);
            if HEAD < self.head.len() {
                // A client, which is in no half.
                self.crosses.get_or_insert(false);
            }
        }
        if self.refuse(passing) || self.is_held(passing) {
            return moved;
        }
        moved += read(&mut self.far, &mut self.to_near, &mut self.has_ended);
        write(&mut self.far, &mut self.to_far, &mut self.has_ended);
        write(&mut self.near, &mut self.to_near, &mut self.has_ended);
        moved
    }
}

/// Takes what there is, if what was taken before has left.
fn read(from: &mut TcpStream, into: &mut Vec<u8>, has_ended: &mut bool) -> usize {
    if !into.is_empty() || *has_ended {
        return 0;
    }
    let mut chunk = [0; CHUNK];
    match from.read(&mut chunk) {
        Ok(0) => *has_ended = true,
        Ok(count) => into.extend_from_slice(&chunk[..count]),
        Err(error) if error.kind() == ErrorKind::WouldBlock => return 0,
        Err(_) => *has_ended = true,
    }
    1
}

fn write(into: &mut TcpStream, from: &mut Vec<u8>, has_ended: &mut bool) {
    while !from.is_empty() {
        match into.write(from) {
            Ok(count) => drop(from.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => {
                *has_ended = true;
                from.clear();
            }
        }
    }
}

/// The number of the peer whose hello is in these bytes: `MESH`, a version, kind 1, its name.
fn speaker(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).position(|window| window == b"MESH")?;
    let [_, 1, len, name @ ..] = bytes.get(at + 4..)? else { return None };
    let name = name.get(..usize::from(*len))?;
    std::str::from_utf8(name).ok()?.strip_prefix('s')?.parse().ok()
}

impl Agent for Gate {
    fn role(&self) -> &'static str {
        "gate"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let (passing, half, is_lower) = (self.cut.get(), self.half, self.is_lower);
        let mut done = self.accept();
        for passage in &mut self.passages {
            done += passage.pump(passing, half, is_lower);
        }
        self.passages.retain(|one| !one.has_ended || one.is_full());
        done
    }

    fn wake_at(&self) -> Nanos {
        let passing = self.cut.get();
        let waits = |passage: &Passage| passage.is_full() && !passage.is_held(passing);
        match self.passages.iter().any(waits) {
            true => allot_runtime::Clock::system().now() + AGAIN,
            false => Nanos::MAX,
        }
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        poll_set.file(self.listener.as_fd());
        let passing = self.cut.get();
        for passage in self.passages.iter().filter(|passage| !passage.is_held(passing)) {
            poll_set.file(passage.near.as_fd());
            poll_set.file(passage.far.as_fd());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_connects_is_in_its_hello() {
        assert_eq!(speaker(b"\x04\x26MESH\x01\x01\x03s17\x00"), Some(17));
        assert_eq!(speaker(b"MESH\x01\x06\x03s17"), None);
        assert_eq!(speaker(b"MESH\x01\x01\x03s1"), None, "the rest is still to come");
        assert_eq!(speaker(b"MES"), None);
    }
}
