//! Frames: one of each kind of the backplane.

use crate::samples::{account, encode, money, names, outcomes, requests, shares, source, ticker};
use allot_domain::{
    AccountPart, CellPart, Marker, Netting, Part, PositionsPart, RowPart, SplitKey, Weight,
};
use allot_wire::backplane::{
    Hello, InputFrame, InputKind, Interest, PartFrame, Plan, To, Welcome, answers, applied,
    encode_hello, encode_interest, encode_marker, encode_netting, encode_part, encode_plan,
    encode_welcome, inputs,
};
use allot_wire::{Encoding, Request, encode_request};

pub(crate) fn marker() -> Marker {
    Marker { number: 7, time_ns: 1_795_168_800_000_000_000, report: true }
}

pub(crate) fn netting() -> Netting {
    Netting {
        number: 3,
        split: SplitKey { source: source("aum"), seq: 1 },
        transfers: ["1.5", "-1.5"].map(money).to_vec(),
    }
}

pub(crate) fn part() -> PartFrame {
    let row = RowPart {
        ticker: ticker("AAPL"),
        cells: vec![CellPart { account: 0, quantity: 40, value: money("7489.2") }],
    };
    let (id, rank) = (account("account1"), Some(0));
    let accounts = vec![AccountPart { id, rank, value: money("7489.2") }];
    let part = Part {
        marker: marker(),
        netting: 3,
        split: Some(SplitKey { source: source("aum"), seq: 1 }),
        split_number: 1,
        fills: 1,
        held: 0,
        flow: money("18723"),
        price_max: 187_230_000_000,
        weights: vec![Weight::parse("account1", "100").unwrap()],
        values: vec![money("7489.2")],
        netted: vec![money("-0.5")],
        positions: Some(PositionsPart { accounts, rows: vec![row] }),
    };
    PartFrame {
        shard: 1,
        shards: 4,
        incarnation: 9,
        lost_inputs: 2,
        routed: 88_190,
        splits: 21,
        part,
    }
}

pub(crate) fn hello() -> Hello {
    Hello {
        shard: 1,
        shards: 4,
        incarnation: 9,
        router: 8,
        applied: 5,
        answered: 4,
        durable: 4,
        marker: 7,
        full: true,
    }
}

pub(crate) fn plan() -> Plan {
    Plan { number: 3, columns: vec![netting(), netting()] }
}

/// The bodies of all inputs.
pub(crate) fn input_bodies() -> Vec<(InputKind, Vec<u8>)> {
    let mut bodies: Vec<_> = requests()
        .iter()
        .filter_map(|request| {
            let kind = match request {
                Request::Fill(_) => InputKind::Fill,
                Request::Bust(_) => InputKind::Bust,
                Request::Split(_) => InputKind::Split,
                Request::Report(_) => return None,
            };
            let mut body = Vec::new();
            encode_request(request, &mut body);
            Some((kind, body))
        })
        .collect();
    let (mut marker_body, mut netting_body) = (Vec::new(), Vec::new());
    encode_marker(&marker(), &mut marker_body);
    encode_netting(&netting(), &mut netting_body);
    bodies.extend([(InputKind::Marker, marker_body), (InputKind::Netting, netting_body)]);
    bodies
}

pub(crate) fn inputs_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    inputs::begin(&mut frame, 41, 8);
    inputs::set_queued(&mut frame, 1_000_000_007);
    for (kind, body) in &input_bodies() {
        let encoding = Encoding::Binary;
        inputs::push(&mut frame, InputFrame { client: 6, encoding, kind: *kind, body });
    }
    frame
}

pub(crate) fn answers_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    answers::begin(&mut frame);
    let tos = [To::Client(6), To::Source("fills-1"), To::ClientOfAll(7)];
    let encodings = [(0, Encoding::Json), (3, Encoding::Binary), (3, Encoding::Json)];
    for (to, (at, encoding)) in tos.into_iter().zip(encodings) {
        answers::push_with(&mut frame, to, encoding, |out| encode(encoding, &outcomes()[at], out));
    }
    answers::end(&mut frame, 45);
    answers::set_durable(&mut frame, 44);
    answers::set_left(&mut frame, 1_000_000_009);
    frame
}

pub(crate) fn applied_frame() -> Vec<u8> {
    let (mut frame, names) = (Vec::new(), names());
    applied::begin(&mut frame, 1, 9, 2);
    for outcome in [&outcomes()[0], &outcomes()[5]] {
        let place = |place: u32| &names[usize::try_from(place).unwrap()];
        applied::push(&mut frame, outcome, &shares(), place);
    }
    frame
}

/// One frame of each kind of the backplane, by name.
pub(crate) fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let mut frames = vec![
        ("inputs", inputs_frame()),
        ("answers", answers_frame()),
        ("applied", applied_frame()),
    ];
    let mut add = |name, encode: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = Vec::new();
        encode(&mut frame);
        frames.push((name, frame));
    };
    add("hello", &|frame| encode_hello(&hello(), frame));
    let welcome = Welcome { incarnation: 8, base: 45, shards: 4, life: 7 };
    add("welcome", &|frame| encode_welcome(&welcome, frame));
    add("interest", &|frame| encode_interest(&Interest { fills: true }, frame));
    add("part", &|frame| encode_part(&part(), frame));
    add("plan", &|frame| encode_plan(&plan(), frame));
    frames
}
