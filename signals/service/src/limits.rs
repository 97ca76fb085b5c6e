//! Every bound of the messages, each with its reason.

use allot_signals_rules::limits::{ADDRESS_LEN_MAX, GENERATORS_MAX, NAME_LEN_MAX, REASON_LEN_MAX};

/// Problems in one message; the number of all stands beside them.
pub const PROBLEMS_MAX: usize = 256;

/// A report of one generator in a message: its texts, each with its length, and some numbers.
const REPORT_BYTES: usize = NAME_LEN_MAX + ADDRESS_LEN_MAX + REASON_LEN_MAX + 200;

const _: () = {
    // A registration with all its reports, with every character escaped, is a message.
    assert!(GENERATORS_MAX * REPORT_BYTES * 6 < allot_domain::limits::MESSAGE_MAX);
};
