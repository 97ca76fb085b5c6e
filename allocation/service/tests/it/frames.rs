//! Frames: those of the backplane that carry messages of allocation.

use allot_allocation_rules::{
    AccountIndex, AccountPart, AccountRank, CellPart, Netting, Part, PositionsPart, RowPart,
    SplitKey, SplitNumber, TickerSeq, Weight,
};
use allot_allocation_service::{InputName, Request, encode_netting, encode_part, encode_request};
use allot_domain::{Incarnation, LedgerId, LogIndex, Marker, Seq, ShardId};
use allot_wire::backplane::{
    self, ClientHandle, Feedback, InputFrame, InputKind, PartHead, ReplyTo, To, encode_feedback,
    encode_marker, events, inputs, replies,
};
use allot_wire::{Encoding, append_sized};

use crate::samples::{TIME, account, encode, money, outcomes, requests, source, ticker};

pub(crate) fn marker() -> Marker {
    Marker { number: 7, time_ns: 1_795_168_800_000_000_000, report: true }
}

pub(crate) fn netting() -> Netting {
    Netting {
        number: 3,
        split: SplitKey { source: source("aum"), seq: Seq::new(1) },
        transfers: ["1.5", "-1.5"].map(money).to_vec(),
    }
}

pub(crate) fn part() -> Part {
    let row = RowPart {
        ticker: ticker("AAPL"),
        outcomes: TickerSeq::new(5),
        cells: vec![CellPart {
            account: AccountIndex::new(0),
            quantity: 40,
            value: money("7489.2"),
        }],
    };
    let (id, rank) = (account("account1"), Some(AccountRank::new(0)));
    let accounts = vec![AccountPart { id, rank, value: money("7489.2") }];
    Part {
        netting: 3,
        split: Some(SplitKey { source: source("aum"), seq: Seq::new(1) }),
        split_number: SplitNumber::new(1),
        fills: 1,
        held: 0,
        turnover: money("18723"),
        flow: money("14042.25"),
        price_max: 187_230_000_000,
        weights: vec![Weight::parse("account1", "100").unwrap()],
        values: vec![money("7489.2")],
        values_then: vec![money("-0.25")],
        netted: vec![money("-0.5")],
        positions: Some(PositionsPart { accounts, rows: vec![row] }),
    }
}

pub(crate) fn part_body(part: &Part) -> Vec<u8> {
    let mut body = Vec::new();
    encode_part(part, &mut body);
    body
}

fn netting_body() -> Vec<u8> {
    let mut body = Vec::new();
    encode_netting(&netting(), &mut body);
    body
}

pub(crate) fn part_frame() -> Vec<u8> {
    let head = PartHead {
        shard: ShardId::new(1),
        shards: 4,
        incarnation: Incarnation::new(9),
        ledger: LedgerId::new(0xabc),
        lost_inputs: 2,
        keyed: 88_190,
        to_all: 21,
        marker: marker(),
    };
    let mut frame = Vec::new();
    backplane::encode_part(&head, &mut frame, |out| encode_part(&part(), out));
    frame
}

pub(crate) fn feedback() -> Feedback {
    Feedback { kind: InputName::Netting.kind(), bodies: vec![netting_body(), netting_body()] }
}

fn feedback_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    encode_feedback(&feedback(), &mut frame);
    frame
}

/// The bodies of all inputs.
pub(crate) fn input_bodies() -> Vec<(InputKind, Vec<u8>)> {
    let mut bodies: Vec<_> = requests()
        .iter()
        .filter_map(|request| {
            let name = match request {
                Request::Fill(_) => InputName::Fill,
                Request::Bust(_) => InputName::Bust,
                Request::Split(_) => InputName::Split,
                Request::Replay(_) => InputName::Replay,
                Request::Splits(_) => InputName::Splits,
                Request::Report(_) => return None,
            };
            let mut body = Vec::new();
            encode_request(request, &mut body);
            Some((name.kind(), body))
        })
        .collect();
    let mut marker_body = Vec::new();
    encode_marker(&marker(), &mut marker_body);
    bodies.push((InputKind::MARKER, marker_body));
    bodies.push((InputName::Netting.kind(), netting_body()));
    bodies
}

/// Who waits for the replies.
pub(crate) const REPLY_TO: ReplyTo =
    ReplyTo { client: ClientHandle::new(6), encoding: Encoding::Binary };

fn inputs_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    inputs::begin(&mut frame, LogIndex::new(41), Incarnation::new(8));
    inputs::set_queued(&mut frame, 1_000_000_007);
    for (time_ns, (kind, body)) in (TIME..).zip(&input_bodies()) {
        inputs::push(&mut frame, InputFrame { reply_to: REPLY_TO, kind: *kind, time_ns, body });
    }
    frame
}

fn replies_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    replies::begin(&mut frame);
    let [client, client_of_all] = [6, 7].map(ClientHandle::new);
    let tos = [To::Client(client), To::Source("fills-1"), To::ClientOfAll(client_of_all)];
    let encodings = [(0, Encoding::Json), (3, Encoding::Binary), (3, Encoding::Json)];
    for (to, (at, encoding)) in tos.into_iter().zip(encodings) {
        replies::push_with(&mut frame, to, encoding, |out| encode(encoding, &outcomes()[at], out));
    }
    replies::end(&mut frame, LogIndex::new(45));
    replies::set_durable(&mut frame, LogIndex::new(44));
    replies::set_left(&mut frame, 1_000_000_009);
    frame
}

fn events_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    events::begin(&mut frame, ShardId::new(1), Incarnation::new(9), 2);
    for outcome in [&outcomes()[0], &outcomes()[5], &outcomes()[9]] {
        events::push_with(&mut frame, |out| {
            append_sized(out, |out| {
                out.extend(outcome.number().unwrap().get().to_le_bytes());
                encode(Encoding::Binary, outcome, out);
            });
        });
    }
    frame
}

/// One frame of each kind that carries messages of allocation, by name.
pub(crate) fn frames() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("inputs", inputs_frame()),
        ("replies", replies_frame()),
        ("events", events_frame()),
        ("part", part_frame()),
        ("feedback", feedback_frame()),
    ]
}
