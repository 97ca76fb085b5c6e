//! Counting: what the processes of the server count and time, for the page of health.

use std::net::SocketAddr;
use std::sync::Arc;

use allot_runtime::{Clock, Nanos};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::limits::{COUNTED_KEEPS, SCRAPE_PATIENCE};
use crate::metrics::Measured;
use crate::scrape::{Figures, Processes, Scrape, Scrapes};

/// Where it is read.
enum Source {
    /// The server is in this process.
    Inside(Measured),
    /// It is in others, which say it on their pages of metrics.
    Away(Processes),
}

/// What was counted, since the start of each process.
pub(crate) struct Counting {
    /// None where nobody said where it is.
    source: Option<Source>,
    /// What was read last, and when: many pages may ask in the same moment.
    last: Arc<Mutex<Option<Counted>>>,
}

/// What was read, and when.
type Counted = (Nanos, Arc<Figures>);

impl Counting {
    pub(crate) fn new(inside: Option<&Measured>, addresses: &[SocketAddr]) -> Self {
        let away = || {
            let processes = || Source::Away(Processes::new(addresses, SCRAPE_PATIENCE));
            (!addresses.is_empty()).then(processes)
        };
        let source = inside.cloned().map(Source::Inside).or_else(away);
        Self { source, last: Arc::default() }
    }

    /// What is counted now, or was a moment ago; none where nobody said where it is. It is read by
    /// one page at a time, on a thread that may wait: processes may not reply.
    pub(crate) async fn look(self: &Arc<Self>, clock: &Clock) -> Option<Arc<Figures>> {
        self.source.as_ref()?;
        let mut last = Arc::clone(&self.last).lock_owned().await;
        let now = clock.now();
        if let Some((_, figures)) = last.as_ref().filter(|(at, _)| now < *at + COUNTED_KEEPS) {
            return Some(Arc::clone(figures));
        }
        let (this, clock) = (Arc::clone(self), clock.clone());
        // The lock goes along: whoever asked may give up before it is done.
        let read = spawn_blocking(move || {
            let figures = Arc::new(this.read(&clock)?);
            *last = Some((clock.now(), Arc::clone(&figures)));
            Some(figures)
        });
        read.await.ok().flatten()
    }

    fn read(&self, clock: &Clock) -> Option<Figures> {
        let scrape = match self.source.as_ref()? {
            Source::Inside(measured) => {
                let mut scrape = Scrape::new(clock.now());
                scrape.add_page(&measured.page());
                scrape
            }
            Source::Away(processes) => processes.scrape(clock),
        };
        let mut scrapes = Scrapes::default();
        scrapes.add(scrape);
        Some(scrapes.figures())
    }
}
