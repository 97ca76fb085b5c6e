//! The rows of the page of the desk: what a trader holds, has pending, has set, and has done.

use allot_domain::Seq;

use crate::desk_reply::{DeskHolding, DeskOrder, DeskTransaction, DeskTrigger, shown_as};
use crate::text;

/// The shares of a stock.
pub(super) struct Holding {
    pub(super) symbol: String,
    pub(super) free: String,
    pub(super) reserved: String,
}

/// A pending order.
pub(super) struct Order {
    pub(super) side: String,
    pub(super) symbol: String,
    pub(super) shares: String,
    pub(super) price: String,
    pub(super) amount: String,
    pub(super) left: String,
    pub(super) until_ms: u64,
    /// What a button beside it sends; none where a later one of its side goes first.
    pub(super) buttons: Option<OrderButtons>,
}

/// The buttons of an order.
pub(super) struct OrderButtons {
    pub(super) commit: &'static str,
    pub(super) cancel: &'static str,
    pub(super) commit_seq: Seq,
    pub(super) cancel_seq: Seq,
    pub(super) seen: String,
}

/// An amount that is set.
pub(super) struct Trigger {
    pub(super) side: String,
    pub(super) symbol: String,
    pub(super) amount: String,
    pub(super) shares: String,
    pub(super) trigger: Option<String>,
    pub(super) set: &'static str,
    pub(super) cancel: &'static str,
    pub(super) set_seq: Seq,
    pub(super) cancel_seq: Seq,
    pub(super) typed: String,
}

/// Something that happened.
pub(super) struct Transaction {
    pub(super) time: String,
    pub(super) what: String,
    pub(super) symbol: String,
    pub(super) shares: String,
    pub(super) amount: String,
}

impl Holding {
    pub(super) fn of(holding: &DeskHolding) -> Self {
        Self {
            symbol: holding.symbol.clone(),
            free: text::count(holding.free),
            reserved: text::count(holding.reserved),
        }
    }
}

/// The orders; the last of each side has buttons.
pub(super) fn orders(pending: &[DeskOrder], now_ms: u64, next: impl Fn() -> Seq) -> Vec<Order> {
    let is_last = |place: usize, order: &DeskOrder| {
        !pending[place + 1..].iter().any(|later| later.side == order.side)
    };
    let of = |(place, order): (usize, &DeskOrder)| {
        let (commit, cancel) = match order.side.as_str() {
            "sell" => ("COMMIT_SELL", "CANCEL_SELL"),
            _ => ("COMMIT_BUY", "CANCEL_BUY"),
        };
        let left_ms = order.left_ns / 1_000_000;
        Order {
            side: order.side.clone(),
            symbol: order.symbol.clone(),
            shares: text::count(order.shares),
            price: text::grouped(&order.price),
            amount: text::grouped(&order.amount),
            left: format!("{} s", left_ms.div_ceil(1_000)),
            until_ms: now_ms + left_ms,
            buttons: is_last(place, order).then(|| OrderButtons {
                commit,
                cancel,
                commit_seq: next(),
                cancel_seq: next(),
                seen: shown_as(pending, place, now_ms),
            }),
        }
    };
    pending.iter().enumerate().map(of).collect()
}

impl Trigger {
    pub(super) fn of(trigger: &DeskTrigger, typed: String, next: impl Fn() -> Seq) -> Self {
        let (set, cancel) = match trigger.side.as_str() {
            "sell" => ("SET_SELL_TRIGGER", "CANCEL_SET_SELL"),
            _ => ("SET_BUY_TRIGGER", "CANCEL_SET_BUY"),
        };
        Self {
            side: trigger.side.clone(),
            symbol: trigger.symbol.clone(),
            amount: text::grouped(&trigger.amount),
            shares: if trigger.shares == 0 { String::new() } else { text::count(trigger.shares) },
            trigger: trigger.trigger.as_deref().map(text::grouped),
            set,
            cancel,
            set_seq: next(),
            cancel_seq: next(),
            typed,
        }
    }
}

impl Transaction {
    pub(super) fn of(one: &DeskTransaction) -> Self {
        let what = match one.kind.as_str() {
            "added" => "money added",
            "buy_pending" => "purchase pending",
            "bought" => "bought",
            "buy_cancelled" => "purchase cancelled",
            "buy_expired" => "purchase expired",
            "sell_pending" => "sale pending",
            "sold" => "sold",
            "sell_cancelled" => "sale cancelled",
            "sell_expired" => "sale expired",
            "buy_amount_set" => "amount to buy set",
            "buy_armed" => "trigger to buy set",
            "set_buy_cancelled" => "automatic purchase cancelled",
            "buy_fired" => "trigger bought",
            "sell_amount_set" => "amount to sell set",
            "sell_armed" => "trigger to sell set",
            "set_sell_cancelled" => "automatic sale cancelled",
            "sell_fired" => "trigger sold",
            other => other,
        };
        Self {
            time: text::read_zulu(&one.time).map(text::time).unwrap_or_default(),
            what: match one.kind.ends_with("_fired") && one.shares == 0 {
                true => format!("{what} nothing"),
                false => what.to_owned(),
            },
            symbol: one.symbol.clone(),
            shares: if one.shares == 0 { String::new() } else { text::count(one.shares) },
            amount: text::grouped(&one.amount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk_reply::is_shown;

    #[test]
    fn only_the_last_order_of_a_side_has_buttons() {
        let order = |side: &str, symbol: &str| DeskOrder {
            side: side.to_owned(),
            symbol: symbol.to_owned(),
            shares: 1,
            price: "1.00".to_owned(),
            amount: "1.00".to_owned(),
            left_ns: 1_500_000_000,
        };
        let pending = [order("buy", "A"), order("buy", "B"), order("sell", "C")];
        let shown = orders(&pending, 1_000, || Seq::new(1));
        let has: Vec<_> = shown.iter().map(|order| order.buttons.is_some()).collect();
        assert_eq!(has, [false, true, true]);
        // One of two that are alike is another one once the other is gone.
        let alike = [order("buy", "A"), order("sell", "A"), order("buy", "A")];
        let seen = shown_as(&alike, 0, 1_000);
        assert!(is_shown(&alike[..2], 0, 1_000, &seen) && !is_shown(&alike, 2, 1_000, &seen));
        // And so is one that was made later.
        assert!(is_shown(&alike, 0, 2_000, &seen) && !is_shown(&alike, 0, 5_000, &seen));
        assert!(!is_shown(&alike, 0, 1_000, ""));
        assert_eq!((shown[0].left.as_str(), shown[0].until_ms), ("2 s", 2_500));
        assert_eq!(shown[2].buttons.as_ref().unwrap().commit, "COMMIT_SELL");
    }
}
