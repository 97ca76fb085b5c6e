//! A native dealer: the connecting end of a link, on the thread of its owner.
//!
//! ```text
//!   waits ──► dials ──► shakes hands ──► open ──► broken ──► lost ──► waits
//!     50 ms to 1 s        3 s at most              50 ms at most
//! ```
//!
//! It is broken when nothing can be written any more. What the peer has said is still read, but an
//! owner that cannot take it, because it waits until it can send, is not waited for.
//!
//! It has no thread and no timer: its owner tells it the time in every turn, and flushes it at the
//! end of the turn.

use std::time::Duration;

use allot_zmtp::{Event, KeyPair, Options, PublicKey, Security, SocketType};

use super::poller::Place;
use super::{LinkOptions, SendError};
use crate::hub::routing_id;
use crate::limits::{
    HANDSHAKE, LINK_READ_BYTES, LINK_UNTAKEN_BYTES_MAX, RECONNECT_FIRST, RECONNECT_LONGEST,
};
use crate::native_socket::{self, Client, Gone, Target};
use crate::poller::Interest;
use crate::socket::Quiet;
use crate::{Counter, Counters, Nanos, PollSet};

/// The connecting end of a link.
pub(super) struct NativeDealer {
    target: Target,
    name: Option<String>,
    options: LinkOptions,
    client: Option<Client<()>>,
    /// Whether nothing can be written any more; what the peer has said is still read.
    is_broken: bool,
    /// What was read last.
    buffer: Box<[u8]>,
    /// Where in it the next frame begins, and where what was read ends.
    begin: usize,
    end: usize,
    quiet: Quiet,
    /// How many connections were made.
    connections: u64,
    /// How many dials there were since one that lasted, and on which something was heard.
    tries: u32,
    opened_at: Nanos,
    now: Nanos,
    /// When it dials, or gives up a dial or a broken connection; none while it is open.
    due: Option<Nanos>,
    counters: Counters,
    /// Who waits for it, if its owner does not.
    place: Option<Place>,
}

impl NativeDealer {
    /// One that dials in its first turn.
    pub(super) fn new(target: Target, name: Option<&str>, options: LinkOptions) -> Self {
        Self {
            target,
            name: name.map(str::to_owned),
            options,
            client: None,
            is_broken: false,
            buffer: vec![0; LINK_READ_BYTES].into_boxed_slice(),
            begin: 0,
            end: 0,
            quiet: Quiet::default(),
            connections: 0,
            tries: 0,
            opened_at: Nanos::ZERO,
            now: Nanos::ZERO,
            due: Some(Nanos::ZERO),
            counters: Counters::new(),
            place: None,
        }
    }

    /// From the next connection on it is waited for there.
    pub(super) fn watch(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// Something may have come, or there may be room.
    pub(super) fn wake(&self) {
        self.quiet.end();
    }

    pub(super) fn send(&mut self, frame: &mut Vec<u8>) -> Result<(), SendError> {
        if !self.is_connected() {
            return Err(SendError::Away);
        }
        let client = self.client.as_mut().expect("it is connected");
        let untaken = client.connection.output().len();
        if 0 < untaken && LINK_UNTAKEN_BYTES_MAX < untaken + frame.len() {
            return Err(SendError::Full);
        }
        client.connection.send(&[frame]);
        frame.clear();
        Ok(())
    }

    /// Takes the next frame. It reads once at most: a peer that sends nothing but empty frames and
    /// commands keeps its owner no longer than one that sends frames.
    pub(super) fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        self.take(Some(frame)) || (!self.quiet.skips() && self.read() && self.take(Some(frame)))
    }

    /// Takes the next frame of what was read last; without room for one, goes on with the
    /// handshake, and no further.
    fn take(&mut self, mut frame: Option<&mut Vec<u8>>) -> bool {
        while self.begin < self.end {
            let Some(client) = self.client.as_mut() else { break };
            if frame.is_none() && client.connection.is_open() {
                return false;
            }
            let mut bytes = &self.buffer[self.begin..self.end];
            let event = client.connection.read(&mut bytes);
            self.begin = self.end - bytes.len();
            match event {
                Ok(Some(Event::Ready)) => self.open(),
                Ok(Some(Event::Message(message))) if 1 < message.count() => {
                    self.counters.add(Counter::PartsDropped, 1);
                }
                Ok(Some(Event::Message(message))) => {
                    let body = message.frame(0);
                    if let Some(frame) = frame.as_deref_mut()
                        && !body.is_empty()
                    {
                        frame.clear();
                        frame.extend_from_slice(body);
                        // One that greets, says something and goes is dialled ever later, too.
                        if self.opened_at + RECONNECT_LONGEST <= self.now {
                            self.tries = 0;
                        }
                        return true;
                    }
                }
                // A DEALER's peers have nothing to subscribe to.
                Ok(Some(Event::Subscribe(_) | Event::Cancel(_)) | None) => {}
                Err(fault) => {
                    self.counters.add(native_socket::of_fault(fault), 1);
                    self.lose();
                }
            }
        }
        false
    }

    /// Reads once; false if there is nothing.
    fn read(&mut self) -> bool {
        let Some(client) = &self.client else { return false };
        // What it is told in return, as a reply to each PING, is to be taken first.
        if !self.is_broken && is_full(client) {
            return false;
        }
        match client.read(&mut self.buffer) {
            Ok(0) if self.is_broken => self.lose(),
            Ok(0) => self.quiet.begin(),
            Ok(len) => {
                (self.begin, self.end) = (0, len);
                return true;
            }
            Err(Gone) => self.lose(),
        }
        false
    }

    /// The handshake is over.
    fn open(&mut self) {
        self.connections += 1;
        self.quiet.end();
        self.opened_at = self.now;
        self.due = None;
        // An empty frame at every connection tells a hub that this peer is connected. A hub is of
        // this system: one that was restarted is found again at once, however short it lasted.
        if self.name.is_some()
            && let Some(client) = self.client.as_mut()
        {
            self.tries = 0;
            client.connection.send(&[&[]]);
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        !self.is_broken && self.client.as_ref().is_some_and(|client| client.connection.is_open())
    }

    pub(super) fn connection(&self) -> (bool, u64) {
        (self.is_connected(), self.connections)
    }

    /// Whether its place tells of whatever happens next.
    pub(super) fn is_settled(&self) -> bool {
        self.place.is_some() && self.is_connected() && self.begin == self.end
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet.holds()
    }

    /// What the time is: dials, goes on with a handshake, or gives it up.
    pub(super) fn tick(&mut self, now: Nanos) {
        self.now = now;
        if self.due.is_some_and(|due| due <= now) {
            match self.client {
                Some(_) => self.lose(),
                None => self.dial(),
            }
        }
        let is_dialling =
            |dealer: &Self| dealer.client.is_some() && dealer.due.is_some() && !dealer.is_broken;
        while is_dialling(self) && !self.quiet.skips() {
            self.take(None);
            // Once it is open, what comes is its owner's to ask for: it is not quiet before that.
            if is_dialling(self) && !self.read() {
                break;
            }
        }
        // What the handshake has to say next.
        if is_dialling(self) {
            self.flush();
        }
    }

    fn dial(&mut self) {
        let routing = self.name.as_deref().map(|name| routing_id(name).as_bytes().to_vec());
        let options = Options {
            socket: SocketType::Dealer,
            identity: routing.unwrap_or_default(),
            message_bytes_max: self.options.frame_bytes_max,
            frames_max: 1,
            security: self.options.door_key.map_or(Security::Null, |key| Security::CurveClient {
                server: PublicKey(key.bytes()),
                own: KeyPair::make(),
            }),
        };
        self.tries = self.tries.saturating_add(1);
        match self.target.begin(options).map(|client| self.watched(client)) {
            Ok(Some(client)) => {
                self.client = Some(client);
                self.due = Some(self.now + HANDSHAKE);
                self.quiet.end();
            }
            _ => self.due = Some(self.now + pause(self.tries)),
        }
    }

    /// A new connection that is waited for, by its place if there is one.
    fn watched(&self, mut client: Client<()>) -> Option<Client<()>> {
        // Its greeting waits until it is connected.
        client.interest = Interest { read: true, write: true };
        let begin = |place: &Place| place.begin(client.stream(), client.interest);
        self.place.as_ref().is_none_or(begin).then_some(client)
    }

    /// The connection is gone, or could not be made.
    fn lose(&mut self) {
        self.client = None;
        self.is_broken = false;
        (self.begin, self.end) = (0, 0);
        self.due = Some(self.now + pause(self.tries));
        self.quiet.end();
    }

    /// Writes what was sent since the last flush, as far as there is room.
    pub(super) fn flush(&mut self) {
        let Some(client) = self.client.as_mut() else { return };
        if !self.is_broken && client.write_output() == Err(Gone) {
            self.is_broken = true;
            self.due = Some(self.now + RECONNECT_FIRST);
            self.quiet.end();
        }
        let wanted = Interest {
            read: self.is_broken || !is_full(client),
            write: !self.is_broken && !client.connection.output().is_empty(),
        };
        if let Some(place) = self.place.as_ref().filter(|_| wanted != client.interest) {
            client.interest = wanted;
            place.change(client.stream(), wanted);
        }
    }

    pub(super) fn wake_at(&self) -> Nanos {
        self.due.unwrap_or(Nanos::MAX)
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        let Some(client) = self.client.as_ref().filter(|_| self.place.is_none()) else { return };
        poll_set.quiet_file(client.descriptor(), &self.quiet);
        if !self.is_broken && !client.connection.output().is_empty() {
            poll_set.writable(client.descriptor());
        }
    }

    pub(super) fn reconnect(&mut self) {
        self.counters.add(Counter::Reconnects, 1);
        self.lose();
        self.due = Some(Nanos::ZERO);
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        self.counters = counters.clone();
    }
}

/// Whether the peer has to take something before more is read of it.
fn is_full(client: &Client<()>) -> bool {
    LINK_UNTAKEN_BYTES_MAX <= client.connection.output().len()
}

/// How long it waits after so many dials.
fn pause(tries: u32) -> Duration {
    let doubled = RECONNECT_FIRST.saturating_mul(1 << tries.saturating_sub(1).min(16));
    doubled.min(RECONNECT_LONGEST)
}

impl Drop for NativeDealer {
    /// What was sent leaves, as far as the kernel takes it at once.
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use allot_zmtp::Connection;

    use super::super::Kind;
    use super::*;
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
                assert!(
                    dealer.end - dealer.begin == 0,
                    "what was read was taken, one read at once"
                );
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
}
