//! A scenario: a front door and feeds on one thread and on virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use allot_domain::{Price, Quantity, Seq, Side, SourceId, Ticker};
use allot_feeds::{
    AumConfig, AumFeed, FeedProgress, FillConfig, FillFeed, Pull, ReplyLog, Source, UnnamedFill,
    Weights,
};
use allot_runtime::{Clock, Counters, Link, Nanos, Stepper, Waker, ring_pair};

use crate::front::{Faults, Front, Ports, Shared};

/// When every scenario begins.
pub(crate) const START: Nanos = Nanos::from_unix(1_700_000_000_000_000_000);

pub(crate) fn source(name: &str) -> SourceId {
    SourceId::new(name.as_bytes()).unwrap()
}

/// Fills of one share at a price of 1, with these times.
pub(crate) struct Fills(pub(crate) VecDeque<Pull>);

impl Fills {
    pub(crate) fn of(count: u64) -> Box<Self> {
        Self::at(&(0..count).map(|_| None).collect::<Vec<_>>())
    }

    pub(crate) fn one_and_then_none() -> Box<OneFill> {
        Box::new(OneFill(Self::of(1).0.pop_front()))
    }

    pub(crate) fn at(times: &[Option<u64>]) -> Box<Self> {
        let fill = |(seq, time_ns): (u64, &Option<u64>)| {
            Pull::Fill(UnnamedFill {
                seq: Seq::new(seq),
                id: None,
                line: None,
                ticker: Ticker::new(b"AAPL").unwrap(),
                side: Side::Buy,
                price: Price::parse("1").unwrap(),
                quantity: Quantity::parse("1").unwrap(),
                time_ns: *time_ns,
            })
        };
        Box::new(Self((1..).zip(times).map(fill).collect()))
    }
}

impl Source for Fills {
    fn next(&mut self) -> Pull {
        self.0.pop_front().unwrap_or(Pull::Done)
    }
}

/// One fill, and then nothing: its feed never ends.
pub(crate) struct OneFill(Option<Pull>);

impl Source for OneFill {
    fn next(&mut self) -> Pull {
        self.0.take().unwrap_or(Pull::Waiting)
    }
}

/// The agents of a test that has not begun.
pub(crate) struct Scenario {
    pub(crate) shared: Shared,
    front_links: Vec<Link>,
    agents: Vec<Box<dyn allot_runtime::Agent>>,
    ring_capacity: usize,
}

impl Scenario {
    pub(crate) fn new() -> Self {
        Self::with_rings_of(1_024)
    }

    pub(crate) fn with_rings_of(ring_capacity: usize) -> Self {
        let shared = Shared::default();
        Self { shared, front_links: Vec::new(), agents: Vec::new(), ring_capacity }
    }

    pub(crate) fn faults(self, faults: Faults) -> Self {
        self.shared.state().faults = faults;
        self
    }

    fn link(&mut self) -> Link {
        let silent = Waker::silent();
        let (ours, theirs) = ring_pair(self.ring_capacity, &silent, &silent);
        self.front_links.push(theirs);
        ours
    }

    pub(crate) fn fills(&mut self, config: FillConfig, source: Box<dyn Source>) -> FeedProgress {
        let feed = FillFeed::new(config, source, self.link(), Counters::new()).unwrap();
        let progress = feed.progress();
        self.agents.push(Box::new(feed));
        progress
    }

    /// A fill feed that logs its replies.
    pub(crate) fn logged_fills(
        &mut self,
        config: FillConfig,
        source: Box<dyn Source>,
        reply_log: ReplyLog,
    ) -> FeedProgress {
        let mut feed = FillFeed::new(config, source, self.link(), Counters::new()).unwrap();
        feed.log_replies(reply_log);
        let progress = feed.progress();
        self.agents.push(Box::new(feed));
        progress
    }

    pub(crate) fn splits(&mut self, config: AumConfig, weights: Weights) -> FeedProgress {
        let feed = AumFeed::new(config, weights, self.link(), Counters::new());
        let progress = feed.progress();
        self.agents.push(Box::new(feed));
        progress
    }

    /// An AUM feed that sends one split, for two accounts.
    pub(crate) fn one_split(&mut self) -> FeedProgress {
        let config = AumConfig { count: Some(1), ..AumConfig::new(source("aum")) };
        self.splits(config, Weights::fixed("a=40,b=60").unwrap())
    }

    /// The feeds run in the order in which they were added, and then the front door.
    pub(crate) fn begin(self, seed: u64) -> Stepper {
        let mut stepper = Stepper::new(Clock::virtual_at(START));
        self.agents.into_iter().for_each(|agent| stepper.add(agent));
        let ports = Ports::Rings(self.front_links);
        stepper.add(Box::new(Front::new(ports, seed, self.shared)));
        stepper
    }
}

/// Advances time until the feed is finished; returns how long that took.
pub(crate) fn finish(stepper: &mut Stepper, progress: &FeedProgress) -> Duration {
    let begun = stepper.now();
    for _ in 0..10_000 {
        stepper.run_until_idle();
        if progress.is_finished() {
            return stepper.now() - begun;
        }
        stepper.advance(Duration::from_millis(100));
    }
    panic!("not done after 1,000 seconds: {}", progress.summary());
}

/// Seconds since the scenario began, with three decimals.
pub(crate) fn seconds(time: Nanos) -> String {
    let millis = (time - START).as_millis();
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}
