//! A connection to a peer: bytes over TCP, as a good client of it would send and read them.
//!
//! ```text
//!   out ──── one write for all that is due ────► peer
//!   inbox ◄── one read for all that has come ─── peer
//! ```

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use allot_runtime::Clock;
use anyhow::{Context, Result, anyhow, bail};

/// How long one read waits, and so how late the end of a wait may be noticed.
const TICK: Duration = Duration::from_millis(100);

/// How long a reply may take that is not part of a measurement.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most that is read at once.
const CHUNK_LEN: usize = 1 << 16;

/// A connection with its buffers.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What leaves with the next [`Self::flush`].
    pub(crate) out: Vec<u8>,
    inbox: Vec<u8>,
    /// How much of the inbox is read.
    read_to: usize,
    chunk: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// When the connection is refused.
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("no peer listens at {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        let (out, inbox, chunk) = (Vec::new(), Vec::new(), vec![0; CHUNK_LEN]);
        Ok(Self { stream, out, inbox, read_to: 0, chunk })
    }

    /// Sends what is due, in one piece.
    ///
    /// # Errors
    /// When the peer has gone.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// Waits briefly for bytes: whether some have come.
    ///
    /// # Errors
    /// When the peer has gone.
    pub(crate) fn fill(&mut self) -> Result<bool> {
        self.inbox.drain(..self.read_to);
        self.read_to = 0;
        match self.stream.read(&mut self.chunk) {
            Ok(0) => bail!("the peer has closed the connection"),
            Ok(count) => {
                self.inbox.extend_from_slice(&self.chunk[..count]);
                Ok(true)
            }
            Err(error) if is_nothing(error.kind()) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the first message that is here: `read` gives how many bytes it has and what it says,
    /// or nothing if it is not whole yet, and appends what is to be sent in return.
    ///
    /// # Errors
    /// What `read` finds wrong.
    pub(crate) fn take<T>(
        &mut self,
        read: impl FnOnce(&[u8], &mut Vec<u8>) -> Result<Option<(usize, T)>, String>,
    ) -> Result<Option<T>, String> {
        let found = read(&self.inbox[self.read_to..], &mut self.out)?;
        Ok(found.map(|(len, what)| {
            self.read_to += len;
            what
        }))
    }

    /// Sends what is due and waits until `read` finds what it looks for: how many bytes that has,
    /// and what it says.
    ///
    /// # Errors
    /// When it does not come, or `read` finds it wrong.
    pub(crate) fn ask<T>(
        &mut self,
        mut read: impl FnMut(&[u8]) -> Result<Option<(usize, T)>, String>,
    ) -> Result<T> {
        self.flush()?;
        let clock = Clock::system();
        let until = clock.now() + PATIENCE;
        while clock.now() < until {
            if let Some(what) = self.take(|bytes, _| read(bytes)).map_err(|what| anyhow!(what))? {
                return Ok(what);
            }
            self.fill()?;
        }
        bail!("no reply within {PATIENCE:?}")
    }
}

fn is_nothing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
