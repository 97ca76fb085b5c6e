//! Lanes over a real socket whose connection breaks with inputs on their way.

use super::{Asker, Lanes};
use allot_runtime::{Context, Counters, Hub, Link, LinkOptions, Nanos, Waits};
use allot_wire::Encoding;
use allot_wire::backplane::{self, FrameKind, Hello, InputKind, ROLE_SHARD, inputs};
use std::time::Duration;

const PATIENCE: usize = 20_000;

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
        let lanes = Lanes::new(hub, 1, 100, Counters::new());
        Self { lanes, unanswered: Vec::new(), endpoint, context, _folder: folder }
    }

    fn connect(&self) -> Link {
        let options = LinkOptions::default();
        Link::dealer(&self.context, &self.endpoint, Some("shard-0"), options).unwrap()
    }

    fn greet(&mut self, incarnation: u64, applied: u64) {
        let hello = Hello {
            role: ROLE_SHARD,
            shard: 0,
            shards: 1,
            incarnation,
            applied,
            marker: 0,
            cut: 0,
            netting: 0,
        };
        self.lanes.hello(0, &hello, 9, Nanos::from_unix(1), &mut self.unanswered);
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
            // The hub hears of a connection when it is read.
            self.lanes.receive(&mut frame);
            if link.receive(&mut frame) && backplane::kind(&frame) == Some(FrameKind::Inputs) {
                let batch = inputs::read(&frame).unwrap();
                return (batch.first..).zip(batch).map(|(number, _)| number).collect();
            }
            let mut waits = Waits::without_bell();
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
        // What the hub refused because the peer had gone still waits.
        scene.lanes.flush();
    });
    assert_eq!(numbers[0], 2, "from where the shard is");
    assert_eq!(scene.unanswered, [1], "its answer was lost with the connection");
}

#[test]
fn a_new_life_is_owed_nothing_and_those_who_asked_are_told() {
    let mut scene = Scene::new();
    let mut link = scene.connect();
    scene.read_first(&mut link);
    drop(link);
    let mut link = scene.connect();
    let numbers = scene.read(&mut link, |scene| {
        scene.greet(8, 0);
        if scene.unanswered == [1] && scene.lanes.lanes[0].sent == 1 {
            scene.push(2);
        }
    });
    assert_eq!(numbers, [2], "numbers go on where they were");
}

impl Scene {
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
