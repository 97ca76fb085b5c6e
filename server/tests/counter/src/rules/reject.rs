//! Reject: why a message changes nothing. The codes of the core, and these, in order of precedence.

use std::fmt;

use allot_domain::{Reject as Core, Seq, reasons};

use super::limits::{AWAITS_MAX, KEYS_MAX};

reasons! {
    /// Why a message was refused.
    pub enum Reject extends Core(Core) {
        /// Nothing was ever added to a counter of this key.
        UnknownKey = "unknown_key",
        /// The source has no open await of this number at that counter; holds the number.
        UnknownAwait(Seq) = "unknown_await",
        /// The counter would pass its limit, or would have to; holds the limit.
        ExceedsLimit(u64) = "exceeds_limit",
        /// The shard has [`KEYS_MAX`] counters already.
        TooManyKeys = "too_many_keys",
        /// The shard has [`AWAITS_MAX`] open awaits already.
        TooManyAwaits = "too_many_awaits",
    }
}

impl From<Core> for Reject {
    fn from(reject: Core) -> Self {
        Self::Core(reject)
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(reject) => reject.fmt(f),
            Self::UnknownKey => f.write_str("there is no counter of this key"),
            Self::UnknownAwait(of) => {
                write!(f, "await {of} of this source is not open at this counter")
            }
            Self::ExceedsLimit(limit) => write!(f, "a counter goes up to {limit}"),
            Self::TooManyKeys => write!(f, "a shard has at most {KEYS_MAX} counters"),
            Self::TooManyAwaits => write!(f, "a shard has at most {AWAITS_MAX} open awaits"),
        }
    }
}
