//! Backplane: the bytes of the frames that carry messages of allocation, and what reads back.

use allot_allocation_rules::{Input, Part};
use allot_allocation_service::{InputName, Request, decode_input, decode_part, decode_replies};
use allot_wire::backplane::{
    self, ClientHandle, InputKind, ReplyFrame, To, decode_feedback, events, inputs, replies,
};
use allot_wire::{DecodeError, Encoding};
use expect_test::expect;

use crate::dump::check;
use crate::{frames, samples};

fn frame(name: &str) -> Vec<u8> {
    let mut frames = frames::frames().into_iter();
    frames.find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn every_input_is_what_it_was() {
    let read: Vec<_> = frames::input_bodies()
        .iter()
        .map(|(kind, body)| decode_input(*kind, body).unwrap())
        .collect();
    let requests = samples::requests().into_iter().filter_map(|request| match request {
        Request::Fill(fill) => Some(Input::Fill(fill)),
        Request::Bust(bust) => Some(Input::Bust(bust)),
        Request::Split(split) => Some(Input::Split(split)),
        Request::Report(_) => None,
    });
    let own = [Input::Marker(frames::marker()), Input::Netting(frames::netting())];
    assert_eq!(read, requests.chain(own).collect::<Vec<_>>());
}

#[test]
fn inputs_are_read_where_they_lie_in_their_frame() {
    let frame = frame("inputs");
    let pushed = frames::input_bodies();
    for (input, (kind, body)) in inputs::read(&frame).unwrap().zip(&pushed) {
        let input = input.unwrap();
        assert_eq!((input.reply_to, input.kind, input.body), (frames::REPLY_TO, *kind, &body[..]));
    }
    assert_eq!(usize::try_from(inputs::count(&frame)).unwrap(), pushed.len());
}

#[test]
fn a_kind_has_one_name_and_a_number_beyond_the_last_has_none() {
    for name in InputName::ALL {
        assert_eq!(InputName::of(name.kind()), Some(name));
    }
    assert_eq!(InputName::of(InputKind::new(0)), None);
    assert_eq!(InputName::of(InputKind::new(6)), None);
    let rejection = decode_input(InputKind::new(6), &[]).unwrap_err();
    assert_eq!((rejection.code, rejection.seq.get()), ("malformed_message", 0));
}

#[test]
fn a_damaged_input_is_refused_with_what_could_be_read() {
    let (_, mut body) = frames::input_bodies().swap_remove(0);
    body.truncate(body.len() - 1);
    let rejection = decode_input(InputName::Fill.kind(), &body).unwrap_err();
    assert_eq!((rejection.source.as_str(), rejection.seq.get()), ("fills-1", 17));
    let rejection = decode_input(InputKind::MARKER, &[1, 2, 3]).unwrap_err();
    assert_eq!((rejection.code, rejection.seq.get()), ("malformed_message", 0));
}

#[test]
fn replies_stand_in_their_frame_as_clients_get_them() {
    let frame = frame("replies");
    let (json, binary) = (Encoding::Json, Encoding::Binary);
    let [late, of_all] = [binary, json].map(|encoding| samples::reply_bodies(encoding)[3].clone());
    let first = &samples::reply_bodies(json)[0];
    let [client, client_of_all] = [6, 7].map(ClientHandle::new);
    let expected = [
        ReplyFrame { to: To::Client(client), encoding: json, body: first },
        ReplyFrame { to: To::Source("fills-1"), encoding: binary, body: &late },
        ReplyFrame { to: To::ClientOfAll(client_of_all), encoding: json, body: &of_all },
    ];
    let replies = replies::read(&frame).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(replies, expected);
}

#[test]
fn events_read_back_as_replies() {
    let frame = frame("events");
    let mut read = Vec::new();
    for event in events::read(&frame).unwrap() {
        let message = samples::reply_message(Encoding::Binary, &[sized(event.unwrap())]);
        decode_replies(&message, &mut read).unwrap();
    }
    assert_eq!(read.iter().map(|reply| reply.seq().get()).collect::<Vec<_>>(), [17, 20]);
}

/// A record with its size before it.
fn sized(record: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    allot_wire::push_record(&mut out, record);
    out
}

/// What the publisher makes of the frame of a part.
fn read_part(frame: &[u8]) -> Result<Part, DecodeError> {
    decode_part(backplane::decode_part(frame)?.body)
}

#[test]
fn a_part_reads_back() {
    assert_eq!(read_part(&frames::part_frame()), Ok(frames::part()));
}

#[test]
fn a_part_without_split_and_positions_reads_back() {
    let part = Part { split: None, positions: None, ..frames::part() };
    assert_eq!(decode_part(&frames::part_body(&part)), Ok(part));
}

#[test]
fn a_part_that_is_cut_anywhere_is_an_error() {
    let frame = frames::part_frame();
    for len in 0..frame.len() {
        assert!(read_part(&frame[..len]).is_err(), "{len} bytes");
    }
    assert!(read_part(&[&frame[..], &[0]].concat()).is_err(), "one byte more");
}

#[test]
fn feedback_reads_back_as_a_netting_for_each_shard() {
    let feedback = decode_feedback(&frame("feedback")).unwrap();
    assert_eq!(feedback, frames::feedback());
    for body in &feedback.bodies {
        let input = decode_input(feedback.kind, body);
        assert_eq!(input, Ok(Input::Netting(frames::netting())));
    }
}

#[test]
fn bytes_of_inputs() {
    check(
        &[frame("inputs")],
        &expect![[r#"
            0000  01 06 00 00 00 29 00 00 00 00 00 00 00 08 00 00  |.....)..........|
            0010  00 00 00 00 00 07 ca 9a 3b 00 00 00 00 06 00 00  |........;.......|
            0020  00 00 00 00 00 01 01 38 00 00 00 41 41 50 4c 00  |.......8...AAPL.|
            0030  00 00 00 00 00 00 00 00 00 00 00 11 00 00 00 00  |................|
            0040  00 00 00 07 00 00 00 00 00 00 00 66 69 6c 6c 73  |...........fills|
            0050  2d 31 80 13 c7 97 2b 00 00 00 64 00 00 00 00 00  |-1....+...d.....|
            0060  00 00 00 06 00 00 00 00 00 00 00 01 01 38 00 00  |.............8..|
            0070  00 41 41 50 4c 00 00 00 00 00 00 00 00 00 00 00  |.AAPL...........|
            0080  00 11 00 00 00 00 00 00 00 07 00 00 00 00 00 00  |................|
            0090  00 66 69 6c 6c 73 2d 31 80 13 c7 97 2b 00 00 00  |.fills-1....+...|
            00a0  64 00 00 00 00 00 00 00 01 06 00 00 00 00 00 00  |d...............|
            00b0  00 01 02 2f 00 00 00 41 41 50 4c 00 00 00 00 00  |.../...AAPL.....|
            00c0  00 00 00 00 00 00 00 14 00 00 00 00 00 00 00 07  |................|
            00d0  00 00 00 00 00 00 00 66 69 6c 6c 73 2d 31 11 00  |.......fills-1..|
            00e0  00 00 00 00 00 00 06 00 00 00 00 00 00 00 01 03  |................|
            00f0  63 00 00 00 01 00 00 00 00 00 00 00 03 00 00 00  |c...............|
            0100  00 00 00 00 61 75 6d 03 00 00 00 00 00 00 00 08  |....aum.........|
            0110  00 00 00 00 00 00 00 61 63 63 6f 75 6e 74 31 00  |.......account1.|
            0120  90 2f 50 09 00 00 00 08 00 00 00 00 00 00 00 61  |./P............a|
            0130  63 63 6f 75 6e 74 32 00 03 f7 43 08 00 00 00 08  |ccount2...C.....|
            0140  00 00 00 00 00 00 00 61 63 63 6f 75 6e 74 33 00  |.......account3.|
            0150  55 50 b4 05 00 00 00 06 00 00 00 00 00 00 00 01  |UP..............|
            0160  04 19 00 00 00 07 00 00 00 00 00 00 00 00 00 00  |................|
            0170  00 00 00 00 00 00 40 dd 2b 83 b8 e9 18 01 06 00  |......@.+.......|
            0180  00 00 00 00 00 00 01 05 43 00 00 00 03 00 00 00  |........C.......|
            0190  00 00 00 00 03 00 00 00 00 00 00 00 61 75 6d 01  |............aum.|
            01a0  00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 00  |................|
            01b0  2f 68 59 00 00 00 00 00 00 00 00 00 00 00 00 00  |/hY.............|
            01c0  d1 97 a6 ff ff ff ff ff ff ff ff ff ff ff ff     |...............|
        "#]],
    );
}

#[test]
fn bytes_of_replies() {
    check(
        &[frame("replies")],
        &expect![[r#"
            0000  02 03 00 00 00 2d 00 00 00 00 00 00 00 2c 00 00  |.....-.......,..|
            0010  00 00 00 00 00 09 ca 9a 3b 00 00 00 00 00 06 00  |........;.......|
            0020  00 00 00 00 00 00 00 9f 00 00 00 7b 22 74 79 70  |...........{"typ|
            0030  65 22 3a 22 61 6c 6c 6f 63 61 74 65 64 22 2c 22  |e":"allocated","|
            0040  73 6f 75 72 63 65 22 3a 22 66 69 6c 6c 73 2d 31  |source":"fills-1|
            0050  22 2c 22 73 65 71 22 3a 31 37 2c 22 74 69 63 6b  |","seq":17,"tick|
            0060  65 72 22 3a 22 41 41 50 4c 22 2c 22 70 72 69 63  |er":"AAPL","pric|
            0070  65 22 3a 22 31 38 37 2e 32 33 22 2c 22 71 75 61  |e":"187.23","qua|
            0080  6e 74 69 74 79 22 3a 31 30 30 2c 22 73 70 6c 69  |ntity":100,"spli|
            0090  74 22 3a 31 2c 22 73 68 61 72 65 73 22 3a 7b 22  |t":1,"shares":{"|
            00a0  61 63 63 6f 75 6e 74 31 22 3a 34 30 2c 22 61 63  |account1":40,"ac|
            00b0  63 6f 75 6e 74 32 22 3a 33 35 2c 22 61 63 63 6f  |count2":35,"acco|
            00c0  75 6e 74 33 22 3a 32 35 7d 7d 01 07 66 69 6c 6c  |unt3":25}}..fill|
            00d0  73 2d 31 01 96 00 00 00 92 00 00 00 01 12 00 00  |s-1.............|
            00e0  00 00 00 00 00 07 00 00 00 00 00 00 00 66 69 6c  |.............fil|
            00f0  6c 73 2d 31 02 41 41 50 4c 00 00 00 00 00 00 00  |ls-1.AAPL.......|
            0100  00 00 00 00 00 00 80 13 c7 97 2b 00 00 00 64 00  |..........+...d.|
            0110  00 00 00 00 00 00 01 00 00 00 00 00 00 00 03 00  |................|
            0120  00 00 00 00 00 00 08 00 00 00 00 00 00 00 61 63  |..............ac|
            0130  63 6f 75 6e 74 31 28 00 00 00 00 00 00 00 08 00  |count1(.........|
            0140  00 00 00 00 00 00 61 63 63 6f 75 6e 74 32 23 00  |......account2#.|
            0150  00 00 00 00 00 00 08 00 00 00 00 00 00 00 61 63  |..............ac|
            0160  63 6f 75 6e 74 33 19 00 00 00 00 00 00 00 02 07  |count3..........|
            0170  00 00 00 00 00 00 00 00 ab 00 00 00 7b 22 74 79  |............{"ty|
            0180  70 65 22 3a 22 61 6c 6c 6f 63 61 74 65 64 22 2c  |pe":"allocated",|
            0190  22 73 6f 75 72 63 65 22 3a 22 66 69 6c 6c 73 2d  |"source":"fills-|
            01a0  31 22 2c 22 73 65 71 22 3a 31 38 2c 22 6c 61 74  |1","seq":18,"lat|
            01b0  65 22 3a 74 72 75 65 2c 22 74 69 63 6b 65 72 22  |e":true,"ticker"|
            01c0  3a 22 41 41 50 4c 22 2c 22 70 72 69 63 65 22 3a  |:"AAPL","price":|
            01d0  22 31 38 37 2e 32 33 22 2c 22 71 75 61 6e 74 69  |"187.23","quanti|
            01e0  74 79 22 3a 31 30 30 2c 22 73 70 6c 69 74 22 3a  |ty":100,"split":|
            01f0  31 2c 22 73 68 61 72 65 73 22 3a 7b 22 61 63 63  |1,"shares":{"acc|
            0200  6f 75 6e 74 31 22 3a 34 30 2c 22 61 63 63 6f 75  |ount1":40,"accou|
            0210  6e 74 32 22 3a 33 35 2c 22 61 63 63 6f 75 6e 74  |nt2":35,"account|
            0220  33 22 3a 32 35 7d 7d                             |3":25}}|
        "#]],
    );
}

#[test]
fn bytes_of_events() {
    check(
        &[frame("events")],
        &expect![[r#"
        0000  07 02 00 00 00 01 00 00 00 09 00 00 00 00 00 00  |................|
        0010  00 02 00 00 00 00 00 00 00 92 00 00 00 01 11 00  |................|
        0020  00 00 00 00 00 00 07 00 00 00 00 00 00 00 66 69  |..............fi|
        0030  6c 6c 73 2d 31 00 41 41 50 4c 00 00 00 00 00 00  |lls-1.AAPL......|
        0040  00 00 00 00 00 00 00 80 13 c7 97 2b 00 00 00 64  |...........+...d|
        0050  00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 03  |................|
        0060  00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 61  |...............a|
        0070  63 63 6f 75 6e 74 31 28 00 00 00 00 00 00 00 08  |ccount1(........|
        0080  00 00 00 00 00 00 00 61 63 63 6f 75 6e 74 32 23  |.......account2#|
        0090  00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 61  |...............a|
        00a0  63 63 6f 75 6e 74 33 19 00 00 00 00 00 00 00 81  |ccount3.........|
        00b0  00 00 00 03 14 00 00 00 00 00 00 00 07 00 00 00  |................|
        00c0  00 00 00 00 66 69 6c 6c 73 2d 31 00 41 41 50 4c  |....fills-1.AAPL|
        00d0  00 00 00 00 00 00 00 00 00 00 00 00 11 00 00 00  |................|
        00e0  00 00 00 00 03 00 00 00 00 00 00 00 08 00 00 00  |................|
        00f0  00 00 00 00 61 63 63 6f 75 6e 74 31 28 00 00 00  |....account1(...|
        0100  00 00 00 00 08 00 00 00 00 00 00 00 61 63 63 6f  |............acco|
        0110  75 6e 74 32 23 00 00 00 00 00 00 00 08 00 00 00  |unt2#...........|
        0120  00 00 00 00 61 63 63 6f 75 6e 74 33 19 00 00 00  |....account3....|
        0130  00 00 00 00                                      |....|
    "#]],
    );
}

#[test]
fn bytes_of_a_part_and_of_feedback() {
    check(
        &[frame("part")],
        &expect![[r#"
            0000  06 01 00 00 00 04 00 00 00 09 00 00 00 00 00 00  |................|
            0010  00 02 00 00 00 00 00 00 00 7e 58 01 00 00 00 00  |.........~X.....|
            0020  00 15 00 00 00 00 00 00 00 07 00 00 00 00 00 00  |................|
            0030  00 00 00 00 00 00 00 00 00 00 40 dd 2b 83 b8 e9  |..........@.+...|
            0040  18 01 03 00 00 00 00 00 00 00 01 03 00 00 00 00  |................|
            0050  00 00 00 61 75 6d 01 00 00 00 00 00 00 00 01 00  |...aum..........|
            0060  00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00  |................|
            0070  00 00 00 00 00 00 00 9e c3 49 07 11 00 00 00 00  |.........I......|
            0080  00 00 00 00 00 00 80 13 c7 97 2b 00 00 00 01 00  |..........+.....|
            0090  00 00 00 00 00 00 00 e8 76 48 17 00 00 00 01 00  |........vH......|
            00a0  00 00 00 00 00 00 00 0c 1b b7 cf 06 00 00 00 00  |................|
            00b0  00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 9b  |................|
            00c0  32 e2 ff ff ff ff ff ff ff ff ff ff ff ff 01 01  |2...............|
            00d0  00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 61  |...............a|
            00e0  63 63 6f 75 6e 74 31 01 00 00 00 00 00 0c 1b b7  |ccount1.........|
            00f0  cf 06 00 00 00 00 00 00 00 00 00 00 01 00 00 00  |................|
            0100  00 00 00 00 41 41 50 4c 00 00 00 00 00 00 00 00  |....AAPL........|
            0110  00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00  |................|
            0120  28 00 00 00 00 00 00 00 00 0c 1b b7 cf 06 00 00  |(...............|
            0130  00 00 00 00 00 00 00 00                          |........|
        "#]],
    );
    check(
        &[frame("feedback")],
        &expect![[r#"
            0000  08 05 02 00 00 00 00 00 00 00 43 00 00 00 00 00  |..........C.....|
            0010  00 00 03 00 00 00 00 00 00 00 03 00 00 00 00 00  |................|
            0020  00 00 61 75 6d 01 00 00 00 00 00 00 00 02 00 00  |..aum...........|
            0030  00 00 00 00 00 00 2f 68 59 00 00 00 00 00 00 00  |....../hY.......|
            0040  00 00 00 00 00 00 d1 97 a6 ff ff ff ff ff ff ff  |................|
            0050  ff ff ff ff ff 43 00 00 00 00 00 00 00 03 00 00  |.....C..........|
            0060  00 00 00 00 00 03 00 00 00 00 00 00 00 61 75 6d  |.............aum|
            0070  01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00  |................|
            0080  00 2f 68 59 00 00 00 00 00 00 00 00 00 00 00 00  |./hY............|
            0090  00 d1 97 a6 ff ff ff ff ff ff ff ff ff ff ff ff  |................|
        "#]],
    );
}
