//! A peer on the backplane that says what no box of ours would: it is dropped and counted, and the
//! front door goes on.

use allot_counter::Counter;
use allot_domain::{Incarnation, LogIndex, ShardId};
use allot_runtime::{Context, Counter as Count, Stages};
use allot_server::{RunningServer, router_process, shard_process};
use allot_wire::backplane::{Feedback, Hello, InputKind, encode_feedback, encode_hello};

use crate::client::Client;
use crate::rig::over_ipc;

/// A peer under the name of the publisher.
struct Peer {
    link: Client,
    sent: u64,
}

impl Peer {
    fn send(&mut self, frame: &[u8]) {
        self.link.send(frame);
        self.sent += 1;
    }

    /// Whether the router has dropped all that was sent.
    fn is_dropped(&self, router: &RunningServer) -> bool {
        let (_, counters) = &router.counters[0];
        counters.get(Count::FramesDropped) == self.sent
    }
}

fn feedback(kind: InputKind, body: Vec<u8>) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_feedback(&Feedback { kind, bodies: vec![body] }, &mut frame);
    frame
}

fn hello(applied: u64) -> Vec<u8> {
    let mut frame = Vec::new();
    let hello = Hello {
        shard: ShardId::new(0),
        shards: 1,
        incarnation: Incarnation::new(u64::MAX),
        applied: LogIndex::new(applied),
        replied: LogIndex::new(applied),
        ..Hello::default()
    };
    encode_hello(&hello, &mut frame);
    frame
}

#[test]
fn what_no_box_would_say_is_dropped_and_the_front_door_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let config = over_ipc(folder.path(), 1);
    let mut off = |_: &_| Stages::off();
    let router = router_process::<Counter>(&config, &mut off).unwrap();
    let shard = shard_process::<Counter>(&config, ShardId::new(0), &mut off).unwrap();
    let context = Context::new().unwrap();
    let mut client = Client::connect(&context, router.bound.front.as_deref().unwrap());
    let add = |seq| format!(r#"{{"type":"add","source":"a","seq":{seq},"key":"k","amount":1}}"#);
    let first = client.ask(&add(1));
    assert!(first.contains(r#""seq":1"#), "{first}");

    let link = Client::named(&context, &config.endpoints.backplane, Some("publisher"));
    let mut peer = Peer { link, sent: 0 };
    for kind in [0, 1, InputKind::MARKER.get(), 99, u8::MAX] {
        peer.send(&feedback(InputKind::new(kind), b"xx".to_vec()));
    }
    // In the name of a shard that it is not, and of a log that cannot be.
    peer.send(&hello(1));
    peer.send(&hello(u64::MAX));
    // Each reply comes after the router has looked at its peers again.
    let mut seq = 1;
    while !peer.is_dropped(&router) {
        seq += 1;
        let reply = client.ask(&add(seq));
        assert!(reply.contains(&format!(r#""seq":{seq}"#)), "{reply}");
    }
    assert!(client.ask(&add(seq + 1)).contains(&format!(r#""seq":{}"#, seq + 1)));
    for server in [router, shard] {
        server.running.stop();
        server.running.join().unwrap();
    }
}
