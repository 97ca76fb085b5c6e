//! One bit of a journal that was closed in good order turns round, each in turn.
//!
//! A start then yields every record, or stops and says where; which of the two, is decided by
//! where the bit is. Nothing that was answered is ever cut.

use std::collections::BTreeMap;

use allot_journal::{
    JournalError, Media, Reader, SEGMENT_BYTES_MIN, SEGMENT_BYTES_REAL_MIN, SegmentState,
    SegmentSummary, SimDisk,
};

use crate::rig::{Rig, config, media, read, state_of};

/// Where a bit is, and so what must come of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    /// In a segment that a start need not read: nothing comes of it.
    BeforeTheSnapshot,
    /// In the head of a segment, or in a batch: stop.
    Written,
    /// In the zeros behind the last batch of a segment that another follows: stop.
    SealedZeros,
    /// In the first sector behind the end, where a torn batch would have its head or zeros: stop.
    NextSector,
    /// Further behind the end, as the rest of a torn batch would be: wiped.
    TornZeros,
    /// In the segment that was never begun: stop.
    Spare,
    /// In the latest snapshot: the one before it serves.
    LatestSnapshot,
    /// In the snapshot before it: nothing comes of it.
    OlderSnapshot,
}

/// Batches in three segments, two snapshots, and a segment that only the older snapshot needs.
fn journal() -> (SimDisk, Vec<Vec<u8>>) {
    let disk = SimDisk::new(1);
    let mut config = config();
    config.prune = false;
    let (mut rig, _) = Rig::start(media(&disk), config).unwrap();
    let mut payloads = Vec::new();
    for batch in 0..13_u8 {
        let lengths = [usize::from(batch) * 20, 3, 0];
        let batch_payloads = lengths.map(|length| vec![batch; length]);
        rig.commit(&batch_payloads.each_ref().map(Vec::as_slice));
        payloads.extend(batch_payloads);
        if batch == 3 || batch == 9 {
            rig.journal.store_snapshot(|state| state.extend(state_of(&payloads)));
            rig.settle().unwrap();
        }
        if batch == 11 {
            // Zeros and one bit: without a mask, a sector of it would look never written. And it
            // is so long that it begins a segment.
            let mut sparse = vec![0; 1_600];
            sparse[700] = 1;
            rig.commit(&[&sparse]);
            payloads.push(sparse);
        }
    }
    disk.restart();
    (disk, payloads)
}

/// What is where, as the reader of the undamaged journal says.
struct Map {
    segments: Vec<SegmentSummary>,
    latest_snapshot: String,
    first_read: u64,
}

impl Map {
    fn of(disk: &SimDisk) -> Self {
        let reader = Reader::open(media(disk)).unwrap();
        let segments = reader.segments().to_vec();
        let snapshot = reader.snapshots().last().unwrap();
        let first = snapshot.index + 1;
        let read = segments.iter().rfind(|segment| (1..=first).contains(&segment.first_index));
        let first_read = read.unwrap().number;
        Self { latest_snapshot: snapshot.file.clone(), first_read, segments }
    }

    fn place(&self, file: &str, offset: u64) -> Place {
        let Some(segment) = self.segments.iter().find(|segment| segment.file == file) else {
            let latest = file == self.latest_snapshot;
            return if latest { Place::LatestSnapshot } else { Place::OlderSnapshot };
        };
        let behind = offset.checked_sub(segment.bytes_used);
        match (&segment.state, behind) {
            (SegmentState::Spare, _) => Place::Spare,
            _ if segment.number < self.first_read => Place::BeforeTheSnapshot,
            (_, None) => Place::Written,
            (SegmentState::Current, Some(0..512)) => Place::NextSector,
            (SegmentState::Current, Some(_)) => Place::TornZeros,
            _ => Place::SealedZeros,
        }
    }
}

#[test]
fn every_flipped_bit_is_harmless_or_named_and_no_answer_vanishes() {
    let (disk, payloads) = journal();
    let map = Map::of(&disk);
    let files: Vec<String> = map.segments.iter().map(|segment| segment.file.clone()).collect();
    let reader = Reader::open(media(&disk)).unwrap();
    let snapshots = reader.snapshots().iter().map(|snapshot| snapshot.file.clone());
    let mut counts = BTreeMap::new();
    for file in files.into_iter().chain(snapshots) {
        for offset in 0..disk.file_bytes(&file).unwrap() {
            let place = map.place(&file, offset);
            // Where all bits are alike, one of each byte will do.
            let bits = if place == Place::Written || place == Place::LatestSnapshot {
                0..8
            } else {
                offset % 8..offset % 8 + 1
            };
            for bit in bits {
                let flipped = disk.fork();
                flipped.flip(&file, offset, u32::try_from(bit).unwrap());
                check(&flipped, place, &file, offset, &payloads);
                *counts.entry(place).or_insert(0_u64) += 1;
            }
        }
    }
    let places: Vec<Place> = counts.keys().copied().collect();
    println!("{counts:?}");
    assert_eq!(places.len(), 8, "every kind of place is in the journal: {counts:?}");
}

#[track_caller]
fn check(disk: &SimDisk, place: Place, file: &str, offset: u64, payloads: &[Vec<u8>]) {
    let at = format!("{file} at {offset}, {place:?}");
    match (place, read(media(disk), config())) {
        (
            Place::BeforeTheSnapshot
            | Place::OlderSnapshot
            | Place::LatestSnapshot
            | Place::TornZeros,
            Ok((recovery, found)),
        ) => {
            assert!(found.payloads() == payloads, "{at}");
            assert_eq!(found.warnings.len(), usize::from(place == Place::LatestSnapshot), "{at}");
            drop(recovery);
            if place == Place::TornZeros && offset.is_multiple_of(64) {
                the_torn_tail_is_wiped(disk, payloads);
            }
        }
        (
            Place::Written | Place::SealedZeros | Place::NextSector | Place::Spare,
            Err(JournalError::Corrupt { file: named, offset: from, index, .. }),
        ) => {
            assert_eq!(named, file, "{at}");
            // The batch or the sector, and the flipped bit is in it.
            assert!(from <= offset && offset < from + SEGMENT_BYTES_MIN, "{at}: {from}");
            assert!(index <= u64::try_from(payloads.len()).unwrap() + 1, "{at}: {index}");
        }
        (_, Ok(_)) => panic!("{at}: nothing was said"),
        (_, Err(error)) => panic!("{at}: {error}"),
    }
}

/// What was taken for the rest of a torn batch is zeros after a start.
fn the_torn_tail_is_wiped(disk: &SimDisk, payloads: &[Vec<u8>]) {
    let (rig, _) = Rig::start(media(disk), config()).unwrap();
    drop(rig);
    disk.crash();
    let mut reader = Reader::open(media(disk)).unwrap();
    let mut count = 0;
    while reader.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, payloads.len());
    assert_eq!(reader.tail().unwrap().torn_bytes, 0);
}

/// Overwrites a sector with zeros.
fn wipe(disk: &SimDisk, file: &str, sector: u64) {
    disk.open(file).unwrap().write_at(sector * 512, &[0; 512]).unwrap();
}

#[test]
fn a_sector_that_was_lost_is_noticed_unless_it_is_of_the_very_last_batch() {
    let (disk, payloads) = journal();
    let segments = Map::of(&disk).segments;
    // The last batch but one takes four sectors, and the last takes one.
    let current = segments.iter().find(|one| one.state == SegmentState::Current).unwrap();
    for segment in &segments {
        for sector in 0..segment.bytes_used / 512 {
            let wiped = disk.fork();
            wipe(&wiped, &segment.file, sector);
            let is_last = segment == current && sector + 1 == segment.bytes_used / 512;
            let at = format!("{} sector {sector}", segment.file);
            match read(media(&wiped), config()) {
                Ok((_, found)) if segment.number < Map::of(&disk).first_read => {
                    assert!(found.payloads() == payloads, "{at}");
                }
                // No disk that keeps what it synced does this.
                Ok((_, found)) if is_last => {
                    assert!(payloads.starts_with(&found.payloads()), "{at}");
                }
                Ok(_) => panic!("{at}: nothing was said"),
                Err(error) => assert!(matches!(error, JournalError::Corrupt { .. }), "{error}"),
            }
        }
    }
}

#[test]
fn what_stands_too_far_behind_the_end_is_no_torn_batch() {
    let disk = SimDisk::new(1);
    let mut config = config();
    config.segment_bytes = SEGMENT_BYTES_REAL_MIN;
    let (mut rig, _) = Rig::start(media(&disk), config.clone()).unwrap();
    rig.commit(&[b"payload"]);
    let (end, batch_bytes_max) = (1_024, 4 << 20);
    for (behind, is_torn) in [(512, true), (batch_bytes_max - 1, true), (batch_bytes_max, false)] {
        let flipped = disk.fork();
        flipped.flip("segment-0000000001", end + behind, 0);
        match read(media(&flipped), config.clone()) {
            Ok((_, found)) => assert!(is_torn && found.payloads().len() == 1, "{behind}"),
            Err(JournalError::Corrupt { offset, what, .. }) => {
                assert_eq!((offset, is_torn), (end + behind, false));
                assert_eq!(what, "something stands far behind the end");
            }
            Err(error) => panic!("{behind}: {error}"),
        }
    }
}

#[test]
fn whatever_stands_on_the_disk_nothing_panics_and_nothing_is_made_up() {
    let (disk, payloads) = journal();
    let files = disk.list().unwrap();
    let mut dice = 1_u64;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for _ in 0..3_000 {
        let flipped = disk.fork();
        for _ in 0..=roll(40) {
            let file = &files[usize::try_from(roll(u64::try_from(files.len()).unwrap())).unwrap()];
            // Heads are where most can go wrong.
            let most = [64, 512, flipped.file_bytes(file).unwrap()];
            let most = most[usize::try_from(roll(3)).unwrap()];
            let offset = roll(most);
            flipped.flip(file, offset, u32::try_from(roll(8)).unwrap());
        }
        if let Ok((_, found)) = read(media(&flipped), config()) {
            assert!(payloads.starts_with(&found.payloads()));
        }
        if let Ok(mut reader) = Reader::open(media(&flipped)) {
            while let Ok(Some(_)) = reader.next() {}
        }
    }
}
