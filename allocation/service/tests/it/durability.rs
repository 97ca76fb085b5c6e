//! Durability: when replies leave, what a shard recovers, and when it stops.

use allot_allocation_service::Allocation;
use allot_domain::{Incarnation, LogIndex, Marker};
use allot_journal::SimDisk;
use allot_runtime::{Agent, Nanos};
use allot_shard::{ShardFailure, State};
use allot_wire::backplane::{FrameKind, Hello, Welcome, decode_hello, kind, replies};

use crate::rig::{ROUTER, Rig, SHARD, fills, split};

const SECOND: u64 = 1_000_000_000;

const MARKER: Marker = Marker { number: 1, time_ns: 0, report: false };

/// The frames of replies among some.
fn reply_frames(frames: &[Vec<u8>]) -> impl Iterator<Item = &Vec<u8>> {
    frames.iter().filter(|frame| kind(frame) == Some(FrameKind::Replies))
}

/// How many replies there are in some frames, and the index of the last input replied to.
fn replied(frames: &[Vec<u8>]) -> (u32, u64) {
    let read = reply_frames(frames).map(|frame| replies::read(frame).unwrap());
    read.fold((0, 0), |(count, _), frame| (count + frame.count, frame.through.get()))
}

fn hello(frames: &[Vec<u8>]) -> Option<Hello> {
    frames.iter().rev().find_map(|frame| decode_hello(frame).ok())
}

fn snapshot(state: &State<Allocation>) -> Vec<u8> {
    let mut snapshot = Vec::new();
    state.save(&mut snapshot);
    snapshot
}

#[test]
fn a_reply_leaves_when_its_input_is_on_disk_and_not_before() {
    let mut rig = Rig::on(&SimDisk::new(1));
    rig.send(&[split(1, 2)]);
    for _ in 0..3 {
        assert_eq!(replied(&rig.turn(Nanos::ZERO)), (0, 0), "nothing is written yet");
    }
    rig.write();
    assert_eq!(replied(&rig.turn(Nanos::ZERO)), (1, 1));
}

#[test]
fn a_new_incarnation_has_the_state_of_the_last_and_goes_on_with_its_indexes() {
    let disk = SimDisk::new(1);
    let mut rig = Rig::on(&disk);
    rig.send(&fills(1, 5));
    rig.settle();
    rig.send(&[split(1, 4)]);
    rig.settle();
    rig.send(&fills(6, 500));
    rig.settle();
    let before = snapshot(rig.shard.state());
    let sent = rig.sent;
    drop(rig);
    disk.crash();
    disk.restart();
    let mut rig = Rig::on(&disk);
    assert!(snapshot(rig.shard.state()) == before);
    assert_eq!(hello(&rig.turn(Nanos::ZERO)).unwrap().applied, sent);
    rig.send(&fills(506, 3));
    rig.settle();
    assert_eq!(rig.shard.state().keyed(), 508);
}

#[test]
fn a_shard_takes_inputs_only_from_the_incarnation_of_the_router_it_has_agreed_with() {
    let mut rig = Rig::without_journal();
    rig.send(&[split(1, 2)]);
    rig.settle();
    // Another incarnation of the router takes over, and what this one sends comes too late.
    rig.welcome(ROUTER.next(), LogIndex::new(1));
    rig.send(&fills(1, 1));
    rig.turn(Nanos::ZERO);
    assert_eq!(rig.shard.state().keyed(), 0);
}

#[test]
fn a_welcome_for_an_earlier_incarnation_of_the_shard_changes_nothing() {
    let mut rig = Rig::without_journal();
    let other = ROUTER.next();
    let earlier = Incarnation::new(SHARD.get() - 1);
    for (second, (shard_incarnation, agreed)) in (1..).zip([(earlier, ROUTER), (SHARD, other)]) {
        let base = LogIndex::default();
        rig.send_welcome(&Welcome {
            router_incarnation: other,
            shard_incarnation,
            base,
            shards: 1,
        });
        let frames = rig.turn(Nanos::from_unix(second * SECOND));
        assert_eq!(hello(&frames).unwrap().router, agreed);
    }
}

#[test]
fn a_shard_stops_where_its_journal_lacks_what_was_durable() {
    let mut rig = Rig::on(&SimDisk::new(1));
    assert_eq!(rig.shard.failure(), None);
    rig.welcome(ROUTER.next(), LogIndex::new(7));
    let failed = rig.shard.failed().unwrap();
    assert!(matches!(failed, ShardFailure::Behind { missing: 7, .. }), "{failed}");
    assert!(rig.shard.failure().is_some(), "its thread is told");
}

#[test]
fn a_failed_sync_stops_the_shard_and_nothing_is_replied_to() {
    let disk = SimDisk::new(1);
    let mut rig = Rig::on(&disk);
    rig.send(&[split(1, 2)]);
    rig.settle();
    disk.fail_sync(1);
    rig.send(&fills(1, 10));
    for _ in 0..5 {
        assert_eq!(replied(&rig.turn(Nanos::ZERO)), (0, 0));
        rig.write();
    }
    assert!(rig.shard.failure().is_some());
    drop(rig);
    disk.crash();
    disk.restart();
    let rig = Rig::on(&disk);
    assert_eq!(rig.shard.state().to_all(), 1, "what was replied to is there");
}

#[test]
fn the_shard_says_when_its_disk_is_full_and_when_it_no_longer_is() {
    let disk = SimDisk::new(1);
    let mut rig = Rig::on(&disk);
    rig.send(&[split(1, 2)]);
    rig.settle();
    disk.set_capacity(Some(disk.used_bytes()));
    let is_full = |rig: &mut Rig, second: u64| {
        rig.write();
        hello(&rig.turn(Nanos::from_unix(second * SECOND))).is_some_and(|hello| hello.full)
    };
    let (mut turn, mut from) = (0, 1);
    while !is_full(&mut rig, turn) {
        rig.send(&fills(from, 2_000));
        rig.settle();
        (turn, from) = (turn + 1, from + 2_000);
        assert!(turn < 100, "a segment of 8 MiB is full long before");
    }
    // What was on its way still finds room.
    rig.send(&fills(from, 100));
    rig.settle();
    disk.set_capacity(None);
    let mut seconds = turn + 1..turn + 10;
    assert!(seconds.any(|second| {
        rig.write_at(Nanos::from_unix(second * SECOND));
        !is_full(&mut rig, second)
    }));
}

#[test]
fn fills_that_the_first_split_releases_leave_in_frames_of_bounded_size() {
    let mut rig = Rig::on(&SimDisk::new(1));
    for from in 0..10 {
        rig.send(&fills(1 + from * 1_000, 1_000));
        rig.settle();
    }
    rig.send(&[split(1, 100)]);
    let mut late = 0;
    let mut largest = 0;
    while late < 10_001 {
        let frames = rig.turn(Nanos::ZERO);
        largest = reply_frames(&frames).map(Vec::len).fold(largest, usize::max);
        late += replied(&frames).0;
        rig.write();
    }
    assert_eq!(late, 10_001, "the split and each fill");
    assert!(largest < 8 << 20, "{largest}");
    assert_eq!(rig.shard.state().machine().part(&MARKER).fills, 10_000);
}
