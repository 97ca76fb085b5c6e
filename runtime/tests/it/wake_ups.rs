//! Wake-ups: none is ever lost. If one were, a test here would hang and then fail.

use std::sync::mpsc::{Sender, channel};

use allot_runtime::{
    Agent, Clock, Context, Hub, Link, LinkOptions, Nanos, PollSet, ThreadGroup, Threads, Transport,
    WaitStrategy, Waker, ring_pair,
};

use crate::TIMEOUT;

/// Sends the numbers from zero, at most `window` ahead of what came back, and checks that they
/// come back in order.
struct Pinger {
    link: Link,
    window: u64,
    count: u64,
    sent: u64,
    returned: u64,
    frame: Vec<u8>,
    done: Sender<()>,
}

impl Pinger {
    fn ping(&mut self) -> usize {
        if self.count <= self.sent || self.returned + self.window <= self.sent {
            return 0;
        }
        self.frame.clear();
        self.frame.extend_from_slice(&self.sent.to_be_bytes());
        let sent = self.link.send(&mut self.frame).is_ok();
        self.sent += u64::from(sent);
        usize::from(sent)
    }

    fn receive(&mut self) -> usize {
        if !self.link.receive(&mut self.frame) {
            return 0;
        }
        assert_eq!(self.frame, self.returned.to_be_bytes());
        self.returned += 1;
        if self.returned == self.count {
            let _ = self.done.send(());
        }
        1
    }
}

impl Agent for Pinger {
    fn role(&self) -> &str {
        "pinger"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        self.link.tick(now);
        let work = self.ping() + self.receive();
        self.link.flush();
        work
    }

    fn wake_at(&self) -> Nanos {
        self.link.wake_at()
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.link.wait_on(poll_set);
    }
}

/// Forwards frames between two hubs, and keeps a frame that it cannot forward yet.
struct Relay {
    sides: [Hub; 2],
    /// For each side, a frame that waits for it.
    held: [Option<Vec<u8>>; 2],
}

impl Relay {
    fn new(left: Hub, right: Hub) -> Self {
        Self { sides: [left, right], held: [None, None] }
    }

    fn pass(&mut self, from: usize, to: usize) -> usize {
        if self.held[to].is_none() {
            let mut frame = Vec::new();
            self.held[to] = self.sides[from].receive(&mut frame).map(|_| frame);
        }
        let Some(frame) = &mut self.held[to] else { return 0 };
        if self.sides[to].send(0, frame).is_err() {
            return 0;
        }
        self.held[to] = None;
        1
    }
}

impl Agent for Relay {
    fn role(&self) -> &str {
        "relay"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        self.sides.iter_mut().for_each(|side| side.tick(now));
        let work = self.pass(0, 1) + self.pass(1, 0);
        self.sides.iter_mut().for_each(Hub::flush);
        work
    }

    fn wake_at(&self) -> Nanos {
        self.sides[0].wake_at().min(self.sides[1].wake_at())
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.sides.iter().for_each(|side| side.wait_on(poll_set));
    }
}

/// Sends back what it receives.
struct Echo {
    link: Link,
    held: Option<Vec<u8>>,
}

impl Agent for Echo {
    fn role(&self) -> &str {
        "echo"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        if self.held.is_none() {
            let mut frame = Vec::new();
            self.held = self.link.receive(&mut frame).then_some(frame);
        }
        let Some(frame) = &mut self.held else { return 0 };
        if self.link.send(frame).is_err() {
            return 0;
        }
        self.held = None;
        1
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.link.wait_on(poll_set);
    }
}

/// What is thrown, and how.
struct Settings {
    wait: WaitStrategy,
    threads: Threads,
    capacity: usize,
    window: u64,
    count: u64,
}

fn pinger(link: Link, settings: &Settings, done: Sender<()>) -> Box<Pinger> {
    let (window, count, frame) = (settings.window, settings.count, Vec::new());
    Box::new(Pinger { link, window, count, sent: 0, returned: 0, frame, done })
}

/// Pinger ═ ring ═ wall, on two threads or one.
fn play(settings: &Settings) {
    let (done, end) = channel();
    let mut group = ThreadGroup::new(Clock::system(), settings.wait, settings.threads);
    let (left, right) = (group.thread("pinger").unwrap(), group.thread("echo").unwrap());
    let (ours, theirs) = ring_pair(settings.capacity, left.waker(), right.waker());
    group.add(&left, pinger(ours, settings, done));
    group.add(&right, Box::new(Echo { link: theirs, held: None }));
    let running = group.start().unwrap();
    end.recv_timeout(TIMEOUT).expect("a wake-up was lost, or an agent failed");
    running.stop();
    running.join().unwrap();
}

const BLOCK: WaitStrategy = WaitStrategy::Block;

#[test]
fn a_stream_over_blocking_threads_arrives() {
    for (capacity, threads) in
        [(1, Threads::Dedicated), (64, Threads::Dedicated), (2, Threads::Shared)]
    {
        play(&Settings { wait: BLOCK, threads, capacity, window: u64::MAX / 2, count: 100_000 });
    }
}

#[test]
fn every_ping_wakes_its_pong() {
    for wait in [BLOCK, WaitStrategy::default()] {
        play(&Settings {
            wait,
            threads: Threads::Dedicated,
            capacity: 4,
            window: 1,
            count: 10_000,
        });
    }
}

#[test]
fn one_poll_waits_on_both_the_waker_and_the_sockets() {
    let transports = [Transport::Native, Transport::Libzmq];
    for (window, transport) in [1, 100].into_iter().flat_map(|w| transports.map(|t| (w, t))) {
        let (done, end) = channel();
        let settings = Settings {
            wait: BLOCK,
            threads: Threads::Dedicated,
            capacity: 4,
            window,
            count: 5_000,
        };
        let context = Context::new().unwrap();
        let names = ["pinger".to_owned()];
        let hub = Hub::bind(&context, "tcp://127.0.0.1:*", &names, transport).unwrap();
        let endpoint = hub.endpoint().unwrap();
        let options = LinkOptions { transport, ..LinkOptions::default() };
        let link = Link::dealer(&context, endpoint, Some("pinger"), options).unwrap();

        let mut group = ThreadGroup::new(Clock::system(), settings.wait, settings.threads);
        let slots = ["pinger", "relay", "echo"].map(|name| group.thread(name).unwrap());
        let (inner, outer) = ring_pair(settings.capacity, slots[1].waker(), slots[2].waker());
        group.add(&slots[0], pinger(link, &settings, done));
        group.add(&slots[1], Box::new(Relay::new(hub, Hub::rings(vec![inner]))));
        group.add(&slots[2], Box::new(Echo { link: outer, held: None }));
        let running = group.start().unwrap();
        end.recv_timeout(TIMEOUT).expect("a wake-up was lost, or an agent failed");
        running.stop();
        running.join().unwrap();
    }
}

/// Many threads use one waker: what any of them published before is found.
#[test]
fn many_threads_share_a_waker() {
    const EACH: u64 = 20_000;
    let (done, end) = channel();
    let mut group = ThreadGroup::new(Clock::system(), BLOCK, Threads::Dedicated);
    let receiver = group.thread("echo").unwrap();
    let silent = Waker::silent();
    let (ours, theirs): (Vec<Link>, Vec<Link>) =
        (0..3).map(|_| ring_pair(8, receiver.waker(), &silent)).unzip();
    group.add(&receiver, Box::new(Counter { hub: Hub::rings(ours), left: 3 * EACH, done }));
    let running = group.start().unwrap();
    std::thread::scope(|scope| {
        for mut link in theirs {
            scope.spawn(move || {
                for number in 0..EACH {
                    let mut frame = number.to_be_bytes().to_vec();
                    while link.send(&mut frame).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
        }
    });
    end.recv_timeout(TIMEOUT).expect("a wake-up was lost");
    running.stop();
    running.join().unwrap();
}

/// Counts what arrives.
struct Counter {
    hub: Hub,
    left: u64,
    done: Sender<()>,
}

impl Agent for Counter {
    fn role(&self) -> &str {
        "counter"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let mut frame = Vec::new();
        let received = self.hub.receive(&mut frame).is_some();
        self.left -= u64::from(received);
        if received && self.left == 0 {
            let _ = self.done.send(());
        }
        usize::from(received)
    }
}
