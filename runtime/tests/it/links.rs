//! Links and hubs: the same over rings, ipc and tcp, whoever speaks ZeroMQ's protocol at each end.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use allot_runtime::Transport::{self, Libzmq, Native};
use allot_runtime::{
    Clock, Context, Counter, Counters, Hub, Link, LinkOptions, PollSet, RuntimeError, SendError,
    Waker, ring_pair,
};
use tempfile::TempDir;

/// A hub and its peers, over one kind of link.
struct Wiring {
    hub: Hub,
    peers: Vec<Link>,
    _folder: TempDir,
}

/// Who speaks the protocol at a hub, and at its peers.
type Speakers = [Transport; 2];

/// Each with each.
const ALL: [Speakers; 4] = [[Native, Native], [Libzmq, Libzmq], [Native, Libzmq], [Libzmq, Native]];

/// Each with each, over each kind of socket.
fn sockets() -> impl Iterator<Item = (&'static str, Speakers)> {
    ["ipc", "tcp"].into_iter().flat_map(|kind| ALL.map(|speakers| (kind, speakers)))
}

/// Tries until there is a value; the named ends take their turns, and are slept on in between.
macro_rules! in_turns {
    ([$($end:expr),*], $attempt:expr) => {{
        let (deadline, clock) = (crate::Deadline::start(stringify!($attempt)), Clock::system());
        loop {
            $($end.tick(clock.now());)*
            let value = $attempt;
            $($end.flush();)*
            if let Some(value) = value {
                break value;
            }
            let mut poll_set = PollSet::without_waker();
            $($end.wait_on(&mut poll_set);)*
            deadline.sleep(poll_set);
        }
    }};
}

/// An endpoint for a new hub.
fn endpoint(transport: &str, folder: &TempDir) -> String {
    match transport {
        "tcp" => "tcp://127.0.0.1:*".to_owned(),
        _ => format!("ipc://{}", folder.path().join("hub").display()),
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|peer| format!("peer-{peer}")).collect()
}

fn dealer(context: &Context, endpoint: &str, name: &str, [_, transport]: Speakers) -> Link {
    let options = LinkOptions { transport, ..LinkOptions::default() };
    Link::dealer(context, endpoint, Some(name), options).unwrap()
}

fn hub_of(context: &Context, endpoint: &str, count: usize, [transport, _]: Speakers) -> Hub {
    Hub::bind(context, endpoint, &names(count), transport).unwrap()
}

fn wiring(transport: &str, count: usize, speakers: Speakers) -> Wiring {
    let folder = tempfile::tempdir().unwrap();
    if transport == "ring" {
        let silent = Waker::silent();
        let (ours, peers) = (0..count).map(|_| ring_pair(64, &silent, &silent)).unzip();
        return Wiring { hub: Hub::rings(ours), peers, _folder: folder };
    }
    let context = Context::new().unwrap();
    let hub = hub_of(&context, &endpoint(transport, &folder), count, speakers);
    let bound = hub.endpoint().unwrap();
    let peers = names(count).iter().map(|name| dealer(&context, bound, name, speakers)).collect();
    Wiring { hub, peers, _folder: folder }
}

/// A frame with its sender and its number, of varying length.
fn numbered(peer: usize, number: u32) -> Vec<u8> {
    let length = 5 + usize::try_from(number % 97).unwrap() * 7;
    let mut frame = vec![u8::try_from(peer).unwrap(); length];
    frame[1..5].copy_from_slice(&number.to_be_bytes());
    frame
}

/// Sends a frame, as soon as the hub has let the peer in. Nobody else says anything meanwhile.
fn send(hub: &mut Hub, link: &mut Link, frame: &[u8]) {
    let (mut frame, mut other) = (frame.to_vec(), Vec::new());
    in_turns!([hub, link], {
        assert_eq!(hub.receive(&mut other), None);
        link.send(&mut frame).ok()
    });
}

/// Sends a first frame to the hub. Once the hub has received it, it can reach the peer.
fn introduce(hub: &mut Hub, link: &mut Link) {
    let mut frame = Vec::new();
    send(hub, link, b"hello");
    in_turns!([hub, link], hub.receive(&mut frame));
    assert_eq!(frame, b"hello");
}

/// Waits until the hub has noticed that a peer is gone.
fn missing(hub: &mut Hub, peer: usize) {
    in_turns!([hub], {
        hub.receive(&mut Vec::new());
        (hub.send(peer, &mut b"?".to_vec()) == Err(SendError::Away)).then_some(())
    });
}

/// Waits until the link has noticed that the hub is gone.
fn lost(link: &mut Link) {
    in_turns!([link], {
        link.receive(&mut Vec::new());
        (link.send(&mut b"?".to_vec()) == Err(SendError::Away)).then_some(())
    });
    assert!(!link.is_connected());
}

#[test]
fn every_kind_of_link_carries_the_same_frames_in_the_same_order() {
    const COUNT: u32 = 3_000;
    for (transport, speakers) in [("ring", ALL[0])].into_iter().chain(sockets()) {
        let Wiring { mut hub, mut peers, _folder } = wiring(transport, 3, speakers);
        let clock = Clock::system();
        let (mut sent, mut echoed, mut returned) = ([0; 3], [0; 3], [0; 3]);
        let mut frame = Vec::new();
        let mut round = || {
            let mut work = 0;
            hub.tick(clock.now());
            for (peer, link) in peers.iter_mut().enumerate() {
                link.tick(clock.now());
                if sent[peer] < COUNT && link.send(&mut numbered(peer, sent[peer])).is_ok() {
                    sent[peer] += 1;
                    work += 1;
                }
                while link.receive(&mut frame) {
                    assert_eq!(frame, numbered(peer, returned[peer]), "{transport}");
                    returned[peer] += 1;
                    work += 1;
                }
                link.flush();
            }
            while let Some(peer) = hub.receive(&mut frame) {
                assert_eq!(frame, numbered(peer, echoed[peer]), "{transport}");
                echoed[peer] += 1;
                hub.send(peer, &mut frame).unwrap();
                assert!(frame.is_empty(), "a frame that was sent is taken from the sender");
                work += 1;
            }
            hub.flush();
            (returned == [COUNT; 3], work)
        };
        wait_for!([], {
            let (complete, work) = round();
            if complete || work == 0 { complete.then_some(()) } else { continue }
        });
    }
}

/// Sends numbered frames of one kilobyte until one is refused; returns how many were taken.
fn flood(mut send: impl FnMut(&mut Vec<u8>) -> Result<(), SendError>) -> u32 {
    let (mut frame, mut taken) = (Vec::new(), 0_u32);
    loop {
        frame.clear();
        frame.resize(1_024, 7);
        frame[..4].copy_from_slice(&taken.to_be_bytes());
        let Err(error) = send(&mut frame) else {
            taken += 1;
            continue;
        };
        assert_eq!(error, SendError::Full);
        assert_eq!(frame.len(), 1_024, "untouched");
        assert_eq!(frame[..4], taken.to_be_bytes());
        return taken;
    }
}

#[test]
fn a_full_peer_refuses_and_nothing_that_was_taken_is_lost() {
    for (transport, speakers) in [("ring", ALL[0])].into_iter().chain(sockets()) {
        let Wiring { mut hub, mut peers, _folder } = wiring(transport, 1, speakers);
        let (link, mut frame) = (&mut peers[0], Vec::new());
        introduce(&mut hub, link);
        let taken = flood(|frame| {
            hub.flush();
            hub.send(0, frame)
        });
        for number in 0..taken {
            in_turns!([hub, link], {
                assert_eq!(hub.receive(&mut frame), None);
                link.receive(&mut frame).then_some(())
            });
            assert_eq!(frame[..4], number.to_be_bytes(), "{transport}");
        }
        assert!(!link.receive(&mut frame), "{transport}: nothing else arrives");

        let taken = flood(|frame| {
            link.flush();
            link.send(frame)
        });
        for number in 0..taken {
            assert_eq!(in_turns!([hub, link], hub.receive(&mut frame)), 0);
            assert_eq!(frame[..4], number.to_be_bytes(), "{transport}");
        }
        assert_eq!(hub.receive(&mut frame), None, "{transport}: nothing else arrives");
    }
}

#[test]
fn a_dealer_without_a_peer_is_away_and_is_woken_when_the_peer_comes() {
    for speakers in ALL {
        let (context, folder) = (Context::new().unwrap(), tempfile::tempdir().unwrap());
        let endpoint = endpoint("ipc", &folder);
        let mut link = dealer(&context, &endpoint, "peer-0", speakers);
        let mut frame = b"early".to_vec();
        link.tick(Clock::system().now());
        assert_eq!(link.send(&mut frame), Err(SendError::Away));
        assert_eq!(frame, b"early");
        assert!(!link.is_connected());

        let mut hub = hub_of(&context, &endpoint, 1, speakers);
        send(&mut hub, &mut link, b"early");
        assert_eq!(in_turns!([hub, link], hub.receive(&mut frame)), 0);
        assert_eq!(frame, b"early");
    }
}

#[test]
fn a_peer_that_dies_is_away_and_reachable_when_it_comes_back() {
    for (transport, speakers) in sockets() {
        let (context, folder) = (Context::new().unwrap(), tempfile::tempdir().unwrap());
        let mut hub = hub_of(&context, &endpoint(transport, &folder), 1, speakers);
        let bound = hub.endpoint().unwrap().to_owned();
        let mut frame = b"are you there?".to_vec();
        assert_eq!(hub.send(0, &mut frame), Err(SendError::Away), "it never connected");
        assert_eq!(frame, b"are you there?");

        for _ in 0..3 {
            let mut link = dealer(&context, &bound, "peer-0", speakers);
            introduce(&mut hub, &mut link);
            hub.send(0, &mut b"welcome".to_vec()).unwrap();
            in_turns!([hub, link], link.receive(&mut frame).then_some(()));
            assert_eq!(frame, b"welcome");
            drop(link);
            missing(&mut hub, 0);
        }
    }
}

#[test]
fn a_dealer_finds_a_hub_that_was_restarted() {
    for speakers in ALL {
        let folder = tempfile::tempdir().unwrap();
        let (context, endpoint) = (Context::new().unwrap(), endpoint("ipc", &folder));
        let mut link = dealer(&context, &endpoint, "peer-0", speakers);
        for _ in 0..3 {
            let hub_context = Context::new().unwrap();
            let mut hub = hub_of(&hub_context, &endpoint, 1, speakers);
            introduce(&mut hub, &mut link);
            drop(hub);
            lost(&mut link);
        }
    }
}

#[test]
fn a_second_peer_of_a_name_is_ignored_until_the_first_has_gone() {
    for speakers in ALL {
        let (context, folder) = (Context::new().unwrap(), tempfile::tempdir().unwrap());
        let mut hub = hub_of(&context, &endpoint("ipc", &folder), 1, speakers);
        let counters = Counters::new();
        hub.count_into(&counters);
        let bound = hub.endpoint().unwrap().to_owned();
        let mut first = dealer(&context, &bound, "peer-0", speakers);
        introduce(&mut hub, &mut first);

        let (mut second, mut frame) = (dealer(&context, &bound, "peer-0", speakers), Vec::new());
        send(&mut hub, &mut second, b"let me in");
        in_turns!([hub, second], {
            assert_eq!(hub.receive(&mut frame), None);
            (counters.get(Counter::NamesTaken) == 2).then_some(()) // its probe, and this
        });
        hub.send(0, &mut b"for the first".to_vec()).unwrap();
        in_turns!([hub, first], first.receive(&mut frame).then_some(()));
        assert_eq!(frame, b"for the first", "the probe of the hub is not seen");

        drop(first);
        // The successor is reached without another frame from it.
        in_turns!([hub, second], {
            assert_eq!(hub.receive(&mut frame), None);
            let _ = hub.send(0, &mut b"for the second".to_vec());
            second.receive(&mut frame).then_some(())
        });
        assert_eq!(frame, b"for the second");
    }
}

#[test]
fn a_peer_that_restarts_while_the_hub_is_busy_is_received() {
    for (transport, speakers) in sockets() {
        let (context, folder) = (Context::new().unwrap(), tempfile::tempdir().unwrap());
        let mut hub = hub_of(&context, &endpoint(transport, &folder), 1, speakers);
        let bound = hub.endpoint().unwrap().to_owned();
        let mut link = dealer(&context, &bound, "peer-0", speakers);
        introduce(&mut hub, &mut link);
        for round in 0..5_u8 {
            // The hub does nothing until the new peer has come as far as it can without it.
            drop(link);
            link = dealer(&context, &bound, "peer-0", speakers);
            if speakers == [Libzmq, Libzmq] {
                let mut frame = vec![b'a' + round];
                in_turns!([link], link.send(&mut frame).ok());
            } else {
                link.tick(Clock::system().now());
            }
            let mut frame = Vec::new();
            in_turns!([hub, link], {
                // Its first frame may be lost, if it arrived before the old connection was closed.
                let _ = link.send(&mut vec![b'a' + round]);
                hub.receive(&mut frame).filter(|_| frame == [b'a' + round])
            });
        }
    }
}

/// A proxy that forwards bytes to a server until its connections are cut.
struct Proxy {
    endpoint: String,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn to(endpoint: &str) -> Self {
        let server = endpoint.strip_prefix("tcp://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
        let connections = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&connections);
        // The thread ends with the process, because nothing ends the listener.
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(&server).unwrap();
                for (from, into) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut into) =
                        (from.try_clone().unwrap(), into.try_clone().unwrap());
                    thread::spawn(move || std::io::copy(&mut from, &mut into));
                }
                kept.lock().unwrap().extend([client, server]);
            }
        });
        Self { endpoint, connections }
    }

    fn cut(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_broken_connection_is_replaced_under_the_same_name() {
    for speakers in ALL {
        let context = Context::new().unwrap();
        let mut hub = hub_of(&context, "tcp://127.0.0.1:*", 1, speakers);
        let proxy = Proxy::to(hub.endpoint().unwrap());
        let mut link = dealer(&context, &proxy.endpoint, "peer-0", speakers);
        introduce(&mut hub, &mut link);
        for round in 0..4_u8 {
            proxy.cut();
            // The hub does nothing meanwhile, and may not have noticed the end when it sends.
            lost(&mut link);
            let mut frame = Vec::new();
            in_turns!([hub, link], {
                let _ = hub.send(0, &mut vec![round + 1]);
                hub.receive(&mut frame);
                (link.receive(&mut frame) && frame == [round + 1]).then_some(())
            });
        }
    }
}

#[test]
fn the_kernel_probes_silent_connections() {
    for speakers in ALL {
        let Wiring { mut hub, mut peers, _folder } = wiring("tcp", 1, speakers);
        introduce(&mut hub, &mut peers[0]);
        let port: u16 = hub.endpoint().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
        // A line is: number, local address, remote address, state, queues, timer. Both ends are
        // here.
        let [local, remote] = [1, 2];
        for end in [local, remote] {
            wait_for!([], {
                let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
                let mut lines = table.lines().map(|line| line.split_whitespace().collect());
                let connection = lines.find(|fields: &Vec<&str>| {
                    fields[end].ends_with(&format!(":{port:04X}")) && fields[3] == "01"
                });
                let keepalive = connection.is_some_and(|fields| fields[5].starts_with("02:"));
                keepalive.then_some(())
            });
        }
    }
}

#[test]
fn a_shutdown_waits_a_bounded_time_for_a_peer_that_does_not_read() {
    for speakers in ALL {
        let folder = tempfile::tempdir().unwrap();
        let (near, far) = (Context::new().unwrap(), Context::new().unwrap());
        let mut hub = hub_of(&near, &endpoint("ipc", &folder), 1, speakers);
        let mut link = dealer(&far, hub.endpoint().unwrap(), "peer-0", speakers);
        introduce(&mut hub, &mut link);
        let taken = flood(|frame| {
            hub.flush();
            hub.send(0, frame)
        });
        assert!(0 < taken);
        drop((hub, near));
        assert!(!folder.path().join("hub").exists());
    }
}

#[test]
fn a_client_can_replace_its_connection() {
    for speakers in ALL {
        let (context, folder) = (Context::new().unwrap(), tempfile::tempdir().unwrap());
        let mut hub = hub_of(&context, &endpoint("ipc", &folder), 1, speakers);
        let bound = hub.endpoint().unwrap().to_owned();
        let mut link = dealer(&context, &bound, "peer-0", speakers);
        let counters = Counters::new();
        link.count_into(&counters);
        for round in 1..4 {
            introduce(&mut hub, &mut link);
            link.reconnect().unwrap();
            assert_eq!(counters.get(Counter::Reconnects), round);
            missing(&mut hub, 0);
        }
    }
}

#[test]
fn frames_of_strangers_and_of_several_parts_are_dropped_and_counted() {
    for speakers in ALL {
        let (context, folder) = (Context::new().unwrap(), tempfile::tempdir().unwrap());
        let mut hub = hub_of(&context, &endpoint("ipc", &folder), 1, speakers);
        let counters = Counters::new();
        hub.count_into(&counters);
        let bound = hub.endpoint().unwrap().to_owned();

        let mut stranger = dealer(&context, &bound, "stranger", speakers);
        send(&mut hub, &mut stranger, b"hello");
        let raw = zmq::Context::new();
        let known = raw.socket(zmq::DEALER).unwrap();
        known.set_identity(b"peer-0#1").unwrap();
        known.connect(&bound).unwrap();
        known.send_multipart(["two", "parts"], 0).unwrap();
        known.send("one part", 0).unwrap();

        let mut frame = Vec::new();
        assert_eq!(in_turns!([hub, stranger], hub.receive(&mut frame)), 0);
        assert_eq!(frame, b"one part");
        in_turns!([hub, stranger], {
            assert_eq!(hub.receive(&mut frame), None);
            (counters.get(Counter::FramesUnknown) == 2).then_some(()) // its probe, and this
        });
        assert_eq!(counters.get(Counter::PartsDropped), 1);
    }
}

/// It is read piece by piece, and what a peer has not taken is no bound for one frame.
#[test]
fn a_frame_of_many_reads_arrives_whole() {
    for (transport, speakers) in sockets() {
        let Wiring { mut hub, mut peers, _folder } = wiring(transport, 1, speakers);
        introduce(&mut hub, &mut peers[0]);
        let long: Vec<u8> = (0..5_000_000_u32).map(|place| place.to_le_bytes()[1]).collect();
        let (mut sent, mut frame) = (long.clone(), Vec::new());
        in_turns!([hub, peers[0]], {
            let _ = peers[0].send(&mut sent).map(|()| sent = vec![1]);
            hub.receive(&mut frame)
        });
        assert_eq!(frame, long);
        in_turns!([hub, peers[0]], {
            hub.receive(&mut sent);
            let _ = if frame == long { hub.send(0, &mut frame) } else { Ok(()) };
            peers[0].receive(&mut sent).then_some(())
        });
        assert_eq!(sent, long);
    }
}

#[test]
fn a_taken_endpoint_is_refused_and_a_closed_one_leaves_no_file() {
    let (context, folder) = (Context::new().unwrap(), tempfile::tempdir().unwrap());
    for (transport, speakers) in sockets() {
        let hub = hub_of(&context, &endpoint(transport, &folder), 1, speakers);
        let bound = hub.endpoint().unwrap().to_owned();
        let refused = Hub::bind(&context, &bound, &names(1), speakers[0]).err().unwrap();
        assert_eq!(
            refused.to_string(),
            format!(
                "cannot bind {bound}: address in use; is another allot running? \
                 Stop it, or choose another endpoint"
            )
        );
    }
    assert!(!folder.path().join("hub").exists());
    for wrong in ["9998", "tcp://nowhere", "carrier-pigeon://coop"] {
        for transport in [Native, Libzmq] {
            let refused = Hub::bind(&context, wrong, &names(1), transport).err().unwrap();
            assert!(matches!(refused, RuntimeError::Bind { .. }), "{refused}");
        }
    }
}
