//! What a sleeping thread poll_set on: its waker, and the sockets of its agents.
//!
//! A ZeroMQ socket has a descriptor, which signals commands of the I/O thread rather than
//! messages: one that is ready may say nothing new, and a message that came in the company of an
//! earlier one makes no new signal. What makes it safe to sleep on is the order:
//!
//! ```text
//!   ask every socket whether it is ready    takes all commands off; from here on
//!              │ none is                    any news makes the descriptor readable
//!   poll the waker and the descriptors
//! ```
//!
//! A socket that was asked to receive and had nothing has answered the question already, unless
//! something was sent through it since.
//!
//! `zmq_poll` does the same, but polls once more before the sleep, asks again after it, which
//! an agent does anyway by receiving, and counts in milliseconds: a timer would be up to one late.

use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use zmq::PollEvents;

use crate::Waker;
use crate::socket::Quiet;

/// A list of things to wait on, filled anew before each sleep.
///
/// The sockets are lent for as long as the list lives, so that none can be used or closed
/// meanwhile.
pub struct PollSet<'a> {
    sockets: Vec<Item<'a>>,
    descriptors: Vec<PollFd<'a>>,
}

/// A socket that is waited on.
struct Item<'a> {
    socket: &'a zmq::Socket,
    quiet: &'a Quiet,
    events: PollEvents,
    /// The place of its descriptor.
    at: usize,
}

/// A list's memory, to be used for the next one.
pub(crate) type WaitsMemory = PollSet<'static>;

impl<'a> PollSet<'a> {
    /// An empty list without a waker, for a client that is no agent and poll_set on its own.
    pub fn without_waker() -> Self {
        Self { sockets: Vec::new(), descriptors: Vec::new() }
    }

    /// A list of only the waker, in the memory of an earlier list.
    pub(crate) fn new(waker: &'a Waker, memory: WaitsMemory) -> Self {
        let mut poll_set: Self = memory;
        waker.descriptor().into_iter().for_each(|descriptor| poll_set.file(descriptor));
        poll_set
    }

    /// Ends the sleep when the file can be read, for what is neither link nor socket (stdin).
    pub fn file(&mut self, file: BorrowedFd<'a>) {
        self.descriptors.push(PollFd::from_borrowed_fd(file, PollFlags::IN));
    }

    /// Ends the sleep when one of the events is true of the socket.
    pub(crate) fn socket(&mut self, socket: &'a zmq::Socket, quiet: &'a Quiet, events: PollEvents) {
        self.sockets.push(Item { socket, quiet, events, at: self.descriptors.len() });
        self.file(descriptor(socket));
    }

    /// Sleeps until the waker rings, an item is ready, or the time is over; without a time, for
    /// as long as it takes. It may return early: whoever sleeps looks for work afterwards, not
    /// for a reason.
    ///
    /// # Panics
    /// When nothing could ever end the sleep.
    pub fn sleep(&mut self, timeout: Option<Duration>) {
        assert!(timeout.is_some() || !self.descriptors.is_empty(), "nothing could end this sleep");
        if self.sockets.iter().any(is_ready) {
            return;
        }
        // A time too long for the kernel is as good as none.
        let timeout = timeout.and_then(|span| Timespec::try_from(span).ok());
        match poll(&mut self.descriptors, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => self.end_quiet(),
            Err(errno) => panic!("open descriptors cannot be refused: {errno}"),
        }
    }

    /// Sockets whose descriptors have news are asked again.
    fn end_quiet(&self) {
        let has_news = |item: &&Item<'_>| !self.descriptors[item.at].revents().is_empty();
        self.sockets.iter().filter(has_news).for_each(|item| item.quiet.end());
    }

    /// Gives the memory back for the next list. Mapping an emptied vector onto itself keeps its
    /// allocation, and is how a vector changes its lifetime without `unsafe`.
    pub(crate) fn into_memory(mut self) -> WaitsMemory {
        self.sockets.clear();
        self.descriptors.clear();
        PollSet {
            sockets: self.sockets.into_iter().map(|_| unreachable!("cleared")).collect(),
            descriptors: self.descriptors.into_iter().map(|_| unreachable!("cleared")).collect(),
        }
    }
}

/// An interrupted question counts as a yes: asking again is what the agent does anyway. A quiet
/// socket has nothing to read, or its descriptor says so.
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

fn descriptor(socket: &zmq::Socket) -> BorrowedFd<'_> {
    let descriptor: RawFd = socket.get_fd().expect("an open socket has a descriptor");
    #[expect(unsafe_code, reason = "rust-zmq gives the number of the descriptor only")]
    // SAFETY: the descriptor is the socket's own and is closed with it, and the socket is
    // borrowed for as long as what is returned here.
    unsafe {
        BorrowedFd::borrow_raw(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn the_memory_of_a_list_is_kept() {
        let context = zmq::Context::new();
        let socket = context.socket(zmq::PAIR).unwrap();
        let (waker, quiet) = (Waker::new().unwrap(), Quiet::default());
        let mut memory = PollSet::without_waker();
        let mut places = Vec::new();
        for _ in 0..4 {
            let mut poll_set = PollSet::new(&waker, memory);
            for _ in 0..9 {
                poll_set.socket(&socket, &quiet, zmq::POLLIN);
            }
            assert_eq!((poll_set.sockets.len(), poll_set.descriptors.len()), (9, 10));
            places.push((poll_set.sockets.as_ptr().addr(), poll_set.descriptors.as_ptr().addr()));
            memory = poll_set.into_memory();
        }
        places.dedup();
        assert_eq!(places.len(), 1);
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
    fn a_message_that_is_already_there_is_not_slept_through() {
        let context = zmq::Context::new();
        let [near, far] = [(); 2].map(|()| context.socket(zmq::PAIR).unwrap());
        near.bind("inproc://pair").unwrap();
        far.connect("inproc://pair").unwrap();
        for _ in 0..2 {
            far.send("message", 0).unwrap();
        }
        // The first receive takes the signal of both: the descriptor has nothing more to say.
        assert!(near.recv_bytes(zmq::DONTWAIT).is_ok());
        let (mut poll_set, quiet) = (PollSet::without_waker(), Quiet::default());
        poll_set.socket(&near, &quiet, zmq::POLLIN);
        poll_set.sleep(None);
        assert!(near.recv_bytes(zmq::DONTWAIT).is_ok());
    }
}
