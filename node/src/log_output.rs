//! Standard error as the log writes to it: a reader that has stopped reading stops no work.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing_subscriber::fmt::MakeWriter;

use crate::log_format::LogFormat;

/// What a pipe that polls as writable surely takes (`PIPE_BUF` on Linux, see `pipe(7)`).
const CHUNK: usize = 4_096;

/// How long a line waits for a reader that is only slow. Once one was lost, none waits until the
/// reader reads again.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where the lines of the log go. A line that the reader does not take is lost, and counted.
pub(crate) struct LogOutput<F> {
    shared: Mutex<Shared<F>>,
}

struct Shared<F> {
    out: F,
    format: LogFormat,
    /// Lines that were lost and are not yet reported.
    lost: u64,
}

impl<F: Write + AsFd> LogOutput<F> {
    pub(crate) fn new(out: F, format: LogFormat) -> Self {
        Self { shared: Mutex::new(Shared { out, format, lost: 0 }) }
    }
}

impl<'a, F: Write + AsFd + 'a> MakeWriter<'a> for LogOutput<F> {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl<F: Write + AsFd> Write for &LogOutput<F> {
    /// Takes one line, and fails never: a log that cannot be written has nowhere to say so.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.take(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<F: Write + AsFd> Shared<F> {
    fn take(&mut self, line: &[u8]) {
        let patience = if self.lost == 0 { PATIENCE } else { Duration::ZERO };
        if !takes(self.out.as_fd(), patience) {
            self.lost += 1;
            return;
        }
        if 0 < self.lost {
            let report = lost_text(self.format, self.lost);
            self.lost = 0;
            self.write(report.as_bytes());
        }
        self.write(line);
    }

    /// Writes in pieces that surely fit. What does not fit any more counts as a line.
    fn write(&mut self, line: &[u8]) {
        for piece in line.chunks(CHUNK) {
            if !takes(self.out.as_fd(), PATIENCE) {
                self.lost += 1;
                return;
            }
            // A reader that has gone reads nothing: the process ends for other reasons, or goes on.
            let _ = self.out.write_all(piece);
        }
    }
}

/// Whether a piece can be written without waiting, or an error is to be had.
fn takes(out: BorrowedFd<'_>, patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).ok();
    let mut fds = [PollFd::from_borrowed_fd(out, PollFlags::OUT)];
    // An interruption or a descriptor that cannot be polled: a write says more.
    poll(&mut fds, patience.as_ref()).map_or(true, |ready| 0 < ready)
}

fn lost_text(format: LogFormat, lost: u64) -> String {
    let lines =
        if lost == 1 { "1 line of the log was" } else { &format!("{lost} lines of the log were") };
    let message = format!("{lines} lost: standard error was not read");
    match format {
        LogFormat::Text => format!("{message}\n"),
        LogFormat::Json => {
            let line = serde_json::json!({ "level": "warn", "lost": lost, "message": message });
            format!("{line}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe};

    use super::*;

    /// A pipe of 64 KiB takes so many lines of this length, and no more.
    const LINE: [u8; 1_024] = [b'x'; 1_024];

    #[test]
    fn a_reader_that_does_not_read_loses_lines_and_is_told_how_many() {
        let (mut reader, writer) = pipe().unwrap();
        let output = LogOutput::new(writer, LogFormat::Text);
        for _ in 0..1_000 {
            (&output).write_all(&LINE).unwrap();
        }
        let lost = output.shared.lock().unwrap().lost;
        assert!(900 < lost && lost < 1_000, "{lost}");

        let mut read = vec![0; (1_000 - usize::try_from(lost).unwrap()) * LINE.len()];
        reader.read_exact(&mut read).unwrap();
        (&output).write_all(b"again\n").unwrap();
        drop(output);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        let report = format!("{lost} lines of the log were lost: standard error was not read\n");
        assert_eq!(rest, report + "again\n");
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let output = LogOutput::new(writer, LogFormat::Json);
        (&output).write_all(b"a line\n").unwrap();
    }

    #[test]
    fn a_json_log_reports_its_losses_in_json() {
        let line: serde_json::Value = serde_json::from_str(&lost_text(LogFormat::Json, 7)).unwrap();
        assert_eq!((&line["level"], &line["lost"]), (&"warn".into(), &7.into()));
    }
}
