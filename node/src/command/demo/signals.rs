//! Signals of the demo: three generators, two strategies and a trader, whose medians become fills.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use allot_domain::Incarnation;
use allot_runtime::{
    Clock, Context, Link, LinkOptions, Running, StopRequest, ThreadGroup, ThreadSlot, Threads,
    WaitStrategy, WallClock,
};
use allot_signals_rules::{
    ComponentName, Median, Order, Period, Rule, Schedule, StrategySettings, TraderSettings, Value,
};
use allot_signals_service::{
    Event, GeneratorAgent, OrderPort, ProblemBoard, Source, StrategyAgent, StrategyLinks,
    TraderAgent, TraderEndpoints, TraderJournal, TraderStart,
};
use anyhow::{Context as _, Result, anyhow};

use crate::command::feed::{seed, source};
use crate::command::signals::order_feed::{OrderThread, Orders};

/// Short, so that something happens while somebody looks.
const PERIOD: Duration = Duration::from_secs(2);
/// What the trader trades: a ticker of its own, so that its fills stand out.
const TICKER: &str = "SIGNALS";
const PRICE: &str = "100";
const SCALE: &str = "100";
/// Periods of which it is known what was made.
const KEPT: usize = 2;
/// Any free port.
const ANY: &str = "tcp://127.0.0.1:*";

/// The agents, on one thread, and what they said last.
pub(super) struct Signals {
    /// Stopped when it is dropped, and the orders after it.
    _running: Running,
    /// Who makes signals says so; the others name themselves in what they say.
    events: Receiver<(Option<String>, Event)>,
    _orders: OrderThread,
    scale: Value,
    /// What each component made: in the period that is going on, and in the one before.
    made: BTreeMap<Period, BTreeMap<String, Value>>,
    median: Option<Median>,
}

/// What all agents of the demo share.
struct Stage {
    group: ThreadGroup,
    slot: ThreadSlot,
    context: Context,
    wall: WallClock,
    schedule: Schedule,
    told: Sender<(Option<String>, Event)>,
}

impl Signals {
    /// Starts everything; fills go to this front door.
    pub(super) fn start(front: &str) -> Result<Self> {
        let wait = WaitStrategy::default();
        let mut group = ThreadGroup::new(Clock::system(), wait, Threads::Shared);
        let slot = group.thread("signals")?;
        let (told, events) = channel();
        let schedule = Schedule::new(PERIOD)?;
        let (context, wall) = (Context::new()?, WallClock::system());
        let mut stage = Stage { group, slot, context, wall, schedule, told };
        let board = ProblemBoard::new(stage.slot.waker());
        let generators: Vec<_> =
            (1..=3).map(|number| stage.generator(number)).collect::<Result<_>>()?;
        let orders = Orders::new(TICKER, PRICE, SCALE)?;
        let (name, waker) = (source(None, "trader")?, stage.slot.waker().clone());
        let (orders, port) = OrderThread::start(front, None, name, orders, &board, &waker)?;
        let trader = stage.trader(board, port)?;
        stage.strategy("X", &trader, &generators[..1])?;
        stage.strategy("Y", &trader, &generators[1..])?;
        let scale = Value::parse(SCALE)?;
        let running = stage.group.start()?;
        let (made, median) = (BTreeMap::new(), None);
        Ok(Self { _running: running, events, _orders: orders, scale, made, median })
    }

    /// Takes what has happened, and says how it stands, in one line.
    pub(super) fn line(&mut self) -> String {
        while let Ok((speaker, event)) = self.events.try_recv() {
            match (event, speaker) {
                (Event::Signal(period, value), Some(name)) => self.note(period, name, value),
                (Event::Submitted(name, period, value), _) => {
                    self.note(period, name.to_string(), value);
                }
                (Event::Median(median), _) => self.median = Some(median),
                _ => {}
            }
        }
        let shown = self.median.as_ref().map(|median| self.period_text(median));
        let shown = shown.unwrap_or_else(|| "no median yet".to_owned());
        format!("signals every {} s: {shown}", PERIOD.as_secs())
    }

    fn note(&mut self, period: Period, name: String, value: Value) {
        self.made.entry(period).or_default().insert(name, value);
        while KEPT < self.made.len() {
            self.made.pop_first();
        }
    }

    /// A period as a whole: its signals, its decisions, its median and its order.
    fn period_text(&self, median: &Median) -> String {
        let values = self.made.get(&median.period).into_iter().flatten();
        let values = values.map(|(name, value)| format!("{name} {:.4}", value.get()));
        let parts: Vec<_> = values.chain([self.median_text(median.value)]).collect();
        parts.join(" · ")
    }

    fn median_text(&self, value: Value) -> String {
        let fill = match Order::of(value, self.scale) {
            Ok(Some(order)) => format!("{} {} {TICKER}", order.side, order.quantity),
            _ => "no fill".to_owned(),
        };
        format!("median {:.4} · {fill}", value.get())
    }
}

impl Stage {
    fn listener(&self, speaker: Option<&str>) -> Box<dyn FnMut(Event) + Send> {
        let (told, speaker) = (self.told.clone(), speaker.map(str::to_owned));
        // Whoever shows it may have ended already.
        Box::new(move |event| drop(told.send((speaker.clone(), event))))
    }

    fn generator(&mut self, number: u64) -> Result<String> {
        let (name, source) = (component(&format!("G{number}"))?, Source::random(seed(None)));
        let (wall, listener) = (self.wall.clone(), self.listener(Some(name.as_str())));
        let agent =
            GeneratorAgent::bind(&self.context, ANY, name, self.schedule, source, wall, listener)?;
        let endpoint = agent.endpoint().context("a generator has an endpoint")?.to_owned();
        self.group.add(&self.slot, Box::new(agent));
        Ok(endpoint)
    }

    fn trader(&mut self, board: ProblemBoard, port: OrderPort) -> Result<String> {
        let settings = TraderSettings { schedule: self.schedule, lease: PERIOD / 3 };
        let journal = TraderJournal::none();
        let (orders, stop) = (Some(port), StopRequest::new(self.slot.waker()));
        let start = TraderStart { settings, records: Vec::new(), journal, board, orders, stop };
        let endpoints = TraderEndpoints { listen: ANY, publish: ANY };
        let (wall, now) = (self.wall.clone(), Clock::system().now());
        let listener = self.listener(None);
        let agent = TraderAgent::bind(&self.context, endpoints, start, wall, now, listener)?;
        let endpoint = agent.endpoint().context("a trader has an endpoint")?.to_owned();
        self.group.add(&self.slot, Box::new(agent));
        Ok(endpoint)
    }

    fn strategy(&mut self, name: &str, trader: &str, generators: &[String]) -> Result<()> {
        let link =
            |endpoint: &str| Link::dealer(&self.context, endpoint, None, LinkOptions::default());
        let links = StrategyLinks {
            generators: generators.iter().map(|one| link(one)).collect::<Result<_, _>>()?,
            trader: (trader.to_owned(), link(trader)?),
        };
        let settings = StrategySettings {
            name: component(name)?,
            instance: Incarnation::new(self.wall.now().as_unix()),
            schedule: self.schedule,
            retries: 5,
            rule: Rule::Sum,
            generators: generators.to_vec(),
        };
        let stop = StopRequest::new(self.slot.waker());
        let (wall, listener) = (self.wall.clone(), self.listener(None));
        let agent = StrategyAgent::new(settings, links, None, wall, listener, stop);
        self.group.add(&self.slot, Box::new(agent));
        Ok(())
    }
}

fn component(name: &str) -> Result<ComponentName> {
    ComponentName::new(name.as_bytes()).map_err(|reject| anyhow!("{reject}"))
}
