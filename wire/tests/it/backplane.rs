//! Backplane: the bytes of every frame, and what is read back from them.

use allot_domain::{Incarnation, LogIndex, ReportNumber, ShardId};
use allot_wire::Encoding;
use allot_wire::backplane::{
    self, ClientHandle, Feedback, FrameKind, Hello, INPUT_BODY_MAX, InputFrame, InputKind,
    Interest, PartFrame, PartHead, ReplyTo, To, Welcome, decode_feedback, decode_hello,
    decode_interest, decode_marker, decode_part, decode_welcome, encode_feedback, encode_hello,
    encode_part, encode_welcome, events, inputs, replies,
};
use expect_test::expect;

use crate::dump::check;
use crate::frames::{self, frame};

#[test]
fn the_first_byte_says_what_a_frame_is() {
    let kinds =
        frames::frames().iter().map(|(_, frame)| backplane::kind(frame)).collect::<Vec<_>>();
    let expected = [
        FrameKind::Inputs,
        FrameKind::Replies,
        FrameKind::Events,
        FrameKind::Hello,
        FrameKind::Welcome,
        FrameKind::Interest,
        FrameKind::Part,
        FrameKind::Feedback,
        FrameKind::Reported,
    ];
    assert_eq!(kinds, expected.map(Some));
    assert_eq!(backplane::kind(&[]), None);
    assert_eq!(backplane::kind(&[10]), None);
}

#[test]
fn inputs_read_back_as_they_were_pushed() {
    let frame = frame("inputs");
    let read = inputs::read(&frame).unwrap();
    assert_eq!((read.first, read.router), (LogIndex::new(41), Incarnation::new(8)));
    assert_eq!((read.count, inputs::count(&frame)), (3, 3));
    assert_eq!((inputs::queued_ns(&frame), inputs::queued_ns(&[])), (1_000_000_007, 0));
    let marker = frames::marker_body();
    let pushed = frames::input_frames(&marker);
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), pushed);
}

#[test]
fn inputs_can_be_given_other_indexes() {
    let mut frame = frame("inputs");
    let other = LogIndex::new(1_000);
    inputs::renumber(&mut frame, other);
    let read = inputs::read(&frame).unwrap();
    assert_eq!((read.first, inputs::first(&frame)), (other, other));
    assert_eq!(read.map(Result::unwrap).count(), 3);
}

#[test]
fn inputs_end_at_the_first_that_is_damaged() {
    let frame = frame("inputs");
    let cut = &frame[..frame.len() - 1];
    let read: Vec<_> = inputs::read(cut).unwrap().map(|input| input.is_ok()).collect();
    assert_eq!(read, [true, true, false]);
}

#[test]
fn a_marker_reads_back() {
    assert_eq!(decode_marker(&frames::marker_body()), Ok(frames::marker()));
}

#[test]
fn a_marker_of_an_earlier_version_with_a_count_in_its_reserved_bytes_reads_the_same() {
    let mut body = frames::marker_body();
    assert_eq!(body[8..16], [0; 8], "reserved");
    body[8..16].copy_from_slice(&88_211_u64.to_le_bytes());
    assert_eq!(decode_marker(&body), Ok(frames::marker()));
}

#[test]
fn replies_read_back_with_their_addresses() {
    let frame = frame("replies");
    let read = replies::read(&frame).unwrap();
    assert_eq!((read.through, read.durable), (LogIndex::new(45), LogIndex::new(44)));
    assert_eq!((read.count, read.left_ns), (4, 1_000_000_009));
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), frames::reply_frames());
}

#[test]
fn a_reply_that_says_nothing_is_refused() {
    let mut frame = Vec::new();
    replies::begin(&mut frame);
    replies::push_with(&mut frame, To::Client(ClientHandle::new(6)), Encoding::Json, |_| {});
    replies::end(&mut frame, LogIndex::new(45));
    assert!(replies::read(&frame).unwrap().next().unwrap().is_err());
}

#[test]
fn an_input_longer_than_a_record_of_a_journal_is_refused() {
    let pushed = |len| {
        let mut frame = Vec::new();
        inputs::begin(&mut frame, LogIndex::new(1), Incarnation::new(8));
        let (kind, body) = (InputKind::new(200), vec![0; len]);
        let input = InputFrame { reply_to: ReplyTo::NOBODY, kind, time_ns: 0, body: &body };
        inputs::push(&mut frame, input);
        inputs::read(&frame).unwrap().next().unwrap().is_ok()
    };
    assert!(pushed(INPUT_BODY_MAX));
    assert!(!pushed(INPUT_BODY_MAX + 1));
}

#[test]
fn events_read_back_without_their_sizes() {
    let frame = frame("events");
    let read = events::read(&frame).unwrap();
    assert_eq!((read.shard, read.incarnation), (ShardId::new(1), Incarnation::new(9)));
    assert_eq!((read.number, read.count), (2, 2));
    let events = read.collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(events, [&b"first"[..], b"second"]);
}

#[test]
fn greetings_read_back() {
    assert_eq!(decode_hello(&frame("hello")), Ok(frames::hello()));
    assert_eq!(decode_welcome(&frame("welcome")), Ok(frames::welcome()));
    assert_eq!(decode_interest(&frame("interest")), Ok(Interest { events: true }));
}

#[test]
fn a_greeting_of_what_cannot_be_is_refused() {
    let changed = |change: fn(&mut Hello)| {
        let mut hello = frames::hello();
        change(&mut hello);
        let mut frame = Vec::new();
        encode_hello(&hello, &mut frame);
        decode_hello(&frame)
    };
    assert!(changed(|_| ()).is_ok());
    assert!(changed(|hello| hello.applied = LogIndex::new(u64::MAX)).is_err());
    assert!(changed(|hello| hello.marker = u64::MAX).is_err());
    assert!(changed(|hello| hello.replied = hello.applied.next()).is_err());
    assert!(changed(|hello| hello.durable = hello.applied.next()).is_err());

    let changed = |change: fn(&mut Welcome)| {
        let mut welcome = frames::welcome();
        change(&mut welcome);
        let mut frame = Vec::new();
        encode_welcome(&welcome, &mut frame);
        decode_welcome(&frame)
    };
    assert!(changed(|_| ()).is_ok());
    assert!(changed(|welcome| welcome.base = LogIndex::new(u64::MAX)).is_err());
    assert!(changed(|welcome| welcome.router_incarnation = Incarnation::default()).is_err());
}

#[test]
fn inputs_of_no_router_or_of_an_index_that_cannot_be_are_refused() {
    let begun = |first, router| {
        let mut frame = Vec::new();
        inputs::begin(&mut frame, LogIndex::new(first), Incarnation::new(router));
        inputs::read(&frame).map(|inputs| inputs.count)
    };
    assert_eq!(begun(41, 8), Ok(0));
    assert!(begun(41, 0).is_err());
    assert!(begun(u64::MAX, 8).is_err());
}

#[test]
fn a_part_with_a_number_that_cannot_be_is_refused() {
    let changed = |change: fn(&mut PartHead)| {
        let mut head = frames::part_head();
        change(&mut head);
        let mut frame = Vec::new();
        encode_part(&head, &mut frame, |out| out.extend_from_slice(frames::PART_BODY));
        decode_part(&frame).map(|part| part.head == head)
    };
    assert_eq!(changed(|_| ()), Ok(true));
    assert!(changed(|head| head.lost_inputs = u64::MAX).is_err());
    assert!(changed(|head| head.keyed = u64::MAX).is_err());
    assert!(changed(|head| head.to_all = u64::MAX).is_err());
    assert!(changed(|head| head.marker.number = u64::MAX).is_err());
}

#[test]
fn feedback_longer_than_a_record_of_a_journal_is_refused() {
    let whole = Feedback { kind: frames::feedback().kind, bodies: vec![vec![0; INPUT_BODY_MAX]] };
    let mut frame = Vec::new();
    encode_feedback(&whole, &mut frame);
    assert_eq!(decode_feedback(&frame), Ok(whole));
    // The body is the last field, and its length stands before it.
    let at = frame.len() - INPUT_BODY_MAX - 8;
    assert_eq!(frame[at..][..8], INPUT_BODY_MAX.to_le_bytes());
    frame[at] += 1;
    frame.push(0);
    assert!(decode_feedback(&frame).is_err());
}

#[test]
fn feedback_reads_back_with_a_body_for_each_shard() {
    assert_eq!(decode_feedback(&frame("feedback")), Ok(frames::feedback()));
}

#[test]
fn a_part_reads_back_with_its_body_as_it_stands() {
    let frame = frame("part");
    let expected = PartFrame { head: frames::part_head(), body: frames::PART_BODY };
    assert_eq!(decode_part(&frame), Ok(expected));
}

#[test]
fn a_part_whose_head_is_cut_is_an_error() {
    let frame = frame("part");
    let head_len = frame.len() - frames::PART_BODY.len();
    for len in 0..head_len {
        assert!(decode_part(&frame[..len]).is_err(), "{len} bytes");
    }
    assert_eq!(decode_part(&frame[..head_len]).map(|part| part.body), Ok(&[][..]));
}

#[test]
fn a_frame_of_another_kind_is_refused() {
    assert!(decode_hello(&frame("welcome")).is_err());
    assert!(decode_feedback(&frame("part")).is_err());
    assert!(decode_part(&frame("feedback")).is_err());
    assert!(inputs::read(&frame("replies")).is_err());
    assert!(replies::read(&frame("inputs")).is_err());
    assert!(events::read(&[]).is_err());
}

#[test]
fn bytes_of_inputs() {
    check(
        &[frame("inputs")],
        &expect![[r#"
            0000  01 03 00 00 00 29 00 00 00 00 00 00 00 08 00 00  |.....)..........|
            0010  00 00 00 00 00 07 ca 9a 3b 00 00 00 00 06 00 00  |........;.......|
            0020  00 00 00 00 00 00 c8 07 00 00 00 00 00 00 00 03  |................|
            0030  00 00 00 6f 6e 65 06 00 00 00 00 00 00 00 01 c8  |...one..........|
            0040  08 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0050  00 00 00 00 01 04 09 00 00 00 00 00 00 00 19 00  |................|
            0060  00 00 07 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0070  00 00 00 40 dd 2b 83 b8 e9 18 01                 |...@.+.....|
        "#]],
    );
}

#[test]
fn bytes_of_replies() {
    check(
        &[frame("replies")],
        &expect![[r#"
            0000  02 04 00 00 00 2d 00 00 00 00 00 00 00 2c 00 00  |.....-.......,..|
            0010  00 00 00 00 00 09 ca 9a 3b 00 00 00 00 00 06 00  |........;.......|
            0020  00 00 00 00 00 00 00 02 00 00 00 7b 7d 01 07 66  |...........{}..f|
            0030  69 6c 6c 73 2d 31 01 04 00 00 00 6c 61 74 65 02  |ills-1.....late.|
            0040  07 00 00 00 00 00 00 00 00 01 00 00 00 31 03 08  |.............1..|
            0050  00 00 00 00 00 00 00 01 05 00 00 00 66 6f 75 6e  |............foun|
            0060  64                                               |d|
        "#]],
    );
}

#[test]
fn bytes_of_events() {
    check(
        &[frame("events")],
        &expect![[r#"
        0000  07 02 00 00 00 01 00 00 00 09 00 00 00 00 00 00  |................|
        0010  00 02 00 00 00 00 00 00 00 05 00 00 00 66 69 72  |.............fir|
        0020  73 74 06 00 00 00 73 65 63 6f 6e 64              |st....second|
    "#]],
    );
}

#[test]
fn bytes_of_greetings() {
    check(
        &[frame("hello")],
        &expect![[r#"
            0000  03 01 00 00 00 04 00 00 00 09 00 00 00 00 00 00  |................|
            0010  00 bc 0a 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0020  00 08 00 00 00 00 00 00 00 05 00 00 00 00 00 00  |................|
            0030  00 04 00 00 00 00 00 00 00 03 00 00 00 00 00 00  |................|
            0040  00 07 00 00 00 00 00 00 00 01                    |..........|
        "#]],
    );
    check(
        &[frame("welcome")],
        &expect![[r#"
        0000  04 08 00 00 00 00 00 00 00 09 00 00 00 00 00 00  |................|
        0010  00 2d 00 00 00 00 00 00 00 04 00 00 00           |.-...........|
    "#]],
    );
    check(
        &[frame("interest")],
        &expect![[r#"
        0000  05 01                                            |..|
    "#]],
    );
}

#[test]
fn bytes_of_a_part_and_of_feedback() {
    check(
        &[frame("part")],
        &expect![[r#"
            0000  06 01 00 00 00 04 00 00 00 09 00 00 00 00 00 00  |................|
            0010  00 bc 0a 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0020  00 02 00 00 00 00 00 00 00 7e 58 01 00 00 00 00  |.........~X.....|
            0030  00 15 00 00 00 00 00 00 00 07 00 00 00 00 00 00  |................|
            0040  00 00 00 00 00 00 00 00 00 00 40 dd 2b 83 b8 e9  |..........@.+...|
            0050  18 01 77 68 61 74 20 61 20 73 68 61 72 64 20 68  |..what a shard h|
            0060  61 73                                            |as|
        "#]],
    );
    check(
        &[frame("feedback")],
        &expect![[r#"
        0000  08 c8 02 00 00 00 00 00 00 00 0b 00 00 00 00 00  |................|
        0010  00 00 66 6f 72 20 73 68 61 72 64 20 30 00 00 00  |..for shard 0...|
        0020  00 00 00 00 00                                   |.....|
    "#]],
    );
}

#[test]
fn a_report_that_is_out_is_told_by_its_number() {
    assert_eq!(backplane::decode_reported(&frame("reported")), Ok(ReportNumber::new(12)));
}
