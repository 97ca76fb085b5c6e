//! Random weights: a stick of 100 % is broken at random points.
//!
//! ```text
//!   0 ├──────── a ────────┼── b ──┼────────────── c ──────────────┤ 100
//! ```
//!
//! Breaking at uniform points makes every split equally likely (uniform on the simplex).

use allot_allocation_rules::Weight;
use allot_allocation_rules::limits::WEIGHT_TOTAL;
use allot_domain::AccountId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::weight;

/// Random splits.
pub(super) struct RandomWeights {
    accounts: Vec<AccountId>,
    rng: StdRng,
    points: Vec<u64>,
}

impl RandomWeights {
    pub(super) fn new(accounts: Vec<AccountId>, seed: u64) -> Self {
        Self { accounts, rng: StdRng::seed_from_u64(seed), points: Vec::new() }
    }

    pub(super) fn next(&mut self) -> Vec<(AccountId, Weight)> {
        self.points.clear();
        for _ in 1..self.accounts.len() {
            self.points.push(self.rng.random_range(0..=WEIGHT_TOTAL));
        }
        self.points.push(WEIGHT_TOTAL);
        self.points.sort_unstable();
        let starts = std::iter::once(&0).chain(&self.points);
        let pieces = starts.zip(&self.points).map(|(start, end)| weight(end - start));
        self.accounts.iter().copied().zip(pieces).collect()
    }
}
