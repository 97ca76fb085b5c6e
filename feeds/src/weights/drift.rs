//! Drift: weights that move slowly, as assets under management do.
//!
//! Accounts are paired at random, and in each pair one gives to the other: at most the step's part
//! of the smaller of the two. So no weight moves by more than that part of itself, none falls below
//! zero, and the sum cannot change.

use allot_allocation_rules::Weight;
use allot_allocation_rules::limits::WEIGHT_TOTAL;
use allot_domain::AccountId;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::weight;

/// Splits that follow from the one before.
pub(super) struct Drift {
    weights: Vec<(AccountId, u64)>,
    /// The most of itself by which a weight moves, in 1e-9 of a percent.
    step: u64,
    rng: StdRng,
    /// The accounts in the order of this tick.
    order: Vec<usize>,
    is_first: bool,
}

impl Drift {
    pub(super) fn new(weights: Vec<(AccountId, Weight)>, step: Weight, seed: u64) -> Self {
        let order = (0..weights.len()).collect();
        let weights = weights.iter().map(|(account, weight)| (*account, weight.nanos())).collect();
        let mut drift = Self {
            weights,
            step: step.nanos(),
            rng: StdRng::seed_from_u64(seed),
            order,
            is_first: true,
        };
        drift.complete();
        drift
    }

    /// The sum of a split may differ slightly from 100; the largest account takes the difference.
    fn complete(&mut self) {
        let sum: u64 = self.weights.iter().map(|(_, weight)| weight).sum();
        if let Some((_, largest)) = self.weights.iter_mut().max_by_key(|(_, weight)| *weight) {
            *largest = *largest + WEIGHT_TOTAL - sum;
        }
    }

    pub(super) fn next(&mut self) -> Vec<(AccountId, Weight)> {
        if !std::mem::take(&mut self.is_first) {
            self.order.shuffle(&mut self.rng);
            for pair in self.order.chunks_exact(2) {
                let giver = pair[0];
                let taker = pair[1];
                let smaller = self.weights[giver].1.min(self.weights[taker].1);
                let moved = self.rng.random_range(0..=part(smaller, self.step));
                self.weights[giver].1 -= moved;
                self.weights[taker].1 += moved;
            }
        }
        self.weights.iter().map(|(account, nanos)| (*account, weight(*nanos))).collect()
    }
}

/// `step` percent of a weight, rounded down.
fn part(weight: u64, step: u64) -> u64 {
    let part = u128::from(weight) * u128::from(step) / u128::from(WEIGHT_TOTAL);
    u64::try_from(part).expect("a step is at most the whole")
}
