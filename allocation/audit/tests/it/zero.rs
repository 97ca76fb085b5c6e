//! An account at 0 % buys nothing, even where it is short of value because it sold for more than it
//! paid.

use allot_allocation_rules::BookConfig;

use super::pair::Pair;
use super::script::inputs;

#[test]
fn an_account_at_zero_buys_nothing_whatever_it_misses() {
    let mut pair = Pair::new(BookConfig { history: 64, ..BookConfig::default() });
    let script = "
        split aum 1 a=50 b=50
        buy f 1 AAPL 2 @ 5
        split aum 2 a=0 b=100
        sell f 2 AAPL 2 @ 50
        buy f 3 AAPL 9 @ 5
        ";
    inputs(script).iter().for_each(|input| pair.apply(input).unwrap());
}
