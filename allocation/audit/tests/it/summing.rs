//! Summing: what an auditor counts when nothing is wrong.

use std::fmt::Write;

use allot_allocation_audit::Summary;
use allot_allocation_rules::BookConfig;
use expect_test::{Expect, expect};

use super::pair::Pair;
use super::script::inputs;

#[track_caller]
fn check(script: &str, expected: Expect) {
    let mut pair = Pair::new(BookConfig { history: 64, ..BookConfig::default() });
    inputs(script).iter().for_each(|input| pair.apply(input).unwrap());
    let Summary {
        inputs,
        fills,
        late,
        held,
        busts,
        repeats,
        rejected,
        out_of_order,
        splits,
        checks,
        nettings,
        nettings_void,
        markers,
        replays,
        listings,
        tickers,
        accounts,
    } = pair.auditor.summary();
    let mut text = format!(
        "inputs {inputs} fills {fills} late {late} held {held} busts {busts} repeats {repeats}\n\
         rejected {rejected:?} out of order {out_of_order}\n\
         splits {splits} checks {checks} nettings {nettings} void {nettings_void} markers {markers} \
         replays {replays} listings {listings}\n"
    );
    for (ticker, total) in tickers {
        let (fills, bought, sold) = (total.fills, total.bought, total.sold);
        let value = total.value;
        writeln!(text, "{ticker}: {fills} fills, {bought} bought, {sold} sold, value {value}")
            .unwrap();
    }
    for (id, total) in accounts {
        let (shares, value, netted) = (total.shares, total.value, total.netted);
        writeln!(text, "{id}: {shares} shares, value {value}, netted {netted}").unwrap();
    }
    expected.assert_eq(&text);
}

#[test]
fn a_summary_counts_what_stands() {
    check(
        "
        buy f 2 AAPL 10 @ 5
        buy f 1 MSFT 4 @ 7
        split aum 1 a=60 b=40
        buy f 2 AAPL 10 @ 5
        sell f 3 AAPL 5 @ 6
        sell f 4 AAPL 6 @ 6
        bust f 4 MSFT of 1
        buy f 5 X 1 @ 1
        bust f 6 X of 9
        net aum 1 5 -5
        net aum 2 5 -5
        marker
        check split aum 2 b=50 c=50 closes a
        split aum 2 b=50 c=50 closes a
        ",
        expect![[r#"
            inputs 14 fills 4 late 2 held 0 busts 1 repeats 1
            rejected {"exceeds_holdings": 1, "unknown_fill": 1} out of order 1
            splits 2 checks 1 nettings 2 void 1 markers 1 replays 0 listings 0
            AAPL: 2 fills, 10 bought, 5 sold, value 20
            MSFT: 0 fills, 0 bought, 0 sold, value 0
            X: 1 fills, 1 bought, 0 sold, value 1
            a: 4 shares, value 13, netted 5
            b: 2 shares, value 8, netted -5
            c: 0 shares, value 0, netted 0
        "#]],
    );
    check(
        "buy f 1 AAPL 10 @ 5",
        expect![[r#"
            inputs 1 fills 0 late 0 held 1 busts 0 repeats 0
            rejected {} out of order 0
            splits 0 checks 0 nettings 0 void 0 markers 0 replays 0 listings 0
        "#]],
    );
}
