//! Given answers: the replies of a desk that clients received, to be found again in the journals.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use allot_desk_rules::{Accounts, Outcomes, Reject};
use allot_desk_service::{Desk, ReplyBody, decode_replies};
use allot_domain::{Outcomes as _, Reject as Core};
use allot_journal::state_hash;
use allot_shard::{Delivery, Service};
use allot_wire::json::Entries;
use allot_wire::{DecodeError, Encoding, timestamp};
use anyhow::{Context, Result, ensure};
use serde_json::value::RawValue;

use super::given_replies::UnreadableLine;

/// All that a reply says, in 128 bits: two that differ in anything have different ones, but for a
/// chance of 2^-128.
type Fingerprint = u128;

/// A reply of a file, without its text: there may be millions.
struct Given {
    /// The places of its source and of its file in the lists of these.
    source: usize,
    file: usize,
    /// Counted from 1.
    line: u64,
    seq: u64,
    /// When the router took the command, if it says so.
    time_ns: Option<u64>,
    fingerprint: Fingerprint,
    is_found: bool,
}

/// The replies of some files.
#[derive(Default)]
pub(super) struct GivenAnswers {
    /// By source and number, once all are read.
    given: Vec<Given>,
    sources: BTreeMap<String, usize>,
    files: Vec<PathBuf>,
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
    /// Reads files of what `allot desk load` or `allot desk send` printed.
    pub(super) fn read_all(&mut self, paths: &[PathBuf]) -> Result<()> {
        paths.iter().try_for_each(|path| self.read(path))?;
        self.given.sort_by_key(|given| (given.source, given.seq));
        Ok(())
    }

    fn read(&mut self, path: &Path) -> Result<()> {
        let what = || format!("cannot read the replies in {}", path.display());
        let mut file = BufReader::new(File::open(path).with_context(what)?);
        let before = (self.count, self.unreadable.len());
        self.files.push(path.to_owned());
        let mut text = Vec::new();
        for line in 1.. {
            text.clear();
            if file.read_until(b'\n', &mut text).with_context(what)? == 0 {
                break;
            }
            match self.add(line, text.trim_ascii()) {
                Ok(()) => {}
                // A client that is killed may leave its last line so: it had not read that reply.
                Err(_) if !text.ends_with(b"\n") => self.incomplete.push(path.to_owned()),
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

    fn add(&mut self, line: u64, text: &[u8]) -> Result<(), DecodeError> {
        if text.is_empty() {
            return Ok(());
        }
        let entries: Entries<'_, &RawValue> = serde_json::from_slice(text)?;
        let value = |wanted: &str| {
            entries.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.get())
        };
        // The last line of a workload counts the answers before it.
        if value("type") == Some("\"load\"") {
            return Ok(());
        }
        let time = value("time").and_then(|time| time.strip_prefix('"')?.strip_suffix('"'));
        let (time_ns, fingerprint) = (time.and_then(timestamp::parse), fingerprint(&entries));
        let mut replies = Vec::new();
        decode_replies(text, &mut replies)?;
        for reply in replies {
            if !is_of_shard(&reply.body) {
                continue;
            }
            self.count += 1;
            let next = self.sources.len();
            let source = *self.sources.entry(reply.source).or_insert(next);
            let (file, seq) = (self.files.len() - 1, reply.seq.get());
            let is_found = false;
            self.given.push(Given { source, file, line, seq, time_ns, fingerprint, is_found });
        }
        Ok(())
    }

    /// Those of a command.
    fn of(&mut self, source: &str, seq: u64) -> &mut [Given] {
        let Some(source) = self.sources.get(source).copied() else { return &mut [] };
        let name = |given: &Given| (given.source, given.seq);
        let from = self.given.partition_point(|given| name(given) < (source, seq));
        let rest = &mut self.given[from..];
        let len = rest.iter().take_while(|given| name(given) == (source, seq)).count();
        &mut rest[..len]
    }

    /// Finds what the outcomes of a record say.
    pub(super) fn find(&mut self, accounts: &Accounts, outcomes: &Outcomes) {
        if self.given.is_empty() {
            return;
        }
        for outcome in outcomes.list() {
            let described = Desk::describe(outcome);
            let Some(number) = described.id.number() else { continue };
            if matches!(described.delivery, Delivery::Nobody) {
                continue;
            }
            let mut line = std::mem::take(&mut self.line);
            let given = self.of(described.source.as_str(), number.get());
            if given.iter().any(|one| !one.is_found) {
                line.clear();
                Desk::write_reply(accounts, outcomes, outcome, Encoding::Json, &mut line);
                let made = serde_json::from_slice(&line).expect("a reply is an object");
                let made = fingerprint(&made);
                given.iter_mut().for_each(|one| one.is_found |= one.fingerprint == made);
            }
            self.line = line;
        }
    }

    /// Sets aside what is of no later time than this one, at which the replay of a journal that
    /// was pruned began.
    pub(super) fn set_older_aside(&mut self, until_ns: u64) {
        let before = self.given.len();
        let is_later = |given: &Given| given.time_ns.is_some_and(|time_ns| until_ns < time_ns);
        self.given.retain(|given| given.is_found || is_later(given));
        self.older += before - self.given.len();
    }

    /// The replies that are in no journal.
    pub(super) fn lost(&self) -> Vec<String> {
        let name = |wanted: usize| {
            let found = self.sources.iter().find(|(_, place)| **place == wanted);
            found.map_or("", |(source, _)| source)
        };
        let lost = self.given.iter().filter(|given| !given.is_found).map(|given| {
            let (source, file) = (name(given.source), self.files[given.file].display());
            format!("{source} {}: {file} line {}", given.seq, given.line)
        });
        lost.collect()
    }
}

/// That of a reply: its fields may stand in any order.
fn fingerprint(reply: &Entries<'_, &RawValue>) -> Fingerprint {
    let mut bytes = Vec::new();
    reply.0.iter().fold(0, |sum, (name, value)| {
        bytes.clear();
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(b':');
        bytes.extend_from_slice(value.get().as_bytes());
        sum.wrapping_add(state_hash(&bytes))
    })
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
