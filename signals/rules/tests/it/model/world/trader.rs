//! The trader of the world.

use allot_signals_rules::{ProblemKind, Standing};

use super::*;

impl World {
    pub(super) fn tick_trader(&mut self) {
        let process = &mut self.trader.process;
        let (now, mut out) = (process.now(self.time), Vec::new());
        let Some(machine) = process.machine.as_mut() else { return };
        if machine.wake_at() <= now.steady && self.bug != Some(PlantedBug::NeverHeals) {
            machine.tick(now, &mut out);
            self.do_trader(out);
        }
        if self.has(PlantedBug::LeavesOutTheMissing) {
            self.leave_out_the_missing();
        }
    }

    /// Whoever was not heard for a lease, and as long as the trader may look away, is named.
    pub(super) fn look_for_the_unnamed(&mut self) {
        let Some(machine) = self.trader.process.machine.as_ref() else { return };
        let is_unnamed = |standing: &Standing| {
            let named = standing.problem.as_ref().map(|problem| problem.kind);
            standing.lease_until.get() + 260 * MS < self.time && named != Some(ProblemKind::Away)
        };
        let unnamed = machine.strategies().iter().find(|(_, standing)| is_unnamed(standing));
        let found =
            unnamed.map_or(Ok(()), |(name, _)| Err(format!("{name} is away, and not named")));
        self.check(found);
    }

    fn leave_out_the_missing(&mut self) {
        let Some(machine) = self.trader.process.machine.as_ref() else { return };
        let missing = machine.strategies().iter().find(|(_, one)| one.problem.is_some());
        let Some((name, _)) = missing else { return };
        let request = Deregistration { name: *name, instance: None };
        let ticket = self.ticket();
        let (now, mut out) = (self.trader.process.now(self.time), Vec::new());
        let machine = self.trader.process.machine.as_mut().expect("it runs");
        machine.deregister(now, ticket, request, &mut out);
        self.do_trader(out);
    }

    pub(super) fn take_request(&mut self, origin: Origin, request: Request) {
        if !self.trader.process.is_up() {
            return;
        }
        if self.has(PlantedBug::NeverHeals) && self.is_sound {
            return;
        }
        self.note_request(origin, &request);
        let ticket = self.ticket();
        self.trader_pending.insert(ticket, (origin, request.clone()));
        let request = self.altered(request);
        if self.has(PlantedBug::RegistersWhoeverDecides) {
            self.register_whoever_decides(&request);
        }
        let now = self.trader.process.now(self.time);
        let machine = self.trader.process.machine.as_mut().expect("it runs");
        let mut out = Vec::new();
        match request {
            Request::Register(request) => machine.register(now, ticket, request, &mut out),
            Request::Decide(decision) => machine.decide(now, ticket, decision, &mut out),
            Request::Deregister(request) => machine.deregister(now, ticket, request, &mut out),
        }
        self.do_trader(out);
    }

    fn register_whoever_decides(&mut self, request: &Request) {
        let Request::Decide(decision) = request else { return };
        let (length, time) = (decision.length, decision.time);
        let Decision { name, instance, .. } = *decision;
        let (problem, reports) = (None, Vec::new());
        let request = RegisterRequest { name, instance, length, time, problem, reports };
        let ticket = self.ticket();
        let (now, mut out) = (self.trader.process.now(self.time), Vec::new());
        let machine = self.trader.process.machine.as_mut().expect("it runs");
        machine.register(now, ticket, request, &mut out);
        self.do_trader(out);
    }

    /// What the oracle sees of a request.
    fn note_request(&mut self, origin: Origin, request: &Request) {
        let off = origin.skew.abs_diff(self.trader.process.skew);
        let clock_is_right = off <= 250 * MS + (self.time - origin.sent);
        match request {
            Request::Register(request) => {
                self.oracle.heard(self.time, &request.name, request.instance);
            }
            Request::Decide(decision) => {
                let Decision { name, instance, period, .. } = decision;
                let current = schedule().period_at(self.trader.process.unix(self.time));
                self.oracle.heard(self.time, name, *instance);
                if clock_is_right && *period == current {
                    self.oracle.decides(name, *instance, *period);
                }
            }
            Request::Deregister(request) => self.asked_off.push(request.name),
        }
    }

    /// What a trader with a planted bug makes of a request.
    fn altered(&self, mut request: Request) -> Request {
        let unix = self.trader.process.unix(self.time);
        let machine = self.trader.process.machine.as_ref().expect("it runs");
        let holder = |name| machine.strategies().get(name).map(|standing| standing.instance);
        match (&mut request, self.bug) {
            (Request::Decide(decision), Some(PlantedBug::TakesStaleDecisions)) => {
                decision.period = schedule().period_at(unix);
            }
            (Request::Decide(decision), Some(PlantedBug::TakesForeignDecisions)) => {
                decision.instance = holder(&decision.name).unwrap_or(decision.instance);
            }
            (Request::Decide(decision), Some(PlantedBug::TrustsAllClocks)) => {
                decision.time = unix;
                decision.period = schedule().period_at(unix);
            }
            (Request::Register(register), Some(PlantedBug::TrustsAllClocks)) => {
                register.time = unix;
            }
            (Request::Register(register), Some(PlantedBug::SharesNames)) => {
                register.instance = holder(&register.name).unwrap_or(register.instance);
            }
            _ => {}
        }
        request
    }

    pub(super) fn do_trader(&mut self, effects: Vec<TraderEffect>) {
        for effect in effects {
            let effect = self.altered_effect(effect);
            self.note_effect(&effect);
            if self.trader.hold(effect) {
                let run = self.trader.process.run;
                let through = self.trader.written_count();
                let longest = if self.prng.percent(10) { 300 * MS } else { 30 * MS };
                let takes = 1 + self.prng.below(longest);
                self.at(self.time + takes, Event::Synced(run, through));
            }
        }
        self.release();
    }

    /// What the oracle sees of an effect, before it leaves.
    fn note_effect(&mut self, effect: &TraderEffect) {
        use allot_signals_rules::Record;
        let found = match effect {
            TraderEffect::Record(Record::Registered(name, instance, _)) => {
                self.asked_off.retain(|asked| asked != name);
                self.oracle.recorded(self.time, *name, *instance)
            }
            TraderEffect::Record(Record::Deregistered(name)) => {
                self.oracle.deregistered(*name, self.asked_off.contains(name))
            }
            TraderEffect::Median(median) => self.oracle.made(*median),
            _ => Ok(()),
        };
        self.check(found);
    }

    /// What a trader with a planted bug makes of an effect.
    fn altered_effect(&self, effect: TraderEffect) -> TraderEffect {
        match effect {
            TraderEffect::Median(mut median) if self.has(PlantedBug::CountsTwice) => {
                let machine = self.trader.process.machine.as_ref().expect("it runs");
                let decisions = machine.strategies().values();
                let mut values: Vec<_> =
                    decisions.filter_map(|standing| Some(standing.decision?.1)).collect();
                values.extend(values.first().copied());
                median.value = allot_signals_rules::median(values).unwrap();
                TraderEffect::Median(median)
            }
            effect => effect,
        }
    }

    /// Lets go of what may leave.
    pub(super) fn release(&mut self) {
        let waits = !self.has(PlantedBug::PublishesBeforeDurable);
        while let Some(effect) = self.trader.next_released(waits) {
            match effect {
                TraderEffect::Reply(ticket, reply) => self.reply_trader(ticket, reply),
                TraderEffect::Median(median) => {
                    let found = self.oracle.published(median);
                    self.check(found);
                }
                TraderEffect::Problems(problems) => {
                    let is_silent = self.has(PlantedBug::NeverTellsThatItIsWell);
                    if !problems.is_empty() || !is_silent {
                        self.told = problems;
                    }
                }
                _ => {}
            }
        }
    }

    fn reply_trader(&mut self, ticket: Ticket, reply: TraderReply) {
        let Some((origin, request)) = self.trader_pending.remove(&ticket) else { return };
        if let (TraderReply::Registered(..), Request::Register(register)) = (&reply, &request) {
            let found = self.oracle.told_registered(register.name, register.instance);
            self.check(found);
        }
        let refused = |code: &str, reason: String| {
            TraderAnswer::Refused(Refusal { code: code.to_owned(), reason })
        };
        let answer = match reply {
            TraderReply::Registered(lease, decided) => TraderAnswer::Registered(lease, decided),
            TraderReply::Taken(taken, lease) => {
                TraderAnswer::Taken(taken.instance.to_string(), lease)
            }
            TraderReply::Accepted(period, _) => TraderAnswer::Accepted(period),
            TraderReply::Deregistered(_) => TraderAnswer::Deregistered,
            TraderReply::Rejected(reject) => refused(reject.code(), reject.to_string()),
        };
        self.send(Message::Answer { origin, answer });
    }
}
