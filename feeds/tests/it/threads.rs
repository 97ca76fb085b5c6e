//! Feeds on their own thread: real sockets, real pipes, and a server that goes away.

use std::cell::RefCell;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use allot_feeds::{FeedProgress, FileConfig, FillConfig, FillFeed, FillFile, Source, Tally};
use allot_runtime::{
    Agent, Clock, Context, Counter, Counters, Door, DoorOptions, Link, LinkOptions, Nanos, PollSet,
    Running, ThreadGroup, Threads, WaitStrategy, Waker, ring_pair,
};
use allot_wire::Encoding;

use crate::front::{Front, Ports, Shared};
use crate::scenario::{Fills, source};

/// A test that waits this long is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// A condition, and the event that is reported when it becomes true.
type Condition = (Box<dyn Fn() -> bool + Send>, &'static str);

/// Reports each condition that has become true when the thread is about to sleep. From then on only
/// what the agents wait on can wake it.
struct Observer {
    conditions: RefCell<Vec<Condition>>,
    events: Sender<&'static str>,
}

impl Agent for Observer {
    fn role(&self) -> &str {
        "observer"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        0
    }

    fn wait_on<'a>(&'a self, _poll_set: &mut PollSet<'a>) {
        let is_pending =
            |(is_true, event): &Condition| !is_true() || self.events.send(event).is_err();
        self.conditions.borrow_mut().retain(is_pending);
    }
}

fn observer(conditions: Vec<Condition>) -> (Observer, Receiver<&'static str>) {
    let (sender, receiver) = channel();
    (Observer { conditions: RefCell::new(conditions), events: sender }, receiver)
}

fn is_finished(progress: &FeedProgress) -> Box<dyn Fn() -> bool + Send> {
    let progress = progress.clone();
    Box::new(move || progress.is_finished())
}

fn feed(
    source: Box<dyn Source>,
    link: Link,
    config: FillConfig,
) -> (FillFeed, FeedProgress, Counters) {
    let counters = Counters::new();
    let feed = FillFeed::new(config, source, link, counters.clone()).unwrap();
    let progress = feed.progress();
    (feed, progress, counters)
}

/// Runs the agents on one thread that sleeps whenever it can.
fn run(agents: Vec<Box<dyn Agent>>) -> Running {
    let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Shared);
    let slot = group.thread("scenario").unwrap();
    agents.into_iter().for_each(|agent| group.add(&slot, agent));
    group.start().unwrap()
}

#[test]
fn fills_go_through_real_sockets() {
    for encoding in [Encoding::Json, Encoding::Binary] {
        let context = Context::new().unwrap();
        let door = Door::bind(&context, "tcp://127.0.0.1:*", DoorOptions::default()).unwrap();
        let endpoint = door.endpoint().unwrap().to_owned();
        let link = Link::dealer(&context, &endpoint, None, LinkOptions::default()).unwrap();
        let config = FillConfig { encoding, batch: 10, ..FillConfig::new(source("fills")) };
        let (feed, progress, counters) = feed(Fills::of(2_000), link, config);
        let front = Front::new(Ports::Door(door, Vec::new()), 1, Shared::default());
        let (observer, events) = observer(vec![(is_finished(&progress), "finished")]);
        let running = run(vec![Box::new(feed), Box::new(front), Box::new(observer)]);
        events.recv_timeout(STUCK).unwrap();
        drop(running);
        let summary = progress.summary();
        assert!(summary.has_all_replies() && summary.get(Tally::Replied) == 2_000, "{summary}");
        assert_eq!(counters.get(Counter::FeedSent), 2_000);
        assert_eq!(counters.get(Counter::FeedReplied), 2_000);
    }
}

/// A front door that is closed and opened again at the same endpoint, with its book.
struct RestartedFront {
    front: Option<Front>,
    context: Context,
    endpoint: String,
    shared: Shared,
    /// It closes after this many messages.
    restart_after: usize,
}

impl Agent for RestartedFront {
    fn role(&self) -> &str {
        "restarted"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        if self.shared.arrivals().len() < self.restart_after {
            return self.front.as_mut().map_or(0, |front| front.do_work(now));
        }
        // Messages without a reply are lost with its sockets.
        let Some(front) = self.front.take() else { return 0 };
        let book = front.into_book();
        let door = Door::bind(&self.context, &self.endpoint, DoorOptions::default()).unwrap();
        let ports = Ports::Door(door, Vec::new());
        self.front = Some(Front::with_book(ports, book, self.shared.clone()));
        self.restart_after = usize::MAX;
        1
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.front.iter().for_each(|front| front.wait_on(poll_set));
    }
}

#[test]
fn a_server_that_was_away_gets_all_fills_again_and_applies_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("ipc://{}/front", folder.path().display());
    let context = Context::new().unwrap();
    let shared = Shared::default();
    // The feed starts first.
    let link = Link::dealer(&context, &endpoint, None, LinkOptions::default()).unwrap();
    let (feed, progress, _) = feed(Fills::of(1_000), link, FillConfig::new(source("fills")));
    let door = Door::bind(&context, &endpoint, DoorOptions::default()).unwrap();
    let front = Front::new(Ports::Door(door, Vec::new()), 1, shared.clone());
    let restarted = RestartedFront {
        front: Some(front),
        context: context.clone(),
        endpoint,
        shared: shared.clone(),
        restart_after: 300,
    };
    let (observer, events) = observer(vec![(is_finished(&progress), "finished")]);
    let running = run(vec![Box::new(feed), Box::new(restarted), Box::new(observer)]);
    events.recv_timeout(STUCK).unwrap();
    drop(running);
    let summary = progress.summary();
    assert!(summary.has_all_replies() && summary.get(Tally::Replied) == 1_000, "{summary}");
    assert_eq!(shared.state().applied.len(), 1_000);
}

#[test]
fn a_feed_that_sleeps_is_woken_by_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let open = |read, write| std::fs::OpenOptions::new().read(read).write(write).open(&path);
    let both = open(true, true).unwrap();
    let mut writer = open(false, true).unwrap();
    let replay = FillFile::open(path.to_str().unwrap(), FileConfig::default()).unwrap();
    drop(both);

    // Without sockets, whose heartbeats would wake the thread each second.
    let (link, front_link) = ring_pair(16, &Waker::silent(), &Waker::silent());
    let (feed, progress, _) = feed(Box::new(replay), link, FillConfig::new(source("stdin")));
    let answered = |count: u64| -> Box<dyn Fn() -> bool + Send> {
        let progress = progress.clone();
        Box::new(move || progress.get(Tally::Replied) == count)
    };
    let conditions =
        vec![(answered(1), "one"), (answered(2), "two"), (is_finished(&progress), "finished")];
    let (observer, events) = observer(conditions);
    let front = Front::new(Ports::Rings(vec![front_link]), 1, Shared::default());
    let running = run(vec![Box::new(feed), Box::new(front), Box::new(observer)]);
    for (text, event) in
        [("ticker,side,price,quantity\nA,buy,1,1\nB,buy,", "one"), ("2,2\n", "two")]
    {
        writer.write_all(text.as_bytes()).unwrap();
        assert_eq!(events.recv_timeout(STUCK), Ok(event), "{}", progress.summary());
    }
    drop(writer);
    assert_eq!(events.recv_timeout(STUCK), Ok("finished"));
    drop(running);
    assert!(progress.summary().has_all_replies(), "{}", progress.summary());
}

#[test]
fn a_feed_that_is_stopped_at_once_reports_what_is_open() {
    let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Shared);
    let slot = group.thread("scenario").unwrap();
    let (link, _far_end) = ring_pair(16, slot.waker(), slot.waker());
    let (feed, progress, _) = feed(Fills::of(100), link, FillConfig::new(source("fills")));
    let sent = {
        let progress = progress.clone();
        Box::new(move || progress.get(Tally::Sent) == 16)
    };
    let (observer, events) = observer(vec![(sent, "sent")]);
    group.add(&slot, Box::new(feed));
    group.add(&slot, Box::new(observer));
    let running = group.start().unwrap();
    events.recv_timeout(STUCK).unwrap();
    running.stop();
    running.join().unwrap();
    let summary = progress.summary();
    assert!(!summary.is_ok(), "{summary}");
    assert_eq!((summary.get(Tally::Lost), summary.get(Tally::Unsent)), (16, 1), "{summary}");
}
