//! Each bit of a journal that was closed properly is flipped in turn.
//!
//! A start then returns every record, or stops and says where the damage is. Which of the two
//! depends only on where the bit is. No record whose reply may have left is ever cut.

use std::collections::BTreeMap;

use allot_domain::LogIndex;
use allot_journal::{
    JournalError, Media, Reader, SEGMENT_BYTES_MIN, SEGMENT_BYTES_REAL_MIN, SegmentState,
    SegmentSummary, SimDisk,
};

use crate::rig::{Rig, config, media, read, state_of};

/// Where a bit is. The consequence follows from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Region {
    /// In a segment that a start does not read: no consequence.
    BeforeSnapshot,
    /// In the head of a segment, or in a batch: stop.
    Written,
    /// In the zeros behind the last batch of a segment that is followed by another: stop.
    SealedZeros,
    /// In the first sector behind the end, where a torn batch would have its head or zeros: stop.
    NextSector,
    /// Further behind the end, where the rest of a torn batch would be: wiped.
    TornZeros,
    /// In the segment that was never begun: stop.
    Spare,
    /// In the latest snapshot: the one before it serves.
    LatestSnapshot,
    /// In the snapshot before it: no consequence.
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
            rig.run_until_idle().unwrap();
        }
        if batch == 11 {
            // Zeros and one bit: without a mask, one of its sectors would look as if it had never
            // been written. It is long enough to begin a segment.
            let mut sparse = vec![0; 1_600];
            sparse[700] = 1;
            rig.commit(&[&sparse]);
            payloads.push(sparse);
        }
    }
    disk.restart();
    (disk, payloads)
}

/// The layout of the undamaged journal, from its reader.
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
        let first = LogIndex::FIRST..=snapshot.index.next();
        let read = segments.iter().rfind(|segment| first.contains(&segment.first_index));
        let first_read = read.unwrap().number;
        Self { latest_snapshot: snapshot.file.clone(), first_read, segments }
    }

    fn region(&self, file: &str, offset: u64) -> Region {
        let Some(segment) = self.segments.iter().find(|segment| segment.file == file) else {
            let latest = file == self.latest_snapshot;
            return if latest { Region::LatestSnapshot } else { Region::OlderSnapshot };
        };
        let behind = offset.checked_sub(segment.bytes_used);
        match (&segment.state, behind) {
            (SegmentState::Spare, _) => Region::Spare,
            _ if segment.number < self.first_read => Region::BeforeSnapshot,
            (_, None) => Region::Written,
            (SegmentState::Current, Some(0..512)) => Region::NextSector,
            (SegmentState::Current, Some(_)) => Region::TornZeros,
            _ => Region::SealedZeros,
        }
    }
}

#[test]
fn every_flipped_bit_is_harmless_or_located_and_no_reply_is_lost() {
    let (disk, payloads) = journal();
    let map = Map::of(&disk);
    let files: Vec<String> = map.segments.iter().map(|segment| segment.file.clone()).collect();
    let reader = Reader::open(media(&disk)).unwrap();
    let snapshots = reader.snapshots().iter().map(|snapshot| snapshot.file.clone());
    let mut counts = BTreeMap::new();
    for file in files.into_iter().chain(snapshots) {
        for offset in 0..disk.file_bytes(&file).unwrap() {
            let region = map.region(&file, offset);
            // Elsewhere all bits of a byte are treated alike, so one of them is enough.
            let bits = if region == Region::Written || region == Region::LatestSnapshot {
                0..8
            } else {
                offset % 8..offset % 8 + 1
            };
            for bit in bits {
                let flipped = disk.fork();
                flipped.flip(&file, offset, u32::try_from(bit).unwrap());
                check(&flipped, region, &file, offset, &payloads);
                *counts.entry(region).or_insert(0_u64) += 1;
            }
        }
    }
    let regions: Vec<Region> = counts.keys().copied().collect();
    println!("{counts:?}");
    assert_eq!(regions.len(), 8, "the journal has every region: {counts:?}");
}

#[track_caller]
fn check(disk: &SimDisk, region: Region, file: &str, offset: u64, payloads: &[Vec<u8>]) {
    let at = format!("{file} at {offset}, {region:?}");
    match (region, read(media(disk), config())) {
        (
            Region::BeforeSnapshot
            | Region::OlderSnapshot
            | Region::LatestSnapshot
            | Region::TornZeros,
            Ok((recovery, found)),
        ) => {
            assert!(found.payloads() == payloads, "{at}");
            assert_eq!(found.warnings.len(), usize::from(region == Region::LatestSnapshot), "{at}");
            drop(recovery);
            if region == Region::TornZeros && offset.is_multiple_of(64) {
                the_torn_tail_is_wiped(disk, payloads);
            }
        }
        (
            Region::Written | Region::SealedZeros | Region::NextSector | Region::Spare,
            Err(JournalError::Corrupt { file: named, offset: from, index, .. }),
        ) => {
            assert_eq!(named, file, "{at}");
            // The flipped bit is in the batch or sector that is named.
            assert!(from <= offset && offset < from + SEGMENT_BYTES_MIN, "{at}: {from}");
            assert!(index.get() <= u64::try_from(payloads.len()).unwrap() + 1, "{at}: {index}");
        }
        (_, Ok(_)) => panic!("{at}: not noticed"),
        (_, Err(error)) => panic!("{at}: {error}"),
    }
}

/// A start overwrites the rest of a torn batch with zeros.
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
fn a_lost_sector_is_noticed_unless_it_is_in_the_very_last_batch() {
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
                // A disk that keeps what it synced never does this.
                Ok((_, found)) if is_last => {
                    assert!(payloads.starts_with(&found.payloads()), "{at}");
                }
                Ok(_) => panic!("{at}: not noticed"),
                Err(error) => assert!(matches!(error, JournalError::Corrupt { .. }), "{error}"),
            }
        }
    }
}

#[test]
fn bytes_too_far_behind_the_end_are_not_a_torn_batch() {
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
                assert_eq!(what, "bytes far behind the end are not zeros");
            }
            Err(error) => panic!("{behind}: {error}"),
        }
    }
}

#[test]
fn random_damage_never_causes_a_panic_or_an_invented_record() {
    let (disk, payloads) = journal();
    let files = disk.list().unwrap();
    let mut random = 1_u64;
    let mut random_below = |end: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % end
    };
    for _ in 0..3_000 {
        let flipped = disk.fork();
        for _ in 0..=random_below(40) {
            let file =
                &files[usize::try_from(random_below(u64::try_from(files.len()).unwrap())).unwrap()];
            // Mostly in heads, where most can go wrong.
            let ends = [64, 512, flipped.file_bytes(file).unwrap()];
            let end = ends[usize::try_from(random_below(3)).unwrap()];
            let offset = random_below(end);
            flipped.flip(file, offset, u32::try_from(random_below(8)).unwrap());
        }
        if let Ok((_, found)) = read(media(&flipped), config()) {
            assert!(payloads.starts_with(&found.payloads()));
        }
        if let Ok(mut reader) = Reader::open(media(&flipped)) {
            while let Ok(Some(_)) = reader.next() {}
        }
    }
}
