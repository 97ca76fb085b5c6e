//! A connection: messages of bytes to a server and back, without names and without waiting.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use allot_zmtp::{Connection as Protocol, Event, KeyPair, Options, Security, SocketType};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::limits::{FRAMES_MAX, OUTPUT_BYTES_MAX, READ_BYTES, RECEIVED_BYTES_MAX, WRITE_BYTES};
use crate::stream::Stream;
use crate::{Endpoint, Lost, ServerKey};

/// A DEALER of ZeroMQ's protocol, over one connection at a time.
pub struct Connection {
    endpoint: Endpoint,
    kind: SocketType,
    key: Option<ServerKey>,
    stream: Option<Stream>,
    protocol: Protocol,
    /// What was read last.
    buffer: Box<[u8]>,
    /// Where in it the next message begins, and where what was read ends.
    begin: usize,
    end: usize,
    /// Whether the last read had less than it had room for: the next would find nothing.
    is_drained: bool,
}

/// Why a message was not taken. The sender still has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendError {
    /// The server has too much to read. A later try may succeed.
    Full,
    /// The connection is not open.
    Away,
}

impl Connection {
    /// A connection that is not made yet: [`Connection::connect`] begins it.
    #[must_use]
    pub fn new(endpoint: Endpoint, key: Option<ServerKey>) -> Self {
        Self::of(SocketType::Dealer, endpoint, key)
    }

    /// That of a subscriber: messages of the server have three frames, and
    /// [`Connection::receive_frames`] takes them.
    pub(crate) fn subscriber(endpoint: Endpoint, key: Option<ServerKey>) -> Self {
        Self::of(SocketType::Sub, endpoint, key)
    }

    fn of(kind: SocketType, endpoint: Endpoint, key: Option<ServerKey>) -> Self {
        Self {
            protocol: Protocol::new(options(kind, key)),
            endpoint,
            kind,
            key,
            stream: None,
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            begin: 0,
            end: 0,
            is_drained: false,
        }
    }

    /// Where it goes.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Begins a connection; one that there was is closed, and what was not received of it is lost.
    ///
    /// # Errors
    /// When the operating system refuses at once; what it refuses later, [`Connection::receive`]
    /// says.
    pub fn connect(&mut self) -> Result<(), Lost> {
        self.close();
        self.stream = Some(Stream::begin(&self.endpoint)?);
        self.flush()
    }

    /// Closes the connection.
    pub fn close(&mut self) {
        if self.stream.take().is_some() {
            self.protocol = Protocol::new(options(self.kind, self.key));
            (self.begin, self.end, self.is_drained) = (0, 0, false);
        }
    }

    /// Whether there is a connection, open or not.
    #[must_use]
    pub const fn is_begun(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether messages can be sent: the handshake is over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stream.is_some() && self.protocol.is_open()
    }

    /// Adds a message to what is on its way; it leaves at the next [`Connection::flush`], or
    /// earlier.
    ///
    /// # Errors
    /// [`SendError`]: the message was not taken.
    pub fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        if !self.is_open() {
            return Err(SendError::Away);
        }
        let is_full = |output: usize| 0 < output && OUTPUT_BYTES_MAX < output + message.len();
        if is_full(self.protocol.output().len()) {
            // A connection that is lost here is told of by the next receive.
            let _ = self.write();
            if is_full(self.protocol.output().len()) {
                return Err(SendError::Full);
            }
        }
        self.protocol.send(&[message]);
        if WRITE_BYTES <= self.protocol.output().len() {
            let _ = self.write();
        }
        Ok(())
    }

    /// Writes what is on its way, as far as there is room.
    ///
    /// # Errors
    /// When the connection is lost. It is closed then.
    pub fn flush(&mut self) -> Result<(), Lost> {
        self.write().inspect_err(|_| self.close())
    }

    fn write(&mut self) -> Result<(), Lost> {
        let Some(stream) = &self.stream else { return Ok(()) };
        while !self.protocol.output().is_empty() {
            match stream.write(self.protocol.output())? {
                Some(len) => self.protocol.take_output(len),
                None => break,
            }
        }
        Ok(())
    }

    /// Replaces the content of `message` by the next message of the server; false, and `message`
    /// unchanged, if there is none yet. It goes on with the handshake, and flushes.
    ///
    /// # Errors
    /// When the connection is lost. It is closed then.
    pub fn receive(&mut self, message: &mut Vec<u8>) -> Result<bool, Lost> {
        self.next([message]).inspect_err(|_| self.close())
    }

    /// As [`Connection::receive`], for messages of so many frames.
    pub(crate) fn receive_frames<const N: usize>(
        &mut self,
        frames: &mut [Vec<u8>; N],
    ) -> Result<bool, Lost> {
        self.next(frames.each_mut()).inspect_err(|_| self.close())
    }

    fn next<const N: usize>(&mut self, mut frames: [&mut Vec<u8>; N]) -> Result<bool, Lost> {
        loop {
            if self.take(&mut frames)? {
                return Ok(true);
            }
            if std::mem::take(&mut self.is_drained) || !self.read()? {
                self.write()?;
                return Ok(false);
            }
        }
    }

    /// Takes the next message of what was read last.
    fn take<const N: usize>(&mut self, frames: &mut [&mut Vec<u8>; N]) -> Result<bool, Lost> {
        while self.begin < self.end {
            let mut bytes = &self.buffer[self.begin..self.end];
            let event = self.protocol.read(&mut bytes).map_err(Lost::Protocol)?;
            self.begin = self.end - bytes.len();
            if let Some(Event::Message(message)) = event {
                if message.count() != N {
                    return Err(Lost::Frames { count: message.count(), expected: N });
                }
                for (into, frame) in frames.iter_mut().zip(message.frames()) {
                    into.clear();
                    into.extend_from_slice(frame);
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads once; false if there is nothing.
    fn read(&mut self) -> Result<bool, Lost> {
        let Some(stream) = &self.stream else { return Ok(false) };
        match stream.read(&mut self.buffer)? {
            None => Ok(false),
            Some(0) => Err(Lost::Closed),
            Some(len) => {
                (self.begin, self.end) = (0, len);
                self.is_drained = len < self.buffer.len();
                Ok(true)
            }
        }
    }

    /// The descriptor, for a loop of the caller's own: wait until it can be read, and until it can
    /// be written where [`Connection::wants_write`] says so. None where there is no connection.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.stream.as_ref().map(Stream::descriptor)
    }

    /// Whether something is on its way that there was no room for.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.stream.is_some() && !self.protocol.output().is_empty()
    }

    /// Whether a message may be there without anything to read.
    #[must_use]
    pub(crate) const fn has_read(&self) -> bool {
        self.begin < self.end
    }

    /// Waits until there is something to do, or the time is over; without a connection, until the
    /// time is over. It may return early.
    pub fn wait(&self, timeout: Duration) {
        if self.has_read() {
            return;
        }
        let mut flags = PollFlags::IN;
        flags.set(PollFlags::OUT, self.wants_write());
        // A time too long for the kernel is the same as none.
        let timeout = Timespec::try_from(timeout).ok();
        // An interrupted wait is one that returns early; and nothing else can be wrong with it.
        let _ = match self.descriptor() {
            Some(fd) => poll(&mut [PollFd::from_borrowed_fd(fd, flags)], timeout.as_ref()),
            None => poll(&mut [], timeout.as_ref()),
        };
    }
}

fn options(socket: SocketType, key: Option<ServerKey>) -> Options {
    let security = key.map_or(Security::Null, |key| Security::CurveClient {
        server: key.public(),
        own: KeyPair::make(),
    });
    Options {
        socket,
        identity: Vec::new(),
        message_bytes_max: RECEIVED_BYTES_MAX,
        frames_max: FRAMES_MAX,
        security,
    }
}
