//! The allocator alone, one thread, steady state: random prices and splits, no threads, no sockets.
//!
//! `accounts/N` divides fills of 1 to 1,000 shares over N accounts; `quantity/Q` divides fills of
//! exactly Q shares over 10 accounts and must be flat; `sell` alternates purchases and sales.
//! After each group the ledger's own sums are checked once more from outside.

use allot_domain::{Blend, Block, Ledger, Price, Quantity, Side};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::hint::black_box;

/// Enough blocks that the branch predictor cannot learn them, few enough to stay in the cache.
const BLOCKS: usize = 4_096;

struct Load {
    ledger: Ledger,
    blocks: Vec<Block>,
    shares: Vec<u64>,
    held: Vec<u64>,
    next: usize,
}

impl Load {
    fn new(accounts: usize, quantity: impl Fn(&mut StdRng) -> u64) -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let blocks = (0..BLOCKS)
            .map(|_| Block {
                side: Side::Buy,
                price: price(&mut random),
                quantity: Quantity::new(quantity(&mut random).into()).expect("in range"),
            })
            .collect();
        let weights = weights(&mut random, accounts);
        let ledger = Ledger::new(weights, vec![0; accounts]);
        Self { ledger, blocks, shares: vec![0; accounts], held: vec![0; accounts], next: 0 }
    }

    fn fill(&mut self, blend: Blend) {
        let block = self.blocks[self.next % BLOCKS];
        self.next += 1;
        self.ledger.allocate(black_box(block), blend, &self.held, &mut self.shares);
        black_box(&self.shares);
    }

    /// Buys a block and sells it again.
    fn buy_and_sell(&mut self) {
        self.fill(Blend::NONE);
        self.held.copy_from_slice(&self.shares);
        let block = Block { side: Side::Sell, ..self.blocks[(self.next - 1) % BLOCKS] };
        self.ledger.allocate(black_box(block), Blend::NONE, &self.held, &mut self.shares);
    }

    fn check(&self) {
        assert_eq!(self.ledger.residuals().iter().sum::<i128>(), 0);
        assert!(self.next > 0);
    }
}

/// A price of 10 to 500 in whole cents.
fn price(random: &mut StdRng) -> Price {
    Price::from_nanos(i128::from(random.random_range(1_000..50_000_u64)) * 10_000_000)
        .expect("in range")
}

/// Random percentages with nine decimals that add up to 100.
fn weights(random: &mut StdRng, accounts: usize) -> Vec<u64> {
    const TOTAL: u64 = 100_000_000_000;
    let mut cuts: Vec<u64> = (1..accounts).map(|_| random.random_range(0..=TOTAL)).collect();
    cuts.extend([0, TOTAL]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn measure(criterion: &mut Criterion, name: &str, mut load: Load, step: fn(&mut Load)) {
    for _ in 0..BLOCKS {
        step(&mut load);
    }
    criterion.bench_function(name, |bencher| bencher.iter(|| step(&mut load)));
    load.check();
}

fn kernel(criterion: &mut Criterion) {
    for accounts in [5, 10, 100, 1_000] {
        let load = Load::new(accounts, |random| random.random_range(1..=1_000));
        measure(criterion, &format!("accounts/{accounts}"), load, |load| load.fill(Blend::NONE));
    }
    for quantity in [1, 1_000, 1_000_000, 1_000_000_000] {
        let load = Load::new(10, |_| quantity);
        measure(criterion, &format!("quantity/{quantity}"), load, |load| load.fill(Blend::NONE));
    }
}

criterion_group!(benches, kernel);
criterion_main!(benches);
