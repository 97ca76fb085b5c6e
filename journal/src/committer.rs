//! The committer: the agent that writes while the shard goes on.

use std::sync::{Arc, Mutex};

use allot_runtime::{Agent, Nanos};

use crate::writer::Writer;

/// Writes the journal of one shard, as an agent. It blocks in the sync of its file, or while the
/// shard waits for that sync, and nowhere else.
pub struct Committer {
    role: String,
    /// The shard borrows it. Who panics in it ends the thread group, so nobody goes on with what it
    /// was doing.
    writer: Arc<Mutex<Writer>>,
}

impl Committer {
    pub(crate) fn new(name: &str, writer: Arc<Mutex<Writer>>) -> Self {
        Self { role: format!("journal-{name}"), writer }
    }
}

impl Agent for Committer {
    fn role(&self) -> &str {
        &self.role
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        self.writer.lock().map_or(0, |mut writer| writer.work())
    }

    /// Commits what the shard has handed over.
    fn close(&mut self, _now: Nanos) {
        if let Ok(mut writer) = self.writer.lock() {
            writer.drain();
        }
    }
}
