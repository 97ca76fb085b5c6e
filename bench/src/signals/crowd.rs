//! Crowd: a trader and generators as processes, and strategies as agents on some threads.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use allot_domain::Incarnation;
use allot_runtime::{
    Clock, Context, Link, LinkOptions, Publication, Running, StopRequest, Subscriber, ThreadGroup,
    ThreadSlot, Threads, WaitStrategy, WallClock, duration,
};
use allot_signals_rules::{ComponentName, Rule, Schedule, StrategySettings};
use allot_signals_service::{Event, StrategyAgent, StrategyLinks};
use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::process::{LISTENING, Process, ServerSettings};

/// Threads that strategies share: more would only wait for the cores.
const THREADS_MAX: usize = 8;

/// Nothing takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What comes next on a topic.
pub(super) fn next(subscriber: &mut Subscriber) -> Result<Publication> {
    let clock = Clock::system();
    let until = clock.now() + PATIENCE;
    // It may return early with nothing.
    while clock.now() < until {
        if let Some(publication) = subscriber.receive(until - clock.now()) {
            return Ok(publication);
        }
    }
    bail!("the trader published nothing within a minute")
}

/// A trader or a generator.
pub(super) struct Part {
    _process: Process,
    pub(super) endpoint: String,
    pub(super) publish: Option<String>,
}

impl Part {
    /// Starts `allot signals …` at a free port.
    pub(super) fn start(allot: Option<&Path>, words: &[&str]) -> Result<Self> {
        let settings = ServerSettings { allot: allot.map(Path::to_owned), ..Default::default() };
        let mut command = Command::new(settings.binary()?);
        command.arg("signals").args(words).args(["--listen", "tcp://127.0.0.1:*"]);
        let process = Process::start(command, TempDir::new()?, None, LISTENING)?;
        let endpoint = process.sign.split_whitespace().nth(2);
        let endpoint = endpoint.context("it did not say where it listens")?.to_owned();
        let publish = process.endpoints.get("publish").cloned();
        Ok(Self { _process: process, endpoint, publish })
    }

    /// A generator of random numbers.
    pub(super) fn generator(
        allot: Option<&Path>,
        number: usize,
        schedule: &ScheduleWords,
    ) -> Result<Self> {
        let name = format!("g{number}");
        let words = ["generator", "--name", &name];
        Self::start(allot, &[&words[..], &schedule.words()].concat())
    }
}

/// The period and the jitter as flags.
pub(super) struct ScheduleWords {
    period: String,
    jitter: String,
    pub(super) schedule: Schedule,
}

impl ScheduleWords {
    pub(super) fn new(period: Duration, jitter: Duration) -> Result<Self> {
        let schedule = Schedule::new(period)?.with(None, Some(jitter), None)?;
        let (period, jitter) = (duration::show(period), duration::show(jitter));
        Ok(Self { period, jitter, schedule })
    }

    pub(super) fn words(&self) -> [&str; 4] {
        ["--period", &self.period, "--jitter", &self.jitter]
    }
}

/// Strategies that run.
pub(super) struct Crowd {
    running: Option<Running>,
    registered: Receiver<()>,
    count: usize,
}

impl Crowd {
    /// Starts strategies, each with its own sockets; their names begin with `prefix`.
    pub(super) fn start(
        prefix: &str,
        count: usize,
        trader: &Part,
        generators: &[Part],
        schedule: Schedule,
    ) -> Result<Self> {
        let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
        let (told, registered) = channel();
        let threads = count.min(THREADS_MAX);
        for thread in 0..threads {
            let slot = group.thread(&format!("strategies-{thread}"))?;
            // A context has a limited number of sockets, and its own thread.
            let context = Context::new()?;
            for number in (thread..count).step_by(threads) {
                let name = format!("{prefix}{number}");
                let place = Place { context: &context, slot: &slot, told: &told };
                let agent = place.agent(&name, trader, generators, schedule)?;
                group.add(&slot, Box::new(agent));
            }
        }
        Ok(Self { running: Some(group.start()?), registered, count })
    }

    /// Waits until the trader has registered all.
    pub(super) fn wait(&self) -> Result<()> {
        for _ in 0..self.count {
            let heard = self.registered.recv_timeout(PATIENCE);
            heard.context("a strategy was not registered within a minute")?;
        }
        Ok(())
    }

    /// Ends all at once, without a farewell.
    pub(super) fn kill(&mut self) -> Result<()> {
        let running = self.running.take().context("they were killed before")?;
        running.stop();
        Ok(running.join()?)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.stop();
        }
    }
}

/// Where an agent is put.
struct Place<'a> {
    context: &'a Context,
    slot: &'a ThreadSlot,
    told: &'a Sender<()>,
}

impl Place<'_> {
    fn agent(
        &self,
        name: &str,
        trader: &Part,
        generators: &[Part],
        schedule: Schedule,
    ) -> Result<StrategyAgent> {
        ensure!(!generators.is_empty(), "a strategy has generators");
        let link =
            |endpoint: &str| Link::dealer(self.context, endpoint, None, LinkOptions::default());
        let endpoints = || generators.iter().map(|generator| generator.endpoint.as_str());
        let links = StrategyLinks {
            generators: endpoints().map(link).collect::<Result<_, _>>()?,
            trader: (trader.endpoint.clone(), link(&trader.endpoint)?),
        };
        let wall = WallClock::system();
        let settings = StrategySettings {
            name: ComponentName::new(name.as_bytes()).map_err(|bad| anyhow::anyhow!("{bad}"))?,
            instance: Incarnation::new(wall.now().as_unix()),
            schedule,
            retries: 5,
            rule: Rule::Sum,
            generators: endpoints().map(str::to_owned).collect(),
        };
        let told = self.told.clone();
        let listener = Box::new(move |event| {
            if matches!(event, Event::Registered(_)) {
                // Nobody listens any more once all are registered.
                let _ = told.send(());
            }
        });
        let stop = StopRequest::new(self.slot.waker());
        Ok(StrategyAgent::new(settings, links, None, wall, listener, stop))
    }
}
