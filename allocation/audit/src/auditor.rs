//! Auditor: follows a shard's log and checks every outcome of its book against its own state.
//!
//! | input   | what is checked of its outcomes                                              |
//! |---------|------------------------------------------------------------------------------|
//! | fill    | held, or divided: whole, to accounts of the split, no share better elsewhere |
//! | bust    | exactly the shares of that fill, once, from the accounts that got them       |
//! | split   | the next number, no holder left out; then the held fills, in order           |
//! | check   | the holders that the split leaves out, or why it is refused                  |
//! | netting | no outcome; the values move, or it is void                                   |
//! | marker  | no outcome                                                                   |
//! | replay  | the outcomes of these numbers again, as far as they are kept                 |
//! | listing | the splits from this number on, as far as they are kept                      |
//!
//! A fill, bust or split that was applied before gets its first outcome again. One that is rejected
//! is rejected for the first reason that applies, and changes nothing.

mod fills;
mod explaining;
mod busts;
mod checks;
mod replays;
mod listings;
mod comparison;

use std::collections::{BTreeMap, VecDeque};

use allot_allocation_rules::{
    AccountIndex, BookConfig, Bust, Fill, Input, Netting, Origin, Outcomes, Reject, Split,
    SplitNumber, TickerSeq, limits,
};
use allot_domain::{AccountId, LogIndex, Money, Reject as Core, Side, Ticker};

use crate::accounts::Accounts;
use crate::fault::{Fault, Subject};
use crate::history::{History, Told};
use crate::mismatch::Mismatch;
use crate::names::{Name, Names, Standing};
use crate::outcome_reader::{DueDivision, OutcomeReader};
use crate::positions::Positions;
use crate::splits::{SplitContent, Splits, check_weights};
use crate::summary::Summary;

/// An independent check of one shard, from the beginning of its log.
///
/// After a fault its state is no longer that of the shard: it is of no further use.
#[derive(Clone, Debug)]
pub struct Auditor {
    config: BookConfig,
    accounts: Accounts,
    positions: Positions,
    history: History,
    /// The names of fills and busts.
    names: Names<Told>,
    /// The names of splits, each with its number and what it said: they are named apart.
    split_names: Names<(SplitNumber, SplitContent)>,
    /// Splits that were found to leave out no holder, and are not applied yet.
    cleared: BTreeMap<Name, SplitContent>,
    /// How many outcomes each ticker had; a ticker is known from its first held fill on.
    tickers: BTreeMap<Ticker, TickerSeq>,
    splits: Splits,
    /// Fills that wait for the first split.
    held: VecDeque<Fill>,
    /// The value of all fills that were not busted, in 1e-9.
    turnover: i128,
    /// The same, but a quarter of it fades at each marker.
    flow: i128,
    /// The highest price of a fill, in 1e-9.
    price_max: i64,
    /// The last netting, void or not.
    netting: u64,
    /// The last input.
    index: LogIndex,
    summary: Summary,
}

impl Auditor {
    /// An auditor of a shard that has applied nothing yet.
    #[must_use]
    pub fn new(config: BookConfig) -> Self {
        Self {
            config,
            accounts: Accounts::default(),
            positions: Positions::default(),
            history: History::new(config.history),
            names: Names::new(config.names),
            split_names: Names::new(config.names),
            cleared: BTreeMap::new(),
            tickers: BTreeMap::new(),
            splits: Splits::default(),
            held: VecDeque::new(),
            turnover: 0,
            flow: 0,
            price_max: 0,
            netting: 0,
            index: LogIndex::default(),
            summary: Summary::default(),
        }
    }

    /// Checks all outcomes of one input.
    ///
    /// `index` is that of the input in the shard's log; it rises, and skips what could not be read
    /// as an input. `outcomes` are all those of this input and no others, their shares in one run
    /// from the first. `account` returns the account of an index, as
    /// [`allot_allocation_rules::Book::account`] does; it is called only for accounts that exist.
    ///
    /// # Errors
    /// The first mismatch, with names and numbers.
    pub fn check(
        &mut self,
        index: LogIndex,
        input: &Input,
        outcomes: &Outcomes,
        account: impl Fn(AccountIndex) -> AccountId,
    ) -> Result<(), Fault> {
        let mut outcomes = OutcomeReader::new(outcomes, &account);
        self.check_input(index, input, &mut outcomes).map_err(|mismatch| {
            let subject = Subject::Outcomes(Box::new(input.clone()));
            Fault { index, subject, mismatch: Box::new(mismatch) }
        })
    }

    /// What it has counted so far.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    fn check_input(
        &mut self,
        index: LogIndex,
        input: &Input,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        if index <= self.index {
            return Err(Mismatch::NotAfter(self.index));
        }
        self.index = index;
        self.summary.inputs += 1;
        match input {
            Input::Fill(fill) => self.check_fill(fill, outcomes)?,
            Input::Bust(bust) => self.check_bust(bust, outcomes)?,
            Input::Split(split) => self.check_split(split, outcomes)?,
            Input::Marker(_) => self.apply_marker(),
            Input::Netting(netting) => self.apply_netting(netting),
            Input::Check(split) => self.check_check(split, outcomes)?,
            Input::Replay(replay) => self.check_replay(replay, outcomes)?,
            Input::Listing(listing) => self.check_listing(listing, outcomes)?,
        }
        outcomes.expect_end()
    }

    /// A message is rejected for this reason, and its name is not used up.
    fn check_rejection(
        &mut self,
        origin: Origin,
        reason: &Reject,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        outcomes.expect_rejected(origin, reason, None)?;
        self.summary.reject(reason.code());
        Ok(())
    }

    /// What is due for a fill or a bust, as far as its name tells. Where its ticker never had a
    /// fill, nothing of this name was applied, whatever is forgotten.
    fn standing(&self, name: &Name) -> Standing<Told> {
        match self.names.standing(name) {
            Standing::TooOld(_) if name.1.is_some_and(|of| !self.tickers.contains_key(&of)) => {
                Standing::New
            }
            standing => standing,
        }
    }

    /// A fill or a bust is applied, and never will be again.
    fn mark_applied(&mut self, name: Name, told: Told) {
        self.summary.out_of_order += u64::from(self.names.mark(name, told));
    }

    /// The number of the next outcome of a ticker.
    fn count_outcome(&mut self, ticker: Ticker) -> TickerSeq {
        let outcomes = self.tickers.entry(ticker).or_default();
        *outcomes = outcomes.next();
        *outcomes
    }

    fn check_split(
        &mut self,
        split: &Split,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        check_weights(split.weights())?;
        let name = split_name(split);
        let origin = split_origin(split);
        match self.split_names.standing(&name) {
            Standing::Applied((number, content)) if content == SplitContent::of(split) => {
                self.summary.repeats += 1;
                return outcomes.expect_accepted(again(origin), number);
            }
            Standing::Applied(_) => {
                return self.check_rejection(origin, &split_reused(split), outcomes);
            }
            Standing::TooOld(forgotten) => {
                let reason = Core::SequenceTooOld(forgotten).into();
                return self.check_rejection(origin, &reason, outcomes);
            }
            Standing::New if limits::ACCOUNTS_EVER_MAX < self.accounts.count_after(split) => {
                return self.check_rejection(origin, &Reject::TooManyAccountsEver, outcomes);
            }
            Standing::New => {}
        }
        self.check_holders(split)?;
        let has_same_accounts = self.accounts.follow(split);
        self.splits.follow(split, has_same_accounts);
        let told = (self.splits.number, SplitContent::of(split));
        self.summary.out_of_order += u64::from(self.split_names.mark(name, told));
        self.summary.splits += 1;
        for (id, _) in split.weights() {
            self.summary.accounts.entry(*id).or_default();
        }
        outcomes.expect_accepted(origin, self.splits.number)?;
        self.check_release(outcomes)
    }

    /// The held fills are divided in order; one that cannot be may be sent again.
    fn check_release(&mut self, outcomes: &mut OutcomeReader<'_>) -> Result<(), Mismatch> {
        while let Some(fill) = self.held.pop_front() {
            self.summary.held -= 1;
            self.check_released(&fill, outcomes)
                .map_err(|mismatch| Mismatch::Released(Box::new((fill, mismatch))))?;
        }
        Ok(())
    }

    fn check_released(
        &mut self,
        fill: &Fill,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        let Some(reason) = self.rejection(fill) else {
            self.summary.late += 1;
            let due = self.due(fill, true);
            let outcome = self.check_division(due, outcomes)?;
            if let Some(told) = self.names.get_mut(&name_of(fill)) {
                told.outcome = Some(outcome);
            }
            return Ok(());
        };
        outcomes.expect_rejected(fill_origin(fill), &reason, Some(fill.ticker))?;
        self.names.unmark(&name_of(fill));
        self.summary.reject(reason.code());
        Ok(())
    }

    /// The division of a fill by the split in force.
    fn due<'a>(&mut self, fill: &'a Fill, is_late: bool) -> DueDivision<'a> {
        let number = self.count_outcome(fill.ticker);
        DueDivision { fill, origin: fill_origin(fill), split: self.splits.number, number, is_late }
    }

    /// A quarter of the flow fades.
    fn apply_marker(&mut self) {
        self.flow -= self.flow / 4;
        self.summary.markers += 1;
    }

    /// Values move as given, if the netting is for these accounts and within the limits.
    fn apply_netting(&mut self, netting: &Netting) {
        self.netting = netting.number;
        self.summary.nettings += 1;
        if !self.is_in_force(netting) {
            self.summary.nettings_void += 1;
            return;
        }
        let by_id = self.accounts.by_id.iter_mut();
        let open = by_id.filter(|(_, account)| account.weight.is_some());
        for ((id, account), transfer) in open.zip(&netting.transfers) {
            account.netted += transfer.nanos();
            let total = self.summary.accounts.entry(*id).or_default();
            total.netted = Money::from_nanos(account.netted);
        }
    }

    fn is_in_force(&self, netting: &Netting) -> bool {
        let open = self.accounts.open().map(|(_, account, _)| account.value_with_nettings());
        let transfers = &netting.transfers;
        if !self.splits.has_same_accounts_since(netting.split)
            || open.clone().count() != transfers.len()
        {
            return false;
        }
        let volume = open.zip(transfers).try_fold(0_i128, |volume, (value, transfer)| {
            volume.checked_add(value.checked_add(transfer.nanos())?.checked_abs()?)
        });
        volume.is_some_and(|volume| volume <= limits::NETTED_VALUE_MAX - limits::VALUE_MAX)
    }

    /// Shares change hands at a price; each account pays what its own cost.
    fn apply_shares(
        &mut self,
        ticker: Ticker,
        side: Side,
        price: i64,
        shares: &[(AccountId, u64)],
    ) -> Result<(), Mismatch> {
        let row = self.positions.by_ticker.entry(ticker).or_default();
        for (id, quantity) in shares {
            let value = sign(side) * i128::from(price) * i128::from(*quantity);
            row.apply(*id, side, *quantity, value)?;
            let account = self.accounts.by_id.get_mut(id);
            account.expect("a split named every account with shares").value += value;
            self.summary.apply(*id, side, *quantity, Money::from_nanos(value));
        }
        Ok(())
    }
}

/// What a fill is called.
const fn name_of(fill: &Fill) -> Name {
    (fill.source, Some(fill.ticker), fill.id)
}

/// The origin of the first outcome of a fill.
const fn fill_origin(fill: &Fill) -> Origin {
    let Fill { source, seq, id, time_ns, .. } = *fill;
    Origin { source, seq, id, time_ns, duplicate: false }
}

/// The origin of the first outcome of a bust.
const fn bust_origin(bust: &Bust) -> Origin {
    let Bust { source, seq, id, time_ns, .. } = *bust;
    Origin { source, seq, id, time_ns, duplicate: false }
}

fn split_origin(split: &Split) -> Origin {
    let (source, seq, time_ns) = (split.source, split.seq, split.time_ns);
    Origin { source, seq, id: seq.into(), time_ns, duplicate: false }
}

/// The same, of a repeat.
const fn again(origin: Origin) -> Origin {
    Origin { duplicate: true, ..origin }
}

/// What a split is called.
fn split_name(split: &Split) -> Name {
    (split.source, None, split.seq.into())
}

/// The rejection of a split whose name was given to another.
fn split_reused(split: &Split) -> Reject {
    Core::NameReused(format!("split {} of source {}", split.seq, split.source)).into()
}

/// The rejection of a name that was given to another message.
fn reused((source, ticker, id): Name) -> Reject {
    let ticker = ticker.map_or_else(String::new, |ticker| ticker.to_string());
    Core::NameReused(format!("{id} of source {source} and ticker {ticker}")).into()
}

/// Which way a side moves shares and value.
const fn sign(side: Side) -> i128 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}
