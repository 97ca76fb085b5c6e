//! Snapshots: how a start uses them, what they replace, and what happens if one is damaged.

use std::time::Duration;

use allot_domain::LogIndex;
use allot_journal::{JournalError, Media, Reader, SimDisk};
use allot_runtime::Agent;

use crate::rig::{Rig, config, media, read, state_of};

/// Commits batches until there are `count` payloads.
fn grow(rig: &mut Rig, payloads: &mut Vec<Vec<u8>>, count: usize) {
    while payloads.len() < count {
        let payload = vec![u8::try_from(payloads.len()).unwrap(); 700];
        rig.commit(&[&payload]);
        payloads.push(payload);
    }
}

/// Stores a snapshot of all payloads.
fn store(rig: &mut Rig, payloads: &[Vec<u8>]) {
    rig.journal.store_snapshot(|state| state.extend(state_of(payloads)));
    rig.run_until_idle().unwrap();
}

/// The numbers in the names of files of one kind.
fn numbers(disk: &SimDisk, kind: &str) -> Vec<u64> {
    let names = disk.list().unwrap();
    names.iter().filter_map(|name| name.strip_prefix(kind)?.parse().ok()).collect()
}

#[test]
fn a_start_takes_the_latest_snapshot_and_what_follows_it() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    let mut payloads = Vec::new();
    for (count, after) in [(3, 1), (9, 0), (20, 7)] {
        grow(&mut rig, &mut payloads, count);
        store(&mut rig, &payloads);
        grow(&mut rig, &mut payloads, count + after);
        let (_, found) = read(media(&disk), config()).unwrap();
        assert_eq!(found.snapshot.as_ref().unwrap().index.get(), u64::try_from(count).unwrap());
        assert_eq!(found.records.len(), after);
        assert_eq!(found.payloads(), payloads);
    }
}

#[test]
fn only_what_the_older_of_two_good_snapshots_needs_is_kept() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    let mut payloads = Vec::new();
    // Three records fill a segment: record 7, the first after snapshot 6, begins segment 3.
    for (count, snapshots, first_segment) in
        [(6, vec![6], 1), (12, vec![6, 12], 3), (18, vec![12, 18], 5), (24, vec![18, 24], 7)]
    {
        grow(&mut rig, &mut payloads, count);
        store(&mut rig, &payloads);
        assert_eq!(numbers(&disk, "image-"), snapshots);
        assert_eq!(numbers(&disk, "segment-")[0], first_segment, "after snapshot {count}");
        let (_, found) = read(media(&disk), config()).unwrap();
        assert_eq!(found.payloads(), payloads);
        assert!(found.warnings.is_empty(), "what was pruned is not missed");
        assert_eq!(Reader::open(media(&disk)).unwrap().lost(), None);
    }
}

#[test]
fn nothing_is_removed_if_pruning_is_off() {
    let disk = SimDisk::new(1);
    let mut config = config();
    config.prune = false;
    let (mut rig, _) = Rig::start(media(&disk), config).unwrap();
    let mut payloads = Vec::new();
    for count in [6, 12, 18, 24] {
        grow(&mut rig, &mut payloads, count);
        store(&mut rig, &payloads);
    }
    assert_eq!(numbers(&disk, "image-"), [6, 12, 18, 24]);
    assert_eq!(numbers(&disk, "segment-")[0], 1);
}

#[test]
fn nothing_is_removed_before_the_new_snapshot_was_read_back() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    let mut payloads = Vec::new();
    for count in [6, 12] {
        grow(&mut rig, &mut payloads, count);
        store(&mut rig, &payloads);
    }
    let before = disk.list().unwrap();
    grow(&mut rig, &mut payloads, 13);
    rig.journal.store_snapshot(|state| state.extend(state_of(&payloads)));
    rig.committer.do_work(rig.now);
    let name = "image-00000000000000000013.tmp";
    while disk.file_bytes(name).is_none_or(|bytes| bytes < 1_000) {
        rig.checkpointer.do_work(rig.now);
    }
    // A bit flips on the way to the disk.
    disk.flip(name, 700, 3);
    let error = rig.run_until_idle().unwrap_err();
    assert_eq!(
        error.to_string(),
        "image-00000000000000000013 is damaged at byte 0, from record 13 on: the snapshot does not \
         read back as it was written; keep a copy of the folder, then restore it from a backup"
    );
    let after = disk.list().unwrap();
    assert!(before.iter().all(|name| after.contains(name)), "{before:?} {after:?}");
    disk.crash();
    let (_, found) = read(media(&disk), config()).unwrap();
    assert_eq!(found.payloads(), payloads);
}

#[test]
fn a_snapshot_goes_to_disk_only_after_everything_in_it() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    rig.journal.append(0, 0, 0, b"first");
    rig.journal.store_snapshot(|state| state.extend(b"after the first"));
    rig.journal.submit();
    rig.checkpointer.do_work(rig.now);
    assert_eq!(numbers(&disk, "image-"), [0; 0]);
    disk.fail_sync(1);
    rig.run_until_idle().unwrap_err();
    assert!(!disk.log().iter().any(|line| line.contains("image")), "its record is not on disk");
}

#[test]
fn a_snapshot_is_due_after_enough_bytes_unless_one_is_under_way() {
    let disk = SimDisk::new(1);
    let mut config = config();
    config.snapshot_every_bytes = 3 * 728;
    let (mut rig, _) = Rig::start(media(&disk), config.clone()).unwrap();
    let mut payloads = Vec::new();
    grow(&mut rig, &mut payloads, 2);
    assert!(!rig.journal.snapshot_is_due());
    grow(&mut rig, &mut payloads, 3);
    assert!(rig.journal.snapshot_is_due());
    drop(rig);

    disk.restart();
    let (mut rig, _) = Rig::start(media(&disk), config).unwrap();
    assert!(rig.journal.snapshot_is_due(), "a start counts what it read");
    rig.journal.store_snapshot(|state| state.extend(state_of(&payloads)));
    for byte in 0..4 {
        rig.journal.append(0, 0, 0, &[byte; 700]);
    }
    assert!(!rig.journal.snapshot_is_due(), "one is under way");
    rig.run_until_idle().unwrap();
    assert!(rig.journal.snapshot_is_due());
}

/// A journal with snapshots after records 6 and 12, and 14 records.
fn two_snapshots() -> (SimDisk, Vec<Vec<u8>>) {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    let mut payloads = Vec::new();
    for count in [6, 12] {
        grow(&mut rig, &mut payloads, count);
        store(&mut rig, &payloads);
    }
    grow(&mut rig, &mut payloads, 14);
    (disk, payloads)
}

#[test]
fn a_damaged_snapshot_is_skipped_with_a_warning_and_then_replaced() {
    let (disk, mut payloads) = two_snapshots();
    disk.flip("image-00000000000000000012", 2_000, 0);
    disk.restart();
    let (mut rig, found) = Rig::start(media(&disk), config()).unwrap();
    assert_eq!(found.snapshot.as_ref().unwrap().index, LogIndex::new(6));
    assert_eq!(found.payloads(), payloads);
    assert_eq!(
        found.warnings,
        ["image-00000000000000000012 is damaged at byte 512: the state is not as it was written; \
          starting from an earlier one"]
    );
    grow(&mut rig, &mut payloads, 18);
    store(&mut rig, &payloads);
    assert_eq!(numbers(&disk, "image-"), [6, 18], "the damaged one is gone");
    assert_eq!(read(media(&disk), config()).unwrap().1.payloads(), payloads);
}

#[test]
fn without_a_good_snapshot_the_whole_log_is_replayed_or_the_start_fails() {
    let (disk, payloads) = two_snapshots();
    for snapshot in ["image-00000000000000000006", "image-00000000000000000012"] {
        disk.flip(snapshot, 0, 0);
    }
    let pruned = read(media(&disk), config()).err().unwrap();
    assert_eq!(pruned, JournalError::NoSnapshot { file: "image-00000000000000000012".to_owned() });

    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    rig.commit(&[b"first"]);
    store(&mut rig, &[b"first".to_vec()]);
    disk.flip("image-00000000000000000001", 0, 0);
    let (_, found) = read(media(&disk), config()).unwrap();
    assert_eq!((found.payloads().len(), found.warnings.len(), payloads.len()), (1, 1, 14));
}

#[test]
fn missing_files_are_named() {
    let (disk, _) = two_snapshots();
    let segments = numbers(&disk, "segment-");
    assert_eq!(segments, [3, 4, 5, 6]);
    for (removed, missing, index) in
        [(vec![5], "segment-0000000005", 13), (vec![3, 4, 5, 6], "segment-0000000001", 13)]
    {
        let disk = disk.fork();
        for number in removed {
            disk.remove(&format!("segment-{number:010}")).unwrap();
        }
        let error = read(media(&disk), config()).err().unwrap();
        let index = LogIndex::new(index);
        assert_eq!(error, JournalError::Missing { file: missing.to_owned(), index });
    }
    let shortened = disk.fork();
    for number in [4, 5, 6] {
        shortened.remove(&format!("segment-{number:010}")).unwrap();
    }
    let error = read(media(&shortened), config()).err().unwrap();
    assert!(matches!(error, JournalError::Corrupt { index, .. } if index.get() == 10), "{error}");
}

#[test]
fn a_snapshot_of_another_journal_is_refused() {
    let [disk, other] = [b"one", b"two"].map(|payload| {
        let disk = SimDisk::new(1);
        let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
        rig.commit(&[payload]);
        store(&mut rig, &[payload.to_vec()]);
        disk
    });
    let name = "image-00000000000000000001";
    let mut bytes = vec![0; usize::try_from(other.file_bytes(name).unwrap()).unwrap()];
    other.open(name).unwrap().read_at(0, &mut bytes).unwrap();
    disk.open(name).unwrap().write_at(0, &bytes).unwrap();
    let error = read(media(&disk), config()).err().unwrap();
    assert!(error.to_string().contains("the snapshot was not made from this journal"), "{error}");
}

#[test]
fn another_stamp_is_refused_with_both_stamps_and_what_to_do() {
    for with_snapshot in [false, true] {
        let disk = SimDisk::new(1);
        let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
        rig.commit(&[b"first"]);
        if with_snapshot {
            store(&mut rig, &[b"first".to_vec()]);
        }
        let mut other = config();
        other.stamp = "shard 0 of 2".to_owned();
        let file = if with_snapshot { "image-00000000000000000001" } else { "segment-0000000001" };
        assert_eq!(
            read(media(&disk), other).err().unwrap().to_string(),
            format!(
                "{file} was written with the settings \"shard 0 of 1\", but the settings are now \
                 \"shard 0 of 2\"; start the program that wrote it with the settings that it had, \
                 or choose another folder"
            )
        );
    }
}

#[test]
fn a_later_snapshot_replaces_one_that_waits() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    for byte in 1..=4_u8 {
        rig.journal.append(0, 0, 0, &[byte]);
        rig.journal.store_snapshot(|state| state.push(byte));
    }
    rig.run_until_idle().unwrap();
    let snapshot = read(media(&disk), config()).unwrap().1.snapshot.unwrap();
    assert_eq!((snapshot.index.get(), snapshot.state), (4, vec![4]));
}

#[test]
fn a_later_snapshot_replaces_one_that_found_no_room() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    rig.commit(&[b"first"]);
    rig.journal.store_snapshot(|state| state.extend([1; 3_000]));
    rig.committer.do_work(rig.now);
    rig.checkpointer.do_work(rig.now);
    assert!(disk.list().unwrap().contains(&"image-00000000000000000001.tmp".to_owned()));
    disk.set_capacity(Some(disk.used_bytes()));
    for byte in 2..=3_u8 {
        // The first of these arrives while the one before is being written, which then finds no
        // room.
        rig.journal.append(0, 0, 0, &[byte]);
        rig.journal.store_snapshot(|state| state.push(byte));
        while 0 < rig.committer.do_work(rig.now) {}
        rig.checkpointer.do_work(rig.now);
    }
    disk.set_capacity(None);
    rig.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(numbers(&disk, "image-"), [3]);
}
