//! A pager: where a page that may be longer than the terminal goes.
//!
//! On a terminal it is that of `$PAGER`, else `less`, which shows a short page without stopping;
//! elsewhere, and where there is none, it is stdout.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// What `less` is told unless the user has said: end if the page is short, keep colors, leave the
/// page on the screen.
const LESS: &str = "FRX";

/// What is written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// A page on its way.
pub(crate) enum Pager {
    Stdout(BufWriter<io::Stdout>),
    Program(Child, BufWriter<ChildStdin>),
}

impl Pager {
    /// Begins a page.
    pub(crate) fn begin() -> Self {
        let plain = || Self::Stdout(BufWriter::with_capacity(BUFFER_BYTES, io::stdout()));
        if !io::stdout().is_terminal() {
            return plain();
        }
        let given = env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
        let mut words = given.split_whitespace();
        let Some(program) = words.next().filter(|program| *program != "cat") else {
            return plain();
        };
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::piped());
        if env::var_os("LESS").is_none() {
            command.env("LESS", LESS);
        }
        // Ctrl-C is for the pager: what it does not read any more ends this process.
        let is_ignored = flag::register(SIGINT, Arc::new(AtomicBool::new(false))).is_ok();
        let spawned = if is_ignored { command.spawn().ok() } else { None };
        let Some(mut child) = spawned else { return plain() };
        match child.stdin.take() {
            Some(stdin) => Self::Program(child, BufWriter::new(stdin)),
            None => plain(),
        }
    }

    /// Ends the page, and waits until it was read.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(crate) fn end(self) -> Result<()> {
        match self {
            Self::Stdout(mut out) => Ok(out.flush()?),
            Self::Program(mut child, mut out) => {
                // The reader may have seen enough.
                let flushed = out.flush();
                drop(out);
                child.wait()?;
                match flushed {
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Program(_, out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Program(_, out) => out.flush(),
        }
    }
}

/// Prints a page, through the pager where it is longer than the terminal.
pub(crate) fn print_page(page: &str) -> Result<()> {
    let mut pager = Pager::begin();
    match writeln!(pager, "{page}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    pager.end()
}
