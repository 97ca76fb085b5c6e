//! Frames: one of each kind of the backplane. Their bodies belong to no system.

use allot_domain::{Incarnation, LedgerId, LogIndex, Marker, ReportNumber, ShardId};
use allot_wire::Encoding;
use allot_wire::backplane::{
    CheckNumber, ClientHandle, Feedback, Hello, InputFrame, InputKind, Interest, PartHead,
    ReplyFrame, ReplyTo, To, Welcome, encode_feedback, encode_hello, encode_interest,
    encode_marker, encode_part, encode_reported, encode_welcome, events, inputs, replies,
};

/// A kind that is not the marker's.
pub(crate) const KIND: InputKind = InputKind::new(200);

/// What the shard says in its part.
pub(crate) const PART_BODY: &[u8] = b"what a shard has";

pub(crate) fn marker() -> Marker {
    Marker { number: 7, time_ns: 1_795_168_800_000_000_000, report: true }
}

pub(crate) fn marker_body() -> Vec<u8> {
    let mut body = Vec::new();
    encode_marker(&marker(), &mut body);
    body
}

pub(crate) fn part_head() -> PartHead {
    PartHead {
        shard: ShardId::new(1),
        shards: 4,
        incarnation: Incarnation::new(9),
        ledger: LedgerId::new(0xabc),
        lost_inputs: 2,
        keyed: 88_190,
        to_all: 21,
        marker: marker(),
    }
}

pub(crate) fn hello() -> Hello {
    Hello {
        shard: ShardId::new(1),
        shards: 4,
        incarnation: Incarnation::new(9),
        ledger: LedgerId::new(0xabc),
        router: Incarnation::new(8),
        applied: LogIndex::new(5),
        replied: LogIndex::new(4),
        durable: LogIndex::new(3),
        marker: 7,
        full: true,
    }
}

pub(crate) fn welcome() -> Welcome {
    Welcome {
        router_incarnation: Incarnation::new(8),
        shard_incarnation: Incarnation::new(9),
        base: LogIndex::new(45),
        shards: 4,
    }
}

pub(crate) fn feedback() -> Feedback {
    Feedback { kind: KIND, bodies: vec![b"for shard 0".to_vec(), Vec::new()] }
}

/// What is in the frame of inputs, given the body of its marker.
pub(crate) fn input_frames(marker: &[u8]) -> [InputFrame<'_>; 3] {
    let client = ClientHandle::new(6);
    let json = ReplyTo { client, encoding: Encoding::Json };
    let binary = ReplyTo { client, encoding: Encoding::Binary };
    [
        InputFrame { reply_to: json, kind: KIND, time_ns: 7, body: b"one" },
        InputFrame { reply_to: binary, kind: KIND, time_ns: 8, body: b"" },
        InputFrame { reply_to: ReplyTo::NOBODY, kind: InputKind::MARKER, time_ns: 9, body: marker },
    ]
}

/// What is in the frame of replies.
pub(crate) fn reply_frames() -> [ReplyFrame<'static>; 4] {
    let (json, binary) = (Encoding::Json, Encoding::Binary);
    let [client, client_of_all] = [6, 7].map(ClientHandle::new);
    [
        ReplyFrame { to: To::Client(client), encoding: json, body: b"{}" },
        ReplyFrame { to: To::Source("fills-1"), encoding: binary, body: b"late" },
        ReplyFrame { to: To::ClientOfAll(client_of_all), encoding: json, body: b"1" },
        ReplyFrame { to: To::Router(CheckNumber::new(8)), encoding: binary, body: b"found" },
    ]
}

fn inputs_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    inputs::begin(&mut frame, LogIndex::new(41), Incarnation::new(8));
    inputs::set_queued(&mut frame, 1_000_000_007);
    for input in input_frames(&marker_body()) {
        inputs::push(&mut frame, input);
    }
    frame
}

fn replies_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    replies::begin(&mut frame);
    for ReplyFrame { to, encoding, body } in reply_frames() {
        replies::push_with(&mut frame, to, encoding, |out| out.extend_from_slice(body));
    }
    replies::end(&mut frame, LogIndex::new(45));
    replies::set_durable(&mut frame, LogIndex::new(44));
    replies::set_left(&mut frame, 1_000_000_009);
    frame
}

fn events_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    events::begin(&mut frame, ShardId::new(1), Incarnation::new(9), 2);
    for event in ["first", "second"] {
        let write = |out: &mut Vec<u8>| allot_wire::push_record(out, event.as_bytes());
        events::push_with(&mut frame, write);
    }
    frame
}

/// One frame of each kind of the backplane, by name.
pub(crate) fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let mut frames =
        vec![("inputs", inputs_frame()), ("replies", replies_frame()), ("events", events_frame())];
    let mut add = |name, encode: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = Vec::new();
        encode(&mut frame);
        frames.push((name, frame));
    };
    add("hello", &|frame| encode_hello(&hello(), frame));
    add("welcome", &|frame| encode_welcome(&welcome(), frame));
    add("interest", &|frame| encode_interest(&Interest { events: true }, frame));
    let write_body = |out: &mut Vec<u8>| out.extend_from_slice(PART_BODY);
    add("part", &|frame| encode_part(&part_head(), frame, write_body));
    add("feedback", &|frame| encode_feedback(&feedback(), frame));
    add("reported", &|frame| encode_reported(ReportNumber::new(12), frame));
    frames
}

/// The frame of this name.
pub(crate) fn frame(name: &str) -> Vec<u8> {
    let mut frames = frames().into_iter();
    frames.find(|(known, _)| *known == name).unwrap().1
}
