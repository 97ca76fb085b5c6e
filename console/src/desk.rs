//! A desk, as the pages reach it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use allot_desk_rules::{Command, User};
use allot_desk_service::Request;
use allot_domain::{Seq, SourceId};
use allot_runtime::{Clock, Nanos};

use crate::caller::{Answer, Caller, NoAnswer};
use crate::desk_book::{DeskBook, DeskTold};
use crate::desk_front::{DeskFront, SOURCE_PREFIX};
use crate::desk_look::{DeskLooks, Look, Looked};
use crate::desk_reply::{DeskAccount, DeskReply};
use crate::guard::Person;
use crate::limits::DESK_USER_LEN_MAX;

/// Where its front door is, and what its users have sent.
pub(crate) struct Desk {
    pub(crate) caller: Caller<DeskFront>,
    pub(crate) book: DeskBook,
    /// Where the server writes the files of logs, if this console can read them.
    pub(crate) logs: Option<PathBuf>,
    looks: DeskLooks,
    last_seq: AtomicU64,
}

/// A person who trades: the user of the desk, and the source of their commands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeskTrader {
    pub(crate) user: User,
    source: SourceId,
}

impl DeskTrader {
    /// The trader that a person is; none where the desk can have no user of that name.
    pub(crate) fn of(person: &Person) -> Option<Self> {
        let name = person.name.as_ref().filter(|name| name.len() <= DESK_USER_LEN_MAX)?;
        let user = User::new(name.as_bytes()).ok()?;
        let source = SourceId::new(format!("{SOURCE_PREFIX}{name}").as_bytes()).ok()?;
        Some(Self { user, source })
    }

    /// A command of theirs.
    pub(crate) const fn request(&self, seq: Seq, command: Command) -> Request {
        let Self { user, source } = *self;
        let (id, time_ns) = (allot_domain::MessageId::Number(seq), 0);
        let transaction = None;
        Request::Command(allot_desk_rules::Request {
            source,
            id,
            time_ns,
            transaction,
            user,
            command,
        })
    }
}

impl Desk {
    /// A desk behind this caller.
    pub(crate) fn new(caller: Caller<DeskFront>, book: DeskBook, logs: Option<PathBuf>) -> Self {
        Self { caller, book, logs, looks: DeskLooks::default(), last_seq: AtomicU64::new(0) }
    }

    /// A number for a command that no other has: the time, or the next one.
    pub(crate) fn next_seq(&self, now: Nanos) -> Seq {
        let next = |last: u64| Some(now.as_unix().max(last + 1));
        let last = self.last_seq.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let last = last.unwrap_or_else(|last| last);
        Seq::new(now.as_unix().max(last + 1))
    }

    /// Looks at the account of a trader, as it was some seconds ago at the most: the journal of the
    /// desk keeps each look, so looking often asks once.
    pub(crate) async fn look_again(
        &self,
        trader: &DeskTrader,
        clock: &Clock,
    ) -> Result<Looked, String> {
        let user = trader.user.as_str();
        let look = self.looks.of(user);
        // Whoever looks at the same time waits for the same answer.
        let mut last = look.last.lock().await;
        let (now, happened) = (clock.now(), (look.sent(), self.book.changes(user)));
        // A desk that is away is said to be away.
        if self.caller.is_connected()
            && let Some(looked) = last.at(now, happened)
        {
            return Ok(looked);
        }
        let looked = self.look(trader, now).await?;
        // What came to the account after it was asked for may be missing.
        *last = Look::new(looked.clone(), clock.now(), happened);
        Ok(looked)
    }

    /// Looks at the account of a trader as it is now.
    pub(crate) async fn look(&self, trader: &DeskTrader, now: Nanos) -> Result<Looked, String> {
        let command = trader.request(self.next_seq(now), Command::DisplaySummary);
        match self.caller.ask(command).await {
            Ok(reply) if reply.code == "unknown_user" => {
                let cash = "0.00".to_owned();
                let account = DeskAccount {
                    held: cash.clone(),
                    reserved: cash.clone(),
                    ..DeskAccount::default()
                };
                Ok(Looked { cash, account, is_open: false })
            }
            Ok(reply) if reply.is_refused() => Err(crate::board::sentence_of(&reply.reason)),
            Ok(reply) => Ok(Looked { cash: reply.cash, account: reply.account, is_open: true }),
            Err(none) => Err(no_answer(&none)),
        }
    }

    /// Sends a command, and notes what comes of it.
    pub(crate) async fn send(
        &self,
        trader: &DeskTrader,
        seq: Seq,
        command: Command,
    ) -> Answer<DeskReply> {
        let user = trader.user.as_str();
        let answer = self.caller.ask(trader.request(seq, command)).await;
        self.looks.of(user).note_sent();
        match &answer {
            Ok(reply) => self.book.tell(user, seq, reply),
            Err(none) => {
                let is_unanswered = !matches!(none, NoAnswer::Awaiting(_));
                let mut text = no_answer(none);
                if matches!(none, NoAnswer::Late(_)) {
                    text.push_str(
                        " The command may have been done or not. Sent again it is the same one, \
                         and counts once.",
                    );
                }
                let is_refused = is_unanswered;
                let told = DeskTold { text, is_refused, is_unanswered, ..DeskTold::default() };
                self.book.note(user, seq, told);
            }
        }
        answer
    }
}

/// Why there is no answer, and what to do.
pub(crate) fn no_answer(none: &NoAnswer) -> String {
    match none {
        NoAnswer::Full => "Too many requests wait: try again in a moment.".to_owned(),
        NoAnswer::Awaiting(symbol) => format!(
            "It waits for a quote of {symbol}. When that comes it is done or refused, and this \
             page says so."
        ),
        NoAnswer::Late(said) => {
            let said = said.as_ref().map_or_else(String::new, |said| {
                format!(" It said: {}", crate::board::sentence_of(said))
            });
            format!("The desk did not reply in time.{said}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::Role;

    #[test]
    fn a_trader_is_the_user_of_the_same_name() {
        let person = |name: &str| Person {
            name: Some(name.to_owned()),
            role: Role::Trader,
            accounts: Vec::new(),
            token: None,
        };
        let trader = DeskTrader::of(&person("ben")).unwrap();
        let request = trader.request(Seq::new(7), Command::CommitBuy);
        assert_eq!((request.source().as_str(), request.seq()), ("console.ben", Seq::new(7)));
        assert!(DeskTrader::of(&person(&"x".repeat(33))).is_none());
        assert!(DeskTrader::of(&person("a,b")).is_none());
    }
}
