//! A client: one connection of a native socket.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use allot_zmtp::{Connection, PublicKey};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};

use super::listener::Accepted;
use crate::Nanos;
use crate::poller::Interest;

/// One connection.
pub(crate) struct Client<T> {
    stream: OwnedFd,
    pub(crate) connection: Connection,
    pub(super) address: Option<IpAddr>,
    /// In which order it was accepted.
    pub(crate) number: u64,
    /// When something was read from it last.
    pub(crate) heard_at: Nanos,
    /// How many messages came from it.
    pub(crate) messages: u64,
    /// What it is waited for.
    pub(crate) interest: Interest,
    /// Whether it stands in the list of those to whom something was sent since the last flush.
    pub(crate) is_unflushed: bool,
    /// What the owner of the socket keeps of it.
    pub(crate) own: T,
}

/// A connection that does not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gone {
    /// The peer has ended it.
    Closed,
    /// The kernel has: the host was silent, or took nothing for too long.
    Lost,
}

impl From<Errno> for Gone {
    fn from(errno: Errno) -> Self {
        if errno == Errno::TIMEDOUT { Self::Lost } else { Self::Closed }
    }
}

impl<T: Default> Client<T> {
    pub(super) fn new(from: Accepted, connection: Connection, number: u64, now: Nanos) -> Self {
        Self {
            stream: from.stream,
            connection,
            address: from.address,
            number,
            heard_at: now,
            messages: 0,
            interest: Interest::READ,
            is_unflushed: false,
            own: T::default(),
        }
    }
}

impl<T> Client<T> {
    pub(crate) const fn stream(&self) -> &OwnedFd {
        &self.stream
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Reads once; returns how many bytes there were, or none for now.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> Result<usize, Gone> {
        match recv(&self.stream, buffer, RecvFlags::empty()) {
            Ok((0, _)) => Err(Gone::Closed),
            Ok((len, _)) => Ok(len),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Writes what the kernel takes of the output of the connection.
    pub(crate) fn write_output(&mut self) -> Result<(), Gone> {
        while !self.connection.output().is_empty() {
            match send(&self.stream, self.connection.output(), SendFlags::NOSIGNAL) {
                Ok(len) => self.connection.take_output(len),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Its address; none where it is no connection over TCP.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        SocketAddr::try_from(rustix::net::getpeername(&self.stream).ok()??).ok()
    }

    pub(crate) fn key(&self) -> Option<PublicKey> {
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
    pub(crate) fn reset(self) {
        // It may have gone by itself.
        let _ = sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
        if self.address.is_none() {
            let _ = rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Both);
        }
    }
}
