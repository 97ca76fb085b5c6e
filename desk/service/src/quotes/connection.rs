//! Connection: one request to the legacy server, without ever blocking.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use allot_desk_rules::Wanted;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use crate::limits::ANSWER_LEN_MAX;

/// A connection, and how far it is.
pub(super) struct Connection {
    stream: TcpStream,
    question: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn begin(server: SocketAddr, wanted: &Wanted) -> io::Result<Self> {
        let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        match connect(&socket, &server) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(Self {
            stream: TcpStream::from(socket),
            question: format!("{},{}\n", wanted.symbol, wanted.user).into_bytes(),
            sent: 0,
            answer: Vec::new(),
        })
    }

    /// Whether it still has to write, and does not wait for what it can read.
    pub(super) const fn is_writing(&self) -> bool {
        self.sent < self.question.len()
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Goes on as far as it can: the answer, up to its line feed, once it is whole; nothing while
    /// it is not.
    pub(super) fn advance(&mut self) -> io::Result<Option<&[u8]>> {
        while self.is_writing() {
            match self.stream.write(&self.question[self.sent..]) {
                Ok(len) => self.sent += len,
                Err(error) if is_not_yet(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let mut bytes = [0; ANSWER_LEN_MAX];
        loop {
            match self.stream.read(&mut bytes) {
                // What has no line's end may be half an answer that reads like a whole one.
                Ok(0) => {
                    return Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "it closed the connection before the line feed of its answer",
                    ));
                }
                Ok(len) => {
                    self.answer.extend_from_slice(&bytes[..len]);
                    if let Some(end) = self.answer.iter().position(|byte| *byte == b'\n') {
                        return Ok(Some(&self.answer[..end]));
                    }
                    if ANSWER_LEN_MAX < self.answer.len() {
                        return Err(io::Error::new(
                            ErrorKind::InvalidData,
                            "its answer is too long for one",
                        ));
                    }
                }
                Err(error) if is_not_yet(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

/// A socket that is still connecting says that it is not connected.
fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted)
}
