//! Progress: up to which record of each journal every DUMPLOG has its file.

use allot_domain::{LedgerId, LogIndex};
use serde_json::{Value, json};

/// The last record of each shard, by number, before which nothing is left to do.
pub(super) fn write(ledger: Option<LedgerId>, done: &[LogIndex]) -> String {
    let done: Vec<_> = done.iter().map(|index| index.get()).collect();
    json!({ "ledger": LedgerId::number(ledger).to_string(), "done": done }).to_string()
}

/// Reads it; none where it is of another ledger, of other shards, or no progress at all: then
/// nothing counts as done, and files are written once more.
pub(super) fn read(text: &str, ledger: Option<LedgerId>, shards: usize) -> Option<Vec<LogIndex>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let is_ours = value["ledger"] == LedgerId::number(ledger).to_string().as_str();
    let done: Option<Vec<_>> =
        value["done"].as_array()?.iter().map(|one| one.as_u64().map(LogIndex::new)).collect();
    done.filter(|done| is_ours && done.len() == shards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_progress_of_this_ledger_counts() {
        let done = vec![LogIndex::new(3), LogIndex::ZERO];
        let text = write(LedgerId::new(5), &done);
        assert_eq!(read(&text, LedgerId::new(5), 2), Some(done));
        assert_eq!(read(&text, LedgerId::new(6), 2), None);
        assert_eq!(read(&text, LedgerId::new(5), 3), None);
        assert_eq!(read("", LedgerId::new(5), 2), None);
    }
}
