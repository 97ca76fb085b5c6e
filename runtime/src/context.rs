//! A context: the ZeroMQ library of this process, with its one I/O thread.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::RuntimeError;

/// The context in which sockets are made. Clones share it.
///
/// Dropping the last clone, after the last socket, waits until what was sent has left, but at most
/// the linger time of one second.
#[derive(Clone)]
pub struct Context {
    raw: zmq::Context,
}

/// Facts about the ZeroMQ library.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Of libzmq: major, minor, patch.
    pub version: (i32, i32, i32),
    /// Whether connections can be encrypted.
    pub has_curve: bool,
    /// Whether threads wake each other through an eventfd. A socket pair, which is what the
    /// library falls back to when built without it, costs more for each message.
    pub wakes_by_eventfd: bool,
}

impl Context {
    /// A context with one I/O thread, enough for a gigabyte a second.
    ///
    /// Every connection takes descriptors, so the soft limit of open files is raised to the hard
    /// one, which is usually far higher.
    ///
    /// # Errors
    /// When the process has no more file descriptors.
    pub fn new() -> Result<Self, RuntimeError> {
        raise_limit_of_open_files();
        let context = Self { raw: zmq::Context::new() };
        // The library starts its threads with the first socket, and a thread inherits the affinity
        // of the one that starts it. So the first socket is made here, before any agent is pinned.
        context.socket(zmq::PAIR)?;
        Ok(context)
    }

    /// Asks the library for its facts.
    ///
    /// # Errors
    /// When the process has no more file descriptors.
    pub fn facts(&self) -> Result<Facts, RuntimeError> {
        let socket = self.socket(zmq::PAIR)?;
        let descriptor = socket.get_fd().map_err(|error| RuntimeError::Socket {
            what: "a socket's descriptor",
            cause: error.message().to_owned(),
        })?;
        let link = fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_default();
        Ok(Facts {
            version: zmq::version(),
            has_curve: zmq::has("curve").unwrap_or(false),
            wakes_by_eventfd: link.to_string_lossy().contains("eventfd"),
        })
    }

    pub(crate) fn socket(&self, kind: zmq::SocketType) -> Result<zmq::Socket, RuntimeError> {
        self.raw.socket(kind).map_err(|error| RuntimeError::Socket {
            what: "a socket",
            cause: match error {
                zmq::Error::EMFILE => "too many open files; raise the limit (ulimit -n)".to_owned(),
                other => other.message().to_owned(),
            },
        })
    }
}

/// Raises the soft limit to the hard one. If that fails, the limit stays, and a later call that
/// needs more descriptors reports it.
fn raise_limit_of_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_the_one_this_workspace_builds() {
        let facts = Context::new().unwrap().facts().unwrap();
        assert_eq!(facts, Facts { version: (4, 3, 5), has_curve: true, wakes_by_eventfd: true });
    }
}
