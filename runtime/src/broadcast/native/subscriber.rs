//! A subscriber of a native broadcast: what it has subscribed to, and what it has not taken.

use std::collections::BTreeMap;
use std::io::IoSlice;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

use super::backlog::Backlog;
use crate::Nanos;
use crate::limits::{BROADCAST_CONTROL_BYTES_MAX, BROADCAST_SEALED_BYTES, SLICES_PER_WRITE};
use crate::native_socket::{Client, Gone};
use crate::poller::Interest;

/// What a broadcast keeps of a subscriber.
#[derive(Default)]
pub(super) struct Subscriber {
    pub(super) prefixes: BTreeMap<Box<[u8]>, Prefix>,
    pub(super) subscriptions: usize,
    pub(super) subscriptions_bytes: usize,
    pub(super) backlog: Backlog,
    /// What is sealed for it, as it was counted last.
    pub(super) sealed: usize,
    /// Whether it stands among those that are put off.
    pub(super) is_put_off: bool,
    /// The number of the last publication that it heard: with two prefixes of it, it hears it once.
    pub(super) heard: u64,
    /// Since when there is something that it does not take.
    pub(super) behind_since: Option<Nanos>,
}

/// What a subscriber has subscribed to.
pub(super) struct Prefix {
    /// How often.
    pub(super) times: usize,
    /// The round of last values that it is due, once the publisher was told of it.
    pub(super) round: Option<u64>,
}

impl Client<Subscriber> {
    /// Whether it is due the last values of what begins with a prefix.
    pub(super) fn is_due(&self, prefix: &[u8], round: u64) -> bool {
        self.own.prefixes.get(prefix).is_some_and(|prefix| prefix.round == Some(round))
    }

    /// Writes what the kernel takes.
    pub(super) fn write(&mut self) -> Result<(), Gone> {
        if self.connection.is_sealed() { self.write_sealed() } else { self.write_plain() }
    }

    fn write_sealed(&mut self) -> Result<(), Gone> {
        loop {
            while self.connection.output().len() < BROADCAST_SEALED_BYTES
                && let Some(publication) = self.own.backlog.take_first()
            {
                self.connection.send(&publication.frames());
            }
            self.write_output()?;
            if !self.connection.output().is_empty() || self.own.backlog.is_empty() {
                return Ok(());
            }
        }
    }

    /// What the protocol has to say goes between two publications.
    fn write_plain(&mut self) -> Result<(), Gone> {
        loop {
            let is_amid = self.own.backlog.is_amid();
            if !is_amid {
                self.write_output()?;
            }
            let has_more = !self.connection.output().is_empty();
            if self.own.backlog.is_empty() || has_more && !is_amid {
                return Ok(());
            }
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE];
            let wanted = if has_more { 1 } else { SLICES_PER_WRITE };
            let filled = self.own.backlog.slices(&mut slices[..wanted]);
            let mut none = SendAncillaryBuffer::default();
            let slices = &slices[..filled];
            match sendmsg(self.stream(), slices, &mut none, SendFlags::NOSIGNAL) {
                Ok(len) => self.own.backlog.take(len),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        !self.own.backlog.is_empty() || !self.connection.output().is_empty()
    }

    /// What it is to be waited for now. It is not read while it does not take what the protocol
    /// has to say.
    pub(super) fn wanted(&self) -> Interest {
        // What is sealed stands in the same output.
        let sealed = if self.connection.is_sealed() { BROADCAST_SEALED_BYTES } else { 0 };
        let has_room = self.connection.output().len() < BROADCAST_CONTROL_BYTES_MAX + sealed;
        Interest { read: has_room, write: self.is_pending() }
    }
}
