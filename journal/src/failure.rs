//! A failure: what ended a journal, known to all three of its ends at once.

use std::sync::{Arc, OnceLock};

use crate::JournalError;

/// Nothing, or the first thing that went wrong. It is never taken back. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failure(Arc<OnceLock<JournalError>>);

impl Failure {
    /// Ends the journal; the first reason stays.
    pub(crate) fn set(&self, error: JournalError) {
        let _ = self.0.set(error);
    }

    /// What ended it, if something has.
    pub(crate) fn get(&self) -> Option<&JournalError> {
        self.0.get()
    }

    /// Whether it has ended.
    pub(crate) fn is_set(&self) -> bool {
        self.get().is_some()
    }
}
