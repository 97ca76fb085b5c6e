//! The kernel: the allocator alone, on one thread, with no message and no book around it.
//!
//! `allot bench kernel` and the criterion bench `kernel` measure this one load: the first gives the
//! page and the files of a run, the second the medians of `bench/runs`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;

use allot_allocation_rules::{Blend, Block, Cell, Residuals};
use allot_domain::{Side, SourceId};
use anyhow::Result;

use crate::arguments::{LengthArgs, OutArgs};
use crate::fills::{Fills, split};
use crate::floor;
use crate::output::Output;

/// Blocks of a load: enough that the branch predictor cannot learn them, few enough to stay in the
/// cache.
pub const BLOCKS: usize = 4_096;

/// Blocks that are divided one after the other, again and again.
///
/// A load first buys and holds all its blocks, which is its steady state, and returns to it each
/// time it has gone through its blocks again: else the holdings would walk away from it.
pub struct Load {
    residuals: Residuals,
    blend: Blend,
    blocks: Vec<Block>,
    shares: Vec<u64>,
    /// What each account holds of the one ticker, where the load keeps it.
    held: Vec<Cell>,
    next: usize,
    /// The residuals and the holdings to which it returns.
    steady: (Residuals, Vec<Cell>),
}

impl Load {
    /// A load of `BLOCKS` purchases in its steady state; weights are in 1e-9 of a percent.
    ///
    /// # Panics
    /// If there are more blocks or fewer.
    #[must_use]
    pub fn new(weights: Vec<u64>, blocks: Vec<Block>, blend: Blend) -> Self {
        assert_eq!(blocks.len(), BLOCKS);
        let accounts = weights.len();
        let mut load = Self {
            residuals: Residuals::new(weights, vec![0; accounts]),
            blend,
            blocks,
            shares: vec![0; accounts],
            held: vec![Cell::default(); accounts],
            next: 0,
            steady: (Residuals::default(), Vec::new()),
        };
        for index in 0..BLOCKS {
            let block = load.blocks[index];
            load.allocate(block);
            load.hold(block);
        }
        load.next = BLOCKS;
        load.steady = (load.residuals.clone(), load.held.clone());
        load
    }

    #[inline]
    fn next_block(&mut self) -> Block {
        if self.next == BLOCKS {
            self.next = 0;
            self.residuals.clone_from(&self.steady.0);
            self.held.clone_from(&self.steady.1);
        }
        self.next += 1;
        black_box(self.blocks[self.next - 1])
    }

    #[inline]
    fn allocate(&mut self, block: Block) {
        self.residuals.allocate(block, self.blend, &self.held, &mut self.shares);
        black_box(&self.shares);
    }

    #[inline]
    fn hold(&mut self, block: Block) {
        for (cell, share) in self.held.iter_mut().zip(&self.shares) {
            cell.quantity += share;
            cell.value += i128::from(block.price.nanos()) * i128::from(*share);
        }
    }

    /// One purchase that the holdings do not follow.
    #[inline]
    pub fn buy(&mut self) {
        let block = self.next_block();
        self.allocate(block);
    }

    /// One purchase; the holdings grow by it.
    #[inline]
    pub fn buy_and_hold(&mut self) {
        let block = self.next_block();
        self.allocate(block);
        self.hold(block);
    }

    /// One purchase, and one sale of other shares at another price.
    #[inline]
    pub fn buy_and_sell(&mut self) {
        self.buy_and_hold();
        let block = Block { side: Side::Sell, ..self.next_block() };
        self.allocate(block);
        for (cell, share) in self.held.iter_mut().zip(&self.shares) {
            cell.quantity -= share;
            cell.value -= i128::from(block.price.nanos()) * i128::from(*share);
        }
    }

    /// Checks the sums once more from outside.
    ///
    /// # Panics
    /// If a residual is not what weight and value make it.
    pub fn check(&self) {
        let residuals = self.residuals.residuals();
        assert_eq!(residuals.iter().sum::<i128>(), 0);
        let (weights, values) = (self.residuals.weights(), self.residuals.values());
        let weight_total: u64 = weights.iter().sum();
        let total: i128 = values.iter().sum();
        for ((weight, value), residual) in weights.iter().zip(&values).zip(residuals) {
            let target = i128::from(*weight) * total;
            assert_eq!(*residual, target - i128::from(weight_total) * value);
        }
    }
}

/// Measures it, [`BLOCKS`] at a time.
///
/// # Errors
/// When results cannot be written.
pub(crate) fn measure(accounts: usize, lengths: LengthArgs, out: &OutArgs) -> Result<ExitCode> {
    let facts = BTreeMap::from([("accounts".to_owned(), accounts.to_string())]);
    let output = Output::begin("kernel", out, facts);
    let source = SourceId::new(b"aum").expect("a name");
    let split = split(source, 1, accounts);
    let weights = split.weights().iter().map(|(_, weight)| weight.nanos()).collect();
    let fills = Fills::new(7, 10);
    let block = |seq| {
        let kind = fills.kind(seq);
        Block { side: Side::Buy, price: kind.price, quantity: kind.quantity }
    };
    let blocks = (0..).map(block).take(BLOCKS).collect();
    let mut load = Load::new(weights, blocks, Blend::NONE);
    let code = floor::steps(output, lengths.lengths(), || {
        (0..BLOCKS).for_each(|_| load.buy());
        Ok(u64::try_from(BLOCKS)?)
    })?;
    load.check();
    Ok(code)
}
