//! Trader agent: a trader at its front door, with its journal and what it publishes.

use std::collections::VecDeque;

use allot_domain::{LogIndex, Reject as Core};
use allot_runtime::{
    Agent, Broadcast, BroadcastOptions, Context, Door, DoorOptions, Nanos, PollSet, RuntimeError,
    WallClock,
};
use allot_signals_rules::{
    ComponentName, Now, Period, ProblemKind, Record, Ticket, Trader, TraderEffect, TraderProblem,
    TraderReply, TraderSettings,
};

use crate::event::ProblemLog;
use crate::front::Front;
use crate::generator_agent::now;
use crate::last_values::LastValues;
use crate::limits::{HIGH_WATER, REPORT_BYTES, STATUS_BYTES_MAX, STATUSES_PER_TURN};
use crate::request::unknown_here;
use crate::{
    Event, Listener, MedianMessage, ProblemBoard, ReplyBody, Request, RequestBody, Status,
    StrategyStatus, TraderJournal, TraderState,
};

/// A trader as a thread runs it.
pub struct TraderAgent {
    machine: Trader,
    front: Front,
    topics: LastValues,
    journal: TraderJournal,
    board: ProblemBoard,
    wall: WallClock,
    listener: Listener,
    problem_log: ProblemLog,
    requests: Vec<(Ticket, Request)>,
    effects: Vec<TraderEffect>,
    /// What must not leave before the record of this index is durable.
    waiting: VecDeque<(LogIndex, TraderEffect)>,
    /// What the machine says is wrong.
    problems: Vec<TraderProblem>,
    /// Whether that has changed since it was told.
    has_changed: bool,
    /// Which version of the board was told last; none before the first time.
    told: Option<u64>,
    disk_is_full: bool,
    failure: Option<String>,
}

/// Where a trader is reached.
#[derive(Clone, Copy, Debug)]
pub struct TraderEndpoints<'a> {
    /// Its front door.
    pub listen: &'a str,
    /// What it publishes.
    pub publish: &'a str,
}

/// What a trader starts from.
pub struct TraderStart {
    /// What it was told.
    pub settings: TraderSettings,
    /// What its journal has.
    pub records: Vec<Record>,
    /// Its journal.
    pub journal: TraderJournal,
    /// What others say.
    pub board: ProblemBoard,
}

/// Publications that may wait for one subscriber: days of medians.
const PUBLICATIONS_MAX: usize = 10_000;

impl TraderAgent {
    /// Opens its two sockets.
    ///
    /// # Errors
    /// When an endpoint is taken or malformed.
    pub fn bind(
        context: &Context,
        endpoints: TraderEndpoints<'_>,
        start: TraderStart,
        wall: WallClock,
        steady: Nanos,
        listener: Listener,
    ) -> Result<Self, RuntimeError> {
        let options = DoorOptions { high_water: HIGH_WATER, ..DoorOptions::default() };
        let door = Door::bind(context, endpoints.listen, options)?;
        let options = BroadcastOptions { high_water: PUBLICATIONS_MAX };
        let broadcast = Broadcast::bind(context, endpoints.publish, options)?;
        let now = now(&wall, steady);
        let machine = match start.journal.is_none() {
            true => Trader::without_memory(start.settings, now),
            false => Trader::new(start.settings, now, start.records),
        };
        let mut topics = LastValues::new(broadcast);
        if let Some(median) = machine.last() {
            // Whoever subscribes gets the last one, as before the restart.
            let length = machine.settings().schedule.length();
            let message = MedianMessage { time: now.unix, length, median };
            topics.publish("median:", |encoding, out| message.encode(encoding, out));
        }
        Ok(Self {
            machine,
            front: Front::new(door),
            topics,
            journal: start.journal,
            board: start.board,
            wall,
            listener,
            problem_log: ProblemLog::default(),
            requests: Vec::new(),
            effects: Vec::new(),
            waiting: VecDeque::new(),
            problems: Vec::new(),
            has_changed: false,
            told: None,
            disk_is_full: false,
            failure: None,
        })
    }

    /// Where strategies connect.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.front.endpoint()
    }

    /// Where subscribers connect.
    #[must_use]
    pub fn publish_endpoint(&self) -> Option<&str> {
        self.topics.endpoint()
    }

    fn take_requests(&mut self, now: Now) -> usize {
        let mut requests = std::mem::take(&mut self.requests);
        let count = self.front.take(now, &mut requests);
        let mut statuses = 0;
        for (ticket, request) in requests.drain(..) {
            let (kind, out) = (request.kind(), &mut self.effects);
            match request.body {
                RequestBody::Register(register) => {
                    self.machine.register(now, ticket, *register, out);
                }
                RequestBody::Decision(decision) => self.machine.decide(now, ticket, decision, out),
                RequestBody::Deregister(name) => self.machine.deregister(now, ticket, name, out),
                RequestBody::Status(_) if STATUSES_PER_TURN <= statuses => {
                    self.front.reply(now, ticket, ReplyBody::of(&Core::Busy.into()));
                }
                RequestBody::Status(after) => {
                    statuses += 1;
                    let status = self.status(now, after);
                    self.front.reply(now, ticket, ReplyBody::Status(Box::new(status)));
                }
                RequestBody::Ask(_) => {
                    let takes = "a trader takes register, decision, deregister and status";
                    let reject = unknown_here(kind, takes);
                    self.front.reply(now, ticket, ReplyBody::of(&reject));
                }
            }
            self.hold(now);
        }
        self.requests = requests;
        count
    }

    /// Writes down what has to be, and holds what follows it.
    fn hold(&mut self, now: Now) {
        for effect in self.effects.drain(..) {
            match effect {
                TraderEffect::Record(record) => self.journal.append(now.unix, &record),
                TraderEffect::Problems(problems) => {
                    (self.problems, self.has_changed) = (problems, true);
                }
                effect => self.waiting.push_back((self.journal.appended(), effect)),
            }
        }
    }

    /// Lets go of what may leave; returns how much.
    fn release(&mut self, now: Now) -> usize {
        let mut count = 0;
        while self.waiting.front().is_some_and(|(index, _)| self.journal.is_durable(*index))
            && let Some((_, effect)) = self.waiting.pop_front()
        {
            count += 1;
            self.act_on(now, effect);
        }
        count
    }

    fn act_on(&mut self, now: Now, effect: TraderEffect) {
        match effect {
            TraderEffect::Reply(ticket, reply) => {
                let body = match reply {
                    TraderReply::Registered(lease, decided) => {
                        ReplyBody::Registered { lease, decided }
                    }
                    TraderReply::Taken(taken, lease) => {
                        let (instance, since) = (taken.instance, taken.since);
                        ReplyBody::Taken { instance, since, lease }
                    }
                    TraderReply::Accepted(period, duplicate) => {
                        ReplyBody::Accepted { period, duplicate }
                    }
                    TraderReply::Deregistered(name) => ReplyBody::Deregistered { name },
                    TraderReply::Rejected(reject) => ReplyBody::of(&reject),
                };
                self.front.reply(now, ticket, body);
            }
            TraderEffect::Registered(name) => (self.listener)(Event::Registered(name)),
            TraderEffect::Deregistered(name) => (self.listener)(Event::Deregistered(name)),
            TraderEffect::Median(median) => {
                let length = self.machine.settings().schedule.length();
                let message = MedianMessage { time: now.unix, length, median };
                self.topics.publish("median:", |encoding, out| message.encode(encoding, out));
                (self.listener)(Event::Median(median));
            }
            TraderEffect::Record(_) | TraderEffect::Problems(_) => {}
        }
    }

    /// What is wrong, here and with those who work for it.
    fn all_problems(&self) -> Vec<TraderProblem> {
        [self.problems.clone(), self.board.all()].concat()
    }

    fn state(&self, now: Now, problems: Vec<TraderProblem>) -> TraderState {
        let schedule = &self.machine.settings().schedule;
        let period = self.machine.period().unwrap_or_else(|| schedule.period_at(now.unix));
        TraderState::new(now.unix, period, schedule.length(), problems)
    }

    /// Says what is wrong when that has changed.
    fn tell(&mut self, now: Now) {
        let version = self.board.version();
        if !std::mem::take(&mut self.has_changed) && self.told == Some(version) {
            return;
        }
        let is_first = self.told.replace(version).is_none();
        let problems = self.all_problems();
        if !is_first || !problems.is_empty() {
            self.problem_log.change(now.steady, &problems);
            (self.listener)(Event::Problems(problems.clone()));
        }
        let state = self.state(now, problems);
        self.topics.publish("trader:", |encoding, out| state.encode(encoding, out));
    }

    /// A page of everything, from the strategy after this one on.
    fn status(&self, now: Now, after: Option<ComponentName>) -> Status {
        let mut state = self.state(now, [self.machine.problems(), self.board.all()].concat());
        state.time = now.unix;
        let strategies = self.machine.strategies();
        let rest = strategies.iter().filter(|(name, _)| after.is_none_or(|after| after < **name));
        let (mut page, mut bytes, mut more) = (Vec::new(), 0, false);
        for (name, standing) in rest {
            if STATUS_BYTES_MAX < bytes {
                more = true;
                break;
            }
            bytes += (1 + standing.reports.len()) * REPORT_BYTES;
            page.push(StrategyStatus {
                name: *name,
                instance: standing.instance,
                since: standing.since,
                heard: standing.heard,
                last: standing.decision,
                problem: self.machine.problem_of(name).cloned(),
                generators: standing.reports.clone(),
            });
        }
        Status { state, median: self.machine.last(), strategies: page, more }
    }

    /// Names the disk while it is full.
    fn look_at_the_disk(&mut self, now: Now) {
        let is_full = self.journal.is_full();
        if std::mem::replace(&mut self.disk_is_full, is_full) != is_full {
            let reason = "its disk has no room for another segment; free space on it".to_owned();
            let problem = is_full.then_some((ProblemKind::Refused, reason));
            self.board.set("journal", now.unix, problem);
        }
    }

    /// The period that the trader is in.
    #[must_use]
    pub const fn period(&self) -> Option<Period> {
        self.machine.period()
    }
}

impl Agent for TraderAgent {
    fn role(&self) -> &str {
        "trader"
    }

    fn do_work(&mut self, steady: Nanos) -> usize {
        let now = now(&self.wall, steady);
        let mut count = self.topics.greet() + self.take_requests(now);
        if self.machine.wake_at() <= now.steady {
            count += 1;
            self.machine.tick(now, &mut self.effects);
            self.hold(now);
        }
        match self.journal.turn(self.machine.records()) {
            Ok(done) => count += done,
            Err(error) => self.failure = Some(format!("the journal has failed: {error}")),
        }
        self.look_at_the_disk(now);
        count += self.release(now);
        self.tell(now);
        count
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn wake_at(&self) -> Nanos {
        Nanos::from_unix(self.machine.wake_at().get())
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.front.wait_on(poll_set);
        self.topics.wait_on(poll_set);
    }
}
