//! The residuals against its definition: shares given out one by one, and every division there is.

use std::cmp::Reverse;

use allot_domain::{Money, Price, Quantity, Side};
use proptest::prelude::*;

use super::{Blend, Block, Residuals};
use crate::{Cell, limits};

/// A residuals, what its accounts hold of the ticker, and a block that they can trade.
#[derive(Clone, Debug)]
struct Case {
    weights: Vec<u64>,
    values: Vec<i128>,
    held: Vec<Cell>,
    block: Block,
    blend: Blend,
}

impl Case {
    fn residuals(&self) -> Residuals {
        Residuals::new(self.weights.clone(), self.values.clone())
    }

    fn allocate(&self) -> (Vec<u64>, Residuals) {
        let mut residuals = self.residuals();
        let mut shares = vec![u64::MAX; self.weights.len()];
        residuals.allocate(self.block, self.blend, &self.held, &mut shares);
        assert_eq!(shares.iter().sum::<u64>(), self.block.quantity.get());
        (shares, residuals)
    }

    fn price(&self) -> i128 {
        self.block.price.nanos().into()
    }

    fn sign(&self) -> i128 {
        if self.block.side == Side::Buy { 1 } else { -1 }
    }

    fn weight_total(&self) -> i128 {
        self.weights.iter().map(|weight| i128::from(*weight)).sum()
    }

    /// The most shares an account can get of the block, or give.
    fn most(&self, rank: usize) -> u64 {
        match self.block.side {
            Side::Buy if self.weights[rank] == 0 => 0,
            Side::Buy => u64::MAX,
            Side::Sell => self.held[rank].quantity,
        }
    }

    /// How far each account would be from its target, times the sum of the weights.
    fn residuals_after(&self, shares: &[u64]) -> Vec<i128> {
        let moved = |share: &u64| self.sign() * self.price() * i128::from(*share);
        let values: Vec<_> =
            self.values.iter().zip(shares).map(|(value, share)| value + moved(share)).collect();
        let total: i128 = values.iter().sum();
        let target = |rank: usize| i128::from(self.weights[rank]) * total;
        (0..values.len()).map(|rank| target(rank) - self.weight_total() * values[rank]).collect()
    }

    /// How far what was paid for the ticker would be from the accounts' parts of it.
    fn mix_after(&self, shares: &[u64]) -> Vec<i128> {
        let moved = |share: &u64| self.sign() * self.price() * i128::from(*share);
        let paid: Vec<_> =
            self.held.iter().zip(shares).map(|(cell, share)| cell.value + moved(share)).collect();
        let total: i128 = paid.iter().sum();
        let target = |rank: usize| i128::from(self.weights[rank]) * total;
        (0..paid.len()).map(|rank| target(rank) - self.weight_total() * paid[rank]).collect()
    }
}

/// The oracle: each share goes to the account that misses most, or comes from the most overweight.
///
/// Everything is worked out anew for each share from what the accounts have, towards the targets
/// after the whole block.
fn share_by_share(case: &Case) -> Vec<u64> {
    let accounts = case.weights.len();
    let notional = case.sign() * case.price() * i128::from(case.block.quantity.get());
    let total = case.values.iter().sum::<i128>() + notional;
    let paid_total = case.held.iter().map(|cell| cell.value).sum::<i128>() + notional;
    let mut shares = vec![0; accounts];
    for _ in 0..case.block.quantity.get() {
        let key = |rank: usize| {
            let moved = case.sign() * case.price() * i128::from(shares[rank]);
            let weight = i128::from(case.weights[rank]);
            let (value, paid) = (case.values[rank] + moved, case.held[rank].value + moved);
            let missing = weight * total - case.weight_total() * value;
            let mix = weight * paid_total - case.weight_total() * paid;
            let key = i128::from(case.blend.total) * missing + i128::from(case.blend.mix) * mix;
            case.sign() * key
        };
        let able = |rank: &usize| shares[*rank] < case.most(*rank);
        let next = (0..accounts).filter(able).max_by_key(|rank| (key(*rank), Reverse(*rank)));
        shares[next.expect("enough is held")] += 1;
    }
    shares
}

fn block(side: Side, price: i64, quantity: u64) -> Block {
    Block {
        side,
        price: Price::from_nanos(price.into()).expect("a price"),
        quantity: Quantity::new(quantity.into()).expect("a quantity"),
    }
}

/// What accounts hold where nothing asks what they paid.
fn held<const N: usize>(shares: [u64; N]) -> [Cell; N] {
    shares.map(|quantity| Cell { quantity, value: 0 })
}

/// Prices from a nano to the highest.
fn prices() -> impl Strategy<Value = i64> {
    prop_oneof![Just(1), 1..20_i64, Just(limits::PRICE_MAX), 1..limits::PRICE_MAX]
}

/// An account by its weight, its value in whole prices, its shares, and what it paid for them in
/// whole prices.
///
/// New ones, equal ones, ones at zero percent, far too heavy and far too light ones, and such as
/// sold dearer than they bought.
fn accounts(most: usize) -> impl Strategy<Value = Vec<(u64, i128, u64, i128)>> {
    let weight = prop_oneof![Just(0), Just(1), 1..5_u64, 1..1_000_u64, 1..10_000_000_000_u64];
    let value = prop_oneof![Just(0), -3..4_i128, -50..50_i128, -10_000..10_000_i128];
    let held = prop_oneof![Just(0), Just(1), 0..10_u64, 0..1_000_u64];
    let paid = prop_oneof![Just(0), -3..4_i128, -50..50_i128, -10_000..10_000_i128];
    prop::collection::vec((weight, value, held, paid), 1..=most)
        .prop_filter("some weight", |accounts| accounts.iter().any(|(weight, ..)| 0 < *weight))
}

fn blends() -> impl Strategy<Value = Blend> {
    let blend = (0..4_u32, 1..5_u32);
    prop_oneof![
        Just(Blend::NONE),
        blend.prop_map(|(mix, total)| Blend::new(mix, total).expect("within limits"))
    ]
}

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn cases(
    side: impl Strategy<Value = Side>,
    most: usize,
    quantity_max: u64,
) -> impl Strategy<Value = Case> {
    let quantity = prop_oneof![Just(1), 1..=quantity_max.min(12), 1..=quantity_max];
    let rest = prop_oneof![Just(0), -1_000..1_000_i128];
    (accounts(most), side, prices(), quantity, blends(), rest).prop_filter_map(
        "a sale needs holdings",
        |(accounts, side, price, quantity, blend, rest)| {
            let quantity = match side {
                Side::Buy => quantity,
                Side::Sell => quantity.min(accounts.iter().map(|(.., held, _)| held).sum()),
            };
            let value_of = |prices: i128| prices * i128::from(price) + rest;
            let cell = |quantity, paid| Cell { quantity, value: value_of(paid) };
            (0 < quantity).then(|| Case {
                weights: accounts.iter().map(|(weight, ..)| *weight).collect(),
                values: accounts.iter().map(|(_, value, ..)| value_of(*value)).collect(),
                held: accounts.iter().map(|(.., held, paid)| cell(*held, *paid)).collect(),
                block: block(side, price, quantity),
                blend,
            })
        },
    )
}

/// Every way to divide the block.
fn divisions(case: &Case) -> Vec<Vec<u64>> {
    let mut divisions = vec![vec![]];
    for most in (0..case.weights.len()).map(|rank| case.most(rank)) {
        let longer = divisions.iter().flat_map(|division: &Vec<u64>| {
            let left = case.block.quantity.get() - division.iter().sum::<u64>();
            (0..=left.min(most)).map(|share| [division.as_slice(), &[share]].concat())
        });
        divisions = longer.collect();
    }
    divisions.retain(|division| division.iter().sum::<u64>() == case.block.quantity.get());
    divisions
}

fn squares(amounts: &[i128]) -> i128 {
    amounts.iter().map(|amount| amount * amount).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn each_share_goes_to_the_account_that_misses_most(case in cases(sides(), 16, 40)) {
        let (shares, residuals) = case.allocate();
        prop_assert_eq!(&shares, &share_by_share(&case));
        prop_assert_eq!(residuals.residuals(), case.residuals_after(&shares));
    }

    #[test]
    fn an_account_at_zero_percent_never_receives(case in cases(Just(Side::Buy), 16, 1_000)) {
        let (shares, _) = case.allocate();
        prop_assert!(case.weights.iter().zip(&shares).all(|(w, share)| 0 < *w || *share == 0));
    }

    #[test]
    fn a_sale_takes_no_more_than_is_held(case in cases(Just(Side::Sell), 16, 1_000)) {
        let (shares, _) = case.allocate();
        prop_assert!(shares.iter().zip(&case.held).all(|(share, cell)| *share <= cell.quantity));
    }

    /// No account that got a share may miss less, without it, than another does now.
    #[test]
    fn large_blocks_meet_the_condition_of_the_optimum(
        case in cases(Just(Side::Buy), 40, 1),
        bits in 0..=40_u32,
        low in any::<u64>(),
    ) {
        let value_max = u64::try_from(limits::VALUE_MAX / case.price()).unwrap_or(u64::MAX);
        let quantity = (low % (1 << bits) + 1).min(value_max / 4).max(1);
        let block = block(Side::Buy, case.block.price.nanos(), quantity);
        let case = Case { block, blend: Blend::NONE, ..case };
        let (shares, residuals) = case.allocate();
        let step = case.weight_total() * case.price();
        let misses = |rank: usize| (residuals.residuals()[rank], Reverse(rank));
        let able = |rank: &usize| 0 < case.most(*rank);
        let most = (0..shares.len()).filter(able).map(misses).max().expect("accounts");
        for rank in (0..shares.len()).filter(|rank| 0 < shares[*rank]) {
            let before = (residuals.residuals()[rank] + step, Reverse(rank));
            prop_assert!(most < before || most == misses(rank), "{rank}: {before:?}, {most:?}");
        }
    }

    #[test]
    fn the_order_of_accounts_decides_ties_alone(
        case in cases(sides(), 16, 1_000),
        turn in 0..16_usize,
    ) {
        let turned = |mut case: Case| {
            let turn = turn % case.weights.len();
            case.weights.rotate_left(turn);
            case.values.rotate_left(turn);
            case.held.rotate_left(turn);
            case.weights.reverse();
            case.values.reverse();
            case.held.reverse();
            case
        };
        let other = turned(case.clone());
        let gathered = |case: &Case| {
            let (shares, _) = case.allocate();
            let terms = case.residuals_after(&shares).into_iter().zip(case.mix_after(&shares));
            let (mix, total) = (i128::from(case.blend.mix), i128::from(case.blend.total));
            let mut keys: Vec<_> = terms.map(|(value, paid)| total * value + mix * paid).collect();
            keys.sort_unstable();
            keys
        };
        prop_assert_eq!(gathered(&case), gathered(&other));
    }

    #[test]
    fn a_reversal_restores_the_residuals(
        case in cases(sides(), 16, 1_000),
        later in (prices(), 1..1_000_u64),
    ) {
        let (shares, mut residuals) = case.allocate();
        // Another block of the same accounts comes between.
        let mut between = vec![0; shares.len()];
        let later = block(Side::Buy, later.0, later.1);
        residuals.allocate(later, Blend::NONE, &[], &mut between);
        residuals.reverse(case.block, &shares);
        residuals.reverse(later, &between);
        prop_assert_eq!(&residuals.values(), &case.values);
        let untouched = case.residuals();
        prop_assert_eq!(residuals.residuals(), untouched.residuals());
    }

    #[test]
    fn a_netting_moves_value_between_shards_and_loses_none(
        case in cases(sides(), 8, 100),
        other in prop::collection::vec(-1_000_000..1_000_000_i128, 8),
        transfers in prop::collection::vec(-1_000_000..1_000_000_i128, 8),
    ) {
        let accounts = case.weights.len();
        let mut shards =
            [case.residuals(), Residuals::new(case.weights.clone(), other[..accounts].to_vec())];
        let sums = |shards: &[Residuals; 2]| -> Vec<_> {
            let [one, two] = shards;
            one.residuals().iter().zip(two.residuals()).map(|(one, two)| one + two).collect()
        };
        let before = sums(&shards);
        let into = transfers[..accounts].iter();
        let into: Vec<_> = into.map(|nanos| Money::from_nanos(*nanos)).collect();
        let out: Vec<_> = into.iter().map(|money| -*money).collect();
        prop_assert!(shards[0].net(&into) && shards[1].net(&out));
        prop_assert_eq!(sums(&shards), before);
        let values = shards[0].values();
        let moved = values.iter().zip(&case.values).map(|(after, before)| after - before);
        prop_assert!(moved.eq(transfers[..accounts].iter().copied()));
    }

    #[test]
    fn a_netting_beyond_the_limits_is_refused_and_changes_nothing(
        case in cases(sides(), 8, 100),
        rank in 0..8_usize,
        beyond in prop_oneof![Just(i128::MAX), Just(i128::MIN), Just(limits::NETTED_VALUE_MAX)],
    ) {
        let mut residuals = case.residuals();
        let mut transfers = vec![Money::ZERO; case.weights.len()];
        transfers[rank % case.weights.len()] = Money::from_nanos(beyond);
        prop_assert!(!residuals.net(&transfers));
        prop_assert_eq!(&residuals.values(), &case.values);
        let untouched = case.residuals();
        prop_assert_eq!(residuals.residuals(), untouched.residuals());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_other_division_is_better_by_squares_by_amounts_or_by_the_worst(
        accounts in prop::collection::vec((0..5_u64, -60..60_i128, 0..4_u64, -60..60_i128), 1..=3),
        side in sides(),
        price in 1..20_i64,
        quantity in 1..=6_u64,
        blend in blends(),
    ) {
        let quantity = match side {
            Side::Buy => quantity,
            Side::Sell => quantity.min(accounts.iter().map(|(.., held, _)| held).sum()),
        };
        prop_assume!(0 < quantity && accounts.iter().any(|(weight, ..)| 0 < *weight));
        let case = Case {
            weights: accounts.iter().map(|(weight, ..)| *weight).collect(),
            values: accounts.iter().map(|(_, value, ..)| *value).collect(),
            held: accounts
                .iter()
                .map(|(.., quantity, value)| Cell { quantity: *quantity, value: *value })
                .collect(),
            block: block(side, price, quantity),
            blend: Blend::NONE,
        };
        let best = case.residuals_after(&case.allocate().0);
        let amounts =
            |residuals: &[i128]| residuals.iter().map(|residual| residual.abs()).sum::<i128>();
        let worst = |residuals: &[i128]| residuals.iter().map(|residual| residual.abs()).max();
        for division in divisions(&case) {
            let other = case.residuals_after(&division);
            prop_assert!(squares(&best) <= squares(&other), "squares: {division:?}");
            prop_assert!(amounts(&best) <= amounts(&other), "amounts: {division:?}");
            prop_assert!(worst(&best) <= worst(&other), "the worst: {division:?}");
        }

        let case = Case { blend, ..case };
        let (mix, total) = (i128::from(blend.mix), i128::from(blend.total));
        let penalty = |shares: &[u64]| {
            total * squares(&case.residuals_after(shares)) + mix * squares(&case.mix_after(shares))
        };
        let best = penalty(&case.allocate().0);
        for division in divisions(&case) {
            prop_assert!(best <= penalty(&division), "blended: {division:?}");
        }
    }
}

/// Numbers that look random and are the same each time (Steele, Lea & Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Streams of purchases under one split; `holds` sees the residuals before and after each.
fn streams(mut holds: impl FnMut(&[u64], &[i128], Block, &[i128])) {
    for accounts in [1, 2, 3, 5, 10, 20, 100] {
        for seed in 0..4 {
            let mut random = SplitMix(seed);
            let weights: Vec<_> = (0..accounts).map(|_| random.below(1_000) + 1).collect();
            let mut residuals = Residuals::new(weights.clone(), vec![0; accounts]);
            let mut shares = vec![0; accounts];
            for _ in 0..200 {
                let price = i64::try_from(random.below(50_000) + 1_000).expect("a price");
                let most = [1, 10, 1_000][usize::try_from(random.below(3)).expect("small")];
                let block = block(Side::Buy, price, random.below(most) + 1);
                let before = residuals.residuals().to_vec();
                residuals.allocate(block, Blend::NONE, &[], &mut shares);
                holds(&weights, &before, block, residuals.residuals());
            }
        }
    }
}

/// G1: a fraction `f` of a share is missed by `f` or by `1 − f`, never by more than `1 − 1/n`.
#[test]
fn where_no_account_is_overweight_none_is_off_by_a_whole_price() {
    let mut seen = 0;
    streams(|weights, before, block, after| {
        let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        let accounts = i128::try_from(weights.len()).expect("small");
        let notional = block.price.times(block.quantity).nanos();
        let wants =
            before.iter().zip(weights).map(|(d, weight)| d + i128::from(*weight) * notional);
        if Some(0) <= wants.min() {
            seen += 1;
            let price = total * i128::from(block.price.nanos());
            assert!(after.iter().all(|d| d.abs() * accounts <= price * (accounts - 1)));
        }
    });
    assert!(2_000 < seen, "{seen} fills with no account overweight");
}

/// G2: no surplus reaches the highest price, no deficit passes `(1/2 + … + 1/n)` of it.
#[test]
fn under_one_split_errors_stay_within_a_few_prices_for_ever() {
    const UNIT: i128 = 1_000_000_000;
    let mut highest = 0;
    let mut split = Vec::new();
    streams(|weights, _, block, after| {
        if split != weights {
            (split, highest) = (weights.to_vec(), 0);
        }
        let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        highest = highest.max(total * i128::from(block.price.nanos()));
        let accounts = i128::try_from(weights.len()).expect("small");
        let bound: i128 = (2..=accounts).map(|k| UNIT / k + 1).sum();
        for residual in after {
            assert!(-residual < highest, "a surplus of {residual}");
            assert!(residual * UNIT <= highest * bound, "a deficit of {residual}");
        }
    });
}

/// A firm that buys and sells a few tickers at prices that jump by a tenth, up or down, each time.
struct JumpyMarket {
    random: SplitMix,
    residuals: Residuals,
    rows: Vec<Vec<Cell>>,
    shares: Vec<u64>,
}

impl JumpyMarket {
    const WEIGHTS: [u64; 5] = [40, 25, 20, 10, 5];
    const TICKERS: usize = 4;
    /// The highest price of all.
    const PRICE_MAX: i64 = 50_000 * 110 / 100;

    fn new(seed: u64) -> Self {
        let accounts = Self::WEIGHTS.len();
        Self {
            random: SplitMix(seed),
            residuals: Residuals::new(Self::WEIGHTS.to_vec(), vec![0; accounts]),
            rows: vec![vec![Cell::default(); accounts]; Self::TICKERS],
            shares: vec![0; accounts],
        }
    }

    /// One to 300 shares of a ticker; of four fills one is a sale, where enough is held.
    fn trade(&mut self, blend: Blend) {
        let ticker = self.random.below(4);
        let percent = 90 + 20 * self.random.below(2);
        let price = i64::try_from(50_000 / (ticker + 1) * percent / 100).expect("a price");
        let quantity = self.random.below(300) + 1;
        let row = &mut self.rows[usize::try_from(ticker).expect("small")];
        let held: u64 = row.iter().map(|cell| cell.quantity).sum();
        let is_sale = self.random.below(4) == 0 && quantity <= held;
        let (side, sign) = if is_sale { (Side::Sell, -1) } else { (Side::Buy, 1) };
        self.residuals.allocate(block(side, price, quantity), blend, row, &mut self.shares);
        for (cell, share) in row.iter_mut().zip(&self.shares) {
            cell.quantity = if is_sale { cell.quantity - share } else { cell.quantity + share };
            cell.value += sign * i128::from(price) * i128::from(*share);
        }
    }
}

/// Whatever prices do, a fill leaves `K = D + μ·M` of its ticker, that a blend divides by, within
/// `(1 + μ)·P` for each account, P being the highest price. So it takes `K²/(1 + μ)` from the
/// penalty `D² + μ·ΣM²` and adds at most `(1 + μ)·P²`. All `K²` together are at least μ times the
/// penalty, for D is the sum of all M; so where each ticker comes as often, the penalty, and D²
/// with it, is on average at most `tickers · (1 + μ)² / μ · P²`: with 4 tickers and 1/4, `(5 P)²`.
#[test]
fn a_blend_stays_on_target_however_prices_jump() {
    let blend = Blend::new(1, 4).expect("within limits");
    let price = i128::from(JumpyMarket::PRICE_MAX) * 100;
    let mut worst = 0;
    for seed in 0..3 {
        let mut market = JumpyMarket::new(seed);
        for _ in 0..20_000 {
            market.trade(blend);
            let residuals = market.residuals.residuals().iter();
            worst = residuals.map(|residual| residual.abs()).fold(worst, i128::max);
        }
    }
    println!("off by at most {} thousandths of the highest price", worst * 1_000 / price);
    assert!(worst <= 5 * price);
}

#[test]
fn one_account_gets_all_there_is() {
    let mut residuals = Residuals::new(vec![limits::WEIGHT_TOTAL], vec![0]);
    let mut shares = [0];
    for (price, quantity) in [(1, limits::QUANTITY_MAX), (limits::PRICE_MAX, 1), (7, 3)] {
        residuals.allocate(block(Side::Buy, price, quantity), Blend::NONE, &[], &mut shares);
        assert_eq!(shares, [quantity]);
        residuals.allocate(
            block(Side::Sell, price, quantity),
            Blend::NONE,
            &held([quantity]),
            &mut shares,
        );
        assert_eq!((shares, residuals.values()), ([quantity], vec![0]));
    }
}

#[test]
fn a_fortune_moved_by_a_split_comes_back_with_the_smallest_fills() {
    let (half, fortune) = (limits::WEIGHT_TOTAL / 2, limits::VALUE_MAX / 4);
    let mut residuals = Residuals::new(vec![half, half, 0], vec![0, fortune, 0]);
    let mut shares = [0; 3];
    residuals.allocate(block(Side::Buy, 1, 5), Blend::NONE, &[], &mut shares);
    assert_eq!(shares, [5, 0, 0]);
    residuals.allocate(block(Side::Sell, 1, 5), Blend::NONE, &held([5, 3, 0]), &mut shares);
    assert_eq!(shares, [2, 3, 0]);
}

#[test]
#[should_panic(expected = "the caps allow the quantity")]
fn a_sale_beyond_the_holdings_is_a_bug_of_the_caller() {
    let mut residuals = Residuals::new(vec![1, 1], vec![0, 0]);
    residuals.allocate(block(Side::Sell, 1, 5), Blend::NONE, &held([2, 2]), &mut [0, 0]);
}
