//! Order port: between a trader, which knows what is owed, and whoever sends orders.

use std::sync::mpsc::Receiver;

use allot_signals_rules::{Median, OrderEnd, OrderTarget, Period};

/// Where a trader hands over its orders. Neither side waits for the other.
pub struct OrderPort {
    /// Where they go, and as what.
    pub target: OrderTarget,
    /// Takes each median that is to be ordered.
    pub send: Box<dyn FnMut(Median) + Send>,
    /// The orders that have ended; the trader's thread is woken.
    pub ended: Receiver<(Period, OrderEnd)>,
}
