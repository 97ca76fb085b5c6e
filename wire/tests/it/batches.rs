//! Batches: the header and the records of a binary message, whole and damaged.

use allot_domain::{Reject, limits};
use allot_wire::Batch;

#[test]
fn a_header_says_exactly_what_follows_it() {
    let good = b"ALOT\x02\x01\0\0\x01\0\0\0\x05\0\0\0\x01\0\0\0x";
    assert_eq!(Batch::parse(good).unwrap().records().count(), 1);
    let damages: [(usize, u8, &str); 6] = [
        (0, b'B', "a binary message must begin with ALOT"),
        (4, 1, "the version must be 2; it was 1"),
        (6, 1, "the reserved bytes of the header must be zero"),
        (12, 4, "the header announces 4 bytes; 5 follow it"),
        (15, 255, "the header announces 4278190085 bytes; 5 follow it"),
        (8, 1, "none"),
    ];
    for (at, byte, reason) in damages {
        let mut message = good.to_vec();
        message[at] = byte;
        let found =
            Batch::parse(&message).map_or_else(|reject| reject.to_string(), |_| "none".into());
        assert_eq!(found, reason);
    }
    assert_eq!(Batch::parse(&good[..15]).unwrap_err().code(), "malformed_message");
}

fn records(message: &[u8]) -> Vec<Result<&[u8], String>> {
    let batch = Batch::parse(message).unwrap();
    batch.records().map(|record| record.map_err(|reject| reject.to_string())).collect()
}

#[test]
fn records_end_at_the_first_that_is_damaged() {
    let head = |count: u8, length: u8| {
        [&b"ALOT\x02\x01\0\0"[..], &[count, 0, 0, 0, length, 0, 0, 0]].concat()
    };
    let two = [head(2, 5), b"\x01\0\0\0x".to_vec()].concat();
    assert_eq!(records(&two), [Ok(&b"x"[..]), Err("the message ends too early".into())]);
    let none = [head(0, 5), b"\x01\0\0\0x".to_vec()].concat();
    assert_eq!(records(&none), [Err("bytes follow the last record".into())]);
    let huge = [head(2, 5), b"\xff\xff\xff\xffx".to_vec()].concat();
    assert_eq!(records(&huge), [Err("the message ends too early".into())]);
}

#[test]
fn a_batch_that_is_too_long_is_not_looked_at() {
    let longer = vec![b'{'; limits::MESSAGE_MAX + 1];
    assert_eq!(Batch::parse(&longer).unwrap_err(), Reject::OversizedMessage(longer.len()));
}
