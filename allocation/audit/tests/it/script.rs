//! Script: inputs as lines of text.
//!
//! ```text
//!   split aum 1 a=60 b=40              a source, its number, percentages
//!   buy f 1 AAPL 100 @ 187.23          or sell
//!   bust f 2 AAPL of 1
//!   marker
//!   net aum 1 5 -5                     value moved by rank, under the accounts of that split
//! ```

use super::names::{account, source, ticker};
use allot_allocation_rules::{Bust, Fill, Input, Netting, Split, SplitKey, Weight};
use allot_domain::{Marker, Money, Price, Quantity, Side, decimal};

/// The inputs of a script, an empty line being none.
pub(crate) fn inputs(script: &str) -> Vec<Input> {
    script.lines().map(str::trim).filter(|line| !line.is_empty()).map(input).collect()
}

/// The input that a line says.
pub(crate) fn input(line: &str) -> Input {
    let words: Vec<_> = line.split_whitespace().collect();
    let key = || (source(words[1]), words[2].parse().unwrap());
    match &words[..] {
        ["marker"] => Input::Marker(Marker { number: 1, time_ns: 0, report: false }),
        ["split", _, _, weights @ ..] => {
            let (source, seq) = key();
            let weight = |text: &&str| {
                let (id, percent) = text.split_once('=').unwrap();
                (account(id), Weight::parse(id, percent).unwrap())
            };
            Input::Split(Split::new(source, seq, weights.iter().map(weight).collect()).unwrap())
        }
        ["net", _, _, amounts @ ..] => {
            let (source, seq) = key();
            let money = |text: &&str| Money::from_nanos(decimal::parse_nanos(text).unwrap());
            let transfers = amounts.iter().map(money).collect();
            Input::Netting(Netting { number: 1, split: SplitKey { source, seq }, transfers })
        }
        ["bust", _, _, name, "of", of] => {
            let (source, seq) = key();
            Input::Bust(Bust { source, seq, ticker: ticker(name), of: of.parse().unwrap() })
        }
        [side @ ("buy" | "sell"), _, _, name, quantity, "@", price] => {
            let (source, seq) = key();
            Input::Fill(Fill {
                source,
                seq,
                ticker: ticker(name),
                side: if *side == "buy" { Side::Buy } else { Side::Sell },
                price: Price::parse(price).unwrap(),
                quantity: Quantity::parse(quantity).unwrap(),
            })
        }
        _ => panic!("no such input: {line}"),
    }
}
