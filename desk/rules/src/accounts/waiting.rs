//! Waiting: commands that need a quote, and those of the same user behind them.

use allot_domain::Standing;

use super::{Accounts, Aftermath, Stop, name_of};
use crate::account::UserIndex;
use crate::applied::Applied;
use crate::chains::SlotId;
use crate::history::AnswerNumber;
use crate::limits::{WAIT_NS, WAITING_BYTES_MAX, WAITING_LEN, WAITING_MAX, WAITING_USER_MAX};
use crate::market::Asked;
use crate::{Answer, Outcome, Outcomes, Reject, Request, Symbol, Waiters, Wanted};

/// A command that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) user: UserIndex,
    pub(super) request: Request,
    /// When it is given up: nanoseconds of Unix time.
    pub(super) until_ns: u64,
}

const _: () = assert!(size_of::<Waiting>() <= WAITING_LEN);

/// What a command counts for in bytes while it waits.
fn bytes_of(request: &Request) -> usize {
    WAITING_LEN + request.command.file().map_or(0, |file| file.as_str().len())
}

impl Accounts {
    /// A command waits behind another one of its user.
    pub(super) fn wait_behind(
        &mut self,
        at: UserIndex,
        request: &Request,
        outcomes: &mut Outcomes,
    ) {
        if WAITING_USER_MAX <= self.accounts[at.index()].waiting.len() {
            let reject = Reject::TooManyWaiting(Waiters::User);
            return self.reject(request, reject, false, outcomes);
        }
        let symbol = self.awaited(at).expect("the oldest waits for a quote");
        match self.check_room_to_wait(request) {
            Ok(()) => self.wait(at, request, symbol, outcomes),
            Err(reject) => self.reject(request, reject, false, outcomes),
        }
    }

    /// A command waits for a quote.
    pub(super) fn wait_for(
        &mut self,
        at: UserIndex,
        request: &Request,
        symbol: Symbol,
        outcomes: &mut Outcomes,
    ) {
        if let Err(reject) = self.check_room_to_wait(request) {
            return self.reject(request, reject, false, outcomes);
        }
        self.wait(at, request, symbol, outcomes);
        self.stand_in_line(at, request, symbol, outcomes);
    }

    pub(super) fn check_room_to_wait(&self, request: &Request) -> Result<(), Reject> {
        let bytes = self.waiting_bytes + bytes_of(request);
        let has_room = self.waiting.len() < WAITING_MAX && bytes <= WAITING_BYTES_MAX;
        has_room.then_some(()).ok_or(Reject::TooManyWaiting(Waiters::Shard))
    }

    fn wait(&mut self, at: UserIndex, request: &Request, symbol: Symbol, outcomes: &mut Outcomes) {
        let until_ns = self.now_ns.saturating_add(WAIT_NS);
        self.push_waiting(at, request.clone(), until_ns);
        let applied = Applied { content: request.content(), answer: AnswerNumber::ZERO };
        self.names.store(name_of(request, at), applied);
        let told = self.told(request, false);
        outcomes.list.push(Outcome::Awaiting { told, symbol });
    }

    pub(super) fn push_waiting(&mut self, at: UserIndex, request: Request, until_ns: u64) {
        self.waiting_bytes += bytes_of(&request);
        let waiting = Waiting { user: at, request, until_ns };
        self.waiting.push(&mut self.accounts[at.index()].waiting, waiting);
    }

    /// The user waits for the quote of a stock from here on; it is asked for once.
    fn stand_in_line(
        &mut self,
        at: UserIndex,
        request: &Request,
        symbol: Symbol,
        outcomes: &mut Outcomes,
    ) {
        let place = self.market.queue(symbol, at);
        self.accounts[at.index()].place = place;
        let (user, transaction) = (request.user, request.transaction);
        if self.market.want(symbol, Asked { user: at, transaction }) {
            outcomes.list.push(Outcome::Wanted(Wanted { symbol, user, transaction }));
        }
    }

    /// The quote that a user waits for: its oldest command needs one.
    pub(super) fn awaited(&self, at: UserIndex) -> Option<Symbol> {
        let oldest = self.waiting.oldest_of(&self.accounts[at.index()].waiting);
        oldest.and_then(|(_, waiting)| waiting.request.command.symbol())
    }

    /// The user is not in a line any more.
    pub(super) fn leave_line(&mut self, at: UserIndex) {
        let symbol = self.awaited(at).expect("who stands in line waits for a quote");
        let account = &mut self.accounts[at.index()];
        self.market.leave(symbol, account.place);
        account.place = SlotId::NONE;
    }

    /// The oldest command of all has waited too long.
    pub(super) fn give_up(&mut self, outcomes: &mut Outcomes) {
        let (id, waiting) = self.waiting.oldest().expect("something is due");
        let at = waiting.user;
        assert!(id == self.accounts[at.index()].waiting.oldest, "who waits longest is first");
        let symbol = self.awaited(at).expect("the oldest waits for a quote");
        self.leave_line(at);
        let request = self.take_waiting(at);
        let reject = Reject::QuoteTimeout(symbol);
        self.settle(at, &request, Err(reject.clone()));
        self.reject(&request, reject, true, outcomes);
        self.running = Some(at);
    }

    /// Takes out the oldest waiting command of a user.
    fn take_waiting(&mut self, at: UserIndex) -> Request {
        let ends = &mut self.accounts[at.index()].waiting;
        let Waiting { request, .. } = self.waiting.remove(ends, ends.oldest);
        self.waiting_bytes -= bytes_of(&request);
        request
    }

    /// A command that waited is told something: its name has that from now on.
    fn settle(&mut self, at: UserIndex, request: &Request, told: Result<Answer, Reject>) {
        assert!(told.as_ref().err().is_none_or(Reject::is_final), "who waited had room");
        let number = self.keep(request, told);
        // A name that is forgotten meanwhile stays so.
        if let Standing::Known(entry) = self.names.look(name_of(request, at)) {
            self.names.get_mut(entry).answer = number;
        }
    }

    /// Goes on with the oldest waiting command of a user, who is in no line.
    pub(super) fn run(&mut self, at: UserIndex, outcomes: &mut Outcomes) {
        let Some((_, waiting)) = self.waiting.oldest_of(&self.accounts[at.index()].waiting) else {
            self.running = None;
            return;
        };
        let request = waiting.request.clone();
        let mut aftermath = Aftermath::default();
        match self.execute(at, &request, &mut aftermath, outcomes) {
            Ok(answer) => {
                self.take_waiting(at);
                self.settle(at, &request, Ok(answer));
                self.answer(at, &request, answer, true, outcomes);
                self.follow_up(at, &aftermath, outcomes);
            }
            Err(Stop::Reject(reject)) => {
                self.take_waiting(at);
                self.settle(at, &request, Err(reject.clone()));
                self.reject(&request, reject, true, outcomes);
            }
            Err(Stop::Needs(symbol)) => {
                self.running = None;
                self.stand_in_line(at, &request, symbol, outcomes);
            }
        }
    }
}
