//! Quotes: what one fires and releases, in slices.

use allot_domain::Step;

use super::{Accounts, Release};
use crate::{Outcomes, Quoted, Symbol};

impl Accounts {
    /// A quote comes. One that is no price of a share is as good as none.
    pub(super) fn apply_quote(&mut self, quoted: &Quoted, outcomes: &mut Outcomes) -> Step {
        let Quoted { symbol, price, .. } = *quoted;
        if !price.is_price() {
            return self.apply_failure(symbol, outcomes);
        }
        let listing = self.market.quote(symbol, price, self.now_ns);
        self.release = Some(Release { listing, symbol, failed: false });
        self.go_on(outcomes)
    }

    /// A quote could not be had.
    pub(super) fn apply_failure(&mut self, symbol: Symbol, outcomes: &mut Outcomes) -> Step {
        let listing = self.market.fail(symbol, self.now_ns);
        self.release = Some(Release { listing, symbol, failed: true });
        self.go_on(outcomes)
    }

    /// Fires the triggers that the quote satisfies, then goes on with those who wait for it, one
    /// after the other, until each needs another quote.
    pub(super) fn go_on(&mut self, outcomes: &mut Outcomes) -> Step {
        let Release { listing, failed, .. } = self.release.expect("a quote is not done with");
        while 0 < self.steps_left {
            self.steps_left -= 1;
            if let Some(user) = self.running {
                self.run(user, outcomes);
            } else if !failed && self.fire_next(listing, outcomes) {
                // One step.
            } else if let Some(user) = self.market.first_in_line(listing) {
                self.leave_line(user);
                self.running = Some(user);
            } else {
                self.release = None;
                return Step::Done;
            }
        }
        Step::Pending
    }
}
