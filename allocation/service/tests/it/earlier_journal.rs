//! An earlier journal: what a version before this one wrote is refused, and nothing of it is
//! misread.
//!
//! The fixture has format version 1: its records have no time, and its fills no ids. It holds what
//! was held, a bust, splits, sales, a netting, markers, repeats, rejections, a record that is no
//! fill, and a snapshot between.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_allocation_rules::{Blend, BookConfig};
use allot_allocation_service::Allocation;
use allot_journal::{Folder, JournalConfig, JournalError, Reader, Recovery};
use allot_shard::recover;
use tempfile::TempDir;

const BOOK: BookConfig = BookConfig { history: 256, names: 1_000, blend: Blend::NONE };

fn fixture() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.join("tests/fixtures/earlier-journal/shard-0")
}

/// A copy, for opening a journal may write.
fn copy() -> TempDir {
    let copy = TempDir::new().unwrap();
    for file in fs::read_dir(fixture()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect();
    files.sort_unstable();
    files
}

/// The version of the file is named, that of the program, and what to do.
#[track_caller]
fn assert_names_both_versions(error: &JournalError) {
    assert!(matches!(error, JournalError::Version { version: 1, .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("has format version 1, but this program knows only version 2"), "{text}");
    assert!(text.contains("start the program that wrote it"), "{text}");
}

#[test]
fn its_records_are_refused_by_those_who_read_them_and_both_versions_are_named() {
    let folder = Folder::read_only(&fixture()).unwrap();
    let error = Reader::open(Arc::new(folder)).and_then(|mut reader| reader.next().map(|_| ()));
    assert_names_both_versions(&error.unwrap_err());
}

#[test]
fn a_shard_does_not_start_on_it_and_leaves_it_as_it_was() {
    // With the stamp that it has, so that nothing but the version is against it.
    let stamp = "allocation, shard 0 of 1, blend 0, history 256";
    let copy = copy();
    let folder = Folder::open(copy.path()).unwrap();
    let config = JournalConfig { segment_bytes: 32 << 10, ..JournalConfig::new("0", stamp) };
    let error = match Recovery::open(Arc::new(folder), config) {
        Err(error) => error,
        Ok(mut recovery) => match recover::<Allocation>(&mut recovery, BOOK) {
            Ok(_) => panic!("a journal of another format was read"),
            Err(error) => panic!("it is refused, but not for its version: {error}"),
        },
    };
    assert_names_both_versions(&error);
    let mut left = files(copy.path());
    let earlier = files(&fixture());
    left.retain(|(name, _)| earlier.iter().any(|(known, _)| known == name));
    assert_eq!(left, earlier);
}
