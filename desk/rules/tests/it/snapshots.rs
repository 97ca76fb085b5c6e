//! Snapshots: a shard that is saved and loaded goes on as if nothing had happened.

use std::fs;
use std::path::Path;

use allot_desk_rules::{Accounts, DeskConfig, Input, Outcomes};
use allot_domain::{Machine, Seq, SnapshotError};
use proptest::prelude::*;

use crate::random::check_accounts;
use crate::random_inputs::{choices, inputs};
use crate::script::Script;

const CONFIG: DeskConfig = DeskConfig { history: 30, names: 60, keeps_log: true };

fn saved(accounts: &Accounts) -> Vec<u8> {
    let mut bytes = Vec::new();
    accounts.save(&mut bytes);
    bytes
}

fn apply(accounts: &mut Accounts, input: &Input) -> Outcomes {
    let mut outcomes = Outcomes::default();
    accounts.apply_whole(input, &mut outcomes);
    outcomes
}

#[test]
fn a_snapshot_is_of_this_format_and_config() {
    let bytes = saved(&Accounts::new(CONFIG));
    assert!(Accounts::load(CONFIG, &bytes).is_ok());
    let load = |bytes: &[u8]| Accounts::load(CONFIG, bytes).unwrap_err();
    assert_eq!(load(b"ALOTBOOK"), SnapshotError::NotASnapshot);
    assert_eq!(load(&bytes[..20]), SnapshotError::Truncated);
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(load(&longer), SnapshotError::TrailingBytes(1));
    let mut newer = bytes.clone();
    newer[8] = 9;
    assert_eq!(load(&newer), SnapshotError::UnknownVersion(9, 3));
    let other =
        Accounts::load(DeskConfig { history: 31, names: 60, keeps_log: true }, &bytes).unwrap_err();
    assert_eq!(
        other.to_string(),
        "the state was saved with a history of 30 and 60 names; start with the same"
    );
}

/// The same input once more, after all others, under a name of its own.
fn later(input: &Input, now_ns: u64) -> Input {
    let mut input = input.clone();
    match &mut input {
        Input::Command(request) => {
            request.time_ns += now_ns;
            let number = request.id.number().expect("it is a number").get();
            request.id = Seq::new(number + 1_000).into();
        }
        Input::Quote(quoted) => quoted.time_ns += now_ns,
        Input::QuoteFailed(failed) => failed.time_ns += now_ns,
        Input::QuoteRetried(retried) => retried.time_ns += now_ns,
        Input::Marker(marker) => marker.time_ns += now_ns,
        Input::Tick(tick) => tick.time_ns += now_ns,
        Input::DumpAll(dump) => dump.time_ns += now_ns,
    }
    input
}

proptest! {
    #[test]
    fn a_loaded_shard_goes_on_as_the_saved_one(choices in choices(250), at in 0..250_usize) {
        let inputs = inputs(&choices);
        let (before, after) = inputs.split_at(at.min(inputs.len()));
        let mut accounts = Accounts::new(CONFIG);
        for input in before {
            apply(&mut accounts, input);
        }
        let bytes = saved(&accounts);
        let mut loaded = Accounts::load(CONFIG, &bytes).unwrap();
        prop_assert_eq!(&saved(&loaded), &bytes);
        for input in after {
            prop_assert_eq!(apply(&mut loaded, input), apply(&mut accounts, input));
        }
        prop_assert_eq!(saved(&loaded), saved(&accounts));
        prop_assert_eq!(loaded.totals(), accounts.totals());
    }

    #[test]
    fn damage_is_refused_or_is_another_snapshot(
        choices in choices(150),
        places in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 20),
    ) {
        let mut accounts = Accounts::new(CONFIG);
        let inputs = inputs(&choices);
        for input in &inputs {
            apply(&mut accounts, input);
        }
        let more: Vec<_> = inputs.iter().map(|input| later(input, accounts.now_ns())).collect();
        let bytes = saved(&accounts);
        for (place, bit) in places {
            let mut damaged = bytes.clone();
            damaged[place.index(bytes.len())] ^= 1 << bit;
            if let Ok(mut loaded) = Accounts::load(CONFIG, &damaged) {
                prop_assert!(saved(&loaded) == damaged, "no two snapshots mean the same");
                check_accounts(&loaded);
                // Whatever it says, it is a state, and goes on.
                for input in more.iter().skip(place.index(40)).take(40) {
                    apply(&mut loaded, input);
                }
                check_accounts(&loaded);
            }
            let cut = place.index(bytes.len());
            prop_assert!(Accounts::load(CONFIG, &bytes[..cut]).is_err());
        }
    }
}

/// `cargo test -p allot-desk-rules --test it -- --ignored corpus` writes what the fuzz target
/// `accounts` starts from: the end of every third case of the tables.
#[test]
#[ignore = "it writes into the repository"]
fn the_corpus_is_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../../fuzz/corpus/accounts");
    fs::create_dir_all(&folder).unwrap();
    for table in ["money", "orders", "quotes", "triggers"] {
        let text = fs::read_to_string(root.join(format!("tests/table/{table}.txt"))).unwrap();
        for (case, number) in text.split("\n== ").skip(1).zip(0..).step_by(3) {
            let mut script = Script::new(DeskConfig::default());
            for line in case.lines().skip(1) {
                let (given, _) = line.split_once(" ->").unwrap_or((line, ""));
                let is_run = !given.is_empty() && !given.starts_with(['#', '=']);
                if is_run && !given.starts_with("account ") {
                    script.run(given);
                }
            }
            fs::write(folder.join(format!("{table}-{number:02}")), saved(&script.accounts))
                .unwrap();
        }
    }
}
