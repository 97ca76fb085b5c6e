//! What is due for a request for splits: those that were in force, as far as they are kept.

use allot_allocation_rules::{ListedSplit, Listing, limits};

use super::Auditor;
use crate::mismatch::{Field, Mismatch, expect};
use crate::outcome_reader::OutcomeReader;

impl Auditor {
    pub(super) fn check_listing(
        &mut self,
        listing: &Listing,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        self.summary.listings += 1;
        let last = self.splits.number;
        let mut kept = self.splits.weighed().peekable();
        let oldest = kept.peek().map_or(last.next(), |oldest| oldest.number);
        let from = listing.from.max(oldest);
        let mut due: Vec<&ListedSplit> = Vec::new();
        let mut weights = 0;
        for split in kept.filter(|split| from <= split.number) {
            weights += split.weights.len();
            if limits::LISTED_WEIGHTS_MAX < weights && !due.is_empty() {
                break;
            }
            due.push(split);
        }
        due.truncate(limits::LISTED_SPLITS_MAX);
        let given = outcomes.expect_listed(listing)?;
        expect(Field::Named("the number of the first"), given.from, from)?;
        expect(Field::Named("the number of the newest"), given.last, last)?;
        expect(Field::Named("the number of the oldest"), given.oldest, oldest)?;
        expect(Field::Named("the number of splits"), given.splits.len(), due.len())?;
        for (split, due) in given.splits.iter().zip(due) {
            expect_split(split, due)?;
        }
        Ok(())
    }
}

fn expect_split(given: &ListedSplit, due: &ListedSplit) -> Result<(), Mismatch> {
    expect(Field::Named("the number of the split"), given.number, due.number)?;
    expect(Field::Named("the source of the split"), given.source, due.source)?;
    expect(Field::Named("the sequence of the split"), given.seq, due.seq)?;
    expect(Field::Named("the time of the split"), given.time_ns, due.time_ns)?;
    expect(Field::Named("the number of weights"), given.weights.len(), due.weights.len())?;
    for ((account, weight), (due, due_weight)) in given.weights.iter().zip(&due.weights) {
        expect(Field::Named("an account of the split"), account, due)?;
        expect(Field::WeightOf(*due), weight.nanos(), due_weight.nanos())?;
    }
    Ok(())
}
