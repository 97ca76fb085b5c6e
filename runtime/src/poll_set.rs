//! A poll set: what a sleeping thread waits on, which is its waker and the sockets of its agents.
//!
//! A ZeroMQ socket has a descriptor. It signals commands of the I/O thread, not messages: it may
//! be readable without a new message, and a message that arrives together with an earlier one
//! makes no new signal. Sleeping on it is safe only in this order:
//!
//! ```text
//!   ask every socket whether it is ready    takes all commands; from here on any
//!              │ none is                    new command makes the descriptor readable
//!   poll the waker and the descriptors
//! ```
//!
//! A socket that had nothing to receive need not be asked again, unless something was sent through
//! it since.
//!
//! `zmq_poll` does the same, with two disadvantages. It polls once more before the sleep and asks
//! again after it, which an agent does anyway by receiving. And it counts in milliseconds, so that
//! a timer would be up to one late.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use zmq::PollEvents;

use crate::Waker;
use crate::socket::Quiet;

/// The descriptors to wait on, filled anew before each sleep.
///
/// The sockets are borrowed as long as the set lives, so that none can be used or closed
/// meanwhile.
pub struct PollSet<'a> {
    sockets: Vec<Item<'a>>,
    /// Those of files that are quiet, with the indexes of their descriptors.
    quiet_files: Vec<(&'a Quiet, usize)>,
    descriptors: Vec<PollFd<'a>>,
}

/// A socket that is waited on.
struct Item<'a> {
    socket: &'a zmq::Socket,
    quiet: &'a Quiet,
    events: PollEvents,
    /// The index of its descriptor.
    at: usize,
}

/// The memory of a set, to be used for the next one.
pub(crate) type PollSetMemory = PollSet<'static>;

impl<'a> PollSet<'a> {
    /// An empty set without a waker, for a client that is not an agent and waits by itself.
    #[must_use]
    pub fn without_waker() -> Self {
        Self { sockets: Vec::new(), quiet_files: Vec::new(), descriptors: Vec::new() }
    }

    /// A set with only the waker, in the memory of an earlier set.
    pub(crate) fn new(waker: &'a Waker, memory: PollSetMemory) -> Self {
        let mut poll_set: Self = memory;
        waker.descriptor().into_iter().for_each(|descriptor| poll_set.file(descriptor));
        poll_set
    }

    /// Ends the sleep when the file can be read, for what is neither a link nor a socket (stdin).
    pub fn file(&mut self, file: BorrowedFd<'a>) {
        self.descriptors.push(PollFd::from_borrowed_fd(file, PollFlags::IN));
    }

    /// Ends the sleep when the file can be read, and then what is quiet about it.
    pub(crate) fn quiet_file(&mut self, file: BorrowedFd<'a>, quiet: &'a Quiet) {
        self.quiet_files.push((quiet, self.descriptors.len()));
        self.file(file);
    }

    /// Ends the sleep when the file can be written, for what connects or sends.
    pub fn writable(&mut self, file: BorrowedFd<'a>) {
        self.descriptors.push(PollFd::from_borrowed_fd(file, PollFlags::OUT));
    }

    /// Ends the sleep when one of the events is true of the socket.
    pub(crate) fn socket(&mut self, socket: &'a zmq::Socket, quiet: &'a Quiet, events: PollEvents) {
        self.sockets.push(Item { socket, quiet, events, at: self.descriptors.len() });
        self.file(quiet.descriptor(socket));
    }

    /// Sleeps until the waker is used, an item is ready, or the timeout is over; without a timeout,
    /// with no limit. It may return early, so the caller then looks for work and not for a reason.
    ///
    /// # Panics
    /// When nothing could ever end the sleep.
    pub fn sleep(&mut self, timeout: Option<Duration>) {
        assert!(timeout.is_some() || !self.descriptors.is_empty(), "nothing could end this sleep");
        if self.sockets.iter().any(is_ready) {
            return;
        }
        // A timeout too long for the kernel is the same as none.
        let timeout = timeout.and_then(|span| Timespec::try_from(span).ok());
        match poll(&mut self.descriptors, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => self.end_quiet(),
            Err(errno) => panic!("open descriptors cannot be polled: {errno}"),
        }
    }

    /// Sockets whose descriptors are readable are asked again.
    fn end_quiet(&self) {
        let is_readable = |item: &&Item<'_>| !self.descriptors[item.at].revents().is_empty();
        self.sockets.iter().filter(is_readable).for_each(|item| item.quiet.end());
        for (quiet, at) in &self.quiet_files {
            if !self.descriptors[*at].revents().is_empty() {
                quiet.end();
            }
        }
    }

    /// Returns the memory for the next set. Collecting an empty vector into itself keeps its
    /// allocation; that is how a vector changes its lifetime without `unsafe`.
    pub(crate) fn into_memory(mut self) -> PollSetMemory {
        self.sockets.clear();
        self.quiet_files.clear();
        self.descriptors.clear();
        PollSet {
            quiet_files: self.quiet_files.into_iter().map(|_| unreachable!("cleared")).collect(),
            sockets: self.sockets.into_iter().map(|_| unreachable!("cleared")).collect(),
            descriptors: self.descriptors.into_iter().map(|_| unreachable!("cleared")).collect(),
        }
    }
}

/// An interrupted call counts as ready: the agent then receives, which asks again. A quiet socket
/// has nothing to read, or its descriptor is readable.
fn is_ready(item: &Item<'_>) -> bool {
    if item.events == PollEvents::POLLIN && item.quiet.holds() {
        return false;
    }
    let is_ready = item.socket.get_events().map_or(true, |ready| ready.intersects(item.events));
    if is_ready {
        item.quiet.end();
    }
    is_ready
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn the_memory_of_a_set_is_kept() {
        let context = zmq::Context::new();
        let socket = context.socket(zmq::PAIR).unwrap();
        let (waker, quiet) = (Waker::new().unwrap(), Quiet::default());
        let mut memory = PollSet::without_waker();
        let mut buffers = Vec::new();
        for _ in 0..4 {
            let mut poll_set = PollSet::new(&waker, memory);
            for _ in 0..9 {
                poll_set.socket(&socket, &quiet, zmq::POLLIN);
            }
            assert_eq!((poll_set.sockets.len(), poll_set.descriptors.len()), (9, 10));
            buffers.push((poll_set.sockets.as_ptr().addr(), poll_set.descriptors.as_ptr().addr()));
            memory = poll_set.into_memory();
        }
        buffers.dedup();
        assert_eq!(buffers.len(), 1);
    }

    #[test]
    fn a_file_that_can_be_read_ends_the_sleep() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let file = std::fs::File::open("/dev/zero").unwrap();
        let mut poll_set = PollSet::without_waker();
        poll_set.file(reader.as_fd());
        poll_set.file(file.as_fd());
        poll_set.sleep(None);
    }

    #[test]
    fn a_message_that_has_arrived_prevents_the_sleep() {
        let context = zmq::Context::new();
        let [near, far] = [(); 2].map(|()| context.socket(zmq::PAIR).unwrap());
        near.bind("inproc://pair").unwrap();
        far.connect("inproc://pair").unwrap();
        for _ in 0..2 {
            far.send("message", 0).unwrap();
        }
        // The first receive takes the signal of both messages; the descriptor has no more.
        assert!(near.recv_bytes(zmq::DONTWAIT).is_ok());
        let (mut poll_set, quiet) = (PollSet::without_waker(), Quiet::default());
        poll_set.socket(&near, &quiet, zmq::POLLIN);
        poll_set.sleep(None);
        assert!(near.recv_bytes(zmq::DONTWAIT).is_ok());
    }
}
