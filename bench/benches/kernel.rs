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
//! Prices are 10 to 500 in whole cents and weights have nine random decimals, so whoever just got a
//! dear share has too much when a cheap one follows: with 10 accounts one fill in eight finds
//! somebody overweight, with 100 four of five do, with 1,000 all.
//!
//! A load first buys and holds all its blocks, which is its steady state, and returns to it each
//! time it has gone through its blocks again: else the holdings would walk away from it. At the end
//! its sums are checked once more from outside.

use allot_domain::{Blend, Block, Cell, Price, Quantity, Residuals, Side};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::hint::black_box;

/// Enough blocks that the branch predictor cannot learn them, few enough to stay in the cache.
const BLOCKS: usize = 4_096;

/// 100 % in 1e-9 of a percent.
const WEIGHT_TOTAL: u64 = 100_000_000_000;

struct Load {
    residuals: Residuals,
    blend: Blend,
    blocks: Vec<Block>,
    shares: Vec<u64>,
    /// What each account holds of the one ticker, where the load keeps it.
    held: Vec<Cell>,
    next: usize,
    /// The ledger and the holdings to which it returns.
    steady: (Residuals, Vec<Cell>),
}

impl Load {
    fn new(
        weights: impl FnOnce(&mut StdRng) -> Vec<u64>,
        quantity: impl Fn(&mut StdRng) -> u64,
    ) -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let blocks = (0..BLOCKS).map(|_| {
            let shares = quantity(&mut random).into();
            let quantity = Quantity::new(shares).expect("in range");
            Block { side: Side::Buy, price: price(&mut random), quantity }
        });
        let blocks = blocks.collect();
        let weights = weights(&mut random);
        let accounts = weights.len();
        Self {
            residuals: Residuals::new(weights, vec![0; accounts]),
            blend: Blend::NONE,
            blocks,
            shares: vec![0; accounts],
            held: vec![Cell::default(); accounts],
            next: 0,
            steady: (Residuals::default(), Vec::new()),
        }
    }

    fn warm_up(&mut self) {
        for _ in 0..BLOCKS {
            let block = self.blocks[self.next];
            self.allocate(block);
            self.hold(block);
            self.next += 1;
        }
        self.steady = (self.residuals.clone(), self.held.clone());
    }

    fn next_block(&mut self) -> Block {
        if self.next == BLOCKS {
            self.next = 0;
            self.residuals.clone_from(&self.steady.0);
            self.held.clone_from(&self.steady.1);
        }
        self.next += 1;
        black_box(self.blocks[self.next - 1])
    }

    fn allocate(&mut self, block: Block) {
        self.residuals.allocate(block, self.blend, &self.held, &mut self.shares);
        black_box(&self.shares);
    }

    fn hold(&mut self, block: Block) {
        for (cell, share) in self.held.iter_mut().zip(&self.shares) {
            cell.quantity += share;
            cell.value += i128::from(block.price.nanos()) * i128::from(*share);
        }
    }

    /// One purchase; the holdings are not told.
    fn buy(&mut self) {
        let block = self.next_block();
        self.allocate(block);
    }

    /// One purchase; the holdings grow by it.
    fn buy_and_hold(&mut self) {
        let block = self.next_block();
        self.allocate(block);
        self.hold(block);
    }

    /// One purchase, and one sale of other shares at another price.
    fn buy_and_sell(&mut self) {
        self.buy_and_hold();
        let block = Block { side: Side::Sell, ..self.next_block() };
        self.allocate(block);
        for (cell, share) in self.held.iter_mut().zip(&self.shares) {
            cell.quantity -= share;
            cell.value -= i128::from(block.price.nanos()) * i128::from(*share);
        }
    }

    fn check(&self) {
        assert!(self.next > 0);
        assert_eq!(self.residuals.residuals().iter().sum::<i128>(), 0);
        let (weights, values) = (self.residuals.weights(), self.residuals.values());
        let (weight_total, total) = (weights.iter().sum::<u64>(), values.iter().sum::<i128>());
        for ((weight, value), residual) in
            weights.iter().zip(&values).zip(self.residuals.residuals())
        {
            let target = i128::from(*weight) * total;
            assert_eq!(*residual, target - i128::from(weight_total) * value);
        }
    }
}

/// A price of 10 to 500 in whole cents.
fn price(random: &mut StdRng) -> Price {
    Price::from_nanos(i128::from(random.random_range(1_000..50_000_u64)) * 10_000_000)
        .expect("in range")
}

/// Random percentages with nine decimals that add up to 100.
fn random_weights(random: &mut StdRng, accounts: usize) -> Vec<u64> {
    let mut cuts: Vec<u64> = (1..accounts).map(|_| random.random_range(0..=WEIGHT_TOTAL)).collect();
    cuts.extend([0, WEIGHT_TOTAL]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn up_to_1_000(random: &mut StdRng) -> u64 {
    random.random_range(1..=1_000)
}

fn measure(criterion: &mut Criterion, name: &str, mut load: Load, step: fn(&mut Load)) {
    load.warm_up();
    criterion.bench_function(name, |bencher| bencher.iter(|| step(&mut load)));
    load.check();
}

fn kernel(criterion: &mut Criterion) {
    for accounts in [5, 10, 20, 50, 100, 1_000] {
        let load = Load::new(|random| random_weights(random, accounts), up_to_1_000);
        measure(criterion, &format!("accounts/{accounts}"), load, Load::buy);
    }
    for quantity in [1, 1_000, 1_000_000, 1_000_000_000] {
        let load = Load::new(|random| random_weights(random, 10), |_| quantity);
        measure(criterion, &format!("quantity/{quantity}"), load, Load::buy);
    }
    for accounts in [10_u64, 100] {
        let load = Load::new(
            |_| vec![WEIGHT_TOTAL / accounts; usize::try_from(accounts).expect("small")],
            up_to_1_000,
        );
        measure(criterion, &format!("equal/{accounts}"), load, Load::buy);
    }
    for accounts in [10, 100, 1_000] {
        let load = Load::new(|random| random_weights(random, accounts), up_to_1_000);
        measure(criterion, &format!("sell/{accounts}"), load, Load::buy_and_sell);
    }
    for accounts in [10, 100, 1_000] {
        let mut load = Load::new(|random| random_weights(random, accounts), up_to_1_000);
        load.blend = Blend::new(1, 4).expect("within limits");
        measure(criterion, &format!("blend/{accounts}"), load, Load::buy_and_hold);
    }
}

criterion_group!(benches, kernel);
criterion_main!(benches);
