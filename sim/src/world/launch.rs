//! How processes begin: boxes made as `node` makes them, on what is on their disks.

use std::sync::Arc;
use std::time::Duration;

use allot_feeds::{
    AumConfig, AumFeed, FillConfig, FillFeed, Pace, Patience, Random, RandomConfig, Weights,
};
use allot_journal::{
    Checkpointer, Committer, Journal, JournalError, Reader, Recovery, SegmentState, SegmentSummary,
    Wakers,
};
use allot_publisher::{Publisher, PublisherConfig};
use allot_router::{Router, RouterConfig};
use allot_runtime::{
    Broadcast, BroadcastListener, Counters, Door, DoorClients, Hub, Link, Nanos, Waker, ring_pair,
};
use allot_shard::{RecoverError, Shard, ShardConfig, State, recover};
use allot_wire::Encoding;

use super::World;
use crate::checker;
use crate::disk::Disk;
use crate::network_link::Side;
use crate::options::Shape;
use crate::process::{Actor, Site, Slot};
use crate::violation::Violation;

/// What a shard starts from.
type Recovered = (State, Journal, Committer, Checkpointer);

/// The ends of the links of all boxes that begin.
struct Ends {
    /// The router's: to each shard, and to the publisher.
    router: Vec<Link>,
    /// Each shard's: to the router and to the publisher.
    shards: Vec<Option<(Link, Link)>>,
    /// The publisher's: to each shard, and to the router.
    publisher: Vec<Link>,
}

impl World {
    /// Starts the processes whose time has come.
    pub(super) fn start_those_due(&mut self) -> Result<(), Violation> {
        for process in 0..self.processes.len() {
            let one = &self.processes[process];
            if !one.is_up() && one.up_at <= self.now {
                self.start(process)?;
            }
        }
        for shard in 0..self.disks.len() {
            if self.full_until[shard] <= self.now {
                self.full_until[shard] = Nanos::MAX;
                self.disks[shard].sim().set_capacity(None);
                self.trace.note(self.now, format!("the disk of shard {shard} has room again"));
            }
        }
        Ok(())
    }

    /// Starts a process, unless a disk refuses.
    fn start(&mut self, process: usize) -> Result<(), Violation> {
        let sites = self.processes[process].sites.clone();
        let mut recovered_shards = Vec::new();
        for site in &sites {
            if let Site::Shard(shard) = *site {
                match self.open(shard)? {
                    Some(recovered) => recovered_shards.push((shard, recovered)),
                    None => {
                        let pause =
                            self.prng.span(Duration::from_millis(20)..=Duration::from_secs(2));
                        self.processes[process].up_at = self.now + pause;
                        return Ok(());
                    }
                }
            }
        }
        let mut ends = self.ends(&sites);
        let mut actors = Vec::new();
        for site in &sites {
            match *site {
                Site::Router => actors.push(self.router(std::mem::take(&mut ends.router))),
                Site::Shard(shard) => {
                    let place = recovered_shards.iter().position(|(of, _)| *of == shard);
                    let (_, recovered) = recovered_shards.remove(place.expect("it was opened"));
                    let links = ends.shards[shard].take().expect("each shard has its links");
                    actors.extend(self.shard(shard, recovered, links));
                }
                Site::Publisher => {
                    actors.push(self.publisher(std::mem::take(&mut ends.publisher)));
                }
                Site::Feed(feed) => actors.push(self.feed(process, feed)),
            }
        }
        let now = self.now;
        actors.iter_mut().for_each(|actor| actor.agent().start(now));
        let slot = |actor| Slot { actor, stalled_until: Nanos::ZERO };
        self.processes[process].slots = actors.into_iter().map(slot).collect();
        self.processes[process].lives += 1;
        let name = self.processes[process].name();
        self.trace.note(now, format!("{name} begins"));
        Ok(())
    }

    /// The links of a process: rings within it, and network_links between processes.
    fn ends(&mut self, sites: &[Site]) -> Ends {
        let shards = self.options.shards;
        let none = || (0..shards).map(|_| None).collect();
        if self.options.shape == Shape::One {
            return if sites.contains(&Site::Router) {
                self.rings()
            } else {
                Ends { router: Vec::new(), shards: none(), publisher: Vec::new() }
            };
        }
        let mut ends = Ends { router: Vec::new(), shards: none(), publisher: Vec::new() };
        let network_links = &mut self.network_links;
        for site in sites {
            match *site {
                Site::Router => {
                    let of_shards = (0..shards).map(|shard| network_links[shard].attach(Side::Hub));
                    ends.router = of_shards.collect();
                    ends.router.push(network_links[2 * shards].attach(Side::Hub));
                }
                Site::Shard(shard) => {
                    let router = network_links[shard].attach(Side::Dealer);
                    let publisher = network_links[shards + shard].attach(Side::Dealer);
                    ends.shards[shard] = Some((router, publisher));
                }
                Site::Publisher => {
                    let of_shards = (shards..2 * shards)
                        .map(|network_link| network_links[network_link].attach(Side::Hub));
                    ends.publisher = of_shards.collect();
                    ends.publisher.push(network_links[2 * shards].attach(Side::Dealer));
                }
                Site::Feed(_) => {}
            }
        }
        ends
    }

    fn rings(&self) -> Ends {
        let ring = || ring_pair(self.options.ring_frames, &Waker::silent(), &Waker::silent());
        let mut ends = Ends { router: Vec::new(), shards: Vec::new(), publisher: Vec::new() };
        for _ in 0..self.options.shards {
            let (of_router, to_router) = ring();
            let (of_publisher, to_publisher) = ring();
            ends.router.push(of_router);
            ends.publisher.push(of_publisher);
            ends.shards.push(Some((to_router, to_publisher)));
        }
        let (of_router, of_publisher) = ring();
        ends.router.push(of_router);
        ends.publisher.push(of_publisher);
        ends
    }

    /// No two lives of a box are ever the same.
    fn incarnation(&mut self) -> u64 {
        self.lives += 1;
        self.now.as_unix() + self.lives
    }

    fn router(&mut self, links: Vec<Link>) -> Actor {
        let (door, clients): (Door, DoorClients) = Door::memory();
        self.client_network.open(clients);
        let hub = match self.options.shape {
            Shape::One => Hub::rings(links),
            Shape::Separate => Hub::lossy_rings(links),
        };
        let config = RouterConfig {
            report_every: self.options.report_every,
            marker_every: self.options.marker_every,
            inputs_owed_max: self.options.owed_max,
            ..RouterConfig::new(self.options.shards, self.incarnation())
        };
        Actor::Router(Box::new(Router::new(config, door, hub, Counters::new())))
    }

    fn shard(&mut self, shard: usize, recovered: Recovered, links: (Link, Link)) -> [Actor; 3] {
        let config = ShardConfig {
            shard: u32::try_from(shard).expect("a few"),
            shards: u32::try_from(self.options.shards).expect("a few"),
            incarnation: self.incarnation(),
        };
        let (state, journal, committer, checkpointer) = recovered;
        let agent = Shard::new(config, state, journal, links, Counters::new());
        [
            Actor::Shard(shard, Box::new(agent)),
            Actor::Committer(shard, Box::new(committer)),
            Actor::Checkpointer(shard, Box::new(checkpointer)),
        ]
    }

    fn publisher(&mut self, mut links: Vec<Link>) -> Actor {
        let (feed, listener): (Broadcast, BroadcastListener) = Broadcast::memory();
        self.subscriber.connect(Some(listener));
        let router = links.pop().expect("the last is the router's");
        let config =
            PublisherConfig { shards: self.options.shards, incarnation: self.incarnation() };
        let hub = Hub::rings(links);
        Actor::Publisher(Box::new(Publisher::new(config, feed, hub, router, Counters::new())))
    }

    fn feed(&mut self, process: usize, feed: usize) -> Actor {
        let link = self.client_network.attach(feed);
        let (actor, progress) = match self.options.feeds.get(feed) {
            Some(_) => self.fill_feed(process, feed, link),
            None => self.aum_feed(link),
        };
        self.processes[process].progress = Some(progress);
        actor
    }

    /// A fill server; in a later life it says all it has said again, as fast as it can.
    fn fill_feed(&self, process: usize, feed: usize, link: Link) -> (Actor, allot_feeds::Progress) {
        let options = &self.options.feeds[feed];
        let source = Random::new(RandomConfig {
            tickers: self.options.tickers.clone(),
            cents: 100..=50_000,
            shares: 1..=500,
            sell_percent: options.sell_percent,
            ..RandomConfig::new(options.seed)
        });
        let is_first = self.processes[process].lives == 0;
        let rate = options.rate.to_string().parse().expect("a whole number is a rate");
        let config = FillConfig {
            pace: if is_first { Pace::Rate(rate) } else { Pace::Unlimited },
            count: Some(options.count),
            window: options.window,
            batch: options.batch,
            encoding: options.encoding,
            waits_for_held: true,
            patience: patience(),
            ..FillConfig::new(options.source)
        };
        let feed = FillFeed::new(config, Box::new(source), link, Counters::new())
            .expect("the options are within the limits");
        let progress = feed.progress();
        (Actor::FillFeed(Box::new(feed)), progress)
    }

    fn aum_feed(&self, link: Link) -> (Actor, allot_feeds::Progress) {
        let weights = Weights::series(self.options.splits.clone()).expect("each adds up to 100");
        let config = AumConfig {
            every: self.options.split_every,
            encoding: Encoding::Json,
            patience: patience(),
            ..AumConfig::new(allot_domain::SourceId::new(b"aum").expect("a plain name"))
        };
        let feed = AumFeed::new(config, weights, link, Counters::new());
        let progress = feed.progress();
        (Actor::AumFeed(Box::new(feed)), progress)
    }

    /// Recovers a shard from its disk, and holds what it finds against all that is known; none if
    /// the disk refuses.
    fn open(&mut self, shard: usize) -> Result<Option<Recovered>, Violation> {
        let (disk, book) = (self.disks[shard].clone(), self.options.book);
        let journal = self.options.journal(shard);
        let flips = if self.injects_faults { self.options.faults.flips } else { 0 };
        checker::flips::check(&disk, (&journal, book), flips, &mut self.prng, &mut self.tally)?;
        let (is_torn, has_snapshot) = self.look_at(&disk);
        self.inject_start_faults(shard);
        let opened = Recovery::open(Arc::new(disk.clone()), journal).map_err(RecoverError::from);
        let recovered = opened.and_then(|mut recovery| {
            let state = recover(&mut recovery, book)?;
            let silent = Waker::silent();
            let wakers = Wakers { shard: &silent, committer: &silent, checkpointer: &silent };
            let (journal, committer, checkpointer) = recovery.finish(wakers)?;
            Ok((state, journal, committer, checkpointer))
        });
        match recovered {
            Ok(recovered) => {
                disk.plan_crash(None);
                self.check_recovered(shard, &recovered)?;
                self.tally.torn += u64::from(is_torn);
                self.tally.with_snapshot += u64::from(has_snapshot);
                Ok(Some(recovered))
            }
            Err(error) => self.refused(shard, &error).map(|()| None),
        }
    }

    /// Whether the last batch was never finished, and whether there is an image.
    fn look_at(&self, disk: &Disk) -> (bool, bool) {
        let is_torn = |summary: &SegmentSummary| matches!(summary.state, SegmentState::Torn(_));
        let reader = disk.full_journal().ok().and_then(|full| Reader::open(Arc::new(full)).ok());
        let is_torn = reader.is_some_and(|reader| reader.segments().iter().any(is_torn));
        (is_torn, disk.files().iter().any(|file| file.starts_with("image-")))
    }

    /// A start is as good a moment for trouble as any other.
    fn inject_start_faults(&mut self, shard: usize) {
        let faults = self.options.faults;
        if !self.injects_faults {
            return;
        }
        if 0 < faults.crash && self.prng.one_in(6) {
            self.crash_shard_soon(shard);
        }
        if 0 < faults.sync_failure && self.prng.one_in(6) {
            self.disks[shard].sim().fail_sync(self.prng.between(1..=4));
            self.tally.syncs_failed += 1;
        }
    }

    fn check_recovered(&mut self, shard: usize, recovered: &Recovered) -> Result<(), Violation> {
        let (state, journal, ..) = recovered;
        self.tally.recoveries += 1;
        let inputs = journal.appended();
        self.trace.note(self.now, format!("shard {shard} recovers {inputs} inputs"));
        self.replicas[shard].read(&self.disks[shard])?;
        checker::recovery::check(shard, &self.replicas[shard], inputs, state)?;
        checker::replies::check(shard, &self.replicas[shard], &mut self.history)
    }

    /// A start may be refused by a disk that fails or is full, and for no other reason.
    fn refused(&mut self, shard: usize, error: &RecoverError) -> Result<(), Violation> {
        if self.disks[shard].take_end().is_some() {
            self.tally.broken_starts += 1;
            self.trace.note(self.now, format!("the machine fails while shard {shard} starts"));
            return Ok(());
        }
        self.disks[shard].plan_crash(None);
        let faults = &self.options.faults;
        let may_fail = 0 < faults.sync_failure + faults.write_failure;
        let is_excused = match error {
            RecoverError::Journal(JournalError::Media { .. }) => may_fail,
            RecoverError::Journal(JournalError::DiskFull { .. }) => 0 < faults.full_disk,
            _ => false,
        };
        self.trace.note(self.now, format!("shard {shard} cannot start: {error}"));
        if !is_excused {
            let what = format!("shard {shard} cannot start, and nothing was wrong: {error}");
            return Err(Violation::new("P8", what));
        }
        self.tally.refused_starts += 1;
        // Whoever looks after it puts it right before the next try.
        self.disks[shard].sim().restart();
        Ok(())
    }
}

/// PollSet that are short beside a run, and a drain that outlasts it.
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
