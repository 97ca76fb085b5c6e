//! Lanes over a real socket whose connection breaks with inputs on their way.

use super::{Asker, Lanes};
use allot_domain::Reject;
use allot_runtime::{Context, Counters, Hub, Link, LinkOptions, Nanos, PollSet, Waker, ring_pair};
use allot_wire::Encoding;
use allot_wire::backplane::{self, FrameKind, Hello, InputKind, Welcome, inputs};
use std::time::Duration;

const PATIENCE: usize = 20_000;

/// The life of the router.
const ROUTER: u64 = 9;

struct Scene {
    lanes: Lanes,
    unanswered: Vec<u64>,
    endpoint: String,
    context: Context,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let (folder, context) = (tempfile::tempdir().unwrap(), Context::new().unwrap());
        let endpoint = format!("ipc://{}/hub", folder.path().display());
        let names = ["shard-0".to_owned(), "publisher".to_owned()];
        let hub = Hub::bind(&context, &endpoint, &names).unwrap();
        let lanes = Lanes::new(ROUTER, hub, 1, 100, Counters::new());
        Self { lanes, unanswered: Vec::new(), endpoint, context, _folder: folder }
    }

    fn connect(&self) -> Link {
        let options = LinkOptions::default();
        Link::dealer(&self.context, &self.endpoint, Some("shard-0"), options).unwrap()
    }

    /// Greets as a life of the shard that has agreed on numbers, and has answered all it applied.
    fn greet(&mut self, incarnation: u64, applied: u64) {
        self.hear(Hello { router: ROUTER, ..hello(incarnation, applied) });
    }

    fn hear(&mut self, hello: Hello) {
        self.lanes.hello(0, &hello, Nanos::from_unix(1), &mut self.unanswered);
    }

    fn push(&mut self, client: u64) {
        let asker = Asker { client, encoding: Encoding::Json };
        self.lanes.push(0, asker, InputKind::Fill, b"body");
        self.lanes.flush();
    }

    /// The numbers of the inputs in the next frame of inputs; `step` is done while there is none.
    fn read(&mut self, link: &mut Link, mut step: impl FnMut(&mut Self)) -> Vec<u64> {
        let mut frame = Vec::new();
        for _ in 0..PATIENCE {
            step(self);
            // What the hub refused because the peer was not there still waits.
            self.lanes.flush();
            // The hub hears of a connection when it is read.
            self.lanes.receive(&mut frame);
            if link.receive(&mut frame) && backplane::kind(&frame) == Some(FrameKind::Inputs) {
                let batch = inputs::read(&frame).unwrap();
                return (batch.first..).zip(batch).map(|(number, _)| number).collect();
            }
            let mut waits = PollSet::without_waker();
            link.wait_on(&mut waits);
            waits.sleep(Some(Duration::from_millis(1)));
        }
        panic!("no inputs came");
    }
}

#[test]
fn what_a_broken_connection_lost_is_sent_again_to_the_same_life() {
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
    assert_eq!(scene.unanswered, [1], "its answer was lost with the connection");
}

/// The connection is made anew with a life of the shard that knows inputs up to `applied`, of
/// which the first life had told that those up to `durable` are.
fn after_restart(durable: u64, applied: u64) -> (Scene, Vec<u64>, u64) {
    let mut scene = Scene::new();
    let mut link = scene.connect();
    scene.read_first(&mut link);
    scene.lanes.answered(0, (0, durable), Nanos::from_unix(1), &mut Vec::new());
    drop(link);
    let mut link = scene.connect();
    let base = scene.read_welcome(&mut link, &hello(8, applied)).base;
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
fn a_new_life_gets_what_the_old_one_had_not_made_durable() {
    let (scene, numbers, base) = after_restart(0, 0);
    assert_eq!((base, numbers), (0, vec![1]));
    assert!(scene.unanswered.is_empty(), "the answer is still to come");
}

#[test]
fn a_new_life_that_knows_all_is_owed_nothing_and_those_who_asked_are_told() {
    let (scene, numbers, base) = after_restart(1, 1);
    assert_eq!((base, numbers), (1, vec![2]), "numbers go on where they were");
    assert_eq!(scene.unanswered, [1]);
}

#[test]
fn a_new_life_without_what_was_durable_is_told_how_much_it_lacks() {
    let (scene, numbers, base) = after_restart(1, 0);
    assert_eq!((base, numbers), (1, vec![2]));
    assert_eq!(scene.unanswered, [1]);
}

/// Input 2 came from an earlier router and went down with the first life of the shard.
#[test]
fn a_new_router_closes_the_gap_that_an_old_one_left() {
    let mut scene = Scene::new();
    let mut link = scene.connect();
    let mut pushed = false;
    let numbers = scene.read(&mut link, |scene| {
        scene.hear(Hello { router: ROUTER, durable: 1, ..hello(7, 2) });
        if !pushed && scene.lanes.is_here(0) {
            pushed = true;
            scene.push(1);
        }
    });
    assert_eq!(numbers, [3]);
    drop(link);
    let mut link = scene.connect();
    let second = Hello { router: ROUTER, ..hello(8, 1) };
    assert_eq!(scene.read_welcome(&mut link, &Hello { router: 0, ..second }).base, 1);
    let numbers = scene.read(&mut link, |scene| scene.hear(second));
    assert_eq!(numbers, [2], "the same input under the number that is next now");
    assert!(scene.unanswered.is_empty());
}

#[test]
fn a_shard_whose_disk_is_full_is_sent_no_more_until_it_has_room() {
    let mut scene = Scene::new();
    scene.hear(Hello { router: ROUTER, full: true, ..hello(7, 0) });
    assert_eq!(scene.lanes.rejection(0), Some(Reject::StorageFull));
    assert_eq!(scene.lanes.refusal_of_all(), Some(Reject::StorageFull));
    scene.greet(7, 0);
    assert_eq!(scene.lanes.rejection(0), None);
    scene.hear(hello(8, 0));
    assert_eq!(scene.lanes.rejection(0), Some(Reject::Busy), "nothing is agreed with this life");
}

/// The numbers of the inputs that stand in the ring.
fn numbers(link: &mut Link) -> Vec<u64> {
    let (mut frame, mut numbers) = (Vec::new(), Vec::new());
    while link.receive(&mut frame) {
        numbers.extend(inputs::read(&frame).map(|batch| batch.first));
    }
    numbers
}

#[test]
fn nothing_new_overtakes_what_is_sent_again() {
    let silent = Waker::silent();
    let (ours, mut link) = ring_pair(2, &silent, &silent);
    let (publisher, _publishers_end) = ring_pair(2, &silent, &silent);
    let hub = Hub::lossy_rings(vec![ours, publisher]);
    let mut lanes = Lanes::new(ROUTER, hub, 1, 100, Counters::new());
    let greet = |lanes: &mut Lanes, applied| {
        let hello = Hello { router: ROUTER, ..hello(7, applied) };
        lanes.hello(0, &hello, Nanos::from_unix(1), &mut Vec::new());
    };
    let push = |lanes: &mut Lanes| {
        lanes.push(0, Asker::NOBODY, InputKind::Marker, b"body");
        lanes.flush();
    };
    greet(&mut lanes, 0);
    // All six are lost on the way, and there is room for two at a time.
    for _ in 0..6 {
        push(&mut lanes);
        assert_eq!(numbers(&mut link).len(), 1);
    }
    greet(&mut lanes, 0);
    push(&mut lanes);
    assert_eq!(numbers(&mut link), [1, 2]);
    for again in [[3, 4], [5, 6]] {
        push(&mut lanes);
        assert_eq!(numbers(&mut link), again);
    }
    lanes.flush();
    assert_eq!(numbers(&mut link), [7], "a frame with all that came meanwhile");
}

fn hello(incarnation: u64, applied: u64) -> Hello {
    let (answered, durable) = (applied, applied);
    Hello { shard: 0, shards: 1, incarnation, applied, answered, durable, ..Hello::default() }
}

impl Scene {
    /// The welcome that a greeting brings; it is said again until it arrives.
    fn read_welcome(&mut self, link: &mut Link, hello: &Hello) -> Welcome {
        let mut frame = Vec::new();
        for _ in 0..PATIENCE {
            self.lanes.receive(&mut frame);
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

    /// Greets as life 7 until the first input is with the shard.
    fn read_first(&mut self, link: &mut Link) {
        let mut pushed = false;
        let numbers = self.read(link, |scene| {
            scene.greet(7, 0);
            if !pushed && scene.lanes.is_here(0) {
                pushed = true;
                scene.push(1);
            }
        });
        assert_eq!(numbers, [1]);
    }
}
