//! The follower: it goes on where the journal had ended, also in later segments.

use allot_domain::LogIndex;
use allot_journal::{Follower, SimDisk};

use crate::rig::{Rig, config, media};

/// The first bytes of all records that are new.
fn new(follower: &mut Follower) -> Vec<u8> {
    let mut found = Vec::new();
    while let Some(record) = follower.next().unwrap() {
        found.push(record.payload[0]);
    }
    found
}

#[test]
fn what_is_appended_later_is_read_later() {
    let disk = SimDisk::new(1);
    let mut follower = Follower::open(media(&disk), LogIndex::FIRST).unwrap();
    assert_eq!((new(&mut follower), follower.file()), (vec![], None));
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    assert_eq!(new(&mut follower), []);
    for byte in 0..9 {
        rig.commit(&[&[byte; 700]]);
        assert_eq!(new(&mut follower), [byte]);
        assert_eq!(new(&mut follower), []);
    }
    assert_eq!(follower.file(), Some("segment-0000000003"));
    rig.commit(&[&[9; 700], &[10; 100]]);
    for byte in 11..20 {
        rig.commit(&[&[byte; 700]]);
    }
    assert_eq!(new(&mut follower), (9..20).collect::<Vec<_>>());
}

#[test]
fn it_begins_with_the_segment_of_a_record() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    (0..9).for_each(|byte| rig.commit(&[&[byte; 700]]));
    for (from, first) in [(1, 0), (3, 0), (4, 3), (5, 3), (9, 6), (20, 6)] {
        let mut follower = Follower::open(media(&disk), LogIndex::new(from)).unwrap();
        assert_eq!(new(&mut follower).first(), Some(&first), "from {from}");
    }
}
