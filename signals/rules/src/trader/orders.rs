//! Orders: which medians are owed to a server, through restarts.
//!
//! ```text
//!   target T ─► median of n: owed to T ─┬─ replied to, or not sent ─► owed no more
//!                                       └─ another target ──────────► owed no more, and named
//! ```
//!
//! A median that was recorded while orders went to a target is owed to that target, and to no other
//! one: not to one that is given later.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Median, Record, Trader, TraderEffect};
use crate::{Now, Period, limits};

/// Where orders go and as what: all that makes an order of a median, as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderTarget(Arc<str>);

/// How an order has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderEnd {
    /// The server has replied to it.
    Replied,
    /// It was not sent, and will not be.
    NotSent,
}

/// Where orders go, and which of them have no reply.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    target: Option<OrderTarget>,
    owed: BTreeMap<Period, Median>,
}

impl OrderTarget {
    /// A target of this description: two of the same one are the same target.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The description.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Orders {
    /// What a record of orders changes.
    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::Target(target) if self.target != *target => {
                self.target.clone_from(target);
                self.owed.clear();
            }
            Record::Median(median) if self.target.is_some() => {
                self.owed.insert(median.period, *median);
            }
            Record::Ordered(period, _) => drop(self.owed.remove(period)),
            _ => {}
        }
    }

    /// The records of the same orders.
    pub(super) fn records(&self) -> impl Iterator<Item = Record> {
        let target = self.target.clone().map(|target| Record::Target(Some(target)));
        target.into_iter().chain(self.owed.values().copied().map(Record::Median))
    }

    pub(super) fn is_owed(&self, period: Period) -> bool {
        self.owed.contains_key(&period)
    }
}

impl Trader {
    /// Where orders go from now on; returns the medians that were owed to another target, and are
    /// no more.
    pub fn order_to(
        &mut self,
        now: Now,
        target: Option<OrderTarget>,
        out: &mut Vec<TraderEffect>,
    ) -> Vec<Period> {
        if self.orders.target == target {
            return Vec::new();
        }
        let owed = self.orders.owed.keys().copied().collect();
        self.record(Record::Target(target), now, out);
        owed
    }

    /// The medians whose orders have no reply, in the order of their periods.
    pub fn owed(&self) -> impl Iterator<Item = Median> {
        self.orders.owed.values().copied()
    }

    /// An order has ended.
    pub fn end_order(
        &mut self,
        now: Now,
        period: Period,
        end: OrderEnd,
        out: &mut Vec<TraderEffect>,
    ) {
        if self.orders.is_owed(period) {
            self.record(Record::Ordered(period, end), now, out);
        }
    }

    /// Too many orders have no reply: that of this median is not sent.
    pub(super) fn bound_orders(&mut self, now: Now, period: Period, out: &mut Vec<TraderEffect>) {
        if limits::ORDERS_OWED_MAX < self.orders.owed.len() {
            self.end_order(now, period, OrderEnd::NotSent, out);
        }
    }
}
