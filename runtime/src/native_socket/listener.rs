//! A listener: where the connections of a native socket come from.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};

use rustix::net::{self, sockopt};

use crate::RuntimeError;
use crate::ipc_file::IpcFile;
use crate::limits::{
    DOOR_BACKLOG, DOOR_KERNEL_BYTES, KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL,
    SOCKET_PATH_MAX, UNTAKEN,
};

/// A socket that accepts connections.
pub(super) struct Listener {
    kind: Kind,
    endpoint: String,
    /// Removed together with the socket.
    _file: Option<IpcFile>,
}

enum Kind {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

/// A connection that was accepted.
pub(super) struct Accepted {
    pub(super) stream: OwnedFd,
    /// Where it comes from; none within the machine.
    pub(super) address: Option<IpAddr>,
}

/// Where an endpoint is; what else ZeroMQ binds, such as an interface by its name, is none.
enum Place<'a> {
    Tcp(Vec<SocketAddr>),
    Path(&'a str),
    Abstract(&'a str),
}

impl Place<'_> {
    fn of(endpoint: &str) -> Option<Place<'_>> {
        if let Some(path) = endpoint.strip_prefix("ipc://") {
            return match path.strip_prefix('@') {
                Some(name) if !name.is_empty() => Some(Place::Abstract(name)),
                None if !path.is_empty() && path != "*" => Some(Place::Path(path)),
                _ => None,
            };
        }
        let (host, port) = endpoint.strip_prefix("tcp://")?.rsplit_once(':')?;
        let port = if port == "*" { 0 } else { port.parse().ok()? };
        let host = if host == "*" { "0.0.0.0" } else { host };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let mut places: Vec<_> = (host, port).to_socket_addrs().ok()?.collect();
        // As ZeroMQ does: a name is one of IPv4 where it has both.
        places.sort_by_key(SocketAddr::is_ipv6);
        places.truncate(1);
        Some(Place::Tcp(places))
    }
}

impl Listener {
    /// Whether an endpoint is one of these.
    pub(super) fn knows(endpoint: &str) -> bool {
        Place::of(endpoint).is_some()
    }

    pub(super) fn bind(endpoint: &str) -> Result<Self, RuntimeError> {
        let refused = |error: io::Error| {
            let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
            RuntimeError::bind(endpoint, zmq::Error::from_raw(errno))
        };
        let place =
            Place::of(endpoint).ok_or_else(|| RuntimeError::bind(endpoint, zmq::Error::EINVAL))?;
        IpcFile::make_way(endpoint)?;
        let (kind, endpoint) = match place {
            Place::Tcp(places) => {
                let listener = TcpListener::bind(&places[..]).map_err(refused)?;
                let bound = listener.local_addr().map_err(refused)?;
                (Kind::Tcp(listener), format!("tcp://{bound}"))
            }
            Place::Path(path) => {
                if SOCKET_PATH_MAX < path.len() {
                    let len = path.len();
                    let cause = format!(
                        "a path of a socket has at most {SOCKET_PATH_MAX} bytes, and this one has \
                         {len}; choose a shorter one"
                    );
                    return Err(RuntimeError::Bind { endpoint: endpoint.to_owned(), cause });
                }
                // Nobody listens there: a server that was killed has left it.
                let _ = fs::remove_file(path);
                let listener = UnixListener::bind(path).map_err(refused)?;
                (Kind::Ipc(listener), endpoint.to_owned())
            }
            Place::Abstract(name) => {
                let address = UnixAddr::from_abstract_name(name).map_err(refused)?;
                let listener = UnixListener::bind_addr(&address).map_err(refused)?;
                (Kind::Ipc(listener), endpoint.to_owned())
            }
        };
        let file = IpcFile::of(&endpoint);
        let listener = Self { kind, endpoint, _file: file };
        listener.configure().map_err(|errno| refused(errno.into()))?;
        Ok(listener)
    }

    /// Connections that are accepted inherit the sizes.
    fn configure(&self) -> rustix::io::Result<()> {
        let size = usize::try_from(DOOR_KERNEL_BYTES).expect("a size is positive");
        sockopt::set_socket_recv_buffer_size(self, size)?;
        sockopt::set_socket_send_buffer_size(self, size)?;
        rustix::io::ioctl_fionbio(self, true)?;
        net::listen(self, DOOR_BACKLOG)
    }

    /// The next connection; none if there is none now.
    pub(super) fn accept(&self) -> io::Result<Option<Accepted>> {
        let accepted = match &self.kind {
            Kind::Tcp(listener) => listener
                .accept()
                .map(|(stream, from)| Accepted { stream: stream.into(), address: Some(from.ip()) }),
            Kind::Ipc(listener) => listener
                .accept()
                .map(|(stream, _)| Accepted { stream: stream.into(), address: None }),
        };
        match accepted {
            Ok(accepted) => Ok(prepare(&accepted).is_ok().then_some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            // It has gone before it was taken.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Tcp(listener) => listener.as_fd(),
            Kind::Ipc(listener) => listener.as_fd(),
        }
    }
}

/// Replies leave at once, and a host that has vanished is noticed.
pub(super) fn prepare(accepted: &Accepted) -> rustix::io::Result<()> {
    let stream = &accepted.stream;
    rustix::io::ioctl_fionbio(stream, true)?;
    if accepted.address.is_some() {
        sockopt::set_tcp_nodelay(stream, true)?;
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
        sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
        sockopt::set_tcp_keepcnt(stream, KEEPALIVE_COUNT)?;
        let untaken = u32::try_from(UNTAKEN.as_millis()).expect("some seconds");
        sockopt::set_tcp_user_timeout(stream, untaken)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_bound_where_it_says() {
        for (endpoint, begin) in [
            ("tcp://127.0.0.1:*", "tcp://127.0.0.1:"),
            ("tcp://127.0.0.1:0", "tcp://127.0.0.1:"),
            ("tcp://localhost:*", "tcp://127.0.0.1:"),
            ("tcp://*:0", "tcp://0.0.0.0:"),
        ] {
            let listener = Listener::bind(endpoint).unwrap();
            let port = listener.endpoint().strip_prefix(begin).unwrap();
            assert!(0 < port.parse::<u16>().unwrap(), "{endpoint}");
            let error = Listener::bind(listener.endpoint()).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("address in use"), "{error}");
        }
        for endpoint in ["tcp://eth0:9", "tcp://127.0.0.1", "ipc://*", "ipc://", "inproc://a"] {
            assert!(!Listener::knows(endpoint), "{endpoint}");
        }
    }

    #[test]
    fn a_file_that_a_killed_server_left_is_taken_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("door");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let endpoint = format!("ipc://{}", path.display());
        let listener = Listener::bind(&endpoint).unwrap();
        assert!(Listener::bind(&endpoint).is_err(), "it is alive");
        // Whoever asked whether it is alive.
        assert!(listener.accept().unwrap().is_some());
        assert!(listener.accept().unwrap().is_none());
        drop(listener);
        assert!(!path.exists());
    }
}
