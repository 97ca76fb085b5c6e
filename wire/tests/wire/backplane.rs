//! Backplane: the bytes of every frame, and what is read back from them.

use crate::golden::check;
use crate::{frames, samples};
use allot_domain::{Input, Marker};
use allot_wire::backplane::{
    self, AnswerFrame, FrameKind, InputFrame, InputKind, Interest, To, answers, applied,
    decode_hello, decode_input, decode_interest, decode_part, decode_plan, decode_welcome, inputs,
};
use allot_wire::{Encoding, Request};
use expect_test::expect;

fn frame(name: &str) -> Vec<u8> {
    let mut frames = frames::frames().into_iter();
    frames.find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn the_first_byte_says_what_a_frame_is() {
    let kinds =
        frames::frames().iter().map(|(_, frame)| backplane::kind(frame)).collect::<Vec<_>>();
    let expected = [
        FrameKind::Inputs,
        FrameKind::Answers,
        FrameKind::Applied,
        FrameKind::Hello,
        FrameKind::Welcome,
        FrameKind::Interest,
        FrameKind::Part,
        FrameKind::Plan,
    ];
    assert_eq!(kinds, expected.map(Some));
    assert_eq!(backplane::kind(&[]), None);
    assert_eq!(backplane::kind(&[9]), None);
}

#[test]
fn inputs_read_back_as_they_were_pushed() {
    let frame = frame("inputs");
    let read = inputs::read(&frame).unwrap();
    assert_eq!((read.first, read.count, inputs::count(&frame)), (41, 6, 6));
    assert_eq!((inputs::queued_ns(&frame), inputs::queued_ns(&[])), (1_000_000_007, 0));
    let bodies = frames::input_bodies();
    let pushed = bodies.iter().map(|(kind, body)| InputFrame {
        client: 6,
        encoding: Encoding::Binary,
        kind: *kind,
        body,
    });
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), pushed.collect::<Vec<_>>());
}

#[test]
fn inputs_can_be_given_other_numbers() {
    let mut frame = frame("inputs");
    inputs::renumber(&mut frame, 1_000);
    let read = inputs::read(&frame).unwrap();
    assert_eq!((read.first, read.map(Result::unwrap).count()), (1_000, 6));
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
fn a_damaged_input_is_refused_with_what_could_be_read() {
    let (_, mut body) = frames::input_bodies().swap_remove(0);
    body.truncate(body.len() - 1);
    let rejection = decode_input(InputKind::Fill, &body).unwrap_err();
    assert_eq!((rejection.source.as_str(), rejection.seq), ("fills-1", 17));
    let rejection = decode_input(InputKind::Marker, &[1, 2, 3]).unwrap_err();
    assert_eq!((rejection.reject.code(), rejection.seq), ("malformed_message", 0));
}

#[test]
fn answers_read_back_with_their_addresses() {
    let frame = frame("answers");
    let read = answers::read(&frame).unwrap();
    assert_eq!((read.through, read.durable, read.count), (45, 44, 3));
    assert_eq!(read.left_ns, 1_000_000_009);
    let answers = read.collect::<Result<Vec<_>, _>>().unwrap();
    let (json, binary) = (Encoding::Json, Encoding::Binary);
    let [late, of_all] = [binary, json].map(|encoding| samples::reply_bodies(encoding)[3].clone());
    let first = &samples::reply_bodies(json)[0];
    let expected = [
        AnswerFrame { to: To::Client(6), encoding: json, body: first },
        AnswerFrame { to: To::Source("fills-1"), encoding: binary, body: &late },
        AnswerFrame { to: To::ClientOfAll(7), encoding: json, body: &of_all },
    ];
    assert_eq!(answers, expected);
}

#[test]
fn what_was_applied_reads_back_as_replies() {
    let frame = frame("applied");
    let read = applied::read(&frame).unwrap();
    assert_eq!((read.shard, read.incarnation, read.number, read.count), (1, 9, 2, 2));
    let seqs: Vec<_> = read.map(|reply| reply.unwrap().seq()).collect();
    assert_eq!(seqs, [17, 20]);
}

#[test]
fn greetings_parts_and_plans_read_back() {
    assert_eq!(decode_hello(&frame("hello")), Ok(frames::hello()));
    assert_eq!(decode_welcome(&frame("welcome")).map(|welcome| welcome.base), Ok(45));
    assert_eq!(decode_interest(&frame("interest")), Ok(Interest { fills: true }));
    assert_eq!(decode_part(&frame("part")), Ok(frames::part()));
    assert_eq!(decode_plan(&frame("plan")), Ok(frames::plan()));
}

#[test]
fn a_part_without_split_and_positions_reads_back() {
    let mut part = frames::part();
    part.part.split = None;
    part.part.positions = None;
    part.part.marker = Marker { report: false, ..part.part.marker };
    let mut frame = Vec::new();
    backplane::encode_part(&part, &mut frame);
    assert_eq!(decode_part(&frame), Ok(part));
}

#[test]
fn a_frame_of_another_kind_is_refused() {
    assert!(decode_hello(&frame("welcome")).is_err());
    assert!(inputs::read(&frame("answers")).is_err());
    assert!(answers::read(&frame("inputs")).is_err());
    assert!(applied::read(&[]).is_err());
}

#[test]
fn inputs_of_the_backplane() {
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
            0160  04 19 00 00 00 07 00 00 00 00 00 00 00 93 58 01  |..............X.|
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
fn answers_of_the_backplane() {
    check(
        &[frame("answers")],
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
fn what_was_applied() {
    check(
        &[frame("applied")],
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
fn greetings_of_the_backplane() {
    check(
        &[frame("hello")],
        &expect![[r#"
            0000  03 01 00 00 00 04 00 00 00 09 00 00 00 00 00 00  |................|
            0010  00 08 00 00 00 00 00 00 00 05 00 00 00 00 00 00  |................|
            0020  00 04 00 00 00 00 00 00 00 04 00 00 00 00 00 00  |................|
            0030  00 07 00 00 00 00 00 00 00 7e 58 01 00 00 00 00  |.........~X.....|
            0040  00 15 00 00 00 00 00 00 00 01                    |..........|
        "#]],
    );
    check(
        &[frame("welcome")],
        &expect![[r#"
            0000  04 08 00 00 00 00 00 00 00 2d 00 00 00 00 00 00  |.........-......|
            0010  00 04 00 00 00 07 00 00 00 00 00 00 00           |.............|
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
fn parts_and_plans_of_the_backplane() {
    check(
        &[frame("part")],
        &expect![[r#"
            0000  06 01 00 00 00 04 00 00 00 09 00 00 00 00 00 00  |................|
            0010  00 02 00 00 00 00 00 00 00 07 00 00 00 00 00 00  |................|
            0020  00 93 58 01 00 00 00 00 00 00 40 dd 2b 83 b8 e9  |..X.......@.+...|
            0030  18 01 03 00 00 00 00 00 00 00 01 03 00 00 00 00  |................|
            0040  00 00 00 61 75 6d 01 00 00 00 00 00 00 00 01 00  |...aum..........|
            0050  00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00  |................|
            0060  00 00 00 00 00 00 00 9e c3 49 07 11 00 00 00 00  |.........I......|
            0070  00 00 00 00 00 00 80 13 c7 97 2b 00 00 00 01 00  |..........+.....|
            0080  00 00 00 00 00 00 00 e8 76 48 17 00 00 00 01 00  |........vH......|
            0090  00 00 00 00 00 00 00 0c 1b b7 cf 06 00 00 00 00  |................|
            00a0  00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 9b  |................|
            00b0  32 e2 ff ff ff ff ff ff ff ff ff ff ff ff 01 01  |2...............|
            00c0  00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 61  |...............a|
            00d0  63 63 6f 75 6e 74 31 01 00 00 00 00 00 0c 1b b7  |ccount1.........|
            00e0  cf 06 00 00 00 00 00 00 00 00 00 00 01 00 00 00  |................|
            00f0  00 00 00 00 41 41 50 4c 00 00 00 00 00 00 00 00  |....AAPL........|
            0100  00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00  |................|
            0110  28 00 00 00 00 00 00 00 00 0c 1b b7 cf 06 00 00  |(...............|
            0120  00 00 00 00 00 00 00 00                          |........|
        "#]],
    );
    check(
        &[frame("plan")],
        &expect![[r#"
            0000  08 03 00 00 00 00 00 00 00 02 00 00 00 00 00 00  |................|
            0010  00 03 00 00 00 00 00 00 00 03 00 00 00 00 00 00  |................|
            0020  00 61 75 6d 01 00 00 00 00 00 00 00 02 00 00 00  |.aum............|
            0030  00 00 00 00 00 2f 68 59 00 00 00 00 00 00 00 00  |...../hY........|
            0040  00 00 00 00 00 d1 97 a6 ff ff ff ff ff ff ff ff  |................|
            0050  ff ff ff ff 03 00 00 00 00 00 00 00 03 00 00 00  |................|
            0060  00 00 00 00 61 75 6d 01 00 00 00 00 00 00 00 02  |....aum.........|
            0070  00 00 00 00 00 00 00 00 2f 68 59 00 00 00 00 00  |......../hY.....|
            0080  00 00 00 00 00 00 00 00 d1 97 a6 ff ff ff ff ff  |................|
            0090  ff ff ff ff ff ff ff                             |.......|
        "#]],
    );
}
