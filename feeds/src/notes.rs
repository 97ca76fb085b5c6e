//! Notes: what a feed remembers in words, of the few events that are rare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::{BadLine, FeedError, Skipped};

/// The rejections of one code.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rejections {
    /// How many there were.
    pub count: u64,
    /// The first of them: place and reason.
    pub first: Vec<String>,
}

/// That a feed ended because the server took nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GaveUp {
    /// For how long it took nothing.
    pub after: Duration,
    /// Why, if it said so; else nothing came from it.
    pub refused: Option<String>,
}

/// What is rare and has text.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    /// What was rejected, by code.
    pub(crate) rejections: BTreeMap<String, Rejections>,
    /// The first fills that are still held.
    pub(crate) held: Vec<String>,
    /// The first messages without a reply.
    pub(crate) unanswered: Vec<String>,
    /// That the feed ended because the server took nothing.
    pub(crate) gave_up: Option<GaveUp>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) stopped_by: Option<BadLine>,
    /// Why replies are no longer logged.
    pub(crate) log_failure: Option<Arc<FeedError>>,
}
