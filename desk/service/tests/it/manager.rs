//! The quote manager against a server that the test is, over real sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use allot_desk_rules::{Input, Symbol, User, Wanted};
use allot_desk_service::{QuoteManager, QuoteTimes, WantedEvent, Wish, decode_input};
use allot_runtime::{
    Agent, Broadcast, BroadcastOptions, Clock, Context, Link, Nanos, Transport, Waker, ring_pair,
};
use allot_wire::backplane::decode_feedback;

/// A manager, its server, its publisher, and the router's end of its link.
struct Rig {
    manager: QuoteManager,
    listener: TcpListener,
    broadcast: Broadcast,
    router: Link,
    clock: Clock,
    sequence: u64,
    /// Why tries brought no quote.
    faults: Vec<String>,
}

impl Rig {
    fn new(times: QuoteTimes) -> Self {
        let context = Context::new().unwrap();
        let any = "tcp://127.0.0.1:*";
        // A native one publishes on the thread of its publisher, and there is none here.
        let options = BroadcastOptions { transport: Transport::Libzmq, ..Default::default() };
        let mut broadcast = Broadcast::bind(&context, any, options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (near, router) = ring_pair(64, &Waker::silent(), &Waker::silent());
        let (server, publish) = (listener.local_addr().unwrap(), broadcast.endpoint().unwrap());
        let publish = publish.to_owned();
        let manager =
            QuoteManager::new(server, times, 2, &context, (&publish, None), near).unwrap();
        while broadcast.next_subscription().is_none() {}
        let (clock, sequence, faults) = (Clock::system(), 0, Vec::new());
        Self { manager, listener, broadcast, router, clock, sequence, faults }
    }

    fn want(&mut self, user: &[u8], time_ns: u64) {
        let (symbol, user) = (Symbol::new(b"ABC").unwrap(), User::new(user).unwrap());
        let wanted = Wanted { symbol, user, transaction: None };
        let mut body = Vec::new();
        WantedEvent { wanted, time_ns }.encode(&mut body);
        self.sequence += 1;
        self.broadcast.publish(b"wanted:json:ABC:", self.sequence, &body);
    }

    /// The shards say that something is due.
    fn due(&mut self, due_ns: u64) {
        let mut body = Vec::new();
        Wish::Tick(due_ns).encode(&mut body);
        self.sequence += 1;
        self.broadcast.publish(b"wanted:json", self.sequence, &body);
    }

    fn turn(&mut self) {
        self.manager.do_work(self.clock.now());
    }

    /// The next connection, and what was asked on it.
    fn question(&mut self) -> (TcpStream, String) {
        loop {
            self.turn();
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nonblocking(true).unwrap();
                    if let Some(question) = self.read(&mut stream) {
                        return (stream, question);
                    }
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    }

    /// The line on a connection; none where the manager gave it up before.
    fn read(&mut self, stream: &mut TcpStream) -> Option<String> {
        let mut line = Vec::new();
        let mut bytes = [0; 64];
        loop {
            self.turn();
            match stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(len) => line.extend_from_slice(&bytes[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
            if line.ends_with(b"\n") {
                return Some(String::from_utf8(line).unwrap());
            }
        }
    }

    /// What the router was handed, the same for both shards, but for tries that brought no quote.
    fn handed(&mut self) -> Option<Input> {
        let mut frame = Vec::new();
        while self.router.receive(&mut frame) {
            let feedback = decode_feedback(&frame).unwrap();
            assert_eq!(feedback.bodies.len(), 2);
            assert_eq!(feedback.bodies[0], feedback.bodies[1]);
            match decode_input(feedback.kind, 7, &feedback.bodies[0]).unwrap() {
                Input::QuoteRetried(retried) => self.faults.push(retried.fault.into()),
                input => return Some(input),
            }
        }
        None
    }

    /// Why the first try brought no quote.
    fn fault(&mut self) -> String {
        while self.faults.is_empty() {
            self.turn();
            assert_eq!(self.handed(), None);
        }
        self.faults.remove(0)
    }

    /// The next input.
    fn input(&mut self) -> Input {
        loop {
            if let Some(input) = self.handed() {
                return input;
            }
            self.turn();
        }
    }
}

const PATIENT: QuoteTimes = QuoteTimes {
    timeout_first: Duration::from_secs(60),
    give_up_after: Duration::from_secs(600),
    connections_max: 4,
};

#[test]
fn one_question_is_asked_for_all_who_wait_and_garbage_is_asked_for_again() {
    let times = QuoteTimes { timeout_first: Duration::from_millis(1), ..PATIENT };
    let mut rig = Rig::new(times);
    let now = rig.clock.now().as_unix();
    rig.want(b"first", now);
    rig.want(b"second", now);
    let half = "1.00,ABC,first,1,k";
    for garbage in ["", "nonsense\n", "1.00,ABD,first,1,k\n", "1.00,ABC,second,1,k\n", half] {
        let (mut stream, question) = rig.question();
        assert_eq!(question, "ABC,first\n");
        // A try that took too long is gone, and another one comes.
        let _ = stream.write_all(garbage.as_bytes());
    }
    let quoted = loop {
        let (mut stream, _) = rig.question();
        let _ = stream.write_all(b"12.50,ABC,first,1480000000000,key\nmore");
        drop(stream);
        for _ in 0..1_000 {
            rig.turn();
        }
        if let Some(input) = rig.handed() {
            break input;
        }
    };
    let Input::Quote(quoted) = quoted else { panic!("{quoted:?}") };
    assert_eq!((quoted.price.get(), &*quoted.cryptokey, quoted.time_ns), (1_250, "key", 7));
    assert_eq!(quoted.asked_by.as_str(), "first");
    // Each try without a quote is told, before the quote.
    assert!(5 <= rig.faults.len(), "{:?}", rig.faults);
}

#[test]
fn a_try_that_brought_no_quote_is_told_with_its_reason() {
    let mut rig = Rig::new(PATIENT);
    rig.want(b"u", rig.clock.now().as_unix());
    let (mut stream, _) = rig.question();
    stream.write_all(b"1.00,XYZ,u,1,\x1b\n").unwrap();
    assert_eq!(rig.fault(), r#"an answer that cannot be read: it is for "XYZ" and "u""#);
    let mut rig = Rig::new(QuoteTimes { timeout_first: Duration::from_millis(1), ..PATIENT });
    rig.want(b"u", rig.clock.now().as_unix());
    assert_eq!(rig.fault(), "no answer within 1ms");
}

#[test]
fn a_wish_from_before_its_quote_is_not_asked_for_again() {
    let mut rig = Rig::new(PATIENT);
    let now = rig.clock.now().as_unix();
    rig.want(b"u", now);
    let (mut stream, _) = rig.question();
    stream.write_all(b"1.00,ABC,u,1,k\n").unwrap();
    assert!(matches!(rig.input(), Input::Quote(_)));
    // The first was said before the quote; the second while it is on its way to the shards; the
    // third when they have it, in another name.
    rig.want(b"u", now);
    rig.want(b"soon", rig.clock.now().as_unix());
    rig.want(b"later", (rig.clock.now() + Duration::from_secs(2)).as_unix());
    assert_eq!(rig.question().1, "ABC,later\n");
}

#[test]
fn a_quote_that_cannot_be_had_in_time_fails() {
    let times = QuoteTimes { give_up_after: Duration::from_millis(50), ..PATIENT };
    let mut rig = Rig::new(times);
    let now = rig.clock.now().as_unix();
    rig.want(b"u", now);
    assert!(matches!(rig.input(), Input::QuoteFailed(_)));
}

#[test]
fn the_shards_are_told_the_time_when_the_first_of_what_they_said_is_due() {
    let mut rig = Rig::new(PATIENT);
    let now = rig.clock.now();
    let (soon, later) = (now + Duration::from_millis(300), now + Duration::from_secs(3_600));
    rig.due(later.as_unix());
    rig.due(soon.as_unix());
    rig.want(b"u", now.as_unix());
    // The question was asked after all that was said before.
    let (mut stream, _) = rig.question();
    assert!(matches!(rig.input(), Input::Tick(_)));
    assert!(soon <= rig.clock.now());
    stream.write_all(b"1.00,ABC,u,1,k\n").unwrap();
    assert!(matches!(rig.input(), Input::Quote(_)), "one tick is enough");
    assert_eq!(rig.manager.wake_at(), Nanos::MAX, "the shards say anew what is due");
}
