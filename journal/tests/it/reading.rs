//! The reader: what it says about a journal, and that it changes nothing.

use allot_domain::LogIndex;
use allot_journal::{JournalError, Media, Reader, SegmentState, SimDisk};

use crate::rig::{Rig, config, media, read, state_of};

/// A disk with three segments, a spare one, and a snapshot, none of it pruned.
fn disk() -> (SimDisk, Vec<Vec<u8>>) {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    let mut payloads = Vec::new();
    for byte in 0..9 {
        payloads.push(vec![byte; 700]);
        rig.commit(&[&[byte; 700]]);
        if byte == 5 {
            rig.journal.store_snapshot(|state| state.extend(state_of(&payloads)));
            rig.run_until_idle().unwrap();
        }
    }
    (disk, payloads)
}

#[test]
fn every_file_is_summarized() {
    let (disk, payloads) = disk();
    let before = disk.log();
    let mut reader = Reader::open(media(&disk)).unwrap();
    assert_eq!(reader.stamp(), "shard 0 of 1");
    let summaries: Vec<_> = reader
        .segments()
        .iter()
        .map(|one| {
            let (first, last) = (one.first_index.get(), one.last_index.get());
            (one.number, first, last, one.bytes_used, &one.state)
        })
        .collect();
    let (sealed, current, spare) =
        (&SegmentState::Sealed, &SegmentState::Current, &SegmentState::Spare);
    assert_eq!(
        summaries,
        [
            (1, 1, 3, 512 + 3 * 1_024, sealed),
            (2, 4, 6, 512 + 3 * 1_024, sealed),
            (3, 7, 9, 512 + 3 * 1_024, current),
            (4, 0, 0, 0, spare),
        ]
    );
    let [snapshot] = reader.snapshots() else { panic!("one snapshot") };
    assert_eq!((snapshot.index.get(), snapshot.bytes, &snapshot.damage), (6, 6 * 704, &None));
    assert_ne!(snapshot.hash, 0);

    let mut places = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        let place = usize::try_from(entry.record.index.get()).unwrap() - 1;
        assert_eq!(entry.record.payload, payloads[place]);
        places.push((entry.file.to_owned(), entry.offset));
    }
    assert_eq!(places.len(), 9);
    assert_eq!(places[0], ("segment-0000000001".to_owned(), 512 + 64));
    assert_eq!(places[4], ("segment-0000000002".to_owned(), 512 + 1_024 + 64));
    let tail = reader.tail().unwrap();
    assert_eq!(
        (tail.file.as_str(), tail.offset, tail.torn_bytes),
        ("segment-0000000003", 3_584, 0)
    );
    assert_eq!(disk.log(), before, "nothing was written");
}

#[test]
fn a_torn_end_is_reported_and_not_changed() {
    let mut config = config();
    config.segment_bytes = 8_192;
    let disk = SimDisk::new(2);
    let (mut rig, _) = Rig::start(media(&disk), config).unwrap();
    rig.commit(&[b"whole"]);
    disk.flip("segment-0000000001", 3_000, 1);
    let before = disk.log();
    let mut reader = Reader::open(media(&disk)).unwrap();
    let torn_bytes = 3_072 - 1_024;
    assert_eq!(reader.segments()[0].state, SegmentState::Torn(torn_bytes));
    while reader.next().unwrap().is_some() {}
    assert_eq!(reader.tail().unwrap().torn_bytes, torn_bytes);
    assert_eq!(disk.log(), before);
}

#[test]
fn a_spare_segment_that_is_not_empty_is_damage() {
    let (disk, _) = disk();
    disk.flip("segment-0000000004", 4_000, 1);
    let reader = Reader::open(media(&disk)).unwrap();
    let spare = &reader.segments()[3].state;
    assert!(matches!(spare, SegmentState::Damaged(_)), "{spare:?}");
}

#[test]
fn damage_is_located_and_everything_before_it_is_read() {
    let (disk, _) = disk();
    disk.flip("segment-0000000002", 1_600, 1);
    disk.flip("image-00000000000000000006", 600, 1);
    let mut reader = Reader::open(media(&disk)).unwrap();
    let states: Vec<_> = reader.segments().iter().map(|segment| segment.state.clone()).collect();
    let damage = JournalError::Corrupt {
        file: "segment-0000000002".to_owned(),
        offset: 1_536,
        index: LogIndex::new(5),
        what: "the checksum of a batch is wrong",
    };
    assert_eq!(
        states,
        [
            SegmentState::Sealed,
            SegmentState::Damaged(damage.clone()),
            SegmentState::Unread,
            SegmentState::Unread,
        ]
    );
    let damage_of_snapshot = reader.snapshots()[0].damage.as_deref();
    assert_eq!(damage_of_snapshot, Some("damaged at byte 512: the state is not as it was written"));
    for _ in 1..=4 {
        assert!(reader.next().unwrap().is_some());
    }
    for _ in 0..2 {
        assert_eq!(reader.next(), Err(damage.clone()), "for ever");
    }
    assert_eq!(reader.tail(), None);
}

#[test]
fn an_empty_folder_is_a_journal_without_records() {
    let disk = SimDisk::new(1);
    let mut reader = Reader::open(media(&disk)).unwrap();
    assert_eq!((reader.stamp(), reader.segments(), reader.snapshots()), ("", &[][..], &[][..]));
    assert_eq!(reader.next(), Ok(None));
}

#[test]
fn missing_segments_are_named() {
    let (disk, _) = disk();
    disk.remove("image-00000000000000000006").unwrap();
    disk.remove("segment-0000000001").unwrap();
    let mut reader = Reader::open(media(&disk)).unwrap();
    let missing =
        JournalError::Missing { file: "segment-0000000001".to_owned(), index: LogIndex::new(3) };
    assert_eq!(reader.next(), Err(missing));
}

#[test]
fn a_segment_that_was_removed_and_not_pruned_is_named() {
    let (disk, _) = disk();
    disk.remove("segment-0000000001").unwrap();
    let mut reader = Reader::open(media(&disk)).unwrap();
    assert_eq!(reader.lost(), Some("segment-0000000001"));
    assert!(reader.next().unwrap().is_some(), "what follows it can be read");
    let (_, found) = read(media(&disk), config()).unwrap();
    let warning = "segment-0000000001 is missing and was not pruned; restore it from a backup";
    assert_eq!(found.warnings, [warning]);
}
