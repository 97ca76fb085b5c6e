//! The stamp: a system does not start from what another has written, and says whose it is.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use allot_allocation_rules::BookConfig;
use allot_allocation_service::Allocation;
use allot_counter::Counter;
use allot_journal::SEGMENT_BYTES_REAL_MIN;
use allot_runtime::Stages;
use allot_server::{
    ConfigFor, JournalOptions, RunningServer, ServerConfig, ServerError, System, embedded,
};
use allot_shard::ConfigOf;

use crate::rig::{self, Rig};

fn start<S: System>(data: &Path, rules: ConfigOf<S>) -> Result<RunningServer, ServerError> {
    let options = JournalOptions {
        segment_bytes: SEGMENT_BYTES_REAL_MIN,
        ..JournalOptions::new(data.to_owned())
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
    assert!(text.contains("allocation, shard 0 of 2, "), "{text}");
    assert!(text.contains("counter, shard 0 of 2, "), "{text}");
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
