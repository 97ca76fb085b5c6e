//! Round trips: whatever can be said is read back as it was said, in both encodings.

use allot_allocation_rules::{Bust, Fill, Replay, Split, SplitNumber, TickerSeq, Weight, limits};
use allot_allocation_service::{
    AccountReport, AccountStatement, PositionReport, Reply, Report, ReportRequest, Request,
    RequestKind, Topic, TopicName, TrackingReport, decode_line, decode_replies, decode_request,
    encode_reply, encode_reply_message, routing_keys,
};
use allot_domain::{
    AccountId, LedgerId, MessageId, Money, Price, Quantity, ReportNumber, Seq, Side, Ticker,
};
use allot_wire::{Batch, Encoding};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use crate::samples::{self, ENCODINGS, TIME, account, id, source, ticker};

fn names() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._@-]{1,64}"
}

/// All that prints but `"` and `\`, with single spaces between; and symbols of the OCC.
fn tickers() -> impl Strategy<Value = Ticker> {
    let texts = prop_oneof![
        8 => "[!#-\\[\\]-~]{1,32}",
        2 => "[!#-\\[\\]-~]{1,15}( [!#-\\[\\]-~]{1,7}){1,2}",
        1 => "[A-Z]{1,6}".prop_map(|root| format!("{root:<6}260120P06835000")),
    ];
    texts.prop_map(|text| ticker(&text))
}

/// Numbers and texts, some of them texts that look like numbers.
fn ids() -> impl Strategy<Value = MessageId> {
    prop_oneof![
        1 => (1..=u64::MAX).prop_map(|number| Seq::new(number).into()),
        1 => "[!#-\\[\\]-~]{1,64}".prop_map(|text| id(&text)),
        1 => "[0+-]?[0-9]{1,21}".prop_map(|text| id(&text)),
    ]
}

/// The number of a message, and its id: in most the number itself.
fn numbers() -> impl Strategy<Value = (Seq, MessageId)> {
    (1..=u64::MAX, option::of(ids())).prop_map(|(seq, id)| {
        let seq = Seq::new(seq);
        (seq, id.unwrap_or(seq.into()))
    })
}

/// Times of Unix in nanoseconds; zero where a message was not taken.
fn times() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), any::<u64>()]
}

fn accounts() -> impl Strategy<Value = AccountId> {
    names().prop_map(|text| account(&text))
}

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn prices() -> impl Strategy<Value = Price> {
    (1..=limits::PRICE_MAX).prop_map(|nanos| Price::from_nanos(nanos.into()).unwrap())
}

fn quantities() -> impl Strategy<Value = Quantity> {
    (1..=limits::QUANTITY_MAX).prop_map(|shares| Quantity::new(shares.into()).unwrap())
}

fn amounts() -> impl Strategy<Value = Money> {
    (-limits::VALUE_MAX..=limits::VALUE_MAX).prop_map(Money::from_nanos)
}

fn weights() -> impl Strategy<Value = Weight> {
    (0..=limits::WEIGHT_TOTAL).prop_map(|nanos| Weight::from_nanos("", nanos.into()).unwrap())
}

/// A split of any accounts: all but the last at random, the last gets what is left of 100.
fn splits() -> impl Strategy<Value = Split> {
    let weights = btree_map(names(), 0..limits::WEIGHT_TOTAL / 20, 1..20);
    (names(), 1..u64::MAX, weights, btree_set(names(), 0..5)).prop_map(
        |(from, seq, mut weights, closes)| {
            let (last, sum) =
                (weights.keys().next().unwrap().clone(), weights.values().sum::<u64>());
            *weights.get_mut(&last).unwrap() += limits::WEIGHT_TOTAL - sum;
            let weigh = |(id, nanos): (&String, &u64)| {
                (account(id), Weight::from_nanos(id, i128::from(*nanos)).unwrap())
            };
            let closes = closes
                .into_iter()
                .filter(|id| !weights.contains_key(id))
                .map(|id| account(&id))
                .collect();
            let weights = weights.iter().map(weigh).collect();
            let split = Split::new(source(&from), Seq::new(seq), weights).unwrap();
            split.closing(closes).unwrap()
        },
    )
}

fn fills() -> impl Strategy<Value = Fill> {
    (names(), numbers(), tickers(), sides(), prices(), quantities()).prop_map(
        |(from, (seq, id), ticker, side, price, quantity)| {
            let source = source(&from);
            Fill { source, seq, id, time_ns: 0, ticker, side, price, quantity }
        },
    )
}

fn requests() -> impl Strategy<Value = Request> {
    let busts = (names(), numbers(), tickers(), ids()).prop_map(|(from, (seq, id), ticker, of)| {
        let source = source(&from);
        Bust { source, seq, id, time_ns: 0, ticker, of }
    });
    let reports = (names(), 1..u64::MAX)
        .prop_map(|(from, seq)| ReportRequest { source: source(&from), seq: Seq::new(seq) });
    let numbers = (1..=u64::MAX).prop_flat_map(|from| (Just(from), option::of(from..=u64::MAX)));
    let replays =
        (names(), 1..u64::MAX, tickers(), numbers).prop_map(|(from, seq, ticker, numbers)| {
            let (source, seq) = (source(&from), Seq::new(seq));
            let (from, to) = (TickerSeq::new(numbers.0), numbers.1.map(TickerSeq::new));
            Replay { source, seq, time_ns: 0, ticker, from, to }
        });
    prop_oneof![
        fills().prop_map(Request::Fill),
        busts.prop_map(Request::Bust),
        splits().prop_map(Request::Split),
        reports.prop_map(Request::Report),
        replays.prop_map(Request::Replay),
    ]
}

fn shares() -> impl Strategy<Value = Vec<(AccountId, u64)>> {
    vec((accounts(), any::<u64>()), 0..5)
}

/// What every reply says first.
#[derive(Clone, Debug)]
struct Head {
    source: String,
    seq: Seq,
    id: MessageId,
    time_ns: u64,
    duplicate: bool,
}

/// Some of what could not be read, with the number 0 and no source.
fn heads() -> impl Strategy<Value = Head> {
    let sources = prop_oneof![names(), Just(String::new())];
    (sources, any::<u64>(), option::of(ids()), times(), any::<bool>()).prop_map(
        |(source, seq, id, time_ns, duplicate)| {
            let seq = Seq::new(seq);
            Head { source, seq, id: id.unwrap_or(seq.into()), time_ns, duplicate }
        },
    )
}

fn allocations() -> impl Strategy<Value = Reply> {
    (heads(), any::<bool>(), fills(), any::<u64>(), shares()).prop_map(
        |(head, late, fill, split, shares)| {
            let Head { source, seq, id, time_ns, duplicate } = head;
            let Fill { ticker, side, price, quantity, .. } = fill;
            let split = SplitNumber::new(split);
            Reply::Allocated {
                source,
                seq,
                id,
                time_ns,
                duplicate,
                late,
                ticker,
                side,
                price,
                quantity,
                split,
                shares,
            }
        },
    )
}

fn busts() -> impl Strategy<Value = Reply> {
    (heads(), tickers(), ids(), shares()).prop_map(|(head, ticker, of, shares)| {
        let Head { source, seq, id, time_ns, duplicate } = head;
        Reply::Busted { source, seq, id, time_ns, duplicate, ticker, of, shares }
    })
}

/// Outcomes again, all of one ticker.
fn replayed() -> impl Strategy<Value = Reply> {
    let fills = vec(prop_oneof![allocations(), busts()], 0..4);
    (heads(), tickers(), any::<[u64; 3]>(), fills).prop_map(|(head, of, numbers, mut fills)| {
        let Head { source, seq, time_ns, .. } = head;
        for fill in &mut fills {
            if let Reply::Allocated { ticker, .. } | Reply::Busted { ticker, .. } = fill {
                *ticker = of;
            }
        }
        let [from, last, oldest] = numbers.map(TickerSeq::new);
        Reply::Replayed { source, seq, time_ns, ticker: of, from, last, oldest, fills }
    })
}

fn replies() -> impl Strategy<Value = Reply> {
    let held = heads().prop_map(|Head { source, seq, id, time_ns, duplicate }| Reply::Held {
        source,
        seq,
        id,
        time_ns,
        duplicate,
    });
    let accepted = (heads(), any::<u64>()).prop_map(|(head, split)| {
        let Head { source, seq, id, time_ns, duplicate } = head;
        Reply::Accepted { source, seq, id, time_ns, duplicate, split: SplitNumber::new(split) }
    });
    let reported = (heads(), any::<u64>()).prop_map(|(head, report)| {
        let Head { source, seq, time_ns, .. } = head;
        Reply::Reported { source, seq, time_ns, report: ReportNumber::new(report) }
    });
    let rejected = (heads(), any::<bool>(), "[a-z_]{1,30}", any::<String>()).prop_map(
        |(head, late, code, reason)| {
            let Head { source, seq, id, time_ns, duplicate } = head;
            Reply::Rejected { source, seq, id, time_ns, duplicate, late, code, reason }
        },
    );
    prop_oneof![allocations(), held, busts(), accepted, reported, rejected, replayed()]
}

fn account_reports() -> impl Strategy<Value = AccountReport> {
    let positions = (tickers(), any::<u64>(), amounts(), option::of(amounts())).prop_map(
        |(ticker, quantity, value, average_price)| PositionReport {
            ticker,
            quantity,
            value,
            average_price,
        },
    );
    let aims = || option::of(amounts());
    (accounts(), option::of(weights()), amounts(), aims(), aims(), vec(positions, 0..4)).prop_map(
        |(id, weight, value, target, deviation, positions)| AccountReport {
            id,
            weight,
            value,
            target,
            deviation,
            positions,
        },
    )
}

fn trackings() -> impl Strategy<Value = TrackingReport> {
    (accounts(), amounts(), amounts(), amounts()).prop_map(
        |(worst_account, deviation_in_prices, avoidable, unavoidable)| TrackingReport {
            worst_account,
            deviation_in_prices,
            avoidable,
            unavoidable,
        },
    )
}

fn reports() -> impl Strategy<Value = Report> {
    let numbers = any::<[u64; 6]>();
    let accounts = vec(account_reports(), 0..4);
    let sequences = btree_map(tickers(), any::<u64>(), 0..4).prop_map(|sequences| {
        sequences.into_iter().map(|(ticker, seq)| (ticker, TickerSeq::new(seq))).collect()
    });
    let (tracking, degraded) = (option::of(trackings()), vec(any::<String>(), 0..3));
    let numbers = (numbers, any::<u128>());
    (numbers, amounts(), accounts, sequences, tracking, degraded).prop_map(
        |(
            ([report, cut, split, time_ns, fills, held], ledger),
            total_value,
            accounts,
            sequences,
            tracking,
            degraded,
        )| {
            Report {
                report: ReportNumber::new(report),
                cut,
                split: SplitNumber::new(split),
                time_ns,
                ledger: LedgerId::new(ledger),
                fills,
                held,
                total_value,
                accounts,
                sequences,
                tracking,
                degraded,
            }
        },
    )
}

proptest! {
    #[test]
    fn a_request_is_read_back_from_json(request in requests()) {
        let line = samples::request_message(Encoding::Json, &request);
        prop_assert_eq!(decode_line(&line), Ok(request));
    }

    #[test]
    fn a_request_is_read_back_from_binary(request in requests()) {
        let message = samples::request_message(Encoding::Binary, &request);
        let batch = Batch::parse(&message).unwrap();
        let kind = RequestKind::try_from(batch.kind).unwrap();
        let records: Vec<_> = batch.records().map(Result::unwrap).collect();
        prop_assert_eq!(records.len(), 1);
        prop_assert_eq!(decode_request(kind, records[0]), Ok(request.clone()));
        if let Request::Fill(Fill { ticker, .. }) | Request::Bust(Bust { ticker, .. }) = request {
            let keys = routing_keys(records[0]).unwrap();
            let read = (keys.ticker, keys.seq, keys.source);
            prop_assert_eq!(read, (ticker, request.seq(), request.source().as_bytes()));
        }
    }

    #[test]
    fn replies_are_read_back(expected in vec(replies(), 1..4)) {
        for encoding in ENCODINGS {
            let encode = |reply: &Reply| {
                let mut body = Vec::new();
                encode_reply(encoding, reply, &mut body);
                body
            };
            let bodies: Vec<_> = expected.iter().map(encode).collect();
            let mut read = Vec::new();
            decode_replies(&samples::reply_message(encoding, &bodies), &mut read).unwrap();
            prop_assert_eq!(&read, &expected);
        }
    }

    #[test]
    fn a_report_is_read_back(report in reports()) {
        let mut body = Vec::new();
        for encoding in ENCODINGS {
            report.encode(encoding, &mut body);
            prop_assert_eq!(Report::decode(&body), Ok(report.clone()));
            for (index, account) in report.accounts.iter().enumerate() {
                report.encode_account(index, encoding, &mut body);
                let statement = AccountStatement {
                    report: report.report,
                    cut: report.cut,
                    split: report.split,
                    time_ns: report.time_ns,
                    ledger: report.ledger,
                    degraded: report.degraded.clone(),
                    account: account.clone(),
                };
                prop_assert_eq!(Report::decode_account(&body), Ok(statement));
            }
        }
    }

    #[test]
    fn a_topic_is_read_back(id in accounts(), ticker in tickers()) {
        let mut bytes = Vec::new();
        for encoding in ENCODINGS {
            let topics = [
                Topic::Positions(encoding),
                Topic::Account(&id, encoding),
                Topic::Fills(&ticker, encoding),
                Topic::Heartbeat,
            ];
            for topic in topics {
                topic.write(&mut bytes);
                prop_assert_eq!(String::from_utf8_lossy(&bytes), topic.to_string());
                let name = TopicName::parse(&bytes).unwrap();
                prop_assert_eq!(name.as_topic(), topic);
            }
        }
    }
}

#[test]
fn an_outcome_and_its_reply_are_the_same_bytes() {
    for encoding in ENCODINGS {
        for body in samples::reply_bodies(encoding) {
            let message = samples::reply_message(encoding, &[body]);
            let (mut read, mut again) = (Vec::new(), Vec::new());
            decode_replies(&message, &mut read).unwrap();
            encode_reply_message(encoding, &read[0], &mut again);
            assert_eq!(again, message);
        }
    }
}

#[test]
fn each_reply_has_the_id_and_the_time_of_its_request() {
    for encoding in ENCODINGS {
        for outcome in samples::outcomes() {
            let mut body = Vec::new();
            samples::encode(encoding, &outcome, &mut body);
            let reply = read_reply(encoding, body);
            let origin = outcome.origin();
            assert_eq!((reply.id(), reply.time_ns()), (origin.id, TIME), "{reply:?}");
            assert_eq!((reply.seq(), reply.source()), (origin.seq, origin.source.as_str()));
        }
        // What was not taken has no time; a request for a report has no id of its own.
        let [.., refused, reported] = &samples::reply_bodies(encoding)[..] else {
            panic!("there are some")
        };
        let refused = read_reply(encoding, refused.clone());
        assert_eq!((refused.id(), refused.time_ns()), (Seq::new(19).into(), 0));
        let reported = read_reply(encoding, reported.clone());
        assert_eq!((reported.id(), reported.time_ns()), (Seq::new(3).into(), TIME));
    }
}

fn read_reply(encoding: Encoding, body: Vec<u8>) -> Reply {
    let mut replies = Vec::new();
    decode_replies(&samples::reply_message(encoding, &[body]), &mut replies).unwrap();
    replies.remove(0)
}

#[test]
fn a_reply_with_an_id_or_a_time_that_is_none_is_refused() {
    let held = |fields: &str| {
        let line = format!(r#"{{"type":"held","source":"f","seq":1,{fields}}}"#);
        decode_replies(line.as_bytes(), &mut Vec::new())
    };
    assert_eq!(held(r#""id":"x","time":"2026-11-20T10:00:00.123456789Z""#), Ok(()));
    let damaged = [
        r#""id":"a b""#,
        r#""id":"""#,
        r#""id":7"#,
        r#""time":"2026-11-20T10:00:00Z""#,
        r#""time":"2026-02-30T10:00:00.123456789Z""#,
        r#""time":"""#,
        r#""time":0"#,
    ];
    for fields in damaged {
        assert!(held(fields).is_err(), "{fields}");
    }
    let mut record = vec![2];
    record.extend(1_u64.to_le_bytes());
    for text in ["f", "a b"] {
        record.extend(u64::try_from(text.len()).unwrap().to_le_bytes());
        record.extend(text.as_bytes());
    }
    record.extend([0; 9]);
    let mut body = Vec::new();
    allot_wire::push_record(&mut body, &record);
    let message = samples::reply_message(Encoding::Binary, &[body]);
    assert!(decode_replies(&message, &mut Vec::new()).is_err(), "an id that is none");
}
