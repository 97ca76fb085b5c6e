//! A socket of ZeroMQ that follows the rules of this crate.
//!
//! * Every send and receive is non-blocking; a blocking send to one slow peer would stop all.
//! * Interrupted calls are repeated, so that no part of a message stays in a socket.
//! * Linger time, queues, frames, handshakes and silence are all bounded (`limits.rs`).
//! * A socket that had nothing is not asked again at once: asking is a system call, and a thread
//!   that then sleeps is woken by the socket's descriptor anyway.
//! * The kernel detects a vanished host; ZeroMQ's heartbeats are off. With them, libzmq 4.3.5
//!   aborts the process when a connection breaks whose messages were not all taken (`Assertion
//!   failed: !_io_error`; also libzmq issues 3937 and 4767), and closes good connections to slow
//!   peers.

use std::cell::Cell;
use std::ffi::c_int;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use zmq::{DONTWAIT, Message, SNDMORE};

use crate::ipc_file::IpcFile;
use crate::limits::{
    HANDSHAKE, KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, LINGER, RECEIVES_SKIPPED,
    RECONNECT_FIRST, RECONNECT_LONGEST, UNTAKEN,
};
use crate::waiting_bytes::{CountedMessage, WaitingBytes};
use crate::{Context, PollSet, RuntimeError, SendError};

/// A ZeroMQ socket and the endpoint that it is bound or connected to.
pub(crate) struct Socket {
    raw: zmq::Socket,
    endpoint: String,
    /// Removed together with the socket.
    file: Option<IpcFile>,
    /// Whether the next receives need not ask ZeroMQ.
    quiet: Quiet,
}

/// How many more receives from a socket that had nothing return at once, without asking ZeroMQ.
///
/// Once it had nothing, and until something is sent through it, every message that arrives makes
/// its descriptor readable and so ends a sleep. A thread that goes to sleep therefore need not ask
/// again; a thread that has other work asks now and then.
#[derive(Default)]
pub(crate) struct Quiet {
    left: Cell<u32>,
    /// Of the socket, once somebody has waited on it: with it, one that is quiet is not touched
    /// before a sleep, and of many sockets each costs a few misses of the cache.
    descriptor: Cell<Option<RawFd>>,
}

impl Quiet {
    /// Whether the socket had nothing when it was asked last, and nothing was sent since.
    pub(crate) fn holds(&self) -> bool {
        0 < self.left.get()
    }

    /// Something may have arrived: the next receive asks.
    pub(crate) fn end(&self) {
        self.left.set(0);
    }

    /// The socket had nothing.
    pub(crate) fn begin(&self) {
        self.begin_for(RECEIVES_SKIPPED);
    }

    /// So many receives return at once.
    pub(crate) fn begin_for(&self, receives: u32) {
        self.left.set(receives + 1);
    }

    /// Whether this receive need not ask.
    pub(crate) fn skips(&self) -> bool {
        let left = self.left.get();
        if 1 < left {
            self.left.set(left - 1);
        }
        1 < left
    }

    /// The descriptor of the socket that this belongs to.
    pub(crate) fn descriptor<'a>(&self, socket: &'a zmq::Socket) -> BorrowedFd<'a> {
        let descriptor = self.descriptor.get().unwrap_or_else(|| {
            let descriptor = socket.get_fd().expect("an open socket has a descriptor");
            self.descriptor.set(Some(descriptor));
            descriptor
        });
        debug_assert_eq!(socket.get_fd(), Ok(descriptor), "this belongs to one socket");
        #[expect(unsafe_code, reason = "rust-zmq gives the number of the descriptor only")]
        // SAFETY: the descriptor belongs to the socket, is the same for as long as it is open, and
        // is closed with it; and the socket is borrowed as long as the value that is returned.
        unsafe {
            BorrowedFd::borrow_raw(descriptor)
        }
    }
}

/// The bounds that differ between sockets.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Messages that may wait for one peer.
    pub high_water: usize,
    /// Messages of one peer that may wait here.
    pub receive_high_water: usize,
    /// The largest frame that is read.
    pub frame_bytes_max: usize,
}

/// Whether more frames of the same message follow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    More,
    Last,
}

impl Socket {
    /// A socket with the common options, and those that `specialise` sets.
    pub(crate) fn open(
        context: &Context,
        kind: zmq::SocketType,
        bounds: Bounds,
        specialise: impl FnOnce(&mut zmq::Socket) -> zmq::Result<()>,
    ) -> Result<Self, RuntimeError> {
        let mut raw = context.socket(kind)?;
        configure(&mut raw, bounds).and_then(|()| specialise(&mut raw)).map_err(|error| {
            RuntimeError::Socket { what: "a socket's option", cause: error.message().to_owned() }
        })?;
        Ok(Self { raw, endpoint: String::new(), file: None, quiet: Quiet::default() })
    }

    /// Accepts connections at the endpoint. A wildcard port is replaced by the real one.
    pub(crate) fn bind(mut self, endpoint: &str) -> Result<Self, RuntimeError> {
        IpcFile::make_way(endpoint)?;
        self.raw.bind(endpoint).map_err(|error| RuntimeError::bind(endpoint, error))?;
        let bound = self.raw.get_last_endpoint().ok().and_then(Result::ok);
        self.endpoint = bound.unwrap_or_else(|| endpoint.to_owned());
        self.file = IpcFile::of(&self.endpoint);
        Ok(self)
    }

    /// Connects as soon as the other side accepts, and again whenever the connection breaks.
    pub(crate) fn connect(mut self, endpoint: &str) -> Result<Self, RuntimeError> {
        self.raw.connect(endpoint).map_err(|error| RuntimeError::connect(endpoint, error))?;
        self.endpoint = endpoint.to_owned();
        Ok(self)
    }

    /// The endpoint, with the real port.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends one frame. Only the first frame of a message can be refused because of the peer: a
    /// message is queued completely or not at all.
    pub(crate) fn send(&self, frame: &[u8], part: Part) -> Result<(), SendError> {
        let flags = DONTWAIT | if part == Part::More { SNDMORE } else { 0 };
        // Sending may take the signal of a message that arrived meanwhile.
        self.quiet.end();
        loop {
            match self.raw.send(frame, flags) {
                Ok(()) => return Ok(()),
                Err(zmq::Error::EINTR) => {}
                Err(zmq::Error::EAGAIN) => return Err(SendError::Full),
                Err(zmq::Error::EHOSTUNREACH | zmq::Error::ETERM) => return Err(SendError::Away),
                Err(error) => panic!("an open socket cannot be sent to: {error}"),
            }
        }
    }

    /// Sends the last frame of a message, and counts it for as long as ZeroMQ keeps it. The frames
    /// before it were taken, so this one is.
    pub(crate) fn send_counted(&mut self, frame: Vec<u8>, extra: usize, waiting: &WaitingBytes) {
        self.quiet.end();
        let mut message = CountedMessage::new(frame, extra, waiting);
        message.send(&mut self.raw);
    }

    /// Takes one frame, if there is one.
    pub(crate) fn receive(&self, frame: &mut Message) -> bool {
        if self.quiet.skips() {
            return false;
        }
        loop {
            match self.raw.recv(frame, DONTWAIT) {
                Ok(()) => {
                    self.quiet.end();
                    return true;
                }
                Err(zmq::Error::EINTR) => {}
                Err(zmq::Error::EAGAIN | zmq::Error::ETERM) => {
                    self.quiet.begin();
                    return false;
                }
                Err(error) => panic!("an open socket cannot be read: {error}"),
            }
        }
    }

    /// Takes the next frame of the same message, if there is one. It is already here, because
    /// messages arrive completely.
    pub(crate) fn receive_more(&self, frame: &mut Message) -> bool {
        frame.get_more() && self.receive(frame)
    }

    /// Takes and drops the rest of a message.
    pub(crate) fn discard_more(&self, frame: &mut Message) {
        while self.receive_more(frame) {}
    }

    /// Whether a message would be taken.
    pub(crate) fn has_room(&self) -> bool {
        // Asking may take the signal of a message that arrived meanwhile.
        self.quiet.end();
        self.raw.get_events().is_ok_and(|events| events.contains(zmq::POLLOUT))
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>, events: zmq::PollEvents) {
        poll_set.socket(&self.raw, &self.quiet, events);
    }

    /// Whether it had nothing when it was asked last, and neither a descriptor nor a send has told
    /// of more since.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.holds()
    }

    /// Tells nobody of its connections any more. Whoever was told may go then, and not before: the
    /// I/O thread waits for ever to tell a monitor that is gone, and all sockets with it.
    pub(crate) fn stop_monitor(&mut self) {
        #[expect(unsafe_code, reason = "rust-zmq can begin to monitor, and not end it")]
        // SAFETY: the socket is open as long as it is borrowed, and no endpoint ends its monitor.
        let stopped =
            unsafe { zmq_sys::zmq_socket_monitor(self.raw.as_mut_ptr(), std::ptr::null(), 0) };
        // It fails when the context has ended, and all monitors with it.
        let _ = stopped;
    }

    /// The raw socket, for its monitor.
    pub(crate) fn raw(&self) -> &zmq::Socket {
        &self.raw
    }
}

impl Drop for Socket {
    /// A socket is closed by another thread, some time later, and has connections until then.
    fn drop(&mut self) {
        self.stop_monitor();
    }
}

fn configure(socket: &mut zmq::Socket, bounds: Bounds) -> zmq::Result<()> {
    socket.set_linger(milliseconds(LINGER))?;
    socket.set_sndhwm(count(bounds.high_water))?;
    socket.set_rcvhwm(count(bounds.receive_high_water))?;
    socket.set_maxmsgsize(i64::try_from(bounds.frame_bytes_max).unwrap_or(i64::MAX))?;
    socket.set_handshake_ivl(milliseconds(HANDSHAKE))?;
    socket.set_tcp_keepalive(1)?;
    socket.set_tcp_keepalive_idle(seconds(KEEPALIVE_IDLE))?;
    socket.set_tcp_keepalive_intvl(seconds(KEEPALIVE_INTERVAL))?;
    socket.set_tcp_keepalive_cnt(KEEPALIVE_COUNT.cast_signed())?;
    close_when_untaken(socket, milliseconds(UNTAKEN))?;
    socket.set_reconnect_ivl(milliseconds(RECONNECT_FIRST))?;
    socket.set_reconnect_ivl_max(milliseconds(RECONNECT_LONGEST))
}

/// Sets `ZMQ_XPUB_VERBOSER`, for which rust-zmq has no setter: an XPUB then hears of every
/// subscription, and of the end of each.
pub(crate) fn be_verboser(socket: &mut zmq::Socket) -> zmq::Result<()> {
    set_number(socket, zmq_sys::ZMQ_XPUB_VERBOSER, 1)
}

/// Sets `ZMQ_TCP_MAXRT`, the kernel's `TCP_USER_TIMEOUT`, for which rust-zmq has no setter.
fn close_when_untaken(socket: &mut zmq::Socket, milliseconds: c_int) -> zmq::Result<()> {
    set_number(socket, zmq_sys::ZMQ_TCP_MAXRT, milliseconds)
}

fn set_number(socket: &mut zmq::Socket, option: u32, number: c_int) -> zmq::Result<()> {
    let option = c_int::try_from(option).expect("options are small numbers");
    #[expect(unsafe_code, reason = "rust-zmq has no setter for every option")]
    // SAFETY: the socket is open as long as it is borrowed, and the option is an integer whose
    // address and size are passed.
    let set = unsafe {
        zmq_sys::zmq_setsockopt(
            socket.as_mut_ptr(),
            option,
            (&raw const number).cast(),
            size_of::<c_int>(),
        )
    };
    if set == 0 { Ok(()) } else { Err(zmq::Error::EINVAL) }
}

fn seconds(span: Duration) -> i32 {
    i32::try_from(span.as_secs()).unwrap_or(i32::MAX)
}

fn milliseconds(span: Duration) -> i32 {
    i32::try_from(span.as_millis()).unwrap_or(i32::MAX)
}

/// At least one, because ZeroMQ reads zero as no bound.
fn count(messages: usize) -> i32 {
    i32::try_from(messages.max(1)).unwrap_or(i32::MAX)
}
