//! The lookout: a thread beside the crews of this process that hears signals and watches counters.

use crate::counter_watch::CounterWatch;
use crate::signals::{Request, Signals};
use crate::stage_file::StageFile;
use crate::wiring::Server;
use allot_runtime::{Clock, Counters, Crew, Running, Threads, WaitStrategy};
use anyhow::Result;

/// The thread.
pub(crate) struct Lookout {
    running: Running,
}

impl Lookout {
    /// Passes on what a signal asks for, logs what some boxes count, and writes what they time.
    pub(crate) fn new(
        request: Request,
        boxes: Vec<(String, Counters)>,
        stage_file: Option<StageFile>,
    ) -> Result<Self> {
        let mut crew = Crew::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
        let slot = crew.thread("lookout")?;
        crew.add(&slot, Box::new(Signals::new(request)?));
        crew.add(&slot, Box::new(CounterWatch::new(boxes)));
        if let Some(stage_file) = stage_file {
            crew.add(&slot, Box::new(stage_file));
        }
        Ok(Self { running: crew.start()? })
    }

    /// Ends the thread, after a last look.
    pub(crate) fn dismiss(self) -> Result<()> {
        self.running.stop();
        Ok(self.running.join()?)
    }
}

/// Runs a server until a signal comes or one of its threads fails; `ready` is printed once the
/// signal would be heard.
pub(crate) fn attend(server: Server, ready: &str) -> Result<()> {
    let Server { running, endpoints, counters, stage_file } = server;
    let stopper = running.stopper();
    let lookout = Lookout::new(Box::new(move || stopper.stop()), counters, stage_file)?;
    crate::stdout::print(&format!("{ready} {endpoints}"))?;
    let ended = running.join();
    lookout.dismiss()?;
    Ok(ended?)
}
