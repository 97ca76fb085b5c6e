//! Snapshot: the bytes of a shard, and the checks of those that are read.
//!
//! ```text
//!   ALOTDESK │ version │ config │ counters │ accounts │ orders │ listings │ commands that wait │
//!            │ line │ wanted │ names │ names of requests to all │ answers │ files of logs
//! ```

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use allot_domain::Side;
use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};
use allot_domain::{MessageId, Seq};

use super::Accounts;
use crate::account::{Armed, Order, Trigger, UserIndex};
use crate::answer::put_transaction;
use crate::applied::Applied;
use crate::history::AnswerNumber;
use crate::log_files::LogFiles;
use crate::market::{Arming, Asked, Price};
use crate::{
    Balance, Cents, Command, CommandName, DeskConfig, FileName, Origin, Recent, RecentKind,
    Request, Shares, Symbol, Trade, User, limits,
};

/// What the snapshot of a shard begins with.
const MAGIC: [u8; 8] = *b"ALOTDESK";

/// The version of the format; any other is refused.
const VERSION: u32 = 3;

impl Accounts {
    /// Appends the snapshot of this shard: see [`allot_domain::snapshot`] for what that is.
    ///
    /// # Panics
    /// If an input is pending: all its outcomes are taken first.
    pub fn save(&self, out: &mut Vec<u8>) {
        assert!(!self.is_pending(), "all outcomes of an input are taken before a snapshot");
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        for number in chosen(&self.config) {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.now_ns.to_le_bytes());
        out.extend_from_slice(&self.armings.to_le_bytes());
        self.save_accounts(out);
        self.save_orders(out);
        self.save_listings(out);
        self.save_waiting(out);
        self.names.save(out);
        self.dump_names.save(out);
        self.history.save(out);
        self.log_files.save(out);
    }

    /// The shard that [`Accounts::save`] wrote; it continues as that one would have.
    ///
    /// # Errors
    /// What is wrong with the snapshot. One that is damaged may still be one: keep a checksum.
    pub fn load(config: DeskConfig, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut cursor = Cursor::new(bytes);
        check_config(&config, &mut cursor)?;
        let mut shard = Self::new(config);
        shard.now_ns = cursor.u64()?;
        shard.armings = cursor.counter()?;
        shard.load_accounts(&mut cursor)?;
        shard.load_orders(&mut cursor)?;
        shard.load_listings(&mut cursor)?;
        shard.load_waiting(&mut cursor)?;
        shard.names.load(&mut cursor)?;
        shard.dump_names.load(&mut cursor)?;
        shard.history.load(&mut cursor)?;
        shard.log_files = LogFiles::load(&mut cursor, shard.accounts.len())?;
        shard.check_names()?;
        shard.due_said = shard.next_due();
        cursor.end()?;
        for account in &shard.accounts {
            shard.totals.follow(&Balance::default(), &account.balance);
        }
        Ok(shard)
    }

    /// Every account: what is free, what was spent, triggers, the last transactions. What is held
    /// and reserved follows from orders and triggers.
    fn save_accounts(&self, out: &mut Vec<u8>) {
        put_count(out, self.accounts.len());
        for account in &self.accounts {
            put_name(out, account.user.as_bytes());
            account.balance.save(out);
            let free = account.holdings.iter().filter(|holding| Shares::ZERO < holding.free);
            put_count(out, free.clone().count());
            for holding in free {
                out.extend_from_slice(&holding.symbol.padded());
                out.extend_from_slice(&holding.free.get().to_le_bytes());
            }
            put_count(out, account.triggers.len());
            account.triggers.iter().for_each(|trigger| save_trigger(trigger, out));
            put_count(out, account.recent().len());
            account.recent().for_each(|recent| save_recent(recent, out));
        }
    }

    fn load_accounts(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        // The shortest: a user of one byte, what is free, what was spent, three empty lists.
        for _ in 0..cursor.count(limits::USERS_MAX, 2 + 8 + 16 + 3 * 4)? {
            let user = User::load(cursor)?;
            ensure(self.find(&user).is_none(), "a user twice")?;
            let at = self.add_account(user);
            self.accounts[at.index()].balance = Balance::load(cursor)?;
            self.load_holdings(at, cursor)?;
            for _ in 0..cursor.count(limits::POSITIONS_MAX * 2, 1 + 3 + 8 + 1)? {
                self.load_trigger(at, cursor)?;
            }
            for _ in 0..cursor.count(limits::RECENT_MAX, 8 + 8 + 8 + 8 + 3 + 1)? {
                let recent = load_recent(cursor)?;
                self.accounts[at.index()].note(recent);
            }
        }
        let triggers = self.accounts.iter().flat_map(|account| &account.triggers);
        let armed = triggers.filter_map(|trigger| trigger.armed.as_ref());
        let mut numbers: Vec<_> = armed.map(|armed| armed.number).collect();
        numbers.sort_unstable();
        ensure(numbers.windows(2).all(|pair| pair[0] < pair[1]), "an arming twice")
    }

    fn load_holdings(
        &mut self,
        at: UserIndex,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), SnapshotError> {
        let account = &mut self.accounts[at.index()];
        let mut last = None;
        for _ in 0..cursor.count(limits::POSITIONS_MAX, 3 + 8)? {
            let (symbol, free) = (Symbol::load(cursor)?, Shares::new(cursor.u64()?));
            ensure(last.is_none_or(|last| last < symbol), "stocks out of their order")?;
            let is_some = Shares::ZERO < free && account.has_room_for(symbol, free);
            ensure(is_some, "shares beyond their limits")?;
            account.add_shares(symbol, free);
            last = Some(symbol);
        }
        Ok(())
    }

    /// Adds shares that are set aside, as an order or a trigger says.
    fn load_reserved(
        &mut self,
        at: UserIndex,
        symbol: Symbol,
        shares: Shares,
    ) -> Result<(), SnapshotError> {
        let account = &mut self.accounts[at.index()];
        let is_known = !account.holdings.is_empty() || shares != Shares::ZERO;
        ensure(is_known && account.has_room_for(symbol, shares), "shares beyond their limits")?;
        let is_new = account.holding(symbol).free == Shares::ZERO
            && account.holding(symbol).reserved == Shares::ZERO;
        let has_room = !is_new || account.holdings.len() < limits::POSITIONS_MAX;
        ensure(has_room, "more stocks than a user has")?;
        account.add_shares(symbol, shares);
        account.reserve_shares(symbol, shares);
        Ok(())
    }

    fn load_trigger(
        &mut self,
        at: UserIndex,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), SnapshotError> {
        let (side, symbol) = (cursor.side()?, Symbol::load(cursor)?);
        let amount = Cents::new(cursor.u64()?);
        let is_amount = (1..=limits::AMOUNT_MAX).contains(&amount.get());
        ensure(is_amount, "an amount beyond its limits")?;
        let armed = if cursor.flag()? { Some(Box::new(load_armed(cursor)?)) } else { None };
        let shares = match (side, &armed) {
            (Side::Sell, Some(armed)) => amount.shares_at(armed.price),
            _ => Shares::ZERO,
        };
        let is_whole = armed.is_none() || side == Side::Buy || Shares::ZERO < shares;
        ensure(is_whole, "a sale of no share")?;
        let account = &mut self.accounts[at.index()];
        let place = account.trigger_at(side, symbol);
        ensure(place == Err(account.triggers.len()), "triggers out of their order")?;
        if let Some(armed) = &armed {
            let is_counted = (1..=self.armings).contains(&armed.number);
            ensure(is_counted, "a trigger that was never armed")?;
            let (price, number) = (armed.price, armed.number);
            let arming = Arming { side, price, number, user: at };
            ensure(!self.market.is_armed(symbol, &arming), "an arming twice")?;
            self.market.arm(symbol, arming);
        }
        account.triggers.push(Trigger { side, symbol, amount, shares, armed });
        match side {
            Side::Buy => account.balance.load_reserved(amount),
            Side::Sell if shares == Shares::ZERO => Ok(()),
            Side::Sell => self.load_reserved(at, symbol, shares),
        }
    }

    fn save_orders(&self, out: &mut Vec<u8>) {
        put_count(out, self.orders.len());
        for order in self.orders.iter() {
            out.extend_from_slice(&order.user.get().to_le_bytes());
            order.trade.save(out);
            put_transaction(out, order.transaction);
            out.extend_from_slice(&order.until_ns.to_le_bytes());
        }
    }

    fn load_orders(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let mut last = self.now_ns.saturating_add(1);
        for _ in 0..cursor.count(usize::MAX, 4 + 1 + 3 + 8 + 8 + 8 + 8)? {
            let user = self.load_user(cursor)?;
            let trade = Trade::load(cursor)?;
            let transaction = NonZeroU64::new(cursor.u64()?);
            let until_ns = cursor.u64()?;
            ensure(last <= until_ns, "orders out of their order")?;
            last = until_ns;
            match trade.side {
                Side::Buy => self.accounts[user.index()].balance.load_held(trade.amount())?,
                Side::Sell => self.load_reserved(user, trade.symbol, trade.shares)?,
            }
            let order = Order { user, trade, transaction, until_ns };
            self.orders.push(self.accounts[user.index()].orders(trade.side), order);
        }
        let most = limits::POSITIONS_MAX;
        let is_within = self.accounts.iter().all(|account| {
            let buys = account.triggers.iter().filter(|one| one.side == Side::Buy).count();
            let sells = account.triggers.len() - buys;
            account.holdings.len() + account.buys.len() + buys <= most
                && account.sells.len() + sells <= most
        });
        ensure(is_within, "more stocks, orders and triggers than a user has")
    }

    fn load_user(&self, cursor: &mut Cursor<'_>) -> Result<UserIndex, SnapshotError> {
        let user = UserIndex::new(cursor.u32()?);
        ensure(user.index() < self.accounts.len(), "an unknown user")?;
        Ok(user)
    }

    /// The stocks of which something is known that still counts, in the order of the symbols.
    fn save_listings(&self, out: &mut Vec<u8>) {
        let mut listings: Vec<_> = self.market.listings().iter().collect();
        listings.retain(|one| self.now_ns < one.quote.until_ns || self.now_ns < one.retry_ns);
        listings.sort_unstable_by_key(|listing| listing.symbol);
        put_count(out, listings.len());
        for listing in listings {
            let is_valid = self.now_ns < listing.quote.until_ns;
            let quote = if is_valid { listing.quote } else { Price::default() };
            let retry_ns = if self.now_ns < listing.retry_ns { listing.retry_ns } else { 0 };
            out.extend_from_slice(&listing.symbol.padded());
            out.extend_from_slice(&quote.price.get().to_le_bytes());
            out.extend_from_slice(&quote.until_ns.to_le_bytes());
            out.extend_from_slice(&retry_ns.to_le_bytes());
        }
    }

    fn load_listings(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let mut last = None;
        for _ in 0..cursor.count(limits::SYMBOLS_MAX, 3 + 8 + 8 + 8)? {
            let symbol = Symbol::load(cursor)?;
            ensure(last.is_none_or(|last| last < symbol), "stocks out of their order")?;
            last = Some(symbol);
            let quote = Price { price: Cents::new(cursor.u64()?), until_ns: cursor.u64()? };
            let retry_ns = cursor.u64()?;
            let is_valid = self.now_ns < quote.until_ns && quote.price.is_price();
            ensure(is_valid || quote == Price::default(), "a quote beyond its limits")?;
            let is_retried = self.now_ns < retry_ns;
            ensure(is_retried || (retry_ns == 0 && is_valid), "a stock without a quote")?;
            self.market.load_listing(symbol, quote, retry_ns);
        }
        let now_ns = self.now_ns;
        let is_fired = |symbol| {
            let listing = self.market.find(symbol);
            listing.is_some_and(|at| self.market.satisfied(at, now_ns).is_some())
        };
        let mut symbols = self.market.listings().iter().map(|listing| listing.symbol);
        ensure(!symbols.any(is_fired), "a trigger that should have fired")
    }

    /// The commands that wait, the lines in which their users stand, and what is asked for.
    fn save_waiting(&self, out: &mut Vec<u8>) {
        put_count(out, self.waiting.len());
        for waiting in self.waiting.iter() {
            out.extend_from_slice(&waiting.user.get().to_le_bytes());
            out.extend_from_slice(&waiting.until_ns.to_le_bytes());
            save_request(&waiting.request, out);
        }
        put_count(out, self.market.line_len());
        for user in self.market.in_line() {
            out.extend_from_slice(&user.get().to_le_bytes());
        }
        put_count(out, self.market.wanted().len());
        for (symbol, asked) in self.market.wanted() {
            out.extend_from_slice(&symbol.padded());
            out.extend_from_slice(&asked.user.get().to_le_bytes());
            put_transaction(out, asked.transaction);
        }
    }

    fn load_waiting(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let mut last = self.now_ns.saturating_add(1);
        for _ in 0..cursor.count(limits::WAITING_MAX, 4 + 8 + REQUEST_LEN_MIN)? {
            let user = self.load_user(cursor)?;
            let until_ns = cursor.u64()?;
            ensure(last <= until_ns, "commands that wait out of their order")?;
            last = until_ns;
            let request = load_request(cursor, self.user(user))?;
            self.push_waiting(user, request, until_ns);
            let count = self.accounts[user.index()].waiting.len();
            ensure(count <= limits::WAITING_USER_MAX, "more commands than may wait")?;
        }
        let is_within = self.waiting_bytes <= limits::WAITING_BYTES_MAX;
        ensure(is_within, "more commands than may wait")?;
        for _ in 0..cursor.count(limits::USERS_MAX, 4)? {
            let user = self.load_user(cursor)?;
            let symbol =
                self.awaited(user).ok_or(SnapshotError::Broken("who waits for nothing"))?;
            let is_missing = self.market.price(symbol, self.now_ns).is_none();
            ensure(is_missing, "who waits for what is there")?;
            let account = &mut self.accounts[user.index()];
            ensure(account.place == crate::chains::SlotId::NONE, "a user in two lines")?;
            account.place = self.market.queue(symbol, user);
        }
        let waits = self.accounts.iter().filter(|account| !account.waiting.is_empty()).count();
        ensure(waits == self.market.line_len(), "who waits in no line")?;
        self.load_wanted(cursor)
    }

    fn load_wanted(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let mut last = None;
        for _ in 0..cursor.count(limits::SYMBOLS_MAX, 3 + 4 + 8)? {
            let symbol = Symbol::load(cursor)?;
            ensure(last.is_none_or(|last| last < symbol), "stocks out of their order")?;
            last = Some(symbol);
            let user = self.load_user(cursor)?;
            let transaction = NonZeroU64::new(cursor.u64()?);
            self.market.want(symbol, Asked { user, transaction });
        }
        let is_past = self.now_ns < self.market.refresh_next();
        ensure(is_past, "a quote that should be asked for")?;
        let wanted: Vec<_> = self.market.wanted().map(|(symbol, _)| symbol).collect();
        let mut lines = self.market.in_line().filter_map(|user| self.awaited(user));
        let is_asked = lines.all(|symbol| wanted.binary_search(&symbol).is_ok());
        ensure(is_asked, "a quote that should be asked for")
    }

    /// Every answer that a name points to was given.
    fn check_names(&self) -> Result<(), SnapshotError> {
        let last = self.history.last_number();
        let is_past = |applied: &Applied| applied.answer <= last;
        ensure(self.names.values().all(is_past), "a name with an answer that never was")?;
        let has_none = |applied: &Applied| applied.answer == AnswerNumber::ZERO;
        ensure(self.dump_names.values().all(has_none), "a name with an answer that never was")?;
        let waiting = self.names.values().filter(|applied| has_none(applied)).count();
        ensure(waiting <= self.waiting.len(), "a name of a command that waits and is not there")
    }
}

fn save_trigger(trigger: &Trigger, out: &mut Vec<u8>) {
    out.push(u8::from(trigger.side == Side::Sell));
    out.extend_from_slice(&trigger.symbol.padded());
    out.extend_from_slice(&trigger.amount.get().to_le_bytes());
    out.push(u8::from(trigger.armed.is_some()));
    if let Some(armed) = &trigger.armed {
        out.extend_from_slice(&armed.price.get().to_le_bytes());
        out.extend_from_slice(&armed.number.to_le_bytes());
        put_name(out, armed.origin.source.as_bytes());
        put_id(&armed.origin.id, out);
        out.extend_from_slice(&armed.origin.time_ns.to_le_bytes());
        put_transaction(out, armed.transaction);
    }
}

fn load_armed(cursor: &mut Cursor<'_>) -> Result<Armed, SnapshotError> {
    let price = Cents::new(cursor.u64()?);
    ensure(price.is_price(), "a price beyond its limits")?;
    let number = cursor.counter()?;
    let (source, id) = (cursor.source()?, load_id(cursor)?);
    let origin = Origin { source, id, time_ns: cursor.u64()?, duplicate: false };
    Ok(Armed { price, number, origin, transaction: NonZeroU64::new(cursor.u64()?) })
}

fn save_recent(recent: &Recent, out: &mut Vec<u8>) {
    put_transaction(out, recent.transaction);
    out.extend_from_slice(&recent.at_ns.to_le_bytes());
    out.extend_from_slice(&recent.amount.get().to_le_bytes());
    out.extend_from_slice(&recent.shares.get().to_le_bytes());
    out.extend_from_slice(&recent.symbol.map_or([0; 3], Symbol::padded));
    let kind = RecentKind::ALL.iter().position(|kind| *kind == recent.kind);
    out.push(place(kind));
}

fn load_recent(cursor: &mut Cursor<'_>) -> Result<Recent, SnapshotError> {
    let transaction = NonZeroU64::new(cursor.u64()?);
    let (at_ns, amount) = (cursor.u64()?, Cents::new(cursor.u64()?));
    let shares = Shares::new(cursor.u64()?);
    let symbol = match cursor.array()? {
        [0, 0, 0] => None,
        bytes => Some(Symbol::from_padded(bytes).ok_or(BROKEN_SYMBOL)?),
    };
    let kind = RecentKind::ALL.get(usize::from(cursor.u8()?));
    let kind = *kind.ok_or(SnapshotError::Broken("a transaction of an unknown kind"))?;
    ensure(symbol.is_none() == (kind == RecentKind::Added), "a transaction of no stock")?;
    Ok(Recent { transaction, at_ns, amount, shares, symbol, kind })
}

const BROKEN_SYMBOL: SnapshotError = SnapshotError::Broken("a symbol that is none");

/// The shortest request: a source and an id of one byte, times, a command without arguments.
const REQUEST_LEN_MIN: usize = 2 + 2 + 8 + 8 + 1;

fn save_request(request: &Request, out: &mut Vec<u8>) {
    put_name(out, request.source.as_bytes());
    put_id(&request.id, out);
    out.extend_from_slice(&request.time_ns.to_le_bytes());
    put_transaction(out, request.transaction);
    let name = request.command.name();
    out.push(place(CommandName::ALL.iter().position(|one| *one == name)));
    if let Some(symbol) = request.command.symbol() {
        out.extend_from_slice(&symbol.padded());
    }
    if let Some(amount) = request.command.amount() {
        out.extend_from_slice(&amount.get().to_le_bytes());
    }
    if let Some(file) = request.command.file() {
        put_name(out, file.as_str().as_bytes());
    }
}

fn load_request(cursor: &mut Cursor<'_>, user: User) -> Result<Request, SnapshotError> {
    let (source, id) = (cursor.source()?, load_id(cursor)?);
    let (time_ns, transaction) = (cursor.u64()?, NonZeroU64::new(cursor.u64()?));
    let name = CommandName::ALL.get(usize::from(cursor.u8()?));
    let name = *name.ok_or(SnapshotError::Broken("a command that is none"))?;
    let command = load_command(cursor, name)?;
    ensure(command.check().is_ok(), "an amount beyond its limits")?;
    Ok(Request { source, id, time_ns, transaction, user, command })
}

fn load_command(cursor: &mut Cursor<'_>, name: CommandName) -> Result<Command, SnapshotError> {
    let with_symbol = |cursor: &mut Cursor<'_>, make: fn(Symbol) -> Command| {
        Ok::<_, SnapshotError>(make(Symbol::load(cursor)?))
    };
    let with_both = |cursor: &mut Cursor<'_>, make: fn(Symbol, Cents) -> Command| {
        Ok::<_, SnapshotError>(make(Symbol::load(cursor)?, Cents::new(cursor.u64()?)))
    };
    Ok(match name {
        CommandName::Add => Command::Add(Cents::new(cursor.u64()?)),
        CommandName::Quote => with_symbol(cursor, Command::Quote)?,
        CommandName::Buy => with_both(cursor, Command::Buy)?,
        CommandName::CommitBuy => Command::CommitBuy,
        CommandName::CancelBuy => Command::CancelBuy,
        CommandName::Sell => with_both(cursor, Command::Sell)?,
        CommandName::CommitSell => Command::CommitSell,
        CommandName::CancelSell => Command::CancelSell,
        CommandName::SetBuyAmount => with_both(cursor, Command::SetBuyAmount)?,
        CommandName::SetBuyTrigger => with_both(cursor, Command::SetBuyTrigger)?,
        CommandName::CancelSetBuy => with_symbol(cursor, Command::CancelSetBuy)?,
        CommandName::SetSellAmount => with_both(cursor, Command::SetSellAmount)?,
        CommandName::SetSellTrigger => with_both(cursor, Command::SetSellTrigger)?,
        CommandName::CancelSetSell => with_symbol(cursor, Command::CancelSetSell)?,
        CommandName::DumpLog => Command::DumpLog(FileName::load(cursor)?),
        CommandName::DisplaySummary => Command::DisplaySummary,
    })
}

/// The place in a list of names, as a byte.
fn place(at: Option<usize>) -> u8 {
    at.and_then(|at| u8::try_from(at).ok()).expect("the list has every one, and is short")
}

/// Writes an id as its text.
fn put_id(id: &MessageId, out: &mut Vec<u8>) {
    match id {
        MessageId::Text(text) => put_name(out, text.as_bytes()),
        MessageId::Number(_) => put_name(out, format!("{id}").as_bytes()),
    }
}

/// Reads an id; zero, which no message has, is never written.
fn load_id(cursor: &mut Cursor<'_>) -> Result<MessageId, SnapshotError> {
    let none = MessageId::Number(Seq::ZERO);
    let id = cursor.id(none)?;
    ensure(id != none, "a message without an id")?;
    Ok(id)
}

fn check_config(config: &DeskConfig, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
    if cursor.array()? != MAGIC {
        return Err(SnapshotError::NotASnapshot);
    }
    let version = cursor.u32()?;
    if version != VERSION {
        return Err(SnapshotError::UnknownVersion(version, VERSION));
    }
    let [history, names] = [cursor.u64()?, cursor.u64()?];
    let is_same = chosen(config) == [history, names];
    let other = || SnapshotError::OtherConfig(format!("a history of {history} and {names} names"));
    is_same.then_some(()).ok_or_else(other)
}

/// What was chosen, as numbers. Where there is a snapshot there is a journal, and so a log.
fn chosen(config: &DeskConfig) -> [u64; 2] {
    [config.history, config.names].map(|number| u64::try_from(number).expect("a usize fits"))
}
