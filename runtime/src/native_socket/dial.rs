//! A dial: the connecting end of ZeroMQ's protocol, at the moment at which it begins.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use allot_zmtp::{Connection, Options};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::client::Client;
use super::listener::{Accepted, prepare};
use crate::Nanos;

/// Where a dial goes. A name would have to be resolved, and who does that waits.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(SocketAddrUnix),
}

impl Target {
    /// The target of an endpoint; none where it is no address and no socket of this machine.
    pub(crate) fn of(endpoint: &str) -> Option<Self> {
        if let Some(path) = endpoint.strip_prefix("ipc://") {
            let address = match path.strip_prefix('@') {
                Some("") => return None,
                Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes()),
                None if path.is_empty() || path == "*" => return None,
                None => SocketAddrUnix::new(path),
            };
            return address.ok().map(Self::Unix);
        }
        let (host, port) = endpoint.strip_prefix("tcp://")?.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let address: IpAddr = host.parse().ok()?;
        let port = port.parse().ok().filter(|port| 0 < *port)?;
        Some(Self::Tcp(SocketAddr::new(address, port)))
    }

    /// Begins to connect. What comes of it, a later read or write says.
    pub(crate) fn begin(&self, options: Options) -> rustix::io::Result<Client<()>> {
        let (stream, begun, address) = match self {
            Self::Tcp(address) => {
                let family =
                    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
                let stream = open(family)?;
                let begun = connect(&stream, address);
                (stream, begun, Some(address.ip()))
            }
            Self::Unix(address) => {
                let stream = open(AddressFamily::UNIX)?;
                let begun = connect(&stream, address);
                (stream, begun, None)
            }
        };
        match begun {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(errno) => return Err(errno),
        }
        let connected = Accepted { stream, address };
        prepare(&connected)?;
        Ok(Client::new(connected, Connection::new(options), 0, Nanos::ZERO))
    }
}

fn open(family: AddressFamily) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    socket_with(family, SocketType::STREAM, flags, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_target_and_a_name_is_none() {
        for endpoint in ["tcp://127.0.0.1:9", "tcp://[::1]:9", "ipc:///tmp/door", "ipc://@door"] {
            assert!(Target::of(endpoint).is_some(), "{endpoint}");
        }
        for endpoint in
            ["tcp://host:9", "tcp://127.0.0.1:0", "tcp://127.0.0.1", "ipc://", "ipc://*", "ipc://@"]
        {
            assert!(Target::of(endpoint).is_none(), "{endpoint}");
        }
    }
}
