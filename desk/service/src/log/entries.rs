//! Entries: what an input and what came of it say in the log.

use core::num::NonZeroU64;

use allot_desk_rules::{
    Cents, CommandName, Firing, Input, Outcome, Outcomes, QuoteRetried, Quoted, Symbol, Told,
    Trade, User,
};
use allot_domain::Side;
use allot_wire::Rejection;

use super::entry::{Entry, Event, Hit, Subject};
use crate::request::{RefusedCommand, refused_command};

/// Makes the entries of one shard, input by input.
pub struct EntryMaker {
    shard: u32,
}

/// Where the entries of an input go, with what they have in common.
struct Page<'a> {
    shard: u32,
    /// The place of the input in the journal.
    place: NonZeroU64,
    out: &'a mut Vec<Entry>,
}

impl EntryMaker {
    /// For the shard of this number.
    #[must_use]
    pub const fn new(shard: u32) -> Self {
        Self { shard }
    }

    /// Appends the entries of an input and of its outcomes, in the order of their times. `place` is
    /// where the input stands in the journal, counted from 1. Outcomes that come in slices are
    /// given together.
    pub fn append(
        &self,
        place: NonZeroU64,
        input: &Input,
        outcomes: &Outcomes,
        out: &mut Vec<Entry>,
    ) {
        let first = out.len();
        let mut page = Page { shard: self.shard, place, out };
        page.add_input(input);
        for outcome in &outcomes.list {
            page.add_outcome(outcome);
        }
        // What was due before the input is told with it.
        out[first..].sort_by_key(|entry| entry.at_ns);
    }
}

impl EntryMaker {
    /// Appends the entries of a command that could not be read, and was refused; none where nobody
    /// can tell whose it was, or which.
    pub fn append_refused(
        &self,
        place: NonZeroU64,
        time_ns: u64,
        record: &[u8],
        rejection: &Rejection,
        out: &mut Vec<Entry>,
    ) {
        let Some(refused) = refused_command(record) else { return };
        let RefusedCommand { user, command, symbol, transaction } = refused;
        let mut page = Page { shard: self.shard, place, out };
        let subject = subject(command, Some(user), symbol, None);
        let what = format!("{}: {}", rejection.code, rejection.reason);
        page.add(time_ns, transaction, Event::UserCommand(subject.clone()));
        page.add(time_ns, transaction, Event::ErrorEvent(subject, what));
    }
}

impl Page<'_> {
    fn add(&mut self, at_ns: u64, transaction: Option<NonZeroU64>, event: Event) {
        let transaction = transaction.unwrap_or(self.place);
        self.out.push(Entry { at_ns, shard: self.shard, transaction, event });
    }

    fn add_input(&mut self, input: &Input) {
        match input {
            Input::Command(request) => {
                let subject = Subject::of(Some(request.user), &request.command);
                self.add(request.time_ns, request.transaction, Event::UserCommand(subject));
            }
            Input::DumpAll(dump) => {
                let command = CommandName::DumpLog;
                let file = Some(dump.file.clone());
                let subject = Subject { command, user: None, symbol: None, file, funds: None };
                self.add(dump.time_ns, dump.transaction, Event::UserCommand(subject));
            }
            Input::Quote(quoted) => self.add_hit(quoted),
            Input::QuoteFailed(failed) => {
                let symbol = Some(failed.symbol);
                let subject = subject(CommandName::Quote, None, symbol, None);
                let what = format!("the quote server gave no quote of {}", failed.symbol);
                self.add(failed.time_ns, None, Event::ErrorEvent(subject, what));
            }
            Input::QuoteRetried(retried) => {
                let QuoteRetried { symbol, asked_by, transaction, ref fault, time_ns } = *retried;
                let subject = subject(CommandName::Quote, None, Some(symbol), None);
                let what = format!(
                    "no quote of {symbol}, which was asked for in the name of {asked_by}: {fault}; \
                     it is asked for again"
                );
                self.add(time_ns, transaction, Event::ErrorEvent(subject, what));
            }
            Input::Marker(_) | Input::Tick(_) => {}
        }
    }

    fn add_hit(&mut self, quoted: &Quoted) {
        let hit = Hit {
            price: quoted.price,
            symbol: quoted.symbol,
            user: quoted.asked_by,
            server_time_ms: quoted.server_time_ms,
            cryptokey: quoted.cryptokey.clone(),
        };
        self.add(quoted.time_ns, quoted.transaction, Event::QuoteServer(hit));
    }

    fn add_outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Answered { told, .. } if told.origin.duplicate => self.add_repeat(told),
            Outcome::Awaiting { told, .. } if told.origin.duplicate => self.add_repeat(told),
            Outcome::Rejected { told, .. } if told.origin.duplicate => self.add_repeat(told),
            Outcome::Rejected { told, reject } => {
                let subject = Subject::of(told.user, &told.command);
                let what = format!("{}: {reject}", reject.code());
                self.add(told.at_ns, told.transaction, Event::ErrorEvent(subject, what));
            }
            Outcome::Expired { user, transaction, trade, at_ns } => {
                self.add(*at_ns, *transaction, Event::SystemEvent(expired(*user, trade)));
            }
            Outcome::Fired(firing) => {
                let event = Event::SystemEvent(fired(firing));
                self.add(firing.at_ns, firing.transaction, event);
            }
            _ => {}
        }
        for change in outcome.cash_changes().into_iter().flatten() {
            let (action, user, funds) = (change.action, change.user, change.amount);
            let event = Event::AccountTransaction { action, user, funds };
            self.add(change.at_ns, change.transaction, event);
        }
    }

    fn add_repeat(&mut self, told: &Told) {
        let subject = Subject::of(told.user, &told.command);
        let what = "sent again: told again what it was told, and not applied twice".to_owned();
        self.add(told.at_ns, told.transaction, Event::DebugEvent(subject, what));
    }
}

/// An order that expired: as if its user had cancelled it.
fn expired(user: User, trade: &Trade) -> Subject {
    let command = match trade.side {
        Side::Buy => CommandName::CancelBuy,
        Side::Sell => CommandName::CancelSell,
    };
    subject(command, Some(user), Some(trade.symbol), Some(trade.amount()))
}

/// A trigger that fired, and for how much.
fn fired(firing: &Firing) -> Subject {
    let command = match firing.side {
        Side::Buy => CommandName::SetBuyTrigger,
        Side::Sell => CommandName::SetSellTrigger,
    };
    subject(command, Some(firing.user), Some(firing.symbol), Some(firing.amount))
}

const fn subject(
    command: CommandName,
    user: Option<User>,
    symbol: Option<Symbol>,
    funds: Option<Cents>,
) -> Subject {
    Subject { command, user, symbol, file: None, funds }
}
