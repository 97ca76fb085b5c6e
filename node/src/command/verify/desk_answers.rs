//! Given answers: the replies of a desk that clients received, to be found again in the journals.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use allot_desk_rules::{Accounts, Outcomes, Reject};
use allot_desk_service::{Desk, ReplyBody, decode_replies};
use allot_domain::{Outcomes as _, Reject as Core};
use allot_shard::{Delivery, Service};
use allot_wire::{DecodeError, Encoding, timestamp};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::given_replies::UnreadableLine;

/// The name of a command: its source, and its number.
type CommandName = (String, u64);

/// The replies of some files, by command.
#[derive(Default)]
pub(super) struct GivenAnswers {
    /// Those that were not found yet, each with all that it says, written in one way.
    open: BTreeMap<CommandName, Vec<Box<str>>>,
    /// How many of them are of before a journal that was pruned, and cannot be compared with it.
    pub(super) older: usize,
    /// The number of replies to be found.
    pub(super) count: u64,
    /// The lines that are no replies: whatever they said cannot be looked up.
    pub(super) unreadable: Vec<UnreadableLine>,
    /// Files whose last line is incomplete.
    pub(super) incomplete: Vec<PathBuf>,
    line: Vec<u8>,
}

impl GivenAnswers {
    /// Reads a file of what `allot desk load` or `allot desk send` printed.
    pub(super) fn read(&mut self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the replies in {}", path.display()))?;
        let before = (self.count, self.unreadable.len());
        for (line, text) in (1..).zip(text.split_inclusive('\n')) {
            match self.add(text.trim_ascii()) {
                Ok(()) => {}
                // A client that is killed may leave its last line so: it had not read that reply.
                Err(_) if !text.ends_with('\n') => self.incomplete.push(path.to_owned()),
                Err(error) => self.unreadable.push(UnreadableLine::new(path, line, error)),
            }
        }
        let first = self.unreadable.get(before.1);
        ensure!(
            before.0 < self.count,
            "{} holds no reply, so there is nothing to look up{}; name a file of what `allot desk \
             load` printed",
            path.display(),
            first.map_or_else(String::new, |line| format!(" ({line})"))
        );
        Ok(())
    }

    fn add(&mut self, line: &str) -> Result<(), DecodeError> {
        if line.is_empty() {
            return Ok(());
        }
        let value: Value = serde_json::from_str(line)?;
        // The last line of a workload counts the answers before it.
        if value["type"] == "load" {
            return Ok(());
        }
        let mut replies = Vec::new();
        decode_replies(line.as_bytes(), &mut replies)?;
        for reply in replies {
            if is_of_shard(&reply.body) {
                self.count += 1;
                let name = (reply.source, reply.seq.get());
                self.open.entry(name).or_default().push(value.to_string().into());
            }
        }
        Ok(())
    }

    /// Removes what the outcomes of a record say.
    pub(super) fn find(&mut self, accounts: &Accounts, outcomes: &Outcomes) {
        if self.open.is_empty() {
            return;
        }
        for outcome in outcomes.list() {
            let described = Desk::describe(outcome);
            let Some(number) = described.id.number() else { continue };
            if matches!(described.delivery, Delivery::Nobody) {
                continue;
            }
            let name = (described.source.as_str().to_owned(), number.get());
            let Some(given) = self.open.get_mut(&name) else { continue };
            self.line.clear();
            Desk::write_reply(accounts, outcomes, outcome, Encoding::Json, &mut self.line);
            let made: Value = serde_json::from_slice(&self.line).expect("a reply is JSON");
            let made = made.to_string();
            given.retain(|one| **one != *made);
            if given.is_empty() {
                self.open.remove(&name);
            }
        }
    }

    /// Sets aside what is of no later time than this one, at which the replay of a journal that
    /// was pruned began.
    pub(super) fn set_older_aside(&mut self, until_ns: u64) {
        for given in self.open.values_mut() {
            let before = given.len();
            given.retain(|one| time_ns(one).is_some_and(|time_ns| until_ns < time_ns));
            self.older += before - given.len();
        }
        self.open.retain(|_, given| !given.is_empty());
    }

    /// The replies that are in no journal.
    pub(super) fn lost(&self) -> Vec<String> {
        let lost = self.open.iter().flat_map(|((source, seq), given)| {
            given.iter().map(move |one| format!("{source} {seq}: {one}"))
        });
        lost.collect()
    }
}

/// When the router took the command of a reply.
fn time_ns(reply: &str) -> Option<u64> {
    let reply: Value = serde_json::from_str(reply).ok()?;
    timestamp::parse(reply["time"].as_str()?)
}

/// Whether a shard gave the reply; the front door gives the others, and they are in no journal.
fn is_of_shard(body: &ReplyBody) -> bool {
    let ReplyBody::Rejected { code, .. } = body else {
        return !matches!(body, ReplyBody::Reported(_));
    };
    let place = |code: &str| Reject::CODES.iter().position(|known| *known == code);
    let first = place(Core::NameReused(String::new()).code());
    let last = place(Core::StorageFull.code());
    place(code).is_some_and(|place| first.is_some_and(|first| first <= place) && Some(place) < last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_front_door_are_in_no_journal() {
        let body =
            |code: &str| ReplyBody::Rejected { code: code.to_owned(), reason: String::new() };
        for code in ["name_reused", "unknown_user", "insufficient_cash", "exceeds_limits"] {
            assert!(is_of_shard(&body(code)), "{code}");
        }
        for code in ["busy", "storage_full", "shard_away", "bad_user", "malformed_message"] {
            assert!(!is_of_shard(&body(code)), "{code}");
        }
        assert!(is_of_shard(&ReplyBody::Awaiting));
    }
}
