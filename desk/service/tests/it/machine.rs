//! What comes of inputs, told in both encodings.

use allot_desk_rules::{Cents, DeskConfig, Outcomes, Quoted, Symbol, User};
use allot_desk_service::{
    Desk, InputName, Reply, ReplyBody, decode_replies, encode_quote, encode_request,
    request_of_line,
};
use allot_domain::{Outcomes as _, Seq, SourceId};
use allot_shard::{Delivery, Entry, Service, State};
use allot_wire::reply::Head;
use allot_wire::{Encoding, KIND_REPLIES, begin_batch, codec, end_batch};

/// Applies a command, or with `quote` a quote of ABC; returns the outcomes' deliveries and replies.
fn apply(
    state: &mut State<Desk>,
    seq: u64,
    command: Option<&str>,
) -> Vec<(&'static str, Option<Reply>)> {
    let mut body = Vec::new();
    let name = match command {
        Some(command) => {
            let source = SourceId::new(b"web").unwrap();
            let request = request_of_line(source, Seq::new(seq), command).unwrap();
            encode_request(&request, &mut body);
            InputName::Command
        }
        None => {
            let quoted = Quoted {
                symbol: Symbol::new(b"ABC").unwrap(),
                price: Cents::new(1_000),
                server_time_ms: 1,
                cryptokey: "key".into(),
                asked_by: User::new(b"u").unwrap(),
                transaction: None,
                time_ns: 0,
            };
            encode_quote(&quoted, &mut body);
            InputName::Quote
        }
    };
    let entry =
        Entry { kind: name.kind(), encoding: Encoding::Json, time_ns: 1_000 + seq, body: &body };
    let mut outcomes = Outcomes::default();
    state.replay(entry, &mut outcomes, |_| {}).unwrap();
    let told = |outcome| {
        let delivery = Desk::describe(outcome).delivery;
        let word = match delivery {
            Delivery::Now => "now",
            Delivery::Owing { .. } => "owing",
            Delivery::Cancelling { .. } => "cancelling",
            Delivery::Late { .. } => "late",
            Delivery::LateOwing { .. } => "late, owing",
            Delivery::Nobody => return ("nobody", None),
        };
        let (mut line, mut batch, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        let write = |encoding, out: &mut Vec<u8>| {
            Desk::write_reply(state.machine(), &outcomes, outcome, encoding, out);
        };
        write(Encoding::Json, &mut line);
        begin_batch(&mut batch, KIND_REPLIES);
        write(Encoding::Binary, &mut batch);
        end_batch(&mut batch, 1);
        decode_replies(&line, &mut replies).unwrap();
        decode_replies(&batch, &mut replies).unwrap();
        assert_eq!(replies[0], replies[1]);
        (word, replies.pop())
    };
    outcomes.list().iter().map(told).collect()
}

#[track_caller]
fn check(came: &[(&'static str, Option<Reply>)], expected: &[(&str, Option<ReplyBody>)]) {
    let came: Vec<_> =
        came.iter().map(|(word, reply)| (*word, reply.as_ref().map(|one| &one.body))).collect();
    let expected: Vec<_> = expected.iter().map(|(word, body)| (*word, body.as_ref())).collect();
    assert_eq!(came, expected);
}

#[test]
fn an_armed_trigger_that_had_waited_is_told_of_twice_more() {
    let mut state = State::<Desk>::new(allot_desk_rules::DeskConfig::default());
    check(&apply(&mut state, 1, Some("ADD,u,100")), &[("now", Some(ReplyBody::Answered))]);
    let came = apply(&mut state, 2, Some("QUOTE,u,ABC"));
    let nobody = ("nobody", None);
    check(&came, &[("owing", Some(ReplyBody::Awaiting)), nobody.clone(), nobody]);
    let awaiting = [("owing", Some(ReplyBody::Awaiting))];
    check(&apply(&mut state, 3, Some("SET_BUY_AMOUNT,u,ABC,50")), &awaiting);
    check(&apply(&mut state, 4, Some("SET_BUY_TRIGGER,u,ABC,12")), &awaiting);
    let came = apply(&mut state, 5, None);
    check(
        &came,
        &[
            ("late", Some(ReplyBody::Answered)),
            ("late", Some(ReplyBody::Answered)),
            ("late, owing", Some(ReplyBody::Answered)),
            ("late", Some(ReplyBody::Fired)),
        ],
    );
    assert_eq!(came[3].1.as_ref().unwrap().seq, Seq::new(4));
    check(&apply(&mut state, 6, Some("DISPLAY_SUMMARY,u")), &[("now", Some(ReplyBody::Answered))]);
    let mut bytes = Vec::new();
    state.save(&mut bytes);
    let mut again = Vec::new();
    State::<Desk>::load(allot_desk_rules::DeskConfig::default(), &bytes).unwrap().save(&mut again);
    assert_eq!(bytes, again);
}

/// Money, holdings, pending orders, triggers and the last transactions, as the wire has them.
type SummaryRecord = (
    [u64; 3],
    Vec<([u8; 3], u64, u64)>,
    Vec<((u8, [u8; 3], u64, u64), u64)>,
    Vec<(u8, [u8; 3], u64, u64, u64)>,
    Vec<(u8, u64, u64, u64, u64, [u8; 3])>,
);

/// In front of it: user, command, transaction and symbol, and the number of the answer.
const BEFORE_SUMMARY: usize = 32 + 1 + 8 + 3 + 4;

#[test]
fn a_binary_summary_has_the_fields_of_the_document_in_their_order() {
    let mut state = State::<Desk>::new(DeskConfig { history: 9, names: 99, keeps_log: true });
    apply(&mut state, 1, None);
    let lines = [
        "ADD,u,1000.00",
        "BUY,u,ABC,100.00",
        "COMMIT_BUY,u",
        "BUY,u,ABC,50.00",
        "SET_BUY_AMOUNT,u,X,7.00",
        "SET_BUY_TRIGGER,u,X,3.00",
        "SET_SELL_AMOUNT,u,ABC,20.00",
    ];
    (2..).zip(lines).for_each(|(seq, line)| drop(apply(&mut state, seq, Some(line))));
    let mut body = Vec::new();
    let source = SourceId::new(b"web").unwrap();
    let request = request_of_line(source, Seq::new(20), "DISPLAY_SUMMARY,u").unwrap();
    encode_request(&request, &mut body);
    let kind = InputName::Command.kind();
    let entry = Entry { kind, encoding: Encoding::Binary, time_ns: 2_000, body: &body };
    let (mut outcomes, mut record) = (Outcomes::default(), Vec::new());
    state.replay(entry, &mut outcomes, |_| {}).unwrap();
    let outcome = &outcomes.list()[0];
    Desk::write_reply(state.machine(), &outcomes, outcome, Encoding::Binary, &mut record);
    // Its size and its tag are before the head.
    let (_, rest): (Head<'_>, _) = codec::split_prefix(&record[5..]).unwrap();
    let summary: SummaryRecord = codec::decode(&rest[BEFORE_SUMMARY..]).unwrap();
    let (money, holdings, pending, triggers, recent) = summary;
    assert_eq!(money, [100_000 - 10_000 - 5_000 - 700, 5_000, 700]);
    assert_eq!(holdings, [(*b"ABC", 10, 0)]);
    let [((side, symbol, shares, price), left_ns)] = pending[..] else { panic!("{pending:?}") };
    assert_eq!((side, &symbol, shares, price), (0, b"ABC", 5, 1_000));
    assert!(left_ns < 60_000_000_000, "{left_ns}");
    assert_eq!(triggers, [(0, *b"X\0\0", 700, 0, 300), (1, *b"ABC", 2_000, 0, 0)]);
    let told: Vec<_> = recent.iter().map(|one| (one.3, one.4, one.5)).collect();
    let stock = *b"ABC";
    let expected = [
        (100_000, 0, [0; 3]),
        (10_000, 10, stock),
        (10_000, 10, stock),
        (5_000, 5, stock),
        (700, 0, *b"X\0\0"),
        (300, 0, *b"X\0\0"),
        (2_000, 0, stock),
    ];
    assert_eq!(told, expected);
}
