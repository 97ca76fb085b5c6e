//! A poller: which of many descriptors can be read or written, as `epoll(7)` tells.
//!
//! It is level-triggered: what is left unread is told again. So each connection gets one read in a
//! turn, and nothing is forgotten.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::RuntimeError;
use crate::limits::READY_PER_LOOK;

/// What is waited for on one descriptor. That the peer has gone is always told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Interest {
    pub(crate) const READ: Self = Self { read: true, write: false };

    fn flags(self) -> EventFlags {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, self.read);
        flags.set(EventFlags::OUT, self.write);
        flags
    }
}

/// What is true of a descriptor now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// What the descriptor was added with.
    pub(crate) token: u64,
    /// A read says something: bytes, an end, or an error.
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Ready {
    fn of(event: &Event) -> Self {
        let flags = event.flags;
        let ended = EventFlags::HUP | EventFlags::ERR;
        Self {
            token: event.data.u64(),
            read: flags.intersects(EventFlags::IN | ended),
            write: flags.contains(EventFlags::OUT),
        }
    }
}

/// The descriptors, and what was ready at the last look.
pub(crate) struct Poller {
    epoll: Arc<OwnedFd>,
    ready: Vec<Ready>,
    next: usize,
}

impl Poller {
    /// An empty one.
    pub(crate) fn new() -> Result<Self, RuntimeError> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)
            .map_err(|errno| RuntimeError::Waker { cause: errno.to_string() })?;
        Ok(Self { epoll: Arc::new(epoll), ready: Vec::with_capacity(READY_PER_LOOK), next: 0 })
    }

    pub(crate) fn add(&self, file: impl AsFd, token: u64, interest: Interest) -> bool {
        Self::add_to(&self.epoll, file, token, interest)
    }

    pub(crate) fn add_to(epoll: &OwnedFd, file: impl AsFd, token: u64, interest: Interest) -> bool {
        let data = EventData::new_u64(token);
        epoll::add(epoll, file, data, interest.flags()).is_ok()
    }

    pub(crate) fn modify(&self, file: impl AsFd, token: u64, interest: Interest) {
        Self::modify_in(&self.epoll, file, token, interest);
    }

    pub(crate) fn modify_in(epoll: &OwnedFd, file: impl AsFd, token: u64, interest: Interest) {
        let data = EventData::new_u64(token);
        epoll::modify(epoll, file, data, interest.flags())
            .expect("the descriptor was added, and is open");
    }

    /// For owners of descriptors that add and change them by themselves.
    pub(crate) fn share(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.epoll)
    }

    pub(crate) fn remove(&self, file: impl AsFd) {
        epoll::delete(&self.epoll, file).expect("the descriptor was added, and is open");
    }

    /// Looks what is ready, without waiting; returns whether anything is.
    pub(crate) fn look(&mut self) -> bool {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        self.ready.clear();
        self.next = 0;
        let mut events = [MaybeUninit::<Event>::uninit(); READY_PER_LOOK];
        match epoll::wait(&self.epoll, &mut events[..], Some(&at_once)) {
            Ok((events, _)) => self.ready.extend(events.iter().map(Ready::of)),
            Err(Errno::INTR) => {}
            Err(errno) => panic!("an open poller cannot be asked: {errno}"),
        }
        !self.ready.is_empty()
    }

    /// How many were ready at the last look.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The next one that was ready at the last look.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Ready> {
        let ready = self.ready.get(self.next).copied()?;
        self.next += 1;
        Some(ready)
    }

    /// What a sleeper polls: it can be read when anything is ready.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_told_again_and_what_is_not_waited_for_is_not_told() {
        let mut poller = Poller::new().unwrap();
        let (near, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(poller.add(&near, 7, Interest::READ));
        assert!(!poller.look());
        std::io::Write::write_all(&mut far, b"x").unwrap();
        for _ in 0..2 {
            assert!(poller.look());
            let ready = poller.next().unwrap();
            assert_eq!((ready.token, ready.read, ready.write), (7, true, false));
            assert!(poller.next().is_none());
        }
        poller.modify(&near, 8, Interest { read: false, write: true });
        assert!(poller.look());
        let ready = poller.next().unwrap();
        assert_eq!((ready.token, ready.read, ready.write), (8, false, true));
        poller.remove(&near);
        assert!(!poller.look());
    }
}
