//! Every bound of the rules, each with its reason.

use core::time::Duration;

/// Bytes of a component's name: it stands in every line of every table.
pub const NAME_LEN_MAX: usize = 32;

/// Strategies of one trader. A decision of each, and a state of each, fit into a few MiB.
pub const STRATEGIES_MAX: usize = 4_096;

/// Generators of one strategy: it tells the trader the state of each with every renewal.
pub const GENERATORS_MAX: usize = 64;

/// States of generators that a trader keeps, of all strategies together.
pub const REPORTS_MAX: usize = 16_384;

/// Strategies of another period that a trader names. The next ones are refused, and not named.
pub const MISMATCHES_MAX: usize = 64;

/// Orders without a reply that a trader remembers: days of medians. The next ones are not sent.
pub const ORDERS_OWED_MAX: usize = 16_384;

/// Bytes of an address in a report.
pub const ADDRESS_LEN_MAX: usize = 128;

/// Bytes of a reason in a report; what is longer is cut.
pub const REASON_LEN_MAX: usize = 240;

/// Requests that a generator keeps until it has the signal. A request is about 200 bytes.
pub const KEPT_MAX: usize = 8_192;

/// Signals that a generator remembers: a clock is set back by less, or is not trusted anyway.
pub const SIGNALS_KEPT: usize = 16;

/// The shortest period: a network and a loaded machine need some tens of milliseconds.
pub const PERIOD_LEAST: Duration = Duration::from_millis(100);
/// The longest period: a week.
pub const PERIOD_MOST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The longest lease: a crashed strategy keeps its name that long.
pub const LEASE_MOST: Duration = Duration::from_secs(3_600);
/// The shortest lease; see [`crate::Schedule::lease_least`].
pub const LEASE_LEAST: Duration = Duration::from_millis(30);
/// The longest that the shortest lease of a schedule is: a strategy renews three times in a lease.
pub const LEASE_LEAST_MOST: Duration = Duration::from_secs(1);

/// How long a strategy that is stopped tries to deregister.
pub const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The first and the longest pause before a request is sent again, beside what the period allows.
pub const RETRY_FIRST_LEAST: Duration = Duration::from_millis(20);
/// See [`RETRY_FIRST_LEAST`].
pub const RETRY_FIRST_MOST: Duration = Duration::from_secs(1);

const _: () = {
    assert!(NAME_LEN_MAX <= allot_domain::limits::ID_LEN_MAX);
    assert!(GENERATORS_MAX <= REPORTS_MAX);
    assert!(LEASE_LEAST.as_millis() < LEASE_LEAST_MOST.as_millis());
    assert!(LEASE_LEAST_MOST.as_millis() < LEASE_MOST.as_millis());
    // The lease that a trader has by default.
    assert!(LEASE_LEAST.as_millis() < PERIOD_LEAST.as_millis() / 3);
    assert!(PERIOD_LEAST.as_millis() < PERIOD_MOST.as_millis());
};
