//! Numbering: random steps, and the inputs they become once their sources have named them.

use std::collections::BTreeMap;

use allot_allocation_rules::{
    Bust, Fill, Input, Netting, Replay, Split, SplitKey, TickerSeq, limits,
};
use allot_domain::{AccountId, JUMP, Marker, MessageId, Money, Price, Quantity, Seq, Side};
use proptest::prelude::*;

use super::names::{id, source, ticker, weights};

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
        /// Which of the last fills of its source; zero is one that was never sent.
        back: usize,
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
    Replay {
        ticker: usize,
        from: u64,
        /// How many more after the first; none for all there are.
        more: Option<u64>,
    },
}

/// Who sends it, and how its number follows the source's last: 1 is the next, 0 the same.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    source: usize,
    stride: i64,
    id: Id,
    /// Sends this one of its last messages again, whatever the step.
    again: Option<usize>,
    step: Step,
}

/// What names a fill or a bust.
#[derive(Clone, Copy, Debug)]
enum Id {
    /// Its number, for it has no id of its own.
    Its,
    /// Another number, this far from its own.
    Other(i64),
    /// One of a few texts.
    Text(u8),
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
    let bust = (0..TICKERS.len(), 0..8_usize, prop::bool::weighted(0.8));
    let bust = bust.prop_map(|(ticker, back, fits)| Step::Bust { ticker, back, fits });
    let replay = (0..TICKERS.len(), 1..40_u64, prop::option::of(0..9_u64));
    let replay = replay.prop_map(|(ticker, from, more)| Step::Replay { ticker, from, more });
    let step = prop_oneof![
        14 => fills(),
        4 => bust,
        2 => splits(accounts),
        1 => nettings(),
        1 => Just(Step::Marker),
        2 => replay,
    ];
    let stride = prop_oneof![
        40 => Just(1),
        6 => -3..=0_i64,
        2 => 2..4_i64,
        1 => WILD - 3..WILD + 3,
        1 => Just(i64::MAX),
    ];
    let id = prop_oneof![
        8 => Just(Id::Its),
        1 => (-3..=3_i64).prop_map(Id::Other),
        1 => (0..6_u8).prop_map(Id::Text),
    ];
    let again = prop_oneof![9 => Just(None), 1 => (1..6_usize).prop_map(Some)];
    (0..SOURCES.len(), stride, id, again, step).prop_map(|(source, stride, id, again, step)| Sent {
        source,
        stride,
        id,
        again,
        step,
    })
}

/// A leap after which a number may be an outlier.
const WILD: i64 = JUMP.cast_signed();

/// Sources that number what they send.
#[derive(Default)]
pub(crate) struct Numbering {
    feeds: [u64; SOURCES.len()],
    splitters: [u64; SOURCES.len()],
    /// The ids of the fills of each source, with their tickers.
    fills: BTreeMap<usize, Vec<(MessageId, usize)>>,
    /// What each source sent, for sending it again.
    messages: BTreeMap<usize, Vec<Input>>,
    /// The latest split, and how many accounts it names.
    split: Option<(SplitKey, usize)>,
    nettings: u64,
    markers: u64,
    /// When the last input was taken.
    time_ns: u64,
}

/// The same input, taken at another time.
fn at(input: Input, time_ns: u64) -> Input {
    match input {
        Input::Fill(fill) => Input::Fill(Fill { time_ns, ..fill }),
        Input::Bust(bust) => Input::Bust(Bust { time_ns, ..bust }),
        Input::Split(split) => Input::Split(split.at(time_ns)),
        Input::Replay(replay) => Input::Replay(Replay { time_ns, ..replay }),
        other => other,
    }
}

impl Numbering {
    /// A step as an input; none where all weights of a split are zero.
    pub(crate) fn input(&mut self, sent: &Sent) -> Option<Input> {
        self.time_ns += 1;
        let again = sent.again.and_then(|back| {
            let messages = self.messages.get(&sent.source)?;
            messages.get(messages.len().checked_sub(back)?).cloned()
        });
        let input = match again {
            Some(message) => message,
            None => self.new_input(sent)?,
        };
        if !matches!(input, Input::Netting(_) | Input::Marker(_)) {
            self.messages.entry(sent.source).or_default().push(input.clone());
        }
        Some(at(input, self.time_ns))
    }

    fn new_input(&mut self, sent: &Sent) -> Option<Input> {
        let source = source(SOURCES[sent.source]);
        let is_split = matches!(sent.step, Step::Split { .. });
        let counts = if is_split { &mut self.splitters } else { &mut self.feeds };
        let last = counts[sent.source];
        let seq = last.saturating_add_signed(sent.stride).max(1);
        // A source goes on where it was before a number that ran wild.
        if !matches!(sent.step, Step::Net { .. } | Step::Marker | Step::Replay { .. })
            && sent.stride < WILD / 2
        {
            counts[sent.source] = last.max(seq);
        }
        let id = match sent.id {
            Id::Its => Seq::new(seq).into(),
            Id::Other(by) => Seq::new(seq.saturating_add_signed(by).max(1)).into(),
            Id::Text(text) => id(&format!("x{text}")),
        };
        let seq = Seq::new(seq);
        Some(match &sent.step {
            Step::Fill { side, ticker: at, quantity, price } => {
                self.fills.entry(sent.source).or_default().push((id, *at));
                Input::Fill(Fill {
                    source,
                    seq,
                    id,
                    time_ns: 0,
                    ticker: ticker(TICKERS[*at]),
                    side: *side,
                    price: Price::from_nanos((*price).into()).unwrap(),
                    quantity: Quantity::new((*quantity).into()).unwrap(),
                })
            }
            Step::Bust { ticker: at, back, fits } => {
                let fills = self.fills.entry(sent.source).or_default();
                let fill = fills.len().checked_sub(*back).and_then(|index| fills.get(index));
                let (of, fitting) = fill.copied().unwrap_or((Seq::new(last + 1).into(), *at));
                let at = if *fits { fitting } else { *at };
                let ticker = ticker(TICKERS[at]);
                Input::Bust(Bust { source, seq, id, time_ns: 0, ticker, of })
            }
            Step::Split { weights: proportions } => {
                let named: Vec<_> = ACCOUNTS
                    .into_iter()
                    .zip(proportions)
                    .filter_map(|(name, weight)| Some((name, (*weight)?)))
                    .collect();
                self.split = Some((SplitKey { source, seq }, named.len()));
                let split = Split::new(source, seq, weights(&named)?).unwrap();
                let others = ACCOUNTS.map(|id| AccountId::new(id.as_bytes()).unwrap());
                let others = others.into_iter().filter(|id| !split.names(id)).collect();
                Input::Split(split.closing(others).unwrap())
            }
            Step::Net { split_back, amounts, fits } => self.netting(*split_back, amounts, *fits),
            Step::Marker => {
                self.markers += 1;
                Input::Marker(Marker { number: self.markers, time_ns: 0, report: false })
            }
            Step::Replay { ticker: at, from, more } => {
                let (ticker, from) = (ticker(TICKERS[*at]), TickerSeq::new(*from));
                let to = more.map(|more| TickerSeq::new(from.get() + more));
                Input::Replay(Replay { source, seq, time_ns: 0, ticker, from, to })
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
