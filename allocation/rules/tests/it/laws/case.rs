//! A case: random weights, a quantity and a price, extremes included.

use allot_allocation_rules::{Blend, Block, Cell, Residuals, limits};
use allot_domain::{Price, Quantity, Side};

use crate::random::Random;

/// The number of a case is its seed.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    /// By rank: the byte order of the accounts' ids.
    pub(crate) weights: Vec<u64>,
    pub(crate) quantity: u64,
    pub(crate) price: i64,
}

impl Case {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let accounts = accounts(&mut random);
        let weights = weights(accounts, &mut random);
        let quantity = quantity(&mut random);
        Self { seed, weights, quantity, price: price(quantity, &mut random) }
    }

    pub(crate) fn random(&self) -> Random {
        Random::new(!self.seed)
    }

    pub(crate) fn buy(&self) -> Block {
        block(Side::Buy, self.price, self.quantity)
    }

    pub(crate) fn weight_total(&self) -> i128 {
        self.weights.iter().map(|weight| i128::from(*weight)).sum()
    }

    /// Residuals of accounts that hold nothing.
    pub(crate) fn empty_books(&self) -> Residuals {
        Residuals::new(self.weights.clone(), vec![0; self.weights.len()])
    }

    /// The shares of each account from empty books.
    pub(crate) fn divided(&self) -> Vec<u64> {
        divide(&mut self.empty_books(), self.buy(), &[])
    }

    /// Weight times quantity: what an account is due, in shares times the sum of the weights.
    pub(crate) fn due(&self) -> impl Iterator<Item = i128> {
        let quantity = i128::from(self.quantity);
        self.weights.iter().map(move |weight| i128::from(*weight) * quantity)
    }
}

/// A block of shares.
pub(crate) fn block(side: Side, price: i64, quantity: u64) -> Block {
    let price = Price::from_nanos(price.into()).unwrap();
    Block { side, price, quantity: Quantity::new(quantity.into()).unwrap() }
}

/// Divides a block towards the weights alone.
pub(crate) fn divide(residuals: &mut Residuals, block: Block, held: &[Cell]) -> Vec<u64> {
    let mut shares = vec![0; residuals.len()];
    residuals.allocate(block, Blend::NONE, held, &mut shares);
    shares
}

/// Mostly few; from thirteen on the allocator ranks them by buckets.
fn accounts(random: &mut Random) -> usize {
    let most = match random.between(0, 63) {
        0 => 300,
        1..8 => 40,
        _ => 14,
    };
    usize::try_from(random.between(1, most)).unwrap()
}

/// Equal, near each other, or far apart; one of them is above zero.
fn weights(accounts: usize, random: &mut Random) -> Vec<u64> {
    let kind = random.between(0, 5);
    let whole = limits::WEIGHT_TOTAL / u64::try_from(accounts).unwrap();
    let mut weight = |_| match kind {
        0 => whole,
        1 => random.between(0, 3),
        2 => whole - random.between(0, 2),
        3 => random.between(0, 10_000) * whole / 10_000,
        4 => random.between(0, whole) >> random.between(0, 36),
        _ => random.between(0, whole),
    };
    let mut weights: Vec<_> = (0..accounts).map(&mut weight).collect();
    let first = usize::try_from(random.between(0, 1_000)).unwrap() % accounts;
    weights[first] = weights[first].max(1);
    weights
}

fn quantity(random: &mut Random) -> u64 {
    match random.between(0, 7) {
        0 => limits::QUANTITY_MAX - random.between(0, 3),
        1 => 1 << random.between(0, 40),
        2 => random.between(1, limits::QUANTITY_MAX),
        3 | 4 => random.between(1, 10_000),
        _ => random.between(1, 30),
    }
}

/// As high as the value of the fill may be, one unit, or between.
fn price(quantity: u64, random: &mut Random) -> i64 {
    let most = (limits::VALUE_MAX / 8 / i128::from(quantity)).min(limits::PRICE_MAX.into());
    let most = u64::try_from(most).unwrap();
    let price = match random.between(0, 3) {
        0 => most,
        1 => 1,
        2 => random.between(1, most),
        _ => random.between(1, most.min(1_000_000_000_000)),
    };
    price.try_into().unwrap()
}
