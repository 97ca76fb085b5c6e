//! Reply-to: who waits for the reply to an input, and in which encoding.

use crate::Encoding;

/// The router's number of a client. It is void once the client has gone, or the router has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(transparent)]
pub struct ClientHandle(u64);

impl ClientHandle {
    /// Nobody waits.
    pub const NONE: Self = Self(0);

    /// The handle of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether no client waits for the reply.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// The router's number of a check, by which it knows the findings of this one and of no other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct CheckNumber(u64);

impl CheckNumber {
    /// The check of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Where the reply to an input goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplyTo {
    /// The client.
    pub client: ClientHandle,
    /// The encoding of the request, and so of the reply.
    pub encoding: Encoding,
}

impl ReplyTo {
    /// Nobody waits for a reply.
    pub const NOBODY: Self = Self { client: ClientHandle::NONE, encoding: Encoding::Binary };

    /// The router itself waits for what a shard finds: the number of the check stands in the place
    /// of a client.
    #[must_use]
    pub const fn router(check: CheckNumber) -> Self {
        Self { client: ClientHandle(check.0), encoding: Encoding::Binary }
    }

    /// The check whose finding the router waits for.
    #[must_use]
    pub const fn check(self) -> CheckNumber {
        CheckNumber(self.client.0)
    }
}
