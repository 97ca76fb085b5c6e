//! Trader agent: a trader at its front door, with its journal and what it publishes.

use std::collections::VecDeque;
use std::time::Duration;

use allot_domain::{LogIndex, Reject as Core};
use allot_runtime::{
    Agent, Broadcast, BroadcastOptions, Context, Door, DoorOptions, Nanos, PollSet, RuntimeError,
    StopRequest, Transport, WallClock,
};
use allot_signals_rules::{
    ComponentName, Median, Now, OrderEnd, Period, ProblemKind, Record, Steady, Ticket, Trader,
    TraderEffect, TraderProblem, TraderReply, TraderSettings,
};

use crate::event::ProblemLog;
use crate::front::Front;
use crate::generator_agent::now;
use crate::last_values::LastValues;
use crate::limits::{
    HIGH_WATER, REPORT_BYTES, STALLED_AFTER, STATUS_BYTES_MAX, STATUSES_PER_TURN,
    TRADER_STOP_WITHIN,
};
use crate::request::unknown_here;
use crate::{
    Event, Listener, MedianMessage, OrderPort, ProblemBoard, ReplyBody, Request, RequestBody,
    Status, StrategyStatus, TraderJournal, TraderState,
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
    orders: Option<OrderPort>,
    /// Orders that were not sent and will not be: how many, and the period of the first.
    unsent: Option<(usize, Period)>,
    /// The last median that is durable.
    last: Option<Median>,
    /// A median that became durable after its period, and since then no two in time.
    late: Option<Period>,
    /// What is durable, and since when it is that or everything.
    durable: (LogIndex, Steady),
    /// What was said of the disk.
    disk_problem: Option<(ProblemKind, String)>,
    stop: StopRequest,
    /// Until when a trader that is stopped waits.
    stop_at: Option<Steady>,
    has_stopped: bool,
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
    /// Who sends its orders, if there are any.
    pub orders: Option<OrderPort>,
    /// What stops it cleanly.
    pub stop: StopRequest,
}

/// The name of orders that were not sent, among the components.
const UNSENT: &str = "unsent-orders";

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
        let transport = Transport::Libzmq;
        let options = DoorOptions { high_water: HIGH_WATER, transport, ..DoorOptions::default() };
        let door = Door::bind(context, endpoints.listen, options)?;
        let options = BroadcastOptions {
            high_water: PUBLICATIONS_MAX,
            transport,
            ..BroadcastOptions::default()
        };
        let broadcast = Broadcast::bind(context, endpoints.publish, options)?;
        let now = now(&wall, steady);
        let has_published = start.records.iter().any(|one| matches!(one, Record::Median(_)));
        let machine = match has_published {
            true => Trader::new(start.settings, now, start.records),
            false => Trader::without_memory(start.settings, now, start.records),
        };
        let last = machine.last();
        let mut topics = LastValues::new(broadcast);
        if let Some(median) = last {
            // Whoever subscribes gets the last one, as before the restart.
            let length = machine.settings().schedule.length();
            let message = MedianMessage { time: now.unix, length, median };
            topics.publish("median:", |encoding, out| message.encode(encoding, out));
        }
        let mut agent = Self {
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
            orders: start.orders,
            unsent: None,
            last,
            late: None,
            durable: (LogIndex::ZERO, now.steady),
            disk_problem: None,
            stop: start.stop,
            stop_at: None,
            has_stopped: false,
            failure: None,
        };
        agent.begin_orders(now);
        Ok(agent)
    }

    /// Sends again what has no reply, to the target that it is owed to; what is owed to another one
    /// is named, and not sent.
    fn begin_orders(&mut self, now: Now) {
        let target = self.orders.as_ref().map(|port| port.target.clone());
        let dropped = self.machine.order_to(now, target, &mut self.effects);
        self.hold(now);
        let why = match self.orders {
            Some(_) => "owed to another target than --orders gives",
            None => "owed to a target, and started without --orders",
        };
        self.note_unsent(now, &dropped, why);
        if let Some(port) = &mut self.orders {
            self.machine.owed().for_each(|median| (port.send)(median));
        }
    }

    /// Names orders that were not sent.
    fn note_unsent(&mut self, now: Now, periods: &[Period], why: &str) {
        let [.., last] = periods else { return };
        let (before, first) = self.unsent.unwrap_or((0, periods[0]));
        let count = before + periods.len();
        self.unsent = Some((count, first));
        let reason = format!("not sent: {}: {why}", orders_text(count, first, *last));
        self.board.set(UNSENT, now.unix, Some((ProblemKind::Refused, reason)));
    }

    /// Orders go out again, or medians where there are none: those that were not sent are in the
    /// log, and nothing is wrong any more.
    fn forget_unsent(&mut self, now: Now) {
        if self.unsent.take().is_some() {
            self.board.set(UNSENT, now.unix, None);
        }
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
            TraderEffect::Median(median) => self.publish(now, median),
            TraderEffect::Record(_) | TraderEffect::Problems(_) => {}
        }
    }

    /// Publishes and orders a median that is durable. Of a period that is over it does neither.
    fn publish(&mut self, now: Now, median: Median) {
        let Median { period, .. } = median;
        let schedule = &self.machine.settings().schedule;
        self.last = Some(median);
        if period < schedule.period_at(now.unix) {
            self.late = Some(period);
            tracing::warn!(%period, "a median was durable too late; it is not published");
            self.machine.end_order(now, period, OrderEnd::NotSent, &mut self.effects);
            return self.hold(now);
        }
        // One in time between two that are late is no disk that keeps up.
        self.late = self.late.filter(|late| period <= late.next());
        let message = MedianMessage { time: now.unix, length: schedule.length(), median };
        self.topics.publish("median:", |encoding, out| message.encode(encoding, out));
        (self.listener)(Event::Median(median));
        let is_owed = self.machine.owed().any(|owed| owed.period == period);
        match &mut self.orders {
            Some(port) if is_owed => (port.send)(median),
            Some(_) => self.note_unsent(now, &[period], "too many others have no reply"),
            None => self.forget_unsent(now),
        }
    }

    /// Writes down which orders have ended.
    fn take_ended_orders(&mut self, now: Now) -> usize {
        let Some(port) = &self.orders else { return 0 };
        let ended: Vec<_> = port.ended.try_iter().collect();
        for (period, end) in &ended {
            self.machine.end_order(now, *period, *end, &mut self.effects);
        }
        if ended.iter().any(|(_, end)| *end == OrderEnd::Replied) {
            self.forget_unsent(now);
        }
        self.hold(now);
        ended.len()
    }

    /// Ends when everything is durable and each order has its reply, or when that takes too long.
    fn stop_when_done(&mut self, now: Now) {
        let stop_at = *self.stop_at.get_or_insert(now.steady + TRADER_STOP_WITHIN);
        let owed: Vec<_> = self.machine.owed().map(|median| median.period).collect();
        let is_durable = self.journal.is_durable(self.journal.appended());
        if self.has_stopped || self.failure.is_some() {
            return;
        }
        if is_durable && self.waiting.is_empty() && owed.is_empty() {
            self.has_stopped = true;
            return (self.listener)(Event::Stopped);
        }
        if now.steady < stop_at {
            return;
        }
        let mut reasons = Vec::new();
        if !is_durable {
            let within = TRADER_STOP_WITHIN.as_secs();
            reasons.push(format!("its disk made nothing durable within {within} s"));
        }
        if let (Some(first), Some(last)) = (owed.first(), owed.last()) {
            let then = match self.journal.is_none() {
                true => "lost, for want of --data",
                false => "sent at the next start with the same --orders",
            };
            let orders = orders_text(owed.len(), *first, *last);
            reasons.push(format!("no reply to {orders}; {then}"));
        }
        self.failure = Some(reasons.join("; "));
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
        if !self.has_changed && self.told == Some(version) {
            return;
        }
        let problems = self.all_problems();
        let is_median = |(_, effect): &(_, TraderEffect)| matches!(effect, TraderEffect::Median(_));
        if self.told.is_some() && problems.is_empty() && self.waiting.iter().any(is_median) {
            // Nothing has healed before the median is durable, and in time.
            return;
        }
        self.has_changed = false;
        let is_first = self.told.replace(version).is_none();
        if !is_first || !problems.is_empty() {
            self.problem_log.change(now, &problems);
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
        Status { state, median: self.last, strategies: page, more }
    }

    /// How long the disk may make nothing durable: as long as a median has at the most.
    fn stalled_after(&self) -> Duration {
        STALLED_AFTER.min(self.machine.settings().schedule.length())
    }

    /// Names the disk while it is full, is stalled, or was too slow for the last median. While it
    /// is stalled no median is made, which could only be one of a period that is over.
    fn look_at_the_disk(&mut self, now: Now) {
        let durable = self.journal.durable();
        if durable != self.durable.0 || self.journal.is_durable(self.journal.appended()) {
            self.durable = (durable, now.steady);
        }
        let is_stalled = self.stalled_after() <= now.steady - self.durable.1;
        self.machine.hold(now, is_stalled);
        let problem = if self.journal.is_full() {
            let reason = "its disk has no room for another segment; free space on it";
            Some((ProblemKind::Refused, reason.to_owned()))
        } else if is_stalled {
            let reason = "its disk makes nothing durable; nothing leaves, and no median is made";
            Some((ProblemKind::JournalStalled, reason.to_owned()))
        } else {
            self.late.map(|period| {
                let reason = format!(
                    "the median of period {period} was durable after its period; it is neither \
                     published nor ordered"
                );
                (ProblemKind::JournalStalled, reason)
            })
        };
        if self.disk_problem != problem {
            self.disk_problem.clone_from(&problem);
            self.board.set("journal", now.unix, problem);
        }
    }

    /// The period that the trader is in.
    #[must_use]
    pub const fn period(&self) -> Option<Period> {
        self.machine.period()
    }
}

/// Orders by their number and their periods.
fn orders_text(count: usize, first: Period, last: Period) -> String {
    match count {
        1 => format!("1 order, of period {first}"),
        _ => format!("{count} orders of periods {first} to {last}"),
    }
}

impl Agent for TraderAgent {
    fn role(&self) -> &str {
        "trader"
    }

    fn do_work(&mut self, steady: Nanos) -> usize {
        let now = now(&self.wall, steady);
        self.machine.resume(now);
        let mut count = self.topics.greet() + self.take_ended_orders(now);
        let is_stopping = self.stop.is_made();
        if !is_stopping {
            let taken = self.take_requests(now);
            if taken == 0 {
                self.machine.caught_up();
            }
            count += taken;
        }
        if !is_stopping && self.machine.wake_at() <= now.steady {
            count += 1;
            self.machine.tick(now, &mut self.effects);
            self.hold(now);
        }
        match self.journal.turn(self.machine.records()) {
            Ok(done) => count += done,
            Err(error) => self.failure = Some(format!("the journal has failed: {error}")),
        }
        count += self.release(now);
        // After the release, which tells whether a median came in time.
        self.look_at_the_disk(now);
        self.tell(now);
        if is_stopping {
            self.stop_when_done(now);
        }
        count
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn wake_at(&self) -> Nanos {
        let machine = if self.stop.is_made() { Steady::MAX } else { self.machine.wake_at() };
        let is_durable = self.journal.is_durable(self.journal.appended());
        let stalled_at = self.durable.1 + self.stalled_after();
        let stalled_at =
            if is_durable || self.disk_problem.is_some() { Steady::MAX } else { stalled_at };
        let stop_at = self.stop_at.filter(|_| !self.has_stopped).unwrap_or(Steady::MAX);
        Nanos::from_unix(machine.min(stalled_at).min(stop_at).get())
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.front.wait_on(poll_set);
        self.topics.wait_on(poll_set);
    }
}
