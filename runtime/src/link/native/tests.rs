//! Tests of a native dealer: how it connects, and what it takes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use allot_zmtp::Connection;

use super::*;
use crate::link::Kind;
use crate::{Context, CurveKeys, Door, DoorOptions, Envelope, Link, LinkPoller, Transport};

/// A door and what it has received; a link to it.
struct Ends {
    _folder: tempfile::TempDir,
    context: Context,
    endpoint: String,
    options: DoorOptions,
    door: Option<Door>,
    link: Link,
    poller: LinkPoller,
}

impl Ends {
    fn new(transport: Transport, keys: Option<CurveKeys>) -> Self {
        let poller = LinkPoller::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let context = Context::new().unwrap();
        let endpoint = format!("ipc://{}", folder.path().join("door").display());
        let options = DoorOptions { transport, keys, ..DoorOptions::default() };
        let door = Some(Door::bind(&context, &endpoint, options).unwrap());
        let door_key = keys.map(|keys| keys.public());
        let transport = Transport::Native;
        let link = LinkOptions { door_key, transport, ..LinkOptions::default() };
        let mut link = Link::dealer(&context, &endpoint, None, link).unwrap();
        poller.add(&mut link, 7);
        assert!(matches!(link.0, Kind::Native(_)));
        Self { _folder: folder, context, endpoint, options, door, link, poller }
    }

    fn open_again(&mut self) {
        self.door = Some(Door::bind(&self.context, &self.endpoint, self.options).unwrap());
    }

    /// Makes turns until `is_over`, sleeping between them as an agent does.
    fn until<T>(&mut self, mut step: impl FnMut(&mut Self) -> Option<T>) -> T {
        let clock = crate::Clock::system();
        loop {
            self.poller.look();
            while let Some(number) = self.poller.take() {
                assert_eq!(number, 7);
                self.link.wake();
            }
            self.link.tick(clock.now());
            if let Some(found) = step(self) {
                return found;
            }
            self.link.flush();
            if let Some(door) = &mut self.door {
                door.flush();
            }
            let mut poll_set = PollSet::without_waker();
            self.link.wait_on(&mut poll_set);
            self.poller.wait_on(&mut poll_set);
            if let Some(door) = &self.door {
                door.wait_on(&mut poll_set);
            }
            let timeout = self.link.wake_at().min(clock.now() + HANDSHAKE) - clock.now();
            poll_set.sleep(Some(timeout));
        }
    }

    fn exchange(&mut self, len: usize) {
        let (mut sent, mut envelope) = (vec![7; len], Envelope::new());
        // A native door has no thread either: it shakes hands as it receives.
        self.until(|ends| {
            assert!(!ends.door.as_mut().unwrap().receive(&mut envelope));
            ends.link.send(&mut sent).is_ok().then_some(())
        });
        let identity = self.until(|ends| {
            let door = ends.door.as_mut().unwrap();
            door.receive(&mut envelope).then(|| envelope.identity().to_vec())
        });
        assert_eq!(envelope.body(), vec![7; len]);
        self.door.as_mut().unwrap().send(&identity, false, &vec![8; len]).unwrap();
        let mut frame = Vec::new();
        self.until(|ends| ends.link.receive(&mut frame).then_some(()));
        assert_eq!(frame, vec![8; len]);
    }

    /// Dials since something was heard.
    fn tries(&self) -> u32 {
        let Kind::Native(dealer) = &self.link.0 else { panic!("it is native") };
        dealer.tries
    }
}

#[test]
fn who_greets_and_goes_is_dialled_ever_later() {
    let mut ends = Ends::new(Transport::Native, None);
    for tries in 1..=3 {
        ends.until(|ends| {
            assert!(!ends.door.as_mut().unwrap().receive(&mut Envelope::new()));
            ends.link.is_connected().then_some(())
        });
        assert_eq!(ends.tries(), tries);
        ends.door = None;
        let mut frame = Vec::new();
        ends.until(|ends| {
            assert!(!ends.link.receive(&mut frame));
            (!ends.link.is_connected()).then_some(())
        });
        ends.open_again();
    }
    ends.exchange(1);
    // As if it had lasted.
    let Kind::Native(dealer) = &mut ends.link.0 else { panic!("it is native") };
    dealer.opened_at = Nanos::ZERO;
    ends.exchange(1);
    assert_eq!(ends.tries(), 0);
}

#[test]
fn frames_go_both_ways_and_a_door_that_comes_back_is_found_again() {
    for transport in [Transport::Native, Transport::Libzmq] {
        for keys in [None, Some(CurveKeys::make().unwrap())] {
            let mut ends = Ends::new(transport, keys);
            [1, 255, 256, 60_000].into_iter().for_each(|len| ends.exchange(len));
            assert_eq!(ends.link.connection(), (true, 1));
            let mut frame = Vec::new();
            assert!(!ends.link.receive(&mut frame));
            assert!(ends.link.is_quiet(), "it was asked");
            ends.door = None;
            // What ended is told by a receive, and no frame comes.
            ends.until(|ends| {
                assert!(!ends.link.receive(&mut frame));
                (!ends.link.is_connected()).then_some(())
            });
            assert_eq!(ends.link.send(&mut vec![1]), Err(SendError::Away));
            ends.open_again();
            // Who looks only at links that are not quiet sees that it is open again.
            ends.until(|ends| {
                assert!(!ends.door.as_mut().unwrap().receive(&mut Envelope::new()));
                (!ends.link.is_quiet() && ends.link.is_connected()).then_some(())
            });
            ends.exchange(100);
            assert_eq!(ends.link.connection(), (true, 2));
        }
    }
}

#[test]
fn a_peer_that_does_not_read_makes_the_link_full_and_its_memory_stays_within_the_bound() {
    let mut ends = Ends::new(Transport::Native, None);
    ends.exchange(1);
    let frame = vec![7; 60_000];
    let mut sent = 0_usize;
    let refused = loop {
        let mut copy = frame.clone();
        ends.link.flush();
        match ends.link.send(&mut copy) {
            Ok(()) => sent += 1,
            Err(error) => break (error, copy),
        }
    };
    assert_eq!(refused, (SendError::Full, frame.clone()));
    let Kind::Native(dealer) = &ends.link.0 else { panic!("it is native") };
    let untaken = dealer.client.as_ref().unwrap().connection.output().len();
    assert!(untaken <= LINK_UNTAKEN_BYTES_MAX);
    let mut envelope = Envelope::new();
    for _ in 0..sent {
        ends.until(|ends| ends.door.as_mut().unwrap().receive(&mut envelope).then_some(()));
        assert_eq!(envelope.body(), frame);
    }
    ends.exchange(1);
}

/// A peer that speaks the protocol byte by byte, and is open.
fn peer_of(dealer: &mut NativeDealer, listener: &TcpListener) -> TcpStream {
    dealer.tick(Nanos::from_unix(1));
    let (mut peer, _) = listener.accept().unwrap();
    let mut server = Connection::new(Options {
        socket: SocketType::Router,
        identity: Vec::new(),
        message_bytes_max: 1,
        frames_max: 1,
        security: Security::Null,
    });
    let mut buffer = [0; 256];
    while !(server.is_open() && dealer.is_connected()) {
        peer.write_all(server.output()).unwrap();
        server.take_output(server.output().len());
        dealer.wake();
        dealer.tick(Nanos::from_unix(1));
        if !server.is_open() {
            let len = peer.read(&mut buffer).unwrap();
            let mut bytes = &buffer[..len];
            while server.read(&mut bytes).unwrap().is_some() {}
        }
    }
    peer
}

#[test]
fn a_peer_that_says_nothing_but_much_keeps_nobody_and_takes_no_memory() {
    const PING: &[u8] = b"\x04\x07\x04PING\0\0";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::of(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    for said in [&b"\0\0"[..], PING] {
        let mut dealer = NativeDealer::new(target.clone(), None, LinkOptions::default());
        let mut peer = peer_of(&mut dealer, &listener);
        peer.set_nonblocking(true).unwrap();
        let (said, mut frame) = (said.repeat(10_000), Vec::new());
        let mut reads = 0;
        // It says more than the kernel takes, and takes nothing.
        while reads < 200 {
            let _ = peer.write(&said);
            dealer.wake();
            assert!(!dealer.receive(&mut frame));
            assert!(dealer.end - dealer.begin == 0, "what was read was taken, one read at once");
            dealer.flush();
            let untaken = dealer.client.as_ref().unwrap().connection.output().len();
            assert!(untaken < LINK_UNTAKEN_BYTES_MAX + 4 * LINK_READ_BYTES, "{untaken}");
            reads += 1;
        }
    }
}

#[test]
fn a_door_that_never_answers_is_given_up_and_dialled_again() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", silent.local_addr().unwrap());
    let target = Target::of(&endpoint).unwrap();
    let mut dealer = NativeDealer::new(target, None, LinkOptions::default());
    let begin = Nanos::from_unix(1_000);
    dealer.tick(begin);
    let (_first, _) = silent.accept().unwrap();
    assert_eq!(dealer.wake_at(), begin + HANDSHAKE);
    dealer.tick(begin + HANDSHAKE);
    assert_eq!(dealer.wake_at(), begin + HANDSHAKE + RECONNECT_FIRST);
    dealer.tick(dealer.wake_at());
    let (_second, _) = silent.accept().unwrap();
    assert!(!dealer.is_connected());
}

/// A shard that cannot reply takes no inputs either.
#[test]
fn who_cannot_send_and_takes_nothing_is_connected_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::of(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    let mut dealer = NativeDealer::new(target, None, LinkOptions::default());
    let mut peer = peer_of(&mut dealer, &listener);
    peer.write_all(b"\0\x01a").unwrap();
    drop(peer);
    // The first write is answered by a reset, and the next one fails.
    while dealer.send(&mut vec![7]).is_ok() {
        dealer.flush();
    }
    assert!(!dealer.is_connected());
    let broken_until = dealer.wake_at();
    assert_eq!(broken_until, dealer.now + RECONNECT_FIRST);
    dealer.tick(dealer.now);
    dealer.flush();
    assert_eq!(dealer.wake_at(), broken_until, "a turn changes nothing");
    dealer.tick(broken_until);
    dealer.tick(dealer.wake_at());
    listener.accept().unwrap();
    assert!(dealer.client.is_some() && !dealer.is_broken);
}

#[test]
fn pauses_double_up_to_the_longest() {
    let millis: Vec<_> = (0..8).map(|tries| pause(tries).as_millis()).collect();
    assert_eq!(millis, [50, 50, 100, 200, 400, 800, 1_000, 1_000]);
    assert_eq!(pause(u32::MAX), RECONNECT_LONGEST);
}
