//! Feeds on a thread of their own: real sockets, real pipes, and a server that goes away.

use crate::front::{Front, Ports, Shared};
use crate::scene::{Fills, source};
use allot_feeds::{FeedProgress, FillConfig, FillFeed, Replay, ReplayConfig, Source, Tally};
use allot_runtime::{
    Agent, Clock, Context, Counter, Counters, Crew, Door, DoorOptions, Link, LinkOptions, Nanos,
    PollSet, Running, Threads, WaitStrategy, Waker, ring_pair,
};
use allot_wire::Encoding;
use std::cell::RefCell;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Nothing here takes long; who waits so long waits for ever.
const STUCK: Duration = Duration::from_secs(60);

/// What may become true, and what is called out then.
type News = (Box<dyn Fn() -> bool + Send>, &'static str);

/// Calls out what has become true, when the thread has nothing to do and is about to sleep: from
/// then on only what the agents wait on can wake it.
struct Herald {
    news: RefCell<Vec<News>>,
    calls: Sender<&'static str>,
}

impl Agent for Herald {
    fn role(&self) -> &str {
        "herald"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        0
    }

    fn wait_on<'a>(&'a self, _waits: &mut PollSet<'a>) {
        let is_old = |(is_true, call): &News| !is_true() || self.calls.send(call).is_err();
        self.news.borrow_mut().retain(is_old);
    }
}

fn herald(news: Vec<News>) -> (Herald, Receiver<&'static str>) {
    let (calls, heard) = channel();
    (Herald { news: RefCell::new(news), calls }, heard)
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

/// All on one thread that sleeps whenever it can.
fn run(agents: Vec<Box<dyn Agent>>) -> Running {
    let mut crew = Crew::new(Clock::system(), WaitStrategy::Block, Threads::Shared);
    let post = crew.thread("scene").unwrap();
    agents.into_iter().for_each(|agent| crew.add(&post, agent));
    crew.start().unwrap()
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
        let (herald, calls) = herald(vec![(is_finished(&progress), "finished")]);
        let running = run(vec![Box::new(feed), Box::new(front), Box::new(herald)]);
        calls.recv_timeout(STUCK).unwrap();
        drop(running);
        let summary = progress.summary();
        assert!(summary.is_ok() && summary.get(Tally::Answered) == 2_000, "{summary}");
        assert_eq!(counters.get(Counter::FeedSent), 2_000);
        assert_eq!(counters.get(Counter::FeedAnswered), 2_000);
    }
}

/// A front door that is closed and opened again at the same place, its book kept.
struct Mortal {
    front: Option<Front>,
    context: Context,
    endpoint: String,
    shared: Shared,
    /// It goes when it has seen so many messages.
    lives_for: usize,
}

impl Agent for Mortal {
    fn role(&self) -> &str {
        "mortal"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        if self.shared.arrivals().len() < self.lives_for {
            return self.front.as_mut().map_or(0, |front| front.do_work(now));
        }
        // What it has taken and not answered is lost with its sockets.
        let Some(front) = self.front.take() else { return 0 };
        let book = front.into_book();
        let door = Door::bind(&self.context, &self.endpoint, DoorOptions::default()).unwrap();
        let ports = Ports::Door(door, Vec::new());
        self.front = Some(Front::with_book(ports, book, self.shared.clone()));
        self.lives_for = usize::MAX;
        1
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.front.iter().for_each(|front| front.wait_on(poll_set));
    }
}

#[test]
fn a_server_that_was_away_finds_all_fills_again_and_applies_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("ipc://{}/front", folder.path().display());
    let context = Context::new().unwrap();
    let shared = Shared::default();
    // The feed is there first.
    let link = Link::dealer(&context, &endpoint, None, LinkOptions::default()).unwrap();
    let (feed, progress, _) = feed(Fills::of(1_000), link, FillConfig::new(source("fills")));
    let door = Door::bind(&context, &endpoint, DoorOptions::default()).unwrap();
    let front = Front::new(Ports::Door(door, Vec::new()), 1, shared.clone());
    let mortal = Mortal {
        front: Some(front),
        context: context.clone(),
        endpoint,
        shared: shared.clone(),
        lives_for: 300,
    };
    let (herald, calls) = herald(vec![(is_finished(&progress), "finished")]);
    let running = run(vec![Box::new(feed), Box::new(mortal), Box::new(herald)]);
    calls.recv_timeout(STUCK).unwrap();
    drop(running);
    let summary = progress.summary();
    assert!(summary.is_ok() && summary.get(Tally::Answered) == 1_000, "{summary}");
    assert_eq!(shared.facts().applied.len(), 1_000);
}

#[test]
fn a_feed_that_sleeps_is_woken_by_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let open = |read, write| std::fs::OpenOptions::new().read(read).write(write).open(&path);
    let both = open(true, true).unwrap();
    let mut writer = open(false, true).unwrap();
    let replay = Replay::open(path.to_str().unwrap(), ReplayConfig::default()).unwrap();
    drop(both);

    // Without sockets, whose heartbeats would wake the thread each second.
    let (link, front_link) = ring_pair(16, &Waker::silent(), &Waker::silent());
    let (feed, progress, _) = feed(Box::new(replay), link, FillConfig::new(source("stdin")));
    let answered = |count: u64| -> Box<dyn Fn() -> bool + Send> {
        let progress = progress.clone();
        Box::new(move || progress.get(Tally::Answered) == count)
    };
    let news =
        vec![(answered(1), "one"), (answered(2), "two"), (is_finished(&progress), "finished")];
    let (herald, calls) = herald(news);
    let front = Front::new(Ports::Rings(vec![front_link]), 1, Shared::default());
    let running = run(vec![Box::new(feed), Box::new(front), Box::new(herald)]);
    for (text, call) in [("ticker,price,quantity\nA,1,1\nB,", "one"), ("2,2\n", "two")] {
        writer.write_all(text.as_bytes()).unwrap();
        assert_eq!(calls.recv_timeout(STUCK), Ok(call), "{}", progress.summary());
    }
    drop(writer);
    assert_eq!(calls.recv_timeout(STUCK), Ok("finished"));
    drop(running);
    assert!(progress.summary().is_ok(), "{}", progress.summary());
}

#[test]
fn a_feed_that_is_stopped_at_once_says_what_is_open() {
    let mut crew = Crew::new(Clock::system(), WaitStrategy::Block, Threads::Shared);
    let post = crew.thread("scene").unwrap();
    let (link, _nobody) = ring_pair(16, post.waker(), post.waker());
    let (feed, progress, _) = feed(Fills::of(100), link, FillConfig::new(source("fills")));
    let sent = {
        let progress = progress.clone();
        Box::new(move || progress.get(Tally::Sent) == 16)
    };
    let (herald, calls) = herald(vec![(sent, "sent")]);
    crew.add(&post, Box::new(feed));
    crew.add(&post, Box::new(herald));
    let running = crew.start().unwrap();
    calls.recv_timeout(STUCK).unwrap();
    running.stop();
    running.join().unwrap();
    let summary = progress.summary();
    assert!(!summary.is_ok(), "{summary}");
    assert_eq!((summary.get(Tally::Lost), summary.get(Tally::Unsent)), (16, 1), "{summary}");
}
