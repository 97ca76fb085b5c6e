//! A screen: where pages are shown.
//!
//! On a terminal a page replaces the one before; elsewhere it follows it.

use std::io::{self, IsTerminal};

use anyhow::Result;

use crate::stdout::print;

/// Standard output, as a screen.
pub(super) struct Screen {
    is_terminal: bool,
    is_fresh: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { is_terminal: io::stdout().is_terminal(), is_fresh: true }
    }

    /// Shows a page.
    pub(super) fn show(&mut self, page: &str) -> Result<()> {
        let is_fresh = std::mem::take(&mut self.is_fresh);
        match (self.is_terminal, is_fresh) {
            (true, _) => print(&over(page, is_fresh)),
            (false, true) => print(page),
            (false, false) => print(&format!("\n{page}")),
        }
    }
}

/// A page written over the one before, line by line, so that nothing flickers. (ANSI X3.64: ED
/// clears, CUP goes home, EL clears the rest of a line.)
fn over(page: &str, is_fresh: bool) -> String {
    let clear = if is_fresh { "\x1b[2J" } else { "" };
    format!("{clear}\x1b[H{}\x1b[K\x1b[J", page.replace('\n', "\x1b[K\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_written_over_the_one_before() {
        assert_eq!(over("a\nb", true), "\x1b[2J\x1b[Ha\x1b[K\nb\x1b[K\x1b[J");
        assert_eq!(over("a", false), "\x1b[Ha\x1b[K\x1b[J");
    }
}
