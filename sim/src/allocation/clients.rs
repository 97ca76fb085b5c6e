//! The client processes: fill servers, and the AUM server.

use std::time::Duration;

use allot_domain::SourceId;
use allot_feeds::{
    AumConfig, AumFeed, FeedProgress, FillConfig, FillFeed, Pace, Patience, Random, RandomConfig,
    Tally as FeedTally, Weights,
};
use allot_runtime::{Agent, Counters, Link};
use allot_wire::Encoding;

use super::options::AllocationOptions;
use crate::engine::violation::{Violation, ensure};

/// The AUM server's name.
pub const AUM: &str = "aum";

/// All client processes: the fill servers in order, then the AUM server.
pub struct Clients {
    clients: Vec<Client>,
}

/// One client process over all its starts.
#[derive(Clone, Default)]
struct Client {
    starts: u64,
    /// What it has done since its last start.
    progress: Option<FeedProgress>,
}

impl Clients {
    /// This many processes; none has started.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { clients: vec![Client::default(); count] }
    }

    /// Starts one, for the first time or again.
    pub fn start(
        &mut self,
        options: &AllocationOptions,
        client: usize,
        link: Link,
    ) -> Box<dyn Agent> {
        let one = &mut self.clients[client];
        one.starts += 1;
        if client < options.fills.len() {
            let feed = fill_feed(options, client, one.starts == 1, link);
            one.progress = Some(feed.progress());
            Box::new(feed)
        } else {
            let feed = aum_feed(options, link);
            one.progress = Some(feed.progress());
            Box::new(feed)
        }
    }

    /// What each unfinished one still waits for.
    #[must_use]
    pub fn unfinished(&self) -> Vec<String> {
        let progress = self.clients.iter().filter_map(|client| client.progress.as_ref());
        let unfinished = progress.filter(|progress| !progress.is_finished());
        unfinished.map(|feed| format!("{} {:?}", feed.source(), feed.summary())).collect()
    }

    /// Each has had one reply to each message.
    ///
    /// # Errors
    /// The first that has not.
    pub fn check(&self) -> Result<(), Violation> {
        for Client { starts, progress } in &self.clients {
            let Some(progress) = progress else { continue };
            // After a restart a feed may receive replies to what its earlier incarnation sent.
            let strange = if *starts == 1 { FeedTally::Strange } else { FeedTally::Lost };
            for tally in [FeedTally::Lost, FeedTally::Unsent, strange] {
                let count = progress.get(tally);
                ensure(count == 0, "liveness", || {
                    format!("{}: {count} {}", progress.source(), tally.label())
                })?;
            }
        }
        Ok(())
    }
}

/// A fill server. After a restart it sends everything again, as fast as it can.
fn fill_feed(options: &AllocationOptions, client: usize, is_first: bool, link: Link) -> FillFeed {
    let fills = &options.fills[client];
    let source = Random::new(RandomConfig {
        tickers: options.tickers.clone(),
        cents: 100..=50_000,
        shares: 1..=500,
        sell_percent: fills.sell_percent,
        ..RandomConfig::new(fills.seed)
    });
    let rate = fills.rate.to_string().parse().expect("a whole number is a rate");
    let config = FillConfig {
        pace: if is_first { Pace::Rate(rate) } else { Pace::Unlimited },
        count: Some(fills.count),
        in_flight_max: fills.in_flight_max,
        batch: fills.batch,
        encoding: fills.encoding,
        waits_for_held: true,
        patience: patience(),
        ..FillConfig::new(fills.source)
    };
    FillFeed::new(config, Box::new(source), link, Counters::new())
        .expect("the options are within the limits")
}

fn aum_feed(options: &AllocationOptions, link: Link) -> AumFeed {
    let weights = Weights::series(options.splits.clone()).expect("each adds up to 100");
    let config = AumConfig {
        every: options.split_every,
        encoding: Encoding::Json,
        patience: patience(),
        ..AumConfig::new(SourceId::new(AUM.as_bytes()).expect("a plain name"))
    };
    AumFeed::new(config, weights, link, Counters::new())
}

/// Timeouts that are short beside a run, and a drain that outlasts it.
fn patience() -> Patience {
    Patience {
        resend: Duration::from_millis(500),
        resend_longest: Duration::from_secs(8),
        busy_longest: Duration::from_millis(500),
        silence: Duration::from_secs(3),
        silence_longest: Duration::from_secs(12),
        ask_every: Duration::from_secs(2),
        drain: Duration::from_secs(100_000),
        ..Patience::default()
    }
}
