//! A script: inputs as a person writes them, and outcomes as a person reads them.

use std::fmt::Write;
use std::num::NonZeroU64;

use allot_desk_rules::limits::SECOND_NS;
use allot_desk_rules::{
    AccountView, Accounts, Answer, Cents, Command, DeskConfig, DumpAll, Firing, Input, Line,
    Outcome, Outcomes, QuoteFailed, Quoted, Reject, Request, Shares, Symbol, Tick, Told, User,
};
use allot_domain::{Machine, Marker, MessageId, Seq, Side, SourceId};

/// A shard, and what is given to it: every message has a name of its own.
pub(crate) struct Script {
    pub(crate) accounts: Accounts,
    pub(crate) time_ns: u64,
    number: u64,
}

pub(crate) fn user(text: &str) -> User {
    User::new(text.as_bytes()).unwrap()
}

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::new(text.as_bytes()).unwrap()
}

pub(crate) fn source() -> SourceId {
    SourceId::new(b"front").unwrap()
}

pub(crate) fn quoted(symbol: Symbol, price: Cents, time_ns: u64) -> Input {
    Input::Quote(Quoted {
        symbol,
        price,
        server_time_ms: 0,
        cryptokey: "key".into(),
        asked_by: user("u"),
        transaction: None,
        time_ns,
    })
}

/// A command as a message with this number.
pub(crate) fn request(line: Line, number: u64, time_ns: u64) -> Input {
    let (source, id) = (source(), MessageId::Number(Seq::new(number)));
    let Line { transaction, user, command } = line;
    match (user, command) {
        (Some(user), command) => {
            Input::Command(Request { source, id, time_ns, transaction, user, command })
        }
        (None, Command::DumpLog(file)) => {
            Input::DumpAll(DumpAll { source, id, time_ns, transaction, file })
        }
        (None, _) => unreachable!("every other command has a user"),
    }
}

impl Script {
    pub(crate) fn new(config: DeskConfig) -> Self {
        Self { accounts: Accounts::new(config), time_ns: 0, number: 0 }
    }

    /// Applies a line; what came of it, as text.
    pub(crate) fn run(&mut self, line: &str) -> String {
        match self.input(line) {
            Ok(input) => self.apply(&input),
            Err(reject) => format!("refused {}", reject.code()),
        }
    }

    /// The input of a line.
    pub(crate) fn input(&mut self, line: &str) -> Result<Input, Reject> {
        let mut words: Vec<_> = line.split_whitespace().collect();
        if let ["at", seconds, ..] = words.as_slice() {
            self.time_ns = nanos(seconds);
            words.drain(..2);
        }
        let time_ns = self.time_ns;
        Ok(match words.as_slice() {
            ["quote", of, price] => quoted(symbol(of), Cents::parse(price)?, time_ns),
            ["fail", of] => Input::QuoteFailed(QuoteFailed { symbol: symbol(of), time_ns }),
            ["tick"] => Input::Tick(Tick { time_ns }),
            ["mark"] => Input::Marker(Marker { number: 1, time_ns, report: false }),
            ["again", rest @ ..] => request(Line::parse(&rest.join(" "))?, self.number, time_ns),
            rest => {
                self.number += 1;
                request(Line::parse(&rest.join(" "))?, self.number, time_ns)
            }
        })
    }

    pub(crate) fn apply(&mut self, input: &Input) -> String {
        let mut outcomes = Outcomes::default();
        self.accounts.apply_whole(input, &mut outcomes);
        let is_told = |one: &&Outcome| !matches!(one, Outcome::Due(_));
        let told = outcomes.list.iter().filter(is_told);
        let texts: Vec<_> = told.map(|one| outcome(input, one)).collect();
        texts.join("; ")
    }
}

fn nanos(seconds: &str) -> u64 {
    let (whole, millis) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let millis: u64 = format!("{millis:0<3}").parse().unwrap();
    whole.parse::<u64>().unwrap() * SECOND_NS + millis * (SECOND_NS / 1_000)
}

/// An outcome as text; whose it is, where that is not the input.
pub(crate) fn outcome(input: &Input, outcome: &Outcome) -> String {
    let prefix = outcome.told().map_or(String::new(), |told| whose(input, told));
    prefix
        + &match outcome {
            Outcome::Answered { answer, .. } => self::answer(answer),
            Outcome::Awaiting { symbol, .. } => format!("awaits {symbol}"),
            Outcome::Rejected { reject, .. } => format!("refused {}", reject.code()),
            Outcome::Expired { user, trade, .. } => format!(
                "{user} expired {} {} {} @ {}",
                trade.side, trade.shares, trade.symbol, trade.price
            ),
            Outcome::Fired(firing) => fired(firing),
            Outcome::Disarmed { user, side, symbol, trigger, .. } => {
                format!("{user} disarmed {side} {symbol} {trigger}")
            }
            Outcome::Wanted(wanted) => format!("wants {}", wanted.symbol),
            Outcome::Due(due_ns) => format!("due {due_ns}"),
        }
}

fn whose(input: &Input, told: &Told) -> String {
    let is_own = match input {
        Input::Command(request) => request.id == told.origin.id,
        Input::DumpAll(_) => true,
        _ => false,
    };
    let mut text = String::new();
    if !is_own || told.late {
        let user = told.user.expect("a request to all never waits");
        write!(text, "{user} {}: ", told.command.name()).unwrap();
    }
    if told.origin.duplicate {
        text += "again: ";
    }
    text
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Added { cash } => format!("cash {cash}"),
        Answer::Quoted { price, .. } => format!("price {price}"),
        Answer::Pending { trade, .. } => format!("pending {} @ {}", trade.shares, trade.price),
        Answer::Committed(trade) => {
            let done = if trade.side == Side::Buy { "bought" } else { "sold" };
            format!("{done} {} {} @ {}", trade.shares, trade.symbol, trade.price)
        }
        Answer::Cancelled(trade) => {
            format!("cancelled {} {} @ {}", trade.shares, trade.symbol, trade.price)
        }
        Answer::AmountSet { before, shares } => {
            let mut text = "set".to_owned();
            if Cents::ZERO < *before {
                write!(text, " before {before}").unwrap();
            }
            text + &reserved(*shares)
        }
        Answer::Armed { amount, shares } => format!("armed {amount}{}", reserved(*shares)),
        Answer::SetCancelled { amount, shares } => format!("unset {amount}{}", reserved(*shares)),
        Answer::LogDumped => "dumped".to_owned(),
        Answer::Summary(_) => "summary".to_owned(),
        Answer::Forgotten => "applied".to_owned(),
    }
}

fn reserved(shares: Shares) -> String {
    if shares == Shares::ZERO { String::new() } else { format!(" reserves {shares}") }
}

fn fired(firing: &Firing) -> String {
    let Firing { user, side, symbol, price, shares, cash_back, shares_back, .. } = firing;
    let mut text = format!("{user} fired {side} {shares} {symbol} @ {price}");
    if Cents::ZERO < *cash_back {
        write!(text, " back {cash_back}").unwrap();
    }
    if Shares::ZERO < *shares_back {
        write!(text, " back {shares_back} shares").unwrap();
    }
    text
}

/// The account of a user in one line.
pub(crate) fn account(account: &AccountView<'_>) -> String {
    let balance = account.balance();
    let mut text = format!("cash {}", balance.cash);
    for (name, part) in [("held", balance.held), ("reserved", balance.reserved)] {
        if Cents::ZERO < part {
            write!(text, " {name} {part}").unwrap();
        }
    }
    for holding in account.holdings() {
        write!(text, ", {} {}", holding.symbol, holding.free).unwrap();
        if Shares::ZERO < holding.reserved {
            write!(text, "+{}", holding.reserved).unwrap();
        }
    }
    for order in account.orders(Side::Buy).chain(account.orders(Side::Sell)) {
        let trade = order.trade;
        write!(text, ", {} {} {}", trade.side, trade.shares, trade.symbol).unwrap();
    }
    for trigger in account.triggers() {
        let armed = trigger.armed.as_ref().map(|armed| format!(" at {}", armed.price));
        let armed = armed.unwrap_or_default();
        write!(text, ", set {} {} {}{armed}", trigger.side, trigger.symbol, trigger.amount)
            .unwrap();
    }
    let waiting = account.waiting().count();
    if 0 < waiting {
        write!(text, ", {waiting} waiting").unwrap();
    }
    text
}

/// A number of a transaction.
pub(crate) fn transaction(number: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(number)
}
