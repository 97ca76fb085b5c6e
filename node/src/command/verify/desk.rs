//! Desk: the page of what was found of the journals of a desk.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use allot_desk_service::Desk;
use allot_domain::LogIndex;
use allot_server::{Ledger, lost_shards};
use allot_shard::Service;
use anyhow::Result;
use serde_json::{Value, json};

use super::desk_answers::GivenAnswers;
use super::{SHOWN_MAX, Verify, counted, texts, unread_lines};
use crate::desk_journal::{self, Checked};
use crate::stdout::print;

/// Verifies the journals of a desk; `is_whole` where all of its shards are to be there.
pub(super) fn verify(verify: &Verify, directories: &[PathBuf], is_whole: bool) -> Result<ExitCode> {
    let mut given = GivenAnswers::default();
    given.read_all(&verify.replies)?;
    let check = |path: &PathBuf| {
        desk_journal::check(path, &mut |accounts, outcomes| given.find(accounts, outcomes))
    };
    let shards: Vec<_> = directories.iter().map(check).collect();
    let pruned_ns = shards.iter().map(|shard| shard.replayed_from_ns).max().unwrap_or(0);
    if 0 < pruned_ns {
        given.set_older_aside(pruned_ns);
    }
    let lost = given.lost();
    let wrong = if is_whole { disagreements(&verify.data, &shards) } else { Vec::new() };
    let is_good = wrong.is_empty()
        && lost.is_empty()
        && given.unreadable.is_empty()
        && shards.iter().all(|shard| shard.failures.is_empty());
    let page = if verify.json {
        json!({
            "wrong": wrong,
            "shards": shards.iter().map(as_json).collect::<Vec<_>>(),
            "answers": {
                "checked": given.count,
                "older": given.older,
                "lost": lost,
                "unreadable": texts(&given.unreadable),
                "incomplete": given.incomplete,
            },
        })
        .to_string()
    } else {
        let wrong = wrong.iter().map(|wrong| format!("WRONG: {wrong}"));
        let mut lines: Vec<_> = wrong.chain(shards.iter().flat_map(lines)).collect();
        lines.extend(answer_lines(&given, &lost));
        lines.push(if is_good { "no failure found" } else { "FAILED: see above" }.to_owned());
        lines.join("\n")
    };
    print(&page)?;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was found of the replies of clients.
fn answer_lines(given: &GivenAnswers, lost: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    if 0 < given.count {
        let (count, older, lost) = (given.count, given.older, lost.len());
        let older = if older == 0 {
            String::new()
        } else {
            format!(", {older} older than the pruned journal, and not looked up")
        };
        lines.push(format!("{count} replies checked{older}, {lost} lost"));
    }
    let shown = lost.iter().take(SHOWN_MAX);
    lines.extend(shown.map(|lost| format!("  LOST: no journal makes the reply {lost}")));
    lines.extend(unread_lines(&given.incomplete, &given.unreadable));
    lines
}

/// In what the directory, its ledger and its shards disagree.
fn disagreements(data: &Path, shards: &[Checked]) -> Vec<String> {
    let mut wrong = Vec::new();
    match Ledger::read(data, Desk::NAME) {
        Ok(ledger) => {
            let of_ledger = format!("ledger {}", ledger.id);
            let others = shards.iter().filter(|shard| !shard.stamp.contains(&of_ledger));
            wrong.extend(others.map(|shard| {
                format!("{} is not of {of_ledger}, as the directory is", shard.path.display())
            }));
        }
        Err(error) => wrong.push(error.to_string()),
    }
    let rest = |shard: &Checked| {
        let rest = shard.stamp.split_once(" of ").map(|(_, rest)| rest.to_owned());
        rest.unwrap_or_default()
    };
    if let Some(first) = shards.first() {
        let others = shards.iter().filter(|shard| rest(shard) != rest(first));
        wrong.extend(others.map(|shard| {
            format!(
                "{} was written as \"{}\", and {} as \"{}\"",
                shard.path.display(),
                shard.stamp,
                first.path.display(),
                first.stamp
            )
        }));
        let count = rest(first).split_once(',').and_then(|(count, _)| count.parse().ok());
        if count.is_some_and(|count: usize| shards.len() < count) {
            wrong.push(format!(
                "{} of {} shards are there, and their journals belong together",
                shards.len(),
                count.unwrap_or_default()
            ));
        }
    }
    let lost = lost_shards(data).unwrap_or_default();
    wrong.extend(lost.iter().map(|shard| {
        format!("the journal of shard {shard} is gone; restore that folder from a backup")
    }));
    wrong
}

fn lines(shard: &Checked) -> Vec<String> {
    let mut lines = vec![
        format!("{}: {}", shard.path.display(), shard.stamp),
        format!(
            "  {}; {}",
            counted(shard.records, "record"),
            counted(shard.snapshots as u64, "snapshot")
        ),
    ];
    if let Some(summary) = &shard.summary {
        let answered: u64 = summary.answered.values().sum();
        let refused: u64 = summary.refused.values().sum();
        lines.push(format!(
            "  {answered} commands answered, {refused} refused, {} repeats, {} waited, {} expired, \
             {} triggers fired",
            summary.repeats, summary.waited, summary.expired, summary.fired
        ));
    }
    if LogIndex::ZERO < shard.replayed_from {
        lines.push(format!(
            "  the journal was pruned: the replay began with the snapshot of record {}; what was \
             before it was not checked",
            shard.replayed_from
        ));
    }
    if 0 < shard.torn_bytes {
        lines.push(format!(
            "  {} bytes at the end are an incomplete write that was never acknowledged; the next \
             start removes them",
            shard.torn_bytes
        ));
    }
    lines.push(format!("  state {:032x}", shard.state_hash));
    lines.extend(shard.failures.iter().map(|failure| format!("  WRONG: {failure}")));
    lines
}

fn as_json(shard: &Checked) -> Value {
    let answered = shard.summary.as_ref().map(|summary| {
        let names = summary.answered.iter();
        names
            .map(|(name, count)| (name.to_string(), json!(count)))
            .collect::<serde_json::Map<_, _>>()
    });
    json!({
        "directory": shard.path.display().to_string(),
        "stamp": shard.stamp,
        "records": shard.records,
        "images": shard.snapshots,
        "answered": answered,
        "refused": shard.summary.as_ref().map(|summary| &summary.refused),
        "fired": shard.summary.as_ref().map(|summary| summary.fired),
        "state_hash": format!("{:032x}", shard.state_hash),
        "torn_bytes": shard.torn_bytes,
        "replayed_from": shard.replayed_from.get(),
        "wrong": shard.failures,
    })
}
