//! The reply log: the replies of the server, as they arrive.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use allot_allocation_service::{Reply, decode_replies};
use allot_feeds::{FillConfig, Random, RandomConfig, ReplyLog, Tally};
use allot_wire::Encoding;

use crate::front::Faults;
use crate::scenario::{Fills, Scenario, finish, source};

/// A reply log that lasts as long as its test.
struct LogFile {
    folder: tempfile::TempDir,
}

impl LogFile {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("replies.ndjson")
    }

    fn log(&self) -> ReplyLog {
        ReplyLog::open(self.path().to_str().unwrap()).unwrap()
    }

    fn read(&self) -> Vec<Reply> {
        let mut replies = Vec::new();
        decode_replies(&fs::read(self.path()).unwrap(), &mut replies).unwrap();
        replies
    }
}

fn is_no_room(reply: &Reply) -> bool {
    let again = ["busy", "storage_full", "shard_away"];
    matches!(reply, Reply::Rejected { code, .. } if again.contains(&code.as_str()))
}

#[test]
fn every_reply_is_logged_in_json_whatever_fails_on_the_way() {
    for encoding in [Encoding::Json, Encoding::Binary] {
        let faults = Faults {
            lose_reply: 30,
            busy: 20,
            storage_full: 50,
            shard_away: 50,
            reply_twice: 20,
            delay_max: Duration::from_millis(1_500),
            ..Faults::default()
        };
        let log_file = LogFile::new();
        let mut scenario = Scenario::new().faults(faults);
        let splits = scenario.one_split();
        let config = FillConfig { count: Some(300), encoding, ..FillConfig::new(source("fills")) };
        let random = Random::new(RandomConfig::new(5));
        let fills = scenario.logged_fills(config, Box::new(random), log_file.log());
        let mut stepper = scenario.begin(3);
        finish(&mut stepper, &fills);
        finish(&mut stepper, &splits);

        let logged = log_file.read();
        let count = |tally| usize::try_from(fills.get(tally)).unwrap();
        let no_room = [Tally::Busy, Tally::StorageFull, Tally::ShardAway].map(count);
        assert!(no_room.iter().all(|count| 0 < *count), "{no_room:?}");
        let received = [Tally::Replied, Tally::Followed, Tally::Again].map(count);
        let received = received.into_iter().chain(no_room);
        assert_eq!(logged.len(), received.sum::<usize>());
        assert!(logged.iter().any(is_no_room) && logged.iter().any(Reply::is_duplicate));
        let mut shares = BTreeMap::new();
        for reply in &logged {
            if let Reply::Allocated { seq, shares: received, .. } = reply {
                let first = shares.entry(*seq).or_insert(received);
                assert_eq!(*first, received, "the shares of {seq} never change");
            }
        }
        assert_eq!(shares.len(), count(Tally::Allocated));
    }
}

#[test]
fn a_reply_is_in_the_file_as_soon_as_it_is_counted() {
    let log_file = LogFile::new();
    let mut scenario = Scenario::new();
    let config = FillConfig::new(source("fills"));
    let fills = scenario.logged_fills(config, Fills::one_and_then_none(), log_file.log());
    let mut stepper = scenario.begin(1);
    stepper.run_until_idle();
    assert!(!fills.is_finished() && fills.get(Tally::Replied) == 1);
    let expected = "{\"type\":\"held\",\"source\":\"fills\",\"seq\":1}\n";
    assert_eq!(fs::read_to_string(log_file.path()).unwrap(), expected);
}

#[test]
fn a_feed_that_cannot_log_its_replies_ends_with_the_reason() {
    let mut scenario = Scenario::new();
    scenario.one_split();
    let endless = Box::new(Random::new(RandomConfig::new(1)));
    let log = ReplyLog::open("/dev/full").unwrap();
    let fills = scenario.logged_fills(FillConfig::new(source("fills")), endless, log);
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &fills);
    let summary = fills.summary();
    assert!(!summary.is_ok() && summary.get(Tally::Lost) == 0, "{summary}");
    assert!(summary.to_string().starts_with("fills: not all replies logged\n"), "{summary}");
    assert!(
        summary.to_string().contains("replies not logged: cannot write /dev/full: "),
        "{summary}"
    );
}
