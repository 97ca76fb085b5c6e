//! The journals of a desk: found by their stamp, replayed, and held against the auditor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_desk_audit::{Auditor, Summary};
use allot_desk_rules::{Accounts, DeskConfig, Input, Line, Outcomes};
use allot_desk_service::{Desk, decode_input};
use allot_domain::LogIndex;
use allot_journal::{Folder, Reader, SegmentState, state_hash};
use allot_server::JournalStamp;
use allot_shard::{Entry, Service, State};
use allot_wire::backplane::InputKind;

use crate::record_reader;

/// What was found of one shard.
pub(crate) struct Checked {
    pub(crate) path: PathBuf,
    pub(crate) stamp: String,
    pub(crate) records: u64,
    /// The snapshots that were compared with the replay.
    pub(crate) snapshots: usize,
    /// What the auditor counted; none where the replay began with a snapshot.
    pub(crate) summary: Option<Summary>,
    pub(crate) replayed_from: LogIndex,
    /// The time of the snapshot where the replay began, in nanoseconds; zero where there is none.
    pub(crate) replayed_from_ns: u64,
    pub(crate) state_hash: u128,
    pub(crate) torn_bytes: u64,
    /// Everything that is wrong.
    pub(crate) failures: Vec<String>,
}

/// Whether a stamp is that of a desk.
pub(crate) fn is_stamp(stamp: &str) -> bool {
    stamp.strip_prefix(Desk::NAME).is_some_and(|rest| rest.starts_with(','))
}

/// Whether the journal in a directory is of a desk, as far as it can be read.
pub(crate) fn is_desk(path: &Path) -> bool {
    record_reader::stamp_of(path).is_some_and(|stamp| is_stamp(&stamp))
}

/// Says a record of a desk.
pub(crate) fn sentence(kind: u8, body: &[u8]) -> String {
    match decode_input(InputKind::new(kind), 0, body) {
        Err(rejection) => format!("rejected as {}", rejection.code),
        Ok(Input::Command(request)) => {
            let (source, id) = (request.source, request.id);
            let (transaction, user) = (request.transaction, Some(request.user));
            let line = Line { transaction, user, command: request.command };
            format!("command {source} {id}: {line}")
        }
        Ok(Input::DumpAll(dump)) => {
            format!("command {} {}: DUMPLOG,{}", dump.source, dump.id, dump.file)
        }
        Ok(Input::Quote(quoted)) => format!("quote {} {}", quoted.symbol, quoted.price),
        Ok(Input::QuoteFailed(failed)) => format!("quote {}: not to be had", failed.symbol),
        Ok(Input::Marker(marker)) => format!("marker {}", marker.number),
        Ok(Input::QuoteRetried(retried)) => {
            format!("quote {}: asked for again, {}", retried.symbol, retried.fault)
        }
        Ok(Input::Tick(_)) => "tick".to_owned(),
    }
}

/// What is told of the outcomes of each record.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&Accounts, &Outcomes);

/// Checks one shard. What cannot be read is a failure too. `take` hears all that came of each
/// record.
pub(crate) fn check(path: &Path, take: Take<'_>) -> Checked {
    let mut checked = Checked {
        path: path.to_owned(),
        stamp: String::new(),
        records: 0,
        snapshots: 0,
        summary: None,
        replayed_from: LogIndex::ZERO,
        replayed_from_ns: 0,
        state_hash: 0,
        torn_bytes: 0,
        failures: Vec::new(),
    };
    let opened = Folder::read_only(path).and_then(|folder| Reader::open(Arc::new(folder)));
    match opened {
        Ok(reader) => replay(reader, &mut checked, take),
        Err(error) => checked.failures.push(error.to_string()),
    }
    checked
}

fn replay(mut reader: Reader, checked: &mut Checked, take: Take<'_>) {
    reader.stamp().clone_into(&mut checked.stamp);
    let config = match reader.stamp().parse::<JournalStamp<Desk>>() {
        Ok(stamp) => stamp.machine,
        Err(error) => return checked.failures.push(error.to_string()),
    };
    checked.failures.extend(damage(&reader));
    let good = reader.snapshots().iter().filter(|snapshot| snapshot.damage.is_none());
    let mut snapshots: BTreeMap<_, _> =
        good.map(|snapshot| (snapshot.index, snapshot.hash)).collect();
    let begun = reader.segments().iter().find(|segment| segment.state != SegmentState::Spare);
    let pruned_through =
        begun.map_or(LogIndex::ZERO, |segment| segment.first_index.previous().unwrap_or_default());
    let mut state = State::<Desk>::new(config);
    let mut auditor = Some(Auditor::new(config));
    if LogIndex::ZERO < pruned_through {
        auditor = None;
        let first = snapshots.range(pruned_through..).next().map(|(index, _)| *index);
        match first.map(|index| load(&reader, index, config)) {
            Some(Ok(loaded)) => {
                checked.replayed_from_ns = loaded.machine().now_ns();
                state = loaded;
                checked.replayed_from = first.unwrap_or_default();
            }
            Some(Err(fault)) => checked.failures.push(fault),
            None => checked.failures.push("the journal was pruned, and no snapshot is good".into()),
        }
    }
    let mut bytes = Vec::new();
    let mut outcomes = Outcomes::default();
    loop {
        let found = match reader.next() {
            Ok(Some(found)) => found,
            Ok(None) => break,
            Err(error) => {
                checked.failures.push(error.to_string());
                break;
            }
        };
        let index = found.record.index;
        if index <= checked.replayed_from {
            continue;
        }
        checked.records += 1;
        match Entry::of::<Desk>(&found.record) {
            Err(error) => checked.failures.push(format!("record {index}: {error}")),
            Ok(entry) => {
                let fault = apply(&mut state, auditor.as_mut(), index, entry, &mut outcomes);
                if let Some(fault) = fault {
                    checked.failures.push(fault);
                    auditor = None;
                }
                take(state.machine(), &outcomes);
            }
        }
        if let Some(stored) = snapshots.remove(&index) {
            checked.snapshots += 1;
            checked.failures.extend(compare(index, stored, hash(&state, &mut bytes)));
        }
    }
    let replayed_from = checked.replayed_from;
    let ahead = snapshots.into_keys().filter(|index| replayed_from < *index);
    let ahead = ahead.map(|index| format!("a snapshot is of record {index}, which is not there"));
    checked.failures.extend(ahead);
    if let Some(auditor) = &auditor {
        let fault = auditor.compare(state.machine()).err();
        checked.failures.extend(fault.map(|fault| fault.to_string()));
        checked.summary = Some(auditor.summary().clone());
    }
    checked.torn_bytes = reader.tail().map_or(0, |tail| tail.torn_bytes);
    checked.state_hash = hash(&state, &mut bytes);
}

/// Holds a snapshot against a replay.
fn compare(index: LogIndex, stored: u128, replayed: u128) -> Option<String> {
    let differs = stored != replayed;
    differs.then(|| {
        format!(
            "the snapshot of record {index} has the state {stored:032x}, and a replay of the \
             journal {replayed:032x}"
        )
    })
}

/// What can be seen to be wrong before a record is read.
fn damage(reader: &Reader) -> Vec<String> {
    let damaged = reader.snapshots().iter().filter_map(|snapshot| {
        snapshot.damage.as_ref().map(|damage| format!("{} is {damage}", snapshot.file))
    });
    let lost = reader.lost().map(|file| format!("{file} is missing and was not pruned"));
    damaged.chain(lost).collect()
}

/// The state of a snapshot.
fn load(reader: &Reader, index: LogIndex, config: DeskConfig) -> Result<State<Desk>, String> {
    let snapshot = reader.snapshot(index).map_err(|error| error.to_string())?;
    let snapshot = snapshot.ok_or_else(|| format!("the snapshot of record {index} is gone"))?;
    let fault = |error| format!("the snapshot of record {index}: {error}");
    State::load(config, &snapshot.state).map_err(fault)
}

/// Applies a record; says what the auditor finds wrong.
fn apply(
    state: &mut State<Desk>,
    auditor: Option<&mut Auditor>,
    index: LogIndex,
    entry: Entry<'_>,
    outcomes: &mut Outcomes,
) -> Option<String> {
    *outcomes = Outcomes::default();
    let input = state.replay(entry, outcomes, |_| {}).ok()?;
    auditor?.check(index, &input, outcomes).err().map(|fault| fault.to_string())
}

fn hash(state: &State<Desk>, bytes: &mut Vec<u8>) -> u128 {
    bytes.clear();
    state.save(bytes);
    state_hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_told_by_the_name_of_its_system() {
        assert!(is_stamp("desk, shard 0 of 1, history 5, names 9"));
        assert!(!is_stamp("desktop, shard 0 of 1") && !is_stamp("allocation, shard 0 of 1"));
        assert_eq!(sentence(1, b"x"), "rejected as malformed_message");
    }
}
