//! Strategy agent: a strategy, its links to generators and trader, and the program that decides.

use std::fmt::Write;

use allot_domain::{Seq, SourceId};
use allot_runtime::{Agent, Link, Nanos, PollSet, StopRequest, WallClock};
use allot_signals_rules::{
    Ask, Decision, Deregistration, GeneratorAnswer, GeneratorIndex, NameTaken, Now, Period,
    Refusal, RegisterRequest, Reject, SignalReply, Strategy, StrategyEffect, StrategySettings,
    TraderAnswer, TraderProblem, Unix, Value,
};
use allot_wire::json::Object;

use crate::event::ProblemLog;
use crate::generator_agent::{limits_of, now};
use crate::peer::Peer;
use crate::program::Program;
use crate::{Event, Listener, Reply, ReplyBody, Request, RequestBody};

/// A strategy as a thread runs it.
pub struct StrategyAgent {
    machine: Strategy,
    source: SourceId,
    generators: Vec<Peer>,
    trader: Peer,
    program: Option<Program>,
    wall: WallClock,
    listener: Listener,
    problem_log: ProblemLog,
    stop: StopRequest,
    is_stopping: bool,
    /// Whether it was told that it is registered.
    was_registered: bool,
    failure: Option<String>,
    effects: Vec<StrategyEffect>,
    replies: Vec<Result<Reply, String>>,
}

/// The links of a strategy: one for each generator, in their order, and that of the trader.
pub struct StrategyLinks {
    /// To the generators.
    pub generators: Vec<Link>,
    /// To the trader, and its address.
    pub trader: (String, Link),
}

impl StrategyAgent {
    /// A strategy; `command` decides, if the rule says that somebody else does.
    ///
    /// # Panics
    /// If there is not one link for each generator.
    #[must_use]
    pub fn new(
        settings: StrategySettings,
        links: StrategyLinks,
        command: Option<String>,
        wall: WallClock,
        listener: Listener,
        stop: StopRequest,
    ) -> Self {
        let StrategyLinks { generators, trader: (address, trader) } = links;
        assert_eq!(generators.len(), settings.generators.len(), "a link for each generator");
        let peers = settings.generators.iter().cloned().zip(generators);
        let name = settings.name.as_str().as_bytes();
        Self {
            source: SourceId::new(name).expect("the name of a component is that of a source"),
            generators: peers.map(|(address, link)| Peer::new(address, link)).collect(),
            trader: Peer::new(address, trader),
            machine: Strategy::new(settings),
            program: command.map(Program::new),
            wall,
            listener,
            problem_log: ProblemLog::default(),
            stop,
            is_stopping: false,
            was_registered: false,
            failure: None,
            effects: Vec::new(),
            replies: Vec::new(),
        }
    }

    /// Does what the machine wants.
    fn act(&mut self, now: Now, steady: Nanos) {
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                self.act_on(now, steady, effect);
            }
        }
    }

    fn act_on(&mut self, now: Now, steady: Nanos, effect: StrategyEffect) {
        let name = self.machine.settings().name;
        match effect {
            StrategyEffect::Ask(generator, seq, period) => {
                self.ask(now, steady, generator, seq, period);
            }
            StrategyEffect::Register(seq) => {
                let body = RequestBody::Register(Box::new(self.registration(now)));
                self.tell_trader(now, steady, seq, body);
            }
            StrategyEffect::Submit(seq, period, value) => {
                let body = RequestBody::Decision(self.decision(now, period, value));
                self.tell_trader(now, steady, seq, body);
            }
            StrategyEffect::Deregister(seq) => {
                let instance = Some(self.machine.settings().instance);
                let body = RequestBody::Deregister(Deregistration { name, instance });
                self.tell_trader(now, steady, seq, body);
            }
            StrategyEffect::Decide(period, signals) => self.decide(now, steady, period, &signals),
            StrategyEffect::Registered => {
                self.was_registered = true;
                (self.listener)(Event::Registered(name));
            }
            StrategyEffect::Submitted(period, value) => {
                (self.listener)(Event::Submitted(name, period, value));
            }
            StrategyEffect::Taken(reason) => (self.listener)(Event::Taken(reason)),
            StrategyEffect::Problems(problems) => {
                let named = |(component, problem)| TraderProblem::of(component, problem);
                let problems: Vec<_> = problems.into_iter().map(named).collect();
                self.problem_log.change(now, &problems);
                (self.listener)(Event::Problems(problems));
            }
            StrategyEffect::Stopped => {
                if self.was_registered {
                    (self.listener)(Event::Deregistered(name));
                }
                (self.listener)(Event::Stopped);
            }
            StrategyEffect::GiveUp(reason) => self.failure = Some(reason),
        }
    }

    fn ask(&mut self, now: Now, steady: Nanos, at: GeneratorIndex, seq: Seq, period: Period) {
        let length = self.machine.settings().schedule.length();
        let body = RequestBody::Ask(Ask { period, length });
        let request = Request { source: self.source, seq, body };
        if !self.generators[at.index()].send(steady, &request) {
            self.machine.unsent(now, seq);
        }
    }

    fn tell_trader(&mut self, now: Now, steady: Nanos, seq: Seq, body: RequestBody) {
        let request = Request { source: self.source, seq, body };
        if !self.trader.send(steady, &request) {
            self.machine.unsent(now, seq);
        }
    }

    fn registration(&self, now: Now) -> RegisterRequest {
        let settings = self.machine.settings();
        RegisterRequest {
            name: settings.name,
            instance: settings.instance,
            length: settings.schedule.length(),
            time: now.unix,
            problem: self.machine.own_problem().cloned(),
            reports: self.machine.reports().to_vec(),
        }
    }

    fn decision(&self, now: Now, period: Period, value: Value) -> Decision {
        let settings = self.machine.settings();
        Decision {
            name: settings.name,
            instance: settings.instance,
            period,
            length: settings.schedule.length(),
            time: now.unix,
            value,
        }
    }

    /// Has the program of the user decide.
    fn decide(&mut self, now: Now, steady: Nanos, period: Period, signals: &[Value]) {
        let (start, kill_at) = limits_of(now, &self.machine.settings().schedule, period);
        let input = self.program_input(period, start, signals);
        let started = match &mut self.program {
            Some(program) => program.start(steady, period, input, kill_at),
            None => Err("there is no program that decides".to_owned()),
        };
        if let Err(reason) = started {
            self.machine.decided(now, period, Err(reason), &mut self.effects);
        }
    }

    fn program_input(&self, period: Period, start: Unix, signals: &[Value]) -> String {
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        object.number("period", period.get());
        object.time("start", start.get());
        object.plain("name", self.machine.settings().name.as_str());
        let signals = self.machine.reports().iter().zip(signals);
        object.list("signals", signals, |(report, value), out| {
            let mut object = Object::begin(out);
            object.text("name", &report.name);
            object.text("address", &report.address);
            object.literal("value", value);
            object.end();
        });
        object.end();
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    fn take_signals(&mut self, now: Now, steady: Nanos) -> usize {
        let mut count = 0;
        for at in 0..self.generators.len() {
            count += self.generators[at].receive(&mut self.replies);
            for reply in std::mem::take(&mut self.replies) {
                let (at, out) = (GeneratorIndex::at(at), &mut self.effects);
                match reply.map(generator_answer) {
                    Ok(Some(answer)) => self.machine.signal_reply(now, at, answer, out),
                    Ok(None) => self.machine.damaged_signal(now, at, "no generator says it", out),
                    Err(why) => self.machine.damaged_signal(now, at, &why, out),
                }
                self.act(now, steady);
            }
        }
        count
    }

    fn take_answers(&mut self, now: Now, steady: Nanos) -> usize {
        let count = self.trader.receive(&mut self.replies);
        for reply in std::mem::take(&mut self.replies) {
            let read = reply.map(|reply| (reply.seq, self.trader_answer(&reply)));
            let out = &mut self.effects;
            match read {
                Ok((seq, Some(answer))) => self.machine.trader_reply(now, seq, answer, out),
                Ok((_, None)) => self.machine.damaged_answer(now, "no trader says it", out),
                Err(why) => self.machine.damaged_answer(now, &why, out),
            }
            self.act(now, steady);
        }
        count
    }

    fn trader_answer(&self, reply: &Reply) -> Option<TraderAnswer> {
        Some(match &reply.body {
            ReplyBody::Registered { lease, decided } => TraderAnswer::Registered(*lease, *decided),
            ReplyBody::Taken { instance, since, lease } => {
                let (instance, since) = (*instance, *since);
                let name = self.machine.settings().name;
                let taken = Reject::NameTaken(NameTaken { name, instance, since });
                let mut reason = taken.to_string();
                reason.push_str("; it registered at ");
                write_time(&mut reason, since);
                TraderAnswer::Taken(reason, *lease)
            }
            ReplyBody::Accepted { period, .. } => TraderAnswer::Accepted(*period),
            ReplyBody::Deregistered { .. } => TraderAnswer::Deregistered,
            ReplyBody::Rejected { code, reason } => {
                TraderAnswer::Refused(Refusal { code: code.clone(), reason: reason.clone() })
            }
            ReplyBody::Signal { .. } | ReplyBody::Held { .. } | ReplyBody::Status(_) => {
                return None;
            }
        })
    }

    fn check_peers(&mut self, steady: Nanos) {
        for generator in &mut self.generators {
            generator.check(steady);
        }
        self.trader.check(steady);
    }
}

/// Appends a time as RFC 3339 has it.
fn write_time(out: &mut String, time: Unix) {
    let mut text = String::new();
    allot_wire::timestamp::write(&mut text, time.get()).expect("a string takes every write");
    write!(out, "{text}").expect("a string takes every write");
}

/// What a reply of a generator says; none where no generator says it.
fn generator_answer(reply: Reply) -> Option<GeneratorAnswer> {
    let Reply { seq, time, sent, body, .. } = reply;
    let (name, reply) = match body {
        ReplyBody::Signal { generator, period, value } => {
            (generator.to_string(), SignalReply::Signal(period, value))
        }
        ReplyBody::Held { generator, period } => (generator.to_string(), SignalReply::Held(period)),
        ReplyBody::Rejected { code, reason } => {
            (String::new(), SignalReply::Refused(Refusal { code, reason }))
        }
        _ => return None,
    };
    Some(GeneratorAnswer { seq, received: time, replied: sent, name, reply })
}

impl Agent for StrategyAgent {
    fn role(&self) -> &str {
        self.machine.settings().name.as_str()
    }

    fn do_work(&mut self, steady: Nanos) -> usize {
        let now = now(&self.wall, steady);
        let mut count = 0;
        if self.stop.is_made() && !self.is_stopping {
            self.is_stopping = true;
            self.machine.stop(now, &mut self.effects);
            self.act(now, steady);
        }
        if let Some((period, made)) = self.program.as_mut().and_then(|one| one.poll(steady)) {
            count += 1;
            self.machine.decided(now, period, made, &mut self.effects);
            self.act(now, steady);
        }
        count += self.take_signals(now, steady) + self.take_answers(now, steady);
        if self.machine.wake_at() <= now.steady {
            count += 1;
            self.machine.tick(now, &mut self.effects);
            self.act(now, steady);
        }
        self.check_peers(steady);
        count
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn wake_at(&self) -> Nanos {
        let silent = self.generators.iter().chain([&self.trader]).map(Peer::silent_at);
        let machine = Nanos::from_unix(self.machine.wake_at().get());
        let program = self.program.as_ref().map_or(Nanos::MAX, Program::wake_at);
        silent.min().unwrap_or(Nanos::MAX).min(machine).min(program)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        for generator in &self.generators {
            generator.wait_on(poll_set);
        }
        self.trader.wait_on(poll_set);
        if let Some(program) = &self.program {
            program.wait_on(poll_set);
        }
    }
}
