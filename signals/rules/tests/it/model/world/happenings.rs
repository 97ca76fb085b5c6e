//! The faults of the world.

use super::*;

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::KillGenerator(number) => {
                self.generators[number].process.machine = None;
                self.generators[number].pending.clear();
            }
            Fault::StartGenerator(number) => self.start_generator(number),
            Fault::Source(number, works) => self.generators[number].source_works = works,
            Fault::KillStrategy(number) => self.strategies[number].process.machine = None,
            Fault::StopStrategy(number) => {
                let process = &mut self.strategies[number].process;
                let (now, mut out) = (process.now(self.time), Vec::new());
                if let Some(machine) = process.machine.as_mut() {
                    machine.stop(now, &mut out);
                }
                self.do_strategy(number, out);
            }
            Fault::StartStrategy(number) => self.start_strategy(number),
            Fault::Deregister(number) => self.deregister(number),
            Fault::KillTrader => {
                self.trader.kill();
                self.trader_pending.clear();
            }
            Fault::StartTrader => self.start_trader(),
            Fault::Impostor(number) => self.impostor(number),
            Fault::SkewGenerator(number, skew) => self.generators[number].process.skew = skew,
            Fault::SkewStrategy(number, skew) => self.strategies[number].process.skew = skew,
            Fault::SkewTrader(skew) => self.trader.process.skew = skew,
            Fault::Network(is_bad) => self.network_is_bad = is_bad,
            Fault::End => self.heal(),
        }
    }

    fn start_generator(&mut self, number: usize) {
        let GeneratorProcess { process, .. } = &mut self.generators[number];
        if !process.is_up() {
            let name = ComponentName::new(format!("g{number}").as_bytes()).unwrap();
            process.machine = Some(Generator::new(name, schedule()));
            process.run += 1;
        }
    }

    fn start_strategy(&mut self, number: usize) {
        if self.strategies[number].process.is_up() {
            return;
        }
        self.next_instance += 1;
        let strategy = &mut self.strategies[number];
        strategy.instance = self.next_instance;
        let settings = StrategySettings {
            name: strategy.name,
            instance: Incarnation::new(strategy.instance),
            schedule: schedule(),
            retries: 4,
            rule: strategy.rule,
            generators: strategy.generators.iter().map(|one| format!("g{one}")).collect(),
        };
        strategy.process.machine = Some(Strategy::new(settings));
        strategy.process.run += 1;
    }

    fn start_trader(&mut self) {
        if self.trader.process.is_up() {
            return;
        }
        let settings = TraderSettings { schedule: schedule(), lease: LEASE };
        let now = self.trader.process.now(self.time);
        let trader = Trader::new(settings, now, self.trader.durable.iter().cloned());
        let registered = trader.strategies().iter();
        let registered: Vec<_> =
            registered.map(|(name, standing)| (*name, standing.instance)).collect();
        self.oracle.trader_started(self.time, &registered);
        self.trader.process.machine = Some(trader);
        self.trader.process.run += 1;
    }

    fn deregister(&mut self, number: usize) {
        if !self.trader.process.is_up() {
            return;
        }
        let name = self.strategies[number].name;
        self.asked_off.push(name);
        let (now, mut out) = (self.trader.process.now(self.time), Vec::new());
        let ticket = self.ticket();
        let machine = self.trader.process.machine.as_mut().expect("it runs");
        machine.deregister(now, ticket, Deregistration { name, instance: None }, &mut out);
        self.do_trader(out);
    }

    fn impostor(&mut self, number: usize) {
        let (name, time) = (self.strategies[number].name, self.trader.process.unix(self.time));
        let decision = Decision {
            name,
            instance: Incarnation::new(IMPOSTOR),
            period: schedule().period_at(time),
            length: Duration::from_nanos(PERIOD),
            time,
            value: marked(0.0, IMPOSTOR),
        };
        let (sent, skew) = (self.time, self.trader.process.skew);
        let origin = Origin { strategy: number, run: 0, seq: Seq::new(1), sent, skew };
        self.take_request(origin, Request::Decide(decision));
    }

    /// All faults end: everybody runs, once, with a right clock.
    fn heal(&mut self) {
        (self.network_is_bad, self.is_sound) = (false, true);
        self.start_trader();
        self.trader.process.skew = 0;
        for number in 0..self.generators.len() {
            self.start_generator(number);
            let generator = &mut self.generators[number];
            (generator.source_works, generator.process.skew) = (true, 0);
        }
        for number in 0..self.strategies.len() {
            self.strategies[number].process.skew = 0;
            match number < self.names {
                true => self.start_strategy(number),
                false => self.strategies[number].process.machine = None,
            }
        }
    }
}
