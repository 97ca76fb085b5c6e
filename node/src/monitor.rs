//! The monitor: a thread that handles signals, logs counters, and writes the stage file.

use allot_console::Measured;
use allot_runtime::{Clock, Counters, Running, ThreadGroup, Threads, WaitStrategy};
use anyhow::Result;

use crate::counter_watch::CounterWatch;
use crate::signals::{Request, Signals};
use crate::stage_file::StageFile;
use crate::wiring::{Endpoints, Server};

/// The thread.
pub(crate) struct Monitor {
    running: Running,
}

impl Monitor {
    /// Starts the thread. `request` is called on a signal; `boxes` are the counters to log.
    pub(crate) fn new(
        request: Request,
        boxes: Vec<(String, Counters)>,
        stage_file: Option<StageFile>,
    ) -> Result<Self> {
        let signals = Signals::new(request)?;
        let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
        let slot = group.thread("monitor")?;
        group.add(&slot, Box::new(signals));
        group.add(&slot, Box::new(CounterWatch::new(boxes)));
        if let Some(stage_file) = stage_file {
            group.add(&slot, Box::new(stage_file));
        }
        Ok(Self { running: group.start()? })
    }

    /// Stops the thread, after a last turn.
    pub(crate) fn stop(self) -> Result<()> {
        self.running.stop();
        Ok(self.running.join()?)
    }
}

/// Runs a server until a signal comes or one of its threads fails. Prints `ready` and the endpoints
/// once signals are handled.
pub(crate) fn run(server: Server, ready: &str) -> Result<()> {
    run_beside(server, ready, |_, _| Ok(()))
}

/// The same, with something beside it that starts once clients can connect, and ends with the
/// server.
pub(crate) fn run_beside<T>(
    mut server: Server,
    ready: &str,
    start: impl FnOnce(&Endpoints, Measured) -> Result<T>,
) -> Result<()> {
    let metrics = server.serve_metrics()?;
    let measured = server.measured();
    let Server { running, endpoints, counters, timing, .. } = server;
    let stopper = running.stopper();
    let monitor = Monitor::new(Box::new(move || stopper.stop()), counters, timing.file)?;
    crate::stdout::print(&format!("{ready} {endpoints}"))?;
    let beside = start(&endpoints, measured)?;
    let ended = running.join();
    drop(beside);
    drop(metrics);
    monitor.stop()?;
    Ok(ended?)
}
