//! Explanation: why a fill was divided as it was, by the definition of the residual alone.
//!
//! Money is in 1e-9, rounded towards zero. What an account misses is its share of the value of all
//! accounts of the split less its own value, both of the shard that divided the fill.

use allot_allocation_rules::{Fill, SplitKey, SplitNumber, Weight};
use allot_domain::{AccountId, Money};

/// Why a fill was divided as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The fill.
    pub fill: Fill,
    /// The number of the split in force.
    pub split: SplitNumber,
    /// Which split that is.
    pub key: SplitKey,
    /// Whether the fill had been held until that split.
    pub is_late: bool,
    /// The accounts of the split, in byte order.
    pub accounts: Vec<AccountExplanation>,
    /// Who got the last share of all.
    pub last: Option<AccountId>,
    /// Who would have got one more share.
    pub next: Option<AccountId>,
}

/// One account of the split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountExplanation {
    /// Its id.
    pub account: AccountId,
    /// Its percentage.
    pub weight: Weight,
    /// How many shares of the ticker it held before.
    pub held: u64,
    /// Its value before, nettings included.
    pub value: Money,
    /// What it missed before the fill; less than zero where it had too much.
    pub missed_before: Money,
    /// How many shares it got, or gave.
    pub shares: u64,
    /// What it misses after the fill.
    pub misses_after: Money,
    /// How much it wanted its last share: what it missed, the fill included, when that was given
    /// to it; of a sale, what it had too much. None without a share.
    pub want_of_last: Option<Money>,
    /// How much it wants one more. None where it may take no more.
    pub want_of_next: Option<Money>,
}
