//! Residuals: what each account of a split still misses, and the fills that change it.
//!
//! For account *i* with weight `W_i` of `W` and value `V_i` of `T`:
//!
//! ```text
//!   residual  D_i = W_i · T − W · V_i        in weight × 1e-9 of the currency
//! ```
//!
//! Positive: the account misses value; negative: it has too much. Residuals and `T` are all that
//! is kept, for `V_i = (W_i · T − D_i) / W` exactly. `Σ D_i = 0` is asserted after every step, and
//! whenever values are read, that they are whole and `Σ V_i = T`. Accounts are known here by their
//! **rank** alone: their position in the byte order of the ids of the split.
//!
//! A fill first adds `W_i · p · Q` to each residual, which is then what the account wants of a
//! purchase, and takes `W · p` for each share once they are divided.
//!
//! With several shards each has residuals of its own. A **netting** moves value between shards,
//! adding up to zero for each account, so that the residuals of all shards still add up to those of
//! the firm, whatever each shard allocated meanwhile.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use allot_domain::{Money, Price, Quantity, Side};

use crate::allocator::Allocator;
use crate::{Cell, Fill, limits};

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

/// What a fill is to the residuals.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Bought or sold.
    pub side: Side,
    /// What one share cost.
    pub price: Price,
    /// How many shares.
    pub quantity: Quantity,
}

impl Block {
    /// The block of a fill.
    #[inline]
    #[must_use]
    pub const fn of(fill: &Fill) -> Self {
        Self { side: fill.side, price: fill.price, quantity: fill.quantity }
    }
}

/// The residuals of the accounts of one split.
#[derive(Clone, Debug, Default)]
pub struct Residuals {
    weights: Vec<u64>,
    weight_total: u64,
    /// Whether an account is at 0 %.
    has_zeros: bool,
    total: i128,
    residuals: Vec<i128>,
    /// What accounts want of a block, where it is not what they miss.
    wants: Vec<i128>,
    allocator: Allocator,
}

impl Residuals {
    /// The residuals of accounts with these weights and values so far, in order of rank.
    ///
    /// # Panics
    /// If the lengths differ, all weights are zero, or there are more than
    /// [`limits::ACCOUNTS_MAX`] accounts.
    #[must_use]
    pub fn new(weights: Vec<u64>, values: Vec<i128>) -> Self {
        assert!(weights.len() == values.len(), "a value for each weight");
        assert!(weights.len() <= limits::ACCOUNTS_MAX, "no more accounts than a split has");
        let weight_total = weights.iter().sum();
        assert!(0 < weight_total, "an account has a weight");
        let mut residuals = Self {
            weight_total,
            has_zeros: weights.contains(&0),
            total: 0,
            residuals: Vec::new(),
            wants: Vec::with_capacity(weights.len()),
            allocator: Allocator::new(weights.len()),
            weights,
        };
        residuals.set_values(&values);
        residuals
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

    /// The value of each account, nettings included, in 1e-9, worked out from its residual.
    ///
    /// # Panics
    /// If the residuals are not those of whole values that add up to the total: a bug.
    #[must_use]
    pub fn values(&self) -> Vec<i128> {
        let weight_total = i128::from(self.weight_total);
        let accounts = self.weights.iter().zip(&self.residuals);
        let values = accounts.map(|(weight, residual)| {
            let value = i128::from(*weight) * self.total - residual;
            assert!(value % weight_total == 0, "values are whole");
            value / weight_total
        });
        let values: Vec<_> = values.collect();
        assert!(values.iter().sum::<i128>() == self.total, "values add up to the total");
        values
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
        let (sign, quantity) = (sign_of(block.side), block.quantity.get());
        let price = sign * i128::from(block.price.nanos());
        let notional = price * i128::from(quantity);
        self.accrue(notional);
        let step = i128::from(self.weight_total) * i128::from(block.price.nanos());
        let is_plain = block.side == Side::Buy && blend.mix == 0;
        if !is_plain {
            self.weigh(sign, notional, blend, held);
        }
        let terms = if blend.mix == 0 { 1 } else { blend.mix + blend.total };
        let step = step * i128::from(terms);
        let Self { weights, residuals, wants, allocator, .. } = self;
        let wants = if is_plain { residuals } else { wants };
        match block.side {
            Side::Buy if self.has_zeros && zeros_want(weights, wants) => {
                let cap = |rank: usize| if weights[rank] == 0 { 0 } else { quantity };
                allocator.divide_capped(wants, cap, step, quantity, shares);
            }
            Side::Buy => allocator.divide(wants, step, quantity, shares),
            Side::Sell => {
                let cap = |rank: usize| held[rank].quantity;
                allocator.divide_capped(wants, cap, step, quantity, shares);
            }
        }
        self.hand_out(price, quantity, shares);
    }

    /// Takes back what [`Residuals::allocate`] gave, share by share as it was given.
    pub fn reverse(&mut self, block: Block, shares: &[u64]) {
        let price = -sign_of(block.side) * i128::from(block.price.nanos());
        let quantity = shares.iter().sum();
        self.accrue(price * i128::from(quantity));
        self.hand_out(price, quantity, shares);
    }

    /// Moves value into (positive) or out of (negative) these residuals, in order of rank, in 1e-9.
    ///
    /// Returns false, and changes nothing, where a limit would be exceeded.
    ///
    /// # Panics
    /// If there is not one transfer for each account: the caller has checked it.
    pub fn net(&mut self, transfers: &[Money]) -> bool {
        assert!(transfers.len() == self.len());
        let values = self.values().into_iter().zip(transfers);
        let moved = values.map(|(value, transfer)| value.checked_add(transfer.nanos()));
        let Some(values) = moved.collect::<Option<Vec<_>>>() else {
            return false;
        };
        let mut sizes = values.iter().map(|value| value.checked_abs());
        let volume = sizes.try_fold(0_i128, |volume, size| volume.checked_add(size?));
        if volume.is_none_or(|volume| limits::NETTED_VALUE_MAX - limits::VALUE_MAX < volume) {
            return false;
        }
        self.set_values(&values);
        true
    }

    /// Aims at a total that is larger by `notional`.
    fn accrue(&mut self, notional: i128) {
        self.total += notional;
        for (residual, weight) in self.residuals.iter_mut().zip(&self.weights) {
            *residual += i128::from(*weight) * notional;
        }
    }

    /// Takes the shares that were decided on off the residuals.
    fn hand_out(&mut self, price: i128, quantity: u64, shares: &[u64]) {
        let step = i128::from(self.weight_total) * price;
        let (mut residual_sum, mut share_sum) = (0, 0);
        for (residual, share) in self.residuals.iter_mut().zip(shares) {
            *residual -= step * i128::from(*share);
            residual_sum += *residual;
            share_sum += share;
        }
        assert!(share_sum == quantity, "all shares are given out");
        assert!(residual_sum == 0, "residuals add up to zero");
    }

    /// Works out what accounts want where it is not what they miss.
    ///
    /// A sale wants what a purchase does not: the most overweight account gives first. And of a
    /// blend, two quadratic terms in the same shares add up: with `v` paid for the ticker in all
    /// after the block and `v_i` by the account before it, the want is
    /// `total · D_i + mix · (W_i·v − W·v_i)`, of which a share takes `W·p` from both terms.
    fn weigh(&mut self, sign: i128, notional: i128, blend: Blend, held: &[Cell]) {
        self.wants.clear();
        if blend.mix == 0 {
            return self.wants.extend(self.residuals.iter().map(|residual| sign * residual));
        }
        let (mix, total) = (sign * i128::from(blend.mix), sign * i128::from(blend.total));
        let paid_before: i128 = held.iter().map(|cell| cell.value).sum();
        let per_weight = mix * (paid_before + notional);
        let per_value = mix * i128::from(self.weight_total);
        let accounts = self.residuals.iter().zip(&self.weights).zip(held);
        self.wants.extend(accounts.map(|((residual, weight), cell)| {
            total * residual + per_weight * i128::from(*weight) - per_value * cell.value
        }));
    }

    /// Works out total and residuals from the values.
    fn set_values(&mut self, values: &[i128]) {
        self.total = values.iter().sum();
        let (total, weight_total) = (self.total, i128::from(self.weight_total));
        let accounts = self.weights.iter().zip(values);
        self.residuals = accounts
            .map(|(weight, value)| i128::from(*weight) * total - weight_total * value)
            .collect();
        assert!(self.residuals.iter().sum::<i128>() == 0, "residuals add up to zero");
    }
}

/// Whether an account at 0 % misses value: one that sold for more than it paid does, and still gets
/// no shares.
fn zeros_want(weights: &[u64], wants: &[i128]) -> bool {
    weights.iter().zip(wants).any(|(weight, want)| *weight == 0 && 0 < *want)
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
