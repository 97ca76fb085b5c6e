//! A probe of an endpoint: why a client of a front door gets no reply there.
//!
//! ZeroMQ connects again and again without a word. Its monitor tells how far each connection came,
//! and a second socket of another kind, or without the key, tells what is at the other end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use zmq::{Message, SocketEvent};

use crate::limits::{LINK_FRAME_BYTES_MAX, LINK_HIGH_WATER, PROBE};
use crate::socket::{Bounds, Socket};
use crate::{Context, CurveKey, RuntimeError};

/// What is at an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DoorFinding {
    /// Nothing listens there.
    Nothing,
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
    /// Something that is no such socket, or does not say what it is.
    Stranger,
}

/// How far a connection came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Progress {
    /// Nobody accepted it.
    Refused,
    /// It was accepted, and broken off or never answered.
    Accepted,
    /// The peers encrypt differently.
    Mismatched,
    /// The peers understand each other.
    Succeeded,
}

/// Tries the endpoint as a client with this key would, for at most a few seconds.
///
/// # Errors
/// When the endpoint is malformed or there are no more file descriptors.
pub fn probe_door(
    context: &Context,
    endpoint: &str,
    key: Option<CurveKey>,
) -> Result<DoorFinding, RuntimeError> {
    let attempt = |kind, key| attempt(context, endpoint, kind, key);
    let as_given = attempt(zmq::DEALER, key)?;
    match as_given {
        Progress::Refused => return Ok(DoorFinding::Nothing),
        Progress::Succeeded => return Ok(DoorFinding::Door),
        Progress::Accepted | Progress::Mismatched => {}
    }
    if attempt(zmq::SUB, None)? == Progress::Succeeded {
        return Ok(DoorFinding::Publisher);
    }
    let in_clear = if key.is_some() { attempt(zmq::DEALER, None)? } else { as_given };
    Ok(match in_clear {
        Progress::Succeeded => DoorFinding::NeedsNoKey,
        Progress::Mismatched if key.is_some() => DoorFinding::OtherKey,
        Progress::Mismatched => DoorFinding::NeedsKey,
        Progress::Refused | Progress::Accepted => DoorFinding::Stranger,
    })
}

fn attempt(
    context: &Context,
    endpoint: &str,
    kind: zmq::SocketType,
    key: Option<CurveKey>,
) -> Result<Progress, RuntimeError> {
    let bounds = Bounds {
        high_water: LINK_HIGH_WATER,
        receive_high_water: LINK_HIGH_WATER,
        frame_bytes_max: LINK_FRAME_BYTES_MAX,
    };
    let socket =
        Socket::open(context, kind, bounds, |socket| key.map_or(Ok(()), |key| key.expect(socket)))?;
    let monitor = watch(context, socket.raw())?;
    let _socket = socket.connect(endpoint)?;
    let deadline = Instant::now() + PROBE;
    let mut furthest = Progress::Refused;
    while furthest < Progress::Mismatched {
        let Some(event) = next_event(&monitor, deadline) else { break };
        furthest = furthest.max(match event {
            SocketEvent::CONNECTED
            | SocketEvent::DISCONNECTED
            | SocketEvent::HANDSHAKE_FAILED_NO_DETAIL
            | SocketEvent::HANDSHAKE_FAILED_AUTH => Progress::Accepted,
            SocketEvent::HANDSHAKE_FAILED_PROTOCOL => Progress::Mismatched,
            SocketEvent::HANDSHAKE_SUCCEEDED => Progress::Succeeded,
            _ => Progress::Refused,
        });
    }
    Ok(furthest)
}

fn watch(context: &Context, socket: &zmq::Socket) -> Result<zmq::Socket, RuntimeError> {
    // Monitors are found by name, and two must not share one.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("inproc://probe-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let monitor = context.socket(zmq::PAIR)?;
    socket
        .monitor(&name, i32::from(SocketEvent::ALL.to_raw()))
        .and_then(|()| monitor.connect(&name))
        .map_err(|error| RuntimeError::Socket {
            what: "a socket's monitor",
            cause: error.message().to_owned(),
        })?;
    Ok(monitor)
}

/// The next event before the deadline: `[event: 2 bytes, value: 4] [address]`.
fn next_event(monitor: &zmq::Socket, deadline: Instant) -> Option<SocketEvent> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left_ms = i32::try_from(left.as_millis()).expect("a probe is short");
        if left.is_zero() || monitor.set_rcvtimeo(left_ms.max(1)).is_err() {
            return None;
        }
        let mut frame = Message::new();
        if monitor.recv(&mut frame, 0).is_ok()
            && let (true, [low, high, ..]) = (frame.get_more(), &frame[..])
        {
            return Some(SocketEvent::from_raw(u16::from_ne_bytes([*low, *high])));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::{Broadcast, BroadcastOptions, CurveKeys, Door, DoorOptions};

    const FREE: &str = "tcp://127.0.0.1:*";

    #[test]
    fn each_end_is_told_from_the_others() {
        let context = Context::new().unwrap();
        let keys = CurveKeys::make().unwrap();
        let other = CurveKeys::make().unwrap().public();
        let clear = Door::bind(&context, FREE, DoorOptions::default()).unwrap();
        let options = DoorOptions { keys: Some(keys), ..DoorOptions::default() };
        let secret = Door::bind(&context, FREE, options).unwrap();
        let publisher = Broadcast::bind(&context, FREE, BroadcastOptions::default()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = format!("tcp://{}", listener.local_addr().unwrap());
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for (endpoint, key, expected) in [
            (clear.endpoint().unwrap(), None, DoorFinding::Door),
            (clear.endpoint().unwrap(), Some(other), DoorFinding::NeedsNoKey),
            (secret.endpoint().unwrap(), Some(keys.public()), DoorFinding::Door),
            (secret.endpoint().unwrap(), None, DoorFinding::NeedsKey),
            (secret.endpoint().unwrap(), Some(other), DoorFinding::OtherKey),
            (publisher.endpoint().unwrap(), None, DoorFinding::Publisher),
            (publisher.endpoint().unwrap(), Some(other), DoorFinding::Publisher),
            (&format!("tcp://{free}"), None, DoorFinding::Nothing),
            ("ipc:///not/there", None, DoorFinding::Nothing),
            (&silent, None, DoorFinding::Stranger),
        ] {
            let found = probe_door(&context, endpoint, key).unwrap();
            assert_eq!(found, expected, "{endpoint} {key:?}");
        }
    }
}
