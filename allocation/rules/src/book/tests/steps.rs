//! Steps: random inputs for a book, as strategies of `proptest`.

use allot_domain::{AccountId, Marker, Money, Price, Quantity, Seq, Side};
use proptest::prelude::*;

use super::script::{source, ticker};
use crate::{
    Bust, Fill, Input, Listing, Netting, Replay, Split, SplitKey, SplitNumber, TickerSeq, Weight,
    limits,
};

/// Accounts of the random splits, in byte order.
const ACCOUNTS: [&str; 6] = ["B", "a", "a.b", "aa", "b", "c"];
const SOURCES: [&str; 2] = ["f", "g"];
const TICKERS: [&str; 3] = ["AAPL", "BRK/B", "X"];

/// A random input before it has its number.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Fill { side: Side, ticker: usize, quantity: u64, price: u64 },
    Bust { ticker: usize, back: u64 },
    Split { weights: Vec<u64> },
    Net { split_back: u64, amounts: Vec<i128> },
    Marker,
    Replay { ticker: usize, from: u64, more: Option<u64> },
    List { from: u64 },
}

/// Who sends it, and how its number follows the source's last: 1 is the next, 0 a repeat.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    source: usize,
    stride: i64,
    step: Step,
}

pub(super) fn steps() -> impl Strategy<Value = Sent> {
    let side = prop_oneof![2 => Just(Side::Buy), 1 => Just(Side::Sell)];
    let price = prop_oneof![Just(1_u64), 1..20_u64, 1..2_000_u64];
    let fill = (side, 0..TICKERS.len(), 1..30_u64, price);
    let fill = fill.prop_map(|(side, ticker, quantity, price)| Step::Fill {
        side,
        ticker,
        quantity,
        price,
    });
    let bust = (0..TICKERS.len(), 1..8_u64);
    let bust = bust.prop_map(|(ticker, back)| Step::Bust { ticker, back });
    let weight = prop_oneof![2 => Just(u64::MAX), 1 => Just(0), 4 => 1..100_u64];
    let split = prop::collection::vec(weight, ACCOUNTS.len());
    let split = split.prop_map(|weights| Step::Split { weights });
    let net = (0..3_u64, prop::collection::vec(-5_000..5_000_i128, 0..5));
    let net = net.prop_map(|(split_back, amounts)| Step::Net { split_back, amounts });
    let replay = (0..TICKERS.len(), 1..12_u64, prop::option::of(0..5_u64));
    let replay = replay.prop_map(|(ticker, from, more)| Step::Replay { ticker, from, more });
    let step = prop_oneof![
        12 => fill,
        4 => bust,
        2 => split,
        1 => net,
        1 => Just(Step::Marker),
        2 => replay,
        1 => (1..6_u64).prop_map(|from| Step::List { from }),
    ];
    let stride =
        prop_oneof![20 => Just(1), 2 => -3..=0_i64, 1 => 2..4_i64, 1 => 65_530..65_540_i64];
    (0..SOURCES.len(), stride, step).prop_map(|(source, stride, step)| Sent {
        source,
        stride,
        step,
    })
}

/// Random steps as inputs, numbered by their sources.
#[derive(Default)]
pub(super) struct Numbering {
    feeds: [u64; 2],
    splitters: [u64; 2],
    nettings: u64,
}

impl Numbering {
    pub(super) fn input(&mut self, sent: &Sent) -> Option<Input> {
        let source_id = source(SOURCES[sent.source]);
        let counts =
            if let Step::Split { .. } = sent.step { &mut self.splitters } else { &mut self.feeds };
        let last = counts[sent.source];
        let seq = last.saturating_add_signed(sent.stride).max(1);
        let mut count = || counts[sent.source] = last.max(seq);
        Some(match &sent.step {
            Step::Fill { side, ticker: at, quantity, price } => {
                count();
                Input::Fill(Fill {
                    source: source_id,
                    seq: Seq::new(seq),
                    id: Seq::new(seq).into(),
                    time_ns: 0,
                    ticker: ticker(TICKERS[*at]),
                    side: *side,
                    price: Price::from_nanos((*price).into()).unwrap(),
                    quantity: Quantity::new((*quantity).into()).unwrap(),
                })
            }
            Step::Bust { ticker: at, back } => {
                count();
                let of = last.saturating_sub(*back) + 1;
                Input::Bust(Bust {
                    source: source_id,
                    seq: Seq::new(seq),
                    id: Seq::new(seq).into(),
                    time_ns: 0,
                    ticker: ticker(TICKERS[*at]),
                    of: Seq::new(of).into(),
                })
            }
            Step::Split { weights } => {
                count();
                Input::Split(Split::new(source_id, Seq::new(seq), percentages(weights)?).unwrap())
            }
            Step::Net { split_back, amounts } => {
                self.nettings += 1;
                let seq = self.splitters[sent.source].saturating_sub(*split_back);
                Input::Netting(Netting {
                    number: self.nettings,
                    split: SplitKey { source: source_id, seq: Seq::new(seq) },
                    transfers: amounts.iter().map(|amount| Money::from_nanos(*amount)).collect(),
                })
            }
            Step::Marker => Input::Marker(Marker { number: 1, time_ns: 0, report: false }),
            Step::Replay { ticker: at, from, more } => Input::Replay(Replay {
                source: source_id,
                seq: Seq::new(seq),
                time_ns: 0,
                ticker: ticker(TICKERS[*at]),
                from: TickerSeq::new(*from),
                to: more.map(|more| TickerSeq::new(from + more)),
            }),
            Step::List { from } => Input::Listing(Listing {
                source: source_id,
                seq: Seq::new(seq),
                time_ns: 0,
                from: SplitNumber::new(*from),
            }),
        })
    }
}

/// Random weights, rounded down to nine decimals so that they miss 100 by a little.
fn percentages(weights: &[u64]) -> Option<Vec<(AccountId, Weight)>> {
    let named = || weights.iter().zip(ACCOUNTS).filter(|(weight, _)| **weight != u64::MAX);
    let sum: u64 = named().map(|(weight, _)| *weight).sum();
    let percentage = |weight: u64, id: &str| {
        let nanos = i128::from(weight) * i128::from(limits::WEIGHT_TOTAL) / i128::from(sum);
        (AccountId::new(id.as_bytes()).unwrap(), Weight::from_nanos(id, nanos).unwrap())
    };
    (0 < sum).then(|| named().map(|(weight, id)| percentage(*weight, id)).collect())
}
