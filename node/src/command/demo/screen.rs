//! A screen: where pages are shown.
//!
//! On a terminal a page replaces the one before; elsewhere it follows it. What is wider or longer
//! than the terminal is cut: a line that wraps, or a page that scrolls, would leave parts of the
//! page before.

use std::io::{self, IsTerminal};

use anyhow::Result;

use crate::stdout::print;
use crate::terminal::TerminalSize;

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
            (true, _) => {
                let page =
                    TerminalSize::of_stdout().map_or(page.to_owned(), |size| cut(page, size));
                print(&over(&page, is_fresh))
            }
            (false, true) => print(page),
            (false, false) => print(&format!("\n{page}")),
        }
    }
}

/// As much of a page as there is room for above the cursor; its last lines, which say how the demo
/// goes on, stay.
fn cut(page: &str, size: TerminalSize) -> String {
    let size = TerminalSize { lines: size.lines.saturating_sub(1), ..size };
    const LAST: usize = 3;
    let mut lines: Vec<String> =
        page.lines().map(|line| line.chars().take(size.columns).collect()).collect();
    if size.lines < lines.len() && LAST + 1 < size.lines {
        let end = lines.split_off(lines.len() - LAST);
        lines.truncate(size.lines - LAST - 1);
        lines.push("…".to_owned());
        lines.extend(end);
    }
    lines.truncate(size.lines);
    lines.join("\n")
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

    #[test]
    fn a_page_is_cut_to_the_terminal() {
        let size = |columns, lines| TerminalSize { columns, lines };
        assert_eq!(cut("abcdef\nb", size(3, 9)), "abc\nb");
        assert_eq!(cut("1\n2\n3\n4\n5\n6\n7", size(9, 6)), "1\n…\n5\n6\n7");
        assert_eq!(cut("1\n2\n3", size(9, 4)), "1\n2\n3");
        assert_eq!(cut("1\n2\n3\n4", size(9, 3)), "1\n2");
    }
}
