//! Notes: what a feed remembers in words, of the few events that are rare.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{BadLine, FeedError, Skipped};

/// What is rare and has text.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    pub(crate) codes: BTreeMap<String, u64>,
    pub(crate) reasons: Vec<String>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) stopped_by: Option<BadLine>,
    /// Why replies are no longer logged.
    pub(crate) log_failure: Option<Arc<FeedError>>,
}
