//! Signals of the demo: three generators, two strategies and a trader, whose medians become fills.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use allot_domain::Incarnation;
use allot_runtime::{
    Clock, Context, Link, LinkOptions, Running, ThreadGroup, ThreadSlot, Threads, WaitStrategy,
    WallClock,
};
use allot_signals_rules::{
    ComponentName, Order, Rule, Schedule, StrategySettings, TraderSettings, Value,
};
use allot_signals_service::{
    Event, GeneratorAgent, ProblemBoard, Source, StopRequest, StrategyAgent, StrategyLinks,
    TraderAgent, TraderEndpoints, TraderJournal, TraderStart,
};
use anyhow::{Context as _, Result, anyhow};

use crate::command::feed::{seed, source};
use crate::command::signals::order_feed::{OrderFeed, Orders};

/// Short, so that something happens while somebody looks.
const PERIOD: Duration = Duration::from_secs(2);
/// What the trader trades: a ticker of its own, so that its fills stand out.
const TICKER: &str = "SIGNALS";
const PRICE: &str = "100";
const SCALE: &str = "100";
/// Any free port.
const ANY: &str = "tcp://127.0.0.1:*";

/// The agents, on one thread, and what they said last.
pub(super) struct Signals {
    /// Stopped when it is dropped, and the orders after it.
    _running: Running,
    events: Receiver<Event>,
    orders: OrderFeed,
    scale: Value,
    decisions: Vec<(ComponentName, Value)>,
    median: Option<String>,
}

/// What all agents of the demo share.
struct Stage {
    group: ThreadGroup,
    slot: ThreadSlot,
    context: Context,
    wall: WallClock,
    schedule: Schedule,
    told: std::sync::mpsc::Sender<Event>,
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
        let trader = stage.trader(board.clone())?;
        stage.strategy("X", &trader, &generators[..1])?;
        stage.strategy("Y", &trader, &generators[1..])?;
        let orders = Orders::new(TICKER, PRICE, SCALE)?;
        let orders = OrderFeed::start(front, None, source(None, "trader")?, orders, &board)?;
        let scale = Value::parse(SCALE)?;
        let running = stage.group.start()?;
        let (decisions, median) = (Vec::new(), None);
        Ok(Self { _running: running, events, orders, scale, decisions, median })
    }

    /// Takes what has happened, and says how it stands, in one line.
    pub(super) fn line(&mut self) -> String {
        while let Ok(event) = self.events.try_recv() {
            match event {
                Event::Submitted(name, _, value) => {
                    self.decisions.retain(|(known, _)| *known != name);
                    self.decisions.push((name, value));
                    self.decisions.sort_unstable_by_key(|(name, _)| *name);
                }
                Event::Median(median) => {
                    self.orders.send(&median);
                    self.median = Some(self.median_text(median.value));
                }
                _ => {}
            }
        }
        self.orders.look();
        let decisions =
            self.decisions.iter().map(|(name, value)| format!("{name} {:.4}", value.get()));
        let median = self.median.clone().unwrap_or_else(|| "no median yet".to_owned());
        let parts: Vec<_> = decisions.chain([median]).collect();
        format!("signals every {} s: {}", PERIOD.as_secs(), parts.join(" · "))
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
    fn listener(&self) -> Box<dyn FnMut(Event) + Send> {
        let told = self.told.clone();
        // Whoever shows it may have ended already.
        Box::new(move |event| drop(told.send(event)))
    }

    fn generator(&mut self, number: u64) -> Result<String> {
        let (name, source) = (component(&format!("G{number}"))?, Source::random(seed(None)));
        let (wall, listener) = (self.wall.clone(), self.listener());
        let agent =
            GeneratorAgent::bind(&self.context, ANY, name, self.schedule, source, wall, listener)?;
        let endpoint = agent.endpoint().context("a generator has an endpoint")?.to_owned();
        self.group.add(&self.slot, Box::new(agent));
        Ok(endpoint)
    }

    fn trader(&mut self, board: ProblemBoard) -> Result<String> {
        let settings = TraderSettings { schedule: self.schedule, lease: PERIOD / 3 };
        let journal = TraderJournal::none();
        let start = TraderStart { settings, records: Vec::new(), journal, board };
        let endpoints = TraderEndpoints { listen: ANY, publish: ANY };
        let (wall, now) = (self.wall.clone(), Clock::system().now());
        let listener = self.listener();
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
        let (wall, listener) = (self.wall.clone(), self.listener());
        let agent = StrategyAgent::new(settings, links, None, wall, listener, stop);
        self.group.add(&self.slot, Box::new(agent));
        Ok(())
    }
}

fn component(name: &str) -> Result<ComponentName> {
    ComponentName::new(name.as_bytes()).map_err(|reject| anyhow!("{reject}"))
}
