//! Book: the machine of a shard. It divides fills by the split in force and keeps the holdings.
//!
//! Accounts have two numbers: their **index**, in the order in which splits first named them, which
//! never changes; and, while the split in force names them, their **rank** in its byte order.
//! Holdings go by index, residuals by rank.

mod busts;
mod listing;
mod part;
mod replay;
mod snapshot;
mod splits;
mod totals;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;

use allot_domain::{
    AccountId, Machine, Marker, MessageId, Name, Names, Reject as Core, Side, SnapshotError,
    SourceId, Standing, Step, Ticker,
};

use crate::applied::{Applied, AppliedSplit};
use crate::history::{First, History, What};
use crate::input::{Allocated, Input, Netting, Origin, Outcome, Outcomes, Share};
use crate::recent_splits::RecentSplits;
use crate::{
    AccountIndex, AccountRank, Blend, Block, Cell, Fill, Holdings, OutcomeNumber, Reject,
    Residuals, RowIndex, SplitNumber, TickerSeq, limits,
};
pub use part::{AccountPart, CellPart, Part, PositionsPart, RowPart};
use totals::Totals;

/// What can be chosen of a book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookConfig {
    /// How much an even mix of tickers counts beside an even total value.
    pub blend: Blend,
    /// How many outcomes are kept: a repeat gets its first one, and a fill can be busted, while it
    /// is.
    pub history: usize,
    /// How many names of fills and busts, and of splits, are remembered exactly.
    pub names: usize,
}

impl Default for BookConfig {
    fn default() -> Self {
        let (history, names) = (limits::HISTORY_DEFAULT, limits::NAMES_DEFAULT);
        Self { blend: Blend::NONE, history, names }
    }
}

impl fmt::Display for BookConfig {
    /// As files of a journal have it: `blend 0, history 65536, names 1000000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blend, history, names } = self;
        write!(f, "blend {blend}, history {history}, names {names}")
    }
}

/// Why a text is no config of a book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoBookConfig;

impl FromStr for BookConfig {
    type Err = NoBookConfig;

    fn from_str(text: &str) -> Result<Self, NoBookConfig> {
        let rest = text.strip_prefix("blend ").ok_or(NoBookConfig)?;
        let (blend, history) = rest.split_once(", history ").ok_or(NoBookConfig)?;
        let (history, names) = history.split_once(", names ").ok_or(NoBookConfig)?;
        let number = |text: &str| text.parse().map_err(|_| NoBookConfig);
        let blend = blend.parse().map_err(|_| NoBookConfig)?;
        Ok(Self { blend, history: number(history)?, names: number(names)? })
    }
}

/// One account of the firm.
#[derive(Clone, Copy, Debug)]
struct Account {
    id: AccountId,
    /// None while no split in force names it: it is closed.
    rank: Option<AccountRank>,
    /// The value in this shard's residuals, up to date while the account is closed.
    value: i128,
    /// How much of it came by nettings.
    netted: i128,
}

/// How a fill is divided, or was.
struct Division {
    block: Block,
    split: SplitNumber,
    late: bool,
}

impl Division {
    /// What came of the fill: as it is told first, to a repeat, or in a replay.
    #[inline]
    fn outcome(
        self,
        origin: Origin,
        ticker: Ticker,
        number: TickerSeq,
        shares: Range<usize>,
    ) -> Outcome {
        let Self { block: Block { side, price, quantity }, split, late } = self;
        Outcome::Allocated(Allocated {
            origin,
            ticker,
            side,
            price,
            quantity,
            split,
            number,
            shares,
            late,
        })
    }
}

/// All that a shard of allocation knows.
#[derive(Clone, Debug)]
pub struct Book {
    config: BookConfig,
    accounts: Vec<Account>,
    indexes: BTreeMap<AccountId, AccountIndex>,
    /// The index of each account of the split, by rank.
    open: Vec<AccountIndex>,
    residuals: Residuals,
    /// What each account of the split had when it came into force, nettings left out, by rank: only
    /// new fills can correct what was off then.
    values_then: Vec<i128>,
    holdings: Holdings,
    history: History,
    /// The names of fills and busts, as far as this shard owns their tickers; the scope is the row.
    names: Names<Applied>,
    /// The names of splits; all shards see the same splits, and so decide the same.
    split_names: Names<AppliedSplit>,
    held: VecDeque<Fill>,
    recent_splits: RecentSplits,
    totals: Totals,
    /// The shares of the fill that is divided, by rank.
    shares: Vec<u64>,
    /// What the accounts of the split hold of the ticker that is divided, by rank.
    cells: Vec<Cell>,
}

impl Machine for Book {
    type Config = BookConfig;
    type Input = Input;
    type Outcomes = Outcomes;

    fn new(config: BookConfig) -> Self {
        Self::new(config)
    }

    fn apply(&mut self, input: &Input, outcomes: &mut Outcomes) -> Step {
        assert!(!self.is_releasing(), "all outcomes of an input are taken before the next");
        match input {
            Input::Fill(fill) => self.apply_fill(fill, outcomes),
            Input::Bust(bust) => self.apply_bust(bust, outcomes),
            Input::Split(split) => self.apply_split(split, outcomes),
            Input::Marker(_) => self.totals.fade(),
            Input::Netting(netting) => self.apply_netting(netting),
            Input::Check(split) => self.check_split(split, outcomes),
            Input::Replay(replay) => self.apply_replay(replay, outcomes),
            Input::Listing(listing) => self.apply_listing(listing, outcomes),
        }
        self.step()
    }

    fn resume(&mut self, outcomes: &mut Outcomes) -> Step {
        assert!(self.is_releasing(), "there is more to come");
        self.release_held(outcomes);
        self.step()
    }

    fn save(&self, snapshot: &mut Vec<u8>) {
        self.save(snapshot);
    }

    fn load(config: BookConfig, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        Self::load(config, snapshot)
    }
}

impl Book {
    /// A book without accounts: fills are held until the first split.
    #[must_use]
    pub fn new(config: BookConfig) -> Self {
        Self {
            config,
            accounts: Vec::new(),
            indexes: BTreeMap::new(),
            open: Vec::new(),
            residuals: Residuals::default(),
            values_then: Vec::new(),
            holdings: Holdings::default(),
            history: History::new(config.history),
            names: Names::new(config.names),
            split_names: Names::new(config.names),
            held: VecDeque::new(),
            recent_splits: RecentSplits::default(),
            totals: Totals::default(),
            shares: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// The id of the account of this index.
    #[must_use]
    pub fn account(&self, index: AccountIndex) -> &AccountId {
        &self.accounts[index.index()].id
    }

    /// How many accounts splits ever named.
    #[must_use]
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// The fills that wait for the first split, in the order in which they will be divided.
    pub fn held(&self) -> impl Iterator<Item = &Fill> {
        self.held.iter()
    }

    /// The holdings of all accounts.
    #[must_use]
    pub const fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// What each account of the split misses.
    #[must_use]
    pub const fn residuals(&self) -> &Residuals {
        &self.residuals
    }

    fn apply_fill(&mut self, fill: &Fill, outcomes: &mut Outcomes) {
        let row = self.holdings.find(&fill.ticker);
        match self.standing(row, &fill.source, &fill.id) {
            Standing::New => self.apply_new_fill(fill, row, outcomes),
            Standing::Known(entry) => match self.names.get(entry).repeat_of(fill.content()) {
                Some(outcome) => self.repeat_fill(fill, outcome, outcomes),
                None => {
                    outcomes.reject(Origin::of(fill), reused(&fill.source, &fill.ticker, &fill.id))
                }
            },
            Standing::TooOld(forgotten) => {
                outcomes.reject(Origin::of(fill), Core::SequenceTooOld(forgotten));
            }
        }
    }

    /// What is known of the name of a fill or a bust. Where its ticker has no row, nothing of it
    /// was ever applied, whatever is forgotten of its source.
    #[inline(always)]
    fn standing(&self, row: Option<RowIndex>, source: &SourceId, id: &MessageId) -> Standing {
        let name = |row: RowIndex| Name { source, scope: row.get(), id };
        row.map_or(Standing::New, |row| self.names.look(name(row)))
    }

    fn apply_new_fill(&mut self, fill: &Fill, row: Option<RowIndex>, outcomes: &mut Outcomes) {
        if let Err(reject) = self.check(fill, row) {
            return outcomes.reject(Origin::of(fill), reject);
        }
        let row = row.unwrap_or_else(|| self.holdings.add(&fill.ticker));
        let name = Name { source: &fill.source, scope: row.get(), id: &fill.id };
        let content = fill.content();
        if self.residuals.is_empty() {
            self.names.store(name, Applied::held(content));
            self.held.push_back(*fill);
            return outcomes
                .list
                .push(Outcome::Held { origin: Origin::of(fill), ticker: fill.ticker });
        }
        let applied = Applied { content, outcome: self.history.next_number() };
        self.allocate(fill, row, false, outcomes);
        self.names.store(name, applied);
    }

    /// Checks that a fill can be divided, or held before the first split.
    #[inline(always)]
    fn check(&self, fill: &Fill, row: Option<RowIndex>) -> Result<(), Reject> {
        if row.is_none() && self.holdings.is_full() {
            return Err(Reject::TooManyTickers);
        }
        if self.residuals.is_empty() {
            let has_room = self.held.len() < limits::HELD_MAX;
            return if has_room { Ok(()) } else { Err(Core::Busy.into()) };
        }
        if fill.side == Side::Sell {
            let held = row.map_or(0, |row| self.held_by_open(row));
            if held < fill.quantity.get() {
                return Err(Reject::ExceedsHoldings(held));
            }
        }
        let total = row.map_or(0, |row| self.holdings.row(row).total());
        self.totals.check_limits(Block::of(fill), total)
    }

    /// The shares that accounts of the split hold; closed accounts keep theirs.
    fn held_by_open(&self, row: RowIndex) -> u64 {
        let row = self.holdings.row(row);
        self.open.iter().map(|account| row.cell(*account).quantity).sum()
    }

    /// Divides a fill that was checked; its name is remembered with the next outcome.
    fn allocate(&mut self, fill: &Fill, row_at: RowIndex, late: bool, outcomes: &mut Outcomes) {
        let block = Block::of(fill);
        let row = self.holdings.row_mut(row_at);
        if fill.side == Side::Sell || self.config.blend != Blend::NONE {
            for (cell, account) in self.cells.iter_mut().zip(&self.open) {
                *cell = row.cell(*account);
            }
        }
        self.residuals.allocate(block, self.config.blend, &self.cells, &mut self.shares);
        let from = outcomes.shares.len();
        for (quantity, account) in self.shares.iter().zip(&self.open).filter(|share| 0 < *share.0) {
            match fill.side {
                Side::Buy => row.add(*account, *quantity, fill.price.nanos()),
                Side::Sell => row.take(*account, *quantity, fill.price.nanos()),
            }
            outcomes.shares.push(Share { account: *account, quantity: *quantity });
        }
        self.totals.count_fill(block);
        let shares = from..outcomes.shares.len();
        let split = self.totals.splits;
        let number = self.holdings.row(row_at).outcomes().next();
        let division = Division { block, split, late };
        outcomes.list.push(division.outcome(Origin::of(fill), fill.ticker, number, shares.clone()));
        let Block { side, price, quantity } = block;
        let what = What::Divided { side, price, quantity, split, busted: false, late };
        self.keep(Origin::of(fill), row_at, what, &outcomes.shares[shares]);
    }

    /// Keeps what came of a message, and counts it among the outcomes of its ticker.
    fn keep(&mut self, origin: Origin, row: RowIndex, what: What, shares: &[Share]) -> TickerSeq {
        let Origin { source, seq, id, time_ns, .. } = origin;
        let (before, mark) = self.holdings.row(row).links();
        let first = First { source, seq, id, time_ns, row, what, before, mark };
        let number = self.history.store(first, shares);
        self.holdings.row_mut(row).count(number)
    }

    /// A fill that was applied before. One without an outcome is held, or was busted while it was.
    fn repeat_fill(&mut self, fill: &Fill, outcome: OutcomeNumber, outcomes: &mut Outcomes) {
        let mut origin = Origin::of(fill).again();
        if outcome == OutcomeNumber::ZERO {
            return outcomes.list.push(Outcome::Held { origin, ticker: fill.ticker });
        }
        let (mut split, mut shares) = (SplitNumber::ZERO, 0..0);
        if let Some((first, kept)) = self.history.get(outcome) {
            origin.time_ns = first.time_ns;
            if let What::Divided { split: by, .. } = first.what {
                (split, shares) = (by, outcomes.keep_shares(kept));
            }
        }
        let division = Division { block: Block::of(fill), split, late: false };
        outcomes.list.push(division.outcome(origin, fill.ticker, TickerSeq::ZERO, shares));
    }

    /// Whether a split is in force and not all held fills are divided yet.
    fn is_releasing(&self) -> bool {
        !self.residuals.is_empty() && !self.held.is_empty()
    }

    fn step(&self) -> Step {
        if self.is_releasing() { Step::Pending } else { Step::Done }
    }

    /// Divides the next held fills; one that cannot be divided may be sent again.
    fn release_held(&mut self, outcomes: &mut Outcomes) {
        for _ in 0..limits::RELEASE_SHARES_MAX / self.open.len() {
            let Some(fill) = self.held.pop_front() else { return };
            let row = self.holdings.find(&fill.ticker).expect("a held fill has made its row");
            let name = Name { source: &fill.source, scope: row.get(), id: &fill.id };
            let standing = self.names.look(name);
            match self.check(&fill, Some(row)) {
                Ok(()) => {
                    // A name that is forgotten meanwhile stays so: there are too many to hold.
                    if let Standing::Known(entry) = standing {
                        self.names.get_mut(entry).outcome = self.history.next_number();
                    }
                    self.allocate(&fill, row, true, outcomes);
                }
                Err(reject) => {
                    if let Standing::Known(entry) = standing {
                        self.names.withdraw(entry);
                    }
                    let origin = Origin::of(&fill);
                    outcomes.list.push(Outcome::Rejected {
                        origin,
                        reject,
                        late: Some(fill.ticker),
                    });
                }
            }
        }
    }

    /// Moves value between shards; void where the accounts have changed, and then so in all shards.
    fn apply_netting(&mut self, netting: &Netting) {
        self.totals.netting = netting.number;
        let known = self.recent_splits.number_of(netting.split);
        let same_accounts = known.is_some_and(|number| self.totals.same_accounts_since <= number);
        if !same_accounts || netting.transfers.len() != self.open.len() {
            return;
        }
        if self.residuals.net(&netting.transfers) {
            for (index, transfer) in self.open.iter().zip(&netting.transfers) {
                self.accounts[index.index()].netted += transfer.nanos();
            }
        }
    }

    /// The part of this shard in the cut of a marker.
    #[must_use]
    pub fn part(&self, marker: &Marker) -> Part {
        part::of(self, marker)
    }
}

fn reused(source: &SourceId, ticker: &Ticker, id: &MessageId) -> Core {
    Core::NameReused(format!("{id} of source {source} and ticker {ticker}"))
}

#[cfg(test)]
mod tests;
