//! Garbage: no bytes make a reader of frames panic.

use allot_wire::backplane::{
    self, decode_feedback, decode_hello, decode_interest, decode_marker, decode_part,
    decode_reported, decode_welcome, events, inputs, replies,
};
use allot_wire::{Batch, Encoding, Heartbeat, split_topic};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::frames;
use crate::heartbeats::heartbeat;

/// Everything that bytes from outside can reach; a panic fails the test.
fn read_as_everything(bytes: &[u8]) {
    if let Ok(batch) = Batch::parse(bytes) {
        let _ = batch.records().count();
    }
    if let Ok(heartbeat) = Heartbeat::decode(bytes) {
        for encoding in [Encoding::Json, Encoding::Binary] {
            heartbeat.encode(encoding, &mut Vec::new());
        }
    }
    let _ = split_topic("heartbeat:", bytes);
    let _ = (backplane::kind(bytes), inputs::count(bytes));
    let _ = (inputs::first(bytes), inputs::queued_ns(bytes));
    let _ = inputs::read(bytes).map(Iterator::count);
    let _ = replies::read(bytes).map(Iterator::count);
    let _ = events::read(bytes).map(Iterator::count);
    let _ = (decode_hello(bytes), decode_welcome(bytes), decode_interest(bytes));
    let _ = (decode_marker(bytes), decode_part(bytes));
    let _ = (decode_feedback(bytes), decode_reported(bytes));
}

/// Every frame, a heartbeat in both encodings, and what stands within frames.
fn all() -> Vec<Vec<u8>> {
    let mut all: Vec<_> = frames::frames().into_iter().map(|(_, frame)| frame).collect();
    for encoding in [Encoding::Json, Encoding::Binary] {
        let mut body = Vec::new();
        heartbeat().encode(encoding, &mut body);
        all.push(body);
    }
    all.push(frames::marker_body());
    all
}

fn messages() -> impl Strategy<Value = Vec<u8>> {
    select(all())
}

/// Numbers that lengths and counts are overwritten with.
fn extremes() -> impl Strategy<Value = [u8; 8]> {
    select(vec![0, 1, 255, 65_536, 1 << 31, u64::from(u32::MAX), 1 << 62, u64::MAX])
        .prop_map(u64::to_le_bytes)
}

proptest! {
    #[test]
    fn random_bytes_behind_every_first_byte(kind in 0..10_u8, bytes in vec(any::<u8>(), 0..300)) {
        read_as_everything(&bytes);
        read_as_everything(&[&[kind], &bytes[..]].concat());
        let len = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let head = [b"ALOT\x01", &[kind][..], &[0, 0, kind, 0, 0, 0], &len].concat();
        read_as_everything(&[&head, &bytes[..]].concat());
    }

    #[test]
    fn truncated_messages(message in messages(), at in any::<Index>()) {
        read_as_everything(&message[..at.index(message.len())]);
    }

    #[test]
    fn flipped_bits(mut message in messages(), flips in vec((any::<Index>(), 0..8_u8), 1..6)) {
        for (at, bit) in flips {
            let at = at.index(message.len());
            message[at] ^= 1 << bit;
        }
        read_as_everything(&message);
    }

    #[test]
    fn overwritten_numbers(mut message in messages(), at in any::<Index>(), number in extremes()) {
        let at = at.index(message.len());
        for (byte, with) in message[at..].iter_mut().zip(number) {
            *byte = with;
        }
        read_as_everything(&message);
    }
}
