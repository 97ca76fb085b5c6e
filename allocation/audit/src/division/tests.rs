//! Two ways to check a division, and one example by hand.

use proptest::prelude::*;

use super::*;

fn division(wants: &[(i128, u64)], step: i128, quantity: u64) -> Division {
    let claim = |(at, (want, most)): (usize, &(i128, u64))| {
        let account = AccountId::new(format!("a{at}").as_bytes()).unwrap();
        Claim { account, want: *want, most: *most }
    };
    Division { claims: wants.iter().enumerate().map(claim).collect(), step, quantity }
}

#[track_caller]
fn check_order(wants: &[(i128, u64)], quantity: u64, given: &[u64], expected: &str) {
    let found = division(wants, 10, quantity).check_order(given);
    let found = found.map_or_else(|wrong| wrong.to_string(), |()| String::new());
    assert!(found.starts_with(expected), "{found}");
    assert_eq!(found.is_empty(), expected.is_empty(), "{found}");
}

#[test]
fn the_last_share_given_comes_before_the_first_not_given() {
    check_order(&[(25, 9), (15, 9), (0, 9)], 3, &[3, 0, 0], "a0 has a share that a1 wanted more");
    check_order(&[(25, 9), (15, 9), (0, 9)], 3, &[2, 1, 0], "");
    check_order(&[(25, 9), (15, 9), (0, 9)], 3, &[1, 1, 1], "a2 has a share that a0 wanted more");
    // Ties go by byte order.
    check_order(&[(10, 9), (10, 9)], 1, &[1, 0], "");
    check_order(&[(10, 9), (10, 9)], 1, &[0, 1], "a1 has a share that a0 wanted more, by 0");
    // An account that may take no more is passed over, however much it wants.
    check_order(&[(99, 1), (10, 9)], 2, &[1, 1], "");
    check_order(&[(99, 0), (-99, 9)], 2, &[0, 2], "");
    check_order(&[(99, 0), (-99, 2)], 2, &[0, 2], "");
}

/// Wants around a few steps, caps that bind and caps that do not, and a quantity that fits.
fn divisions() -> impl Strategy<Value = Division> {
    let most = prop_oneof![Just(0_u64), 1..9_u64, Just(1_000)];
    let claims = prop::collection::vec((-60..60_i128, most), 1..7);
    (claims, 1..13_i128, 0..60_u64).prop_map(|(claims, step, quantity)| {
        let all: u64 = claims.iter().map(|(_, most)| most).sum();
        division(&claims, step, quantity.min(all))
    })
}

/// Every way to give out the shares within the caps.
fn ways(division: &Division) -> Vec<Vec<u64>> {
    let mut ways = vec![vec![]];
    for claim in &division.claims {
        let longer = |way: &Vec<u64>| {
            let left = division.quantity - way.iter().sum::<u64>();
            let (way, most) = (way.clone(), claim.most.min(left));
            (0..=most).map(move |share| [way.clone(), vec![share]].concat()).collect::<Vec<_>>()
        };
        ways = ways.iter().flat_map(longer).collect();
    }
    ways.retain(|way| way.iter().sum::<u64>() == division.quantity);
    ways
}

proptest! {
    #[test]
    fn shares_given_one_by_one_are_in_order(division in divisions()) {
        let shares = division.one_by_one();
        prop_assert_eq!(shares.iter().sum::<u64>(), division.quantity);
        prop_assert_eq!(division.check(&shares), Ok(()));
        prop_assert_eq!(division.check_order(&shares), Ok(()));
    }

    /// The condition admits exactly one division.
    #[test]
    fn no_other_shares_are_in_order(division in divisions()) {
        let division = Division { quantity: division.quantity.min(6), ..division };
        let due = division.one_by_one();
        for way in ways(&division) {
            prop_assert_eq!(division.check_order(&way).is_ok(), way == due, "{:?}", way);
        }
    }
}
