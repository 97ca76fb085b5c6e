//! Shard checks: the journals of all shards, checked at the same time, and then together.

use std::collections::VecDeque;
use std::mem;
use std::path::PathBuf;

use allot_runtime::cores;
use anyhow::Result;
use indicatif::ProgressBar;

use super::failure::Failure;
use super::given_replies::{GivenReplies, ReplyFinder};
use super::replay::{Replay, Replayed, ShardResult};
use crate::replay_threads::{self, ReplayThreads};

/// Checks the journals in these directories, a few at a time: each needs memory for its state and
/// for that of its auditor.
pub(super) fn check(
    directories: &[PathBuf],
    given: &mut GivenReplies,
    bar: &ProgressBar,
) -> Result<Vec<ShardResult>> {
    let mut results = Vec::new();
    for directories in directories.chunks(cores().len().max(1)) {
        let checks = directories
            .iter()
            .map(|path| ShardCheck::Closed(path.clone(), given.finder(), bar.clone()));
        let mut threads = ReplayThreads::start(checks.collect())?;
        let mut checked = VecDeque::new();
        for shard in 0..directories.len() {
            let mut one = VecDeque::new();
            threads.read(shard, &mut one)?;
            checked.extend(one);
        }
        threads.end()?;
        results.extend(checked.into_iter().map(|checked| settle(checked, given)));
    }
    Ok(results)
}

/// The result of a shard, after those before it: of a reply that they found, it says nothing more.
fn settle(checked: Checked, given: &mut GivenReplies) -> ShardResult {
    let Replayed { mut result, found, mut memory } = match checked {
        Ok(replayed) => *replayed,
        Err(result) => return *result,
    };
    let elsewhere = given.take_found(&found);
    result.failures.retain(|failure| match failure {
        Failure::ReplyDiffers { message, .. } => !elsewhere.contains(message),
        _ => true,
    });
    if let Some(memory) = &mut memory {
        given.set_older_aside(|name, message| memory.knows(name, message));
    }
    given.note_missing_splits(&found, &result.path.display().to_string(), |split| {
        memory.as_mut().is_some_and(|memory| memory.knows_split(split))
    });
    result
}

/// What one journal says, or the result where nothing of it can be read.
type Checked = Result<Box<Replayed>, Box<ShardResult>>;

/// The journal of a shard on its thread.
enum ShardCheck {
    /// It is opened there: that reads all of it once.
    Closed(PathBuf, ReplyFinder, ProgressBar),
    Open(Box<Replay>),
    Over,
}

impl replay_threads::Replayed for ShardCheck {
    type Item = Checked;

    fn read(&mut self, checked: &mut VecDeque<Checked>) -> Result<bool> {
        match mem::replace(self, Self::Over) {
            Self::Closed(path, finder, bar) => match Replay::open(&path, finder, &bar) {
                Ok(replay) => *self = Self::Open(Box::new(replay)),
                Err(result) => checked.push_back(Err(result)),
            },
            Self::Open(mut replay) => match replay.read() {
                true => *self = Self::Open(replay),
                false => checked.push_back(Ok(Box::new(replay.end()))),
            },
            Self::Over => {}
        }
        Ok(!matches!(self, Self::Over))
    }
}
