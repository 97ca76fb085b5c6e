//! A probe of an endpoint: why a client of a front door gets no reply there.
//!
//! ZeroMQ connects again and again without a word. Its monitor tells how far each connection came,
//! and a second socket of another kind, or without the key, tells what is at the other end.

use std::time::{Duration, Instant};

use zmq::SocketEvent;

use crate::limits::{LINK_FRAME_BYTES_MAX, LINK_HIGH_WATER, PROBE};
use crate::socket::{Bounds, Socket};
use crate::socket_monitor::SocketMonitor;
use crate::{Context, CurveKey, RuntimeError};

/// What is at an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DoorFinding {
    /// Nothing listens there: the connection was refused.
    Nothing,
    /// The connection was neither accepted nor refused in time.
    Unreachable,
    /// The connection was accepted, and nothing came over it in time.
    Silent,
    /// A socket that accepts this client.
    Door,
    /// The socket of a publisher.
    Publisher,
    /// A door that encrypts; this client gave no key.
    NeedsKey,
    /// A door that encrypts, and this client gave another key.
    OtherKey,
    /// A door that does not encrypt; this client gave a key.
    NeedsNoKey,
    /// Something that is no such socket: it broke the connection off, or is one of another kind.
    Stranger,
}

/// Why a handshake failed, as ZeroMQ numbers it: one of the peers encrypts, and the other does not.
const MECHANISM_MISMATCH: i32 = zmq_sys::ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH.cast_signed();

/// What tells how far a connection came.
const KINDS: [SocketEvent; 7] = [
    SocketEvent::CONNECTED,
    SocketEvent::CONNECT_RETRIED,
    SocketEvent::DISCONNECTED,
    SocketEvent::HANDSHAKE_FAILED_NO_DETAIL,
    SocketEvent::HANDSHAKE_FAILED_AUTH,
    SocketEvent::HANDSHAKE_FAILED_PROTOCOL,
    SocketEvent::HANDSHAKE_SUCCEEDED,
];

/// How far a connection came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Progress {
    /// Nothing was heard yet.
    Begun,
    /// It was refused.
    Refused,
    /// It was accepted.
    Accepted,
    /// It was accepted, and broken off.
    BrokenOff,
    /// The peer is a socket that has nothing to say to this one.
    Foreign,
    /// The peers encrypt differently.
    Mismatched,
    /// The peers understand each other.
    Succeeded,
}

/// Tries the endpoint as a client with this key would, for no longer than this, nor than a few
/// seconds.
///
/// # Errors
/// When the endpoint is malformed or there are no more file descriptors.
pub fn probe_door(
    context: &Context,
    endpoint: &str,
    key: Option<CurveKey>,
    within: Duration,
) -> Result<DoorFinding, RuntimeError> {
    let end = Instant::now() + within;
    let attempt = |kind, key| attempt(context, endpoint, kind, key, end);
    let as_given = attempt(zmq::DEALER, key)?;
    match as_given {
        Progress::Begun => return Ok(DoorFinding::Unreachable),
        Progress::Refused => return Ok(DoorFinding::Nothing),
        Progress::Succeeded => return Ok(DoorFinding::Door),
        _ => {}
    }
    let is_feed = |key| Ok::<_, RuntimeError>(attempt(zmq::SUB, key)? == Progress::Succeeded);
    if is_feed(None)? || key.is_some() && is_feed(key)? {
        return Ok(DoorFinding::Publisher);
    }
    let in_clear = if key.is_some() { attempt(zmq::DEALER, None)? } else { as_given };
    Ok(match in_clear {
        Progress::Succeeded => DoorFinding::NeedsNoKey,
        Progress::Mismatched if key.is_some() => DoorFinding::OtherKey,
        Progress::Mismatched => DoorFinding::NeedsKey,
        // Whatever it is, it said nothing to a client without a key.
        _ if in_clear <= Progress::Accepted => DoorFinding::Silent,
        _ => DoorFinding::Stranger,
    })
}

fn attempt(
    context: &Context,
    endpoint: &str,
    kind: zmq::SocketType,
    key: Option<CurveKey>,
    end: Instant,
) -> Result<Progress, RuntimeError> {
    let bounds = Bounds {
        high_water: LINK_HIGH_WATER,
        receive_high_water: LINK_HIGH_WATER,
        frame_bytes_max: LINK_FRAME_BYTES_MAX,
    };
    let socket =
        Socket::open(context, kind, bounds, |socket| key.map_or(Ok(()), |key| key.expect(socket)))?;
    let monitor = SocketMonitor::watch(context, socket.raw(), &KINDS)?;
    let _socket = socket.connect(endpoint)?;
    let deadline = end.min(Instant::now() + PROBE);
    let mut furthest = Progress::Begun;
    while furthest != Progress::Refused && furthest < Progress::Foreign {
        let Some(event) = monitor.next_before(deadline) else { break };
        furthest = furthest.max(match event.kind() {
            // ZeroMQ tries again after a connection that was refused, or broken off.
            SocketEvent::CONNECT_RETRIED => Progress::Refused,
            SocketEvent::CONNECTED => Progress::Accepted,
            SocketEvent::DISCONNECTED
            | SocketEvent::HANDSHAKE_FAILED_NO_DETAIL
            | SocketEvent::HANDSHAKE_FAILED_AUTH => Progress::BrokenOff,
            SocketEvent::HANDSHAKE_FAILED_PROTOCOL if event.value == MECHANISM_MISMATCH => {
                Progress::Mismatched
            }
            SocketEvent::HANDSHAKE_FAILED_PROTOCOL => Progress::Foreign,
            SocketEvent::HANDSHAKE_SUCCEEDED => Progress::Succeeded,
            _ => Progress::Begun,
        });
    }
    Ok(furthest)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::{
        Broadcast, BroadcastOptions, CurveKeys, Door, DoorOptions, Envelope, PollSet, Transport,
    };

    const FREE: &str = "tcp://127.0.0.1:*";
    const LONGEST: Duration = Duration::from_secs(6);

    /// A door and the thread that looks after it, until the value that is returned is dropped.
    struct Served {
        endpoint: String,
        ends: Arc<AtomicBool>,
        thread: Option<std::thread::JoinHandle<()>>,
    }

    impl Served {
        fn open(context: &Context, options: DoorOptions) -> Self {
            let mut door = Door::bind(context, FREE, options).unwrap();
            let endpoint = door.endpoint().unwrap().to_owned();
            let ends = Arc::new(AtomicBool::new(false));
            let told = Arc::clone(&ends);
            let thread = std::thread::spawn(move || {
                let mut envelope = Envelope::new();
                while !told.load(Ordering::Relaxed) {
                    while door.receive(&mut envelope) {}
                    let mut poll_set = PollSet::without_waker();
                    door.wait_on(&mut poll_set);
                    poll_set.sleep(Some(std::time::Duration::from_millis(5)));
                }
            });
            Self { endpoint, ends, thread: Some(thread) }
        }
    }

    impl Drop for Served {
        fn drop(&mut self) {
            self.ends.store(true, Ordering::Relaxed);
            self.thread.take().unwrap().join().unwrap();
        }
    }

    #[test]
    fn each_end_is_told_from_the_others() {
        let context = Context::new().unwrap();
        let keys = CurveKeys::make().unwrap();
        let other = CurveKeys::make().unwrap().public();
        for transport in [Transport::Native, Transport::Libzmq] {
            let options = DoorOptions { transport, ..DoorOptions::default() };
            let clear = Served::open(&context, options);
            let secret = Served::open(&context, DoorOptions { keys: Some(keys), ..options });
            for (endpoint, key, expected) in [
                (&clear.endpoint, None, DoorFinding::Door),
                (&clear.endpoint, Some(other), DoorFinding::NeedsNoKey),
                (&secret.endpoint, Some(keys.public()), DoorFinding::Door),
                (&secret.endpoint, None, DoorFinding::NeedsKey),
                (&secret.endpoint, Some(other), DoorFinding::OtherKey),
            ] {
                let found = probe_door(&context, endpoint, key, LONGEST).unwrap();
                assert_eq!(found, expected, "{transport} {endpoint} {key:?}");
            }
        }
    }

    #[test]
    fn what_is_no_door_is_told_from_one() {
        let context = Context::new().unwrap();
        let other = CurveKeys::make().unwrap().public();
        // A native one answers on the thread of its publisher, and there is none here.
        let options = BroadcastOptions { transport: Transport::Libzmq, ..Default::default() };
        let publisher = Broadcast::bind(&context, FREE, options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = format!("tcp://{}", listener.local_addr().unwrap());
        let foreign = context.socket(zmq::PULL).unwrap();
        foreign.bind(FREE).unwrap();
        let foreign = foreign.get_last_endpoint().unwrap().unwrap();
        // A queue of one connection that nobody takes from: the kernel answers to no other.
        let crowded = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::listen(&crowded, 0).unwrap();
        let _taken = TcpStream::connect(crowded.local_addr().unwrap()).unwrap();
        let full = format!("tcp://{}", crowded.local_addr().unwrap());
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for (endpoint, key, expected) in [
            (publisher.endpoint().unwrap(), None, DoorFinding::Publisher),
            (publisher.endpoint().unwrap(), Some(other), DoorFinding::Publisher),
            (&format!("tcp://{free}"), None, DoorFinding::Nothing),
            ("ipc:///not/there", None, DoorFinding::Nothing),
            (&silent, None, DoorFinding::Silent),
            (&foreign, None, DoorFinding::Stranger),
            (&foreign, Some(other), DoorFinding::Stranger),
            (&full, None, DoorFinding::Unreachable),
        ] {
            let found = probe_door(&context, endpoint, key, LONGEST).unwrap();
            assert_eq!(found, expected, "{endpoint} {key:?}");
        }
    }
}
