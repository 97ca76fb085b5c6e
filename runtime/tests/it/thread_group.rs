//! Thread groups: threads that start, sleep, wake, stop and fail.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use allot_runtime::{
    Agent, Clock, Context, Door, DoorOptions, Envelope, Nanos, PollSet, SendError, ThreadGroup,
    Threads, WaitStrategy, cores,
};

use crate::TIMEOUT;

/// Reports every call, and does its work with `turn`.
struct Probe<T> {
    role: &'static str,
    events: Sender<String>,
    wake_at: Nanos,
    turn: T,
}

impl<T: FnMut(Nanos, &mut Nanos) -> usize + Send> Agent for Probe<T> {
    fn role(&self) -> &str {
        self.role
    }

    fn start(&mut self, _now: Nanos) {
        let thread = std::thread::current();
        let _ = self.events.send(format!("{} starts on {:?}", self.role, thread.name()));
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        (self.turn)(now, &mut self.wake_at)
    }

    fn wake_at(&self) -> Nanos {
        self.wake_at
    }

    fn close(&mut self, _now: Nanos) {
        let _ = self.events.send(format!("{} closes", self.role));
    }
}

fn probe<T>(role: &'static str, events: &Sender<String>, turn: T) -> Box<Probe<T>> {
    Box::new(Probe { role, events: events.clone(), wake_at: Nanos::MAX, turn })
}

fn idle(_now: Nanos, _wake_at: &mut Nanos) -> usize {
    0
}

fn group(threads: Threads) -> ThreadGroup {
    ThreadGroup::new(Clock::system(), WaitStrategy::Block, threads)
}

fn all(events: Receiver<String>) -> Vec<String> {
    events.into_iter().collect()
}

#[test]
fn a_group_starts_stops_and_closes_every_agent() {
    let (events, log) = channel();
    let mut group = group(Threads::Dedicated);
    for role in ["left", "right"] {
        let slot = group.thread(role).unwrap();
        group.add(&slot, probe(role, &events, idle));
    }
    drop(events);
    let mut running = group.start().unwrap();
    let mut seen = vec![log.recv_timeout(TIMEOUT).unwrap(), log.recv_timeout(TIMEOUT).unwrap()];
    assert!(running.is_alive());
    assert!(!running.wait(Duration::ZERO));
    running.stopper().stop();
    assert!(running.wait(TIMEOUT));
    running.join().unwrap();
    seen.extend(all(log));
    seen.sort();
    let expected = [
        "left closes",
        r#"left starts on Some("left")"#,
        "right closes",
        r#"right starts on Some("right")"#,
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_shared_group_is_one_thread() {
    let (events, log) = channel();
    let mut group = group(Threads::Shared);
    for role in ["first", "second"] {
        let slot = group.thread(role).unwrap();
        group.add(&slot, probe(role, &events, idle));
    }
    drop(events);
    let running = group.start().unwrap();
    running.stop();
    running.join().unwrap();
    let expected = [
        r#"first starts on Some("first")"#,
        r#"second starts on Some("first")"#,
        "first closes",
        "second closes",
    ];
    assert_eq!(all(log), expected);
}

#[test]
fn a_panic_is_reported_with_its_role_and_stops_the_others() {
    let (events, log) = channel();
    let mut group = group(Threads::Dedicated);
    let (bad, good) = (group.thread("bad").unwrap(), group.thread("good").unwrap());
    group.add(&bad, probe("neighbour", &events, idle));
    group
        .add(&bad, probe("faulty", &events, |_, _: &mut Nanos| panic!("the books do not balance")));
    group.add(&good, probe("bystander", &events, idle));
    drop(events);
    let mut running = group.start().unwrap();
    assert!(running.wait(TIMEOUT), "it stops by itself");
    let error = running.join().unwrap_err();
    assert_eq!(error.role(), "faulty");
    assert_eq!(error.to_string(), "faulty panicked on the thread bad: the books do not balance");
    let mut closed: Vec<String> =
        all(log).into_iter().filter(|event| event.ends_with("closes")).collect();
    closed.sort();
    assert_eq!(
        closed,
        ["bystander closes", "neighbour closes"],
        "the faulty agent is not called again"
    );
}

#[test]
fn a_timer_ends_a_sleep() {
    for _ in 0..3 {
        let (events, log) = channel();
        let mut group = group(Threads::Dedicated);
        let slot = group.thread("timer").unwrap();
        let report = events.clone();
        let mut due = None;
        let turn = move |now: Nanos, wake_at: &mut Nanos| {
            let due = *due.get_or_insert(now + Duration::from_millis(2));
            *wake_at = due;
            if now < due {
                return 0;
            }
            *wake_at = Nanos::MAX;
            let _ = report.send(format!("due, {}", due <= now));
            0
        };
        group.add(&slot, probe("timer", &events, turn));
        let running = group.start().unwrap();
        assert!(log.recv_timeout(TIMEOUT).unwrap().starts_with("timer starts"));
        assert_eq!(log.recv_timeout(TIMEOUT).unwrap(), "due, true");
        running.stop();
        running.join().unwrap();
    }
}

#[test]
fn an_impossible_group_is_refused_before_any_thread_runs() {
    let mut spinning = ThreadGroup::new(Clock::system(), WaitStrategy::Spin, Threads::Dedicated);
    for thread in 0..cores().len() {
        spinning.thread(&format!("spinner-{thread}")).unwrap();
    }
    let refused = spinning.start().err().unwrap().to_string();
    assert!(refused.starts_with("--wait spin needs a core for each of the"), "{refused}");

    let mut pinned = group(Threads::Dedicated);
    let slot = pinned.thread("far-away").unwrap();
    pinned.pin(&slot, 9_999);
    let refused = pinned.start().err().unwrap().to_string();
    assert!(refused.starts_with("cannot pin a thread to core 9999"), "{refused}");
}

#[test]
fn a_pinned_thread_runs_on_its_core() {
    let (events, log) = channel();
    let last = *cores().last().unwrap();
    let mut group = group(Threads::Dedicated);
    let slot = group.thread("pinned").unwrap();
    group.pin(&slot, last);
    let report = events.clone();
    let turn = move |_, _: &mut Nanos| {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let _ = report.send(allowed.unwrap().trim().to_owned());
        0
    };
    group.add(&slot, probe("pinned", &events, turn));
    let running = group.start().unwrap();
    log.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(log.recv_timeout(TIMEOUT).unwrap(), last.to_string());
    running.stop();
    running.join().unwrap();
}

/// Replies to every message with its body.
struct Echo {
    door: Door,
    envelope: Envelope,
}

impl Agent for Echo {
    fn role(&self) -> &str {
        "echo"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let Self { door, envelope } = self;
        if !door.receive(envelope) {
            return 0;
        }
        let (identity, delimiter) = (envelope.identity(), envelope.delimiter());
        // A door hears about once a millisecond of what a client has read.
        while door.send(identity, delimiter, envelope.body()) == Err(SendError::Full) {}
        door.flush();
        1
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.door.wait_on(poll_set);
    }
}

#[test]
fn a_socket_ends_a_sleep_under_every_strategy() {
    let short = WaitStrategy::Adaptive { spin: Duration::from_micros(20) };
    for wait in [WaitStrategy::Block, short] {
        let context = Context::new().unwrap();
        let door = Door::bind(&context, "tcp://127.0.0.1:*", DoorOptions::default()).unwrap();
        let client = zmq::Context::new().socket(zmq::REQ).unwrap();
        client.connect(door.endpoint().unwrap()).unwrap();
        let mut group = ThreadGroup::new(Clock::system(), wait, Threads::Dedicated);
        let slot = group.thread("echo").unwrap();
        group.add(&slot, Box::new(Echo { door, envelope: Envelope::new() }));
        let running = group.start().unwrap();
        for round in 0..200 {
            let question = format!("question {round}");
            client.send(question.as_str(), 0).unwrap();
            assert_eq!(client.recv_bytes(0).unwrap(), question.as_bytes());
        }
        running.stop();
        running.join().unwrap();
    }
}

/// Tells when the thread that set it is over: after its function has returned.
struct AtThreadEnd(Sender<()>);

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

std::thread_local! {
    static AT_THREAD_END: std::cell::OnceCell<AtThreadEnd> = const { std::cell::OnceCell::new() };
}

#[test]
fn an_agent_in_its_last_turn_finds_the_others_closed_and_not_gone() {
    let (events, _log) = channel();
    let (to_other, from_one) = std::sync::mpsc::sync_channel(1);
    let (over, is_over) = channel();
    let (began, has_begun) = channel();
    let (sent, was_sent) = channel();
    let mut group = group(Threads::Dedicated);
    let (one, other) = (group.thread("one").unwrap(), group.thread("other").unwrap());
    let last_turn = move |_: Nanos, _: &mut Nanos| {
        began.send(()).unwrap();
        is_over.recv_timeout(TIMEOUT).unwrap();
        sent.send(to_other.try_send("the last")).unwrap();
        0
    };
    group.add(&one, probe("one", &events, last_turn));
    let (other_began, other_has_begun) = channel();
    let until_stopped = move |_: Nanos, _: &mut Nanos| {
        AT_THREAD_END.with(|at_end| {
            at_end.get_or_init(|| AtThreadEnd(over.clone()));
        });
        other_began.send(()).unwrap();
        // Held as long as the agent is.
        let _ = &from_one;
        0
    };
    group.add(&other, probe("other", &events, until_stopped));
    let running = group.start().unwrap();
    has_begun.recv_timeout(TIMEOUT).unwrap();
    other_has_begun.recv_timeout(TIMEOUT).unwrap();
    running.stop();
    assert_eq!(was_sent.recv_timeout(TIMEOUT).unwrap(), Ok(()));
    running.join().unwrap();
}
