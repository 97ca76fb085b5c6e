//! A disk that fails: what is retried, and what ends the journal.

use std::time::Duration;

use allot_domain::LogIndex;
use allot_journal::{JournalError, Media, SEGMENT_BYTES_MIN, SEGMENT_BYTES_REAL_MIN, SimDisk};
use allot_runtime::{Agent, Nanos};

use crate::rig::{Rig, config, media, read};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_failed_sync_or_write_ends_the_journal_and_is_never_retried() {
    for operation in ["sync", "write"] {
        let disk = SimDisk::new(1);
        let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
        rig.commit(&[b"before"]);
        match operation {
            "sync" => disk.fail_sync(1),
            _ => disk.fail_write(1),
        }
        rig.journal.append(0, 0, 0, b"lost");
        let error = rig.run_until_idle().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot {operation} segment-0000000001: the disk cannot be written (simulated); \
                 inputs after the last reply may be lost: check the disk, then start again"
            )
        );
        let log = disk.log();
        for _ in 0..3 {
            rig.journal.append(0, 0, 0, b"more");
            assert_eq!(rig.advance(SECOND).unwrap_err(), error, "for ever");
        }
        assert_eq!(disk.log(), log, "the disk is left alone");
        assert_eq!(rig.journal.durable(), LogIndex::new(1));
        disk.crash();
        let (_, found) = read(media(&disk), config()).unwrap();
        assert_eq!(found.payloads()[0], b"before");
    }
}

#[test]
fn what_a_failed_sync_forgot_is_written_again_by_the_next_start() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    disk.fail_sync(1);
    rig.journal.append(0, 0, 0, b"read by the system, but not on the disk");
    rig.run_until_idle().unwrap_err();
    disk.restart();
    let (_, found) = Rig::start(media(&disk), config()).unwrap();
    assert_eq!(found.payloads().len(), 1, "it reads well");
    for seed in 0..8 {
        // The record was handed to the shard, so it must survive every crash from now on.
        let later = disk.fork();
        (0..seed).for_each(|_| later.restart());
        later.crash();
        assert_eq!(read(media(&later), config()).unwrap().1, found);
    }
}

#[test]
fn a_failure_of_the_checkpointer_ends_the_journal_too() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    rig.commit(&[b"before"]);
    rig.journal.store_snapshot(|state| state.push(1));
    rig.journal.submit();
    rig.committer.do_work(rig.now);
    disk.fail_sync(1);
    let error = rig.run_until_idle().unwrap_err();
    let file = "image-00000000000000000001.tmp".to_owned();
    assert!(matches!(&error, JournalError::Media { file: named, .. } if *named == file), "{error}");
    assert_eq!(rig.checkpointer.wake_at(), Nanos::MAX);
}

/// A disk with `room` bytes left, and a journal on it.
fn nearly_full(room: u64) -> (SimDisk, Rig) {
    let disk = SimDisk::new(1);
    let (rig, _) = Rig::start(media(&disk), config()).unwrap();
    disk.set_capacity(Some(disk.used_bytes() + room));
    (disk, rig)
}

/// Fills what is left of the current segment and begins the spare one.
fn begin_next_segment(rig: &mut Rig) {
    for _ in 0..3 {
        rig.commit(&[&[7; 1_400]]);
    }
}

#[test]
fn a_full_disk_is_reported_a_whole_segment_ahead_until_there_is_room() {
    let (disk, mut rig) = nearly_full(SEGMENT_BYTES_MIN - 1);
    begin_next_segment(&mut rig);
    assert!(rig.journal.is_full());
    rig.commit(&[b"still accepted"]);
    assert_eq!(disk.used_bytes(), 2 * SEGMENT_BYTES_MIN, "no unfinished file is left");
    assert_eq!(rig.checkpointer.wake_at(), rig.now + SECOND);
    rig.advance(SECOND).unwrap();
    assert!(rig.journal.is_full(), "there is still no room");

    disk.set_capacity(None);
    rig.run_until_idle().unwrap();
    assert!(rig.journal.is_full(), "not before its time");
    rig.advance(SECOND).unwrap();
    assert!(!rig.journal.is_full());
    assert_eq!(rig.checkpointer.wake_at(), rig.now + SECOND, "to look after its folder");
    begin_next_segment(&mut rig);
}

#[test]
fn a_start_on_a_full_disk_reports_it_at_once() {
    let (disk, mut rig) = nearly_full(0);
    begin_next_segment(&mut rig);
    drop(rig);
    disk.crash();
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    assert!(rig.journal.is_full());
    disk.set_capacity(None);
    rig.run_until_idle().unwrap();
    assert!(!rig.journal.is_full());
}

#[test]
fn when_even_the_spare_segment_is_used_up_the_journal_ends() {
    let (disk, mut rig) = nearly_full(0);
    let mut durable = 0;
    let error = loop {
        rig.journal.append(0, 0, 0, &[7; 1_400]);
        match rig.run_until_idle() {
            Ok(()) => durable += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(
        error.to_string(),
        "no room on the disk for segment-0000000003; make room, then start again"
    );
    assert_eq!((durable, rig.journal.durable().get()), (4, 4), "two in each segment");
    disk.crash();
    disk.set_capacity(None);
    let (mut rig, found) = Rig::start(media(&disk), config()).unwrap();
    assert_eq!(found.payloads().len(), 4);
    rig.commit(&[b"more"]);
}

#[test]
fn a_new_journal_needs_room_for_its_first_segment() {
    let disk = SimDisk::new(1);
    disk.set_capacity(Some(SEGMENT_BYTES_MIN - 1));
    let error = Rig::start(media(&disk), config()).err().unwrap();
    assert_eq!(error, JournalError::DiskFull { file: "segment-0000000001.tmp".to_owned() });
    disk.set_capacity(None);
    Rig::start(media(&disk), config()).unwrap();
}

#[test]
fn the_committer_waits_for_a_spare_segment_that_is_being_made() {
    let (mut rig, _) = Rig::start(media(&SimDisk::new(1)), config()).unwrap();
    for _ in 0..5 {
        rig.journal.append(0, 0, 0, &[7; 1_400]);
    }
    // The checkpointer does nothing yet.
    rig.journal.submit();
    while 0 < rig.committer.do_work(rig.now) {}
    rig.journal.poll().unwrap();
    assert_eq!(rig.journal.durable().get(), 4, "two segments are full");
    rig.run_until_idle().unwrap();
    assert_eq!(rig.journal.durable().get(), 5);
}

#[test]
fn a_snapshot_that_finds_no_room_is_retried_and_makes_room() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    for _ in 0..2 {
        begin_next_segment(&mut rig);
        rig.journal.store_snapshot(|state| state.extend([1; 1_000]));
        rig.run_until_idle().unwrap();
    }
    disk.set_capacity(Some(disk.used_bytes() + 1_000));
    rig.commit(&[&[7; 1_400]]);
    assert!(rig.journal.is_full());
    rig.journal.store_snapshot(|state| state.extend([2; 1_000]));
    rig.run_until_idle().unwrap();
    assert_eq!(rig.checkpointer.wake_at(), rig.now + SECOND);
    assert!(!Media::list(&disk).unwrap().iter().any(|name| name.ends_with(".tmp")));

    // Room for the snapshot, and not for a segment; what the snapshot replaces is room enough.
    disk.set_capacity(Some(disk.used_bytes() + 2_000));
    rig.advance(SECOND).unwrap();
    assert!(!rig.journal.is_full());
}

#[test]
fn a_snapshot_gets_scarce_room_before_a_segment() {
    let disk = SimDisk::new(1);
    let mut config = config();
    config.segment_bytes = SEGMENT_BYTES_REAL_MIN;
    let (mut rig, _) = Rig::start(media(&disk), config).unwrap();
    let mebibyte = 1 << 20;
    let fill = |rig: &mut Rig| (0..5).for_each(|_| rig.commit(&[&vec![7; 2 << 20]]));
    for _ in 0..2 {
        fill(&mut rig);
        rig.journal.store_snapshot(|state| state.extend([1; 100]));
        rig.run_until_idle().unwrap();
    }
    disk.set_capacity(Some(disk.used_bytes() + mebibyte));
    fill(&mut rig);
    assert!(rig.journal.is_full());
    rig.journal.store_snapshot(|state| state.resize(3 << 20, 2));
    rig.run_until_idle().unwrap();
    assert!(rig.journal.is_full());

    // Both are due in the same second, and there is room for the snapshot and half a segment.
    disk.set_capacity(Some(disk.used_bytes() + 4 * mebibyte));
    rig.advance(SECOND).unwrap();
    assert!(!rig.journal.is_full(), "the snapshot made room");
}

#[test]
fn invalid_settings_are_refused() {
    let error = JournalError::Setting { what: "x".to_owned() };
    assert_eq!(error.to_string(), "invalid journal setting: x");
    for (bytes, stamp) in [(4_095, ""), (512, ""), (1 << 31, ""), (4_096, &*"x".repeat(257))] {
        let mut config = config();
        (config.segment_bytes, config.stamp) = (bytes, stamp.to_owned());
        let error = Rig::start(media(&SimDisk::new(1)), config).err().unwrap();
        assert!(matches!(error, JournalError::Setting { .. }), "{error}");
    }
}

#[test]
fn a_shard_learns_that_its_committer_has_gone() {
    let (rig, _) = Rig::start(media(&SimDisk::new(1)), config()).unwrap();
    let Rig { mut journal, committer, .. } = rig;
    drop(committer);
    journal.append(0, 0, 0, b"never received");
    journal.submit();
    assert_eq!(journal.poll(), Err(JournalError::Gone));
}
