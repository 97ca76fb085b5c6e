//! Shard: what a shard should be, and what should come of each input.

mod commands;
mod triggers;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use allot_desk_rules::limits::{DUE_GRAIN_NS, LOG_FILES_MAX, USERS_MAX};
use allot_desk_rules::{
    Answer, Command, DeskConfig, DumpAll, FileName, Input, Origin, Outcome, Outcomes, Pending,
    Recent, RecentKind, Reject, Request, Shares, Span, Summary, Symbol, Told, Trade, TriggerLine,
    User,
};
use allot_domain::{Reject as Core, Side};

use crate::account::{Account, cents, cost};
use crate::market::Market;
use crate::names::{Names, Standing};

/// What a message said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    command: Command,
    transaction: Option<std::num::NonZeroU64>,
}

/// What is kept of a name.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    said: Said,
    /// The number of the answer; none while it waits.
    answer: Option<u64>,
}

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Order(u64, User),
    Waiting(u64, User),
    Refresh(Symbol),
}

/// Why a command does not come to an answer.
pub(crate) enum Stop {
    Reject(Reject),
    Needs(Symbol),
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Shard {
    config: DeskConfig,
    pub(crate) now_ns: u64,
    pub(crate) accounts: BTreeMap<User, Account>,
    pub(crate) market: Market,
    /// Pending orders by when they expire, and their number.
    pub(crate) expiries: BTreeSet<(u64, u64, User)>,
    /// Waiting commands by when they are given up, and their number.
    pub(crate) patience: BTreeSet<(u64, u64, User)>,
    /// The names of files in waiting commands.
    file_bytes: usize,
    /// How many orders and waiting commands there ever were.
    counted: u64,
    armings: u64,
    names: Names<Applied>,
    dumps: Names<Said>,
    /// The files that were named, by whose log they have.
    log_files: BTreeMap<Option<User>, BTreeSet<String>>,
    /// The latest answers and refusals, and when their commands were taken.
    answers: VecDeque<(Result<Answer, Reject>, u64)>,
    /// How many answers there ever were.
    answered: u64,
    /// The stock whose quote has just failed.
    failed: Option<Symbol>,
    /// When something is due next, as it was said last.
    due_said: Option<u64>,
    out: Outcomes,
}

impl Shard {
    pub(crate) fn new(config: DeskConfig) -> Self {
        Self {
            config,
            now_ns: 0,
            accounts: BTreeMap::new(),
            market: Market::default(),
            expiries: BTreeSet::new(),
            patience: BTreeSet::new(),
            file_bytes: 0,
            counted: 0,
            armings: 0,
            names: Names::new(config.names),
            dumps: Names::new(config.names),
            log_files: BTreeMap::new(),
            answers: VecDeque::new(),
            answered: 0,
            failed: None,
            due_said: None,
            out: Outcomes::default(),
        }
    }

    /// Applies an input; what must come of it.
    pub(crate) fn apply(&mut self, input: &Input) -> Outcomes {
        self.pass_time(input.time_ns());
        match input {
            Input::Command(request) => self.command(request),
            Input::DumpAll(dump) => self.dump(dump),
            Input::Quote(quoted) if is_price(quoted.price.get()) => {
                self.market.quote(quoted.symbol, quoted.price.get(), self.now_ns);
                while self.fire(quoted.symbol) {}
                self.release(quoted.symbol);
            }
            Input::Quote(quoted) => self.fail(quoted.symbol),
            Input::QuoteFailed(failed) => self.fail(failed.symbol),
            Input::QuoteRetried(_) | Input::Marker(_) | Input::Tick(_) => {}
        }
        self.say_due(matches!(input, Input::Tick(_)));
        std::mem::take(&mut self.out)
    }

    /// Everything that is due by a time happens, each at its own time.
    fn pass_time(&mut self, until_ns: u64) {
        while let Some((due_ns, due)) = self.first_due().filter(|(due_ns, _)| *due_ns <= until_ns) {
            self.now_ns = self.now_ns.max(due_ns);
            match due {
                Due::Order(number, user) => self.expire(user, number),
                Due::Waiting(_, user) => self.give_up(user),
                Due::Refresh(symbol) => self.refresh(symbol),
            }
        }
        self.now_ns = self.now_ns.max(until_ns);
    }

    /// Of what is due at the same time orders come first, then commands that wait, then quotes.
    fn first_due(&self) -> Option<(u64, Due)> {
        let first = |set: &BTreeSet<(u64, u64, User)>| set.first().copied();
        let order = first(&self.expiries).map(|(at, number, user)| (at, Due::Order(number, user)));
        let waiting = first(&self.patience).map(|(at, one, user)| (at, Due::Waiting(one, user)));
        let refresh = self.market.first_due().map(|(at, symbol)| (at, Due::Refresh(symbol)));
        [order, waiting, refresh].into_iter().flatten().min()
    }

    /// The next half second at which something will be due by then is said when it is another one,
    /// and of a tick in any case.
    fn say_due(&mut self, is_tick: bool) {
        let half_second = |at_ns: u64| {
            let late_ns = at_ns % DUE_GRAIN_NS;
            if late_ns == 0 { Some(at_ns) } else { at_ns.checked_add(DUE_GRAIN_NS - late_ns) }
        };
        let due = self.first_due().and_then(|(at_ns, _)| half_second(at_ns));
        if let Some(due_ns) = due.filter(|_| is_tick || due != self.due_said) {
            self.out.list.push(Outcome::Due(due_ns));
        }
        self.due_said = due;
    }

    fn expire(&mut self, user: User, number: u64) {
        let account = self.accounts.get_mut(&user).expect("an order is of a user");
        let place = account.orders.iter().position(|order| order.number == number);
        let order = account.orders.remove(place.expect("an order is its user's"));
        self.expiries.remove(&(order.until_ns, number, user));
        let kind = match order.trade.side {
            Side::Buy => RecentKind::BuyExpired,
            Side::Sell => RecentKind::SellExpired,
        };
        let (trade, transaction, at_ns) = (order.trade, order.transaction, self.now_ns);
        account.note(traded(kind, &trade, transaction, at_ns));
        self.out.list.push(Outcome::Expired { user, transaction, trade, at_ns });
    }

    fn command(&mut self, request: &Request) {
        if let Err(reject) = check_amount(&request.command) {
            return self.refuse(request, reject, false);
        }
        if matches!(request.command, Command::DumpLog(_)) && !self.config.keeps_log {
            return self.refuse(request, Reject::NoLog, false);
        }
        let name = (request.source, Some(request.user), request.id);
        let said = said(request);
        let is_known = self.accounts.contains_key(&request.user);
        match self.names.standing(&name) {
            Standing::Applied(applied) if applied.said == said => self.repeat(request, &applied),
            Standing::Applied(_) => {
                let (id, source, user) = (request.id, request.source, request.user);
                let name = format!("{id} of source {source} and user {user}");
                self.refuse(request, Core::NameReused(name).into(), false);
            }
            // Nothing of a user who is unknown was ever applied, whatever is forgotten.
            Standing::TooOld(forgotten) if is_known => {
                self.refuse(request, Core::SequenceTooOld(forgotten).into(), false);
            }
            Standing::TooOld(_) | Standing::New => self.new_command(request),
        }
    }

    fn new_command(&mut self, request: &Request) {
        if let Err(reject) = self.admit(request) {
            return self.refuse(request, reject, false);
        }
        if !self.account(request.user).waiting.is_empty() {
            return self.wait_behind(request);
        }
        let mut disarmed = None;
        match self.execute(request, &mut disarmed) {
            Ok(answer) => {
                let number = self.keep(request, Ok(answer));
                let applied = Applied { said: said(request), answer: Some(number) };
                self.names.mark((request.source, Some(request.user), request.id), applied);
                self.tell(request, answer, false);
                self.follow_up(request, disarmed);
            }
            Err(Stop::Reject(reject)) => {
                // A refusal by the rules keeps the name, as an answer does.
                let number = self.keep(request, Err(reject.clone()));
                let applied = Applied { said: said(request), answer: Some(number) };
                self.names.mark((request.source, Some(request.user), request.id), applied);
                self.refuse(request, reject, false);
            }
            Err(Stop::Needs(symbol)) => self.wait_for(request, symbol),
        }
    }

    /// A user becomes known by money, or by a wish for a quote.
    fn admit(&mut self, request: &Request) -> Result<(), Reject> {
        if self.accounts.contains_key(&request.user) {
            return Ok(());
        }
        match request.command {
            Command::Add(_) => {}
            Command::Quote(symbol) => {
                if self.market.price(symbol, self.now_ns).is_none() {
                    self.check_room(request)?;
                }
            }
            _ => return Err(Reject::UnknownUser),
        }
        if USERS_MAX <= self.accounts.len() {
            return Err(Reject::TooManyUsers);
        }
        self.accounts.insert(request.user, Account::default());
        Ok(())
    }

    pub(crate) fn account(&mut self, user: User) -> &mut Account {
        self.accounts.get_mut(&user).expect("the user is known")
    }

    fn repeat(&mut self, request: &Request, applied: &Applied) {
        let mut told = self.told(request, false);
        told.origin.duplicate = true;
        let Some(number) = applied.answer else {
            let symbol = self.account(request.user).awaited().expect("it waits");
            return self.out.list.push(Outcome::Awaiting { told, symbol });
        };
        let age = usize::try_from(self.answered - number).expect("a usize has 64 bits");
        let kept = self.answers.iter().rev().nth(age).cloned();
        let first = match kept {
            None => Ok(Answer::Forgotten),
            Some((first, time_ns)) => {
                told.origin.time_ns = time_ns;
                first
            }
        };
        let outcome = match first {
            Ok(Answer::Summary(_)) => {
                let answer = Answer::Summary(self.summary(request.user));
                Outcome::Answered { told, answer }
            }
            Ok(answer) => Outcome::Answered { told, answer },
            Err(reject) => Outcome::Rejected { told, reject },
        };
        self.out.list.push(outcome);
    }

    fn dump(&mut self, dump: &DumpAll) {
        let DumpAll { source, id, time_ns, transaction, ref file } = *dump;
        let command = Command::DumpLog(file.clone());
        let said = Said { command: command.clone(), transaction };
        let name = (source, None, id);
        let (mut duplicate, mut reject) = (false, None);
        match self.dumps.standing(&name) {
            _ if !self.config.keeps_log => reject = Some(Reject::NoLog),
            Standing::New => {
                reject = self.name_log(None, file).err();
                if reject.is_none() {
                    self.dumps.mark(name, said);
                }
            }
            Standing::Applied(before) if before == said => duplicate = true,
            Standing::Applied(_) => {
                let name = format!("{id} of source {source} and all users");
                reject = Some(Core::NameReused(name).into());
            }
            Standing::TooOld(forgotten) => reject = Some(Core::SequenceTooOld(forgotten).into()),
        }
        let origin = Origin { source, id, time_ns, duplicate };
        let at_ns = self.now_ns;
        let told = Told { origin, user: None, transaction, command, at_ns, late: false };
        self.out.list.push(match reject {
            None => Outcome::Answered { told, answer: Answer::LogDumped },
            Some(reject) => Outcome::Rejected { told, reject },
        });
    }

    /// Files of one name are one; another one is refused where there are enough.
    pub(crate) fn name_log(&mut self, user: Option<User>, file: &FileName) -> Result<(), Reject> {
        let files = self.log_files.entry(user).or_default();
        files.insert(file.parts().collect::<Vec<_>>().join("/"));
        if LOG_FILES_MAX < files.len() {
            files.remove(&file.parts().collect::<Vec<_>>().join("/"));
            return Err(Reject::TooManyLogs);
        }
        Ok(())
    }

    fn told(&self, request: &Request, late: bool) -> Told {
        let (source, id, time_ns) = (request.source, request.id, request.time_ns);
        Told {
            origin: Origin { source, id, time_ns, duplicate: false },
            user: Some(request.user),
            transaction: request.transaction,
            command: request.command.clone(),
            at_ns: self.now_ns,
            late,
        }
    }

    fn refuse(&mut self, request: &Request, reject: Reject, late: bool) {
        let told = self.told(request, late);
        self.out.list.push(Outcome::Rejected { told, reject });
    }

    fn keep(&mut self, request: &Request, told: Result<Answer, Reject>) -> u64 {
        self.answers.push_back((told, request.time_ns));
        if self.config.history < self.answers.len() {
            self.answers.pop_front();
        }
        self.answered += 1;
        self.answered
    }

    fn tell(&mut self, request: &Request, answer: Answer, late: bool) {
        let told = self.told(request, late);
        if let Some(recent) = noted(&told, &answer) {
            self.account(request.user).note(recent);
        }
        self.out.list.push(Outcome::Answered { told, answer });
    }

    /// Writes a summary out.
    fn summary(&mut self, user: User) -> Summary {
        let account = &self.accounts[&user];
        let orders = account.orders_of(Side::Buy).chain(account.orders_of(Side::Sell));
        let now_ns = self.now_ns;
        let pending = orders
            .map(|order| Pending { trade: order.trade, left_ns: order.until_ns - now_ns })
            .collect();
        let triggers = account.sets.iter().map(|((is_sale, symbol), set)| TriggerLine {
            side: if *is_sale { Side::Sell } else { Side::Buy },
            symbol: *symbol,
            amount: cents(set.amount.into()),
            shares: Shares::new(set.shares),
            trigger: set.armed.as_ref().map(|armed| armed.price),
        });
        Summary {
            cash: cents(account.cash()),
            held: cents(account.held()),
            reserved: cents(account.reserved()),
            holdings: append(&mut self.out.holdings, account.holdings()),
            pending: append(&mut self.out.pending, pending),
            triggers: append(&mut self.out.triggers, triggers.collect()),
            recent: append(&mut self.out.recent, account.recent.iter().copied().collect()),
        }
    }
}

/// Appends lines; where they are.
fn append<T>(list: &mut Vec<T>, mut lines: Vec<T>) -> Span {
    let narrow = |len| u32::try_from(len).expect("a summary is short");
    let span = Span { from: narrow(list.len()), len: narrow(lines.len()) };
    list.append(&mut lines);
    span
}

fn said(request: &Request) -> Said {
    Said { command: request.command.clone(), transaction: request.transaction }
}

fn is_price(price: u64) -> bool {
    (1..=allot_desk_rules::limits::SHARE_PRICE_MAX).contains(&price)
}

/// Amounts and prices are within their limits.
fn check_amount(command: &Command) -> Result<(), Reject> {
    let is_price = matches!(command, Command::SetBuyTrigger(..) | Command::SetSellTrigger(..));
    let most = if is_price {
        allot_desk_rules::limits::SHARE_PRICE_MAX
    } else {
        allot_desk_rules::limits::AMOUNT_MAX
    };
    match amount_of(command) {
        Some(0) => Err(Reject::AmountMustBePositive),
        Some(amount) if most < amount => Err(Reject::AmountTooLarge),
        _ => Ok(()),
    }
}

fn amount_of(command: &Command) -> Option<u64> {
    command.amount().map(allot_desk_rules::Cents::get)
}

fn traded(
    kind: RecentKind,
    trade: &Trade,
    transaction: Option<std::num::NonZeroU64>,
    at_ns: u64,
) -> Recent {
    let (symbol, amount) = (Some(trade.symbol), cents(cost(trade)));
    Recent { transaction, at_ns, amount, shares: trade.shares, symbol, kind }
}

/// What a summary shows of an answer.
fn noted(told: &Told, answer: &Answer) -> Option<Recent> {
    let is_buy = |of: &Trade| of.side == Side::Buy;
    let (transaction, at_ns, symbol) = (told.transaction, told.at_ns, told.command.symbol());
    let plain =
        |kind, amount, shares| Some(Recent { transaction, at_ns, amount, shares, symbol, kind });
    let of_trade = |buy, sell, trade: &Trade| {
        Some(traded(if is_buy(trade) { buy } else { sell }, trade, transaction, at_ns))
    };
    let given = cents(amount_of(&told.command).unwrap_or_default().into());
    let is_sale = matches!(
        told.command,
        Command::SetSellAmount(..) | Command::SetSellTrigger(..) | Command::CancelSetSell(_)
    );
    let either = |buy, sell| if is_sale { sell } else { buy };
    match answer {
        Answer::Added { .. } => plain(RecentKind::Added, given, Shares::ZERO),
        Answer::Pending { trade, .. } => {
            of_trade(RecentKind::BuyPending, RecentKind::SellPending, trade)
        }
        Answer::Committed(trade) => of_trade(RecentKind::Bought, RecentKind::Sold, trade),
        Answer::Cancelled(trade) => {
            of_trade(RecentKind::BuyCancelled, RecentKind::SellCancelled, trade)
        }
        Answer::AmountSet { shares, .. } => {
            plain(either(RecentKind::BuyAmountSet, RecentKind::SellAmountSet), given, *shares)
        }
        Answer::Armed { shares, .. } => {
            plain(either(RecentKind::BuyArmed, RecentKind::SellArmed), given, *shares)
        }
        Answer::SetCancelled { amount, shares } => {
            let kind = either(RecentKind::SetBuyCancelled, RecentKind::SetSellCancelled);
            plain(kind, *amount, *shares)
        }
        Answer::Quoted { .. } | Answer::LogDumped | Answer::Summary(_) | Answer::Forgotten => None,
    }
}
