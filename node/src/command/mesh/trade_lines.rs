//! Trade lines: `AAPL 100`, a trade a line, from standard input or from a file.

use allot_feeds::{Chunk, Intake};
use allot_journal::state_hash;
use allot_mesh_rules::{Origin, Symbol, Trade, TradeQuantity};
use allot_mesh_service::{NoticePace, SourceItem, TradeSource};
use allot_runtime::{Clock, PollSet};
use anyhow::{Result, bail};

/// Bytes that a line may have: a symbol, a quantity, and room for spaces.
const LINE_BYTES_MAX: usize = 1_024;
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 16 << 10;

/// Lines that are no trades, and pieces that are read, until others have their turn: with either a
/// peer is silent for some milliseconds at the most.
const LINES_PASSED_MAX: u32 = 1_024;
const READS_MAX: u32 = 16;

/// Lines, as they come.
pub(super) struct TradeLines {
    intake: Intake,
    /// What was read, and where the next line begins in it.
    buffer: Vec<u8>,
    start: usize,
    is_at_end: bool,
    /// The rest of a line that is too long is passed over.
    is_too_long: bool,
    lines: u64,
    bad: u64,
    /// How much more is read before others have their turn.
    reads_left: u32,
    /// How many lines that are no trades are named.
    pace: NoticePace,
    clock: Clock,
    /// It is read to see whether it may be applied.
    is_checked_only: bool,
    file: Option<FileProgress>,
}

/// How far a file was read, and how far it was applied before.
struct FileProgress {
    /// Over all lines so far.
    hash: u64,
    /// The last line that was applied before, and the hash up to it.
    before: Option<(u64, u64)>,
    skipped: u64,
}

/// What a line is.
enum Line {
    Trade(Symbol, TradeQuantity),
    Empty,
    Bad(String),
}

impl TradeLines {
    /// What people type, or programs write.
    pub(super) fn stdin() -> Result<Self> {
        Ok(Self::of(Intake::open("-")?, None))
    }

    /// A file, of which the journal has the lines up to this one.
    pub(super) fn file(path: &str, before: Option<(u64, u64)>) -> Result<Self> {
        let file = FileProgress { hash: 0, before, skipped: 0 };
        Ok(Self::of(Intake::open(path)?, Some(file)))
    }

    /// Reads a file once before the peer joins: one that will be refused starts nothing.
    pub(super) fn check_file(path: &str, before: Option<(u64, u64)>) -> Result<()> {
        // What is read from a pipe is gone.
        if !std::fs::metadata(path).is_ok_and(|file| file.is_file()) {
            return Ok(());
        }
        let mut lines = Self::file(path, before)?;
        lines.is_checked_only = true;
        while let Some(item) = lines.next() {
            if let SourceItem::Failed(why) = item {
                bail!(why);
            }
        }
        Ok(())
    }

    fn of(intake: Intake, file: Option<FileProgress>) -> Self {
        Self {
            intake,
            buffer: Vec::new(),
            start: 0,
            is_at_end: false,
            is_too_long: false,
            lines: 0,
            bad: 0,
            reads_left: 0,
            pace: NoticePace::new(),
            clock: Clock::system(),
            is_checked_only: false,
            file,
        }
    }

    /// The next whole line; at the end the rest counts as one.
    fn next_line(&mut self) -> Option<Result<Vec<u8>, String>> {
        loop {
            let rest = &self.buffer[self.start..];
            if let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
                let line = trimmed(&rest[..length], self.lines == 0).to_vec();
                self.start += length + 1;
                // The end of a line that was refused already.
                if std::mem::take(&mut self.is_too_long) {
                    continue;
                }
                return Some(if LINE_BYTES_MAX < length { Err(too_long()) } else { Ok(line) });
            }
            if LINE_BYTES_MAX < rest.len() {
                self.start = self.buffer.len();
                if !std::mem::replace(&mut self.is_too_long, true) {
                    return Some(Err(too_long()));
                }
            }
            if self.is_at_end {
                let line = trimmed(&self.buffer[self.start..], self.lines == 0).to_vec();
                self.start = self.buffer.len();
                let is_one = !line.is_empty() && !self.is_too_long;
                return is_one.then_some(Ok(line));
            }
            if self.reads_left == 0 {
                return None;
            }
            self.reads_left -= 1;
            match self.read_more() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.is_at_end = true;
                    return Some(Err(format!("cannot read on: {error}")));
                }
            }
        }
    }

    /// Whether there was more to read, or the end.
    fn read_more(&mut self) -> std::io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + CHUNK_BYTES, 0);
        let read = self.intake.read(&mut self.buffer[filled..]);
        let count = if let Ok(Chunk::Bytes(count)) = read { count } else { 0 };
        self.buffer.truncate(filled + count);
        match read? {
            Chunk::Bytes(_) => Ok(true),
            Chunk::Waiting => Ok(false),
            Chunk::End => {
                self.is_at_end = true;
                Ok(true)
            }
        }
    }

    /// What becomes of a line of a file: whether it was applied before.
    fn pass(&mut self, line: &[u8]) -> Result<bool, String> {
        let Some(file) = &mut self.file else { return Ok(false) };
        let hash = state_hash(&[&file.hash.to_le_bytes(), line].concat()).to_le_bytes();
        let (halves, _) = hash.as_chunks::<8>();
        file.hash = u64::from_le_bytes(halves[0]);
        let Some((number, hash)) = file.before else { return Ok(false) };
        if self.lines < number {
            file.skipped += 1;
            return Ok(true);
        }
        if file.hash != hash {
            return Err(format!(
                "the first {number} lines of {} are not those that were applied before; append new \
                 trades to the file that was applied, or give them on standard input",
                self.intake.name()
            ));
        }
        file.before = None;
        file.skipped += 1;
        if !self.is_checked_only {
            let lines = if number == 1 { "line" } else { "lines" };
            let were = if number == 1 { "was" } else { "were" };
            tracing::info!("{number} {lines} of {} {were} applied before", self.intake.name());
        }
        Ok(true)
    }

    fn origin(&self) -> Origin {
        match &self.file {
            Some(file) => Origin::Line { number: self.lines, hash: file.hash },
            None => Origin::Typed,
        }
    }

    /// A line that is no trade ends the job that a file is; what somebody types does not.
    fn refuse(&mut self, why: &str) -> Option<SourceItem> {
        self.bad += 1;
        let (name, line) = (self.intake.name(), self.lines);
        let what = format!("line {line} of {name}: {why}; a trade is SYMBOL QUANTITY: AAPL 100");
        if self.file.is_some() {
            return Some(SourceItem::Failed(what));
        }
        match self.pace.take(self.clock.now()) {
            Some(0) => tracing::error!("{what}"),
            Some(passed_over) => tracing::error!(passed_over, "{what}; of others it was not said"),
            None => {}
        }
        None
    }

    /// A file that has become shorter than what was applied of it is another one.
    fn end(&mut self) -> Option<SourceItem> {
        let (number, _) = self.file.as_mut()?.before.take()?;
        Some(SourceItem::Failed(format!(
            "{} has {} {}, and {number} were applied before; give the file that was applied",
            self.intake.name(),
            self.lines,
            if self.lines == 1 { "line" } else { "lines" }
        )))
    }
}

impl TradeSource for TradeLines {
    fn next(&mut self) -> Option<SourceItem> {
        self.reads_left = READS_MAX;
        for _ in 0..LINES_PASSED_MAX {
            let Some(line) = self.next_line() else {
                let more = (self.reads_left == 0).then_some(SourceItem::PassedOver);
                return if self.is_at_end { self.end() } else { more };
            };
            self.lines += 1;
            let bytes = line.as_ref().map_or(&[][..], Vec::as_slice);
            match self.pass(bytes) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(why) => return Some(SourceItem::Failed(why)),
            }
            let refused = match line.map(|line| read(&line)) {
                Ok(Line::Trade(symbol, quantity)) => {
                    let (time, origin) = (None, self.origin());
                    return Some(SourceItem::Trade(Trade { symbol, quantity, time, origin }));
                }
                Ok(Line::Empty) => None,
                Ok(Line::Bad(why)) | Err(why) => self.refuse(&why),
            };
            if refused.is_some() {
                return refused;
            }
        }
        Some(SourceItem::PassedOver)
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let skipped = self.file.as_ref().map_or(0, |file| file.skipped);
        vec![("lines", self.lines), ("lines_bad", self.bad), ("lines_applied_before", skipped)]
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        if !self.is_at_end {
            self.intake.wait_on(poll_set);
        }
    }
}

/// A line without what editors of other systems put around it: a mark of the byte order before the
/// first one, and a carriage return at the end. With it a line is the same line.
fn trimmed(line: &[u8], is_first: bool) -> &[u8] {
    let mark = if is_first { "\u{feff}" } else { "" };
    let line = line.strip_prefix(mark.as_bytes()).unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn too_long() -> String {
    format!("a line has at most {LINE_BYTES_MAX} bytes")
}

fn read(line: &[u8]) -> Line {
    let Ok(text) = str::from_utf8(line) else { return Line::Bad("it is not UTF-8".to_owned()) };
    let text = text.trim();
    if text.is_empty() {
        return Line::Empty;
    }
    let Some((symbol, quantity)) = text.rsplit_once(char::is_whitespace) else {
        return Line::Bad(format!("{text:?} has no quantity"));
    };
    let symbol = match Symbol::new(symbol.trim_end().as_bytes()) {
        Ok(symbol) => symbol,
        Err(reject) => return Line::Bad(reject.to_string().replacen("ticker", "symbol", 1)),
    };
    match TradeQuantity::parse(quantity) {
        Ok(TradeQuantity::ZERO) => Line::Bad(format!("the quantity {quantity:?} is no trade")),
        Ok(quantity) => Line::Trade(symbol, quantity),
        Err(error) => Line::Bad(format!("the quantity {quantity:?} {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn texts(lines: &mut TradeLines) -> Vec<String> {
        std::iter::from_fn(|| lines.next())
            .filter_map(|item| match item {
                SourceItem::Trade(Trade { symbol, quantity, .. }) => {
                    Some(format!("{symbol} {quantity}"))
                }
                SourceItem::Failed(why) => Some(why),
                SourceItem::PassedOver => None,
            })
            .collect()
    }

    #[test]
    fn a_file_is_applied_once_and_another_one_is_refused() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("trades");
        let path = path.to_str().unwrap();
        fs::write(path, "AAPL 100\n\n  ES 2026,DEC \t -0.5\nMSFT 7").unwrap();
        let mut lines = TradeLines::file(path, None).unwrap();
        assert_eq!(texts(&mut lines), ["AAPL 100", "ES 2026,DEC -0.5", "MSFT 7"]);
        let Origin::Line { number: 4, hash } = lines.origin() else { panic!("line 4") };
        let before = Some((4, hash));
        assert_eq!(texts(&mut TradeLines::file(path, before).unwrap()), [""; 0]);
        fs::write(path, "AAPL 100\n\n  ES 2026,DEC \t -0.5\nMSFT 7\nMSFT 8\n").unwrap();
        let mut lines = TradeLines::file(path, before).unwrap();
        assert_eq!(texts(&mut lines), ["MSFT 8"]);
        assert_eq!(lines.counters()[2], ("lines_applied_before", 4));
        fs::write(path, "AAPL 100\n\n\nMSFT 7\nMSFT 8\n").unwrap();
        let refused = texts(&mut TradeLines::file(path, before).unwrap());
        assert!(refused[0].contains("are not those that were applied before"), "{refused:?}");
        fs::write(path, "AAPL 100\n").unwrap();
        let refused = texts(&mut TradeLines::file(path, before).unwrap());
        assert!(refused[0].contains("has 1 line, and 4 were applied before"), "{refused:?}");
    }

    #[test]
    fn a_file_of_another_system_is_the_same_file() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("trades");
        let path = path.to_str().unwrap();
        fs::write(path, "\u{feff}AAPL 100\r\nMSFT 7").unwrap();
        let mut lines = TradeLines::file(path, None).unwrap();
        assert_eq!(texts(&mut lines), ["AAPL 100", "MSFT 7"]);
        let Origin::Line { number: 2, hash } = lines.origin() else { panic!("line 2") };
        // The last line had no end when it was read, and counts once.
        fs::write(path, "\u{feff}AAPL 100\r\nMSFT 7\r\nMSFT 8\r\n").unwrap();
        TradeLines::check_file(path, Some((2, hash))).unwrap();
        assert_eq!(texts(&mut TradeLines::file(path, Some((2, hash))).unwrap()), ["MSFT 8"]);
        fs::write(path, "AAPL 100\nMSFT 7\nMSFT x\n").unwrap();
        let error = TradeLines::check_file(path, Some((2, hash))).unwrap_err();
        assert!(error.to_string().starts_with("line 3 of "), "{error}");
    }

    /// Others have their turn between what is no trade, however much of it there is.
    #[test]
    fn much_that_is_no_trade_is_passed_over_piece_by_piece() {
        let mut endless = TradeLines::file("/dev/zero", None).unwrap();
        assert!(matches!(endless.next(), Some(SourceItem::Failed(_))), "a line is too long");
        for _ in 0..8 {
            assert_eq!(endless.next(), Some(SourceItem::PassedOver));
        }
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("trades");
        fs::write(&path, format!("{}AAPL 1\n", "\n".repeat(10_000))).unwrap();
        let mut lines = TradeLines::file(path.to_str().unwrap(), None).unwrap();
        let items: Vec<_> = std::iter::from_fn(|| lines.next()).collect();
        assert_eq!(items.len(), 9 + 1, "{items:?}");
        assert!(matches!(items[9], SourceItem::Trade(_)));
    }

    /// Who adds a counter says in the page what it counts.
    #[test]
    fn the_page_has_every_counter_of_lines() {
        let page = include_str!("../../../../docs/MESH.md");
        let lines = TradeLines::stdin().map_or_else(|_| Vec::new(), |lines| lines.counters());
        for (name, _) in lines {
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/MESH.md");
        }
    }

    #[test]
    fn a_line_that_is_no_trade_is_named() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("trades");
        for (text, why) in [
            ("AAPL", "\"AAPL\" has no quantity"),
            ("AAPL -0.0", "the quantity \"-0.0\" is no trade"),
            ("AAPL 1e3", "the quantity \"1e3\" is not a plain decimal number such as 187.23"),
            ("AAPL 0.0000000001", "the quantity \"0.0000000001\" has more than nine decimals"),
            (&"x".repeat(2_000), "a line has at most 1024 bytes"),
        ] {
            fs::write(&path, format!("MSFT 1\n{text}\nMSFT 2\n")).unwrap();
            let mut lines = TradeLines::file(path.to_str().unwrap(), None).unwrap();
            assert_eq!(texts(&mut lines)[0], "MSFT 1");
            let mut lines = TradeLines::file(path.to_str().unwrap(), None).unwrap();
            let all = texts(&mut lines);
            assert!(all[1].starts_with("line 2 of ") && all[1].contains(why), "{all:?}");
        }
    }
}
