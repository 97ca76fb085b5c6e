//! Accounts: the machine of a shard. It applies commands to the accounts of its users.
//!
//! ```text
//!   input ─► time passes ─────────────────► command ─► answered, refused
//!            orders expire, waits end,    │         └► waits for a quote, in the line of its stock
//!            triggers want quotes         └► quote ──► fires triggers, goes on with the line
//! ```
//!
//! What is due at a time happens at that time, however late the next input tells of it: so what
//! becomes of a user does not depend on the inputs of others, nor on how users are sharded.

mod commands;
mod triggers;
mod waiting;
mod quotes;
mod summary;
mod snapshot;
mod view;

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use allot_domain::{
    Lookup, Machine, Name, Names, Reject as Core, Side, SnapshotError, Standing, Step,
};

use crate::account::{Account, Order, Trigger, UserIndex};
use crate::applied::Applied;
use crate::chains::Chains;
use crate::history::{AnswerNumber, History, Kept};
use crate::limits::{DUE_GRAIN_NS, SLICE_STEPS_MAX, USERS_MAX};
use crate::log_files::LogFiles;
use crate::market::{ListingIndex, Market};
use crate::{
    Answer, Balance, Command, DeskConfig, DumpAll, Input, Origin, Outcome, Outcomes, Recent,
    RecentKind, Reject, Request, Symbol, Told, Totals, Trade, User,
};
pub use view::AccountView;
use waiting::Waiting;

/// What all inputs made of a shard of the desk.
#[derive(Clone, Debug)]
pub struct Accounts {
    config: DeskConfig,
    /// The latest time of any input.
    now_ns: u64,
    accounts: Vec<Account>,
    lookup: Lookup,
    totals: Totals,
    /// Pending orders: each is valid equally long, so the oldest expires first.
    orders: Chains<Order>,
    /// Commands that wait for quotes: the oldest is given up first.
    waiting: Chains<Waiting>,
    waiting_bytes: usize,
    market: Market,
    /// How many triggers were ever armed.
    armings: u64,
    /// The names of commands, by user.
    names: Names<Applied>,
    /// The names of requests to all: all shards see the same ones.
    dump_names: Names<Applied>,
    history: History,
    log_files: LogFiles,
    /// A user whose waiting commands are gone on with.
    running: Option<UserIndex>,
    /// A quote, or its failure, that is not done with.
    release: Option<Release>,
    /// An input that waits until all that is due before it has happened.
    postponed: Option<Box<Input>>,
    /// How many steps are left of this slice.
    steps_left: usize,
    /// When something is due next, as it was said last; the end of time where nothing is.
    due_said: u64,
}

/// What goes on with the line of a stock.
#[derive(Clone, Copy, Debug)]
struct Release {
    listing: ListingIndex,
    symbol: Symbol,
    /// There is no quote.
    failed: bool,
}

/// Why a command does not come to an answer.
enum Stop {
    /// It is refused.
    Reject(Reject),
    /// It needs a quote.
    Needs(Symbol),
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

/// What follows the answer of a command.
#[derive(Default)]
struct Aftermath {
    /// A trigger that was armed, and no longer is.
    disarmed: Option<Trigger>,
    /// A stock for which a trigger was armed.
    armed: Option<Symbol>,
}

/// What is due.
#[derive(Clone, Copy)]
enum Due {
    Order,
    Waiting,
    Refresh,
}

impl Machine for Accounts {
    type Config = DeskConfig;
    type Input = Input;
    type Outcomes = Outcomes;

    fn new(config: DeskConfig) -> Self {
        Self::new(config)
    }

    fn apply(&mut self, input: &Input, outcomes: &mut Outcomes) -> Step {
        assert!(!self.is_pending(), "all outcomes of an input are taken before the next");
        self.steps_left = SLICE_STEPS_MAX;
        if self.pass_time(input.time_ns(), outcomes) {
            let step = self.apply_in_time(input, outcomes);
            return self.end(step, matches!(input, Input::Tick(_)), outcomes);
        }
        self.postponed = Some(Box::new(input.clone()));
        Step::Pending
    }

    fn resume(&mut self, outcomes: &mut Outcomes) -> Step {
        assert!(self.is_pending(), "there is more to come");
        self.steps_left = SLICE_STEPS_MAX;
        let Some(input) = self.postponed.take() else {
            let step = self.go_on(outcomes);
            return self.end(step, false, outcomes);
        };
        if self.pass_time(input.time_ns(), outcomes) {
            let step = self.apply_in_time(&input, outcomes);
            return self.end(step, matches!(*input, Input::Tick(_)), outcomes);
        }
        self.postponed = Some(input);
        Step::Pending
    }

    fn save(&self, snapshot: &mut Vec<u8>) {
        self.save(snapshot);
    }

    fn load(config: DeskConfig, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        Self::load(config, snapshot)
    }
}

impl Accounts {
    /// A shard without users.
    #[must_use]
    pub fn new(config: DeskConfig) -> Self {
        Self {
            config,
            now_ns: 0,
            accounts: Vec::new(),
            lookup: Lookup::new(USERS_MAX),
            totals: Totals::default(),
            orders: Chains::default(),
            waiting: Chains::default(),
            waiting_bytes: 0,
            market: Market::new(),
            armings: 0,
            names: Names::new(config.names),
            dump_names: Names::new(config.names),
            history: History::new(config.history),
            log_files: LogFiles::default(),
            running: None,
            release: None,
            postponed: None,
            steps_left: 0,
            due_said: u64::MAX,
        }
    }

    const fn is_pending(&self) -> bool {
        self.postponed.is_some() || self.release.is_some()
    }

    fn apply_in_time(&mut self, input: &Input, outcomes: &mut Outcomes) -> Step {
        match input {
            Input::Command(request) => self.apply_command(request, outcomes),
            Input::DumpAll(dump) => self.apply_dump(dump, outcomes),
            Input::Quote(quoted) => return self.apply_quote(quoted, outcomes),
            Input::QuoteFailed(failed) => return self.apply_failure(failed.symbol, outcomes),
            Input::QuoteRetried(_) | Input::Marker(_) | Input::Tick(_) => {}
        }
        Step::Done
    }

    /// Lets everything happen that is due by this time; false where the slice ends before.
    fn pass_time(&mut self, until_ns: u64, outcomes: &mut Outcomes) -> bool {
        let until_ns = self.now_ns.max(until_ns);
        loop {
            let due = self.due(until_ns);
            if self.running.is_none() && due.is_none() {
                self.now_ns = until_ns;
                return true;
            }
            if self.steps_left == 0 {
                return false;
            }
            self.steps_left -= 1;
            if let Some(user) = self.running {
                self.run(user, outcomes);
                continue;
            }
            let Some((at_ns, due)) = due else { continue };
            self.now_ns = self.now_ns.max(at_ns);
            match due {
                Due::Order => self.expire(outcomes),
                Due::Waiting => self.give_up(outcomes),
                Due::Refresh => self.want_refresh(self.market.refreshed(), outcomes),
            }
        }
    }

    /// After an input: says when something is due next, where that is another time than before. A
    /// tick is always told, for it may have come too early, or what was said may be lost.
    #[inline]
    fn end(&mut self, step: Step, is_tick: bool, outcomes: &mut Outcomes) -> Step {
        if step == Step::Done {
            let due_ns = self.next_due();
            if due_ns != u64::MAX && (is_tick || due_ns != self.due_said) {
                outcomes.list.push(Outcome::Due(due_ns));
            }
            self.due_said = due_ns;
        }
        step
    }

    /// When something is due next, rounded up to half a second; the end of time where nothing is.
    #[inline]
    #[must_use]
    pub fn next_due(&self) -> u64 {
        let first_ns = self.due(u64::MAX).map_or(u64::MAX, |(at_ns, _)| at_ns);
        first_ns.div_ceil(DUE_GRAIN_NS).saturating_mul(DUE_GRAIN_NS)
    }

    /// What is due first, by this time: of the same time orders, then commands, then quotes.
    #[inline]
    fn due(&self, until_ns: u64) -> Option<(u64, Due)> {
        let order = self.orders.oldest().map_or(u64::MAX, |(_, order)| order.until_ns);
        let waiting = self.waiting.oldest().map_or(u64::MAX, |(_, waiting)| waiting.until_ns);
        let refresh = self.market.refresh_next();
        let first = order.min(waiting).min(refresh);
        if until_ns < first || first == u64::MAX {
            return None;
        }
        let due = match first {
            at if at == order => Due::Order,
            at if at == waiting => Due::Waiting,
            _ => Due::Refresh,
        };
        Some((first, due))
    }

    /// The oldest pending order is not committed in time.
    fn expire(&mut self, outcomes: &mut Outcomes) {
        let (_, order) = self.orders.oldest().expect("something is due");
        let (user, side) = (order.user, order.trade.side);
        let ends = *self.accounts[user.index()].orders(side);
        let (id, _) = self.orders.oldest_of(&ends).expect("the oldest of all is its user's");
        let Order { trade, transaction, .. } = self.drop_order(user, side, id);
        let at_ns = self.now_ns;
        let kind = match side {
            Side::Buy => RecentKind::BuyExpired,
            Side::Sell => RecentKind::SellExpired,
        };
        let account = &mut self.accounts[user.index()];
        account.note(recent_trade(kind, trade, transaction, at_ns));
        let user = account.user;
        outcomes.list.push(Outcome::Expired { user, transaction, trade, at_ns });
    }

    fn find(&self, user: &User) -> Option<UserIndex> {
        let is_it = |at| self.accounts[UserIndex::new(at).index()].user == *user;
        self.lookup.find(user.hash(), is_it).map(UserIndex::new)
    }

    fn apply_command(&mut self, request: &Request, outcomes: &mut Outcomes) {
        if let Err(reject) = request.command.check() {
            return self.reject(request, reject, false, outcomes);
        }
        if !self.config.keeps_log && matches!(request.command, Command::DumpLog(_)) {
            return self.reject(request, Reject::NoLog, false, outcomes);
        }
        let found = self.find(&request.user);
        // Where the user is unknown, nothing of it was ever applied, whatever is forgotten.
        let standing = found.map_or(Standing::New, |at| self.names.look(name_of(request, at)));
        match standing {
            Standing::New => self.apply_new(request, found, outcomes),
            Standing::Known(entry) => {
                let applied = *self.names.get(entry);
                self.repeat(request, found, applied, outcomes);
            }
            Standing::TooOld(forgotten) => {
                self.reject(request, Core::SequenceTooOld(forgotten), false, outcomes);
            }
        }
    }

    fn apply_new(&mut self, request: &Request, found: Option<UserIndex>, outcomes: &mut Outcomes) {
        let at = match found.map_or_else(|| self.open(request), Ok) {
            Ok(at) => at,
            Err(reject) => return self.reject(request, reject, false, outcomes),
        };
        if !self.accounts[at.index()].waiting.is_empty() {
            return self.wait_behind(at, request, outcomes);
        }
        let mut aftermath = Aftermath::default();
        match self.execute(at, request, &mut aftermath, outcomes) {
            Ok(answer) => {
                let number = self.keep(request, Ok(answer));
                let applied = Applied { content: request.content(), answer: number };
                self.names.store(name_of(request, at), applied);
                self.answer(at, request, answer, false, outcomes);
                self.follow_up(at, &aftermath, outcomes);
            }
            Err(Stop::Reject(reject)) => {
                if reject.is_final() {
                    let answer = self.keep(request, Err(reject.clone()));
                    let applied = Applied { content: request.content(), answer };
                    self.names.store(name_of(request, at), applied);
                }
                self.reject(request, reject, false, outcomes);
            }
            Err(Stop::Needs(symbol)) => self.wait_for(at, request, symbol, outcomes),
        }
    }

    /// Opens the account of a new user: money is added, or a quote is asked for.
    fn open(&mut self, request: &Request) -> Result<UserIndex, Reject> {
        match request.command {
            Command::Add(_) => {}
            Command::Quote(symbol) if self.market.price(symbol, self.now_ns).is_some() => {}
            Command::Quote(_) => self.check_room_to_wait(request)?,
            _ => return Err(Reject::UnknownUser),
        }
        if self.accounts.len() == USERS_MAX {
            return Err(Reject::TooManyUsers);
        }
        Ok(self.add_account(request.user))
    }

    fn add_account(&mut self, user: User) -> UserIndex {
        let at = UserIndex::at(self.accounts.len());
        self.lookup.insert(user.hash(), at.get());
        self.accounts.push(Account::new(user));
        at
    }

    /// A command that was applied or refused before, or waits.
    fn repeat(
        &mut self,
        request: &Request,
        found: Option<UserIndex>,
        applied: Applied,
        outcomes: &mut Outcomes,
    ) {
        if applied.content != request.content() {
            let Request { source, id, user, .. } = request;
            let name = format!("{id} of source {source} and user {user}");
            return self.reject(request, Core::NameReused(name), false, outcomes);
        }
        let at = found.expect("the name of an applied command is of a user");
        let mut told = self.told(request, false);
        told.origin.duplicate = true;
        let awaited = self.awaited(at).filter(|_| applied.answer == AnswerNumber::ZERO);
        if let Some(symbol) = awaited {
            return outcomes.list.push(Outcome::Awaiting { told, symbol });
        }
        let Some(Kept { told: first, time_ns }) = self.history.get(applied.answer).cloned() else {
            return outcomes.list.push(Outcome::Answered { told, answer: Answer::Forgotten });
        };
        told.origin.time_ns = time_ns;
        let outcome = match first {
            Err(reject) => Outcome::Rejected { told, reject },
            Ok(Answer::Summary(_)) => {
                let answer = Answer::Summary(self.summarize(at, outcomes));
                Outcome::Answered { told, answer }
            }
            Ok(answer) => Outcome::Answered { told, answer },
        };
        outcomes.list.push(outcome);
    }

    fn apply_dump(&mut self, dump: &DumpAll, outcomes: &mut Outcomes) {
        let DumpAll { source, id, time_ns, transaction, file } = dump;
        let origin = Origin { source: *source, id: *id, time_ns: *time_ns, duplicate: false };
        let (command, at_ns) = (Command::DumpLog(file.clone()), self.now_ns);
        let transaction = *transaction;
        let mut told = Told { origin, user: None, transaction, command, at_ns, late: false };
        let name = Name { source, scope: 0, id };
        let content = dump.content();
        let reject = match self.dump_names.look(name) {
            _ if !self.config.keeps_log => Some(Reject::NoLog),
            Standing::New => match self.log_files.add(None, file) {
                Ok(()) => {
                    self.dump_names.store(name, Applied { content, answer: AnswerNumber::ZERO });
                    None
                }
                Err(reject) => Some(reject),
            },
            Standing::Known(entry) if self.dump_names.get(entry).content == content => {
                told.origin.duplicate = true;
                None
            }
            Standing::Known(_) => {
                Some(Core::NameReused(format!("{id} of source {source} and all users")).into())
            }
            Standing::TooOld(forgotten) => Some(Core::SequenceTooOld(forgotten).into()),
        };
        outcomes.list.push(match reject {
            None => Outcome::Answered { told, answer: Answer::LogDumped },
            Some(reject) => Outcome::Rejected { told, reject },
        });
    }

    fn told(&self, request: &Request, late: bool) -> Told {
        let Request { source, id, time_ns, transaction, user, command } = request;
        Told {
            origin: Origin { source: *source, id: *id, time_ns: *time_ns, duplicate: false },
            user: Some(*user),
            transaction: *transaction,
            command: command.clone(),
            at_ns: self.now_ns,
            late,
        }
    }

    fn reject(
        &self,
        request: &Request,
        reject: impl Into<Reject>,
        late: bool,
        outcomes: &mut Outcomes,
    ) {
        let told = self.told(request, late);
        outcomes.list.push(Outcome::Rejected { told, reject: reject.into() });
    }

    /// Keeps an answer, or why there is none, for repeats.
    fn keep(&mut self, request: &Request, told: Result<Answer, Reject>) -> AnswerNumber {
        let told = match told {
            Ok(Answer::Summary(_)) => Ok(Answer::Summary(crate::Summary::default())),
            told => told,
        };
        self.history.store(Kept { told, time_ns: request.time_ns })
    }

    /// Tells an answer, and notes it among the transactions of the user.
    fn answer(
        &mut self,
        at: UserIndex,
        request: &Request,
        answer: Answer,
        late: bool,
        outcomes: &mut Outcomes,
    ) {
        let told = self.told(request, late);
        if let Some(recent) = recent_of(&told, &answer) {
            self.accounts[at.index()].note(recent);
        }
        outcomes.list.push(Outcome::Answered { told, answer });
    }

    /// Changes the money of a user, and the totals with it.
    #[inline]
    fn change<R>(&mut self, at: UserIndex, change: impl FnOnce(&mut Balance) -> R) -> R {
        let balance = &mut self.accounts[at.index()].balance;
        let before = *balance;
        let result = change(balance);
        self.totals.follow(&before, balance);
        result
    }
}

/// The name of a command.
const fn name_of(request: &Request, at: UserIndex) -> Name<'_> {
    Name { source: &request.source, scope: at.get(), id: &request.id }
}

fn recent_trade(
    kind: RecentKind,
    trade: Trade,
    transaction: Option<core::num::NonZeroU64>,
    at_ns: u64,
) -> Recent {
    let (symbol, amount) = (Some(trade.symbol), trade.amount());
    Recent { transaction, at_ns, amount, shares: trade.shares, symbol, kind }
}

/// What the summary shows of an answer; nothing of those that change nothing.
fn recent_of(told: &Told, answer: &Answer) -> Option<Recent> {
    let Told { transaction, at_ns, ref command, .. } = *told;
    let kind = match (command, answer) {
        (Command::Add(_), _) => RecentKind::Added,
        (Command::Buy(..), _) => RecentKind::BuyPending,
        (Command::CommitBuy, _) => RecentKind::Bought,
        (Command::CancelBuy, _) => RecentKind::BuyCancelled,
        (Command::Sell(..), _) => RecentKind::SellPending,
        (Command::CommitSell, _) => RecentKind::Sold,
        (Command::CancelSell, _) => RecentKind::SellCancelled,
        (Command::SetBuyAmount(..), _) => RecentKind::BuyAmountSet,
        (Command::SetBuyTrigger(..), _) => RecentKind::BuyArmed,
        (Command::CancelSetBuy(_), _) => RecentKind::SetBuyCancelled,
        (Command::SetSellAmount(..), _) => RecentKind::SellAmountSet,
        (Command::SetSellTrigger(..), _) => RecentKind::SellArmed,
        (Command::CancelSetSell(_), _) => RecentKind::SetSellCancelled,
        (Command::Quote(_) | Command::DumpLog(_) | Command::DisplaySummary, _) => return None,
    };
    let (symbol, given) = (command.symbol(), command.amount().unwrap_or_default());
    let (amount, shares) = match answer {
        Answer::Pending { trade, .. } | Answer::Committed(trade) | Answer::Cancelled(trade) => {
            return Some(recent_trade(kind, *trade, transaction, at_ns));
        }
        Answer::SetCancelled { amount, shares } => (*amount, *shares),
        Answer::AmountSet { shares, .. } | Answer::Armed { shares, .. } => (given, *shares),
        _ => (given, crate::Shares::ZERO),
    };
    Some(Recent { transaction, at_ns, amount, shares, symbol, kind })
}
