//! Agents: generators, strategies and a trader over real sockets, in one process.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use allot_domain::Incarnation;
use allot_journal::{Folder, Media, MediaFile, Wakers};
use allot_runtime::{
    Clock, Context, Link, LinkOptions, PollSet, Running, StopRequest, Subscriber, ThreadGroup,
    Threads, WaitStrategy, WallClock,
};
use allot_signals_rules::{
    ComponentName, ProblemKind, Rule, Schedule, StrategySettings, TraderSettings, Unix,
};
use allot_signals_service::{
    Event, GeneratorAgent, MedianMessage, ProblemBoard, Reply, ReplyBody, Source, StrategyAgent,
    StrategyLinks, TraderAgent, TraderEndpoints, TraderJournal, TraderStart, TraderState,
};

/// A hang fails the test; nothing waits that long otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

fn schedule() -> Schedule {
    Schedule::new(Duration::from_millis(400)).unwrap()
}

fn group() -> ThreadGroup {
    ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated)
}

/// An agent on a thread of its own, and what it says.
struct Agency {
    running: Option<Running>,
    events: Receiver<Event>,
    endpoint: String,
    publish: String,
    stop: StopRequest,
    board: ProblemBoard,
}

impl Agency {
    /// Waits for an event that answers the question.
    fn wait<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("the event comes");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    /// Waits until exactly these problems are told.
    fn wait_for_problems(&self, expected: &[(&str, ProblemKind)]) {
        self.wait(|event| match event {
            Event::Problems(problems) => {
                let found: Vec<_> =
                    problems.iter().map(|one| (one.component.as_str(), one.problem.kind)).collect();
                (found == expected).then_some(())
            }
            _ => None,
        });
    }

    fn median(&self) -> f64 {
        self.wait(|event| match event {
            Event::Median(median) => Some(median.value.get()),
            _ => None,
        })
    }

    /// Ends its threads without a farewell.
    fn kill(&mut self) {
        self.running = None;
    }
}

fn generator(endpoint: &str, source: Source, wall: WallClock) -> Agency {
    let mut group = group();
    let slot = group.thread("generator").unwrap();
    let (told, events) = channel();
    let name = ComponentName::new(b"g").unwrap();
    let listener = Box::new(move |event| drop(told.send(event)));
    let context = Context::new().unwrap();
    let agent =
        GeneratorAgent::bind(&context, endpoint, name, schedule(), source, wall, listener).unwrap();
    let endpoint = agent.endpoint().unwrap().to_owned();
    let stop = StopRequest::new(slot.waker());
    let board = ProblemBoard::new(slot.waker());
    group.add(&slot, Box::new(agent));
    let running = Some(group.start().unwrap());
    Agency { running, events, endpoint, publish: String::new(), stop, board }
}

fn strategy(
    name: &str,
    instance: u64,
    trader: &str,
    generators: &[&str],
    wall: WallClock,
) -> Agency {
    let mut group = group();
    let slot = group.thread("strategy").unwrap();
    let (told, events) = channel();
    let context = Context::new().unwrap();
    let link =
        |endpoint: &str| Link::dealer(&context, endpoint, None, LinkOptions::default()).unwrap();
    let links = StrategyLinks {
        generators: generators.iter().map(|endpoint| link(endpoint)).collect(),
        trader: (trader.to_owned(), link(trader)),
    };
    let settings = StrategySettings {
        name: ComponentName::new(name.as_bytes()).unwrap(),
        instance: Incarnation::new(instance),
        schedule: schedule(),
        retries: 5,
        rule: Rule::Sum,
        generators: generators.iter().map(|endpoint| (*endpoint).to_owned()).collect(),
    };
    let stop = StopRequest::new(slot.waker());
    let board = ProblemBoard::new(slot.waker());
    let listener = Box::new(move |event| drop(told.send(event)));
    let agent = StrategyAgent::new(settings, links, None, wall, listener, stop.clone());
    group.add(&slot, Box::new(agent));
    let running = Some(group.start().unwrap());
    Agency { running, events, endpoint: String::new(), publish: String::new(), stop, board }
}

fn trader(endpoint: &str, data: Option<&Path>) -> Agency {
    let folder = |data: &Path| Arc::new(Folder::open(data).unwrap()) as Arc<dyn Media>;
    trader_on(endpoint, data.map(folder))
}

fn trader_on(endpoint: &str, media: Option<Arc<dyn Media>>) -> Agency {
    let mut group = group();
    let slot = group.thread("trader").unwrap();
    let (told, events) = channel();
    let (mut journal, mut records) = (TraderJournal::none(), Vec::new());
    if let Some(media) = media {
        let committer = group.blocking_thread("journal").unwrap();
        let checkpointer = group.blocking_thread("checkpointer").unwrap();
        let wakers = Wakers {
            shard: slot.waker(),
            committer: committer.waker(),
            checkpointer: checkpointer.waker(),
        };
        let opened = TraderJournal::open_on(media, schedule().length(), wakers).unwrap();
        (journal, records) = (opened.journal, opened.records);
        group.add(&committer, Box::new(opened.committer));
        group.add(&checkpointer, Box::new(opened.checkpointer));
    }
    let settings = TraderSettings { schedule: schedule(), lease: Duration::from_millis(300) };
    let board = ProblemBoard::new(slot.waker());
    let stop = StopRequest::new(slot.waker());
    let (orders, end) = (None, stop.clone());
    let start = TraderStart { settings, records, journal, board: board.clone(), orders, stop: end };
    let endpoints = TraderEndpoints { listen: endpoint, publish: "tcp://127.0.0.1:*" };
    let listener = Box::new(move |event| drop(told.send(event)));
    let now = Clock::system().now();
    let context = Context::new().unwrap();
    let wall = WallClock::system();
    let agent = TraderAgent::bind(&context, endpoints, start, wall, now, listener).unwrap();
    let endpoint = agent.endpoint().unwrap().to_owned();
    let publish = agent.publish_endpoint().unwrap().to_owned();
    group.add(&slot, Box::new(agent));
    let running = Some(group.start().unwrap());
    Agency { running, events, endpoint, publish, stop, board }
}

const ANY: &str = "tcp://127.0.0.1:*";

#[test]
fn signals_become_decisions_and_decisions_a_median_that_subscribers_hear() {
    let one = generator(ANY, Source::program("echo 0.5".to_owned()), WallClock::system());
    let two =
        generator(ANY, Source::program("echo '{\"value\":2}'".to_owned()), WallClock::system());
    let trader = trader(ANY, None);
    let wall = WallClock::system();
    let x = strategy("X", 1, &trader.endpoint, &[&one.endpoint], wall.clone());
    let y = strategy("Y", 1, &trader.endpoint, &[&one.endpoint, &two.endpoint], wall);
    let is_both = |event: &Event| {
        matches!(event, Event::Median(median) if median.strategies == 2).then_some(())
    };
    trader.wait(is_both);
    assert_eq!(trader.median().to_bits(), 1.5_f64.to_bits());
    let submitted = |event: &Event| match event {
        Event::Submitted(_, _, value) => Some(value.get().to_bits()),
        _ => None,
    };
    assert_eq!(x.wait(submitted), 0.5_f64.to_bits());
    assert_eq!(y.wait(submitted), 2.5_f64.to_bits());
    let context = Context::new().unwrap();
    let topics: [&[u8]; 2] = [b"median:", b"trader:"];
    let mut subscriber = Subscriber::connect(&context, &trader.publish, &topics).unwrap();
    let mut heard = Vec::new();
    while heard.len() < 4 {
        let Some(publication) = subscriber.receive(PATIENCE) else { continue };
        let topic = String::from_utf8(publication.topic).unwrap();
        match topic.split(':').next().unwrap() {
            "median" => {
                let median = MedianMessage::decode(&publication.body).unwrap().median;
                assert_eq!(median.value.get().to_bits(), 1.5_f64.to_bits());
            }
            _ => assert!(TraderState::decode(&publication.body).unwrap().is_ok()),
        }
        if !heard.contains(&topic) {
            heard.push(topic);
        }
    }
    x.stop.make();
    x.wait(|event| matches!(event, Event::Deregistered(_)).then_some(()));
    x.wait(|event| (*event == Event::Stopped).then_some(()));
    trader.wait(|event| matches!(event, Event::Deregistered(_)).then_some(()));
    assert_eq!(trader.median().to_bits(), 2.5_f64.to_bits());
}

#[test]
fn whoever_is_gone_is_named_and_healed_when_it_is_back() {
    let generator_at = |endpoint: &str| generator(endpoint, Source::random(7), WallClock::system());
    let mut one = generator_at(ANY);
    let trader = trader(ANY, None);
    let mut x = strategy("X", 1, &trader.endpoint, &[&one.endpoint], WallClock::system());
    trader.median();
    one.kill();
    trader.wait(|event| match event {
        Event::Problems(problems) => problems
            .iter()
            .any(|problem| {
                problem.component == one.endpoint
                    && problem.strategy.as_deref() == Some("X")
                    && problem.problem.kind == ProblemKind::Missing
            })
            .then_some(()),
        _ => None,
    });
    let _one = generator_at(&one.endpoint);
    trader.wait_for_problems(&[]);
    trader.median();
    x.kill();
    trader.wait_for_problems(&[("X", ProblemKind::Away)]);
    let x = strategy("X", 2, &trader.endpoint, &[&one.endpoint], WallClock::system());
    trader.wait_for_problems(&[]);
    trader.median();
    let mut other = strategy("X", 3, &trader.endpoint, &[&one.endpoint], WallClock::system());
    other.wait(|event| matches!(event, Event::Taken(_)).then_some(()));
    let refused = other.running.take().unwrap().join().unwrap_err().to_string();
    assert!(refused.starts_with("X stopped: another instance of X is registered"), "{refused}");
    trader.median();
    trader.board.set(
        "orders",
        allot_signals_rules::Unix::new(5),
        Some((ProblemKind::Refused, "no".into())),
    );
    trader.wait_for_problems(&[("orders", ProblemKind::Refused)]);
    drop(x);
}

#[test]
fn a_strategy_whose_clock_is_off_is_named_and_healed() {
    let clock = Clock::system();
    let one = generator(ANY, Source::random(7), WallClock::system());
    let trader = trader(ANY, None);
    let wall = WallClock::beside(clock);
    let _x = strategy("X", 1, &trader.endpoint, &[&one.endpoint], wall.clone());
    trader.median();
    wall.set_ahead(-3_600_000_000_000);
    trader.wait(|event| match event {
        Event::Problems(problems) => problems
            .iter()
            .any(|one| one.component == "X" && one.problem.kind == ProblemKind::ClockOff)
            .then_some(()),
        _ => None,
    });
    wall.set_ahead(0);
    trader.wait_for_problems(&[]);
    trader.median();
}

#[test]
fn a_trader_comes_back_with_its_registrations() {
    let data = tempfile::tempdir().unwrap();
    let mut one = generator(ANY, Source::random(7), WallClock::system());
    let mut first = trader(ANY, Some(data.path()));
    let x = strategy("X", 1, &first.endpoint, &[&one.endpoint], WallClock::system());
    let _y = strategy("Y", 1, &first.endpoint, &[&one.endpoint], WallClock::system());
    let both = |event: &Event| match event {
        Event::Median(median) if median.strategies == 2 => Some(median.period),
        _ => None,
    };
    let last = first.wait(both);
    first.kill();
    drop(x);
    let again = trader(&first.endpoint, Some(data.path()));
    again.wait(|event| match event {
        Event::Problems(problems) => {
            let found = problems.iter().any(|one| one.component == "X");
            assert!(!problems.iter().any(|one| one.problem.kind == ProblemKind::NoStrategies));
            found.then_some(())
        }
        Event::Median(median) => panic!("a median without X: {median:?}"),
        _ => None,
    });
    let context = Context::new().unwrap();
    let mut subscriber = Subscriber::connect(&context, &again.publish, &[b"median:json"]).unwrap();
    let publication = std::iter::from_fn(|| Some(subscriber.receive(PATIENCE))).flatten().next();
    let known = MedianMessage::decode(&publication.unwrap().body).unwrap().median;
    assert!(last <= known.period, "a new subscriber gets the last median of before");
    let _x = strategy("X", 2, &first.endpoint, &[&one.endpoint], WallClock::system());
    assert!(last < again.wait(both));
    one.kill();
}

/// A client in JSON, as a user of another language writes it.
struct Client(Link);

impl Client {
    fn connect(endpoint: &str) -> Self {
        let context = Context::new().unwrap();
        let link = Link::dealer(&context, endpoint, None, LinkOptions::default()).unwrap();
        Self(link)
    }

    fn send(&mut self, text: &str) {
        let mut frame = text.as_bytes().to_vec();
        while self.0.send(&mut frame).is_err() {
            self.wait();
        }
    }

    fn wait(&self) {
        let mut poll_set = PollSet::without_waker();
        self.0.wait_on(&mut poll_set);
        poll_set.sleep(Some(Duration::from_millis(50)));
    }

    fn reply(&mut self) -> ReplyBody {
        let mut frame = Vec::new();
        while !self.0.receive(&mut frame) {
            self.wait();
        }
        assert!(frame.starts_with(b"{"), "in the encoding of the request");
        Reply::decode_all(&frame).unwrap().remove(0).body
    }

    fn code(&mut self) -> String {
        match self.reply() {
            ReplyBody::Rejected { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_generator_holds_a_request_until_it_has_the_signal() {
    let slow = generator(ANY, Source::program("sleep 0.1; echo 3".to_owned()), WallClock::system());
    let mut client = Client::connect(&slow.endpoint);
    loop {
        let period = schedule()
            .period_at(allot_signals_rules::Unix::new(WallClock::system().now().as_unix()));
        let ask = format!(
            r#"{{"type":"ask","source":"me","seq":1,"period":{},"length_ms":400}}"#,
            period.get() + 1
        );
        client.send(&ask);
        match client.reply() {
            ReplyBody::Held { period: held, .. } => {
                assert_eq!(held, period.next());
                match client.reply() {
                    ReplyBody::Signal { value, .. } => {
                        assert_eq!(value.to_string(), "3.0");
                        break;
                    }
                    // A loaded machine: the program did not end in time.
                    ReplyBody::Rejected { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
            // The period ended on the way.
            ReplyBody::Rejected { .. } | ReplyBody::Signal { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    client.send("{\"type\":\"status\",\"source\":\"me\",\"seq\":2}\nhello");
    let mut codes = [client.code(), client.code()];
    codes.sort_unstable();
    assert_eq!(codes, ["malformed_message", "unknown_type"]);
    client.send(" ");
    assert_eq!(client.code(), "malformed_message");
}

#[test]
fn a_status_of_many_strategies_comes_in_pages() {
    let trader = trader(ANY, None);
    let mut client = Client::connect(&trader.endpoint);
    let generators = vec![r#"{"address":"tcp://127.0.0.1:1"}"#; 64].join(",");
    let rest = format!(r#""instance":1,"length_ms":400,"generators":[{generators}]}}"#);
    for number in 0..20 {
        let mut time = String::new();
        allot_wire::timestamp::write(&mut time, WallClock::system().now().as_unix()).unwrap();
        client.send(&format!(
            r#"{{"type":"register","source":"s{number:02}","seq":1,"time":"{time}",{rest}"#,
        ));
        assert!(matches!(client.reply(), ReplyBody::Registered { .. }));
    }
    let (mut names, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        client.send(&format!(r#"{{"type":"status","source":"ops","seq":1{after}}}"#));
        let ReplyBody::Status(status) = client.reply() else { panic!("no status") };
        pages += 1;
        names.extend(status.strategies.iter().map(|strategy| strategy.name.to_string()));
        if !status.more {
            break;
        }
        after = format!(r#","after":"{}""#, names.last().unwrap());
    }
    let expected: Vec<_> = (0..20).map(|number| format!("s{number:02}")).collect();
    assert_eq!(names, expected);
    assert!(1 < pages);
}

/// A folder whose files are not synced while it is stalled.
struct StallingFolder(Folder, Gate);

struct StallingFile(Box<dyn MediaFile>, Gate);

/// Whether it is shut, and who waits until it is not.
type Gate = Arc<(Mutex<bool>, Condvar)>;

fn set(gate: &Gate, is_shut: bool) {
    *gate.0.lock().unwrap() = is_shut;
    gate.1.notify_all();
}

impl Media for StallingFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(Box::new(StallingFile(self.0.create(name)?, self.1.clone())))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(Box::new(StallingFile(self.0.open(name)?, self.1.clone())))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn holds(&self, name: &str) -> io::Result<bool> {
        self.0.holds(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.0.sync_folder()
    }
}

impl MediaFile for StallingFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        drop(self.1.1.wait_while(self.1.0.lock().unwrap(), |is_shut| *is_shut).unwrap());
        self.0.sync()
    }
}

#[test]
fn a_disk_that_is_stalled_is_named_and_no_median_of_a_period_that_is_over_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let media = StallingFolder(Folder::open(folder.path()).unwrap(), gate.clone());
    let g = generator(ANY, Source::program("echo 1".to_owned()), WallClock::system());
    let trader = trader_on(ANY, Some(Arc::new(media)));
    let _x = strategy("X", 1, &trader.endpoint, &[&g.endpoint], WallClock::system());
    trader.median();
    set(&gate, true);
    trader.wait_for_problems(&[("journal", ProblemKind::JournalStalled)]);
    // Some periods pass.
    let period_now = || schedule().period_at(Unix::new(WallClock::system().now().as_unix()));
    let stalled = period_now();
    g.wait(|event| match event {
        Event::Signal(period, _) => (stalled.get() + 3 < period.get()).then_some(()),
        _ => None,
    });
    let opened = period_now();
    set(&gate, false);
    let mut medians = 0;
    loop {
        let event = trader.events.recv_timeout(PATIENCE).expect("it heals");
        match event {
            Event::Median(_) => medians += 1,
            Event::Problems(problems) if problems.is_empty() => break,
            _ => {}
        }
    }
    assert!(0 < medians, "it heals with a median that came in time, and not before");
    for _ in 0..2 {
        let period = trader.wait(|event| match event {
            Event::Median(median) => Some(median.period),
            _ => None,
        });
        assert!(opened <= period, "{period} was over; it was {opened}");
    }
}

#[test]
fn a_trader_that_is_stopped_while_its_disk_is_stalled_ends_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let media = StallingFolder(Folder::open(folder.path()).unwrap(), gate.clone());
    let g = generator(ANY, Source::program("echo 1".to_owned()), WallClock::system());
    let mut trader = trader_on(ANY, Some(Arc::new(media)));
    let _x = strategy("X", 1, &trader.endpoint, &[&g.endpoint], WallClock::system());
    trader.median();
    set(&gate, true);
    trader.wait_for_problems(&[("journal", ProblemKind::JournalStalled)]);
    trader.stop.make();
    let error = trader.running.take().unwrap().join_within(Duration::from_secs(10)).unwrap_err();
    set(&gate, false);
    assert!(error.to_string().contains("its disk made nothing durable"), "{error}");
}
