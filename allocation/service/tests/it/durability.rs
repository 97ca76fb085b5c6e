//! Durability: what a shard says when, what it knows again, and when it stops.

use crate::rig::{ROUTER, Rig, fills, split};
use allot_journal::SimDisk;
use allot_runtime::{Agent, Nanos};
use allot_shard::State;
use allot_wire::backplane::{FrameKind, Hello, answers, decode_hello, kind};

const SECOND: u64 = 1_000_000_000;

/// The answers among some frames: how many, and the last input they answer.
fn answered(frames: &[Vec<u8>]) -> (u32, u64) {
    let of_answers = frames.iter().filter(|frame| kind(frame) == Some(FrameKind::Answers));
    let read = of_answers.map(|frame| answers::read(frame).unwrap());
    read.fold((0, 0), |(count, _), frame| (count + frame.count, frame.through))
}

fn hello(frames: &[Vec<u8>]) -> Option<Hello> {
    frames.iter().rev().find_map(|frame| decode_hello(frame).ok())
}

fn image(state: &State) -> Vec<u8> {
    let mut image = Vec::new();
    state.save(&mut image);
    image
}

#[test]
fn an_answer_leaves_when_its_input_is_on_disk_and_not_before() {
    let mut rig = Rig::on(&SimDisk::new(1));
    rig.send(&[split(1, 2)]);
    for _ in 0..3 {
        assert_eq!(answered(&rig.turn(Nanos::ZERO)), (0, 0), "nothing is written yet");
    }
    rig.write();
    assert_eq!(answered(&rig.turn(Nanos::ZERO)), (1, 1));
}

#[test]
fn a_new_life_has_the_state_of_the_old_one_and_goes_on_with_its_numbers() {
    let disk = SimDisk::new(1);
    let mut rig = Rig::on(&disk);
    rig.send(&fills(1, 5));
    rig.settle();
    rig.send(&[split(1, 4)]);
    rig.settle();
    rig.send(&fills(6, 500));
    rig.settle();
    let (image_then, sent) = (image(rig.shard.state()), rig.sent);
    drop(rig);
    disk.crash();
    disk.restart();
    let mut rig = Rig::on(&disk);
    assert!(image(rig.shard.state()) == image_then);
    assert_eq!(hello(&rig.turn(Nanos::ZERO)).unwrap().applied, sent);
    rig.send(&fills(506, 3));
    rig.settle();
    assert_eq!(rig.shard.state().routed(), 508);
}

#[test]
fn a_shard_takes_the_inputs_of_the_router_it_has_agreed_with_alone() {
    let mut rig = Rig::without_journal();
    rig.send(&[split(1, 2)]);
    rig.settle();
    // Another life of the router is welcomed, and what this one sends comes too late.
    let mut frame = Vec::new();
    let welcome =
        allot_wire::backplane::Welcome { incarnation: ROUTER + 1, base: 1, shards: 1, life: 1 };
    allot_wire::backplane::encode_welcome(&welcome, &mut frame);
    rig.router.send(&mut frame).unwrap();
    rig.send(&fills(1, 1));
    rig.turn(Nanos::ZERO);
    assert_eq!(rig.shard.state().routed(), 0);
}

#[test]
fn a_shard_stops_where_its_journal_lacks_what_was_durable() {
    let mut rig = Rig::on(&SimDisk::new(1));
    assert_eq!(rig.shard.failure(), None);
    let mut frame = Vec::new();
    let welcome =
        allot_wire::backplane::Welcome { incarnation: ROUTER + 1, base: 7, shards: 1, life: 1 };
    allot_wire::backplane::encode_welcome(&welcome, &mut frame);
    rig.router.send(&mut frame).unwrap();
    rig.turn(Nanos::ZERO);
    let failure = rig.shard.failure().unwrap();
    assert!(failure.starts_with("its journal ends with input 0, but 7 more were answered"));
}

#[test]
fn a_failed_sync_stops_the_shard_and_nothing_is_answered() {
    let disk = SimDisk::new(1);
    let mut rig = Rig::on(&disk);
    rig.send(&[split(1, 2)]);
    rig.settle();
    disk.fail_sync(1);
    rig.send(&fills(1, 10));
    for _ in 0..5 {
        assert_eq!(answered(&rig.turn(Nanos::ZERO)), (0, 0));
        rig.write();
    }
    assert!(rig.shard.failure().is_some());
    drop(rig);
    disk.crash();
    disk.restart();
    let rig = Rig::on(&disk);
    assert_eq!(rig.shard.state().splits(), 1, "what was answered is there");
}

#[test]
fn a_full_disk_is_told_of_and_so_is_its_end() {
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
fn what_the_first_split_sets_free_leaves_in_frames_of_bounded_size() {
    let mut rig = Rig::on(&SimDisk::new(1));
    for from in 0..10 {
        rig.send(&fills(1 + from * 1_000, 1_000));
        rig.settle();
    }
    rig.send(&[split(1, 100)]);
    let (mut late, mut largest) = (0, 0);
    while late < 10_001 {
        let frames = rig.turn(Nanos::ZERO);
        let of_answers = frames.iter().filter(|frame| kind(frame) == Some(FrameKind::Answers));
        largest = of_answers.map(Vec::len).max().unwrap_or(0).max(largest);
        late += answered(&frames).0;
        rig.write();
    }
    assert_eq!(late, 10_001, "the split and each fill");
    assert!(largest < 8 << 20, "{largest}");
    assert_eq!(rig.shard.state().book().part(&marker()).fills, 10_000);
}

fn marker() -> allot_domain::Marker {
    allot_domain::Marker { number: 1, time_ns: 0, report: false }
}
