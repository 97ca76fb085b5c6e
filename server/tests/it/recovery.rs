//! Recovery: a server goes on from its journals, and an auditor that replays them agrees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_counter::Counter;
use allot_counter::audit::{Auditor, Mismatch};
use allot_counter::rules::{Input, Outcome, Outcomes, What};
use allot_domain::{Outcomes as _, ShardId};
use allot_journal::{Folder, JournalConfig, Reader, state_hash};
use allot_server::open_shard;
use allot_shard::{Entry, Service, State};

use crate::client::{batch, replies};
use crate::rig::{KEYS, RULES, Rig, ledger, with_journal};

/// The directories of all shards, once the server has stopped.
struct Journals(PathBuf);

impl Journals {
    fn folder(&self, shard: ShardId) -> Arc<Folder> {
        Arc::new(Folder::read_only(&open_shard::directory(&self.0, shard)).unwrap())
    }

    fn shards() -> impl Iterator<Item = ShardId> {
        (0..KEYS.len()).map(ShardId::at)
    }

    /// How many snapshots each shard has.
    fn snapshots(&self) -> Vec<usize> {
        let count = |shard| {
            let files = std::fs::read_dir(open_shard::directory(&self.0, shard)).unwrap();
            let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name.starts_with("image-")).count()
        };
        Self::shards().map(count).collect()
    }

    /// The hash of the state of each shard: the latest snapshot, and what follows it.
    fn recovered(&self) -> Vec<u128> {
        let recover = |shard| {
            let ledger = Some(ledger(&self.0, Counter::NAME).id);
            let stamp = open_shard::stamp::<Counter>(RULES, shard, KEYS.len(), ledger);
            let config = JournalConfig::new(&shard.to_string(), &stamp);
            let state = open_shard::recover_state::<Counter>(self.folder(shard), config, RULES);
            hash(&state.unwrap())
        };
        Self::shards().map(recover).collect()
    }

    /// The same of whole logs, each input of which is shown to `check` with what came of it.
    fn replayed(&self, mut check: impl FnMut(ShardId, &Input, &[Outcome])) -> Vec<State<Counter>> {
        let replay = |shard| {
            let mut state = State::<Counter>::new(RULES);
            let mut reader = Reader::open(self.folder(shard)).unwrap();
            let mut outcomes = Outcomes::default();
            while let Some(entry) = reader.next().unwrap() {
                let record = entry.record;
                let entry = Entry::of::<Counter>(&record).unwrap();
                outcomes.clear();
                if let Ok(input) = state.replay(entry, &mut outcomes, |_| {}) {
                    check(shard, &input, outcomes.list());
                }
            }
            state
        };
        Self::shards().map(replay).collect()
    }
}

fn hash(state: &State<Counter>) -> u128 {
    let mut bytes = Vec::new();
    state.save(&mut bytes);
    state_hash(&bytes)
}

/// An auditor for each shard.
fn auditors() -> BTreeMap<u32, Auditor> {
    Journals::shards().map(|shard| (shard.get(), Auditor::new(RULES))).collect()
}

fn start(data: &Path) -> Rig {
    Rig::start(&with_journal(data))
}

/// Writes journals with a snapshot in each, something open, and something refused.
fn write(data: &Path) -> Journals {
    let rig = start(data);
    let mut client = rig.client();
    let journals = Journals(data.to_owned());
    let mut seq = 0;
    while journals.snapshots().contains(&0) {
        for key in KEYS {
            seq += 1;
            let amount = u64::from(seq <= 60);
            let line = format!(
                r#"{{"type":"add","source":"a","seq":{seq},"key":"{key}","amount":{amount}}}"#
            );
            client.ask(&line);
        }
    }
    for (key, seq) in KEYS.into_iter().zip(60_001..) {
        let open =
            format!(r#"{{"type":"await","source":"a","seq":{seq},"key":"{key}","threshold":500}}"#);
        assert!(client.ask(&open).contains("awaiting"));
    }
    client.raise(r#"{"type":"raise","source":"a","seq":1,"amount":100}"#);
    let refused = r#"{"type":"cancel","source":"a","seq":60009,"key":"e","of":1}"#;
    assert_eq!(client.code(refused), "unknown_await");
    rig.stop();
    journals
}

#[test]
fn a_snapshot_and_what_follows_it_make_the_state_of_the_whole_log() {
    let folder = tempfile::tempdir().unwrap();
    let journals = write(folder.path());
    let replayed = journals.replayed(|_, _, _| {});
    assert_eq!(journals.recovered(), replayed.iter().map(hash).collect::<Vec<_>>());
    let raised = replayed.iter().map(|state| state.machine().values().next().unwrap().1);
    assert_eq!(raised.collect::<Vec<_>>(), [120; 3]);
}

#[test]
fn what_was_awaited_before_a_restart_is_replied_to_after_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let rig = start(folder.path());
    let mut client = rig.client();
    // A repeat: it changes nothing, and says where the source is now.
    let repeat = r#"{"type":"add","source":"a","seq":1,"key":"e","amount":1}"#;
    let known = r#"{"type":"counted","source":"a","seq":1,"duplicate":true,"key":"e","value":120}"#;
    client.check(&[(repeat, known)]);
    let mut other = rig.client();
    other.raise(r#"{"type":"raise","source":"other","seq":1,"amount":400}"#);
    let mut late: Vec<String> = KEYS.map(|_| client.line()).into();
    late.sort_unstable();
    let reached = |(seq, key)| {
        format!(
            r#"{{"type":"reached","source":"a","seq":{seq},"late":true,"key":"{key}","value":520}}"#
        )
    };
    assert_eq!(late, (60_001..).zip(KEYS).map(reached).collect::<Vec<_>>());
    rig.stop();
}

#[test]
fn an_auditor_agrees_with_every_outcome_in_the_journals() {
    let folder = tempfile::tempdir().unwrap();
    let journals = write(folder.path());
    let mut auditors = auditors();
    let mut inputs = 0;
    let states = journals.replayed(|shard, input, outcomes| {
        auditors.get_mut(&shard.get()).unwrap().check(input, outcomes).unwrap();
        inputs += 1;
    });
    for (auditor, state) in auditors.values().zip(&states) {
        auditor.check_state(state.machine()).unwrap();
    }
    assert!(60 < inputs, "{inputs}");
}

/// The first difference that the auditors find where `plant` changes what came of an input.
fn find(journals: &Journals, plant: impl Fn(&mut Vec<Outcome>)) -> Option<Mismatch> {
    let (mut auditors, mut found) = (auditors(), None);
    journals.replayed(|shard, input, outcomes| {
        let mut outcomes = outcomes.to_vec();
        plant(&mut outcomes);
        let checked = auditors.get_mut(&shard.get()).unwrap().check(input, &outcomes);
        found = found.take().or(checked.err());
    });
    found
}

#[test]
fn a_wrong_outcome_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let journals = write(folder.path());
    assert_eq!(find(&journals, |_| {}), None);
    let one_more = |outcomes: &mut Vec<Outcome>| {
        for outcome in outcomes {
            if let What::Counted { value, .. } = &mut outcome.what
                && *value == 17
            {
                *value += 1;
            }
        }
    };
    let found = find(&journals, one_more).unwrap().to_string();
    assert!(found.contains("value: 18") && found.contains("value: 17"), "{found}");
    let lost = |outcomes: &mut Vec<Outcome>| {
        outcomes.retain(|outcome| !matches!(outcome.what, What::Raised { .. }));
    };
    let found = find(&journals, lost).unwrap().to_string();
    assert!(found.contains("it was None"), "{found}");
}

#[test]
fn the_encoding_of_a_late_reply_is_remembered_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let rig = start(folder.path());
    let mut client = rig.client();
    client.ask(r#"{"type":"add","source":"a","seq":1,"key":"b","amount":1}"#);
    client.send(&batch(r#"{"type":"await","source":"a","seq":2,"key":"b","threshold":2}"#));
    client.receive();
    rig.stop();
    let rig = start(folder.path());
    let mut client = rig.client();
    client.send(br#"{"type":"add","source":"a","seq":3,"key":"b","amount":1}"#);
    let messages = [client.receive(), client.receive()];
    let late = messages.iter().find(|message| message.starts_with(b"ALOT")).unwrap();
    assert!(replies(late)[0].late);
    rig.stop();
}
