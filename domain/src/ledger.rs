//! Ledger: what each account of a split still misses, and the fills that change it.
//!
//! For account *i* with weight `W_i` of `W` and value `V_i` of `T`:
//!
//! ```text
//!   residual  D_i = W_i · T − W · V_i        in weight × 1e-9 of the currency
//! ```
//!
//! Positive: the account misses value; negative: it has too much. `Σ D_i = 0` and `Σ V_i = T`
//! hold after every step and are asserted. Accounts are known here by their **rank** alone: their
//! place in the byte order of the ids of the split.
//!
//! With several shards each has a ledger of its own. A **netting** moves value between the ledgers
//! of shards, adding up to nothing for each account, so that the residuals of all shards still add
//! up to those of the firm, whatever each shard allocated meanwhile.

use crate::allocator::Allocator;
use crate::{Money, Price, Quantity, Side, limits};
use alloc::vec::Vec;

/// How much an even mix of tickers counts beside an even total: μ = `mix` / `total`.
///
/// The allocator minimises `Σ dev² + μ · Σ (p · mix deviation)²`; zero is the literal objective.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blend {
    mix: u32,
    total: u32,
}

impl Default for Blend {
    fn default() -> Self {
        Self::NONE
    }
}

impl Blend {
    /// The total value alone.
    pub const NONE: Self = Self { mix: 0, total: 1 };

    /// μ = `mix` / `total`; none where a part is over [`limits::BLEND_MAX`] or `total` is zero.
    #[must_use]
    pub fn new(mix: u32, total: u32) -> Option<Self> {
        let known = (1..=limits::BLEND_MAX).contains(&total) && mix + total <= limits::BLEND_MAX;
        known.then_some(Self { mix, total })
    }
}

/// One fill as the ledger sees it.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Bought or sold.
    pub side: Side,
    /// What one share cost.
    pub price: Price,
    /// How many shares.
    pub quantity: Quantity,
}

/// The residuals of the accounts of one split.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    weights: Vec<u64>,
    weight_total: u64,
    values: Vec<i128>,
    total: i128,
    residuals: Vec<i128>,
    wants: Vec<i128>,
    allocator: Allocator,
}

impl Ledger {
    /// A ledger of accounts with these weights and values so far, in order of rank.
    ///
    /// # Panics
    /// If the lengths differ.
    #[must_use]
    pub fn new(weights: Vec<u64>, values: Vec<i128>) -> Self {
        assert!(weights.len() == values.len());
        let mut ledger = Self {
            weight_total: weights.iter().sum(),
            total: values.iter().sum(),
            residuals: Vec::new(),
            wants: alloc::vec![0; weights.len()],
            allocator: Allocator::default(),
            weights,
            values,
        };
        ledger.residuals = (0..ledger.weights.len()).map(|rank| ledger.residual_of(rank)).collect();
        ledger.check();
        ledger
    }

    /// How many accounts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there is no account: no split yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// The weight of each account, in 1e-9 of a percent.
    #[must_use]
    pub fn weights(&self) -> &[u64] {
        &self.weights
    }

    /// What each account misses, times the sum of the weights.
    #[must_use]
    pub fn residuals(&self) -> &[i128] {
        &self.residuals
    }

    /// The value each account has in this ledger, nettings included, in 1e-9.
    #[must_use]
    pub fn values(&self) -> &[i128] {
        &self.values
    }

    /// Divides a block over the accounts; `shares` is filled in order of rank.
    ///
    /// `held` says how many shares of the ticker each account holds: a sale takes no more than
    /// that, and a blend needs it. It may be empty for a purchase without a blend.
    ///
    /// # Panics
    /// If a sale exceeds what is held, or there are no accounts: the caller has checked both.
    pub fn allocate(&mut self, block: Block, blend: Blend, held: &[u64], shares: &mut [u64]) {
        let plain = blend.mix == 0;
        match block.side {
            Side::Buy if plain => self.buy(block, shares),
            Side::Sell if plain => self.sell(block, held, shares),
            _ => self.allocate_blended(block, blend, held, shares),
        }
        self.book(block, shares);
    }

    /// Takes back what [`Ledger::allocate`] gave, share by share as it was given.
    pub fn reverse(&mut self, block: Block, shares: &[u64]) {
        let side = if block.side == Side::Buy { Side::Sell } else { Side::Buy };
        self.book(Block { side, ..block }, shares);
    }

    /// Moves value into (positive) or out of (negative) this ledger, in order of rank, in 1e-9.
    ///
    /// Returns false, and changes nothing, where the ledger would leave its limits.
    ///
    /// # Panics
    /// If there is not one transfer for each account: the caller has checked it.
    pub fn net(&mut self, transfers: &[Money]) -> bool {
        assert!(transfers.len() == self.values.len());
        let moved = self.values.iter().zip(transfers);
        let volume = moved.clone().try_fold(0_i128, |volume, (value, transfer)| {
            let value = value.checked_add(transfer.nanos())?;
            volume.checked_add(value.checked_abs()?)
        });
        if volume.is_none_or(|volume| volume > limits::LEDGER_MAX - limits::VALUE_MAX) {
            return false;
        }
        self.values = moved.map(|(value, transfer)| value + transfer.nanos()).collect();
        self.total = self.values.iter().sum();
        self.residuals = (0..self.weights.len()).map(|rank| self.residual_of(rank)).collect();
        self.check();
        true
    }

    fn buy(&mut self, block: Block, shares: &mut [u64]) {
        let (step, notional) = self.step_and_notional(block);
        for ((want, residual), weight) in
            self.wants.iter_mut().zip(&self.residuals).zip(&self.weights)
        {
            *want = residual + i128::from(*weight) * notional;
        }
        self.allocator.divide(&mut self.wants, step, block.quantity.get(), shares);
    }

    /// A sale wants what a purchase does not: the most overweight account gives first.
    fn sell(&mut self, block: Block, held: &[u64], shares: &mut [u64]) {
        let (step, notional) = self.step_and_notional(block);
        for ((want, residual), weight) in
            self.wants.iter_mut().zip(&self.residuals).zip(&self.weights)
        {
            *want = i128::from(*weight) * notional - residual;
        }
        self.allocator.divide_capped(&mut self.wants, step, block.quantity.get(), held, shares);
    }

    /// Two quadratic terms in the same shares add up: each want is the weighted sum of both.
    fn allocate_blended(&mut self, block: Block, blend: Blend, held: &[u64], shares: &mut [u64]) {
        let (step, notional) = self.step_and_notional(block);
        let (mix, total) = (i128::from(blend.mix), i128::from(blend.total));
        let price = i128::from(block.price.nanos());
        let quantity = i128::from(block.quantity.get());
        let held_total: i128 = held.iter().map(|held| i128::from(*held)).sum();
        let sign = if block.side == Side::Buy { 1 } else { -1 };
        for (rank, want) in self.wants.iter_mut().enumerate() {
            let weight = i128::from(self.weights[rank]);
            let value_want = sign * self.residuals[rank] + weight * notional;
            let mix_after = weight * (held_total + sign * quantity);
            let mix_want =
                sign * (mix_after - i128::from(self.weight_total) * i128::from(held[rank]));
            *want = total * value_want + mix * price * mix_want;
        }
        let step = (mix + total) * step;
        if block.side == Side::Buy {
            self.allocator.divide(&mut self.wants, step, block.quantity.get(), shares);
        } else {
            self.allocator.divide_capped(&mut self.wants, step, block.quantity.get(), held, shares);
        }
    }

    /// Books shares that were decided on: values, total and residuals.
    fn book(&mut self, block: Block, shares: &[u64]) {
        let sign = if block.side == Side::Buy { 1 } else { -1 };
        let price = sign * i128::from(block.price.nanos());
        let step = i128::from(self.weight_total) * price;
        let notional = price * i128::from(shares.iter().sum::<u64>());
        self.total += notional;
        let (mut residual_sum, mut value_sum) = (0, 0);
        for (rank, share) in shares.iter().enumerate() {
            let share = i128::from(*share);
            self.values[rank] += price * share;
            self.residuals[rank] += i128::from(self.weights[rank]) * notional - step * share;
            residual_sum += self.residuals[rank];
            value_sum += self.values[rank];
        }
        assert!(residual_sum == 0, "residuals add up to nothing");
        assert!(value_sum == self.total, "values add up to the total");
    }

    fn step_and_notional(&self, block: Block) -> (i128, i128) {
        let step = i128::from(self.weight_total) * i128::from(block.price.nanos());
        (step, block.price.times(block.quantity).nanos())
    }

    fn residual_of(&self, rank: usize) -> i128 {
        i128::from(self.weights[rank]) * self.total
            - i128::from(self.weight_total) * self.values[rank]
    }

    fn check(&self) {
        assert!(self.residuals.iter().sum::<i128>() == 0, "residuals add up to nothing");
        assert!(self.values.iter().sum::<i128>() == self.total, "values add up to the total");
    }
}

#[cfg(test)]
mod tests;
