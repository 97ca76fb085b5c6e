//! Feeds that begin a new life under their name, and what they were told in each.

use crate::client::Client;
use crate::process::Place;
use allot_wire::{Reply, decode_replies};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// All that is in a file of answers; a feed that was killed may not have come to the first.
fn answers(place: &Place) -> Vec<Reply> {
    let (file, mut replies) = (fs::read(place.path().join("answers.ndjson")), Vec::new());
    let file = file.unwrap();
    if !file.is_empty() {
        decode_replies(&file, &mut replies).unwrap();
    }
    replies
}

#[test]
fn a_feed_that_was_killed_goes_on_with_its_numbers_and_no_fill_counts_twice() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let split = ["feed", "aum", "--weights", "ann=40,bob=60", "--count", "1", "--front", &at.front];
    place.run(&split).ok();
    let feed = ["feed", "fills", "--front", &at.front, "--random", "--seed", "7"];
    let feed = [&feed[..], &["--source", "s", "--answers", "answers.ndjson"]].concat();
    let first_life = place.start(&[&feed[..], &["--rate", "max"]].concat());
    let client = Client::connect(&at.front);
    while client.report(&at.publish).fills < 100 {}
    drop(first_life);

    // What has no answer is sent again, and is the same fill: it follows from the seed. The first
    // life has sent at most a window of fills beyond that, far less than the second will.
    let is_answer = |reply: &&Reply| !matches!(reply, Reply::Rejected { .. });
    let told: BTreeSet<u64> = answers(&place).iter().filter(is_answer).map(Reply::seq).collect();
    let first_seq = (1..).find(|seq| !told.contains(seq)).unwrap();
    let from = first_seq.to_string();
    let more = ["--first-seq", &from, "--count", "1000", "--rate", "max"];
    assert!(place.run(&[&feed[..], &more].concat()).ok().contains("all answered"));

    let (mut first, mut fresh) = (BTreeMap::new(), BTreeSet::new());
    for reply in answers(&place) {
        let Reply::Allocated { seq, duplicate, shares, .. } = reply else { continue };
        assert!(duplicate || fresh.insert(seq), "fill {seq} was divided twice");
        assert_eq!(first.entry(seq).or_insert_with(|| shares.clone()), &shares, "fill {seq}");
    }
    let last_seq = first_seq + 999;
    let seqs: Vec<_> = first.into_keys().collect();
    assert_eq!(seqs, (1..=last_seq).collect::<Vec<_>>(), "every number was answered");
    assert_eq!(client.report(&at.publish).fills, last_seq, "and counts once");
}

#[test]
fn a_split_under_a_number_that_was_used_is_not_in_force_and_that_is_said() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let say = |weights: &str, more: &[&str]| {
        let aum = ["feed", "aum", "--front", &at.front, "--source", "desk", "--count", "1"];
        place.run(&[&aum[..], &["--weights", weights], more].concat())
    };
    assert!(say("ann=40,bob=60", &[]).stderr.contains("a split is in force"));
    let again = say("ann=90,bob=10", &[]);
    assert!(again.stderr.contains("these weights are not in force"), "{}", again.stderr);
    assert!(again.ok().contains("duplicates                    1"));
    let next = say("ann=90,bob=10", &["--first-seq", "2"]);
    assert!(next.stderr.contains("a split is in force"), "{}", next.stderr);
    let nameless = ["feed", "aum", "--weights", "a=100", "--first-seq", "2"];
    assert_eq!(place.run(&nameless).status.code(), Some(2), "a new name has no numbers yet");
}
