//! The copier: what it has read is a journal by itself, and goes on as one.

use allot_domain::LogIndex;
use allot_journal::{Copier, JournalError, Media, Reader, SegmentState, SimDisk};

use crate::rig::{Rig, config, media, read, state_of};

/// The first bytes of all records that are new.
fn new(copier: &mut Copier) -> Vec<u8> {
    let mut found = Vec::new();
    copier.read(|record| found.push(record.payload[0])).unwrap();
    found
}

#[test]
fn a_copy_ends_where_it_was_read_and_starts_as_a_journal() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    let mut payloads = Vec::new();
    for byte in 0..7 {
        payloads.push(vec![byte; 700]);
        rig.commit(&[&[byte; 700]]);
    }
    rig.journal.store_snapshot(|state| state.extend(state_of(&payloads)));
    rig.run_until_idle().unwrap();
    let mut copier = Copier::open(media(&disk)).unwrap();
    assert_eq!(copier.stamp(), "shard 0 of 1");
    assert_eq!(new(&mut copier), [0, 1, 2, 3, 4, 5, 6]);
    // What comes later is in the copy if it was read, and not otherwise.
    rig.commit(&[&[7; 700], &[8; 100]]);
    assert_eq!(new(&mut copier), [7, 8]);
    rig.commit(&[&[9; 700]]);

    let copy = SimDisk::new(2);
    let copied = copier.write(&copy).unwrap();
    assert_eq!(copied.last, LogIndex::new(9));
    let reader = Reader::open(media(&copy)).unwrap();
    assert!(reader.failed().is_none() && reader.lost().is_none());
    let is_good =
        |state: &SegmentState| matches!(state, SegmentState::Sealed | SegmentState::Current);
    assert!(reader.segments().iter().all(|segment| is_good(&segment.state)));
    assert!(reader.snapshots().iter().all(|snapshot| snapshot.damage.is_none()));
    assert_eq!(reader.snapshots().len(), 1);

    payloads.extend([vec![7; 700], vec![8; 100]]);
    let (_, found) = read(media(&copy), config()).unwrap();
    assert_eq!((found.payloads(), &found.warnings[..]), (payloads, &[][..]));
    let (mut rig, _) = Rig::start(media(&copy), config()).unwrap();
    rig.commit(&[&[10; 700]]);
}

#[test]
fn nothing_is_copied_where_nothing_was_written() {
    let disk = SimDisk::new(1);
    let mut copier = Copier::open(media(&disk)).unwrap();
    assert_eq!(new(&mut copier), []);
    let copy = SimDisk::new(2);
    assert_eq!(copier.write(&copy).unwrap().last, LogIndex::ZERO);
    assert!(copy.list().unwrap().is_empty());
}

#[test]
fn a_file_that_is_gone_when_it_is_copied_is_an_error() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    (0..7).for_each(|byte| rig.commit(&[&[byte; 700]]));
    let mut copier = Copier::open(media(&disk)).unwrap();
    new(&mut copier);
    disk.remove("segment-0000000001").unwrap();
    let error = copier.write(&SimDisk::new(2)).unwrap_err();
    assert!(matches!(error, JournalError::Media { operation: "open", .. }), "{error}");
}
