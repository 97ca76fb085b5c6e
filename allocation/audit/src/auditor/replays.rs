//! What is due for a replay: the outcomes of a ticker again, as far as they are kept.

use allot_allocation_rules::{Replay, TickerSeq, limits};

use super::{Auditor, bust_origin, fill_origin};
use crate::history::{Applied, FirstOutcome};
use crate::mismatch::Mismatch;
use crate::outcome_reader::{DueDivision, DueReplay, OutcomeReader, expect_shares};

impl Auditor {
    pub(super) fn check_replay(
        &mut self,
        replay: &Replay,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        self.summary.replays += 1;
        let last = self.tickers.get(&replay.ticker).map_or(0, |last| last.get());
        let kept = self.history.of_ticker(&replay.ticker);
        let oldest = last + 1 - u64::try_from(kept.len()).expect("a usize fits");
        let from = replay.from.get().max(oldest);
        let to = replay.to.map_or(last, TickerSeq::get);
        let asked = (oldest..).zip(kept).filter(|(number, _)| (from..=to).contains(number));
        let mut due: Vec<(u64, &FirstOutcome)> = Vec::new();
        let mut shares = 0;
        for (number, first) in asked {
            shares += first.shares.len();
            let is_full = limits::REPLAY_SHARES_MAX < shares && !due.is_empty();
            if is_full || number == from.saturating_add(limits::REPLAY_OUTCOMES_MAX) {
                break;
            }
            due.push((number, first));
        }
        let [from, last, oldest] = [from, last, oldest].map(TickerSeq::new);
        let mut fills = outcomes.expect_replayed(replay, DueReplay { from, last, oldest })?;
        for (number, first) in due {
            self.check_again(TickerSeq::new(number), first, &mut fills)?;
        }
        outcomes.end_replayed(&fills)
    }

    /// The next outcome is this one again.
    fn check_again(
        &self,
        number: TickerSeq,
        first: &FirstOutcome,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        match &first.applied {
            Applied::Divided { fill, split, is_late, .. } => {
                let (origin, split, is_late) = (fill_origin(fill), *split, *is_late);
                let due = DueDivision { fill, origin, split, number, is_late };
                expect_shares(&outcomes.expect_divided(due, &self.accounts)?, &first.shares)
            }
            Applied::Busted(bust) => {
                let origin = bust_origin(bust);
                outcomes.expect_busted(bust, origin, number, &first.shares, &self.accounts)
            }
        }
    }
}
