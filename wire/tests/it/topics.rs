//! Topics: what is written is split again, and nothing else is.

use std::borrow::Cow;

use allot_wire::{Encoding, split_topic, write_topic};

const FAMILY: &str = "family:";

fn written(name: Option<&str>, encoding: Encoding) -> Vec<u8> {
    let mut topic = b"what stood here before".to_vec();
    write_topic(FAMILY, name, encoding, &mut topic);
    topic
}

#[test]
fn a_topic_is_split_into_what_it_was_written_from() {
    assert_eq!(written(None, Encoding::Json), b"family:json");
    assert_eq!(written(Some("a.b"), Encoding::Binary), b"family:bin:a.b:");
    for name in [None, Some("a"), Some("A-1_@/"), Some("a:b%")] {
        for encoding in [Encoding::Json, Encoding::Binary] {
            assert_eq!(
                split_topic(FAMILY, &written(name, encoding)),
                Some((name.map(Cow::Borrowed), encoding))
            );
        }
    }
}

#[test]
fn what_is_no_topic_of_the_family_is_not_split() {
    let others: [&[u8]; 6] =
        [b"", b"family", b"family:", b"other:json", b"family:json:a:b:", b"family:json:\xff:"];
    for other in others {
        assert_eq!(split_topic(FAMILY, other), None, "{other:?}");
    }
}
