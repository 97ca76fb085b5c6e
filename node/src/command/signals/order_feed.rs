//! Order feed: each median as a fill, through the front door of a server, on a thread of its own.
//!
//! ```text
//!   trader ── median ──► order feed ── fill ──► feed ══ front door
//! ```

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use allot_domain::{Price, Quantity, Seq, SourceId, Ticker};
use allot_feeds::{FillConfig, Pull, Source, Tally, UnnamedFill};
use allot_runtime::{
    Agent, Clock, CurveKey, Nanos, Running, ThreadGroup, Threads, WaitStrategy, Waker, WallClock,
};
use allot_signals_rules::{Median, Order, OrderEnd, OrderTarget, Period, ProblemKind, Unix, Value};
use allot_signals_service::{OrderPort, ProblemBoard};
use anyhow::{Result, anyhow, ensure};
use clap::Args;

use crate::address::{Address, parse};
use crate::command::feed::source;
use crate::common_args::CommonArgs;
use crate::feed_group::{FeedGroup, Feeds};
use crate::flags::Flags;
use crate::misuse::{Misuse, demand};
use crate::setting::{Key, set};

/// How orders are made.
#[derive(Args)]
#[command(next_help_heading = "Orders")]
pub(super) struct OrderFlags {
    /// Send each median as a fill to the front door of a server
    #[arg(long, value_name = "FRONT", value_parser = parse, requires_all = ["ticker", "price"])]
    orders: Option<Address>,
    /// What is traded
    #[arg(long, value_name = "TICKER", requires = "orders")]
    ticker: Option<String>,
    /// Price of each fill
    #[arg(long, value_name = "PRICE", requires = "orders", allow_negative_numbers = true)]
    price: Option<String>,
    /// Shares for a median of one: more than zero is bought, less is sold
    #[arg(
        long,
        value_name = "SHARES",
        default_value = "100",
        requires = "orders",
        allow_negative_numbers = true
    )]
    scale: String,
    /// Source name of the fills; the period is the number of each
    #[arg(long, value_name = "NAME", default_value = "trader", requires = "orders")]
    orders_source: String,
    #[command(flatten)]
    front_key: Flags<{ set(&[Key::FrontKey]) }>,
}

/// The name of the feed among the components.
const NAME: &str = "orders";

/// The thread of an order feed.
pub(crate) struct OrderThread {
    running: Running,
}

/// Tells the trader of orders that have ended.
#[derive(Clone)]
struct OrderEnds {
    sender: Sender<(Period, OrderEnd)>,
    waker: Waker,
}

/// The feed, and what a median becomes. It blocks where it examines a front door that is silent.
struct OrderFeed {
    medians: Receiver<Median>,
    feeds: Feeds,
    sender: Sender<UnnamedFill>,
    ends: OrderEnds,
    /// When to look how orders fare.
    look_at: Nanos,
    orders: Orders,
    board: ProblemBoard,
    wall: WallClock,
    /// How many fills were handed to the feed.
    made: u64,
    /// How many replies there were when this looked last: taken, and rejected.
    taken: u64,
    rejected: u64,
    /// Whether fills were held when this looked last.
    are_held: bool,
    /// Since when a reply is expected.
    waits_since: Option<Unix>,
    /// Whether that was said.
    is_late: bool,
    has_ended: bool,
}

/// How often to look how orders fare.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the thread may take to end: it may examine a front door.
const END_WITHIN: Duration = Duration::from_secs(10);

/// After this long without a reply to an order it is named.
const LATE_AFTER: Duration = Duration::from_secs(5);

/// The code by which a trader or a generator rejects a fill.
const UNKNOWN_TYPE: &str = "unknown_type";

/// What is wrong where a server takes fills and cannot divide them.
const HELD: &str = "fills are held: the server has no split yet; send it one, for example with \
                    `allot feed aum`";

/// Where orders go, as what, and under which name.
pub(super) struct OrderSettings {
    front: String,
    front_key: Option<CurveKey>,
    source: SourceId,
    orders: Orders,
}

/// What a median becomes.
pub(crate) struct Orders {
    ticker: Ticker,
    price: Price,
    scale: Value,
}

/// Fills that the trader makes.
struct Pending {
    fills: Receiver<UnnamedFill>,
    ends: OrderEnds,
}

impl Source for Pending {
    fn next(&mut self) -> Pull {
        // An end that is gone is a process that ends.
        self.fills.try_recv().map_or(Pull::Waiting, Pull::Fill)
    }

    fn replied(&mut self, seq: Seq) {
        self.ends.tell(Period::new(seq.get()), OrderEnd::Replied);
    }
}

impl OrderFlags {
    /// What is asked for, if it is.
    pub(super) fn order_settings(&self, common: &CommonArgs) -> Result<Option<OrderSettings>> {
        let (Some(front), Some(ticker), Some(price)) = (&self.orders, &self.ticker, &self.price)
        else {
            demand(self.front_key.given.is_empty(), "--front-key needs --orders FRONT")?;
            return Ok(None);
        };
        let orders = Orders::new(ticker, price, &self.scale).map_err(Misuse::error)?;
        let source = source(Some(&self.orders_source), "");
        let source = source.map_err(|error| Misuse::error(format!("--orders-source: {error}")))?;
        let front_key = common.settings(&self.front_key.given)?.front_key;
        Ok(Some(OrderSettings { front: front.0.clone(), front_key, source, orders }))
    }
}

impl OrderSettings {
    /// Starts the feed; the trader has this waker.
    pub(super) fn start(
        self,
        board: &ProblemBoard,
        waker: &Waker,
    ) -> Result<(OrderThread, OrderPort)> {
        let Self { front, front_key, source, orders } = self;
        OrderThread::start(&front, front_key, source, orders, board, waker)
    }
}

impl Orders {
    /// Fills of this ticker at this price; so many shares for a median of one.
    pub(crate) fn new(ticker: &str, price: &str, scale: &str) -> Result<Self> {
        let scale = Value::parse(scale).map_err(|bad| anyhow!("--scale: {bad}"))?;
        ensure!(scale.get() != 0.0, "--scale must not be zero: no median would make an order");
        Ok(Self {
            ticker: Ticker::new(ticker.as_bytes()).map_err(|bad| anyhow!("--ticker: {bad}"))?,
            price: Price::parse(price).map_err(|bad| anyhow!("--price: {bad}"))?,
            scale,
        })
    }
}

impl OrderThread {
    /// Starts a feed to a front door, which has this key if it encrypts.
    pub(crate) fn start(
        front: &str,
        key: Option<CurveKey>,
        name: SourceId,
        orders: Orders,
        board: &ProblemBoard,
        waker: &Waker,
    ) -> Result<(Self, OrderPort)> {
        let (ends, ended) = channel();
        let ends = OrderEnds { sender: ends, waker: waker.clone() };
        let Orders { ticker, price, scale } = &orders;
        let target = format!("{front} as {name}: {ticker} at {price}, scale {scale}");
        let (sender, fills) = channel();
        let mut feeds = FeedGroup::new(front, key)?;
        // A feed sends an order until it has a reply, however long the server is away.
        feeds.add_fills(FillConfig::new(name), Box::new(Pending { fills, ends: ends.clone() }))?;
        let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
        let slot = group.blocking_thread(NAME)?;
        let (to_order, medians) = channel();
        let feed = OrderFeed {
            medians,
            feeds: feeds.start()?,
            sender,
            ends,
            look_at: Nanos::ZERO,
            orders,
            board: board.clone(),
            wall: WallClock::system(),
            made: 0,
            taken: 0,
            rejected: 0,
            are_held: false,
            waits_since: None,
            is_late: false,
            has_ended: false,
        };
        group.add(&slot, Box::new(feed));
        let waker = slot.waker().clone();
        let send = Box::new(move |median| {
            // An end that is gone is a process that ends.
            let _ = to_order.send(median);
            waker.wake();
        });
        let port = OrderPort { target: OrderTarget::new(&target), send, ended };
        Ok((Self { running: group.start()? }, port))
    }

    /// Ends the feed.
    pub(super) fn stop(self) -> Result<()> {
        self.running.stop();
        Ok(self.running.join_within(END_WITHIN)?)
    }
}

impl OrderEnds {
    fn tell(&self, period: Period, end: OrderEnd) {
        // A trader that is gone has stopped.
        let _ = self.sender.send((period, end));
        self.waker.wake();
    }
}

impl OrderFeed {
    /// Makes an order of a median. The period is its number: sent again after a restart, it is the
    /// same fill, and counts once.
    fn send(&mut self, median: &Median) {
        let Some(fill) = self.fill(median) else {
            return self.ends.tell(median.period, OrderEnd::NotSent);
        };
        if self.sender.send(fill).is_ok() {
            self.made += 1;
            self.feeds.waker().wake();
        }
    }

    /// The fill of a median; none where there is none to make, which is named.
    fn fill(&self, median: &Median) -> Option<UnnamedFill> {
        let period = median.period.get();
        let order = match Order::of(median.value, self.orders.scale) {
            Ok(Some(order)) => order,
            Ok(None) => {
                tracing::info!(period, "no order: it would have no shares");
                return None;
            }
            Err(error) => {
                let (value, scale) = (median.value, self.orders.scale);
                let reason = format!(
                    "no order of period {period}: {error}; it is the median {value} times --scale \
                     {scale}"
                );
                self.problem(ProblemKind::Refused, &reason);
                return None;
            }
        };
        let quantity = Quantity::parse(&order.quantity.to_string())
            .map_err(|reject| self.problem(ProblemKind::Refused, &reject.to_string()))
            .ok()?;
        Some(UnnamedFill {
            seq: Seq::new(period),
            id: None,
            line: None,
            ticker: self.orders.ticker,
            side: order.side,
            price: self.orders.price,
            quantity,
            time_ns: None,
        })
    }

    /// Says on the board how orders fare, when that changes: rejected, late, or well.
    fn look(&mut self) {
        if !self.has_ended && self.feeds.are_finished() {
            self.has_ended = true;
            self.problem(ProblemKind::Refused, "the feed has ended; start the trader again");
        }
        let (rejected, replied) = (self.feeds.get(Tally::Rejected), self.feeds.get(Tally::Replied));
        let taken = replied.saturating_sub(rejected);
        let are_held = self.feeds.get(Tally::Followed) < self.feeds.get(Tally::Held);
        if self.rejected < rejected {
            let code = self.feeds.rejection().unwrap_or_default();
            let front = self.feeds.front();
            let hint = match code.as_str() {
                UNKNOWN_TYPE => "; is that the front door of a server?",
                _ => "",
            };
            let reason = format!("{front} rejected an order: {code}{hint}");
            self.problem(ProblemKind::Refused, &reason);
        } else if are_held && (!self.are_held || self.taken < taken) {
            self.problem(ProblemKind::Missing, HELD);
        } else if !are_held && (self.are_held || self.taken < taken) {
            self.board.set(NAME, self.now(), None);
        }
        self.are_held = are_held;
        let has_heard = self.rejected + self.taken < replied;
        (self.rejected, self.taken) = (rejected, taken);
        // One order may be on its way at every look, and each have its reply.
        if has_heard || self.made <= replied {
            (self.waits_since, self.is_late) = (None, false);
            return;
        }
        let since = *self.waits_since.get_or_insert(self.now());
        if !self.is_late && LATE_AFTER < self.now() - since {
            self.is_late = true;
            let count = self.made - replied;
            let orders = if count == 1 { "order" } else { "orders" };
            let why = self.feeds.examine_front();
            let reason = format!("no reply to {count} {orders}: {why}");
            self.problem(ProblemKind::Missing, &reason);
        }
    }

    fn problem(&self, kind: ProblemKind, reason: &str) {
        self.board.set(NAME, self.now(), Some((kind, reason.to_owned())));
    }

    fn now(&self) -> Unix {
        Unix::new(self.wall.now().as_unix())
    }
}

impl Agent for OrderFeed {
    fn role(&self) -> &str {
        NAME
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        while let Ok(median) = self.medians.try_recv() {
            count += 1;
            self.send(&median);
        }
        if 0 < count || self.look_at <= now {
            self.look_at = now + LOOK_EVERY;
            self.look();
        }
        count
    }

    fn wake_at(&self) -> Nanos {
        self.look_at
    }
}
