//! The generators of the world.

use allot_signals_rules::Ask;

use super::*;

impl World {
    pub(super) fn tick_generator(&mut self, number: usize) {
        let process = &mut self.generators[number].process;
        let (now, mut out) = (process.now(self.time), Vec::new());
        let Some(machine) = process.machine.as_mut() else { return };
        if machine.wake_at() <= now.steady {
            machine.tick(now, &mut out);
            self.do_generator(number, out);
        }
    }

    pub(super) fn take_ask(&mut self, number: usize, origin: Origin, ask: Ask) {
        let ticket = self.ticket();
        let generator = &mut self.generators[number];
        let (now, mut out) = (generator.process.now(self.time), Vec::new());
        let Some(machine) = generator.process.machine.as_mut() else { return };
        generator.pending.push(Pending {
            ticket,
            origin,
            received: now.unix,
            skew: generator.process.skew,
        });
        machine.ask(now, ticket, ask, &mut out);
        self.do_generator(number, out);
    }

    pub(super) fn made(&mut self, number: usize, run: u64, period: Period) {
        let generator = &mut self.generators[number];
        let (now, mut out) = (generator.process.now(self.time), Vec::new());
        let made = match generator.source_works {
            true => Ok(true_signal(number, period)),
            false => Err("the source fails".to_owned()),
        };
        let Some(machine) = generator.process.machine.as_mut() else { return };
        if generator.process.run == run {
            machine.made(now, period, made, &mut out);
            self.do_generator(number, out);
        }
    }

    pub(super) fn do_generator(&mut self, number: usize, effects: Vec<GeneratorEffect>) {
        for effect in effects {
            match effect {
                GeneratorEffect::Make(period) => {
                    let run = self.generators[number].process.run;
                    let takes = 1 + self.prng.below(30 * MS);
                    self.at(self.time + takes, Event::Made(number, run, period));
                }
                GeneratorEffect::Reply(ticket, reply) => {
                    self.reply_signal(number, ticket, reply);
                }
                GeneratorEffect::Signal(_, value) => {
                    self.generators[number].last = Some(value);
                }
                GeneratorEffect::Problem(_) => {}
            }
        }
    }

    fn reply_signal(&mut self, number: usize, ticket: Ticket, reply: GeneratorReply) {
        let gives_old = self.has(PlantedBug::GivesOldSignals);
        let generator = &mut self.generators[number];
        let is_it = |pending: &Pending| pending.ticket == ticket;
        let Some(at) = generator.pending.iter().position(is_it) else {
            assert!(gives_old, "it is pending");
            return;
        };
        let Pending { origin, received, skew: before, .. } = generator.pending[at].clone();
        let reply = match reply {
            GeneratorReply::Held(period) => match generator.last {
                Some(old) if gives_old => SignalReply::Signal(period, old),
                _ => SignalReply::Held(period),
            },
            GeneratorReply::Signal(period, value) => SignalReply::Signal(period, value),
            GeneratorReply::Rejected(reject) => SignalReply::Refused(Refusal {
                code: reject.code().to_owned(),
                reason: reject.to_string(),
            }),
        };
        if !matches!(reply, SignalReply::Held(_)) {
            generator.pending.remove(at);
        }
        let replied = generator.process.unix(self.time);
        let (seq, name) = (origin.seq, format!("g{number}"));
        let answer = GeneratorAnswer { seq, received, replied, name, reply };
        // A clock that is set while it keeps a request cannot be measured: none is then.
        let skew = Some(generator.process.skew).filter(|skew| *skew == before);
        self.send(Message::Signal { generator: number, origin, answer, skew });
    }
}
