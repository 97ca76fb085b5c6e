//! Generator agent: a generator at a front door, with its source.

use allot_runtime::{
    Agent, Context, Door, DoorOptions, Nanos, PollSet, RuntimeError, Transport, WallClock,
};
use allot_signals_rules::{
    ComponentName, Generator, GeneratorEffect, GeneratorReply, Now, Period, Problem, Schedule,
    Steady, Ticket, TraderProblem, Unix, Value,
};

use crate::event::ProblemLog;
use crate::front::Front;
use crate::limits::HIGH_WATER;
use crate::request::unknown_here;
use crate::{Event, Listener, ReplyBody, Request, RequestBody, Source};

/// A generator as a thread runs it.
pub struct GeneratorAgent {
    machine: Generator,
    front: Front,
    source: Source,
    wall: WallClock,
    listener: Listener,
    problem_log: ProblemLog,
    requests: Vec<(Ticket, Request)>,
    effects: Vec<GeneratorEffect>,
}

impl GeneratorAgent {
    /// Opens its front door.
    ///
    /// # Errors
    /// When the endpoint is taken or malformed.
    pub fn bind(
        context: &Context,
        endpoint: &str,
        name: ComponentName,
        schedule: Schedule,
        source: Source,
        wall: WallClock,
        listener: Listener,
    ) -> Result<Self, RuntimeError> {
        let transport = Transport::Libzmq;
        let options = DoorOptions { high_water: HIGH_WATER, transport, ..DoorOptions::default() };
        let door = Door::bind(context, endpoint, options)?;
        Ok(Self {
            machine: match source.is_repeatable() {
                true => Generator::new(name, schedule),
                false => Generator::after_its_start(name, schedule),
            },
            front: Front::new(door),
            source,
            wall,
            listener,
            problem_log: ProblemLog::default(),
            requests: Vec::new(),
            effects: Vec::new(),
        })
    }

    /// Where strategies connect.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.front.endpoint()
    }

    fn now(&self, steady: Nanos) -> Now {
        now(&self.wall, steady)
    }

    fn take_requests(&mut self, now: Now) -> usize {
        let mut requests = std::mem::take(&mut self.requests);
        let count = self.front.take(now, &mut requests);
        for (ticket, request) in requests.drain(..) {
            match request.body {
                RequestBody::Ask(ask) => self.machine.ask(now, ticket, ask, &mut self.effects),
                _ => {
                    let reject = unknown_here(request.kind(), "a generator takes ask");
                    self.front.reply(now, ticket, ReplyBody::of(&reject));
                }
            }
            self.act(now);
        }
        self.requests = requests;
        count
    }

    /// Does what the machine wants.
    fn act(&mut self, now: Now) {
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                self.act_on(now, effect);
            }
        }
    }

    fn act_on(&mut self, now: Now, effect: GeneratorEffect) {
        match effect {
            GeneratorEffect::Make(period) => {
                let (start, kill_at) = limits_of(now, self.machine.schedule(), period);
                let (name, steady) = (*self.machine.name(), Nanos::from_unix(now.steady.get()));
                if let Some(made) = self.source.make(steady, &name, period, start, kill_at) {
                    self.made(now, period, made);
                }
            }
            GeneratorEffect::Reply(ticket, reply) => {
                let generator = *self.machine.name();
                match reply {
                    GeneratorReply::Held(period) => {
                        let held = ReplyBody::Held { generator, period };
                        self.front.reply_first(now, ticket, held);
                    }
                    GeneratorReply::Signal(period, value) => {
                        let signal = ReplyBody::Signal { generator, period, value };
                        self.front.reply(now, ticket, signal);
                    }
                    GeneratorReply::Rejected(reject) => {
                        self.front.reply(now, ticket, ReplyBody::of(&reject));
                    }
                }
            }
            GeneratorEffect::Signal(period, value) => {
                (self.listener)(Event::Signal(period, value));
            }
            GeneratorEffect::Problem(problem) => self.tell(now, problem),
        }
    }

    fn tell(&mut self, now: Now, problem: Option<Problem>) {
        let named =
            problem.map(|problem| TraderProblem::of(self.machine.name().to_string(), problem));
        let problems: Vec<_> = named.into_iter().collect();
        self.problem_log.change(now, &problems);
        (self.listener)(Event::Problems(problems));
    }

    fn made(&mut self, now: Now, period: Period, made: Result<Value, String>) {
        self.machine.made(now, period, made, &mut self.effects);
    }
}

/// One moment on both clocks.
pub(crate) fn now(wall: &WallClock, steady: Nanos) -> Now {
    let unix = Unix::new(wall.now().as_unix());
    Now { unix, steady: Steady::new(steady.as_unix()) }
}

/// When a period starts, and until when a program may run in it: as long as the deadline of a
/// period is after its start, and no longer than the period.
pub(crate) fn limits_of(now: Now, schedule: &Schedule, period: Period) -> (Unix, Nanos) {
    let start = schedule.start_of(period);
    let may_run = schedule.deadline_of(period) - start;
    let end = now.until(schedule.start_of(period.next()));
    let kill_at = (now.steady + may_run).min(end);
    (start, Nanos::from_unix(kill_at.get()))
}

impl Agent for GeneratorAgent {
    fn role(&self) -> &str {
        "generator"
    }

    fn do_work(&mut self, steady: Nanos) -> usize {
        let now = self.now(steady);
        let mut count = 0;
        if let Some((period, made)) = self.source.poll(steady) {
            count += 1;
            self.made(now, period, made);
            self.act(now);
        }
        if self.machine.wake_at() <= now.steady {
            count += 1;
            self.machine.tick(now, &mut self.effects);
            self.act(now);
        }
        count + self.take_requests(now)
    }

    fn wake_at(&self) -> Nanos {
        Nanos::from_unix(self.machine.wake_at().get()).min(self.source.wake_at())
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.front.wait_on(poll_set);
        self.source.wait_on(poll_set);
    }
}
