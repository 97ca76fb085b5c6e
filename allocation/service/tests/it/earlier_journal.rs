//! An earlier journal: what a version before this one wrote is read as it was meant.
//!
//! The fixture was written before markers lost their count and before stamps named the system; its
//! stamp alone was written anew. It has held fills, a bust of one, splits, sales, a netting,
//! markers, repeats, rejections and a record that is no fill, and a snapshot between.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_allocation_rules::{BookConfig, Outcomes};
use allot_allocation_service::Allocation;
use allot_journal::{Folder, JournalConfig, Reader, Recovery, state_hash};
use allot_shard::{Entry, State, recover};
use tempfile::TempDir;

/// The hash of the state after some inputs, as the version that wrote them computed it.
const HASHES: [(u64, u128); 3] = [
    (27, 0xe71a_f2d9_ab1a_19c7_f40e_53e1_d5db_eae6),
    (155, 0xd5bd_e1cf_4e67_a2c3_05a0_b843_df4a_d745),
    (310, 0xe401_a8ea_9463_f752_0f43_058f_c954_a130),
];

const BOOK: BookConfig = BookConfig { history: 256, blend: allot_allocation_rules::Blend::NONE };

const STAMP: &str = "allocation, shard 0 of 1, blend 0, history 256";

fn fixture() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.join("tests/fixtures/earlier-journal/shard-0")
}

fn hash(state: &State<Allocation>) -> u128 {
    let mut bytes = Vec::new();
    state.save(&mut bytes);
    state_hash(&bytes)
}

#[test]
fn every_record_is_read_as_it_was_meant() {
    let folder = Folder::read_only(&fixture()).unwrap();
    let mut reader = Reader::open(Arc::new(folder)).unwrap();
    assert_eq!(reader.stamp(), STAMP);
    let mut state = State::<Allocation>::new(BOOK);
    let mut outcomes = Outcomes::default();
    let mut found = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        let record = entry.record;
        let index = record.index.get();
        let entry = Entry::of::<Allocation>(record.kind, record.tag, record.payload).unwrap();
        let _ = state.replay(entry, &mut outcomes, Outcomes::clear);
        if HASHES.iter().any(|(known, _)| *known == index) {
            found.push((index, hash(&state)));
        }
    }
    assert_eq!(found, HASHES);
    assert_eq!(state.keyed(), 304);
    assert_eq!(state.to_all(), 2);
    assert_eq!(state.marker(), 3);
}

#[test]
fn its_snapshot_and_the_records_after_it_give_the_same_state() {
    let copy = TempDir::new().unwrap();
    for file in fs::read_dir(fixture()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let folder = Folder::open(copy.path()).unwrap();
    let config = JournalConfig { segment_bytes: 32 << 10, ..JournalConfig::new("0", STAMP) };
    let mut recovery = Recovery::open(Arc::new(folder), config).unwrap();
    let state = recover::<Allocation>(&mut recovery, BOOK).unwrap();
    assert_eq!(hash(&state), HASHES[2].1);
}
