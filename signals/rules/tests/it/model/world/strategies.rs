//! The strategies of the world.

use allot_signals_rules::Ask;

use super::*;

impl World {
    pub(super) fn tick_strategy(&mut self, number: usize) {
        let process = &mut self.strategies[number].process;
        let (now, mut out) = (process.now(self.time), Vec::new());
        let Some(machine) = process.machine.as_mut() else { return };
        if machine.wake_at() <= now.steady {
            machine.tick(now, &mut out);
            self.do_strategy(number, out);
        }
    }

    pub(super) fn take_signal(
        &mut self,
        generator: usize,
        origin: Origin,
        mut answer: GeneratorAnswer,
        skew: Option<i64>,
    ) {
        let trusts = self.has(PlantedBug::TrustsGenerators);
        let strategy = &mut self.strategies[origin.strategy];
        let process = &mut strategy.process;
        let now = process.now(self.time);
        let Some(machine) = process.machine.as_mut().filter(|_| process.run == origin.run) else {
            return;
        };
        let at = strategy.generators.iter().position(|one| *one == generator).unwrap();
        if trusts {
            (answer.received, answer.replied) = (now.unix, now.unix);
        }
        let before = machine.reports()[at].last;
        let mut out = Vec::new();
        machine.signal_reply(now, GeneratorIndex::at(at), answer, &mut out);
        let is_taken = machine.reports()[at].last != before;
        // No measurement is better than the time that both messages were on their way.
        let steady = skew.filter(|_| origin.skew == process.skew);
        let off = steady.map_or(0, |skew| skew.abs_diff(process.skew));
        let bound = 250 * MS + (self.time - origin.sent);
        if is_taken && bound < off {
            self.check(Err(format!("a signal of g{generator}, whose clock is {off} ns off")));
        }
        self.do_strategy(origin.strategy, out);
    }

    pub(super) fn do_strategy(&mut self, number: usize, effects: Vec<StrategyEffect>) {
        for effect in effects {
            let process = &self.strategies[number].process;
            let (run, sent, skew) = (process.run, self.time, process.skew);
            let origin = |seq| Origin { strategy: number, run, seq, sent, skew };
            match effect {
                StrategyEffect::Ask(at, seq, period) => {
                    let generator = self.strategies[number].generators[at.index()];
                    let length = Duration::from_nanos(PERIOD);
                    let ask = Ask { period, length };
                    let is_up = self.generators[generator].process.is_up();
                    if self.is_sent(number, seq, is_up) {
                        self.send(Message::Ask { generator, origin: origin(seq), ask });
                    }
                }
                StrategyEffect::Register(seq) => {
                    let request = self.registration(number);
                    self.request(number, origin(seq), Request::Register(request));
                }
                StrategyEffect::Submit(seq, period, value) => {
                    let request = self.decision(number, period, value);
                    self.request(number, origin(seq), Request::Decide(request));
                }
                StrategyEffect::Deregister(seq) => {
                    let StrategyProcess { name, instance, .. } = self.strategies[number];
                    let instance = Some(Incarnation::new(instance));
                    let request = Deregistration { name, instance };
                    self.request(number, origin(seq), Request::Deregister(request));
                }
                StrategyEffect::Decide(period, signals) => self.decide(number, period, &signals),
                StrategyEffect::Stopped | StrategyEffect::GiveUp(_) => {
                    self.strategies[number].process.machine = None;
                    if self.is_sound && number < self.names {
                        // Whoever runs it starts it again.
                        let again = Event::Fault(Fault::StartStrategy(number));
                        self.at(self.time + MS, again);
                    }
                }
                StrategyEffect::Registered
                | StrategyEffect::Submitted(..)
                | StrategyEffect::Taken(_)
                | StrategyEffect::Problems(_) => {}
            }
        }
    }

    /// The program of a user: the sum, with the mark of its instance.
    fn decide(&mut self, number: usize, period: Period, signals: &[Value]) {
        let sum = signals.iter().map(|signal| signal.get()).sum();
        let strategy = &mut self.strategies[number];
        assert_eq!(strategy.rule, Rule::External);
        let value = marked(sum, strategy.instance);
        let (now, mut out) = (strategy.process.now(self.time), Vec::new());
        let Some(machine) = strategy.process.machine.as_mut() else { return };
        machine.decided(now, period, Ok(value), &mut out);
        self.do_strategy(number, out);
    }

    /// Whether a request leaves: not if nobody is there, as a socket says at times.
    fn is_sent(&mut self, number: usize, seq: Seq, is_up: bool) -> bool {
        if is_up || self.prng.percent(30) {
            return true;
        }
        let process = &mut self.strategies[number].process;
        let now = process.now(self.time);
        if let Some(machine) = process.machine.as_mut() {
            machine.unsent(now, seq);
        }
        false
    }

    fn request(&mut self, number: usize, origin: Origin, request: Request) {
        let is_up = self.trader.process.is_up();
        if self.is_sent(number, origin.seq, is_up) {
            self.send(Message::Request { origin, request });
        }
    }

    fn registration(&self, number: usize) -> RegisterRequest {
        let StrategyProcess { process, name, instance, .. } = &self.strategies[number];
        let machine = process.machine.as_ref().expect("it asks for it");
        RegisterRequest {
            name: *name,
            instance: Incarnation::new(*instance),
            length: Duration::from_nanos(PERIOD),
            time: process.unix(self.time),
            problem: machine.own_problem().cloned(),
            reports: machine.reports().to_vec(),
        }
    }

    fn decision(&self, number: usize, period: Period, value: Value) -> Decision {
        let StrategyProcess { process, name, instance, .. } = &self.strategies[number];
        Decision {
            name: *name,
            instance: Incarnation::new(*instance),
            period,
            length: Duration::from_nanos(PERIOD),
            time: process.unix(self.time),
            value,
        }
    }
}
