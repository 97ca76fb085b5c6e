//! A stage: how far a connection is that is made again when it was lost.

use std::time::Instant;

/// How far the connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// There is none before this moment.
    Away { until: Instant },
    /// It is being made, until this moment at the most.
    Begun { until: Instant },
    /// Messages come and go.
    Open,
}
