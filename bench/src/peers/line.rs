//! A line to a peer: bytes over TCP, as a good client of it would send and read them.
//!
//! ```text
//!   out ──── one write for all that is due ────► peer
//!   inbox ◄── one read for all that has come ─── peer
//! ```

use crate::peers::dialect::{Dialect, Heard};
use allot_runtime::Clock;
use anyhow::{Context, Result, anyhow, bail};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How often one who waits looks whether it has waited for too long.
const TICK: Duration = Duration::from_millis(100);

/// How long an answer to a question may take that is no part of a measurement.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most that is read at once.
const CHUNK_LEN: usize = 1 << 16;

/// A connection with its buffers.
pub(crate) struct Line {
    stream: TcpStream,
    /// What leaves with the next [`Self::flush`].
    pub(crate) out: Vec<u8>,
    inbox: Vec<u8>,
    /// How much of the inbox is read.
    read_to: usize,
    chunk: Vec<u8>,
}

impl Line {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("nobody listens at {address}"))?;
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

    /// PollSet for bytes, but not for long: whether some have come.
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

    /// The next whole message that is here.
    ///
    /// # Errors
    /// What the dialect finds wrong with it.
    pub(crate) fn take(&mut self, dialect: &mut dyn Dialect) -> Result<Option<Heard>, String> {
        let heard = dialect.hear(&self.inbox[self.read_to..], &mut self.out)?;
        self.read_to += heard.map_or(0, |heard| heard.len);
        Ok(heard)
    }

    /// Answers everything that is here: `respond` takes what stands first, gives how many bytes
    /// that has, and appends what is to be sent.
    ///
    /// # Errors
    /// What `respond` finds wrong.
    pub(crate) fn answer(
        &mut self,
        mut respond: impl FnMut(&[u8], &mut Vec<u8>) -> Result<Option<usize>, String>,
    ) -> Result<(), String> {
        while let Some(len) = respond(&self.inbox[self.read_to..], &mut self.out)? {
            self.read_to += len;
        }
        Ok(())
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
            let found = read(&self.inbox[self.read_to..]).map_err(|what| anyhow!(what))?;
            if let Some((len, what)) = found {
                self.read_to += len;
                return Ok(what);
            }
            self.fill()?;
        }
        bail!("no answer within {PATIENCE:?}")
    }
}

fn is_nothing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
