//! A client: one connection of a native door.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use allot_zmtp::{Connection, PublicKey};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};

use super::listener::Accepted;
use crate::limits::{DOOR_CLIENT_BYTES_MAX, DOOR_CLIENT_BYTES_RESUME};
use crate::poller::Interest;
use crate::{Nanos, SendError};

/// One connection.
pub(super) struct Client {
    stream: OwnedFd,
    pub(super) connection: Connection,
    /// What the router knows it by; empty before the handshake is over.
    pub(super) identity: Vec<u8>,
    pub(super) address: Option<IpAddr>,
    /// In which order it was accepted.
    pub(super) number: u64,
    /// When something was read from it last.
    pub(super) heard_at: Nanos,
    pub(super) messages: u64,
    /// What it has of an unfinished message, as it was counted last.
    pub(super) unfinished: usize,
    /// What it is waited for.
    pub(super) interest: Interest,
    /// Whether it stands in the list of those to whom something was sent since the last flush.
    pub(super) is_unflushed: bool,
    /// What it has not taken, as it was counted last.
    pub(super) waiting: usize,
}

/// A connection that does not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Gone;

impl Client {
    pub(super) fn new(from: Accepted, connection: Connection, number: u64, now: Nanos) -> Self {
        Self {
            stream: from.stream,
            connection,
            identity: Vec::new(),
            address: from.address,
            number,
            heard_at: now,
            messages: 0,
            unfinished: 0,
            interest: Interest::READ,
            is_unflushed: false,
            waiting: 0,
        }
    }

    pub(super) const fn stream(&self) -> &OwnedFd {
        &self.stream
    }

    /// Reads once; returns how many bytes there were, or none for now.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Result<usize, Gone> {
        match recv(&self.stream, buffer, RecvFlags::empty()) {
            Ok((0, _)) => Err(Gone),
            Ok((len, _)) => Ok(len),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(_) => Err(Gone),
        }
    }

    /// Writes what the kernel takes.
    pub(super) fn write(&mut self) -> Result<(), Gone> {
        while !self.connection.output().is_empty() {
            match send(&self.stream, self.connection.output(), SendFlags::NOSIGNAL) {
                Ok(len) => self.connection.take_output(len),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => return Err(Gone),
            }
        }
        Ok(())
    }

    /// What it is to be waited for now: it is not read while it does not take what is due to it.
    pub(super) fn wanted(&self) -> Interest {
        let waiting = self.connection.output().len();
        let read_max =
            if self.interest.read { DOOR_CLIENT_BYTES_MAX } else { DOOR_CLIENT_BYTES_RESUME };
        Interest { read: waiting < read_max, write: 0 < waiting }
    }

    /// Adds a reply.
    pub(super) fn send(&mut self, delimiter: bool, body: &[u8]) -> Result<(), SendError> {
        if !self.connection.is_open() {
            return Err(SendError::Away);
        }
        if DOOR_CLIENT_BYTES_MAX <= self.connection.output().len() {
            return Err(SendError::Full);
        }
        if delimiter {
            self.connection.send(&[&[], body]);
        } else {
            self.connection.send(&[body]);
        }
        Ok(())
    }

    pub(super) fn key(&self) -> Option<PublicKey> {
        self.connection.peer_key()
    }

    /// Whether it has been silent for longer than it said that it would be.
    pub(super) fn is_overdue(&self, now: Nanos) -> bool {
        let ttl = u64::from(self.connection.peer_ttl());
        let ttl = Duration::from_millis(100 * ttl);
        // While it is not read, it cannot be heard.
        0 < ttl.as_millis() && self.interest.read && self.heard_at + ttl < now
    }

    /// Ends the connection so that the peer is told at once, whatever it has not read.
    pub(super) fn reset(self) {
        // It may have gone by itself.
        let _ = sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
        if self.address.is_none() {
            let _ = rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Both);
        }
    }
}
