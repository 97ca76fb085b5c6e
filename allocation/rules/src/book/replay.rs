//! Replay: finds outcomes of a ticker in the history by their numbers.
//!
//! ```text
//!   number   253   254   255  [256]  257   258   259      before: the one before
//!                               ▲──────────────────┘      mark: the last before it whose
//!                               └─────┴─────┘             number is a multiple of 256
//! ```
//!
//! From mark to mark even the longest history is walked back in milliseconds.

use alloc::vec::Vec;
use core::ops::Range;

use allot_domain::Ticker;

use super::{Book, Division};
use crate::history::{First, What};
use crate::input::{Origin, Outcome, Outcomes};
use crate::limits::{REPLAY_OUTCOMES_MAX, REPLAY_SHARES_MAX};
use crate::replay::{Replay, Replayed};
use crate::{Block, OutcomeNumber, RowIndex, TickerSeq};

/// An outcome of a ticker: its number there, and in the history.
#[derive(Clone, Copy)]
struct Place {
    number: TickerSeq,
    outcome: OutcomeNumber,
}

impl Book {
    /// Gives outcomes again, as many as a reply holds. The state stays as it is.
    pub(super) fn apply_replay(&self, replay: &Replay, outcomes: &mut Outcomes) {
        let row = self.holdings.find(&replay.ticker);
        let newest = row.map(|row| self.newest(row)).filter(|newest| self.is_replayable(*newest));
        let last = row.map_or(TickerSeq::ZERO, |row| self.holdings.row(row).outcomes());
        let oldest = newest.map_or(last.next(), |newest| self.oldest(newest).number);
        let from = replay.from.max(oldest);
        let page_end = TickerSeq::new(from.get().saturating_add(REPLAY_OUTCOMES_MAX - 1));
        let until = replay.to.unwrap_or(last).min(last).min(page_end);
        let fills = match newest {
            Some(newest) if from <= until => {
                self.outcomes_again(&replay.ticker, newest, from, until, outcomes)
            }
            _ => Vec::new(),
        };
        let Replay { source, seq, time_ns, ticker, .. } = *replay;
        let origin = Origin { source, seq, id: seq.into(), time_ns, duplicate: false };
        let replayed = Replayed { origin, ticker, from, last, oldest, fills };
        outcomes.list.push(Outcome::Replayed(replayed.into()));
    }

    fn newest(&self, row: RowIndex) -> Place {
        let row = self.holdings.row(row);
        Place { number: row.outcomes(), outcome: row.last() }
    }

    fn is_replayable(&self, place: Place) -> bool {
        self.history.is_whole(place.outcome)
    }

    /// The oldest outcome that is kept, of the ticker of this one, which is.
    fn oldest(&self, newest: Place) -> Place {
        let mut place = newest;
        while let Some(mark) = self.mark(place).filter(|mark| self.is_replayable(*mark)) {
            place = mark;
        }
        while let Some(before) = self.before(place).filter(|before| self.is_replayable(*before)) {
            place = before;
        }
        place
    }

    /// The outcome before this one.
    fn before(&self, place: Place) -> Option<Place> {
        let (before, _) = self.history.links(place.outcome)?;
        Some(Place { number: TickerSeq::new(place.number.get() - 1), outcome: before })
    }

    /// The last outcome before this one that is marked.
    fn mark(&self, place: Place) -> Option<Place> {
        let (_, mark) = self.history.links(place.outcome)?;
        Some(Place { number: place.number.mark_before(), outcome: mark })
    }

    /// The outcomes of these numbers, which are kept, as far as a reply has room for their shares.
    fn outcomes_again(
        &self,
        ticker: &Ticker,
        newest: Place,
        from: TickerSeq,
        until: TickerSeq,
        outcomes: &mut Outcomes,
    ) -> Vec<Outcome> {
        let mut place = newest;
        while until < place.number {
            let is_far = until <= place.number.mark_before();
            let next = if is_far { self.mark(place) } else { self.before(place) };
            place = next.expect("what is newer than one that is kept is kept");
        }
        let mut found = Vec::new();
        while from < place.number {
            found.push(place);
            place = self.before(place).expect("what is newer than one that is kept is kept");
        }
        found.push(place);
        let mut fills = Vec::with_capacity(found.len());
        let mut shares_left = REPLAY_SHARES_MAX;
        for place in found.into_iter().rev() {
            let (first, shares) = self.history.get(place.outcome).expect("it was walked over");
            let len = shares[0].len() + shares[1].len();
            if shares_left < len && !fills.is_empty() {
                break;
            }
            shares_left = shares_left.saturating_sub(len);
            let shares = outcomes.keep_shares(shares);
            fills.push(outcome_again(&first, ticker, place.number, shares));
        }
        fills
    }
}

/// An outcome as it was given first.
fn outcome_again(
    first: &First,
    ticker: &Ticker,
    number: TickerSeq,
    shares: Range<usize>,
) -> Outcome {
    let First { source, seq, id, time_ns, what, .. } = *first;
    let (origin, ticker) = (Origin { source, seq, id, time_ns, duplicate: false }, *ticker);
    match what {
        What::Divided { side, price, quantity, split, late, .. } => {
            let block = Block { side, price, quantity };
            Division { block, split, late }.outcome(origin, ticker, number, shares)
        }
        What::Busted { of } => Outcome::Busted { origin, ticker, of, number, shares },
    }
}
