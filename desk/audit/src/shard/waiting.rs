//! Waiting: who must wait for which quote, and when each goes on.

use allot_desk_rules::limits::{
    WAIT_NS, WAITING_BYTES_MAX, WAITING_LEN, WAITING_MAX, WAITING_USER_MAX,
};
use allot_desk_rules::{Answer, Outcome, Reject, Request, Symbol, User, Waiters, Wanted};

use super::{Applied, Shard, Stop, said};
use crate::account::Waiting;

impl Shard {
    pub(super) fn wait_behind(&mut self, request: &Request) {
        let account = self.account(request.user);
        let symbol = account.awaited().expect("the oldest waits for a quote");
        let checked = if WAITING_USER_MAX <= account.waiting.len() {
            Err(Reject::TooManyWaiting(Waiters::User))
        } else {
            self.check_room(request)
        };
        match checked {
            Ok(()) => self.wait(request, symbol),
            Err(reject) => self.refuse(request, reject, false),
        }
    }

    pub(super) fn wait_for(&mut self, request: &Request, symbol: Symbol) {
        if let Err(reject) = self.check_room(request) {
            return self.refuse(request, reject, false);
        }
        self.wait(request, symbol);
        self.stand_in_line(request, symbol);
    }

    pub(super) fn check_room(&self, request: &Request) -> Result<(), Reject> {
        let bytes = (self.patience.len() + 1) * WAITING_LEN + self.file_bytes + file_len(request);
        let has_room = self.patience.len() < WAITING_MAX && bytes <= WAITING_BYTES_MAX;
        if has_room { Ok(()) } else { Err(Reject::TooManyWaiting(Waiters::Shard)) }
    }

    fn wait(&mut self, request: &Request, symbol: Symbol) {
        self.counted += 1;
        let (number, until_ns) = (self.counted, self.now_ns.saturating_add(WAIT_NS));
        let waiting = Waiting { number, request: request.clone(), until_ns };
        self.account(request.user).waiting.push_back(waiting);
        self.patience.insert((until_ns, number, request.user));
        self.file_bytes += file_len(request);
        let applied = Applied { said: said(request), answer: None };
        self.names.mark((request.source, Some(request.user), request.id), applied);
        let told = self.told(request, false);
        self.out.list.push(Outcome::Awaiting { told, symbol });
    }

    fn stand_in_line(&mut self, request: &Request, symbol: Symbol) {
        self.market.lines.entry(symbol).or_default().push(request.user);
        let (user, transaction) = (request.user, request.transaction);
        if self.market.want(symbol, user, transaction) {
            self.out.list.push(Outcome::Wanted(Wanted { symbol, user, transaction }));
        }
    }

    fn leave_line(&mut self, user: User) {
        let symbol = self.account(user).awaited().expect("who waits waits for a quote");
        let line = self.market.lines.get_mut(&symbol).expect("it is in the line");
        line.retain(|other| *other != user);
        if line.is_empty() {
            self.market.lines.remove(&symbol);
        }
    }

    /// A quote could not be had: those who wait for it are refused.
    pub(super) fn fail(&mut self, symbol: Symbol) {
        self.market.fail(symbol, self.now_ns);
        self.failed = Some(symbol);
        self.release(symbol);
        self.failed = None;
    }

    /// Those who wait for a quote go on, one after the other.
    pub(super) fn release(&mut self, symbol: Symbol) {
        while let Some(user) = self.market.lines.get(&symbol).and_then(|line| line.first()) {
            let user = *user;
            self.leave_line(user);
            self.go_on(user);
        }
    }

    /// The oldest waiting command of a user is refused, and the user goes on.
    pub(super) fn give_up(&mut self, user: User) {
        let symbol = self.account(user).awaited().expect("who waits waits for a quote");
        self.leave_line(user);
        let request = self.take(user);
        self.settle(&request, Err(Reject::QuoteTimeout(symbol)));
        self.refuse(&request, Reject::QuoteTimeout(symbol), true);
        self.go_on(user);
    }

    fn take(&mut self, user: User) -> Request {
        let waiting = self.account(user).waiting.pop_front().expect("one waits");
        self.patience.remove(&(waiting.until_ns, waiting.number, user));
        self.file_bytes -= file_len(&waiting.request);
        waiting.request
    }

    /// What a command that waited is told is kept under its name, if that is still known.
    fn settle(&mut self, request: &Request, told: Result<Answer, Reject>) {
        let number = self.keep(request, told);
        let name = (request.source, Some(request.user), request.id);
        if let Some(applied) = self.names.get_mut(&name) {
            applied.answer = Some(number);
        }
    }

    /// A user goes on until the next quote is missing.
    fn go_on(&mut self, user: User) {
        while let Some(waiting) = self.account(user).waiting.front() {
            let request = waiting.request.clone();
            let mut disarmed = None;
            match self.execute(&request, &mut disarmed) {
                Ok(answer) => {
                    self.take(user);
                    self.settle(&request, Ok(answer));
                    self.tell(&request, answer, true);
                    self.follow_up(&request, disarmed);
                }
                Err(Stop::Reject(reject)) => {
                    self.take(user);
                    self.settle(&request, Err(reject.clone()));
                    self.refuse(&request, reject, true);
                }
                Err(Stop::Needs(symbol)) => return self.stand_in_line(&request, symbol),
            }
        }
    }
}

fn file_len(request: &Request) -> usize {
    request.command.file().map_or(0, |file| file.as_str().len())
}
