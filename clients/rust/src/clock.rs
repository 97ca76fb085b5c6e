//! The clock: the one file of this crate that reads it.
//!
//! A client runs in programs that have no `runtime`, whose clock would bring libzmq along.

use std::time::{Instant, SystemTime};

/// The steady time.
#[expect(clippy::disallowed_methods, reason = "programs of users have no clock of runtime")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A number that differs from one process and one moment to the next, to make a name of.
#[expect(clippy::disallowed_methods, reason = "programs of users have no clock of runtime")]
pub(crate) fn entropy() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let nanos = u64::from(since.subsec_nanos()) ^ (since.as_secs() << 30);
    nanos ^ (u64::from(std::process::id()) << 42)
}
