//! The kernel: the allocator alone, one thread, no message and no book around it.

use crate::arguments::{LengthArgs, OutArgs};
use crate::fills::{Fills, split};
use crate::floor;
use crate::output::Output;
use allot_domain::{Blend, Block, Cell, Residuals, Side, SourceId};
use anyhow::Result;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;

/// Fills timed together, after which the residuals returns to its steady state.
const FILLS: u64 = 4_096;

/// Measures it.
///
/// # Errors
/// When results cannot be written.
pub(crate) fn measure(accounts: usize, lengths: LengthArgs, out: &OutArgs) -> Result<ExitCode> {
    let facts = BTreeMap::from([("accounts".to_owned(), accounts.to_string())]);
    let output = Output::begin("kernel", out, facts);
    let source = SourceId::new(b"aum").expect("a name");
    let split = split(source, 1, accounts);
    let weights: Vec<_> = split.weights().iter().map(|(_, weight)| weight.nanos()).collect();
    let mut residuals = Residuals::new(weights, vec![0; accounts]);
    let (mut shares, held) = (vec![0; accounts], vec![Cell::default(); accounts]);
    let fills = Fills::new(7, 10);
    let mut divide = |residuals: &mut Residuals| {
        for seq in 0..FILLS {
            let kind = fills.kind(seq);
            let block = Block { side: Side::Buy, price: kind.price, quantity: kind.quantity };
            residuals.allocate(black_box(block), Blend::NONE, &held, &mut shares);
            black_box(&shares);
        }
    };
    divide(&mut residuals);
    let steady = residuals.clone();
    floor::steps(output, lengths.lengths(), || {
        residuals.clone_from(&steady);
        divide(&mut residuals);
        Ok(FILLS)
    })
}
