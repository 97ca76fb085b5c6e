//! An account at 0 % buys nothing: here the rule and the book part.

use super::pair::Pair;
use super::script::{input, inputs};
use allot_domain::BookConfig;

/// What is asked of an account at 0 % is that it gets nothing more. The book goes by the residual
/// alone, and an account that sold for more than it paid misses value whatever its weight.
#[test]
fn a_purchase_for_an_account_at_zero_is_a_fault() {
    let mut pair = Pair::new(BookConfig { history: 64, ..BookConfig::default() });
    let script = "
        split aum 1 a=50 b=50
        buy f 1 AAPL 2 @ 5
        split aum 2 a=0 b=100
        sell f 2 AAPL 2 @ 50
        ";
    inputs(script).iter().for_each(|input| pair.apply(input).unwrap());
    let purchase = input("buy f 3 AAPL 9 @ 5");
    assert!(pair.buys_while_somebody_at_zero_owes(&purchase));
    let fault = pair.apply(&purchase).unwrap_err();
    assert_eq!(fault.to_string(), "input 5: fill f 3, buy 9 AAPL at 5: a buys 9 shares at 0 %");
}
