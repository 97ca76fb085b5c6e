//! Counting: what the processes of the server count and time, for the page of health.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use allot_runtime::Nanos;

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
    last: Mutex<Option<(Nanos, Arc<Figures>)>>,
}

impl Counting {
    pub(crate) fn new(inside: Option<&Measured>, addresses: &[SocketAddr]) -> Self {
        let away = || {
            let processes = || Source::Away(Processes::new(addresses, SCRAPE_PATIENCE));
            (!addresses.is_empty()).then(processes)
        };
        let source = inside.cloned().map(Source::Inside).or_else(away);
        Self { source, last: Mutex::default() }
    }

    /// What is counted now, or was a moment ago; none where nobody said where it is. It waits for
    /// processes that do not reply, so it is not for a thread of pages.
    pub(crate) fn look(&self, now: Nanos) -> Option<Arc<Figures>> {
        let source = self.source.as_ref()?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, figures)) = last.as_ref().filter(|(at, _)| now < *at + COUNTED_KEEPS) {
            return Some(Arc::clone(figures));
        }
        let scrape = match source {
            Source::Inside(measured) => {
                let mut scrape = Scrape::new(now);
                scrape.add_page(&measured.page());
                scrape
            }
            Source::Away(processes) => processes.scrape(now),
        };
        let mut scrapes = Scrapes::default();
        scrapes.add(scrape);
        let figures = Arc::new(scrapes.figures());
        *last = Some((now, Arc::clone(&figures)));
        Some(figures)
    }
}
