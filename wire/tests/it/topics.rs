//! Topics: what is written is split again, and nothing else is.

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
    assert_eq!(written(Some("a.b"), Encoding::Binary), b"family:a.b:bin");
    for name in [None, Some("a"), Some("A-1_@/")] {
        for encoding in [Encoding::Json, Encoding::Binary] {
            assert_eq!(split_topic(FAMILY, &written(name, encoding)), Some((name, encoding)));
        }
    }
}

#[test]
fn what_is_no_topic_of_the_family_is_not_split() {
    let others: [&[u8]; 6] =
        [b"", b"family", b"family:", b"other:json", b"family:a:b:json", b"family:\xff:json"];
    for other in others {
        assert_eq!(split_topic(FAMILY, other), None, "{other:?}");
    }
}
