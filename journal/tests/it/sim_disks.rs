//! The simulated disk itself: crash points, faults, and the journal that outlives pruning.

use allot_journal::{CrashPoint, DiskFault, End, Media, MediaFile, SimDisk};

const SECTOR: usize = 512;

fn read(file: &dyn MediaFile) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    assert_eq!(file.read_at(0, &mut bytes).unwrap(), bytes.len());
    bytes
}

#[test]
fn a_removed_segment_is_still_in_the_full_journal_if_it_was_ever_written() {
    let disk = SimDisk::new(1);
    for (name, content) in [("segment-0000000001", [7_u8; 9]), ("segment-0000000002", [0; 9])] {
        disk.create(name).unwrap().write_at(0, &content).unwrap();
        disk.remove(name).unwrap();
    }
    assert!(disk.files().is_empty());
    let full = disk.full_journal();
    assert_eq!(full.files(), ["segment-0000000001"]);
    assert_eq!(read(&*full.open("segment-0000000001").unwrap()), [7; 9]);
}

#[test]
fn a_crash_may_lose_what_a_faulty_disk_claims_to_have_synced() {
    let survives = |fault| {
        (0..64_u64).all(|seed| {
            let disk = SimDisk::with_fault(seed, fault);
            let mut file = disk.create("a").unwrap();
            file.write_at(0, b"synced").unwrap();
            file.sync().unwrap();
            disk.sync_folder().unwrap();
            disk.crash();
            disk.open("a").is_ok_and(|file| read(&*file) == b"synced")
        })
    };
    assert!(survives(DiskFault::None));
    assert!(!survives(DiskFault::SyncsNothing) && !survives(DiskFault::ForgetsNames));
}

#[test]
fn at_a_crash_point_a_write_leaves_some_sectors_and_then_nothing_works_until_the_end_is_taken() {
    let disk = SimDisk::new(1);
    let mut file = disk.create("a").unwrap();
    disk.plan_crash(Some(CrashPoint { operation: 2, end: End::Kill, sector: 6 }));
    file.write_at(0, &[1; 4 * SECTOR]).unwrap();
    file.write_at(0, &[2; 4 * SECTOR]).unwrap_err();
    disk.create("b").err().unwrap();
    disk.remove("a").unwrap_err();
    disk.sync_folder().unwrap_err();
    assert_eq!(disk.take_end(), Some(End::Kill));
    assert_eq!(disk.take_end(), None);
    disk.create("b").unwrap();
    // 6 sectors modulo the 5 ways to cut 4 of them.
    let bytes = read(&*disk.open("a").unwrap());
    assert_eq!(bytes, [&[2; SECTOR][..], &[1; 3 * SECTOR]].concat());
}

#[test]
fn a_fork_has_no_crash_planned() {
    let disk = SimDisk::new(1);
    disk.plan_crash(Some(CrashPoint { operation: 1, end: End::Power, sector: 0 }));
    disk.fork().create("a").unwrap();
    disk.create("a").err().unwrap();
    assert_eq!(disk.take_end(), Some(End::Power));
}

#[test]
fn a_disk_has_failed_from_a_planned_failure_to_the_next_start() {
    let disk = SimDisk::new(1);
    disk.fail_sync(2);
    disk.sync_folder().unwrap();
    assert!(!disk.has_failed());
    disk.sync_folder().unwrap_err();
    assert!(disk.has_failed());
    disk.restart();
    assert!(!disk.has_failed());
}
