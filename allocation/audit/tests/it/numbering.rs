//! Numbering: random steps, and the inputs they become once their sources have numbered them.

use std::collections::BTreeMap;

use allot_allocation_rules::{Bust, Fill, Input, Netting, Split, SplitKey, limits};
use allot_domain::{Marker, Money, Price, Quantity, Seq, Side};
use proptest::prelude::*;

use super::names::{source, ticker, weights};

/// Accounts of the random splits, in byte order.
const ACCOUNTS: [&str; 12] = ["B", "B2", "Z", "a", "a.b", "aa", "b", "c", "d", "e", "f", "g"];
const SOURCES: [&str; 3] = ["f", "g", "aum"];
const TICKERS: [&str; 4] = ["AAPL", "BRK/B", "X", "ZZ"];

/// A random input before it has its number.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Fill {
        side: Side,
        ticker: usize,
        quantity: u64,
        price: i64,
    },
    Bust {
        ticker: usize,
        back: u64,
        /// Whether it names the ticker of the fill, and not just any.
        fits: bool,
    },
    /// A proportion for each account; none closes it.
    Split {
        weights: Vec<Option<u64>>,
    },
    Net {
        split_back: u64,
        amounts: Vec<i128>,
        /// Whether there is one amount for each account of the latest split.
        fits: bool,
    },
    Marker,
}

/// Who sends it, and how its number follows the source's last: 1 is the next, 0 a repeat.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    source: usize,
    stride: i64,
    step: Step,
}

fn fills() -> impl Strategy<Value = Step> {
    let side = prop_oneof![2 => Just(Side::Buy), 1 => Just(Side::Sell)];
    let quantity = prop_oneof![
        6 => 1..30_u64,
        3 => 1..5_000_u64,
        1 => 1..=limits::QUANTITY_MAX,
        1 => Just(limits::QUANTITY_MAX),
    ];
    let price = prop_oneof![
        2 => Just(1_i64),
        6 => 1..2_000_i64,
        3 => (1..50_000_i64).prop_map(|cents| cents * 10_000_000),
        1 => 1..=limits::PRICE_MAX,
    ];
    (side, 0..TICKERS.len(), quantity, price)
        .prop_map(|(side, ticker, quantity, price)| Step::Fill { side, ticker, quantity, price })
}

/// Splits of at most this many accounts, some of them at zero.
fn splits(accounts: usize) -> impl Strategy<Value = Step> {
    let weight = prop_oneof![
        2 => Just(None),
        1 => Just(Some(0)),
        1 => Just(Some(1)),
        4 => (1..100_u64).prop_map(Some),
    ];
    prop::collection::vec(weight, accounts).prop_map(|weights| Step::Split { weights })
}

fn nettings() -> impl Strategy<Value = Step> {
    let amount = prop_oneof![
        20 => -5_000..5_000_i128,
        4 => -limits::VALUE_MAX..limits::VALUE_MAX,
        1 => Just(i128::MAX),
        1 => Just(limits::NETTED_VALUE_MAX),
    ];
    let amounts = prop::collection::vec(amount, ACCOUNTS.len());
    (0..3_u64, amounts, prop::bool::weighted(0.9))
        .prop_map(|(split_back, amounts, fits)| Step::Net { split_back, amounts, fits })
}

/// Every kind of input, with splits of at most this many accounts.
pub(crate) fn sent(accounts: usize) -> impl Strategy<Value = Sent> {
    let bust = (0..TICKERS.len(), 0..8_u64, prop::bool::weighted(0.8));
    let bust = bust.prop_map(|(ticker, back, fits)| Step::Bust { ticker, back, fits });
    let step = prop_oneof![
        14 => fills(),
        4 => bust,
        2 => splits(accounts),
        1 => nettings(),
        1 => Just(Step::Marker),
    ];
    let stride = prop_oneof![
        40 => Just(1),
        6 => -3..=0_i64,
        2 => 2..4_i64,
        1 => 65_530..65_540_i64,
        1 => -65_540..-65_530_i64,
    ];
    (0..SOURCES.len(), stride, step).prop_map(|(source, stride, step)| Sent {
        source,
        stride,
        step,
    })
}

/// Sources that number what they send.
#[derive(Default)]
pub(crate) struct Numbering {
    feeds: [u64; SOURCES.len()],
    splitters: [u64; SOURCES.len()],
    /// The ticker of each fill.
    tickers: BTreeMap<(usize, u64), usize>,
    /// The latest split, and how many accounts it names.
    split: Option<(SplitKey, usize)>,
    nettings: u64,
    markers: u64,
}

impl Numbering {
    /// A step as an input; none where all weights of a split are zero.
    pub(crate) fn input(&mut self, sent: &Sent) -> Option<Input> {
        let source = source(SOURCES[sent.source]);
        let is_split = matches!(sent.step, Step::Split { .. });
        let counts = if is_split { &mut self.splitters } else { &mut self.feeds };
        let last = counts[sent.source];
        let seq = last.saturating_add_signed(sent.stride).max(1);
        if !matches!(sent.step, Step::Net { .. } | Step::Marker) {
            counts[sent.source] = last.max(seq);
        }
        Some(match &sent.step {
            Step::Fill { side, ticker: at, quantity, price } => {
                self.tickers.insert((sent.source, seq), *at);
                Input::Fill(Fill {
                    source,
                    seq: Seq::new(seq),
                    ticker: ticker(TICKERS[*at]),
                    side: *side,
                    price: Price::from_nanos((*price).into()).unwrap(),
                    quantity: Quantity::new((*quantity).into()).unwrap(),
                })
            }
            Step::Bust { ticker: at, back, fits } => {
                let of = (last + 1).saturating_sub(*back);
                let at = self.tickers.get(&(sent.source, of)).filter(|_| *fits).unwrap_or(at);
                Input::Bust(Bust {
                    source,
                    seq: Seq::new(seq),
                    ticker: ticker(TICKERS[*at]),
                    of: Seq::new(of),
                })
            }
            Step::Split { weights: proportions } => {
                let named: Vec<_> = ACCOUNTS
                    .into_iter()
                    .zip(proportions)
                    .filter_map(|(name, weight)| Some((name, (*weight)?)))
                    .collect();
                self.split = Some((SplitKey { source, seq: Seq::new(seq) }, named.len()));
                Input::Split(Split::new(source, Seq::new(seq), weights(&named)?).unwrap())
            }
            Step::Net { split_back, amounts, fits } => self.netting(*split_back, amounts, *fits),
            Step::Marker => {
                self.markers += 1;
                Input::Marker(Marker { number: self.markers, time_ns: 0, report: false })
            }
        })
    }

    fn netting(&mut self, split_back: u64, amounts: &[i128], fits: bool) -> Input {
        self.nettings += 1;
        let latest = (SplitKey { source: source(SOURCES[0]), seq: Seq::new(1) }, 1);
        let (latest, accounts) = self.split.unwrap_or(latest);
        let split =
            SplitKey { seq: Seq::new(latest.seq.get().saturating_sub(split_back)), ..latest };
        let count = if fits { accounts } else { accounts / 2 };
        let transfers = amounts.iter().take(count).map(|amount| Money::from_nanos(*amount));
        Input::Netting(Netting { number: self.nettings, split, transfers: transfers.collect() })
    }
}
