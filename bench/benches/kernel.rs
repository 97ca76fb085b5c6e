//! The allocator alone, one thread, steady state: random prices and splits, no threads, no sockets.
//!
//! | group        | what one iteration does                                                    |
//! |--------------|----------------------------------------------------------------------------|
//! | `accounts/N` | a purchase of 1 to 1,000 shares over N accounts                            |
//! | `quantity/Q` | a purchase of exactly Q shares over 10 accounts: must be flat              |
//! | `equal/N`    | a purchase of 1 to 1,000 shares over N accounts of the same weight: ties   |
//! | `sell/N`     | a purchase and a sale of 1 to 1,000 shares of one ticker, over N accounts  |
//! | `blend/N`    | a purchase as in `accounts/N` with a blend of 1/4 and holdings kept        |
//!
//! Prices are 10 to 500 in whole cents and weights have nine random decimals, so an account that
//! got an expensive share is overweight when a cheap one follows. With 10 accounts one fill in
//! eight finds such an account, with 100 four of five do, with 1,000 all.

use allot_allocation_rules::{Blend, Block};
use allot_bench::kernel::{BLOCKS, Load};
use allot_domain::{Price, Quantity, Side};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// 100 % in 1e-9 of a percent.
const WEIGHT_TOTAL: u64 = 100_000_000_000;

fn load(
    weights: impl FnOnce(&mut StdRng) -> Vec<u64>,
    quantity: impl Fn(&mut StdRng) -> u64,
    blend: Blend,
) -> Load {
    let mut random = StdRng::seed_from_u64(7);
    let mut block = || {
        let shares = quantity(&mut random).into();
        let quantity = Quantity::new(shares).expect("in range");
        Block { side: Side::Buy, price: price(&mut random), quantity }
    };
    let blocks = std::iter::repeat_with(&mut block).take(BLOCKS).collect();
    Load::new(weights(&mut random), blocks, blend)
}

/// A price of 10 to 500 in whole cents.
fn price(random: &mut StdRng) -> Price {
    Price::from_nanos(i128::from(random.random_range(1_000..50_000_u64)) * 10_000_000)
        .expect("in range")
}

/// Random percentages with nine decimals that add up to 100.
fn random_weights(random: &mut StdRng, accounts: u64) -> Vec<u64> {
    let mut cuts: Vec<u64> = (1..accounts).map(|_| random.random_range(0..=WEIGHT_TOTAL)).collect();
    cuts.extend([0, WEIGHT_TOTAL]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn up_to_1_000(random: &mut StdRng) -> u64 {
    random.random_range(1..=1_000)
}

fn measure(criterion: &mut Criterion, name: &str, mut load: Load, step: fn(&mut Load)) {
    criterion.bench_function(name, |bencher| bencher.iter(|| step(&mut load)));
    load.check();
}

fn kernel(criterion: &mut Criterion) {
    let varied =
        |accounts: u64, blend| load(|random| random_weights(random, accounts), up_to_1_000, blend);
    for accounts in [5, 10, 20, 50, 100, 1_000] {
        measure(
            criterion,
            &format!("accounts/{accounts}"),
            varied(accounts, Blend::NONE),
            Load::buy,
        );
    }
    for quantity in [1, 1_000, 1_000_000, 1_000_000_000] {
        let load = load(|random| random_weights(random, 10), |_| quantity, Blend::NONE);
        measure(criterion, &format!("quantity/{quantity}"), load, Load::buy);
    }
    for accounts in [10_u64, 100] {
        let equal = (0..accounts).map(|_| WEIGHT_TOTAL / accounts).collect();
        let load = load(|_| equal, up_to_1_000, Blend::NONE);
        measure(criterion, &format!("equal/{accounts}"), load, Load::buy);
    }
    for accounts in [10, 100, 1_000] {
        let load = varied(accounts, Blend::NONE);
        measure(criterion, &format!("sell/{accounts}"), load, Load::buy_and_sell);
    }
    let blend = Blend::new(1, 4).expect("within limits");
    for accounts in [10, 100, 1_000] {
        let load = varied(accounts, blend);
        measure(criterion, &format!("blend/{accounts}"), load, Load::buy_and_hold);
    }
}

criterion_group!(benches, kernel);
criterion_main!(benches);
