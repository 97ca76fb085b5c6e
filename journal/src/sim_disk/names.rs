//! The names in a simulated folder: which are shown, and which a crash would keep.

use std::collections::BTreeMap;

use super::random::Random;

/// Names with the numbers of their inodes.
#[derive(Clone, Default)]
pub(super) struct Names {
    shown: BTreeMap<String, u64>,
    kept: BTreeMap<String, u64>,
    /// Changes since the folder was synced.
    pending: Vec<NameChange>,
}

#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Create(String, u64),
    Rename(String, String, u64),
    Remove(String),
}

impl Names {
    /// Those that are shown, in order.
    pub(super) const fn shown(&self) -> &BTreeMap<String, u64> {
        &self.shown
    }

    pub(super) fn create(&mut self, name: &str, inode: u64) {
        self.shown.insert(name.to_owned(), inode);
        self.pending.push(NameChange::Create(name.to_owned(), inode));
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, inode: u64) {
        self.shown.remove(from);
        self.shown.insert(to.to_owned(), inode);
        self.pending.push(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.shown.remove(name);
        self.pending.push(NameChange::Remove(name.to_owned()));
    }

    pub(super) fn sync(&mut self) {
        self.pending.clear();
        self.kept = self.shown.clone();
    }

    /// Forgets that anything is to be synced, and still shows it.
    pub(super) fn drop_unsynced(&mut self) {
        self.pending.clear();
    }

    /// Keeps or loses each change that was not synced; returns those that it keeps.
    pub(super) fn crash(&mut self, chance: u64, random: &mut Random) -> Vec<NameChange> {
        let mut changes = std::mem::take(&mut self.pending);
        changes.retain(|_| random.quarters(chance));
        for change in &changes {
            self.keep(change.clone());
        }
        self.shown = self.kept.clone();
        changes
    }

    fn keep(&mut self, change: NameChange) {
        match change {
            NameChange::Create(name, inode) => {
                self.kept.insert(name, inode);
            }
            NameChange::Rename(from, to, inode) => {
                self.kept.remove(&from);
                self.kept.insert(to, inode);
            }
            NameChange::Remove(name) => {
                self.kept.remove(&name);
            }
        }
    }
}
