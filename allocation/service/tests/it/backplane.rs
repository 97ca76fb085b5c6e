//! Backplane: the bytes of the frames that carry messages of allocation, and what reads back.

use allot_allocation_rules::{
    AccountIndex, AccountPart, AccountRank, Bust, CellPart, Fill, Input, Listing, Part, Replay,
    RowPart, SplitNumber, TickerSeq, Weight, limits,
};
use allot_allocation_service::{InputName, Request, decode_input, decode_part, decode_replies};
use allot_domain::Money;
use allot_wire::backplane::{
    self, ClientHandle, InputFrame, InputKind, ReplyFrame, To, decode_feedback, events, inputs,
    replies,
};
use allot_wire::{DecodeError, Encoding};
use expect_test::expect;

use crate::dump::check;
use crate::samples::TIME;
use crate::{frames, samples};

fn frame(name: &str) -> Vec<u8> {
    let mut frames = frames::frames().into_iter();
    frames.find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn every_input_is_what_it_was() {
    let read: Vec<_> = frames::input_bodies()
        .iter()
        .map(|(kind, body)| decode_input(*kind, TIME, body).unwrap())
        .collect();
    let requests = samples::requests().into_iter().filter_map(|request| match request {
        Request::Fill(fill) => Some(Input::Fill(Fill { time_ns: TIME, ..fill })),
        Request::Bust(bust) => Some(Input::Bust(Bust { time_ns: TIME, ..bust })),
        Request::Split(split) => Some(Input::Split(split.at(TIME))),
        Request::Replay(replay) => Some(Input::Replay(Replay { time_ns: TIME, ..replay })),
        Request::Splits(listing) => Some(Input::Listing(Listing { time_ns: TIME, ..listing })),
        Request::Report(_) => None,
    });
    let own = [Input::Marker(frames::marker()), Input::Netting(frames::netting())];
    assert_eq!(read, requests.chain(own).collect::<Vec<_>>());
}

#[test]
fn inputs_are_read_where_they_lie_in_their_frame() {
    let frame = frame("inputs");
    let pushed = frames::input_bodies();
    for (time_ns, (input, (kind, body))) in (TIME..).zip(inputs::read(&frame).unwrap().zip(&pushed))
    {
        let expected = InputFrame { reply_to: frames::REPLY_TO, kind: *kind, time_ns, body };
        assert_eq!(input.unwrap(), expected);
    }
    assert_eq!(usize::try_from(inputs::count(&frame)).unwrap(), pushed.len());
}

#[test]
fn a_kind_has_one_name_and_a_number_beyond_the_last_has_none() {
    for name in InputName::ALL {
        assert_eq!(InputName::of(name.kind()), Some(name));
    }
    assert_eq!(InputName::of(InputKind::new(0)), None);
    assert_eq!(InputName::of(InputKind::new(9)), None);
    let rejection = decode_input(InputKind::new(8), TIME, &[]).unwrap_err();
    assert_eq!((rejection.code, rejection.seq.get()), ("malformed_message", 0));
}

#[test]
fn a_damaged_input_is_refused_with_what_could_be_read() {
    let (_, mut body) = frames::input_bodies().swap_remove(0);
    body.truncate(body.len() - 1);
    let rejection = decode_input(InputName::Fill.kind(), TIME, &body).unwrap_err();
    assert_eq!((rejection.source.as_str(), rejection.seq.get()), ("fills-1", 17));
    let rejection = decode_input(InputKind::MARKER, TIME, &[1, 2, 3]).unwrap_err();
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
fn events_read_back_as_numbers_and_replies() {
    let frame = frame("events");
    let (mut numbers, mut read) = (Vec::new(), Vec::new());
    for event in events::read(&frame).unwrap() {
        let (number, record) = event.unwrap().split_first_chunk().unwrap();
        numbers.push(u64::from_le_bytes(*number));
        let message = samples::reply_message(Encoding::Binary, &[record.to_vec()]);
        decode_replies(&message, &mut read).unwrap();
    }
    assert_eq!(numbers, [5, 6, 1]);
    assert_eq!(read.iter().map(|reply| reply.seq().get()).collect::<Vec<_>>(), [17, 20, 21]);
    assert_eq!(read[2].id(), samples::named_fill().id);
    assert!(read.iter().all(|reply| reply.time_ns() == TIME));
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
    let mut part = Part { split: None, price_max: 0, ..frames::part() };
    clear_accounts(&mut part);
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

type Change = fn(&mut Part);

/// Parts that no book has, each of them good but for one number.
const IMPOSSIBLE: [(&str, Change); 29] = [
    ("a value more than there are accounts", |part| part.values.push(Money::ZERO)),
    ("no value then", |part| part.values_then.clear()),
    ("a netting more than there are accounts", |part| part.netted.push(Money::ZERO)),
    ("weights that do not add up", |part| part.weights[0] = Weight::default()),
    ("a split without weights", |part| clear_accounts(part)),
    ("weights without a split", |part| part.split = None),
    ("too much value", |part| part.values[0] = money_of(limits::VALUE_MAX * 2_000)),
    ("the least value there is", |part| part.values[0] = money_of(i128::MIN)),
    ("too much value then", |part| part.values_then[0] = money_of(i128::MAX)),
    ("too much by nettings", |part| part.netted[0] = money_of(i128::MIN)),
    ("a flow below zero", |part| part.flow = money_of(-1)),
    ("a flow beyond all turnover", |part| part.flow += money_of(limits::VALUE_MAX)),
    ("a turnover below zero", |part| part.turnover = money_of(-1)),
    ("a turnover beyond its limit", |part| part.turnover = money_of(limits::VALUE_MAX + 1)),
    ("a price below zero", |part| part.price_max = -1),
    ("a price beyond all prices", |part| part.price_max = limits::PRICE_MAX + 1),
    ("a number of nettings without end", |part| part.netting = u64::MAX),
    ("splits without end", |part| part.split_number = SplitNumber::new(u64::MAX)),
    ("fills without end", |part| part.fills = u64::MAX),
    ("held fills without end", |part| part.held = u64::MAX),
    ("an account beyond the split", |part| account(part).rank = Some(AccountRank::new(1))),
    ("an account less than the split has", |part| account(part).rank = None),
    ("an account with too much value", |part| account(part).value = money_of(i128::MIN)),
    ("a ticker without outcomes", |part| row(part).outcomes = TickerSeq::ZERO),
    ("outcomes without end", |part| row(part).outcomes = TickerSeq::new(u64::MAX)),
    ("a holding of nobody", |part| cell(part).account = AccountIndex::new(1)),
    ("more shares than there are", |part| cell(part).quantity = limits::HOLDING_MAX + 1),
    ("a holding of too much value", |part| cell(part).value = money_of(i128::MAX)),
    ("a fill that no split divided", |part| {
        clear_accounts(part);
        part.split = None;
    }),
];

fn money_of(nanos: i128) -> Money {
    Money::from_nanos(nanos)
}

fn account(part: &mut Part) -> &mut AccountPart {
    &mut part.positions.as_mut().unwrap().accounts[0]
}

fn row(part: &mut Part) -> &mut RowPart {
    &mut part.positions.as_mut().unwrap().rows[0]
}

fn cell(part: &mut Part) -> &mut CellPart {
    &mut row(part).cells[0]
}

/// No account is open any more.
fn clear_accounts(part: &mut Part) {
    part.weights.clear();
    part.values.clear();
    part.values_then.clear();
    part.netted.clear();
    part.positions = None;
}

#[test]
fn a_part_with_numbers_that_no_book_has_is_refused() {
    assert!(decode_part(&frames::part_body(&frames::part())).is_ok());
    for (what, change) in IMPOSSIBLE {
        let mut part = frames::part();
        change(&mut part);
        assert!(decode_part(&frames::part_body(&part)).is_err(), "{what}");
    }
}

#[test]
fn the_largest_numbers_that_a_book_has_are_read() {
    let mut part = frames::part();
    part.turnover = money_of(limits::VALUE_MAX);
    part.flow = money_of(limits::VALUE_MAX);
    part.price_max = limits::PRICE_MAX;
    part.values[0] = money_of(limits::NETTED_VALUE_MAX + limits::VALUE_MAX);
    part.netted[0] = money_of(-limits::NETTED_VALUE_MAX - limits::VALUE_MAX);
    cell(&mut part).quantity = limits::HOLDING_MAX;
    assert_eq!(decode_part(&frames::part_body(&part)), Ok(part));
}

#[test]
fn feedback_reads_back_as_a_netting_for_each_shard() {
    let feedback = decode_feedback(&frame("feedback")).unwrap();
    assert_eq!(feedback, frames::feedback());
    for body in &feedback.bodies {
        let input = decode_input(feedback.kind, TIME, body);
        assert_eq!(input, Ok(Input::Netting(frames::netting())));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a dump is as long as what it shows")]
fn bytes_of_inputs() {
    check(
        &[frame("inputs")],
        &expect![[r#"
            0000  01 0c 00 00 00 29 00 00 00 00 00 00 00 08 00 00  |.....)..........|
            0010  00 00 00 00 00 07 ca 9a 3b 00 00 00 00 06 00 00  |........;.......|
            0020  00 00 00 00 00 01 01 15 0d 39 33 83 b8 e9 18 50  |.........93....P|
            0030  00 00 00 41 41 50 4c 00 00 00 00 00 00 00 00 00  |...AAPL.........|
            0040  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0050  00 00 00 11 00 00 00 00 00 00 00 07 00 00 00 00  |................|
            0060  00 00 00 66 69 6c 6c 73 2d 31 00 00 00 00 00 00  |...fills-1......|
            0070  00 00 80 13 c7 97 2b 00 00 00 64 00 00 00 00 00  |......+...d.....|
            0080  00 00 00 06 00 00 00 00 00 00 00 01 01 16 0d 39  |...............9|
            0090  33 83 b8 e9 18 50 00 00 00 41 41 50 4c 00 00 00  |3....P...AAPL...|
            00a0  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            00b0  00 00 00 00 00 00 00 00 00 11 00 00 00 00 00 00  |................|
            00c0  00 07 00 00 00 00 00 00 00 66 69 6c 6c 73 2d 31  |.........fills-1|
            00d0  00 00 00 00 00 00 00 00 80 13 c7 97 2b 00 00 00  |............+...|
            00e0  64 00 00 00 00 00 00 00 01 06 00 00 00 00 00 00  |d...............|
            00f0  00 01 02 17 0d 39 33 83 b8 e9 18 49 00 00 00 41  |.....93....I...A|
            0100  41 50 4c 00 00 00 00 00 00 00 00 00 00 00 00 00  |APL.............|
            0110  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 14  |................|
            0120  00 00 00 00 00 00 00 07 00 00 00 00 00 00 00 66  |...............f|
            0130  69 6c 6c 73 2d 31 00 00 00 00 00 00 00 00 02 00  |ills-1..........|
            0140  00 00 00 00 00 00 31 37 06 00 00 00 00 00 00 00  |......17........|
            0150  01 03 18 0d 39 33 83 b8 e9 18 6b 00 00 00 01 00  |....93....k.....|
            0160  00 00 00 00 00 00 03 00 00 00 00 00 00 00 61 75  |..............au|
            0170  6d 03 00 00 00 00 00 00 00 08 00 00 00 00 00 00  |m...............|
            0180  00 61 63 63 6f 75 6e 74 31 00 90 2f 50 09 00 00  |.account1../P...|
            0190  00 08 00 00 00 00 00 00 00 61 63 63 6f 75 6e 74  |.........account|
            01a0  32 00 03 f7 43 08 00 00 00 08 00 00 00 00 00 00  |2...C...........|
            01b0  00 61 63 63 6f 75 6e 74 33 00 55 50 b4 05 00 00  |.account3.UP....|
            01c0  00 00 00 00 00 00 00 00 00 06 00 00 00 00 00 00  |................|
            01d0  00 01 01 19 0d 39 33 83 b8 e9 18 56 00 00 00 42  |.....93....V...B|
            01e0  54 43 2f 55 53 44 54 3a 55 53 44 54 00 00 00 00  |TC/USDT:USDT....|
            01f0  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 15  |................|
            0200  00 00 00 00 00 00 00 07 00 00 00 00 00 00 00 66  |...............f|
            0210  69 6c 6c 73 2d 31 06 00 00 00 00 00 00 00 45 58  |ills-1........EX|
            0220  2d 37 3a 62 80 13 c7 97 2b 00 00 00 64 00 00 00  |-7:b....+...d...|
            0230  00 00 00 00 00 06 00 00 00 00 00 00 00 01 02 1a  |................|
            0240  0d 39 33 83 b8 e9 18 51 00 00 00 42 54 43 2f 55  |.93....Q...BTC/U|
            0250  53 44 54 3a 55 53 44 54 00 00 00 00 00 00 00 00  |SDT:USDT........|
            0260  00 00 00 00 00 00 00 00 00 00 00 16 00 00 00 00  |................|
            0270  00 00 00 07 00 00 00 00 00 00 00 66 69 6c 6c 73  |...........fills|
            0280  2d 31 04 00 00 00 00 00 00 00 39 30 30 31 06 00  |-1........9001..|
            0290  00 00 00 00 00 00 45 58 2d 37 3a 62 06 00 00 00  |......EX-7:b....|
            02a0  00 00 00 00 01 03 1b 0d 39 33 83 b8 e9 18 5b 00  |........93....[.|
            02b0  00 00 02 00 00 00 00 00 00 00 03 00 00 00 00 00  |................|
            02c0  00 00 61 75 6d 01 00 00 00 00 00 00 00 08 00 00  |..aum...........|
            02d0  00 00 00 00 00 61 63 63 6f 75 6e 74 31 00 e8 76  |.....account1..v|
            02e0  48 17 00 00 00 02 00 00 00 00 00 00 00 08 00 00  |H...............|
            02f0  00 00 00 00 00 61 63 63 6f 75 6e 74 32 08 00 00  |.....account2...|
            0300  00 00 00 00 00 61 63 63 6f 75 6e 74 33 06 00 00  |.....account3...|
            0310  00 00 00 00 00 01 07 1c 0d 39 33 83 b8 e9 18 44  |.........93....D|
            0320  00 00 00 41 41 50 4c 00 00 00 00 00 00 00 00 00  |...AAPL.........|
            0330  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0340  00 00 00 04 00 00 00 00 00 00 00 03 00 00 00 00  |................|
            0350  00 00 00 6f 70 73 05 00 00 00 00 00 00 00 01 06  |...ops..........|
            0360  00 00 00 00 00 00 00 06 00 00 00 00 00 00 00 01  |................|
            0370  07 1d 0d 39 33 83 b8 e9 18 3c 00 00 00 42 54 43  |...93....<...BTC|
            0380  2f 55 53 44 54 3a 55 53 44 54 00 00 00 00 00 00  |/USDT:USDT......|
            0390  00 00 00 00 00 00 00 00 00 00 00 00 00 04 00 00  |................|
            03a0  00 00 00 00 00 03 00 00 00 00 00 00 00 6f 70 73  |.............ops|
            03b0  05 00 00 00 00 00 00 00 00 06 00 00 00 00 00 00  |................|
            03c0  00 01 08 1e 0d 39 33 83 b8 e9 18 1b 00 00 00 06  |.....93.........|
            03d0  00 00 00 00 00 00 00 03 00 00 00 00 00 00 00 6f  |...............o|
            03e0  70 73 02 00 00 00 00 00 00 00 06 00 00 00 00 00  |ps..............|
            03f0  00 00 01 04 1f 0d 39 33 83 b8 e9 18 19 00 00 00  |......93........|
            0400  07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0410  00 40 dd 2b 83 b8 e9 18 01 06 00 00 00 00 00 00  |.@.+............|
            0420  00 01 05 20 0d 39 33 83 b8 e9 18 43 00 00 00 03  |... .93....C....|
            0430  00 00 00 00 00 00 00 03 00 00 00 00 00 00 00 61  |...............a|
            0440  75 6d 01 00 00 00 00 00 00 00 02 00 00 00 00 00  |um..............|
            0450  00 00 00 2f 68 59 00 00 00 00 00 00 00 00 00 00  |.../hY..........|
            0460  00 00 00 d1 97 a6 ff ff ff ff ff ff ff ff ff ff  |................|
            0470  ff ff                                            |..|
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
            0020  00 00 00 00 00 00 00 c7 00 00 00 7b 22 74 79 70  |...........{"typ|
            0030  65 22 3a 22 61 6c 6c 6f 63 61 74 65 64 22 2c 22  |e":"allocated","|
            0040  73 6f 75 72 63 65 22 3a 22 66 69 6c 6c 73 2d 31  |source":"fills-1|
            0050  22 2c 22 73 65 71 22 3a 31 37 2c 22 74 69 6d 65  |","seq":17,"time|
            0060  22 3a 22 32 30 32 36 2d 31 31 2d 32 30 54 31 30  |":"2026-11-20T10|
            0070  3a 30 30 3a 30 30 2e 31 32 33 34 35 36 37 38 39  |:00:00.123456789|
            0080  5a 22 2c 22 74 69 63 6b 65 72 22 3a 22 41 41 50  |Z","ticker":"AAP|
            0090  4c 22 2c 22 70 72 69 63 65 22 3a 22 31 38 37 2e  |L","price":"187.|
            00a0  32 33 22 2c 22 71 75 61 6e 74 69 74 79 22 3a 31  |23","quantity":1|
            00b0  30 30 2c 22 73 70 6c 69 74 22 3a 31 2c 22 73 68  |00,"split":1,"sh|
            00c0  61 72 65 73 22 3a 7b 22 61 63 63 6f 75 6e 74 31  |ares":{"account1|
            00d0  22 3a 34 30 2c 22 61 63 63 6f 75 6e 74 32 22 3a  |":40,"account2":|
            00e0  33 35 2c 22 61 63 63 6f 75 6e 74 33 22 3a 32 35  |35,"account3":25|
            00f0  7d 7d 01 07 66 69 6c 6c 73 2d 31 01 b6 00 00 00  |}}..fills-1.....|
            0100  b2 00 00 00 01 12 00 00 00 00 00 00 00 07 00 00  |................|
            0110  00 00 00 00 00 66 69 6c 6c 73 2d 31 00 00 00 00  |.....fills-1....|
            0120  00 00 00 00 15 0d 39 33 83 b8 e9 18 02 41 41 50  |......93.....AAP|
            0130  4c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |L...............|
            0140  00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 13  |................|
            0150  c7 97 2b 00 00 00 64 00 00 00 00 00 00 00 01 00  |..+...d.........|
            0160  00 00 00 00 00 00 03 00 00 00 00 00 00 00 08 00  |................|
            0170  00 00 00 00 00 00 61 63 63 6f 75 6e 74 31 28 00  |......account1(.|
            0180  00 00 00 00 00 00 08 00 00 00 00 00 00 00 61 63  |..............ac|
            0190  63 6f 75 6e 74 32 23 00 00 00 00 00 00 00 08 00  |count2#.........|
            01a0  00 00 00 00 00 00 61 63 63 6f 75 6e 74 33 19 00  |......account3..|
            01b0  00 00 00 00 00 00 02 07 00 00 00 00 00 00 00 00  |................|
            01c0  d3 00 00 00 7b 22 74 79 70 65 22 3a 22 61 6c 6c  |....{"type":"all|
            01d0  6f 63 61 74 65 64 22 2c 22 73 6f 75 72 63 65 22  |ocated","source"|
            01e0  3a 22 66 69 6c 6c 73 2d 31 22 2c 22 73 65 71 22  |:"fills-1","seq"|
            01f0  3a 31 38 2c 22 74 69 6d 65 22 3a 22 32 30 32 36  |:18,"time":"2026|
            0200  2d 31 31 2d 32 30 54 31 30 3a 30 30 3a 30 30 2e  |-11-20T10:00:00.|
            0210  31 32 33 34 35 36 37 38 39 5a 22 2c 22 6c 61 74  |123456789Z","lat|
            0220  65 22 3a 74 72 75 65 2c 22 74 69 63 6b 65 72 22  |e":true,"ticker"|
            0230  3a 22 41 41 50 4c 22 2c 22 70 72 69 63 65 22 3a  |:"AAPL","price":|
            0240  22 31 38 37 2e 32 33 22 2c 22 71 75 61 6e 74 69  |"187.23","quanti|
            0250  74 79 22 3a 31 30 30 2c 22 73 70 6c 69 74 22 3a  |ty":100,"split":|
            0260  31 2c 22 73 68 61 72 65 73 22 3a 7b 22 61 63 63  |1,"shares":{"acc|
            0270  6f 75 6e 74 31 22 3a 34 30 2c 22 61 63 63 6f 75  |ount1":40,"accou|
            0280  6e 74 32 22 3a 33 35 2c 22 61 63 63 6f 75 6e 74  |nt2":35,"account|
            0290  33 22 3a 32 35 7d 7d                             |3":25}}|
        "#]],
    );
}

#[test]
fn bytes_of_events() {
    check(
        &[frame("events")],
        &expect![[r#"
            0000  07 03 00 00 00 01 00 00 00 09 00 00 00 00 00 00  |................|
            0010  00 02 00 00 00 00 00 00 00 be 00 00 00 05 00 00  |................|
            0020  00 00 00 00 00 b2 00 00 00 01 11 00 00 00 00 00  |................|
            0030  00 00 07 00 00 00 00 00 00 00 66 69 6c 6c 73 2d  |..........fills-|
            0040  31 00 00 00 00 00 00 00 00 15 0d 39 33 83 b8 e9  |1..........93...|
            0050  18 00 41 41 50 4c 00 00 00 00 00 00 00 00 00 00  |..AAPL..........|
            0060  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0070  00 00 00 80 13 c7 97 2b 00 00 00 64 00 00 00 00  |.......+...d....|
            0080  00 00 00 01 00 00 00 00 00 00 00 03 00 00 00 00  |................|
            0090  00 00 00 08 00 00 00 00 00 00 00 61 63 63 6f 75  |...........accou|
            00a0  6e 74 31 28 00 00 00 00 00 00 00 08 00 00 00 00  |nt1(............|
            00b0  00 00 00 61 63 63 6f 75 6e 74 32 23 00 00 00 00  |...account2#....|
            00c0  00 00 00 08 00 00 00 00 00 00 00 61 63 63 6f 75  |...........accou|
            00d0  6e 74 33 19 00 00 00 00 00 00 00 af 00 00 00 06  |nt3.............|
            00e0  00 00 00 00 00 00 00 a3 00 00 00 03 14 00 00 00  |................|
            00f0  00 00 00 00 07 00 00 00 00 00 00 00 66 69 6c 6c  |............fill|
            0100  73 2d 31 00 00 00 00 00 00 00 00 15 0d 39 33 83  |s-1..........93.|
            0110  b8 e9 18 00 41 41 50 4c 00 00 00 00 00 00 00 00  |....AAPL........|
            0120  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0130  00 00 00 00 02 00 00 00 00 00 00 00 31 37 03 00  |............17..|
            0140  00 00 00 00 00 00 08 00 00 00 00 00 00 00 61 63  |..............ac|
            0150  63 6f 75 6e 74 31 28 00 00 00 00 00 00 00 08 00  |count1(.........|
            0160  00 00 00 00 00 00 61 63 63 6f 75 6e 74 32 23 00  |......account2#.|
            0170  00 00 00 00 00 00 08 00 00 00 00 00 00 00 61 63  |..............ac|
            0180  63 6f 75 6e 74 33 19 00 00 00 00 00 00 00 c4 00  |count3..........|
            0190  00 00 01 00 00 00 00 00 00 00 b8 00 00 00 01 15  |................|
            01a0  00 00 00 00 00 00 00 07 00 00 00 00 00 00 00 66  |...............f|
            01b0  69 6c 6c 73 2d 31 06 00 00 00 00 00 00 00 45 58  |ills-1........EX|
            01c0  2d 37 3a 62 15 0d 39 33 83 b8 e9 18 00 42 54 43  |-7:b..93.....BTC|
            01d0  2f 55 53 44 54 3a 55 53 44 54 00 00 00 00 00 00  |/USDT:USDT......|
            01e0  00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 13  |................|
            01f0  c7 97 2b 00 00 00 64 00 00 00 00 00 00 00 01 00  |..+...d.........|
            0200  00 00 00 00 00 00 03 00 00 00 00 00 00 00 08 00  |................|
            0210  00 00 00 00 00 00 61 63 63 6f 75 6e 74 31 28 00  |......account1(.|
            0220  00 00 00 00 00 00 08 00 00 00 00 00 00 00 61 63  |..............ac|
            0230  63 6f 75 6e 74 32 23 00 00 00 00 00 00 00 08 00  |count2#.........|
            0240  00 00 00 00 00 00 61 63 63 6f 75 6e 74 33 19 00  |......account3..|
            0250  00 00 00 00 00 00                                |......|
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
            0050  18 01 03 00 00 00 00 00 00 00 01 03 00 00 00 00  |................|
            0060  00 00 00 61 75 6d 01 00 00 00 00 00 00 00 01 00  |...aum..........|
            0070  00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00  |................|
            0080  00 00 00 00 00 00 00 9e c3 49 07 11 00 00 00 00  |.........I......|
            0090  00 00 00 00 00 00 80 b6 52 77 c5 0c 00 00 00 00  |........Rw......|
            00a0  00 00 00 00 00 00 80 13 c7 97 2b 00 00 00 01 00  |..........+.....|
            00b0  00 00 00 00 00 00 00 e8 76 48 17 00 00 00 01 00  |........vH......|
            00c0  00 00 00 00 00 00 00 0c 1b b7 cf 06 00 00 00 00  |................|
            00d0  00 00 00 00 00 00 01 00 00 00 00 00 00 00 80 4d  |...............M|
            00e0  19 f1 ff ff ff ff ff ff ff ff ff ff ff ff 01 00  |................|
            00f0  00 00 00 00 00 00 00 9b 32 e2 ff ff ff ff ff ff  |........2.......|
            0100  ff ff ff ff ff ff 01 01 00 00 00 00 00 00 00 08  |................|
            0110  00 00 00 00 00 00 00 61 63 63 6f 75 6e 74 31 01  |.......account1.|
            0120  00 00 00 00 00 0c 1b b7 cf 06 00 00 00 00 00 00  |................|
            0130  00 00 00 00 01 00 00 00 00 00 00 00 41 41 50 4c  |............AAPL|
            0140  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
            0150  00 00 00 00 00 00 00 00 00 00 00 00 05 00 00 00  |................|
            0160  00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00  |................|
            0170  28 00 00 00 00 00 00 00 00 0c 1b b7 cf 06 00 00  |(...............|
            0180  00 00 00 00 00 00 00 00                          |........|
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
