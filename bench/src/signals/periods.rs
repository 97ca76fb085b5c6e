//! Periods: many of them on virtual time, with the machines alone; memory is to be flat.
//!
//! Ten strategies ask three generators each; messages arrive at once. In each hundredth period a
//! generator fails, so that problems come and go. Leases are renewed as in periods of a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_domain::{Incarnation, Seq};
use allot_runtime::Clock;
use allot_signals_rules::{
    Ask, ComponentName, Decision, Generator, GeneratorAnswer, GeneratorEffect, GeneratorIndex,
    GeneratorReply, Now, Period, Refusal, RegisterRequest, Rule, Schedule, SignalReply, Steady,
    Strategy, StrategyEffect, StrategySettings, Ticket, Trader, TraderAnswer, TraderEffect,
    TraderReply, TraderSettings, Unix, Value,
};
use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::growth::resident;
use crate::span::{self, nanoseconds};

/// After how many periods memory is read.
pub(super) const PERIODS: [u64; 3] = [1_000, 10_000, 100_000];

const STRATEGIES: u64 = 10;
const GENERATORS: usize = 3;

/// In each of so many periods a generator fails.
const FAILS_EVERY: u64 = 100;

/// A row of the table.
#[derive(Clone, Copy, Debug, Serialize)]
struct Row {
    periods: u64,
    medians: u64,
    resident_bytes: u64,
}

/// What was read.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    rows: Vec<Row>,
    period_ns: u64,
}

/// All machines, at one moment.
struct World {
    now: Now,
    schedule: Schedule,
    generators: Vec<Generator>,
    strategies: Vec<Strategy>,
    trader: Trader,
    next_ticket: Ticket,
    asked: BTreeMap<Ticket, (usize, GeneratorIndex, Seq)>,
    medians: u64,
}

pub(super) fn measure(after: &[u64]) -> Result<Memory> {
    let mut world = World::new()?;
    let (clock, mut rows, mut done) = (Clock::system(), Vec::new(), 0);
    let begun = clock.now();
    for periods in after {
        for period in done..*periods {
            world.pass(period)?;
        }
        done = *periods;
        let resident_bytes = resident().context("the memory of this process is not known")?;
        rows.push(Row { periods: done, medians: world.medians, resident_bytes });
    }
    let period_ns = nanoseconds(clock.now() - begun) / done.max(1);
    let expected = done - done.div_ceil(FAILS_EVERY);
    ensure!(world.medians == expected, "{} medians; {expected} are expected", world.medians);
    Ok(Memory { rows, period_ns })
}

impl Memory {
    pub(super) fn page(&self) -> String {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let lines = self.rows.iter().map(|row| {
            let Row { periods, medians, resident_bytes } = row;
            format!(
                "{periods} periods, {medians} medians: {:.2} MiB resident",
                mib(*resident_bytes)
            )
        });
        let lines: Vec<_> = lines.collect();
        let span = span::show(self.period_ns);
        format!(
            "virtual time, {STRATEGIES} strategies of {GENERATORS} generators, {span} a period\n{}",
            lines.join("\n")
        )
    }
}

fn name(text: &str) -> Result<ComponentName> {
    ComponentName::new(text.as_bytes()).map_err(|bad| anyhow::anyhow!("{bad}"))
}

impl World {
    fn new() -> Result<Self> {
        let schedule = Schedule::new(Duration::from_secs(60))?;
        let generators = (0..GENERATORS)
            .map(|number| Ok(Generator::new(name(&format!("g{number}"))?, schedule)))
            .collect::<Result<_>>()?;
        let strategies = (0..STRATEGIES).map(|number| {
            Ok(Strategy::new(StrategySettings {
                name: name(&format!("s{number}"))?,
                instance: Incarnation::new(number + 1),
                schedule,
                retries: 5,
                rule: Rule::Sum,
                generators: (0..GENERATORS).map(|at| format!("tcp://g{at}")).collect(),
            }))
        });
        let strategies = strategies.collect::<Result<_>>()?;
        let now = Now { unix: Unix::new(0), steady: Steady::new(0) };
        let settings = TraderSettings { schedule, lease: Duration::from_secs(10) };
        let trader = Trader::new(settings, now, []);
        let (next_ticket, asked) = (Ticket::ZERO, BTreeMap::new());
        Ok(Self { now, schedule, generators, strategies, trader, next_ticket, asked, medians: 0 })
    }

    /// From the start of a period to the start of the next, from one due moment to the next.
    fn pass(&mut self, period: u64) -> Result<()> {
        let end = self.schedule.start_of(Period::new(period + 1));
        while self.now.unix < end {
            self.turn()?;
            let generators = self.generators.iter().map(Generator::wake_at);
            let strategies = self.strategies.iter().map(Strategy::wake_at);
            let due = generators.chain(strategies).chain([self.trader.wake_at()]).min();
            let due = due.context("nothing is due")?;
            // Both clocks run alike, and began at zero.
            let next = Steady::new(due.get().max(self.now.steady.get() + 1).min(end.get()));
            self.now = Now { unix: Unix::new(next.get()), steady: next };
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<()> {
        let now = self.now;
        for at in 0..self.generators.len() {
            if self.generators[at].wake_at() <= now.steady {
                let mut effects = Vec::new();
                self.generators[at].tick(now, &mut effects);
                self.generator_effects(at, effects)?;
            }
        }
        for at in 0..self.strategies.len() {
            if self.strategies[at].wake_at() <= now.steady {
                let mut effects = Vec::new();
                self.strategies[at].tick(now, &mut effects);
                self.strategy_effects(at, effects)?;
            }
        }
        if self.trader.wake_at() <= now.steady {
            let mut effects = Vec::new();
            self.trader.tick(now, &mut effects);
            self.trader_effects(None, effects)?;
        }
        Ok(())
    }

    fn generator_effects(&mut self, at: usize, effects: Vec<GeneratorEffect>) -> Result<()> {
        for effect in effects {
            match effect {
                GeneratorEffect::Make(period) => {
                    let fails = at == 0 && period.get().is_multiple_of(FAILS_EVERY);
                    let made = match fails {
                        true => Err("it fails now and then".to_owned()),
                        false => Ok(Value::new(0.5).context("it is finite")?),
                    };
                    let mut effects = Vec::new();
                    self.generators[at].made(self.now, period, made, &mut effects);
                    self.generator_effects(at, effects)?;
                }
                GeneratorEffect::Reply(ticket, reply) => self.signal(ticket, at, reply)?,
                GeneratorEffect::Signal(..) | GeneratorEffect::Problem(_) => {}
            }
        }
        Ok(())
    }

    fn signal(&mut self, ticket: Ticket, from: usize, reply: GeneratorReply) -> Result<()> {
        let (reply, is_last) = match reply {
            GeneratorReply::Signal(period, value) => (SignalReply::Signal(period, value), true),
            GeneratorReply::Held(period) => (SignalReply::Held(period), false),
            GeneratorReply::Rejected(reject) => {
                let (code, reason) = (reject.code().to_owned(), reject.to_string());
                (SignalReply::Refused(Refusal { code, reason }), true)
            }
        };
        let asked = match is_last {
            true => self.asked.remove(&ticket),
            false => self.asked.get(&ticket).copied(),
        };
        let (strategy, index, seq) = asked.context("a reply to no request")?;
        let name = self.generators[from].name().to_string();
        let (received, replied) = (self.now.unix, self.now.unix);
        let answer = GeneratorAnswer { seq, received, replied, name, reply };
        let mut effects = Vec::new();
        self.strategies[strategy].signal_reply(self.now, index, answer, &mut effects);
        self.strategy_effects(strategy, effects)
    }

    fn strategy_effects(&mut self, at: usize, effects: Vec<StrategyEffect>) -> Result<()> {
        for effect in effects {
            let ticket = self.next_ticket;
            self.next_ticket = ticket.next();
            let mut out = Vec::new();
            match effect {
                StrategyEffect::Ask(index, seq, period) => {
                    self.asked.insert(ticket, (at, index, seq));
                    let ask = Ask { period, length: self.schedule.length() };
                    let mut out = Vec::new();
                    self.generators[index.index()].ask(self.now, ticket, ask, &mut out);
                    self.generator_effects(index.index(), out)?;
                }
                StrategyEffect::Register(seq) => {
                    let request = self.registration(at);
                    self.trader.register(self.now, ticket, request, &mut out);
                    self.trader_effects(Some((at, seq)), out)?;
                }
                StrategyEffect::Submit(seq, period, value) => {
                    let decision = self.decision(at, period, value);
                    self.trader.decide(self.now, ticket, decision, &mut out);
                    self.trader_effects(Some((at, seq)), out)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn registration(&self, at: usize) -> RegisterRequest {
        let strategy = &self.strategies[at];
        let settings = strategy.settings();
        RegisterRequest {
            name: settings.name,
            instance: settings.instance,
            length: self.schedule.length(),
            time: self.now.unix,
            problem: strategy.own_problem().cloned(),
            reports: strategy.reports().to_vec(),
        }
    }

    fn decision(&self, at: usize, period: Period, value: Value) -> Decision {
        let settings = self.strategies[at].settings();
        Decision {
            name: settings.name,
            instance: settings.instance,
            period,
            length: self.schedule.length(),
            time: self.now.unix,
            value,
        }
    }

    /// `asker` is the strategy that is replied to, and its number of the request.
    fn trader_effects(
        &mut self,
        asker: Option<(usize, Seq)>,
        effects: Vec<TraderEffect>,
    ) -> Result<()> {
        for effect in effects {
            match effect {
                TraderEffect::Median(_) => self.medians += 1,
                TraderEffect::Reply(_, reply) => {
                    let (at, seq) = asker.context("a reply to no request")?;
                    let mut effects = Vec::new();
                    let answer = answer(reply);
                    self.strategies[at].trader_reply(self.now, seq, answer, &mut effects);
                    self.strategy_effects(at, effects)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn answer(reply: TraderReply) -> TraderAnswer {
    match reply {
        TraderReply::Registered(lease, decided) => TraderAnswer::Registered(lease, decided),
        TraderReply::Taken(taken, lease) => {
            TraderAnswer::Taken(format!("{}", taken.instance), lease)
        }
        TraderReply::Accepted(period, _) => TraderAnswer::Accepted(period),
        TraderReply::Deregistered(_) => TraderAnswer::Deregistered,
        TraderReply::Rejected(reject) => {
            let (code, reason) = (reject.code().to_owned(), reject.to_string());
            TraderAnswer::Refused(Refusal { code, reason })
        }
    }
}
