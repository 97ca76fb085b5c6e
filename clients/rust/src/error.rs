//! Errors: what a client cannot do, why, and what to do about it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use allot_domain::{Reject, Seq};
use allot_wire::DecodeError;
use allot_zmtp::Fault;

/// Why a call of a client did not succeed.
#[derive(Clone)]
#[non_exhaustive]
pub enum ClientError {
    /// A text is no value of a setting.
    Setting {
        /// What is being set.
        setting: &'static str,
        /// What was given; it is not repeated where it may be a secret.
        given: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A value that no request may have: the server would refuse it.
    Request(Reject),
    /// A request that is longer than the server reads.
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// As many requests as there may be have no reply, or their bytes are as many.
    Full,
    /// As many bytes of replies as there may be were not taken.
    Unread,
    /// The server refused the request for good, and nothing changed.
    Refused(Refusal),
    /// There was no reply in time. The request stays in flight: it may be applied yet.
    NoReply {
        /// The request.
        seq: Seq,
        /// How long it was waited for.
        waited: Duration,
        /// What is known of why.
        why: Unanswered,
    },
    /// The server has sent what is no reply to a request of this client, or no publication.
    NotUnderstood(String),
    /// There is no connection to the publisher, and there was none in time.
    NoFeed {
        /// Where the publisher should be.
        endpoint: String,
        /// How long it was waited for.
        waited: Duration,
        /// What ended the last connection, or kept it from being made.
        lost: Lost,
    },
}

/// Why a request was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// One of the codes of `docs/WIRE.md`.
    pub code: String,
    /// Why, in a sentence for people.
    pub reason: String,
}

/// Why a request has no reply yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Unanswered {
    /// There is no connection.
    NoConnection {
        /// To where.
        endpoint: String,
        /// What ended the last one, or kept it from being made.
        lost: Lost,
    },
    /// The connection is not open yet.
    NotOpen,
    /// The server takes nothing now, and says why: `busy`, `storage_full` or `shard_away`.
    NotNow(Refusal),
    /// The request has left, and there is no word of it.
    Silent,
}

/// Why a connection is no more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Lost {
    /// It was never made.
    NotYet,
    /// The operating system says so.
    System(Arc<io::Error>),
    /// The server has closed it.
    Closed,
    /// The server does not speak the protocol, or not with this key.
    Protocol(Fault),
    /// The server has sent a message with another number of frames.
    Frames {
        /// How many.
        count: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The handshake did not end in time.
    Handshake,
    /// A reply was expected, and nothing came for so long.
    Silence(Duration),
}

impl ClientError {
    /// The code of the refusal, where it is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            Self::Request(reject) => Some(reject.code()),
            Self::NoReply { why: Unanswered::NotNow(refusal), .. } => Some(&refusal.code),
            _ => None,
        }
    }
}

impl From<Reject> for ClientError {
    fn from(reject: Reject) -> Self {
        Self::Request(reject)
    }
}

impl From<DecodeError> for ClientError {
    fn from(error: DecodeError) -> Self {
        Self::NotUnderstood(error.to_string())
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::System(Arc::new(error))
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { setting, given, expected } => {
                write!(out, "invalid {setting} {given:?}: expected {expected}")
            }
            Self::Request(reject) => write!(out, "{reject}"),
            Self::TooLong { bytes } => {
                write!(out, "the request has {bytes} bytes, more than the server reads")
            }
            Self::Full => out.write_str("too many requests have no reply; wait for some of them"),
            Self::Unread => out.write_str("too many replies were not taken; take some of them"),
            Self::Refused(refusal) => write!(out, "refused: {refusal}"),
            Self::NoReply { seq, waited, why } => {
                write!(out, "no reply to request {seq} within {waited:.1?}: {why}")
            }
            Self::NotUnderstood(what) => {
                write!(out, "the server does not reply as this client expects: {what}")
            }
            Self::NoFeed { endpoint, waited, lost } => write!(
                out,
                "no connection to a publisher at {endpoint} within {waited:.1?}: {}",
                Explained(lost, "publish")
            ),
        }
    }
}

/// As its sentence: a program whose `main` returns it prints what it says.
impl fmt::Debug for ClientError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for ClientError {}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.reason, self.code)
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection { endpoint, lost } => {
                write!(out, "there is no connection to {endpoint}: {}", Explained(lost, "front"))
            }
            Self::NotOpen => out.write_str("the server has not opened the connection yet"),
            Self::NotNow(refusal) => write!(out, "the server takes nothing now: {refusal}"),
            Self::Silent => out.write_str(
                "it has left, and the server is silent; it may be applied yet: wait for it with \
                 reply_to, and do not send it as a new request",
            ),
        }
    }
}

/// Why a connection is no more, and what to do, where it should lead to what a server prints under
/// this name.
struct Explained<'a>(&'a Lost, &'static str);

impl fmt::Display for Explained<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(lost, name) = self;
        write!(out, "{lost}")?;
        match lost {
            Lost::Protocol(Fault::OtherSocketType | Fault::NotZmtp) => {
                write!(out, "; give the endpoint that the server prints as {name}=")
            }
            Lost::Protocol(Fault::OtherMechanism) => {
                write!(out, "; give the key that the server prints as {name}-key=, or none")
            }
            Lost::Closed => {
                write!(out, "; one that encrypts does so to a client with another {name}-key")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet => out.write_str("none was tried yet"),
            Self::System(error) => write!(out, "{error}"),
            Self::Closed => out.write_str("the server closed it"),
            Self::Protocol(fault) => write!(out, "{fault}"),
            Self::Frames { count, expected } => {
                write!(out, "a message of the server has {count} frames, and not {expected}")
            }
            Self::Handshake => out.write_str("the server did not greet in time"),
            Self::Silence(lasted) => {
                let millis = lasted.as_millis();
                write!(out, "nothing came for {millis} ms, though a reply or a heartbeat is due")
            }
        }
    }
}

impl std::error::Error for Lost {}
