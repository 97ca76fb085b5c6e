//! Heartbeats of a client, to which the protocol replies for the server.

use std::time::Duration;

use allot_runtime::{Context, Door, DoorOptions, Envelope, Transport};

const ROUNDS: usize = 6;

/// libzmq 4.3.5 ends the whole process if a PING arrives on a connection that has just broken while
/// messages wait to be read (libzmq #3937, #4767). The build under `third_party` fixes it.
#[test]
fn a_client_that_beats_and_leaves_cannot_end_the_server() {
    for transport in [Transport::Native, Transport::Libzmq] {
        beat(transport);
    }
}

fn beat(transport: Transport) {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("ipc://{}/door", folder.path().display());
    let context = Context::new().unwrap();
    let options = DoorOptions { high_water: 10, transport, ..DoorOptions::default() };
    let mut door = Door::bind(&context, &endpoint, options).unwrap();
    let mut envelope = Envelope::new();
    for _ in 0..ROUNDS {
        beat_and_leave(&endpoint);
        while door.receive(&mut envelope) {}
    }
    let context = zmq::Context::new();
    let client = context.socket(zmq::DEALER).unwrap();
    client.connect(&endpoint).unwrap();
    client.send("still there?", 0).unwrap();
    wait_for!([door], {
        (door.receive(&mut envelope) && envelope.body() == b"still there?").then_some(())
    });
}

/// Fills the door's queue with messages and PINGs, and breaks the connection. The pauses only make
/// room for PINGs; the result does not depend on them.
fn beat_and_leave(endpoint: &str) {
    let context = zmq::Context::new();
    let client = context.socket(zmq::DEALER).unwrap();
    client.set_linger(0).unwrap();
    client.set_sndhwm(1_000_000).unwrap();
    client.set_heartbeat_ivl(5).unwrap();
    client.set_heartbeat_timeout(100_000).unwrap();
    client.connect(endpoint).unwrap();
    for _ in 0..150 {
        client.send("m", 0).unwrap();
        std::thread::park_timeout(Duration::from_millis(1));
    }
    drop(client);
    drop(context);
    std::thread::park_timeout(Duration::from_millis(50));
}
