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
//! A fill adds `W_i · p · Q` to each residual and takes `W · p` for each share; what the allocator
//! leaves of a want *is* the new residual, so a purchase is booked in one pass and nothing is
//! multiplied twice. Sales, blends and reversals are booked from the shares alone.
//!
//! With several shards each has a ledger of its own. A **netting** moves value between the ledgers
//! of shards, adding up to nothing for each account, so that the residuals of all shards still add
//! up to those of the firm, whatever each shard allocated meanwhile.

use crate::allocator::Allocator;
use crate::{Cell, Money, Price, Quantity, Side, limits};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

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

    /// The numerator of μ.
    #[must_use]
    pub const fn mix(self) -> u32 {
        self.mix
    }

    /// The denominator of μ, at least one.
    #[must_use]
    pub const fn total(self) -> u32 {
        self.total
    }
}

impl fmt::Display for Blend {
    /// `0`, or a fraction such as `1/4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mix {
            0 => f.write_str("0"),
            mix => write!(f, "{mix}/{}", self.total),
        }
    }
}

/// Why a text is no blend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoBlend;

impl FromStr for Blend {
    type Err = NoBlend;

    fn from_str(text: &str) -> Result<Self, NoBlend> {
        let Some((mix, total)) = text.split_once('/') else {
            return if text == "0" { Ok(Self::NONE) } else { Err(NoBlend) };
        };
        let number = |text: &str| text.parse().ok().filter(|part| *part <= limits::BLEND_MAX);
        let parts = number(mix).zip(number(total));
        parts.and_then(|(mix, total)| Self::new(mix, total)).ok_or(NoBlend)
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
    allocator: Allocator,
}

impl Ledger {
    /// A ledger of accounts with these weights and values so far, in order of rank.
    ///
    /// # Panics
    /// If the lengths differ or there are more than [`limits::ACCOUNTS_MAX`] accounts.
    #[must_use]
    pub fn new(weights: Vec<u64>, values: Vec<i128>) -> Self {
        assert!(weights.len() == values.len(), "a value for each weight");
        assert!(weights.len() <= limits::ACCOUNTS_MAX, "no more accounts than a split has");
        let mut ledger = Self {
            weight_total: weights.iter().sum(),
            total: 0,
            residuals: Vec::new(),
            allocator: Allocator::new(weights.len()),
            weights,
            values,
        };
        ledger.settle();
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
    /// `held` says what each account holds of the ticker and has paid for it: a sale takes no more
    /// shares than that, and a blend evens out the values. It may be empty for a purchase without a
    /// blend.
    ///
    /// # Panics
    /// If a sale exceeds what is held, or there are no accounts: the caller has checked both.
    pub fn allocate(&mut self, block: Block, blend: Blend, held: &[Cell], shares: &mut [u64]) {
        assert!(shares.len() == self.len(), "room for each account's shares");
        match block.side {
            Side::Buy if blend.mix == 0 => return self.buy(block, shares),
            Side::Sell if blend.mix == 0 => self.divide_sale(block, held),
            _ => self.divide_blended(block, blend, held),
        }
        for (share, claim) in shares.iter_mut().zip(self.allocator.claims()) {
            *share = claim.steps;
        }
        assert!(shares.iter().sum::<u64>() == block.quantity.get(), "all shares are given out");
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
        self.settle();
        true
    }

    /// Divides a purchase and books it: what is left of a want is the residual.
    fn buy(&mut self, block: Block, shares: &mut [u64]) {
        let (step, notional) = self.step_and_notional(block);
        let accounts = self.residuals.iter().zip(&self.weights);
        let wants =
            accounts.map(move |(residual, weight)| residual + i128::from(*weight) * notional);
        self.allocator.divide(wants, step, block.quantity.get());

        self.total += notional;
        let price = i128::from(block.price.nanos().unsigned_abs());
        let (mut residual_sum, mut value_sum, mut share_sum) = (0, 0, 0);
        let accounts = self.residuals.iter_mut().zip(&mut self.values).zip(shares);
        for (((residual, value), share), claim) in accounts.zip(self.allocator.claims()) {
            *residual = claim.left;
            *value += price * i128::from(claim.steps);
            *share = claim.steps;
            residual_sum += claim.left;
            value_sum += *value;
            share_sum += claim.steps;
        }
        assert!(share_sum == block.quantity.get(), "all shares are given out");
        self.check(residual_sum, value_sum);
    }

    /// A sale wants what a purchase does not: the most overweight account gives first.
    fn divide_sale(&mut self, block: Block, held: &[Cell]) {
        let (step, notional) = self.step_and_notional(block);
        let accounts = self.residuals.iter().zip(&self.weights);
        let wants =
            accounts.map(move |(residual, weight)| i128::from(*weight) * notional - residual);
        self.allocator.divide_capped(wants, shares_of(held), step, block.quantity.get());
    }

    /// Two quadratic terms in the same shares add up: each want is the weighted sum of both.
    ///
    /// With `v` paid for the ticker in all after the block and `v_i` by the account before it, the
    /// want is `total · (D_i + W_i·p·Q) + mix · (W_i·v − W·v_i)`, its sign turned for a sale,
    /// gathered here by what differs between accounts. A share takes `W·p` from both terms.
    fn divide_blended(&mut self, block: Block, blend: Blend, held: &[Cell]) {
        let (step, notional) = self.step_and_notional(block);
        let sign = sign_of(block.side);
        let paid_before: i128 = held.iter().map(|cell| cell.value).sum();
        let paid_after = paid_before + sign * notional;
        let (mix, total) = (sign * i128::from(blend.mix), i128::from(blend.total));
        let per_residual = sign * total;
        let per_weight = total * notional + mix * paid_after;
        let per_value = mix * i128::from(self.weight_total);
        let accounts = self.residuals.iter().zip(&self.weights).zip(held);
        let wants = accounts.map(move |((residual, weight), cell)| {
            per_residual * residual + per_weight * i128::from(*weight) - per_value * cell.value
        });
        let (step, quantity) = (step * i128::from(blend.mix + blend.total), block.quantity.get());
        match block.side {
            Side::Buy => self.allocator.divide(wants, step, quantity),
            Side::Sell => self.allocator.divide_capped(wants, shares_of(held), step, quantity),
        }
    }

    /// Books shares that were decided on: values, total and residuals.
    fn book(&mut self, block: Block, shares: &[u64]) {
        let price = sign_of(block.side) * i128::from(block.price.nanos());
        let step = i128::from(self.weight_total) * price;
        let notional = price * i128::from(shares.iter().sum::<u64>());
        self.total += notional;
        let (mut residual_sum, mut value_sum) = (0, 0);
        let accounts = self.residuals.iter_mut().zip(&mut self.values).zip(&self.weights);
        for (((residual, value), weight), share) in accounts.zip(shares) {
            let share = i128::from(*share);
            *residual += i128::from(*weight) * notional - step * share;
            *value += price * share;
            residual_sum += *residual;
            value_sum += *value;
        }
        self.check(residual_sum, value_sum);
    }

    fn step_and_notional(&self, block: Block) -> (i128, i128) {
        let step = i128::from(self.weight_total) * i128::from(block.price.nanos());
        (step, block.price.times(block.quantity).nanos())
    }

    /// Works out total and residuals from the values.
    fn settle(&mut self) {
        self.total = self.values.iter().sum();
        let (total, weight_total) = (self.total, i128::from(self.weight_total));
        let accounts = self.weights.iter().zip(&self.values);
        self.residuals = accounts
            .map(|(weight, value)| i128::from(*weight) * total - weight_total * value)
            .collect();
        self.check(self.residuals.iter().sum(), self.total);
    }

    /// The invariants, given the sums over the accounts.
    fn check(&self, residual_sum: i128, value_sum: i128) {
        assert!(residual_sum == 0, "residuals add up to nothing");
        assert!(value_sum == self.total, "values add up to the total");
    }
}

/// How many shares each account can sell.
fn shares_of(held: &[Cell]) -> impl ExactSizeIterator<Item = u64> + Clone {
    held.iter().map(|cell| cell.quantity)
}

/// Which way a side moves holdings and value.
fn sign_of(side: Side) -> i128 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}

#[cfg(test)]
mod tests;
