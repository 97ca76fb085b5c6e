//! A link poller: what an owner of many native links sleeps on, in place of each of them.
//!
//! A sleep on many descriptors costs a look at each; a sleep on this one costs a look at those that
//! have something.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::{Kind, Link};
use crate::poller::{Interest, Poller};
use crate::{PollSet, RuntimeError};

/// The native links of one owner.
pub struct LinkPoller(Poller);

/// Where a link says what it waits for.
pub(super) struct Place {
    pub(super) epoll: Arc<OwnedFd>,
    pub(super) token: u64,
}

impl LinkPoller {
    /// One without links.
    ///
    /// # Errors
    /// When there are no more file descriptors.
    pub fn new() -> Result<Self, RuntimeError> {
        Ok(Self(Poller::new()?))
    }

    /// Waits for this link too, from its next connection on, and calls it by this number. A link
    /// that is not native goes on to be waited for by itself.
    pub fn add(&self, link: &mut Link, token: u64) {
        if let Kind::Native(dealer) = &mut link.0 {
            dealer.watch(Place { epoll: self.0.share(), token });
        }
    }

    /// The number of the next link that has something, or has room again; those of one look, and
    /// then none. Tell it so by [`Link::wake`].
    pub fn take(&mut self) -> Option<u64> {
        self.0.next().map(|ready| ready.token)
    }

    /// Looks which links have something, at most 64 of them.
    pub fn look(&mut self) {
        self.0.look();
    }

    /// Ends the sleep when a link has something.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        poll_set.file(self.0.descriptor());
    }
}

impl Place {
    /// Waits for a new connection; false where the kernel watches no more.
    pub(super) fn begin(&self, stream: impl AsFd, interest: Interest) -> bool {
        Poller::add_to(&self.epoll, stream, self.token, interest)
    }

    pub(super) fn change(&self, stream: impl AsFd, interest: Interest) {
        Poller::modify_in(&self.epoll, stream, self.token, interest);
    }
}
