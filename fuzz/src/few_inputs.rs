//! A few inputs of every kind, to the accounts, tickers and fills of the books in the corpus.

use allot_allocation_rules::{Bust, Fill, Input, Netting, Split, SplitKey, Weight};
use allot_domain::{
    AccountId, Marker, MessageId, Money, Price, Quantity, Seq, Side, SourceId, Ticker,
};

/// The inputs.
///
/// # Panics
/// If one of them is none: a bug.
#[must_use]
pub fn few_inputs() -> Vec<Input> {
    let busts = [1, 2, 4, 20].map(|of| bust(40 + of, of));
    let mut inputs = vec![
        fill(20, "AAPL", Side::Buy, "7.25", 100),
        fill(20, "AAPL", Side::Buy, "7.25", 100),
        fill(20, "AAPL", Side::Buy, "7.25", 101),
        fill(21, "MSFT", Side::Sell, "7", 1),
        fill(1, "AAPL", Side::Buy, "5", 10),
        fill(22, "NEW", Side::Buy, "1000000000", 3),
        Input::Marker(Marker { number: 9, time_ns: 7, report: true }),
        netting(1),
    ];
    inputs.extend(busts);
    inputs.extend([
        split(7, &[("b", 40), ("c", 60)]),
        netting(2),
        fill(23, "AAPL", Side::Sell, "8", 1),
        split(8, &[("a", 0), ("d", 100)]),
        fill(24, "BRK/B", Side::Buy, "0.000000001", 1 << 40),
        fill(25, "AAPL", Side::Sell, "9", 2),
        Input::Marker(Marker { number: 10, time_ns: 8, report: true }),
    ]);
    inputs
}

fn source(name: &str) -> SourceId {
    SourceId::new(name.as_bytes()).expect("a name")
}

fn fill(seq: u64, ticker: &str, side: Side, price: &str, quantity: i128) -> Input {
    Input::Fill(Fill {
        source: source("f"),
        seq: Seq::new(seq),
        id: Seq::new(seq).into(),
        time_ns: seq,
        ticker: Ticker::new(ticker.as_bytes()).expect("a ticker"),
        side,
        price: Price::parse(price).expect("a price"),
        quantity: Quantity::new(quantity).expect("a quantity"),
    })
}

fn bust(seq: u64, of: u64) -> Input {
    let (seq, of) = (Seq::new(seq), MessageId::Number(Seq::new(of)));
    let ticker = Ticker::new(b"AAPL").expect("a ticker");
    Input::Bust(Bust { source: source("f"), seq, id: seq.into(), time_ns: 3, ticker, of })
}

fn split(seq: u64, weights: &[(&str, i128)]) -> Input {
    let weight = |(account, percent): &(&str, i128)| {
        let id = AccountId::new(account.as_bytes()).expect("an account");
        (id, Weight::from_nanos(account, percent * 1_000_000_000).expect("a weight"))
    };
    let weights = weights.iter().map(weight).collect();
    Input::Split(Split::new(source("aum"), Seq::new(seq), weights).expect("a split"))
}

/// A netting of the latest split of the corpus.
fn netting(number: u64) -> Input {
    let split = SplitKey { source: source("aum"), seq: Seq::new(2) };
    let transfers = [5, -5].map(Money::from_nanos).into();
    Input::Netting(Netting { number, split, transfers })
}
