//! Round trips: whatever can be said is read back as it was said, in both encodings.

use allot_allocation_rules::{Bust, Fill, Split, SplitNumber, Weight, limits};
use allot_allocation_service::{
    AccountReport, AccountStatement, PositionReport, Reply, Report, ReportRequest, Request,
    RequestKind, Topic, TopicName, TrackingReport, decode_line, decode_replies, decode_request,
    encode_reply, encode_reply_message, routing_keys,
};
use allot_domain::{AccountId, Money, Price, Quantity, ReportNumber, Seq, Side, Ticker};
use allot_wire::{Batch, Encoding};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::samples::{self, ENCODINGS, account, source, ticker};

fn names() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._@-]{1,64}"
}

fn tickers() -> impl Strategy<Value = Ticker> {
    "[A-Za-z0-9./_-]{1,16}".prop_map(|text| ticker(&text))
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
    (names(), 1..u64::MAX, btree_map(names(), 0..limits::WEIGHT_TOTAL / 20, 1..20)).prop_map(
        |(from, seq, mut weights)| {
            let (last, sum) =
                (weights.keys().next().unwrap().clone(), weights.values().sum::<u64>());
            *weights.get_mut(&last).unwrap() += limits::WEIGHT_TOTAL - sum;
            let weigh = |(id, nanos): (&String, &u64)| {
                (account(id), Weight::from_nanos(id, i128::from(*nanos)).unwrap())
            };
            Split::new(source(&from), Seq::new(seq), weights.iter().map(weigh).collect()).unwrap()
        },
    )
}

fn fills() -> impl Strategy<Value = Fill> {
    (names(), 1..u64::MAX, tickers(), sides(), prices(), quantities()).prop_map(
        |(from, seq, ticker, side, price, quantity)| {
            let source = source(&from);
            Fill { source, seq: Seq::new(seq), ticker, side, price, quantity }
        },
    )
}

fn requests() -> impl Strategy<Value = Request> {
    let busts =
        (names(), 1..u64::MAX, tickers(), any::<u64>()).prop_map(|(from, seq, ticker, of)| Bust {
            source: source(&from),
            seq: Seq::new(seq),
            ticker,
            of: Seq::new(of),
        });
    let reports = (names(), 1..u64::MAX)
        .prop_map(|(from, seq)| ReportRequest { source: source(&from), seq: Seq::new(seq) });
    prop_oneof![
        fills().prop_map(Request::Fill),
        busts.prop_map(Request::Bust),
        splits().prop_map(Request::Split),
        reports.prop_map(Request::Report),
    ]
}

fn shares() -> impl Strategy<Value = Vec<(AccountId, u64)>> {
    vec((accounts(), any::<u64>()), 0..5)
}

/// What every reply says first: source, seq, duplicate.
fn heads() -> impl Strategy<Value = (String, u64, bool)> {
    (prop_oneof![names(), Just(String::new())], any::<u64>(), any::<bool>())
}

fn allocations() -> impl Strategy<Value = Reply> {
    (heads(), any::<bool>(), fills(), any::<u64>(), shares()).prop_map(
        |((source, seq, duplicate), late, fill, split, shares)| Reply::Allocated {
            source,
            seq: Seq::new(seq),
            duplicate,
            late,
            ticker: fill.ticker,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            split: SplitNumber::new(split),
            shares,
        },
    )
}

fn replies() -> impl Strategy<Value = Reply> {
    let held = heads().prop_map(|(source, seq, duplicate)| Reply::Held {
        source,
        seq: Seq::new(seq),
        duplicate,
    });
    let busted = (heads(), tickers(), any::<u64>(), shares()).prop_map(
        |((source, seq, duplicate), ticker, of, shares)| Reply::Busted {
            source,
            seq: Seq::new(seq),
            duplicate,
            ticker,
            of: Seq::new(of),
            shares,
        },
    );
    let accepted = (heads(), any::<u64>()).prop_map(|((source, seq, duplicate), split)| {
        Reply::Accepted { source, seq: Seq::new(seq), duplicate, split: SplitNumber::new(split) }
    });
    let reported = (heads(), any::<u64>()).prop_map(|((source, seq, _), report)| Reply::Reported {
        source,
        seq: Seq::new(seq),
        report: ReportNumber::new(report),
    });
    let rejected = (heads(), any::<bool>(), "[a-z_]{1,30}", any::<String>()).prop_map(
        |((source, seq, duplicate), late, code, reason)| Reply::Rejected {
            source,
            seq: Seq::new(seq),
            duplicate,
            late,
            code,
            reason,
        },
    );
    prop_oneof![allocations(), held, busted, accepted, reported, rejected]
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
    (numbers, amounts(), accounts, option::of(trackings()), vec(any::<String>(), 0..3)).prop_map(
        |(
            [report, cut, split, time_ns, fills, held],
            total_value,
            accounts,
            tracking,
            degraded,
        )| {
            Report {
                report: ReportNumber::new(report),
                cut,
                split: SplitNumber::new(split),
                time_ns,
                fills,
                held,
                total_value,
                accounts,
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
