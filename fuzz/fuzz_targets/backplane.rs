//! Frames of the backplane, and the bodies that allocation puts into them.
#![no_main]

use allot_allocation_service::{InputName, decode_input, decode_part, encode_part};
use allot_wire::backplane::{
    self, FrameKind, decode_feedback, decode_hello, decode_interest, decode_marker,
    decode_reported, decode_welcome, encode_feedback, encode_hello, encode_interest, encode_marker,
    encode_reported, encode_welcome, events, inputs, replies,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    let _ = (inputs::count(frame), inputs::first(frame), inputs::queued_ns(frame));
    match backplane::kind(frame) {
        Some(FrameKind::Inputs) => read_inputs(frame),
        Some(FrameKind::Replies) => read_replies(frame),
        Some(FrameKind::Events) => {
            events::read(frame).into_iter().flatten().for_each(drop);
        }
        Some(FrameKind::Part) => read_part(frame),
        Some(FrameKind::Feedback) => read_feedback(frame),
        Some(FrameKind::Hello) => said_again(frame, decode_hello, encode_hello),
        Some(FrameKind::Welcome) => said_again(frame, decode_welcome, encode_welcome),
        Some(FrameKind::Interest) => said_again(frame, decode_interest, encode_interest),
        Some(FrameKind::Reported) => {
            said_again(frame, decode_reported, |report, out| encode_reported(*report, out));
        }
        None => {
            // A body without a frame.
            read_marker(frame);
            let _ = decode_part(frame);
        }
    }
});

/// What was read is the only frame that says so.
fn said_again<T, E>(
    frame: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    encode: impl Fn(&T, &mut Vec<u8>),
) {
    if let Ok(value) = decode(frame) {
        let mut again = Vec::new();
        encode(&value, &mut again);
        assert_eq!(again, frame);
    }
}

/// A marker has reserved bytes: they are not read, and are zero in what is written.
fn read_marker(body: &[u8]) {
    let Ok(marker) = decode_marker(body) else { return };
    let mut again = Vec::new();
    encode_marker(&marker, &mut again);
    assert_eq!(decode_marker(&again), Ok(marker));
}

fn read_inputs(frame: &[u8]) {
    let Ok(read) = inputs::read(frame) else { return };
    let mut again = Vec::new();
    inputs::begin(&mut again, read.first, read.router);
    inputs::set_queued(&mut again, inputs::queued_ns(frame));
    for input in read {
        let Ok(input) = input else { return };
        inputs::push(&mut again, input);
        if let Some(name) = InputName::of(input.kind) {
            let _ = decode_input(name.kind(), input.time_ns, input.body);
        }
    }
    assert!(frame.starts_with(&again), "{again:?}");
}

fn read_replies(frame: &[u8]) {
    let Ok(read) = replies::read(frame) else { return };
    let mut again = Vec::new();
    replies::begin(&mut again);
    replies::end(&mut again, read.through);
    replies::set_durable(&mut again, read.durable);
    replies::set_left(&mut again, read.left_ns);
    for reply in read {
        let Ok(reply) = reply else { return };
        let body = |frame: &mut Vec<u8>| frame.extend_from_slice(reply.body);
        replies::push_with(&mut again, reply.to, reply.encoding, body);
    }
    assert!(frame.starts_with(&again), "{again:?}");
}

fn read_part(frame: &[u8]) {
    let Ok(part) = backplane::decode_part(frame) else { return };
    let mut again = Vec::new();
    backplane::encode_part(&part.head, &mut again, |body| body.extend_from_slice(part.body));
    assert_eq!(backplane::decode_part(&again), Ok(part));
    if let Ok(body) = decode_part(part.body) {
        let mut again = Vec::new();
        encode_part(&body, &mut again);
        assert_eq!(decode_part(&again), Ok(body));
    }
}

fn read_feedback(frame: &[u8]) {
    said_again(frame, decode_feedback, encode_feedback);
    for body in decode_feedback(frame).into_iter().flat_map(|feedback| feedback.bodies) {
        let _ = decode_input(InputName::Netting.kind(), 0, &body);
    }
}
