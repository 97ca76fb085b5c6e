//! The stamp: a system does not start from what another has written, and says whose it is.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_allocation_rules::BookConfig;
use allot_allocation_service::Allocation;
use allot_counter::Counter;
use allot_domain::LedgerId;
use allot_journal::{Folder, Reader, SEGMENT_BYTES_REAL_MIN};
use allot_runtime::Stages;
use allot_server::{
    ConfigFor, JournalOptions, JournalStamp, Ledger, LedgerCopy, RunningServer, ServerConfig,
    ServerError, System, embedded,
};
use allot_shard::ConfigOf;

use crate::rig::{self, Rig};

fn ledger(number: u128) -> Ledger {
    Ledger { id: LedgerId::new(number).unwrap(), is_adopted: false, copy: LedgerCopy::No }
}

fn start<S: System>(data: &Path, rules: ConfigOf<S>) -> Result<RunningServer, ServerError> {
    start_of::<S>(data, rules, ledger(7))
}

fn start_of<S: System>(
    data: &Path,
    rules: ConfigOf<S>,
    ledger: Ledger,
) -> Result<RunningServer, ServerError> {
    let options = JournalOptions {
        segment_bytes: SEGMENT_BYTES_REAL_MIN,
        ..JournalOptions::new(data.to_owned(), ledger)
    };
    let config: ConfigFor<S> =
        ServerConfig { journal: Some(options), ..ServerConfig::in_memory(2, rules) };
    embedded::<S>(&config, &mut |_| Stages::off())
}

fn stop(server: RunningServer) {
    server.running.stop();
    server.running.join().unwrap();
}

/// Every file below a directory, whole.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.append(&mut self::files(&path));
        } else {
            files.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    files
}

/// What an error says, and what it stems from.
fn text(error: &ServerError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// That `S` refuses what is in a directory, and changes none of it.
#[track_caller]
fn assert_refuses<S: System>(data: &Path, rules: ConfigOf<S>) {
    let before = files(data);
    assert!(!before.is_empty());
    let error = start::<S>(data, rules).err().expect("another system has written this");
    let text = text(&error);
    assert!(text.contains("\"allocation, ") && text.contains("\"counter, "), "{text}");
    assert!(files(data) == before, "nothing on disk has changed");
}

#[test]
fn counters_do_not_start_from_what_allocation_has_written() {
    let folder = tempfile::tempdir().unwrap();
    stop(start::<Allocation>(folder.path(), BookConfig::default()).unwrap());
    assert_refuses::<Counter>(folder.path(), rig::RULES);
    stop(start::<Allocation>(folder.path(), BookConfig::default()).unwrap());
}

#[test]
fn allocation_does_not_start_from_what_counters_have_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = start::<Counter>(folder.path(), rig::RULES).unwrap();
    let rig = Rig { server, context: allot_runtime::Context::new().unwrap() };
    rig.client().ask(r#"{"type":"add","source":"a","seq":1,"key":"b","amount":1}"#);
    rig.stop();
    assert_refuses::<Allocation>(folder.path(), BookConfig::default());
    stop(start::<Counter>(folder.path(), rig::RULES).unwrap());
}

#[test]
fn journals_of_another_ledger_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let rules = BookConfig::default;
    stop(start::<Allocation>(data, rules()).unwrap());
    let before = files(data);
    let adopted = Ledger { is_adopted: true, ..ledger(7) };
    for other in [ledger(8), adopted] {
        let error = start_of::<Allocation>(data, rules(), other).err().expect("another ledger");
        let text = text(&error);
        assert!(text.contains("ledger 00000000000000000000000000000007"), "{text}");
    }
    assert!(files(data) == before, "nothing on disk has changed");
}

#[test]
fn the_stamps_of_an_adopted_ledger_do_not_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let adopted = Ledger { is_adopted: true, ..ledger(7) };
    let rules = BookConfig::default;
    stop(start_of::<Allocation>(folder.path(), rules(), adopted).unwrap());
    stop(start_of::<Allocation>(folder.path(), rules(), adopted).unwrap());
    let reader = Reader::open(Arc::new(Folder::read_only(&folder.path().join("shard-1")).unwrap()));
    let stamp: JournalStamp<Allocation> = reader.unwrap().stamp().parse().unwrap();
    assert_eq!((stamp.ledger, stamp.shard.get(), stamp.shards), (None, 1, 2));
}

#[test]
fn a_shard_that_lost_its_journal_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = start::<Counter>(data, rig::RULES).unwrap();
    let rig = Rig { server, context: allot_runtime::Context::new().unwrap() };
    rig.client().ask(r#"{"type":"add","source":"a","seq":1,"key":"b","amount":1}"#);
    rig.stop();
    std::fs::remove_dir_all(data.join("shard-1")).unwrap();
    // As often as it is tried: a start that is refused makes no empty journal. Nor where the note
    // of it is gone too.
    for is_noted in [true, true, false, false] {
        if !is_noted {
            let _ = std::fs::remove_file(data.join("begun-1"));
        }
        let error = start::<Counter>(data, rig::RULES).err().expect("a journal is gone");
        assert!(matches!(error, ServerError::ShardLost { .. }), "{error}");
        assert!(!data.join("shard-1").exists());
    }
}
