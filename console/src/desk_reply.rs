//! What a desk replies, as any client reads its lines: `docs/WIRE-DESK.md` has every field.

use serde::Deserialize;

/// A reply. Amounts are text with two decimals; what a reply does not have is empty.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeskReply {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) seq: u64,
    pub(crate) duplicate: bool,
    pub(crate) code: String,
    pub(crate) reason: String,
    pub(crate) answer: String,
    pub(crate) awaits: String,
    pub(crate) side: String,
    pub(crate) symbol: String,
    pub(crate) shares: u64,
    pub(crate) price: String,
    pub(crate) amount: String,
    pub(crate) until: String,
    pub(crate) cash: String,
    #[serde(flatten)]
    pub(crate) account: DeskAccount,
}

/// The account of a user, as a summary has it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeskAccount {
    pub(crate) held: String,
    pub(crate) reserved: String,
    /// In the order of the symbols.
    pub(crate) holdings: Vec<DeskHolding>,
    /// Buys, then sells, the oldest first.
    pub(crate) pending: Vec<DeskOrder>,
    /// Buys, then sells, in the order of the symbols.
    pub(crate) triggers: Vec<DeskTrigger>,
    /// The last transactions, the oldest first.
    pub(crate) recent: Vec<DeskTransaction>,
}

/// The shares of a stock.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct DeskHolding {
    pub(crate) symbol: String,
    pub(crate) free: u64,
    pub(crate) reserved: u64,
}

/// A purchase or a sale that is pending.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub(crate) struct DeskOrder {
    pub(crate) side: String,
    pub(crate) symbol: String,
    pub(crate) shares: u64,
    pub(crate) price: String,
    pub(crate) amount: String,
    pub(crate) left_ns: u64,
}

/// An amount that is set, and its trigger if there is one.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct DeskTrigger {
    pub(crate) side: String,
    pub(crate) symbol: String,
    pub(crate) amount: String,
    pub(crate) shares: u64,
    pub(crate) trigger: Option<String>,
}

/// Something that happened to the account.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct DeskTransaction {
    pub(crate) kind: String,
    pub(crate) time: String,
    #[serde(default)]
    pub(crate) symbol: String,
    pub(crate) amount: String,
    pub(crate) shares: u64,
}

impl DeskOrder {
    /// What it is, in words.
    pub(crate) fn text(&self) -> String {
        let Self { side, symbol, shares, price, .. } = self;
        format!("{side} {shares} {symbol} at {price}")
    }
}

/// How far apart the same order may seem to end: between the desk and here, time passes.
const ENDS_APART_MS: u64 = 2_000;

/// How a button names the order that it is for: with when it ends and its place among those of its
/// side, so that of two that are alike each is its own.
pub(crate) fn shown_as(pending: &[DeskOrder], place: usize, now_ms: u64) -> String {
    let order = &pending[place];
    let of_side = pending[..=place].iter().filter(|one| one.side == order.side).count();
    format!("{} {of_side}: {}", ends_at(order, now_ms), order.text())
}

/// Whether an order is the one that a button named.
pub(crate) fn is_shown(pending: &[DeskOrder], place: usize, now_ms: u64, seen: &str) -> bool {
    let now = shown_as(pending, place, now_ms);
    let (Some((then, seen)), Some((_, now))) = (seen.split_once(' '), now.split_once(' ')) else {
        return false;
    };
    let apart = |then: u64| then.abs_diff(ends_at(&pending[place], now_ms));
    seen == now && then.parse().is_ok_and(|then| apart(then) <= ENDS_APART_MS)
}

fn ends_at(order: &DeskOrder, now_ms: u64) -> u64 {
    now_ms + order.left_ns / 1_000_000
}

impl DeskReply {
    /// Whether the command was refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.kind == "rejected"
    }
}
