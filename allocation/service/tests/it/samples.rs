//! Samples: one good message of each type, and strategies for all of them.

use allot_allocation_rules::{
    AccountIndex, Allocated, Bust, Fill, Listed, ListedSplit, Listing, Origin, Outcome, Reject,
    Replay, Replayed, Share, Split, SplitNumber, TickerSeq, Weight,
};
use allot_allocation_service::{
    AccountReport, PositionReport, Report, ReportRequest, Request, TrackingReport, encode_line,
    encode_outcome, encode_request,
};
use allot_domain::{
    AccountId, Incarnation, LedgerId, MessageId, Money, Price, Quantity, Reject as Core,
    ReportNumber, Seq, Side, SourceId, Ticker,
};
use allot_wire::reply::{Echo, write_reported};
use allot_wire::{Encoding, Heartbeat, Rejection, begin_batch, end_batch, push_record};

use crate::frames::{frames, input_bodies};

/// Both ways to write a body.
pub(crate) const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Binary];

/// When the router took what is replied to.
pub(crate) const TIME: u64 = 1_795_168_800_123_456_789;

pub(crate) fn source(text: &str) -> SourceId {
    SourceId::new(text.as_bytes()).unwrap()
}

pub(crate) fn account(text: &str) -> AccountId {
    AccountId::new(text.as_bytes()).unwrap()
}

pub(crate) fn ticker(text: &str) -> Ticker {
    Ticker::new(text.as_bytes()).unwrap()
}

pub(crate) fn id(text: &str) -> MessageId {
    MessageId::new(text.as_bytes()).unwrap()
}

pub(crate) fn money(text: &str) -> Money {
    Money::from_nanos(allot_domain::decimal::parse_nanos(text).unwrap())
}

pub(crate) fn fill() -> Fill {
    Fill {
        source: source("fills-1"),
        seq: Seq::new(17),
        id: Seq::new(17).into(),
        time_ns: 0,
        ticker: ticker("AAPL"),
        side: Side::Buy,
        price: Price::parse("187.23").unwrap(),
        quantity: Quantity::new(100).unwrap(),
    }
}

pub(crate) fn bust() -> Bust {
    Bust {
        source: source("fills-1"),
        seq: Seq::new(20),
        id: Seq::new(20).into(),
        time_ns: 0,
        ticker: ticker("AAPL"),
        of: Seq::new(17).into(),
    }
}

/// A fill with an id of its own, and a ticker that a topic has to escape.
pub(crate) fn named_fill() -> Fill {
    Fill { seq: Seq::new(21), id: id("EX-7:b"), ticker: ticker("BTC/USDT:USDT"), ..fill() }
}

/// The bust of [`named_fill`], with another number as its id.
pub(crate) fn named_bust() -> Bust {
    let of = named_fill();
    Bust { seq: Seq::new(22), id: id("9001"), ticker: of.ticker, of: of.id, ..bust() }
}

pub(crate) fn split() -> Split {
    let weights = [("account1", "40"), ("account2", "35.5"), ("account3", "24.5")];
    let weights = weights.map(|(id, weight)| (account(id), Weight::parse(id, weight).unwrap()));
    Split::new(source("aum"), Seq::new(1), weights.to_vec()).unwrap()
}

/// A split that closes two accounts.
pub(crate) fn closing_split() -> Split {
    let weights = vec![(account("account1"), Weight::parse("account1", "100").unwrap())];
    let split = Split::new(source("aum"), Seq::new(2), weights).unwrap();
    split.closing(vec![account("account3"), account("account2")]).unwrap()
}

/// One request of each type.
pub(crate) fn requests() -> Vec<Request> {
    vec![
        Request::Fill(fill()),
        Request::Fill(Fill { side: Side::Sell, ..fill() }),
        Request::Bust(bust()),
        Request::Split(split()),
        Request::Report(ReportRequest { source: source("ops"), seq: Seq::new(3) }),
        Request::Fill(named_fill()),
        Request::Bust(named_bust()),
        Request::Split(closing_split()),
        Request::Replay(replay()),
        Request::Replay(Replay { to: None, ticker: named_fill().ticker, ..replay() }),
        Request::Splits(listing()),
    ]
}

pub(crate) fn replay() -> Replay {
    Replay {
        source: source("ops"),
        seq: Seq::new(4),
        time_ns: 0,
        ticker: ticker("AAPL"),
        from: TickerSeq::new(5),
        to: Some(TickerSeq::new(6)),
    }
}

pub(crate) fn listing() -> Listing {
    Listing { source: source("ops"), seq: Seq::new(6), time_ns: 0, from: SplitNumber::new(2) }
}

fn origin(seq: u64, duplicate: bool) -> Origin {
    let (source, seq) = (source("fills-1"), Seq::new(seq));
    Origin { source, seq, id: seq.into(), time_ns: TIME, duplicate }
}

/// The accounts of [`shares`], by index.
pub(crate) fn names() -> Vec<AccountId> {
    ["account1", "account2", "account3"].map(account).to_vec()
}

/// The shares of all of [`outcomes`].
pub(crate) fn shares() -> Vec<Share> {
    [(0, 40), (1, 35), (2, 25)]
        .map(|(account, quantity)| Share { account: AccountIndex::new(account), quantity })
        .to_vec()
}

fn allocated(seq: u64) -> Allocated {
    let Fill { ticker, side, price, quantity, .. } = fill();
    let origin = origin(seq, false);
    Allocated {
        origin,
        ticker,
        side,
        price,
        quantity,
        split: SplitNumber::new(1),
        number: TickerSeq::new(5),
        shares: 0..3,
        late: false,
    }
}

/// One outcome of each type, with and without flags and ids.
pub(crate) fn outcomes() -> Vec<Outcome> {
    let split = Origin { source: source("aum"), ..origin(1, false) };
    let repeat = Allocated { origin: origin(17, true), number: TickerSeq::ZERO, ..allocated(17) };
    let forgotten = Allocated {
        split: SplitNumber::default(),
        shares: 0..0,
        side: Side::Sell,
        ..repeat.clone()
    };
    let (fill, bust) = (named_fill(), named_bust());
    let named = Allocated {
        origin: Origin { id: fill.id, ..origin(21, false) },
        ticker: fill.ticker,
        number: TickerSeq::new(1),
        ..allocated(21)
    };
    vec![
        Outcome::Allocated(allocated(17)),
        Outcome::Allocated(repeat),
        Outcome::Allocated(forgotten),
        Outcome::Allocated(Allocated { late: true, ..allocated(18) }),
        Outcome::Held { origin: origin(18, false), ticker: ticker("AAPL") },
        Outcome::Busted {
            origin: origin(20, false),
            ticker: ticker("AAPL"),
            of: Seq::new(17).into(),
            number: TickerSeq::new(6),
            shares: 0..3,
        },
        Outcome::Accepted { origin: split, split: SplitNumber::new(1) },
        Outcome::Accepted {
            origin: Origin { duplicate: true, ..split },
            split: SplitNumber::default(),
        },
        Outcome::Rejected {
            origin: origin(19, false),
            reject: Reject::ExceedsHoldings(7),
            late: Some(ticker("AAPL")),
        },
        Outcome::Allocated(named),
        Outcome::Held {
            origin: Origin { id: id("x"), ..origin(23, true) },
            ticker: ticker("AAPL"),
        },
        Outcome::Busted {
            origin: Origin { id: bust.id, ..origin(22, false) },
            ticker: bust.ticker,
            of: bust.of,
            number: TickerSeq::new(2),
            shares: 0..0,
        },
        Outcome::Rejected {
            origin: Origin { id: id("x"), ..origin(24, false) },
            reject: Core::NameReused("x of source fills-1 and ticker AAPL".into()).into(),
            late: None,
        },
        Outcome::Replayed(replayed().into()),
        Outcome::Replayed(Replayed { fills: vec![], last: TickerSeq::ZERO, ..replayed() }.into()),
        Outcome::Listed(listed().into()),
        Outcome::Listed(Listed { splits: vec![], ..listed() }.into()),
    ]
}

/// A division and its bust again.
fn replayed() -> Replayed {
    let Replay { source, seq, ticker, from, .. } = replay();
    let busted = Outcome::Busted {
        origin: origin(20, false),
        ticker,
        of: Seq::new(17).into(),
        number: TickerSeq::new(6),
        shares: 0..3,
    };
    Replayed {
        origin: Origin { source, ..origin(seq.get(), false) },
        ticker,
        from,
        last: TickerSeq::new(6),
        oldest: TickerSeq::new(3),
        fills: vec![Outcome::Allocated(Allocated { late: true, ..allocated(17) }), busted],
    }
}

/// The splits from the second on.
fn listed() -> Listed {
    let Listing { source: asker, seq, from, .. } = listing();
    let splits = [split(), closing_split()].into_iter().zip(2..);
    let splits = splits.map(|(split, number)| ListedSplit {
        number: SplitNumber::new(number),
        source: split.source,
        seq: split.seq,
        time_ns: TIME - 1,
        weights: split.weights().to_vec(),
    });
    Listed {
        origin: Origin { source: asker, ..origin(seq.get(), false) },
        from,
        last: SplitNumber::new(3),
        oldest: SplitNumber::new(1),
        splits: splits.collect(),
    }
}

/// A rejection whose reason needs every kind of escape.
pub(crate) fn rejection() -> Rejection {
    let reject = Core::BadTicker(Core::quote("A:\"\\\u{7}é"));
    Rejection::new(b"fills-1", Seq::new(19), &reject)
}

/// Appends one outcome in one encoding.
pub(crate) fn encode(encoding: Encoding, outcome: &Outcome, out: &mut Vec<u8>) {
    let names = names();
    let name = |index: AccountIndex| &names[index.index()];
    encode_outcome(encoding, outcome, &shares(), name, out);
}

/// All replies there are, each as one body.
pub(crate) fn reply_bodies(encoding: Encoding) -> Vec<Vec<u8>> {
    let of_outcome = |outcome: &Outcome| {
        let mut body = Vec::new();
        encode(encoding, outcome, &mut body);
        body
    };
    let mut bodies: Vec<_> = outcomes().iter().map(of_outcome).collect();
    let (mut refused, mut reported) = (Vec::new(), Vec::new());
    rejection().encode(encoding, &mut refused);
    let echo = Echo {
        source: b"ops",
        seq: Seq::new(3),
        id: None,
        time_ns: TIME,
        duplicate: false,
        late: false,
    };
    write_reported(encoding, echo, ReportNumber::new(12), &mut reported);
    bodies.extend([refused, reported]);
    bodies
}

/// Bodies of replies as one message.
pub(crate) fn reply_message(encoding: Encoding, bodies: &[Vec<u8>]) -> Vec<u8> {
    match encoding {
        Encoding::Json => bodies.join(&b'\n'),
        Encoding::Binary => {
            let mut message = Vec::new();
            begin_batch(&mut message, allot_wire::KIND_REPLIES);
            message.extend(bodies.concat());
            end_batch(&mut message, u32::try_from(bodies.len()).unwrap());
            message
        }
    }
}

/// A request as a message of the front door.
pub(crate) fn request_message(encoding: Encoding, request: &Request) -> Vec<u8> {
    let mut message = Vec::new();
    match encoding {
        Encoding::Json => encode_line(request, &mut message),
        Encoding::Binary => {
            let mut record = Vec::new();
            encode_request(request, &mut record);
            begin_batch(&mut message, request.kind().into());
            push_record(&mut message, &record);
            end_batch(&mut message, 1);
        }
    }
    message
}

fn position(name: &str, quantity: u64, value: &str, price: Option<&str>) -> PositionReport {
    let (value, average_price) = (money(value), price.map(money));
    PositionReport { ticker: ticker(name), quantity, value, average_price }
}

/// A report of an open account and a closed one.
pub(crate) fn report() -> Report {
    let open = AccountReport {
        id: account("account1"),
        weight: Some(Weight::parse("account1", "100").unwrap()),
        value: money("7489.2"),
        target: Some(money("7489.204")),
        deviation: Some(money("-0.004")),
        positions: vec![
            position("AAPL", 40, "7489.2", Some("187.23")),
            position("MSFT", 0, "-1.5", None),
        ],
    };
    let closed = AccountReport {
        id: account("account9"),
        weight: None,
        value: Money::ZERO,
        target: None,
        deviation: None,
        positions: Vec::new(),
    };
    Report {
        report: ReportNumber::new(12),
        cut: 88_211,
        split: SplitNumber::new(17),
        time_ns: 1_795_168_800_000_000_000,
        ledger: LedgerId::new(0x5f0c_4f0b_8a3d_4e6f_9c1b_2a7d_8e9f_0a1b),
        fills: 88_190,
        held: 0,
        total_value: money("7489.2"),
        accounts: vec![open, closed],
        sequences: vec![
            (ticker("AAPL"), TickerSeq::new(88_188)),
            (ticker("BTC/USDT:USDT"), TickerSeq::new(2)),
        ],
        tracking: Some(TrackingReport {
            worst_account: account("account1"),
            deviation_in_prices: money("0.31"),
            avoidable: money("0.3"),
            unavoidable: money("0.01"),
        }),
        degraded: Vec::new(),
    }
}

/// A report before the first split, with everything that is left out otherwise.
pub(crate) fn degraded_report() -> Report {
    Report {
        report: ReportNumber::new(1),
        cut: 3,
        split: SplitNumber::new(0),
        time_ns: 1,
        ledger: None,
        fills: 0,
        held: 3,
        total_value: Money::ZERO,
        accounts: Vec::new(),
        sequences: Vec::new(),
        tracking: None,
        degraded: vec!["shard 3 is away".into(), "a \"quoted\" one".into()],
    }
}

pub(crate) fn heartbeat() -> Heartbeat {
    Heartbeat {
        time_ns: 1_795_168_801_000_000_000,
        incarnation: Incarnation::new(1_795_168_000_123_456_789),
        ledger: None,
        report: ReportNumber::new(12),
        shards: 4,
        degraded: Vec::new(),
    }
}

/// Every message there is: of the front door, the feed and the backplane.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let mut all: Vec<_> = frames().into_iter().map(|(_, frame)| frame).collect();
    for encoding in ENCODINGS {
        all.extend(requests().iter().map(|request| request_message(encoding, request)));
        all.push(reply_message(encoding, &reply_bodies(encoding)));
        for report in [report(), degraded_report()] {
            let mut body = Vec::new();
            report.encode(encoding, &mut body);
            all.push(body);
        }
        let (mut statement, mut alive) = (Vec::new(), Vec::new());
        report().encode_account(0, encoding, &mut statement);
        heartbeat().encode(encoding, &mut alive);
        all.extend([statement, alive]);
    }
    // What stands within them: records and bodies.
    all.extend(input_bodies().into_iter().map(|(_, body)| body));
    all.extend(reply_bodies(Encoding::Binary));
    all
}
