//! Output: standard output on a thread of its own, which alone waits for its reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use allot_runtime::{Agent, Clock, Nanos, Running, ThreadGroup, Threads, WaitStrategy, Waker};
use anyhow::{Result, anyhow};

use crate::signals::Request;
use crate::stdout::print;

/// Bytes of lines that wait for standard output; when its reader is slow the next ones are dropped.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// Standard output, to whom lines are handed.
pub(super) struct Output {
    running: Running,
    lines: Sender<String>,
    waker: Waker,
    waiting: Arc<Waiting>,
}

/// What waits, and what no longer does.
#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    /// Lines that were dropped since the last that was not.
    dropped: AtomicU64,
}

/// Prints what it is handed, and blocks while nobody reads it.
struct LinePrinter {
    lines: Receiver<String>,
    waiting: Arc<Waiting>,
    /// Called when there is no use in going on.
    request: Request,
    failure: Option<String>,
}

impl Output {
    /// Starts the thread; `request` is called when standard output takes no more lines.
    pub(super) fn start(request: Request) -> Result<Self> {
        let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
        let slot = group.blocking_thread("output")?;
        let (sender, lines) = channel();
        let (waker, waiting) = (slot.waker().clone(), Arc::<Waiting>::default());
        let printer = LinePrinter { lines, waiting: waiting.clone(), request, failure: None };
        group.add(&slot, Box::new(printer));
        Ok(Self { running: group.start()?, lines: sender, waker, waiting })
    }

    /// Hands a line over. Does not wait.
    pub(super) fn print(&self, line: String) {
        let bytes = line.len();
        if WAITING_BYTES_MAX < self.waiting.bytes.load(Ordering::SeqCst) + bytes {
            if self.waiting.dropped.fetch_add(1, Ordering::SeqCst) == 0 {
                tracing::warn!("standard output is not read; lines are dropped from here on");
            }
            return;
        }
        let dropped = self.waiting.dropped.swap(0, Ordering::SeqCst);
        if 0 < dropped {
            tracing::warn!(dropped, "standard output is read again; lines were dropped");
        }
        self.waiting.bytes.fetch_add(bytes, Ordering::SeqCst);
        // A printer that has failed says so in the end.
        let _ = self.lines.send(line);
        self.waker.wake();
    }

    /// Prints what still waits. A reader that takes none of it in time is a failure.
    pub(super) fn end(self, within: Duration) -> Result<()> {
        self.running.stop();
        self.running.join_within(within).map_err(|error| match error.role() {
            "" => anyhow!("standard output is not read; its last lines are lost"),
            _ => anyhow!("{error}"),
        })
    }
}

impl LinePrinter {
    fn print_all(&mut self) -> usize {
        let mut count = 0;
        while self.failure.is_none()
            && let Ok(line) = self.lines.try_recv()
        {
            count += 1;
            if let Err(error) = print(&line) {
                tracing::warn!("standard output takes no more lines; stopping");
                self.failure = Some(format!("{error:#}"));
                (self.request)();
            }
            self.waiting.bytes.fetch_sub(line.len(), Ordering::SeqCst);
        }
        count
    }
}

impl Agent for LinePrinter {
    fn role(&self) -> &str {
        "output"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        self.print_all()
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn close(&mut self, _now: Nanos) {
        self.print_all();
    }
}
