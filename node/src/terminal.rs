//! A terminal: how large the one is that stdout goes to.

use std::io;

use rustix::termios::tcgetwinsize;

/// Columns and lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TerminalSize {
    pub(crate) columns: usize,
    pub(crate) lines: usize,
}

impl TerminalSize {
    /// The size at this moment; none where stdout is no terminal, or one that does not know.
    pub(crate) fn of_stdout() -> Option<Self> {
        let size = tcgetwinsize(io::stdout()).ok()?;
        let (columns, lines) = (usize::from(size.ws_col), usize::from(size.ws_row));
        (0 < columns && 0 < lines).then_some(Self { columns, lines })
    }
}
