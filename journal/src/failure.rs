//! A failure: what ended a journal. All three ends see it at once.

use std::sync::{Arc, OnceLock};

use crate::JournalError;

/// The first error, once there is one. It is never cleared. Clones share it.
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
