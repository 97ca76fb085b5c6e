//! A stream: a socket of the operating system that never waits.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with, sockopt,
};

use crate::Endpoint;
use crate::endpoint::Place;

/// A connected socket, or one that is about to be.
pub(crate) struct Stream(OwnedFd);

impl Stream {
    /// Begins to connect. What comes of it, a later read or write says.
    pub(crate) fn begin(endpoint: &Endpoint) -> io::Result<Self> {
        let (stream, begun) = match endpoint.place() {
            Place::Tcp { host, port } => {
                let mut addresses: Vec<_> = (host.as_str(), *port).to_socket_addrs()?.collect();
                // As ZeroMQ does: a name is one of IPv4 where it has both.
                addresses.sort_by_key(SocketAddr::is_ipv6);
                let address = addresses.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
                let is_old = address.is_ipv4();
                let stream =
                    Self::open(if is_old { AddressFamily::INET } else { AddressFamily::INET6 })?;
                sockopt::set_tcp_nodelay(&stream.0, true)?;
                sockopt::set_socket_keepalive(&stream.0, true)?;
                let begun = connect(&stream.0, address);
                (stream, begun)
            }
            Place::Path(path) => Self::local(&SocketAddrUnix::new(path.as_str())?)?,
            Place::Abstract(name) => {
                Self::local(&SocketAddrUnix::new_abstract_name(name.as_bytes())?)?
            }
        };
        match begun {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(stream),
            Err(errno) => Err(errno.into()),
        }
    }

    fn local(address: &SocketAddrUnix) -> io::Result<(Self, Result<(), Errno>)> {
        let stream = Self::open(AddressFamily::UNIX)?;
        let begun = connect(&stream.0, address);
        Ok((stream, begun))
    }

    fn open(family: AddressFamily) -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        Ok(Self(socket_with(family, SocketType::STREAM, flags, None)?))
    }

    /// Reads what there is; none if there is nothing yet, and zero at the end.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        not_yet(recv(&self.0, buffer, RecvFlags::empty()).map(|(len, _)| len))
    }

    /// Writes what there is room for; none if there is no room yet.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        not_yet(send(&self.0, bytes, SendFlags::NOSIGNAL))
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A socket that is still connecting says that it is not connected.
fn not_yet(done: Result<usize, Errno>) -> io::Result<Option<usize>> {
    match done {
        Ok(len) => Ok(Some(len)),
        Err(Errno::AGAIN | Errno::NOTCONN | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
