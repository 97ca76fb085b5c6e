//! Heap: a warm router and a warm shard allocate no memory for a fill, on their own threads.
//!
//! Real clients send over TCP to a real door; router and shards run on their own threads over
//! rings. The test counts calls of Rust's allocator only: libzmq is C++ and has its own.
//!
//! A phase has enough fills to show one allocation per thousand fills. Buffers grow until they have
//! seen the deepest queue and the longest frame, and on real threads that time is not known.
//! Therefore phases follow each other until one allocates nothing. If fills allocate regularly, no
//! phase does.
//!
//! This is a binary of its own because the counting allocator is global.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allocation_counter::measure;
use allot_allocation_rules::{BookConfig, Fill};
use allot_allocation_service::{
    Allocation, Reply, Request, RequestKind, decode_replies, encode_line, encode_request,
};
use allot_domain::{Incarnation, Price, Quantity, Seq, Side, SourceId, Ticker};
use allot_runtime::{
    Agent, Clock, Context, Counters, Door, DoorOptions, Link, LinkOptions, Nanos, PollSet, Running,
    ThreadGroup, Threads, WaitStrategy,
};
use allot_server::boxes::{self, Identity};
use allot_server::rings::{BoxWakers, RingEnds};
use allot_server::{CoreConfig, open_shard};
use allot_wire::{Batch, Encoding, begin_batch, end_batch, push_record};

/// The incarnation of every box.
const FIRST: Incarnation = Incarnation::new(1);

/// Fills of a phase.
const PHASE: u64 = 4_000;

/// Phases after which buffers that still grow count as a leak.
const PHASES_MAX: u32 = 100;

/// Frames of a ring.
const CAPACITY: usize = 64;

/// One look at a link that has nothing.
const LOOK: Duration = Duration::from_millis(20);

/// An agent whose allocations are counted, in its turns and when it fills the poll set.
struct Counted {
    agent: Box<dyn Agent>,
    allocations: Arc<AtomicU64>,
}

impl Counted {
    fn count<T>(allocations: &AtomicU64, act: impl FnOnce() -> T) -> T {
        let mut result = None;
        let spent = measure(|| result = Some(act()));
        allocations.fetch_add(spent.count_total, Ordering::SeqCst);
        result.expect("the act was done")
    }
}

impl Agent for Counted {
    fn role(&self) -> &str {
        self.agent.role()
    }

    fn start(&mut self, now: Nanos) {
        self.agent.start(now);
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let Self { agent, allocations } = self;
        Self::count(allocations, || agent.do_work(now))
    }

    fn wake_at(&self) -> Nanos {
        self.agent.wake_at()
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        Self::count(&self.allocations, || self.agent.wait_on(poll_set));
    }
}

/// Whoever hears what a publisher would: it reads, and forgets.
struct Listener {
    links: Vec<Link>,
    frame: Vec<u8>,
}

impl Agent for Listener {
    fn role(&self) -> &str {
        "listener"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let Self { links, frame } = self;
        links
            .iter_mut()
            .map(|link| std::iter::from_fn(|| link.receive(frame).then_some(())).count())
            .sum()
    }
}

/// Router and shards on threads, and clients of theirs.
struct Firm {
    running: Running,
    context: Context,
    front: String,
    router: Arc<AtomicU64>,
    shards: Arc<AtomicU64>,
}

impl Firm {
    fn start(shards: usize, threads: Threads, marker_every: u64) -> Self {
        let context = Context::new().unwrap();
        let endpoint = "tcp://127.0.0.1:*";
        let door = Door::bind(&context, endpoint, DoorOptions::default()).unwrap();
        let front = door.endpoint().unwrap().to_owned();
        let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::default(), threads);
        let router_slot = group.thread("router").unwrap();
        let publisher_slot = group.thread("publisher").unwrap();
        let shard_slots: Vec<_> = (0..shards).map(|_| group.thread("shard").unwrap()).collect();
        let wakers = BoxWakers {
            router: router_slot.waker().clone(),
            shards: shard_slots.iter().map(|slot| slot.waker().clone()).collect(),
            publisher: publisher_slot.waker().clone(),
        };
        let mut ends = RingEnds::link(CAPACITY, &wakers);
        let core = CoreConfig { marker_every, ..CoreConfig::new(shards) };
        let hub = ends.take_router_hub();
        let router = boxes::router::<Allocation>(&core, FIRST, door, hub, Counters::new());
        let counts = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
        let counted = |agent: Box<dyn Agent>, count: usize| {
            Box::new(Counted { agent, allocations: Arc::clone(&counts[count]) })
        };
        group.add(&router_slot, counted(Box::new(router), 0));
        let of_shards = shard_slots.iter().zip(boxes::shard_ids(shards)).zip(ends.shards);
        for ((slot, shard), links) in of_shards {
            // A short history, so that it is full and forgets from early on.
            let book = BookConfig { history: 1_024, ..BookConfig::default() };
            let opened = open_shard::in_memory::<Allocation>(book);
            let identity = Identity { shard, incarnation: FIRST };
            let agent = boxes::shard(&core, identity, opened, links, Counters::new());
            group.add(slot, counted(Box::new(agent), 1));
        }
        let mut links = ends.publisher;
        links.push(ends.publisher_to_router);
        group.add(&publisher_slot, Box::new(Listener { links, frame: Vec::new() }));
        let [router, shards] = counts;
        Self { running: group.start().unwrap(), context, front, router, shards }
    }

    /// What both have allocated so far.
    fn allocations(&self) -> (u64, u64) {
        (self.router.load(Ordering::SeqCst), self.shards.load(Ordering::SeqCst))
    }

    fn client(&self, name: &str) -> Client {
        let options = LinkOptions::default();
        let link = Link::dealer(&self.context, &self.front, None, options).unwrap();
        let source = SourceId::new(name.as_bytes()).unwrap();
        let message = Vec::new();
        let record = Vec::new();
        let frame = Vec::new();
        Client { link, source, seq: 0, message, record, frame, replied: 0 }
    }
}

/// One client of the front door.
struct Client {
    link: Link,
    source: SourceId,
    seq: u64,
    message: Vec<u8>,
    record: Vec<u8>,
    frame: Vec<u8>,
    replied: u64,
}

impl Client {
    /// Sends a message with `batch` fills.
    fn send(&mut self, encoding: Encoding, batch: u32) {
        self.message.clear();
        if encoding == Encoding::Binary {
            begin_batch(&mut self.message, RequestKind::Fill as u8);
        }
        for _ in 0..batch {
            self.seq += 1;
            let fill = Request::Fill(fill(self.source, self.seq));
            if encoding == Encoding::Json {
                encode_line(&fill, &mut self.message);
                self.message.push(b'\n');
                continue;
            }
            self.record.clear();
            encode_request(&fill, &mut self.record);
            push_record(&mut self.message, &self.record);
        }
        if encoding == Encoding::Binary {
            end_batch(&mut self.message, batch);
        }
        self.send_message();
    }

    fn send_message(&mut self) {
        while self.link.send(&mut self.message).is_err() {
            look(&self.link);
        }
    }

    /// Waits until every fill has its reply.
    fn receive_all(&mut self) {
        while self.replied < self.seq {
            if !self.link.receive(&mut self.frame) {
                look(&self.link);
            } else if Encoding::of(&self.frame) == Encoding::Binary {
                self.replied += u64::from(Batch::parse(&self.frame).unwrap().count);
            } else {
                let lines = self.frame.split(|byte| *byte == b'\n');
                self.replied += u64::try_from(lines.count()).unwrap();
            }
        }
    }

    /// Sends the split.
    fn split(&mut self) {
        let weights = r#"{"a1":"40","a2":"30","a3":"15","a4":"10","a5":"5"}"#;
        let line = format!(r#"{{"type":"split","source":"aum","seq":1,"weights":{weights}}}"#);
        loop {
            self.message.extend_from_slice(line.as_bytes());
            self.send_message();
            while !self.link.receive(&mut self.frame) {
                look(&self.link);
            }
            let mut replies = Vec::new();
            decode_replies(&self.frame, &mut replies).unwrap();
            match &replies[0] {
                Reply::Accepted { .. } => return,
                Reply::Rejected { code, .. } if code == "busy" || code == "shard_away" => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn look(link: &Link) {
    let mut poll_set = PollSet::without_waker();
    link.wait_on(&mut poll_set);
    poll_set.sleep(Some(LOOK));
}

fn fill(source: SourceId, seq: u64) -> Fill {
    Fill {
        source,
        seq: Seq::new(seq),
        id: Seq::new(seq).into(),
        time_ns: 0,
        ticker: Ticker::new(format!("T{}", seq % 10).as_bytes()).unwrap(),
        side: Side::Buy,
        price: Price::from_nanos(i128::from(10 + seq * 31 % 490) * 1_000_000_000).unwrap(),
        quantity: Quantity::new(i128::from(seq * 7_919 % 300 + 1)).unwrap(),
    }
}

/// What is sent before the test waits for replies: messages per client, and fills per message.
#[derive(Clone, Copy)]
struct Shape {
    encoding: Encoding,
    messages: u64,
    batch: u32,
}

/// Sends phases until one has cost what it may, and fails if none does.
#[track_caller]
fn assert_some_phase(firm: Firm, shape: Shape, may_cost: impl Fn((u64, u64)) -> bool) {
    let mut clients = [firm.client("left"), firm.client("right")];
    clients[0].split();
    let Shape { encoding, messages, batch } = shape;
    let mut costs = Vec::new();
    for _ in 0..PHASES_MAX {
        let before = firm.allocations();
        let goal = clients[0].seq + PHASE;
        while clients[0].seq < goal {
            for client in &mut clients {
                (0..messages).for_each(|_| client.send(encoding, batch));
            }
            clients.iter_mut().for_each(Client::receive_all);
        }
        let after = firm.allocations();
        costs.push((after.0 - before.0, after.1 - before.1));
        if costs.last().copied().is_some_and(&may_cost) {
            break;
        }
    }
    firm.running.stop();
    firm.running.join().unwrap();
    let last = costs.last().copied().unwrap();
    assert!(may_cost(last), "of router and shards in {costs:?}");
}

#[track_caller]
fn assert_allocates_nothing(shards: usize, threads: Threads, shape: Shape) {
    let firm = Firm::start(shards, threads, u64::MAX);
    assert_some_phase(firm, shape, |cost| cost == (0, 0));
}

const BINARY: Shape = Shape { encoding: Encoding::Binary, messages: 1, batch: 1 };

#[test]
fn the_counter_counts_what_an_agent_does() {
    let allocations = Arc::new(AtomicU64::new(0));
    Counted::count(&allocations, || drop(Vec::<u8>::with_capacity(100)));
    assert_eq!(allocations.load(Ordering::SeqCst), 1);
}

#[test]
fn a_fill_alone_allocates_nothing() {
    assert_allocates_nothing(1, Threads::Dedicated, BINARY);
    assert_allocates_nothing(1, Threads::Shared, BINARY);
}

#[test]
fn many_fills_at_once_allocate_nothing() {
    assert_allocates_nothing(1, Threads::Dedicated, Shape { messages: 100, ..BINARY });
    assert_allocates_nothing(2, Threads::Shared, Shape { messages: 100, ..BINARY });
}

#[test]
fn batches_of_fills_allocate_nothing() {
    assert_allocates_nothing(1, Threads::Dedicated, Shape { messages: 4, batch: 100, ..BINARY });
    assert_allocates_nothing(1, Threads::Dedicated, Shape { batch: 2_000, ..BINARY });
}

#[test]
fn fills_in_json_allocate_nothing() {
    let shape = Shape { encoding: Encoding::Json, messages: 4, batch: 10 };
    assert_allocates_nothing(1, Threads::Dedicated, shape);
}

/// What one shard tells the publisher of a cut is made for it: a handful of lists.
#[test]
fn a_marker_costs_the_router_nothing_and_a_shard_a_few_lists() {
    const MARKER_EVERY: u64 = 256;
    const LISTS_MAX: u64 = 5;
    let firm = Firm::start(2, Threads::Dedicated, MARKER_EVERY);
    let markers = 2 * PHASE / MARKER_EVERY + 1;
    assert_some_phase(firm, Shape { messages: 10, ..BINARY }, |(router, shards)| {
        router == 0 && (1..=2 * markers * LISTS_MAX).contains(&shards)
    });
}
