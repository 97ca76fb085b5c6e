//! Published: from the tick of a period to its median, as a subscriber hears it.

use std::path::Path;
use std::time::Duration;

use allot_runtime::{Context, Subscriber, WallClock};
use allot_signals_rules::Unix;
use allot_signals_service::MedianMessage;
use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::crowd::{self, Crowd, Part, ScheduleWords};
use crate::estimate::START;
use crate::interrupt;

/// How many take part, and how they are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Size {
    pub(super) strategies: usize,
    /// Each strategy asks all of them.
    pub(super) generators: usize,
    pub(super) jitter_ms: u64,
}

/// From the tick to the median.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Delays {
    pub(super) p50_ns: u64,
    pub(super) p99_ns: u64,
    pub(super) count: u64,
}

/// The jitter that a period of a second has by default: a twentieth.
pub(super) const JITTER_DEFAULT_MS: u64 = 50;

/// Medians of all strategies that come before those that count.
const WARM_UP: u32 = 2;

impl Size {
    /// Periods of a second, so that there are many of them; of three where a loaded machine may
    /// need more for so many strategies, and there would be no median at all.
    const fn period(self) -> Duration {
        Duration::from_secs(if self.strategies < 1_000 { 1 } else { 3 })
    }

    fn schedule(self) -> Result<ScheduleWords> {
        ScheduleWords::new(self.period(), Duration::from_millis(self.jitter_ms))
    }

    /// How long so many medians take.
    pub(super) fn estimate(self, medians: u32) -> Duration {
        START + self.period() * (medians + WARM_UP)
    }

    pub(super) fn measure(self, allot: Option<&Path>, medians: u32) -> Result<Delays> {
        let schedule = self.schedule()?;
        // Longer than that of a second, which has the strategies renew nine times in it.
        let lease = ["trader", "--lease", "3s"];
        let trader = Part::start(allot, &[&lease[..], &schedule.words()].concat())?;
        let generators: Vec<_> = (0..self.generators)
            .map(|number| Part::generator(allot, number, &schedule))
            .collect::<Result<_>>()?;
        let context = Context::new()?;
        let publish = trader.publish.as_deref().context("the trader does not publish")?;
        let mut subscriber = Subscriber::connect(&context, publish, &[b"median:bin"])?;
        let crowd = Crowd::start("s", self.strategies, &trader, &generators, schedule.schedule)?;
        crowd.wait()?;
        let mut delays = Histogram::<u64>::new(3)?;
        let (mut warm, mut last) = (0, None);
        while delays.len() < u64::from(medians) {
            interrupt::check()?;
            let published = next(&mut subscriber)?;
            let median = published.message.median;
            if usize::try_from(median.strategies)? < self.strategies {
                ensure!(warm == 0, "a median of {} strategies", median.strategies);
                continue;
            }
            if let Some(last) = last.replace(median.period) {
                let (missing, period) = (last.next(), median.period);
                ensure!(missing == period, "no median of period {missing}; the next was {period}");
            }
            if warm < WARM_UP {
                warm += 1;
                continue;
            }
            let tick = schedule.schedule.start_of(median.period);
            delays.record(u64::try_from((published.heard - tick).as_nanos())?)?;
        }
        Ok(Delays {
            p50_ns: delays.value_at_quantile(0.5),
            p99_ns: delays.value_at_quantile(0.99),
            count: delays.len(),
        })
    }
}

/// A median, and when it was heard.
struct Published {
    message: MedianMessage,
    heard: Unix,
}

fn next(subscriber: &mut Subscriber) -> Result<Published> {
    let publication = crowd::next(subscriber)?;
    let heard = Unix::new(WallClock::system().now().as_unix());
    let message = MedianMessage::decode(&publication.body);
    let message = message.map_err(|error| anyhow::anyhow!("a damaged median: {error}"))?;
    Ok(Published { message, heard })
}
