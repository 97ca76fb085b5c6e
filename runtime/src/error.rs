//! A runtime error: something that could not be set up at start-up, with what to do about it.
//!
//! Errors of the running system are elsewhere: a send that is not possible now is a
//! [`SendError`](crate::SendError), and an agent that panicked is a
//! [`ThreadGroupError`](crate::ThreadGroupError).

use std::fmt;

/// Why something could not be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeError {
    /// An endpoint could not be bound.
    Bind {
        /// What was to be bound.
        endpoint: String,
        /// The reason, in words.
        cause: String,
    },
    /// An endpoint could not be connected to.
    Connect {
        /// What was to be connected to.
        endpoint: String,
        /// The reason, in words.
        cause: String,
    },
    /// ZeroMQ refused a socket or one of its options.
    Socket {
        /// What was asked for.
        what: &'static str,
        /// The reason, in words.
        cause: String,
    },
    /// A name that cannot be the address of a peer.
    Name {
        /// The name.
        name: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The kernel has no descriptor for a waker.
    Waker {
        /// The reason, in words.
        cause: String,
    },
    /// A thread could not be started.
    Thread {
        /// Its name.
        thread: String,
        /// The reason, in words.
        cause: String,
    },
    /// A thread could not be pinned.
    Pin {
        /// The core that was asked for.
        core: usize,
        /// The cores that this process may use.
        cores: Vec<usize>,
    },
    /// Busy waiting was asked for on too few cores.
    SpinNeedsCores {
        /// The threads that would spin.
        threads: usize,
        /// The cores of the machine that this process may use.
        cores: usize,
    },
    /// A text that is not a valid value of a setting.
    Setting {
        /// What is being set.
        setting: &'static str,
        /// What was given.
        given: String,
        /// What may be given.
        expected: &'static str,
    },
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { endpoint, cause } => write!(out, "cannot bind {endpoint}: {cause}"),
            Self::Connect { endpoint, cause } => {
                write!(out, "cannot connect to {endpoint}: {cause}")
            }
            Self::Socket { what, cause } => write!(out, "ZeroMQ refused {what}: {cause}"),
            Self::Name { name, rule } => write!(out, "{name:?} cannot name a peer: {rule}"),
            Self::Waker { cause } => write!(
                out,
                "cannot create an eventfd: {cause}; raise the limit of open files (ulimit -n)"
            ),
            Self::Thread { thread, cause } => write!(
                out,
                "cannot start the thread {thread}: {cause}; raise the limit of processes \
                 (ulimit -u)"
            ),
            Self::Pin { core, cores } => write!(
                out,
                "cannot pin a thread to core {core}; choose one of the cores that this process may \
                 use: {cores:?}"
            ),
            Self::SpinNeedsCores { threads, cores } => write!(
                out,
                "--wait spin needs a core for each of the {threads} threads and one for everything \
                 else, but there are only {cores}; use --wait adaptive, or fewer threads"
            ),
            Self::Setting { setting, given, expected } => {
                write!(out, "{given:?} is not a valid {setting}; use {expected}")
            }
        }
    }
}

impl std::error::Error for RuntimeError {}

impl RuntimeError {
    /// A failed bind, with what to do about the usual causes.
    pub(crate) fn bind(endpoint: &str, error: zmq::Error) -> Self {
        let cause = match error {
            zmq::Error::EADDRINUSE => {
                "address in use; is another allot running? Stop it, or choose another endpoint"
                    .to_owned()
            }
            zmq::Error::EADDRNOTAVAIL | zmq::Error::ENODEV if endpoint.contains('[') => {
                "addresses of IPv6 are not supported here; use 127.0.0.1, or * for all of IPv4"
                    .to_owned()
            }
            zmq::Error::EADDRNOTAVAIL | zmq::Error::ENODEV => {
                "this machine has no such address; use 127.0.0.1, or * for all of them".to_owned()
            }
            zmq::Error::EACCES => {
                "permission denied; choose a port above 1023, or a directory that this user may \
                 write"
                    .to_owned()
            }
            other => Self::endpoint_cause(other),
        };
        Self::Bind { endpoint: endpoint.to_owned(), cause }
    }

    /// A failed connect. A peer that is not there yet is not an error: ZeroMQ keeps trying.
    pub(crate) fn connect(endpoint: &str, error: zmq::Error) -> Self {
        Self::Connect { endpoint: endpoint.to_owned(), cause: Self::endpoint_cause(error) }
    }

    fn endpoint_cause(error: zmq::Error) -> String {
        match error {
            zmq::Error::EINVAL | zmq::Error::EPROTONOSUPPORT => {
                "not an endpoint; write tcp://HOST:PORT or ipc://PATH".to_owned()
            }
            other => other.message().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_is_wrong_and_what_to_do() {
        let error = RuntimeError::bind("tcp://127.0.0.1:9998", zmq::Error::EADDRINUSE);
        assert_eq!(
            error.to_string(),
            "cannot bind tcp://127.0.0.1:9998: address in use; is another allot running? \
             Stop it, or choose another endpoint"
        );
        let error = RuntimeError::connect("9998", zmq::Error::EINVAL);
        assert_eq!(
            error.to_string(),
            "cannot connect to 9998: not an endpoint; write tcp://HOST:PORT or ipc://PATH"
        );
    }
}
