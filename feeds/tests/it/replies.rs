//! The answer log: what the server has said, as it arrives.

use crate::front::Trouble;
use crate::scene::{Fills, Scene, finish, source};
use allot_feeds::{FillConfig, Random, RandomConfig, ReplyLog, Tally};
use allot_wire::{Encoding, Reply, decode_replies};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A file of answers for as long as the test runs.
struct Answers {
    folder: tempfile::TempDir,
}

impl Answers {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("answers.ndjson")
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

fn no_room(reply: &Reply) -> bool {
    matches!(reply, Reply::Rejected { code, .. } if code == "busy" || code == "storage_full")
}

#[test]
fn every_answer_is_kept_in_json_whatever_happens_on_the_way() {
    for encoding in [Encoding::Json, Encoding::Binary] {
        let trouble = Trouble {
            lose_reply: 30,
            busy: 20,
            storage_full: 50,
            reply_twice: 20,
            delay_max: Duration::from_millis(1_500),
            ..Trouble::default()
        };
        let (answers, mut scene) = (Answers::new(), Scene::new().trouble(trouble));
        let splits = scene.one_split();
        let config = FillConfig { count: Some(300), encoding, ..FillConfig::new(source("fills")) };
        let random = Random::new(RandomConfig::new(5));
        let fills = scene.logged_fills(config, Box::new(random), answers.log());
        let mut stepper = scene.begin(3);
        finish(&mut stepper, &fills);
        finish(&mut stepper, &splits);

        let kept = answers.read();
        let count = |tally| usize::try_from(fills.get(tally)).unwrap();
        let heard = [Tally::Answered, Tally::Followed, Tally::Again, Tally::Busy].map(count);
        assert_eq!(kept.len(), heard.iter().sum::<usize>());
        assert!(kept.iter().any(no_room) && kept.iter().any(Reply::is_duplicate));
        let mut shares = BTreeMap::new();
        for reply in &kept {
            if let Reply::Allocated { seq, shares: told, .. } = reply {
                let first = shares.entry(*seq).or_insert(told);
                assert_eq!(*first, told, "the shares of {seq} are told as they were first");
            }
        }
        assert_eq!(shares.len(), count(Tally::Allocated));
    }
}

#[test]
fn an_answer_is_in_the_file_as_soon_as_it_is_counted() {
    let (answers, mut scene) = (Answers::new(), Scene::new());
    let config = FillConfig::new(source("fills"));
    let fills = scene.logged_fills(config, Fills::one_and_then_none(), answers.log());
    let mut stepper = scene.begin(1);
    stepper.run_until_idle();
    assert!(!fills.is_finished() && fills.get(Tally::Answered) == 1);
    let expected = "{\"type\":\"held\",\"source\":\"fills\",\"seq\":1}\n";
    assert_eq!(fs::read_to_string(answers.path()).unwrap(), expected);
}

#[test]
fn a_feed_that_cannot_keep_its_answers_ends_and_says_why() {
    let mut scene = Scene::new();
    scene.one_split();
    let endless = Box::new(Random::new(RandomConfig::new(1)));
    let log = ReplyLog::open("/dev/full").unwrap();
    let fills = scene.logged_fills(FillConfig::new(source("fills")), endless, log);
    let mut stepper = scene.begin(1);
    finish(&mut stepper, &fills);
    let summary = fills.summary();
    assert!(!summary.is_ok() && summary.get(Tally::Lost) == 0, "{summary}");
    assert!(summary.to_string().starts_with("fills: not all replies logged\n"), "{summary}");
    assert!(
        summary.to_string().contains("replies not logged: cannot write /dev/full: "),
        "{summary}"
    );
}
