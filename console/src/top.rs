//! `allot top`: the console in a terminal.
//!
//! ```text
//!   position feed ──► follower ──► board ─────┐
//!   front door   ◄──►    │                    ├──► snapshot ──► screen | print
//!   /metrics of each process ──► scraper ─────┘
//! ```
//!
//! It changes nothing: it subscribes to reports and heartbeats, and sends no request.

mod command;
mod snapshot;
mod sheet;
mod screen;
mod paint;
mod print;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allot_runtime::{
    Agent, Clock, CurveKey, Nanos, Running, ThreadGroup, Threads, WaitStrategy, duration,
};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::ConsoleError;
use crate::board::Board;
use crate::console::follow;
use crate::follower::Hears;
use crate::limits::{KEY_PATIENCE, SCRAPE_PATIENCE};
use crate::scrape::{Processes, Shared};
use crate::top::paint::paint;
pub use crate::top::print::TopFormat;
use crate::top::print::print;
use crate::top::screen::Screen;
use crate::top::snapshot::Watch;

/// What `allot top` is told.
#[derive(Clone, Debug)]
pub struct TopConfig {
    /// The front door of the server.
    pub front: String,
    /// Its public key, if it encrypts.
    pub front_key: Option<CurveKey>,
    /// Where the server publishes.
    pub publish: String,
    /// The key of the feed, if it encrypts.
    pub publish_key: Option<CurveKey>,
    /// The metrics of its processes.
    pub metrics: Vec<SocketAddr>,
    /// The time between two scrapes.
    pub every: Duration,
}

/// A server that is looked at.
pub struct Top {
    watch: Watch,
    running: Vec<Running>,
    clock: Clock,
    stop: TopStopper,
}

/// Ends it, from any thread.
#[derive(Clone, Default)]
pub struct TopStopper(Arc<AtomicBool>);

impl TopStopper {
    /// Ends it.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Top {
    /// Begins to follow a server.
    ///
    /// # Errors
    /// When an endpoint is malformed, or the process is given no more threads or descriptors.
    pub fn start(config: &TopConfig) -> Result<Self, ConsoleError> {
        let fail = |error| ConsoleError(format!("cannot follow the server: {error}"));
        let clock = Clock::system();
        let board = Board::new(clock.clone());
        let front = (config.front.as_str(), config.front_key);
        let feed = (config.publish.as_str(), config.publish_key);
        let follower = follow(&board, front, feed, Hears::Reports).map_err(fail)?;
        let mut running = vec![follower];
        let scrapes = Arc::new(Shared::default());
        let has_metrics = !config.metrics.is_empty();
        if has_metrics {
            let mut group =
                ThreadGroup::new(clock.clone(), WaitStrategy::Block, Threads::Dedicated);
            let slot = group.thread("scraper").map_err(fail)?;
            let scraper = Scraper {
                processes: Processes::new(&config.metrics, SCRAPE_PATIENCE),
                scrapes: Arc::clone(&scrapes),
                clock: clock.clone(),
                every: config.every,
                due: Nanos::ZERO,
            };
            group.add(&slot, Box::new(scraper));
            running.push(group.start().map_err(fail)?);
        }
        let watch = Watch::new(board, scrapes, has_metrics);
        Ok(Self { watch, running, clock, stop: TopStopper::default() })
    }

    /// What ends it.
    #[must_use]
    pub fn stopper(&self) -> TopStopper {
        self.stop.clone()
    }

    /// One snapshot, once there are two reports and two scrapes. Where only one report comes in
    /// time, fills have no rate.
    ///
    /// # Errors
    /// When no report or no second scrape comes in time.
    pub fn once(mut self, format: TopFormat, timeout: Duration) -> Result<String, ConsoleError> {
        let end = self.clock.now() + timeout;
        let mut is_told = false;
        // The first report is noted before the second one takes its place.
        while !self.watch.has_fill_rate() || !self.watch.is_whole() {
            if self.stop.is_stopped() {
                return Err(ConsoleError("interrupted; nothing was printed".to_owned()));
            }
            if end <= self.clock.now() {
                if self.watch.is_whole() {
                    break;
                }
                return Err(ConsoleError(self.watch.missing(timeout)));
            }
            if let Some(problem) = self.watch.problem().filter(|_| !is_told) {
                is_told = true;
                tracing::warn!("{problem}; asking again for {}", duration::show(timeout));
            }
            self.watch.wait(KEY_PATIENCE);
        }
        let page = print(&self.watch.snapshot(), format);
        self.end()?;
        Ok(page)
    }

    /// Shows the server on the terminal until somebody quits. The terminal is as it was afterwards,
    /// however this ends.
    ///
    /// # Errors
    /// When standard input or output is no terminal, or the terminal fails.
    pub fn show(mut self) -> Result<(), ConsoleError> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            let why = "there is no terminal to show this on; print it once with --once, for \
                       scripts with --json or --csv";
            return Err(ConsoleError(why.to_owned()));
        }
        let fail = |error: io::Error| ConsoleError(format!("the terminal fails: {error}"));
        // A panic restores the terminal too, before its message is printed.
        let terminal = ratatui::try_init().map_err(fail)?;
        let shown = self.run(terminal);
        ratatui::try_restore().map_err(fail)?;
        shown.map_err(fail)?;
        self.end()
    }

    fn run(&mut self, mut terminal: DefaultTerminal) -> io::Result<()> {
        let mut screen = Screen::default();
        while !screen.ends && !self.stop.is_stopped() {
            let live = self.watch.snapshot();
            terminal.draw(|frame| paint(frame, &mut screen, &live))?;
            // What was typed meanwhile is one change of the screen.
            if has_hung_up(KEY_PATIENCE) {
                return Ok(());
            }
            while event::poll(Duration::ZERO)? {
                if let Event::Key(key) = event::read()? {
                    screen.press(key, &live);
                }
            }
        }
        Ok(())
    }

    fn end(self) -> Result<(), ConsoleError> {
        self.running.iter().for_each(Running::stop);
        for running in self.running {
            running.join().map_err(|error| ConsoleError(error.to_string()))?;
        }
        Ok(())
    }
}

/// Waits for a key, and says whether the terminal has gone meanwhile: crossterm would read from it
/// for ever, and see no wish to stop.
fn has_hung_up(patience: Duration) -> bool {
    let stdin = io::stdin();
    let mut stdin = [PollFd::new(&stdin, PollFlags::IN)];
    let patience = Timespec::try_from(patience).ok();
    // An interrupted wait is one that ends early.
    let _ = poll(&mut stdin, patience.as_ref());
    stdin[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
}

/// Asks for metrics, on a thread of its own: a process that does not reply holds nobody up.
struct Scraper {
    processes: Processes,
    scrapes: Arc<Shared>,
    clock: Clock,
    every: Duration,
    due: Nanos,
}

impl Agent for Scraper {
    fn role(&self) -> &str {
        "scraper"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        if now < self.due {
            return 0;
        }
        self.due = now + self.every;
        let scrape = self.processes.scrape(&self.clock);
        self.scrapes.add(scrape);
        1
    }

    fn wake_at(&self) -> Nanos {
        self.due
    }
}
