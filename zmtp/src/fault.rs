//! A fault: why a connection cannot go on.

use std::fmt;

/// What the peer did that ends the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// It does not speak ZMTP.
    NotZmtp,
    /// It speaks a version before 3.0.
    OldVersion,
    /// It wants another security mechanism: NULL where this end has CURVE, or the reverse.
    OtherMechanism,
    /// Its kind of socket does not go with this end's.
    OtherSocketType,
    /// A flag of a frame that nobody knows, or a command of several frames.
    BadFlags,
    /// A frame or a message that is longer than allowed.
    TooLong,
    /// A message of more frames than allowed.
    TooManyFrames,
    /// A command that cannot be read, or that does not belong there.
    BadCommand,
    /// A property twice, too many of them, or one that cannot be read.
    BadProperty,
    /// A box that the peer's key did not seal, or that came before.
    NotSealed,
    /// It said that it refuses the connection.
    Refused,
}

impl Fault {
    /// A sentence for logs.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotZmtp => "the peer does not speak ZMTP",
            Self::OldVersion => "the peer speaks a version of ZMTP before 3.0",
            Self::OtherMechanism => "the peer uses another security mechanism",
            Self::OtherSocketType => "the peer's kind of socket does not go with this one",
            Self::BadFlags => "a frame has flags that it may not have",
            Self::TooLong => "a frame or a message is longer than allowed",
            Self::TooManyFrames => "a message has more frames than allowed",
            Self::BadCommand => "a command cannot be read, or does not belong there",
            Self::BadProperty => "a property of the peer cannot be read, or stands twice",
            Self::NotSealed => "a box was not sealed with the peer's key, or came before",
            Self::Refused => "the peer refused the connection",
        }
    }

    /// What an ERROR command tells the peer, where it may be told.
    pub(crate) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::OtherSocketType => Some("Invalid socket type"),
            Self::BadProperty => Some("Invalid metadata"),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.sentence())
    }
}

impl std::error::Error for Fault {}
