//! Shard streams over a real socket whose connection breaks with inputs on their way.

use std::time::Duration;

use allot_domain::{Incarnation, LogIndex, Reject, ShardId};
use allot_runtime::{
    Context, Counters, Hub, Link, LinkOptions, Nanos, PollSet, Transport, Waker, ring_pair,
};
use allot_wire::Encoding;
use allot_wire::backplane::{
    self, ClientHandle, FrameKind, Hello, InputFrame, InputKind, ReplyTo, Welcome, inputs,
};

use super::{Reached, ShardStreams};

const PATIENCE: usize = 20_000;

/// The incarnation of the router.
const ROUTER: Incarnation = Incarnation::new(9);

/// The only shard.
const SHARD: ShardId = ShardId::new(0);

/// Any kind of keyed input.
const KEYED: InputKind = InputKind::new(1);

struct Scene {
    streams: ShardStreams,
    unreplied: Vec<ClientHandle>,
    endpoint: String,
    context: Context,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let (folder, context) = (tempfile::tempdir().unwrap(), Context::new().unwrap());
        let endpoint = format!("ipc://{}/hub", folder.path().display());
        let names = ["shard-0".to_owned(), "publisher".to_owned()];
        let hub = Hub::bind(&context, &endpoint, &names, Transport::Libzmq).unwrap();
        let streams = ShardStreams::new(ROUTER, hub, 1, 100, Counters::new());
        Self { streams, unreplied: Vec::new(), endpoint, context, _folder: folder }
    }

    fn connect(&self) -> Link {
        let options = LinkOptions::default();
        Link::dealer(&self.context, &self.endpoint, Some("shard-0"), options).unwrap()
    }

    /// Greets as an incarnation of the shard that has agreed on numbers, and has replied to all it
    /// applied.
    fn greet(&mut self, incarnation: u64, applied: u64) {
        self.hear(Hello { router: ROUTER, ..hello(incarnation, applied) });
    }

    fn hear(&mut self, hello: Hello) {
        self.streams.on_hello(&hello, Nanos::from_unix(1), &mut self.unreplied);
    }

    fn push(&mut self, client: u64) {
        let client = ClientHandle::new(client);
        let reply_to = ReplyTo { client, encoding: Encoding::Json };
        self.streams.push(SHARD, input(reply_to, KEYED));
        self.streams.flush();
    }

    /// The numbers of the inputs in the next frame of inputs; `step` is done while there is none.
    fn read(&mut self, link: &mut Link, mut step: impl FnMut(&mut Self)) -> Vec<u64> {
        let mut frame = Vec::new();
        for _ in 0..PATIENCE {
            step(self);
            // What the hub refused because the peer was not there still waits.
            self.streams.flush();
            // The hub hears of a connection when it is read.
            self.streams.receive(&mut frame);
            if link.receive(&mut frame) && backplane::kind(&frame) == Some(FrameKind::Inputs) {
                let batch = inputs::read(&frame).unwrap();
                return (batch.first.get()..).zip(batch).map(|(number, _)| number).collect();
            }
            let mut waits = PollSet::without_waker();
            link.wait_on(&mut waits);
            waits.sleep(Some(Duration::from_millis(1)));
        }
        panic!("no inputs came");
    }
}

fn input(reply_to: ReplyTo, kind: InputKind) -> InputFrame<'static> {
    InputFrame { reply_to, kind, time_ns: 7, body: b"body" }
}

#[test]
fn what_a_broken_connection_lost_is_sent_again_to_the_same_incarnation() {
    let mut scene = Scene::new();
    let mut link = scene.connect();
    scene.read_first(&mut link);
    drop(link);
    for client in 2..=4 {
        scene.push(client);
    }
    let mut link = scene.connect();
    // Input 1 was applied, and nothing more arrives: two greetings show no progress.
    let numbers = scene.read(&mut link, |scene| {
        scene.greet(7, 1);
    });
    assert_eq!(numbers[0], 2, "from where the shard is");
    assert_eq!(scene.unreplied, [ClientHandle::new(1)], "its reply was lost with the connection");
}

/// The connection is made anew with an incarnation of the shard that knows inputs up to `applied`,
/// of which the first incarnation had told that those up to `durable` are.
fn after_restart(durable: u64, applied: u64) -> (Scene, Vec<u64>, u64) {
    let mut scene = Scene::new();
    let mut link = scene.connect();
    scene.read_first(&mut link);
    let reached = Reached { through: index(0), durable: index(durable) };
    scene.streams.on_replies(SHARD, reached, Nanos::from_unix(1), &mut Vec::new());
    drop(link);
    let mut link = scene.connect();
    let base = scene.read_welcome(&mut link, &hello(8, applied)).base.get();
    let mut pushed = false;
    let numbers = scene.read(&mut link, |scene| {
        scene.greet(8, base);
        if !pushed {
            pushed = true;
            scene.push(2);
        }
    });
    (scene, numbers, base)
}

#[test]
fn a_new_incarnation_gets_what_the_old_one_had_not_made_durable() {
    let (scene, numbers, base) = after_restart(0, 0);
    assert_eq!((base, numbers), (0, vec![1]));
    assert!(scene.unreplied.is_empty(), "the reply is still to come");
}

#[test]
fn a_new_incarnation_that_knows_all_is_owed_nothing_and_those_who_asked_are_told() {
    let (scene, numbers, base) = after_restart(1, 1);
    assert_eq!((base, numbers), (1, vec![2]), "numbers go on where they were");
    assert_eq!(scene.unreplied, [ClientHandle::new(1)]);
}

#[test]
fn a_new_incarnation_without_what_was_durable_is_told_how_much_it_lacks() {
    let (scene, numbers, base) = after_restart(1, 0);
    assert_eq!((base, numbers), (1, vec![2]));
    assert_eq!(scene.unreplied, [ClientHandle::new(1)]);
}

/// Input 2 came from an earlier router and went down with the first incarnation of the shard.
#[test]
fn a_new_router_closes_the_gap_that_an_old_one_left() {
    let mut scene = Scene::new();
    let mut link = scene.connect();
    let mut pushed = false;
    let numbers = scene.read(&mut link, |scene| {
        scene.hear(Hello { router: ROUTER, durable: index(1), ..hello(7, 2) });
        if !pushed && scene.streams.is_here(SHARD) {
            pushed = true;
            scene.push(1);
        }
    });
    assert_eq!(numbers, [3]);
    drop(link);
    let mut link = scene.connect();
    let second = Hello { router: ROUTER, ..hello(8, 1) };
    assert_eq!(
        scene.read_welcome(&mut link, &Hello { router: Incarnation::default(), ..second }).base,
        index(1)
    );
    let numbers = scene.read(&mut link, |scene| scene.hear(second));
    assert_eq!(numbers, [2], "the same input under the number that is next now");
    assert!(scene.unreplied.is_empty());
}

#[test]
fn a_shard_whose_disk_is_full_is_sent_no_more_until_it_has_room() {
    let mut scene = Scene::new();
    scene.hear(Hello { router: ROUTER, full: true, ..hello(7, 0) });
    assert_eq!(scene.streams.rejection(SHARD), Some(Reject::StorageFull));
    assert_eq!(scene.streams.rejection_of_all(), Some(Reject::StorageFull));
    scene.greet(7, 0);
    assert_eq!(scene.streams.rejection(SHARD), None);
    scene.hear(hello(8, 0));
    assert_eq!(
        scene.streams.rejection(SHARD),
        Some(Reject::ShardAway(SHARD)),
        "nothing is agreed with this incarnation"
    );
}

/// The numbers of the inputs that stand in the ring.
fn numbers(link: &mut Link) -> Vec<u64> {
    let (mut frame, mut numbers) = (Vec::new(), Vec::new());
    while link.receive(&mut frame) {
        numbers.extend(inputs::read(&frame).map(|batch| batch.first.get()));
    }
    numbers
}

#[test]
fn nothing_new_overtakes_what_is_sent_again() {
    let silent = Waker::silent();
    let (ours, mut link) = ring_pair(2, &silent, &silent);
    let (publisher, _publishers_end) = ring_pair(2, &silent, &silent);
    let hub = Hub::lossy_rings(vec![ours, publisher]);
    let mut streams = ShardStreams::new(ROUTER, hub, 1, 100, Counters::new());
    let greet = |streams: &mut ShardStreams, applied| {
        let hello = Hello { router: ROUTER, ..hello(7, applied) };
        streams.on_hello(&hello, Nanos::from_unix(1), &mut Vec::new());
    };
    let push = |streams: &mut ShardStreams| {
        streams.push(SHARD, input(ReplyTo::NOBODY, InputKind::MARKER));
        streams.flush();
    };
    greet(&mut streams, 0);
    // All six are lost on the way, and there is room for two at a time.
    for _ in 0..6 {
        push(&mut streams);
        assert_eq!(numbers(&mut link).len(), 1);
    }
    greet(&mut streams, 0);
    push(&mut streams);
    assert_eq!(numbers(&mut link), [1, 2]);
    for again in [[3, 4], [5, 6]] {
        push(&mut streams);
        assert_eq!(numbers(&mut link), again);
    }
    streams.flush();
    assert_eq!(numbers(&mut link), [7], "a frame with all that came meanwhile");
}

#[test]
fn nothing_is_sent_to_a_new_incarnation_before_it_joins() {
    let mut scene = Scene::new();
    let mut link = scene.connect();
    scene.read_first(&mut link);
    drop(link);
    let reply_to = ReplyTo { client: ClientHandle::new(2), encoding: Encoding::Json };
    scene.streams.push(SHARD, input(reply_to, KEYED));
    let mut link = scene.connect();
    let base = scene.read_welcome(&mut link, &hello(8, 1)).base.get();
    assert_eq!(scene.streams.flush(), 0, "its replies would pass it on the way");
    scene.unreplied.clear();
    let numbers = scene.read(&mut link, |scene| scene.greet(8, base));
    assert_eq!(numbers, [2]);
    assert!(!scene.unreplied.contains(&ClientHandle::new(2)), "its reply is still to come");
}

#[test]
fn a_query_is_under_way_until_it_is_replied_to_or_lost() {
    let silent = Waker::silent();
    let (ours, _link) = ring_pair(8, &silent, &silent);
    let (publisher, _publishers_end) = ring_pair(2, &silent, &silent);
    let hub = Hub::lossy_rings(vec![ours, publisher]);
    let mut streams = ShardStreams::new(ROUTER, hub, 1, 100, Counters::new());
    let greet = |streams: &mut ShardStreams, hello: Hello| {
        let hello = Hello { router: ROUTER, ..hello };
        streams.on_hello(&hello, Nanos::from_unix(1), &mut Vec::new());
    };
    let reply = |streams: &mut ShardStreams, through| {
        let reached = Reached { through: index(through), durable: index(0) };
        streams.on_replies(SHARD, reached, Nanos::from_unix(1), &mut Vec::new());
    };
    greet(&mut streams, hello(7, 0));
    streams.push(SHARD, input(ReplyTo::NOBODY, KEYED));
    assert!(!streams.query_is_under_way(SHARD));
    streams.push_query(SHARD, input(ReplyTo::NOBODY, KEYED));
    assert!(streams.query_is_under_way(SHARD), "before it is sent");
    streams.flush();
    reply(&mut streams, 1);
    assert!(streams.query_is_under_way(SHARD), "what was before it is replied to");
    reply(&mut streams, 2);
    assert!(!streams.query_is_under_way(SHARD));
    // It is applied, and its reply goes down with the shard.
    streams.push_query(SHARD, input(ReplyTo::NOBODY, KEYED));
    streams.flush();
    greet(&mut streams, hello(8, 3));
    assert!(!streams.query_is_under_way(SHARD));
    // It goes down with the shard, and is sent again.
    streams.push_query(SHARD, input(ReplyTo::NOBODY, KEYED));
    streams.flush();
    greet(&mut streams, hello(9, 3));
    assert!(streams.query_is_under_way(SHARD));
    reply(&mut streams, 4);
    assert!(!streams.query_is_under_way(SHARD));
}

fn index(number: u64) -> LogIndex {
    LogIndex::new(number)
}

/// A shard that has replied to all it has applied, and has it on disk.
fn hello(incarnation: u64, applied: u64) -> Hello {
    let applied = index(applied);
    let incarnation = Incarnation::new(incarnation);
    let (replied, durable) = (applied, applied);
    Hello { shard: SHARD, shards: 1, incarnation, applied, replied, durable, ..Hello::default() }
}

impl Scene {
    /// The welcome that a greeting brings; it is said again until it arrives.
    fn read_welcome(&mut self, link: &mut Link, hello: &Hello) -> Welcome {
        let mut frame = Vec::new();
        for _ in 0..PATIENCE {
            self.streams.receive(&mut frame);
            if link.receive(&mut frame) && backplane::kind(&frame) == Some(FrameKind::Welcome) {
                return backplane::decode_welcome(&frame).unwrap();
            }
            self.hear(*hello);
            let mut waits = PollSet::without_waker();
            link.wait_on(&mut waits);
            waits.sleep(Some(Duration::from_millis(1)));
        }
        panic!("no welcome came");
    }

    /// Greets as incarnation 7 until the first input is with the shard.
    fn read_first(&mut self, link: &mut Link) {
        let mut pushed = false;
        let numbers = self.read(link, |scene| {
            scene.greet(7, 0);
            if !pushed && scene.streams.is_here(SHARD) {
                pushed = true;
                scene.push(1);
            }
        });
        assert_eq!(numbers, [1]);
    }
}
