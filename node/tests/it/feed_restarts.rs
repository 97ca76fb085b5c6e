//! Feeds that restart under their source name, and the replies that they get.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use allot_allocation_service::{Reply, decode_replies};
use allot_domain::Seq;

use crate::client::Client;
use crate::process::Place;

/// All replies in a file; a killed feed may have received none.
fn replies(place: &Place) -> Vec<Reply> {
    let file = fs::read(place.path().join("replies.ndjson")).unwrap();
    let mut replies = Vec::new();
    if !file.is_empty() {
        decode_replies(&file, &mut replies).unwrap();
    }
    replies
}

#[test]
fn a_killed_feed_continues_its_numbers_and_no_fill_counts_twice() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let split = ["feed", "aum", "--weights", "ann=40,bob=60", "--count", "1", "--front", &at.front];
    place.run(&split).ok();
    let feed = ["feed", "fills", "--front", &at.front, "--random", "--seed", "7"];
    let feed = [&feed[..], &["--source", "s", "--answers", "replies.ndjson"]].concat();
    let first_run = place.start(&[&feed[..], &["--rate", "max"]].concat());
    let client = Client::connect(&at.front);
    while client.report(&at.publish).fills < 100 {}
    drop(first_run);

    // The second run sends the fills without a reply again; the seed makes them the same fills. The
    // first run was at most one window ahead of its replies, far less than the second run sends.
    let is_final = |reply: &&Reply| !matches!(reply, Reply::Rejected { .. });
    let replied: BTreeSet<u64> =
        replies(&place).iter().filter(is_final).map(|reply| reply.seq().get()).collect();
    let first_seq = (1..).find(|seq| !replied.contains(seq)).unwrap();
    let from = first_seq.to_string();
    let more = ["--first-seq", &from, "--count", "1000", "--rate", "max"];
    assert!(place.run(&[&feed[..], &more].concat()).ok().contains("all answered"));

    let mut first = BTreeMap::new();
    let mut fresh = BTreeSet::new();
    for reply in replies(&place) {
        let Reply::Allocated { seq, duplicate, shares, .. } = reply else { continue };
        assert!(duplicate || fresh.insert(seq), "fill {seq} was divided twice");
        assert_eq!(first.entry(seq).or_insert_with(|| shares.clone()), &shares, "fill {seq}");
    }
    let last_seq = first_seq + 999;
    let seqs: Vec<_> = first.into_keys().map(Seq::get).collect();
    assert_eq!(seqs, (1..=last_seq).collect::<Vec<_>>(), "every number has a reply");
    assert_eq!(client.report(&at.publish).fills, last_seq, "and counts once");
}

#[test]
fn a_split_under_a_used_number_is_not_in_force_and_the_feed_says_so() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let send = |weights: &str, more: &[&str]| {
        let aum = ["feed", "aum", "--front", &at.front, "--source", "desk", "--count", "1"];
        place.run(&[&aum[..], &["--weights", weights], more].concat())
    };
    assert!(send("ann=40,bob=60", &[]).stderr.contains("a split is in force"));
    let again = send("ann=90,bob=10", &[]);
    assert!(again.stderr.contains("name_reused"), "{}", again.stderr);
    let next = send("ann=90,bob=10", &["--first-seq", "2"]);
    assert!(next.stderr.contains("a split is in force"), "{}", next.stderr);
    let nameless = ["feed", "aum", "--weights", "a=100", "--first-seq", "2"];
    assert_eq!(place.run(&nameless).status.code(), Some(2), "a new name has no numbers yet");
}
